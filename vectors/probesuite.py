"""The probe and everything that must stand beside it, each layer read once.

In: activations layer by layer, labels, topics, and what there is of texts, lengths and an untrained
twin's activations. Out: `ProbeResult`. Knows no store and no screen; partial results leave through
`on_layer` as layers finish.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from jaxtyping import Float, Int

from .baselines import band, flat_curve, length_only, norm_layer, shuffled_layer, words_held
from .errors import Cancelled, DataError
from .folds import Split, lone_codes
from .heldout import Held, above, assess
from .probes import (
    Curve,
    LayerOf,
    ProbeResult,
    ProbeSettings,
    best_layers,
    curve_of,
    held_out_scores,
    never,
    prepared,
    split_rows,
)
from .stats import Interval

# Called with the curve's name, the layer, balanced accuracy and macro AUROC, as each is known. The
# layer is None for a flat baseline.
OnPart = Callable[[str, int | None, Interval, Interval], None]


def ignore(_name: str, _layer: int | None, _accuracy: Interval, _auroc: Interval) -> None:
    """An `on_part` that does nothing."""


@dataclass
class _Columns:
    """Results by curve, layer by layer."""

    probe: list[Held] = field(default_factory=list)
    norm: list[Held] = field(default_factory=list)
    random: list[Held] = field(default_factory=list)
    twin: list[Held] = field(default_factory=list)
    shuffled: list[np.ndarray] = field(default_factory=list)
    shuffled_how: str = ""
    words: Held | None = None


def run_probes(
    layer_of: LayerOf,
    layers: Sequence[int],
    codes: Int[np.ndarray, "text"],
    labels: Sequence[str],
    groups: Int[np.ndarray, "text"] | None,
    *,
    settings: ProbeSettings | None = None,
    target: str = "label",
    texts: Sequence[str] | None = None,
    lengths: Float[np.ndarray, "text"] | Int[np.ndarray, "text"] | None = None,
    twin_of: LayerOf | None = None,
    norm: bool = True,
    random_split: bool = True,
    permutations: int = 20,
    on_part: OnPart = ignore,
    cancelled: Callable[[], bool] = never,
) -> ProbeResult:
    """Probe every layer, with each baseline that the inputs allow.

    `texts` -> bag of words; `lengths` -> length only; `twin_of` (activations of an untrained model
    of the same config over the same rows) -> untrained twin; `permutations` 0 leaves the shuffled
    band out. One or two layers are in memory at a time. Raises DataError, Cancelled.
    """
    chosen = settings or ProbeSettings()
    if len(layers) == 0:
        raise DataError("no layers given; name one or more")
    first = layer_of(layers[0])
    split = split_rows(first, codes, labels, groups, chosen)
    loose = split_rows(first, codes, labels, groups, chosen, split="random")
    flat = []
    columns = _Columns()
    if texts is not None:
        columns.words, note = words_held(texts, split, chosen, cancelled=cancelled)
        flat.append(flat_curve("bag of words", columns.words, note))
    if lengths is not None:
        flat.append(length_only(lengths, split, chosen))
    for curve in flat:
        on_part(curve.name, None, curve.accuracy[0], curve.auroc[0])
    dropped = split.n_dropped
    for layer in layers:
        if cancelled():
            raise Cancelled("probing was cancelled; nothing is wrong")
        rows = first if layer == layers[0] else layer_of(layer)

        def held(of: Split, used: np.ndarray) -> Held:
            scores = held_out_scores(used, of, chosen, cancelled=cancelled)
            return assess(scores, of, resamples=chosen.bootstrap, seed=chosen.seed)

        used = prepared(rows, split, chosen)
        dropped = max(dropped, split.n_dropped + int((~np.isfinite(used).all(axis=1)).sum()))
        columns.probe.append(held(split, used))
        _tell(on_part, "probe", layer, columns.probe[-1])
        if norm:
            columns.norm.append(norm_layer(rows, split, chosen))
            _tell(on_part, "norm only", layer, columns.norm[-1])
        if permutations:
            values, columns.shuffled_how = shuffled_layer(
                used, split, chosen, permutations=permutations, cancelled=cancelled
            )
            columns.shuffled.append(values)
            _tell_band(on_part, layer, values, columns.probe[-1])
        if random_split and split.grouping == "topic":
            columns.random.append(held(loose, used))
            _tell(on_part, "random split", layer, columns.random[-1])
        if twin_of is not None:
            columns.twin.append(held(split, prepared(twin_of(layer), split, chosen)))
            _tell(on_part, "untrained twin", layer, columns.twin[-1])
    result = _result(layers, columns, flat, split, chosen, target, dropped, permutations)
    return replace(result, left_out=tuple(labels[code] for code in lone_codes(codes)))


def _tell(on_part: OnPart, name: str, layer: int, held: Held) -> None:
    on_part(name, layer, held.accuracy, held.auroc)


def _tell_band(on_part: OnPart, layer: int, values: np.ndarray, probe: Held) -> None:
    """The band of shuffled labels as an interval of accuracy; its AUROC is not computed."""
    low, high = band(values)
    n, n_clusters = probe.accuracy.n, probe.accuracy.n_clusters
    nothing = Interval(np.nan, np.nan, np.nan, n, n_clusters)
    on_part(
        "shuffled labels", layer, Interval(float(values.mean()), low, high, n, n_clusters), nothing
    )


def _result(
    layers: Sequence[int],
    columns: _Columns,
    flat: list[Curve],
    split: Split,
    settings: ProbeSettings,
    target: str,
    dropped: int,
    permutations: int,
) -> ProbeResult:
    probe = curve_of("probe", layers, columns.probe)
    curves = [probe, *flat]
    if columns.norm:
        curves.append(curve_of("norm only", layers, columns.norm))
    if columns.twin:
        curves.append(curve_of("untrained twin", layers, columns.twin))
    best, near = best_layers(probe)
    loose = None
    if columns.random:
        note = "folds ignore topics, so topics leak; intervals are by topic all the same"
        loose = curve_of("random split", layers, columns.random, note=note)
    return ProbeResult(
        target=target,
        labels=split.labels,
        layers=tuple(layers),
        n=len(split.rows),
        n_dropped=dropped,
        n_groups=split.n_groups,
        grouping=split.grouping,
        folds=settings.folds,
        seeds=settings.seeds,
        chance=1 / len(split.labels),
        curves=tuple(curves),
        shuffled_band=tuple(band(values) for values in columns.shuffled),
        random_split=loose,
        best_layer=best,
        within_one_se=near,
        over_words=()
        if columns.words is None
        else tuple(above(held, columns.words) for held in columns.probe),
        settings=asdict(settings)
        | {"permutations": permutations, "shuffled": columns.shuffled_how},
    )
