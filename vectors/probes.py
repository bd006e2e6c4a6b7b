"""Linear probes layer by layer: how well held-out topics' labels can be read from activations.

In: one layer's pooled activations at a time, labels, topics. Out: a `Curve` over layers. Knows no
store and no model; `vectors.probesuite` sets the baselines beside it.

Per layer: each text's activation at unit norm -> standardised on the training rows -> multinomial
logistic regression with L2 (C stated; chosen on inner folds where C is None), over all folds of all
seeds in one batch (`vectors.solver`). Held-out scores are pooled over seeds; the interval is a
cluster bootstrap over topics (`vectors.heldout` says what it covers). After Hewitt and Liang 2019
and Belinkov 2022: a curve alone proves little, and its best layer is chosen and scored on the same
data, so the best score is too high (winner's curse) and only the set of layers within one standard
error is a claim.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from .errors import Cancelled, DataError
from .folds import Split, make_split, without_lone
from .heldout import Held, assess
from .solver import solve_logistic
from .stats import Interval

Rows = Float32[np.ndarray, "text d_model"]
LayerOf = Callable[[int], Rows]
# Called with the layer, its balanced accuracy and its macro AUROC as soon as they are known.
OnLayer = Callable[[int, Interval, Interval], None]

GRID = (0.001, 0.01, 0.1, 1.0)  # values of C tried on inner folds


def never() -> bool:
    """A cancellation test that never cancels."""
    return False


def ignore(_layer: int, _accuracy: Interval, _auroc: Interval) -> None:
    """An `on_layer` that does nothing."""


@dataclass(frozen=True)
class ProbeSettings:
    """Every choice of the pipeline; plain values that go beside the result."""

    folds: int = 5
    seeds: int = 5
    """How many times the folds are drawn anew."""
    seed: int = 0
    """First seed of folds, shuffles and bootstrap."""
    bootstrap: int = 2000
    """Resamples of topics behind each interval."""
    c: float | None = 0.1
    """Inverse penalty of the logistic regression; None = chosen from GRID on inner folds."""
    unit_norm: bool = True
    """Whether each text's activation is scaled to length 1 first, so that norms carry nothing."""
    balanced: bool = False
    """Whether training rows are weighted so that each label weighs the same."""
    tol: float = 3e-5
    """Largest gradient entry at which a fit counts as converged."""
    device: str = "cpu"
    """Where the fits run."""

    def __post_init__(self) -> None:
        if self.c is not None and not self.c > 0:
            raise DataError(f"C is {self.c}; it must be above 0 (a common choice is 0.1)")
        if self.bootstrap < 0:
            raise DataError(f"bootstrap is {self.bootstrap}; give 0 or more resamples")


