"""G5: does the removal of neutral components decide the number?

The statistic (a pair's cosine, an axis' r) with 0, 25, 50 and 75 % of the variance of neutral texts
projected out of the vectors (the fewest components that reach it), and again with either half of
the neutral texts.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float

from vectors.errors import DataError
from vectors.neutral import principal

from .data import AuditData, cosine
from .pairs import Pair
from .result import ControlResult, exact
from .settings import AuditSettings

SHARES = (0.0, 0.25, 0.5, 0.75)
MIN_NEUTRAL = 6
"""Fewer texts leave no two halves with components of their own."""

Vectors = Float[np.ndarray, "vector d_model"]
Statistic = Callable[[Mapping[float, Vectors]], Sequence[float]]
"""The statistic for each of SHARES, given the vectors that are left."""


def denoise_sensitivity(
    data: AuditData,
    pair: Pair,
    neutral: Float[np.ndarray, "neutral d_model"] | None,
    settings: AuditSettings,
) -> ControlResult:
    """Largest change of the pair's cosine over the shares; n/a without neutral texts."""
    vectors = np.stack([w @ data.rows.astype(np.float64) for w in pair.weights(data.codes)])

    def statistic(left: Mapping[float, Vectors]) -> list[float]:
        return [cosine(left[s][0], left[s][1]) for s in SHARES]

    return removed(vectors, neutral, statistic, settings, n=data.n, what="cosine")


def removed(
    vectors: Vectors,
    neutral: Float[np.ndarray, "neutral d_model"] | None,
    statistic: Statistic,
    settings: AuditSettings,
    *,
    n: int,
    what: str,
) -> ControlResult:
    """G5 of any statistic of vectors: its largest change, and whether its sign turns."""
    if neutral is None:
        said = "no neutral texts were given: whether removing their components decides it is open"
        return ControlResult("G5", "n/a", reasons=(said,))
    if neutral.shape[1] != vectors.shape[1]:
        raise DataError(
            f"the neutral texts have width {neutral.shape[1]}, the data {vectors.shape[1]}; "
            "extract both with one model and layer"
        )
    if len(neutral) < MIN_NEUTRAL:
        said = f"{len(neutral)} neutral texts; components of halves need {MIN_NEUTRAL} or more"
        return ControlResult("G5", "limited", reasons=(said,))
    order = settings.rng("G5").permutation(len(neutral))
    halves = (neutral, neutral[order[::2]], neutral[order[1::2]])
    found = np.array(
        [statistic({s: _without(vectors, half, s) for s in SHARES}) for half in halves]
    )
    change = float(np.ptp(found))
    state = settings.rule("G5").state(change)
    if len(np.unique(np.sign(found[0]))) > 1 and change > settings.rule("G5").passes:
        state = "fail"
    listed = ", ".join(f"{s:.0%}: {v:.2f}" for s, v in zip(SHARES, found[0], strict=True))
    return ControlResult(
        "G5",
        state,
        {what: exact(found[0][0], n=n), "largest change": exact(change, n=len(neutral))},
        reasons=() if state == "pass" else (f"{what} with neutral variance removed {listed}",),
        table={"share": SHARES, what: tuple(float(v) for v in found[0])},
    )


def _without(vectors: Vectors, neutral: np.ndarray, share: float) -> Vectors:
    rows = neutral.astype(np.float64)
    return principal(rows - rows.mean(axis=0), variance=share, n=len(rows)).removed_from(vectors)
