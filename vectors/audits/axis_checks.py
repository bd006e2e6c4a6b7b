"""G2, X1, G4 and G5 of an axis claim: the r of the PC with the norms, when something is changed.

In: data, norms, which PC. Out: results under the ids of the same controls of a cosine, with r in
the place of the cosine. After each change the PC that orders the emotions as the claimed one does
is looked up again (`axis.nearest`). Knows no model.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from vectors.stats import Interval, draws, percentile_interval

from .anisotropy import cone, scaled_alike
from .axis import Axis, Norms, components, components_of, enough, nearest, pick
from .cells import cells
from .data import AuditData, cosine, halves_by_group, unit_rows
from .denoise import SHARES, removed
from .length import (
    VARIANTS,
    LengthTable,
    chance,
    judge_length,
    length_table,
    matching,
    unmatched,
)
from .pairs import class_weights
from .reliability import over_splits, spearman_brown
from .result import ControlResult, exact, worst
from .settings import AuditSettings

Rows = Float[np.ndarray, "text d_model"]
MAX_RESAMPLES = 500
MATCHED_RESAMPLES = 200


def axis_length(
    data: AuditData, norms: Norms, settings: AuditSettings, *, component: int | None = None
) -> ControlResult:
    """G2: r under the five treatments of length, every emotion matched to all others."""
    short = enough(data, norms)
    if short or data.lengths is None:
        why = short or "the texts' lengths are not known"
        return ControlResult("G2", "limited", reasons=(why,))
    pools = tuple((k,) for k in range(data.n_labels))
    table = length_table(data, np.arange(data.n), pools)
    matched, effective = matching(data.codes, table.bins, pools, np.ones(data.n))
    axis = pick(components(table.rows["raw"], data.codes, data.n_labels), norms, component)
    values = []
    for name in VARIANTS:
        item = matched if name == "matched" else np.ones(data.n)
        found = components_of(_vectors(data, table.rows[name], item))
        values.append(nearest(found, axis, norms).r)
    intervals = [exact(v, n=data.n) for v in values]
    intervals[0] = _raw_interval(data, axis, norms, settings)
    intervals[-1] = _matched_interval(data, axis, norms, table, values[-1], settings)
    logs = np.log(data.lengths.astype(np.float64))
    mean_log = np.array([logs[data.codes == k].mean() for k in range(data.n_labels)])
    toward = abs(cosine(axis.direction, table.slope))
    toward = 0.0 if toward != toward else toward
    numbers = {
        **dict(zip(VARIANTS, intervals, strict=True)),
        "cos with length": exact(toward, n=data.n),
        "r with mean log length": exact(_r(axis.scores, mean_log), n=data.n_labels),
        "smd of log length": exact(table.smd, n=data.n),
        "effective items": exact(effective, n=data.n),
    }
    hidden = unmatched(table, effective, settings)
    if hidden:
        return ControlResult("G2", "limited", numbers, reasons=(hidden,))
    state, reasons = judge_length(np.array(values), intervals, toward, chance(table), settings)
    return ControlResult("G2", state, numbers, reasons=reasons)


def axis_reliability(
    data: AuditData, norms: Norms, settings: AuditSettings, *, component: int | None = None
) -> ControlResult:
    """X1: do other topics order the emotions alike, and is r the same in both halves?

    The axis is that of one half; the scores of the other half's vectors on it are correlated with
    that half's own, so that no noise is shared.
    """
    short = enough(data, norms)
    if short:
        return ControlResult("X1", "limited", reasons=(short,))
    rows = data.rows.astype(np.float64)
    axis = pick(components(rows, data.codes, data.n_labels), norms, component)
    alike, rs = [], []
    for split in range(settings.preset.splits):
        half = halves_by_group(data.groups, settings.rng("X1", split))
        parts = [_vectors(data, rows, (half == h).astype(float)) for h in (0, 1)]
        for own, other in (parts, parts[::-1]):
            found = nearest(components_of(own), axis, norms)
            unit = unit_rows(other)
            alike.append(_r(found.scores, (unit - unit.mean(axis=0)) @ found.direction))
            rs.append(found.r)
    reliable = spearman_brown(np.array(alike))
    middle, values = float(np.median(reliable)), np.array(rs)
    effect, sd = float(values.mean()), float(values.std(ddof=1))
    numbers = {
        "reliability": over_splits(reliable, data),
        "r in halves of the topics": over_splits(values, data),
    }
    state = settings.rule("X1").state(middle)
    reasons = []
    if state != "pass":
        reasons.append(
            f"halves of the topics order the emotions alike with reliability {middle:.2f}"
        )
    moved = settings.rule("X1.sd").state(sd / abs(effect) if effect else np.inf)
    if (values < 0).mean() > 0.025:
        moved = "fail"
    if moved != "pass":
        reasons.append(f"r in halves of the topics is {effect:.2f} ± {sd:.2f}")
    return ControlResult("X1", worst(state, moved), numbers, reasons=tuple(reasons))


def axis_anisotropy(
    data: AuditData, norms: Norms, settings: AuditSettings, *, component: int | None = None
) -> ControlResult:
    """G4: r when no dimension is louder than another."""
    short = enough(data, norms)
    if short:
        return ControlResult("G4", "limited", reasons=(short,))
    rows = data.rows.astype(np.float64)
    axis = pick(components(rows, data.codes, data.n_labels), norms, component)
    even = nearest(components(scaled_alike(rows), data.codes, data.n_labels), axis, norms).r
    state = settings.rule("G4").state(abs(axis.r - even))
    said = f"r={axis.r:.2f}, with dimensions scaled alike {even:.2f}"
    numbers = {
        "r": exact(axis.r, n=data.n_labels),
        "dimensions scaled": exact(even, n=data.n_labels),
        **cone(rows, (axis.direction,), settings),
    }
    return ControlResult("G4", state, numbers, reasons=() if state == "pass" else (said,))


def axis_denoise(
    data: AuditData,
    norms: Norms,
    neutral: Float[np.ndarray, "neutral d_model"] | None,
    settings: AuditSettings,
    *,
    component: int | None = None,
) -> ControlResult:
    """G5: r over shares of neutral variance removed."""
    short = enough(data, norms)
    if short:
        return ControlResult("G5", "limited", reasons=(short,))
    vectors = _vectors(data, data.rows.astype(np.float64), np.ones(data.n))
    axis = pick(components_of(vectors), norms, component)

    def statistic(without: Mapping[float, np.ndarray]) -> list[float]:
        return [nearest(components_of(without[s]), axis, norms).r for s in SHARES]

    return removed(vectors, neutral, statistic, settings, n=data.n, what="r")


def _vectors(
    data: AuditData, rows: Rows, item: Float[np.ndarray, "text"]
) -> Float[np.ndarray, "label d_model"]:
    """Centred means of every label under item weights."""
    means = np.stack([class_weights(data.codes == k, item) @ rows for k in range(data.n_labels)])
    return np.asarray(means - means.mean(axis=0))


def _raw_interval(data: AuditData, axis: Axis, norms: Norms, settings: AuditSettings) -> Interval:
    """r of the PC over resamples of topics: would other texts give another r?"""
    found = cells(data)
    resamples = min(settings.preset.bootstrap, MAX_RESAMPLES)
    values = []
    for m in draws(found.n_topics, resamples=resamples, seed=settings.seed("G2")):
        vectors = found.vectors(m)
        if np.isfinite(vectors).all():
            values.append(nearest(components_of(vectors), axis, norms).r)
    return percentile_interval(axis.r, np.array(values), n=data.n, n_clusters=data.n_groups)


def _matched_interval(
    data: AuditData,
    axis: Axis,
    norms: Norms,
    table: LengthTable,
    value: float,
    settings: AuditSettings,
) -> Interval:
    """The matched r over resamples of topics, each matched anew."""
    topic = np.unique(data.groups, return_inverse=True)[1]
    pools = tuple((k,) for k in range(data.n_labels))
    resamples = min(settings.preset.bootstrap, MATCHED_RESAMPLES)
    values = []
    for m in draws(data.n_groups, resamples=resamples, seed=settings.seed("G2")):
        item, effective = matching(data.codes, table.bins, pools, m[topic])
        if effective > 0:
            found = components_of(_vectors(data, table.rows["matched"], item))
            values.append(nearest(found, axis, norms).r)
    return percentile_interval(value, np.array(values), n=data.n, n_clusters=data.n_groups)


def _r(x: np.ndarray, y: np.ndarray) -> float:
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])