@dataclass(frozen=True, eq=False)
class Curve:
    """One probe or baseline: held-out performance by layer."""

    name: str
    """"probe", "untrained twin", "norm only", "bag of words", "length only", "random split"."""
    layers: tuple[int, ...]
    """The layers in order; empty for a baseline that knows no layers and has one value."""
    accuracy: tuple[Interval, ...]
    """Balanced accuracy per layer (one entry for a flat baseline)."""
    auroc: tuple[Interval, ...]
    """Macro one-against-rest AUROC per layer."""
    fold_accuracy: Float[np.ndarray, "layer seed fold"]
    """Balanced accuracy of each fold."""
    note: str = ""
    """What a reader must know of how this one was made."""

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; NaN becomes None."""
        return {
            "name": self.name,
            "layers": list(self.layers),
            "accuracy": [interval.to_json() for interval in self.accuracy],
            "auroc": [interval.to_json() for interval in self.auroc],
            "fold_accuracy": _no_nan(self.fold_accuracy.tolist()),
            "note": self.note,
        }


@dataclass(frozen=True, eq=False)
class ProbeResult:
    """A probe curve with everything that must stand beside it."""

    target: str
    """What is read: "label" or "topic"."""
    labels: tuple[str, ...]
    layers: tuple[int, ...]
    n: int
    """Rows used."""
    n_dropped: int
    """Rows left out: no label, no topic, values that are not finite, or the only one of a label."""
    n_groups: int
    """Topics; 0 where the data has none."""
    grouping: str
    """"topic": whole topics are held out. "none": there are no topics, so texts are."""
    folds: int
    seeds: int
    chance: float
    """Balanced accuracy of guessing: 1 / labels. AUROC's is .5."""
    curves: tuple[Curve, ...]
    """The probe first, then its baselines."""
    shuffled_band: tuple[tuple[float, float], ...]
    """Per layer, the middle 95 % of balanced accuracy under shuffled labels; empty if not run."""
    random_split: Curve | None
    """The probe under folds that ignore topics; its gap to the probe is what topics give away."""
    best_layer: int
    """Layer of the highest balanced accuracy: chosen and scored on the same data."""
    within_one_se: tuple[int, ...]
    """Layers whose balanced accuracy is within one standard error of the best."""
    settings: dict[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    """Labels that one text alone has: they can be learnt or checked, not both."""
    over_words: tuple[Interval, ...] = ()
    """Per layer, balanced accuracy above bag of words on the same resampled topics; empty where
    bag of words was not run."""

    def curve(self, name: str) -> Curve:
        """The curve of this name; DataError names those there are."""
        for curve in self.curves:
            if curve.name == name:
                return curve
        known = ", ".join(curve.name for curve in self.curves)
        raise DataError(f"no curve {name!r}; this result has: {known}")

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        out = {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}
        return out | {
            "curves": [curve.to_json() for curve in self.curves],
            "over_words": [interval.to_json() for interval in self.over_words],
            "shuffled_band": [list(ends) for ends in self.shuffled_band],
            "random_split": None if self.random_split is None else self.random_split.to_json(),
        }


def _no_nan(value: Any) -> Any:
    if isinstance(value, list):
        return [_no_nan(x) for x in value]
    return None if value != value else value


def fit_probes(
    layer_of: LayerOf,
    layers: Sequence[int],
    codes: Int[np.ndarray, "text"],
    labels: Sequence[str],
    groups: Int[np.ndarray, "text"] | None,
    *,
    folds: int = 5,
    seeds: int = 5,
    bootstrap: int = 2000,
    seed: int = 0,
    c: float | None = 0.1,
    balanced: bool = False,
    split: str = "grouped",
    name: str = "probe",
    device: str = "cpu",
    on_layer: OnLayer = ignore,
    cancelled: Callable[[], bool] = never,
) -> Curve:
    """Held-out performance of a linear probe at every layer.

    `layer_of(layer)` gives one layer over all rows [text, d_model]; it is called once per layer and
    one layer is held at a time. `codes` index `labels`, -1 = no label; `groups` are topics (-1 =
    none, left out) or None. `split` "random" ignores topics in the folds. Raises DataError for data
    that cannot be split, Cancelled when asked.
    """
    settings = ProbeSettings(
        folds=folds,
        seeds=seeds,
        bootstrap=bootstrap,
        seed=seed,
        c=c,
        balanced=balanced,
        device=device,
    )
    if len(layers) == 0:
        raise DataError("no layers given; name one or more")
    first = layer_of(layers[0])
    made = split_rows(first, codes, labels, groups, settings, split=split)
    held = []
    for layer in layers:
        if cancelled():
            raise Cancelled("fitting was cancelled; nothing is wrong")
        rows = first if layer == layers[0] else layer_of(layer)
        found = probe_layer(rows, made, settings, cancelled=cancelled)
        on_layer(layer, found.accuracy, found.auroc)
        held.append(found)
    return curve_of(name, layers, held)


def split_rows(
    rows: Rows,
    codes: Int[np.ndarray, "text"],
    labels: Sequence[str],
    groups: Int[np.ndarray, "text"] | None,
    settings: ProbeSettings,
    *,
    split: str = "grouped",
) -> Split:
    """The folds over rows that are finite in `rows` (any one layer); labels of one text are out."""
    if len(rows) != len(codes):
        raise DataError(f"{len(rows)} rows of activations but {len(codes)} labels; give one each")
    return make_split(
        without_lone(codes),
        labels,
        groups,
        usable=np.isfinite(rows).all(axis=1),
        folds=settings.folds,
        seeds=settings.seeds,
        seed=settings.seed,
        split=split,
    )


def curve_of(name: str, layers: Sequence[int], held: Sequence[Held], *, note: str = "") -> Curve:
    """A curve from its layers' results."""
    return Curve(
        name,
        tuple(layers),
        tuple(found.accuracy for found in held),
        tuple(found.auroc for found in held),
        np.stack([found.fold_accuracy for found in held]),
        note,
    )


def probe_layer(
    rows: Rows,
    split: Split,
    settings: ProbeSettings,
    *,
    cancelled: Callable[[], bool] = never,
) -> Held:
    """Fit and assess one layer; `rows` are of the whole run."""
    used = prepared(rows, split, settings)
    scores = held_out_scores(used, split, settings, cancelled=cancelled)
    return assess(scores, split, resamples=settings.bootstrap, seed=settings.seed)


def prepared(rows: Rows, split: Split, settings: ProbeSettings) -> Rows:
    """The split's rows, at unit norm where the settings say so."""
    used = np.array(rows[split.rows], dtype=np.float32)
    used[~np.isfinite(used).all(axis=1)] = np.nan
    if not settings.unit_norm:
        return used
    norm = np.linalg.norm(used, axis=1, keepdims=True)
    return used / np.where(norm == 0, 1, norm)


def held_out_scores(
    rows: Rows,
    split: Split,
    settings: ProbeSettings,
    *,
    standardise: bool = True,
    cancelled: Callable[[], bool] = never,
) -> Float32[np.ndarray, "seed label text"]:
    """Scores of each row by the probe of its seed that did not see it; NaN where dropped here."""
    finite = np.isfinite(rows).all(axis=1)
    fold, codes = split.fold[:, finite], split.codes[finite]
    rows = rows[finite]
    n_labels = len(split.labels)
    chosen: Any = settings.c
    if chosen is None:
        chosen = _inner_choice(rows, codes, fold, split, settings, standardise, cancelled)
    held = fold[:, None, :] == np.arange(split.n_folds)[None, :, None]
    fit = solve_logistic(
        rows,
        codes,
        row_weights(~held.reshape(-1, len(codes)), codes, n_labels, settings),
        n_labels=n_labels,
        c=chosen,
        standardise=standardise,
        tol=settings.tol,
        device=settings.device,
        cancelled=cancelled,
    )
    by_fold = fit.scores.reshape(len(fold), split.n_folds, n_labels, len(codes))
    out = np.full((len(fold), n_labels, len(finite)), np.nan, dtype=np.float32)
    own = np.take_along_axis(by_fold, fold[:, None, None, :], axis=1)[:, 0]
    out[:, :, finite] = own
    return out


def row_weights(
    train: Bool[np.ndarray, "problem text"],
    codes: Int[np.ndarray, "text"],
    n_labels: int,
    settings: ProbeSettings,
) -> Float32[np.ndarray, "problem text"]:
    """1 for a training row, or scikit-learn's "balanced" weight n / (labels * count of label)."""
    out = train.astype(np.float32)
    if not settings.balanced:
        return out
    counts = np.stack([np.bincount(codes, row, n_labels) for row in out])
    share = out.sum(axis=1, keepdims=True) / ((counts > 0).sum(axis=1, keepdims=True))
    weight = np.divide(share, counts, out=np.zeros_like(counts), where=counts > 0)
    return (out * weight[:, codes]).astype(np.float32)


def _inner_choice(
    rows: Rows,
    codes: Int[np.ndarray, "text"],
    fold: Int[np.ndarray, "seed text"],
    split: Split,
    settings: ProbeSettings,
    standardise: bool,
    cancelled: Callable[[], bool],
) -> list[float]:
    """C of each seed's outer folds: the other folds, held out in turn, choose it.

    A probe fitted without folds f and g scores g when choosing for f, and f when choosing for g,
    so all choices cost folds (folds - 1) / 2 fits per seed and value of C.
    """
    n_labels, n_folds = len(split.labels), split.n_folds
    if n_folds < 3:
        raise DataError("choosing C on inner folds needs three or more folds; give C instead")
    pairs = [(f, g) for f in range(n_folds) for g in range(f + 1, n_folds)]
    accuracy = np.full((len(fold), n_folds, n_folds, len(GRID)), np.nan)
    for s, row in enumerate(fold):
        train = np.stack([(row != f) & (row != g) for f, g in pairs])
        weights = row_weights(train, codes, n_labels, settings)
        for number, c in enumerate(GRID):
            fit = solve_logistic(
                rows,
                codes,
                weights,
                n_labels=n_labels,
                c=c,
                standardise=standardise,
                tol=settings.tol,
                device=settings.device,
                cancelled=cancelled,
            )
            for (f, g), scores in zip(pairs, fit.scores, strict=True):
                right = scores.argmax(axis=0) == codes
                accuracy[s, f, g, number] = _balanced(right, codes, row == g, n_labels)
                accuracy[s, g, f, number] = _balanced(right, codes, row == f, n_labels)
    mean = np.nanmean(accuracy, axis=2)
    # argmax takes the first, i.e. the strongest penalty, among equals.
    return [GRID[int(at)] for at in mean.argmax(axis=2).ravel()]


def _balanced(
    right: Bool[np.ndarray, "text"],
    codes: Int[np.ndarray, "text"],
    at: Bool[np.ndarray, "text"],
    n_labels: int,
) -> float:
    hits = np.bincount(codes[at], right[at], n_labels)
    counts = np.bincount(codes[at], minlength=n_labels)
    held = counts > 0
    return float(np.mean(hits[held] / counts[held])) if held.any() else float("nan")


def best_layers(curve: Curve) -> tuple[int, tuple[int, ...]]:
    """The layer of highest balanced accuracy, and those within one standard error of it."""
    values = [interval.value for interval in curve.accuracy]
    best = int(np.nanargmax(values))
    error = curve.accuracy[best].standard_error
    floor = values[best] - (error if np.isfinite(error) else 0.0)
    near = tuple(layer for layer, value in zip(curve.layers, values, strict=True) if value >= floor)
    return curve.layers[best], near


def settings_json(settings: ProbeSettings) -> dict[str, Any]:
    """The settings as plain values."""
    return asdict(settings)
