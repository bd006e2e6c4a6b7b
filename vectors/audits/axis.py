"""G6: is a principal axis of the emotion vectors what it is called?

Vectors (mean difference, centred on the grand mean) at unit norm; their PCs. A claim that names its
PC is tested on that one; otherwise the one of the first five with the largest |r| with the norms
counts, and the p by permuting emotions repeats that search. Its share of variance stands against
label-permuted vectors (parallel analysis), and its angle to the nearest of the first five PCs of a
disjoint half of the topics says whether it is stable. A PC has no sign: r is its size.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from vectors.errors import DataError
from vectors.stats import percentile_interval, shuffles

from .bca import correlation_interval
from .closed_form import contrast
from .data import AuditData, halves_by_group, unit_rows
from .result import ControlResult, Null, exact, null_of, worst
from .settings import AuditSettings

SEARCHED = 5
MIN_EMOTIONS = 8
MIN_DRAWS = 19

Scores = Float[np.ndarray, "label pc"]
Norms = Float[np.ndarray, "label"]


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of the labels' unit vectors."""

    scores: Scores
    axes: Float[np.ndarray, "pc d_model"]
    shares: Float[np.ndarray, "pc"]


@dataclass(frozen=True, eq=False)
class Axis:
    """The PC that is spoken of, turned so that it rises with the norms."""

    place: int
    """From 0: 0 is PC1."""
    scores: Float[np.ndarray, "label"]
    direction: Float[np.ndarray, "d_model"]
    share: float
    r: float


def components_of(vectors: Float[np.ndarray, "label d_model"]) -> Components:
    """PCs of vectors at unit norm."""
    unit = unit_rows(vectors)
    u, sizes, axes = np.linalg.svd(unit - unit.mean(axis=0), full_matrices=False)
    return Components(u * sizes, axes, sizes**2 / (sizes**2).sum())


def components(
    rows: Float[np.ndarray, "text d_model"], codes: Int[np.ndarray, "text"], n_labels: int
) -> Components:
    """PCs of the mean-difference vectors of all labels."""
    return components_of(contrast(codes[None], n_labels)[0] @ rows)


def pick(found: Components, norms: Norms, component: int | None) -> Axis:
    """PC number `component` (from 1), or the best of the first five."""
    rs = correlations(found.scores, norms)
    if component is not None and not 1 <= component <= len(rs):
        raise DataError(
            f"component {component}; {len(norms)} emotions give the components 1 to {len(rs)}"
        )
    place = int(np.argmax(np.abs(rs))) if component is None else component - 1
    return _axis(found, place, float(rs[place]))


def nearest(found: Components, axis: Axis, norms: Norms) -> Axis:
    """Among the PCs of other vectors of the same labels, the one that orders them as `axis` does.

    Compared by scores and not by direction, so that it works in another space too; turned as `axis`
    is, so that an r of the other sign shows.
    """
    like = correlations(found.scores, axis.scores)
    place = int(np.argmax(np.abs(like)))
    turned = np.sign(like[place]) * found.scores[:, place]
    r = float(np.corrcoef(turned, norms)[0, 1])
    return Axis(place, turned, found.axes[place] * np.sign(like[place]), found.shares[place], r)


def enough(data: AuditData, norms: Norms) -> str:
    """Why nothing can be said of an axis; "" when there are enough emotions."""
    if len(norms) != data.n_labels:
        raise DataError(f"{data.n_labels} labels but {len(norms)} norms; give one per label")
    if data.n_labels < MIN_EMOTIONS:
        return (
            f"{data.n_labels} emotions with norms; a correlation over emotions needs {MIN_EMOTIONS}"
        )
    return ""


