"""G5: does the removal of neutral components decide the cosine?

The pair's cosine with 0, 25, 50 and 75 % of the variance of neutral texts projected out (the fewest
components that reach it), and again with either half of the neutral texts.
"""

import numpy as np
from jaxtyping import Float

from .data import AuditData
from .pairs import Pair, pair_cosine
from .result import ControlResult, exact
from .settings import AuditSettings

SHARES = (0.0, 0.25, 0.5, 0.75)


def denoise_sensitivity(
    data: AuditData,
    pair: Pair,
    neutral: Float[np.ndarray, "neutral d_model"],
    settings: AuditSettings,
) -> ControlResult:
    """Largest change of the cosine over the shares."""
    rows = data.rows.astype(np.float64)
    w = pair.weights(data.codes)
    order = settings.rng("G5").permutation(len(neutral))
    halves = (neutral, neutral[order[::2]], neutral[order[1::2]])
    found = np.array([[_without(rows, half, s, w) for s in SHARES] for half in halves])
    change = float(np.ptp(found))
    state = settings.rule("G5").state(change)
    if len(np.unique(np.sign(found[0]))) > 1 and change > settings.rule("G5").passes:
        state = "fail"
    listed = ", ".join(f"{s:.0%}: {v:.2f}" for s, v in zip(SHARES, found[0], strict=True))
    return ControlResult(
        "G5",
        state,
        {"largest change": exact(change, n=data.n)},
        reasons=() if state == "pass" else (f"neutral variance removed {listed}",),
        table={"share": SHARES, "cosine": tuple(float(v) for v in found[0])},
    )


def _without(
    rows: np.ndarray, neutral: np.ndarray, share: float, w: tuple[np.ndarray, np.ndarray]
) -> float:
    _, sizes, axes = np.linalg.svd(neutral - neutral.mean(axis=0), full_matrices=False)
    explained = np.cumsum(sizes**2) / (sizes**2).sum()
    k = 0 if share == 0 else int(np.searchsorted(explained, share) + 1)
    basis = axes[:k]
    return pair_cosine(rows - (rows @ basis.T) @ basis, w)
