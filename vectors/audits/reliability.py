"""G3 and X1: would other texts give the same vectors, and the same cosine?

Halves are disjoint topics, the reference's texts included. With a1, a2 the vector of a from either
half, r_a = cos(a1, a2), Spearman-Brown 2r / (1 + r) for the whole set, and the cross-fitted cosine

    (<a1, b2> + <a2, b1>) / 2 / sqrt(<a1, a2> <b1, b2>)

whose numerator and denominator share no noise (cross-validated similarity). Cosines are centred:
raw split-half cosines of .998 mean nothing. Intervals are the middle 95 % over the splits.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from vectors.errors import DataError
from vectors.stats import Interval

from .closed_form import contrast
from .data import AuditData, cosine, halves_by_group
from .pairs import Pair
from .result import ControlResult, exact, worst
from .settings import AuditSettings


def noise_free_cosine(data: AuditData, pair: Pair, settings: AuditSettings) -> ControlResult:
    """G3: cross-fitted cosine, its ceiling and the reliability of both vectors."""
    rows = data.rows.astype(np.float64)
    crossed, reliable_a, reliable_b = [], [], []
    for split in range(settings.preset.splits):
        half = halves_by_group(data.groups, settings.rng("G3", split))
        (a1, b1), (a2, b2) = (
            tuple(w @ rows for w in pair.weights(data.codes, (half == h).astype(float)))
            for h in (0, 1)
        )
        reliable_a.append(cosine(a1, a2))
        reliable_b.append(cosine(b1, b2))
        below = (a1 @ a2) * (b1 @ b2)
        crossed.append((a1 @ b2 + a2 @ b1) / 2 / np.sqrt(below) if below > 0 else np.nan)
    sb_a, sb_b = (spearman_brown(np.array(r)) for r in (reliable_a, reliable_b))
    lowest = min(float(np.median(sb_a)), float(np.median(sb_b)))
    state = settings.rule("G3").state(lowest)
    reasons = (
        ()
        if state == "pass"
        else (
            f"reliability {np.median(sb_a):.2f} and {np.median(sb_b):.2f}: other texts would give "
            "other vectors",
        )
    )
    numbers = {
        "cross-fitted cosine": over_splits(np.array(crossed), data),
        "reliability a": over_splits(sb_a, data),
        "reliability b": over_splits(sb_b, data),
        "ceiling": exact(_ceiling(sb_a, sb_b), n=data.n),
    }
    return ControlResult("G3", state, numbers, reasons=reasons)


def _ceiling(sb_a: Float[np.ndarray, "split"], sb_b: Float[np.ndarray, "split"]) -> float:
    """The largest cosine that vectors as noisy as these can have."""
    return float(np.sqrt(max(0.0, float(np.median(sb_a))) * max(0.0, float(np.median(sb_b)))))


def cross_seed(
    data: AuditData,
    settings: AuditSettings,
    *,
    labels: Sequence[str] | None = None,
    statistic: Sequence[float] | None = None,
    repeated: Float[np.ndarray, "item seed"] | None = None,
) -> ControlResult:
    """X1: split-half reliability of the centred vectors of `labels` (None = all).

    `statistic` is the claimed number under each seed (folds, sampling), relative to no effect = 0;
    `repeated` gives a value per item and seed for ICC(2,1).
    """
    chosen = [data.code(label) for label in (labels or data.labels)]
    rows = data.rows.astype(np.float64)
    found: list[list[float]] = []
    for split in range(settings.preset.splits):
        half = halves_by_group(data.groups, settings.rng("X1", split))
        one, two = (
            contrast(data.codes[None, half == h], data.n_labels)[0] @ rows[half == h]
            for h in (0, 1)
        )
        found.append([cosine(one[c], two[c]) for c in chosen])
    per_label = np.median(spearman_brown(np.array(found)), axis=0)
    lowest = int(np.nanargmin(per_label))
    numbers = {"reliability": over_splits(spearman_brown(np.array(found))[:, lowest], data)}
    state = settings.rule("X1").state(float(per_label[lowest]))
    reasons = []
    if state != "pass":
        name = data.labels[chosen[lowest]]
        reasons.append(f"split-half reliability of {name} is {per_label[lowest]:.2f}")
    if statistic is not None:
        values = np.asarray(statistic, dtype=float)
        effect, sd = float(values.mean()), float(values.std(ddof=1))
        numbers["statistic over seeds"] = Interval(
            effect, float(values.min()), float(values.max()), len(values), len(values)
        )
        moved = settings.rule("X1.sd").state(sd / abs(effect) if effect else np.inf)
        if len(np.unique(np.sign(values))) > 1:
            moved = "fail"
        if moved != "pass":
            reasons.append(f"the statistic is {effect:.2f} ± {sd:.2f} over {len(values)} seeds")
        state = worst(state, moved)
    if repeated is not None:
        numbers["ICC(2,1)"] = exact(intraclass(repeated), n=len(repeated))
    return ControlResult("X1", state, numbers, reasons=tuple(reasons))


def spearman_brown(r: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Reliability of the whole from that of halves; a negative r stays as it is."""
    return np.where(r > 0, 2 * r / (1 + np.maximum(r, 0)), r)


def intraclass(values: Float[np.ndarray, "item seed"]) -> float:
    """ICC(2,1), absolute agreement of single seeds (Shrout and Fleiss 1979)."""
    n, k = values.shape
    if n < 2 or k < 2:
        raise DataError(f"ICC needs two items and two seeds or more, given {n} and {k}")
    grand, by_item, by_seed = values.mean(), values.mean(axis=1), values.mean(axis=0)
    rows = k * ((by_item - grand) ** 2).sum() / (n - 1)
    columns = n * ((by_seed - grand) ** 2).sum() / (k - 1)
    rest = ((values - by_item[:, None] - by_seed + grand) ** 2).sum() / ((n - 1) * (k - 1))
    below = rows + (k - 1) * rest + k * (columns - rest) / n
    return float((rows - rest) / below) if below else float("nan")


def over_splits(values: Float[np.ndarray, "split"], data: AuditData) -> Interval:
    """Median and middle 95 % over splits."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return Interval(np.nan, np.nan, np.nan, data.n, data.n_groups)
    low, mid, high = np.quantile(finite, [0.025, 0.5, 0.975])
    return Interval(float(mid), float(low), float(high), data.n, data.n_groups)
