"""P7: is the peak of a layer curve real?

Every layer's held-out predictions are kept; topics are resampled and the best layer of each
resample counted. A claim about layers passes where they hold the best layer in 90 % of resamples.
Beside it: the layers within one standard error, the score of the layer chosen on the other folds
(selection and score on the same data is the winner's curse), and a maximum-statistic permutation p
per layer. Simulated: 32 layers, all truly at .78, 100 texts: the best one scores .825 and lies
anywhere from layer 11 to 23.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from vectors.folds import Split
from vectors.probes import held_out_scores, prepared
from vectors.stats import Interval, bundle, draws, percentile_interval, shuffles

from .closed_form import fold_kernels, held_out, macro_auroc
from .data import AuditData
from .multiplicity import max_statistic
from .probe_scores import probe_settings, split_of
from .result import ControlResult, Null
from .settings import AuditSettings

LayerOf = Callable[[int], Float[np.ndarray, "text d_model"]]
CHUNK = 250


def layer_peak(
    data: AuditData,
    layer_of: LayerOf,
    layers: Sequence[int],
    claimed: Sequence[int],
    settings: AuditSettings,
) -> ControlResult:
    """How sure the claimed layers are to hold the peak among `layers`."""
    split = split_of(data, settings)
    probe = probe_settings(settings)
    right = np.stack(
        [_right(prepared(layer_of(layer).astype(np.float32), split, probe), split, probe)
         for layer in layers]
    )  # [layer, seed, text] # fmt: skip
    samples = _balanced(right.mean(axis=1), split, settings)  # [draw, layer]
    curve, resampled = samples[0], samples[1:]
    best = np.asarray(layers)[resampled.argmax(axis=1)]
    mass = float(np.isin(best, claimed).mean())
    top = int(curve.argmax())
    error = float(resampled[:, top].std())
    near = [layer for layer, a in zip(layers, curve, strict=True) if a >= curve[top] - error]
    p, null = _max_p(data, layer_of, layers, split, settings, top)
    nested = _nested(right, split, len(layers))
    n_cl = len(np.unique(split.clusters))
    middle = np.quantile(best, [0.05, 0.95])
    state = settings.rule("P7.mass").state(mass)
    reasons = (
        ()
        if state == "pass"
        else (
            f"the best layer is among {_span(claimed)} in {mass:.0%} of resamples; within one "
            f"standard error: {_span(near)}; 90 % of resamples: {_span(middle)}",
        )
    )
    size = {"n": data.n, "n_clusters": n_cl}
    numbers = {
        "mass": Interval(mass, mass, mass, len(best), n_cl),
        "best accuracy": percentile_interval(curve[top], resampled[:, top], **size),
        "accuracy of the layer chosen elsewhere": Interval(nested, np.nan, np.nan, **size),
    }
    table = {
        "layer": tuple(float(x) for x in layers),
        "accuracy": tuple(float(x) for x in curve),
        "p max": tuple(float(x) for x in p),
        "argmax share": tuple(float(np.mean(best == x)) for x in layers),
        "within one se": tuple(float(x in near) for x in layers),
    }
    return ControlResult("P7", state, numbers, (null,), reasons, table=table)


def _right(rows: np.ndarray, split: Split, probe: object) -> Float[np.ndarray, "seed text"]:
    scores = held_out_scores(rows, split, probe)  # type: ignore[arg-type]
    return (scores.argmax(axis=1) == split.codes).astype(np.float64)


def _balanced(
    right: Float[np.ndarray, "layer text"], split: Split, settings: AuditSettings
) -> Float[np.ndarray, "draw layer"]:
    """Balanced accuracy under shared resamples of topics; the first draw is the estimate."""
    clusters = bundle(split.clusters, seed=settings.run_seed)
    n = int(clusters.max()) + 1
    m = np.concatenate(
        [np.ones((1, n)), draws(n, resamples=settings.preset.bootstrap, seed=settings.run_seed)]
    )
    k = len(split.labels)
    cell = clusters * k + split.codes
    count = np.bincount(cell, minlength=n * k).reshape(n, k)
    out = []
    for row in right:
        hits = np.bincount(cell, row, n * k).reshape(n, k)
        below = m @ count
        recall = np.divide(m @ hits, below, out=np.full_like(below, np.nan), where=below > 0)
        out.append(np.nanmean(recall, axis=1))
    return np.stack(out, axis=1)


def _nested(right: Float[np.ndarray, "layer seed text"], split: Split, n_layers: int) -> float:
    """Accuracy on each fold of the layer that is best on the other folds, mean over seeds."""
    score = []
    for s, fold in enumerate(split.fold):
        for f in range(split.n_folds):
            test = fold == f
            chosen = int(right[:, s, ~test].reshape(n_layers, -1).mean(axis=1).argmax())
            score.append(right[chosen, s, test].mean())
    return float(np.mean(score))


def _max_p(
    data: AuditData,
    layer_of: LayerOf,
    layers: Sequence[int],
    split: Split,
    settings: AuditSettings,
    top: int,
) -> tuple[Float[np.ndarray, "layer"], Null]:
    """Family-wise p per layer, and the null of the largest AUROC with the p of layer `top`."""
    drawn, how = shuffles(
        data.codes, data.groups, count=settings.preset.b, seed=settings.seed("P7")
    )
    every = np.concatenate([data.codes[None], drawn])
    parts = np.array_split(every, max(1, len(every) // CHUNK))
    columns = []
    for layer in layers:
        kernels = fold_kernels(layer_of(layer), split.fold[0])
        columns.append(
            np.concatenate(
                [
                    macro_auroc(held_out(kernels, p, n_labels=data.n_labels), p, kernels)
                    for p in parts
                ]
            )
        )
    table = np.stack(columns, axis=1)
    p = max_statistic(table[0], table[1:])
    largest = table[1:].max(axis=1)
    spread = float(largest.std(ddof=1)) if len(largest) > 1 else float("nan")
    null = Null(
        f"labels permuted {how}, maximum over layers", float(largest.mean()), spread,
        len(largest), float(p[top]), float(p[top]),
    )  # fmt: skip
    return p, null


def _span(layers: object) -> str:
    found = sorted({int(x) for x in np.asarray(layers).ravel()})
    if not found:
        return "no layer"
    return f"layer {found[0]}" if len(found) == 1 else f"layers {found[0]} to {found[-1]}"
