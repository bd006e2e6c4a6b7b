"""G6: is a principal axis of the emotion vectors what it is called?

Vectors (mean difference, centred on the grand mean) at unit norm; their PCs. Of the first five PCs
the one with the largest |r| with the norms counts, and the p by permuting emotions repeats that
search. Its share of variance stands against label-permuted vectors, and its angle to the nearest
combination of the same PCs of a disjoint half of the topics says whether it is stable.
"""

import numpy as np
from jaxtyping import Float

from vectors.errors import DataError
from vectors.stats import correlation, percentile_interval, shuffles

from .closed_form import contrast
from .data import AuditData, halves_by_group, unit_rows
from .result import ControlResult, exact, null_of, worst
from .settings import AuditSettings

SEARCHED = 5
MIN_EMOTIONS = 8


def axis_claim(
    data: AuditData, norms: Float[np.ndarray, "label"], settings: AuditSettings
) -> ControlResult:
    """r of the best PC with `norms` (valence or arousal of each label), and its stability."""
    if len(norms) != data.n_labels:
        raise DataError(f"{data.n_labels} labels but {len(norms)} norms; give one per label")
    if data.n_labels < MIN_EMOTIONS:
        said = f"{data.n_labels} emotions; a correlation over emotions needs {MIN_EMOTIONS}"
        return ControlResult("G6", "limited", reasons=(said,))
    rows = data.rows.astype(np.float64)
    scores, axes, shares = _components(rows, data.codes, data.n_labels)
    rs = _best(scores, norms)
    best = int(np.argmax(np.abs(rs)))
    r = correlation((scores[:, best] * np.sign(rs[best])).tolist(), norms.tolist())
    rng = settings.rng("G6")
    null = np.array(
        [np.abs(_best(scores, rng.permutation(norms))).max() for _ in range(settings.preset.b)]
    )
    searched = null_of(f"emotions permuted, best of {len(rs)} components", abs(rs[best]), null)
    angles = []
    for split in range(settings.preset.splits):
        half = halves_by_group(data.groups, settings.rng("G6.half", split))
        pair = [
            _components(rows[half == h], data.codes[half == h], data.n_labels)[1][:SEARCHED]
            for h in (0, 1)
        ]
        angles.append(max(_angle(axes[best], other) for other in pair))
    angle = float(np.median(angles))
    state = worst(settings.rule("G6.r").state(r.low), settings.rule("G6.angle").state(angle))
    if searched.p > 0.05:
        state = "fail"
    reasons = (
        ()
        if state == "pass"
        else (
            f"PC{best + 1}: r={r.value:.2f} [{r.low:.2f}, {r.high:.2f}], p={searched.p:.3g} after "
            f"the search, {angle:.0f} degrees between halves of the topics",
        )
    )
    drawn, _ = shuffles(data.codes, data.groups, count=19, seed=settings.seed("G6.share"))
    noise = np.array([_components(rows, codes, data.n_labels)[2][best] for codes in drawn])
    numbers = {
        "r": r,
        "angle": percentile_interval(angle, np.array(angles), n=data.n, n_clusters=data.n_groups),
        "component": exact(best + 1, n=data.n_labels),
        "share of variance": exact(shares[best], n=data.n_labels),
    }
    parallel = null_of("share under labels permuted within topics", float(shares[best]), noise)
    return ControlResult("G6", state, numbers, (searched, parallel), reasons)


def _components(
    rows: np.ndarray, codes: np.ndarray, n_labels: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores [label, pc], axes [pc, d] and shares of variance of the unit vectors."""
    vectors = unit_rows(contrast(codes[None], n_labels)[0] @ rows)
    u, sizes, axes = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    return u * sizes, axes, sizes**2 / (sizes**2).sum()


def _best(scores: np.ndarray, norms: np.ndarray) -> np.ndarray:
    return np.array(
        [np.corrcoef(scores[:, k], norms)[0, 1] for k in range(min(SEARCHED, scores.shape[1]))]
    )


def _angle(axis: np.ndarray, others: np.ndarray) -> float:
    """Degrees from an axis to the nearest single PC of a half (sign and order are free)."""
    return float(np.degrees(np.arccos(np.clip(np.abs(others @ axis).max(), 0, 1))))