def axis_claim(
    data: AuditData, norms: Norms, settings: AuditSettings, *, component: int | None = None
) -> ControlResult:
    """r of the PC with `norms` (valence or arousal of each label), and its stability."""
    short = enough(data, norms)
    if short:
        return ControlResult("G6", "limited", reasons=(short,))
    rows = data.rows.astype(np.float64)
    found = components(rows, data.codes, data.n_labels)
    axis = pick(found, norms, component)
    r = correlation_interval(
        axis.scores, norms, resamples=settings.preset.bootstrap, seed=settings.seed("G6.r")
    )
    rng = settings.rng("G6")
    null = np.array(
        [abs(pick(found, rng.permutation(norms), component).r) for _ in range(settings.preset.b)]
    )
    how = "one component" if component is not None else f"best of {_searched(found)} components"
    permuted = null_of(f"emotions permuted, {how}", axis.r, null)
    angles = _angles(data, rows, axis, settings)
    angle = float(np.median(angles))
    parallel = _parallel(data, rows, axis, settings)
    state = worst(settings.rule("G6.r").state(r.low), settings.rule("G6.angle").state(angle))
    reasons = []
    if permuted.p > 0.05:
        state = "fail"
    if state != "pass":
        reasons.append(
            f"PC{axis.place + 1}: r={r.value:.2f} [{r.low:.2f}, {r.high:.2f}], p={permuted.p:.3g} "
            f"({how}), {angle:.0f} degrees between halves of the topics"
        )
    if parallel.p > 0.05:
        state = worst(state, "warn")
        reasons.append(
            f"PC{axis.place + 1} holds {axis.share:.0%} of the variance, as vectors of permuted "
            f"labels do ({parallel.mean:.0%} ± {parallel.sd:.0%})"
        )
    numbers = {
        "r": r,
        "angle": percentile_interval(angle, angles, n=data.n, n_clusters=data.n_groups),
        "component": exact(axis.place + 1, n=data.n_labels),
        "share of variance": exact(axis.share, n=data.n_labels),
    }
    table = {"emotion score": tuple(map(float, axis.scores)), "norm": tuple(map(float, norms))}
    return ControlResult("G6", state, numbers, (permuted, parallel), tuple(reasons), table=table)


def correlations(scores: Scores, norms: Norms) -> Float[np.ndarray, "pc"]:
    """r of each of the first PCs with the norms."""
    count = _searched(scores)
    return np.array([np.corrcoef(scores[:, k], norms)[0, 1] for k in range(count)])


def _searched(found: Components | Scores) -> int:
    scores = found.scores if isinstance(found, Components) else found
    # The last PC of centred vectors holds nothing but rounding.
    return min(SEARCHED, scores.shape[1], scores.shape[0] - 1)


def _axis(found: Components, place: int, r: float) -> Axis:
    sign = 1.0 if r >= 0 else -1.0
    return Axis(
        place, sign * found.scores[:, place], sign * found.axes[place],
        float(found.shares[place]), abs(r),
    )  # fmt: skip


def _angles(
    data: AuditData, rows: np.ndarray, axis: Axis, settings: AuditSettings
) -> Float[np.ndarray, "split"]:
    """Per split of the topics, degrees to the farther of the two halves' nearest PCs."""
    out = []
    for split in range(settings.preset.splits):
        half = halves_by_group(data.groups, settings.rng("G6.half", split))
        pair = [
            components(rows[half == h], data.codes[half == h], data.n_labels).axes[:SEARCHED]
            for h in (0, 1)
        ]
        out.append(max(_angle(axis.direction, other) for other in pair))
    return np.array(out)


def _parallel(data: AuditData, rows: np.ndarray, axis: Axis, settings: AuditSettings) -> Null:
    """Share of the same PC under labels permuted within topics."""
    drawn, how = shuffles(
        data.codes, data.groups, count=max(MIN_DRAWS, settings.preset.r),
        seed=settings.seed("G6.share"),
    )  # fmt: skip
    noise = np.array([components(rows, codes, data.n_labels).shares[axis.place] for codes in drawn])
    return null_of(f"share under labels permuted {how}", axis.share, noise)


def _angle(axis: np.ndarray, others: np.ndarray) -> float:
    """Degrees from an axis to the nearest single PC of a half (sign and order are free)."""
    return float(np.degrees(np.arccos(np.clip(np.abs(others @ axis).max(), 0, 1))))
