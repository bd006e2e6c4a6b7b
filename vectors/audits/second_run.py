"""X5 and X6: the same emotions in a second run, of another model or of the same one otherwise run.

X5 (another model): the matrices of distances between emotions, 1 - cosine of the mean-difference
vectors, compared by Spearman's rho over all pairs of emotions; p by permuting the emotions of one
matrix (Mantel 1967), because pairs that share an emotion are no independent cases. Widths may
differ, texts may too. X6 (the same model in another precision or back end): cosines of the vectors
themselves, and the claimed statistic computed again.

In: two sets with labels in common. Out: `ControlResult`. Which of the two controls a second run is
for is the caller's to know; each says n/a without one.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from vectors.errors import DataError
from vectors.stats import Interval, draws, percentile_interval

from .cells import cells
from .data import AuditData, cosine, unit_rows
from .result import ControlResult, exact, null_of, worst
from .settings import AuditSettings

MIN_EMOTIONS = 6
"""Of five emotions 120 permutations exist, of which many tie; p could not get small."""
MAX_RESAMPLES = 500

Matrix = Float[np.ndarray, "label label"]


def other_model(
    data: AuditData, second: tuple[str, AuditData] | None, settings: AuditSettings
) -> ControlResult:
    """X5: Spearman of the two distance matrices with its Mantel p."""
    if second is None:
        said = "no run of another model was given: whether it is one model's quirk is open"
        return ControlResult("X5", "n/a", reasons=(said,))
    name, test = second
    shared = [e for e in data.present if e in test.present]
    if len(shared) < MIN_EMOTIONS:
        said = f"{name} shares {len(shared)} emotions; distances need {MIN_EMOTIONS} of them"
        return ControlResult("X5", "limited", reasons=(said,))
    here, there = cells(data.only(shared)), cells(test.only(shared))
    a, b = (_distances(c.vectors()) for c in (here, there))
    rho = _spearman(a, b)
    rng, k = settings.rng("X5"), len(shared)
    orders = [rng.permutation(k) for _ in range(settings.preset.b)]
    null = np.array([_spearman(a, b[np.ix_(order, order)]) for order in orders])
    mantel = null_of("emotions of one matrix permuted (Mantel)", rho, null)
    resamples = min(settings.preset.bootstrap, MAX_RESAMPLES)
    drawn = [
        draws(c.n_topics, resamples=resamples, seed=settings.seed("X5")) for c in (here, there)
    ]
    samples = np.array(
        [
            _spearman(_distances(here.vectors(m)), _distances(there.vectors(w)))
            for m, w in zip(*drawn, strict=True)
        ]
    )
    found = percentile_interval(rho, samples, n=k * (k - 1) // 2, n_clusters=k)
    state = worst(settings.rule("X5").state(rho), settings.rule("X5.p").state(mantel.p))
    said = (
        f"distances of {k} emotions in {name}: rho={rho:.2f} [{found.low:.2f}, {found.high:.2f}], "
        f"Mantel p={mantel.p:.3g}; the claim is about one model"
    )
    reasons = () if state == "pass" else (said,)
    return ControlResult("X5", state, {"rho": found}, (mantel,), reasons)


def other_precision(
    data: AuditData,
    labels: Sequence[str],
    second: tuple[str, AuditData] | None,
    statistic: Callable[[AuditData], float],
    settings: AuditSettings,
) -> ControlResult:
    """X6: smallest cosine of the vectors of `labels` in both runs; the statistic in both."""
    if second is None:
        said = "no run of the same model in another precision or back end was given: open"
        return ControlResult("X6", "n/a", reasons=(said,))
    name, test = second
    if test.rows.shape[1] != data.rows.shape[1]:
        raise DataError(
            f"{name} has width {test.rows.shape[1]}, the data {data.rows.shape[1]}; X6 needs a run "
            "of the same model"
        )
    lacks = [e for e in labels if e not in test.present]
    if lacks:
        said = f"{name} has no texts of {' and '.join(lacks)}, so its vectors cannot be compared"
        return ControlResult("X6", "limited", reasons=(said,))
    shared = [e for e in data.present if e in test.present]
    own, again = data.only(shared), test.only(shared)
    here, there = cells(own), cells(again)
    at = [shared.index(e) for e in labels]
    values = _cosines(here.vectors(), there.vectors())[at]
    lowest = int(np.argmin(values))
    interval = _paired(own, again, at[lowest], float(values[lowest]), settings)
    one, two = statistic(own), statistic(again)
    state = worst(
        settings.rule("X6").state(float(values[lowest])),
        settings.rule("X6.statistic").state(abs(one - two)),
    )
    said = (
        f"vectors of {labels[lowest]} in {name}: cosine {values[lowest]:.3f}; the statistic "
        f"{one:.2f} becomes {two:.2f}"
    )
    numbers = {
        "cosine": interval,
        "statistic here": exact(one, n=own.n),
        "statistic there": exact(two, n=again.n),
    }
    return ControlResult("X6", state, numbers, reasons=() if state == "pass" else (said,))


def _paired(
    one: AuditData, two: AuditData, label: int, value: float, settings: AuditSettings
) -> Interval:
    """Interval over topics, the same ones drawn in both runs; NaN where the topics differ."""
    if not np.array_equal(np.unique(one.groups), np.unique(two.groups)):
        return Interval(value, np.nan, np.nan, one.n, one.n_groups)
    here, there = cells(one), cells(two)
    resamples = min(settings.preset.bootstrap, MAX_RESAMPLES)
    drawn = draws(here.n_topics, resamples=resamples, seed=settings.seed("X6"))
    samples = np.array([_cosines(here.vectors(m), there.vectors(m))[label] for m in drawn])
    return percentile_interval(value, samples, n=one.n, n_clusters=one.n_groups)


def _cosines(
    a: Float[np.ndarray, "label d_model"], b: Float[np.ndarray, "label d_model"]
) -> Float[np.ndarray, "label"]:
    return np.array([cosine(x, y) for x, y in zip(a, b, strict=True)])


def _distances(vectors: Float[np.ndarray, "label d_model"]) -> Matrix:
    unit = unit_rows(vectors)
    return np.asarray(1 - unit @ unit.T)


def _spearman(a: Matrix, b: Matrix) -> float:
    """Spearman's rho over the pairs of emotions; NaN where a resample lacks one."""
    from scipy.stats import rankdata

    upper = np.triu_indices(len(a), k=1)
    x, y = a[upper], b[upper]
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return float("nan")
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])
