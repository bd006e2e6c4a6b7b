"""G2: is the cosine length?

Rescaling finished vectors cannot change a cosine; length enters through items that weigh more, or
through a length direction in both means. Hence five cosines of one pair, length matching the
reference (simulated: it recovers the truth under additive and multiplicative confounds alike):

    raw        unit: items at length 1        ancova: h - b (log l - mean), b the pooled
    unit + ancova                             within-class slope of h on log l
    matched    8 quantile bins of log l; every class reweighted to the smallest share among a, b
               and what is subtracted

SMD = largest difference of these three's mean log l over their pooled sd; above 1.5 there is no
overlap and nothing can be matched.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vectors.stats import Interval, percentile_interval

from .data import AuditData, cosine, unit_rows
from .pairs import Pair, Weights, pair_cosine, topic_interval
from .result import ControlResult, State, exact, worst
from .settings import AuditSettings

BINS = 8
MIN_EFFECTIVE = 16
"""Effective items per class after matching: eight per half."""
MAX_RESAMPLES = 500
Pools = tuple[tuple[int, ...], ...]
VARIANTS = ("raw", "unit", "ancova", "unit + ancova", "matched")


@dataclass(frozen=True, eq=False)
class LengthTable:
    """Everything that is the same for the whole set and every resample."""

    rows: dict[str, Float[np.ndarray, "text d_model"]]
    logs: Weights
    bins: np.ndarray
    slope: Float[np.ndarray, "d_model"]
    smd: float


def length_table(data: AuditData, involved: np.ndarray, pools: Pools) -> LengthTable:
    """Rows of the four variants, the bins, the length direction and the SMD over `pools`."""
    assert data.lengths is not None
    logs = np.log(data.lengths.astype(np.float64))
    rows = data.rows.astype(np.float64)
    unit = unit_rows(rows)
    slope, unit_slope = (_slope(r, logs, data.codes, involved) for r in (rows, unit))
    centred = (logs - logs[involved].mean())[:, None]
    edges = np.quantile(logs[involved], np.linspace(0, 1, BINS + 1)[1:-1])
    by_class = [logs[np.isin(data.codes, pool)] for pool in pools]
    means = np.array([x.mean() for x in by_class])
    spread = np.sqrt(np.mean([x.var() for x in by_class]))
    gap = float(means.max() - means.min())
    smd = gap / spread if spread > 0 else (0.0 if gap == 0 else np.inf)
    variants = {
        "raw": rows,
        "unit": unit,
        "ancova": rows - centred * slope,
        "unit + ancova": unit - centred * unit_slope,
        "matched": rows,
    }
    return LengthTable(variants, logs, np.searchsorted(edges, logs, side="right"), slope, smd)


def _slope(
    rows: np.ndarray, logs: Weights, codes: np.ndarray, involved: np.ndarray
) -> Float[np.ndarray, "d_model"]:
    """Slope of rows on log length inside classes, pooled."""
    x, y = logs[involved].copy(), rows[involved].copy()
    for c in np.unique(codes[involved]):
        mine = codes[involved] == c
        x[mine] -= x[mine].mean()
        y[mine] -= y[mine].mean(axis=0)
    total = float(x @ x)
    return np.asarray(x @ y / total) if total > 0 else np.zeros(rows.shape[1])


def matching(
    codes: np.ndarray, bins: np.ndarray, pools: Pools, base: Weights
) -> tuple[Weights, float]:
    """Item weights that give every class the smallest share of each bin; smallest effective n.

    The share is the smallest over the pools (a, b, and what is subtracted); every class of a pool
    is then brought to it as far as it has texts in the bin, so that one of many other emotions
    without long texts does not make matching impossible.
    """
    every = np.stack([np.bincount(bins, base * np.isin(codes, pool), BINS) for pool in pools])
    shares = every / np.maximum(every.sum(axis=1, keepdims=True), 1e-12)
    target = shares.min(axis=0)
    weights = np.zeros(len(codes))
    smallest = np.inf
    for pool in pools:
        own = np.zeros(len(codes))
        for c in pool:
            count = np.bincount(bins, np.where(codes == c, base, 0.0), BINS)
            per_item = np.divide(target, count, out=np.zeros_like(target), where=count > 0)
            own += np.where(codes == c, base * per_item[bins], 0.0)
        weights += own
        square = float((own**2).sum())
        smallest = min(smallest, own.sum() ** 2 / square if square > 0 else 0.0)
    return weights, smallest


def variant_cosines(
    data: AuditData, pair: Pair, table: LengthTable, base: Weights
) -> Float[np.ndarray, "variant"]:
    """The five cosines under item multiplicities `base`."""
    plain = pair.weights(data.codes, base)
    matched, _ = matching(data.codes, table.bins, pair.pools(data.codes), base)
    return np.array(
        [
            pair_cosine(
                table.rows[name],
                pair.weights(data.codes, matched) if name == "matched" else plain,
            )
            for name in VARIANTS
        ]
    )


def length_norm(data: AuditData, pair: Pair, settings: AuditSettings) -> ControlResult:
    """The five cosines, what length has to do with each vector, and whether they can be matched."""
    if data.lengths is None:
        return ControlResult("G2", "limited", reasons=("the texts' lengths are not known",))
    table = length_table(data, pair.involved(data.codes), pair.pools(data.codes))
    _, effective = matching(data.codes, table.bins, pair.pools(data.codes), np.ones(data.n))
    values = variant_cosines(data, pair, table, np.ones(data.n))
    intervals = _intervals(data, pair, table, settings)
    w = pair.weights(data.codes)
    toward = max(abs(cosine(v @ table.rows["raw"], table.slope)) for v in w)
    numbers = {
        **dict(zip(VARIANTS, intervals, strict=True)),
        "cos with length": exact(0.0 if toward != toward else toward, n=data.n),
        "smd of log length": exact(table.smd, n=data.n),
        "effective items": exact(effective, n=data.n),
    }
    hidden = unmatched(table, effective, settings)
    if hidden:
        return ControlResult("G2", "limited", numbers, reasons=(hidden,))
    state, reasons = judge_length(values, intervals, toward, chance(table), settings)
    return ControlResult("G2", state, numbers, reasons=reasons)


def unmatched(table: LengthTable, effective: float, settings: AuditSettings) -> str:
    """Why lengths cannot be matched; "" where they can."""
    if settings.rule("G2.smd").state(table.smd) != "fail" and effective >= MIN_EFFECTIVE:
        return ""
    return (
        f"not identifiable: lengths differ by {table.smd:.1f} sd and matching leaves "
        f"{effective:.0f} effective texts; collect texts of matched length"
    )


def judge_length(
    values: np.ndarray,
    intervals: Sequence[Interval],
    toward: float,
    noise: float,
    settings: AuditSettings,
) -> tuple[State, tuple[str, ...]]:
    """State and reasons from the statistic under each of VARIANTS.

    `toward` is the |cosine| with the length direction, `noise` what chance gives it.
    """
    spread = float(values.max() - values.min())
    state = settings.rule("G2.spread").state(spread)
    raw, matched = intervals[0], values[VARIANTS.index("matched")]
    reasons = []
    if state != "pass":
        # A wide spread of noisy cosines is a warning; a matched value that the raw interval
        # excludes is a refutation.
        state = "fail" if raw.excludes(matched) else "warn"
        listed = ", ".join(f"{n} {v:.2f}" for n, v in zip(VARIANTS, values, strict=True))
        reasons.append(f"length decides part of it: {listed}")
    if toward > max(settings.rule("G2.length").passes, noise):
        state = worst(state, "warn")
        reasons.append(f"|cosine| with the length direction is {toward:.2f}")
    return state, tuple(reasons)


def chance(table: LengthTable) -> float:
    """What |cosine| with the length direction noise reaches: 1.96 / sqrt(d_eff)."""
    rows = table.rows["raw"]
    values = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False) ** 2
    d_eff = values.sum() ** 2 / (values**2).sum()
    return float(1.96 / np.sqrt(d_eff))


def _intervals(
    data: AuditData, pair: Pair, table: LengthTable, settings: AuditSettings
) -> list[Interval]:
    out = []
    resamples = min(settings.preset.bootstrap, MAX_RESAMPLES)
    for index in range(len(VARIANTS)):
        value, samples = topic_interval(
            data,
            lambda m, i=index: float(variant_cosines(data, pair, table, m)[i]),  # type: ignore[misc]
            resamples=resamples if index in (0, len(VARIANTS) - 1) else 1,
            seed=settings.seed("G2"),
        )
        drawn = samples if len(samples) > 1 else np.empty(0)
        out.append(percentile_interval(value, drawn, n=data.n, n_clusters=data.n_groups))
    return out
