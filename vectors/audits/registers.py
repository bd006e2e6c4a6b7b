"""X4: does the claim hold in texts of another register (dialogue, first person, another language)?

In: the audited data and sets of other texts, read by the same model at the same layer. Out: per set
the claimed statistic, whether it is on the same side as here, and Kendall's tau of the emotions
that both have.

    probe    statistic: AUROC of the projection on the vector made here; side of .5
             order: every emotion's mean projection on that vector, here and there
    cosine   statistic: cosine of the vectors made of the set's own texts; side of -1 / (K - 1)
             order: the cosines of the first emotion with every other, here and there

Intervals are over the set's topics. A set passes where the statistic is on the same side with its
interval and tau reaches the rule; it fails where the side changes or tau is below the lower mark.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vectors.errors import DataError
from vectors.stats import Interval, draws, percentile_interval

from .cells import Cells, cells
from .closed_form import auroc
from .data import AuditData, cosine, unit_rows
from .result import ControlResult, State, worst
from .settings import AuditSettings

MIN_RANKED = 5
"""Emotions below which an order says nothing: four agree by chance one time in 24."""
MAX_RESAMPLES = 500

Order = Float[np.ndarray, "label"]


@dataclass(frozen=True)
class _Seen:
    """One set."""

    name: str
    statistic: Interval
    same_side: bool
    certain: bool
    """The whole interval lies on that side."""
    tau: Interval


def probe_registers(
    data: AuditData,
    emotion: str,
    other: str,
    registers: Sequence[tuple[str, AuditData]],
    settings: AuditSettings,
) -> ControlResult:
    """X4 of a probe claim about `emotion` against `other` ("" = the rest)."""
    own = cells(data, unit_rows(data.rows))
    vectors = own.vectors()
    v = vectors[data.code(emotion)]
    if other:
        v = v - vectors[data.code(other)]
    order = dict(zip(data.labels, own.means() @ v, strict=True))
    needed = tuple(e for e in (emotion, other) if e)

    def one(name: str, test: AuditData) -> _Seen:
        scores = unit_rows(test.rows) @ v
        mine = test.codes == test.code(emotion)
        judged = mine | (test.codes == test.code(other)) if other else np.ones(test.n, dtype=bool)
        topic = np.unique(test.groups, return_inverse=True)[1]
        shared = [e for e in test.present if e in order]
        codes = [test.code(e) for e in shared]

        def statistic(m: np.ndarray) -> float:
            at = np.repeat(np.flatnonzero(judged), m[topic][judged].astype(int))
            return auroc(scores[at], mine[at])

        def order_of(c: Cells, m: np.ndarray | None) -> Order:
            return np.asarray((c.means(m) @ v)[codes])

        there = cells(test, unit_rows(test.rows))
        found = _over_topics(statistic, there.n_topics, test.n, settings)
        tau = _tau(np.array([order[e] for e in shared]), order_of, there, settings)
        return _Seen(name, found, found.value > 0.5, found.low > 0.5, tau)

    return _all(registers, data, needed, one, "AUROC", settings)


def cosine_registers(
    data: AuditData,
    a: str,
    b: str,
    registers: Sequence[tuple[str, AuditData]],
    settings: AuditSettings,
) -> ControlResult:
    """X4 of a cosine claim about `a` and `b`."""

    def one(name: str, test: AuditData) -> _Seen:
        shared = [e for e in data.present if e in test.present]
        first = shared.index(a)
        rest = [k for k in range(len(shared)) if k != first]
        place = rest.index(shared.index(b))
        centre = -1 / (len(shared) - 1)

        def order_of(c: Cells, m: np.ndarray | None) -> Order:
            vectors = c.vectors(m)
            return np.array([cosine(vectors[first], vectors[k]) for k in rest])

        here, there = cells(data.only(shared)), cells(test.only(shared))
        order = order_of(here, None)
        side = np.sign(order[place] - centre)
        found = _over_topics(
            lambda m: float(order_of(there, m)[place]), there.n_topics, test.n, settings
        )
        ends = [(x - centre) * side > 0 for x in (found.value, found.low, found.high)]
        tau = _tau(order, order_of, there, settings)
        return _Seen(name, found, bool(ends[0]), all(ends), tau)

    return _all(registers, data, (a, b), one, "cosine", settings, least=3)


def _all(
    registers: Sequence[tuple[str, AuditData]],
    data: AuditData,
    needed: Sequence[str],
    one: Callable[[str, AuditData], _Seen],
    what: str,
    settings: AuditSettings,
    *,
    least: int = 2,
) -> ControlResult:
    """Every set, or why one of them cannot be read; `least` emotions must be shared."""
    if not registers:
        said = "no texts of another register were given: whether it holds elsewhere is open"
        return ControlResult("X4", "n/a", reasons=(said,))
    seen = []
    for name, test in registers:
        if test.rows.shape[1] != data.rows.shape[1]:
            raise DataError(
                f"{name} has width {test.rows.shape[1]}, the data {data.rows.shape[1]}; extract "
                "both with one model and layer"
            )
        shared = [e for e in data.present if e in test.present]
        lacks = [e for e in needed if e not in shared]
        if lacks or len(shared) < least:
            why = (
                f"no texts of {' and '.join(lacks)}" if lacks else f"{len(shared)} of the emotions"
            )
            said = f"{name} has {why}, so the statistic is not defined there"
            return ControlResult("X4", "limited", reasons=(said,))
        seen.append(one(name, test))
    return _judge(seen, what, settings)


def _over_topics(
    statistic: Callable[[np.ndarray], float],
    n_topics: int,
    n: int,
    settings: AuditSettings,
) -> Interval:
    """The statistic with its interval over resamples of the set's topics."""
    resamples = min(settings.preset.bootstrap, MAX_RESAMPLES)
    drawn = draws(n_topics, resamples=resamples, seed=settings.seed("X4"))
    samples = np.array([statistic(m) for m in drawn])
    value = statistic(np.ones(n_topics))
    return percentile_interval(value, samples, n=n, n_clusters=n_topics)


def _tau(
    here: Order,
    order: Callable[[Cells, np.ndarray | None], Order],
    there: Cells,
    settings: AuditSettings,
) -> Interval:
    """Kendall's tau-b of two orders of the same emotions; NaN below MIN_RANKED of them."""
    from scipy.stats import kendalltau

    if len(here) < MIN_RANKED:
        return Interval(np.nan, np.nan, np.nan, len(here), there.n_topics)

    def statistic(m: np.ndarray) -> float:
        found = order(there, m)
        kept = np.isfinite(found)
        return float(kendalltau(here[kept], found[kept]).statistic) if kept.sum() > 1 else np.nan

    return _over_topics(statistic, there.n_topics, len(here), settings)


def _judge(seen: Sequence[_Seen], what: str, settings: AuditSettings) -> ControlResult:
    numbers, reasons = {}, []
    states: list[State] = []
    for one in seen:
        numbers[f"{what}, {one.name}"] = one.statistic
        numbers[f"tau, {one.name}"] = one.tau
        state = settings.rule("X4").state(one.tau.value)
        side: State = "fail" if not one.same_side else "pass" if one.certain else "warn"
        states.append(worst(state, side))
        if states[-1] != "pass":
            i = one.statistic
            ranked = (
                f"tau {one.tau.value:.2f} over {one.tau.n} emotions"
                if one.tau.value == one.tau.value
                else f"{one.tau.n} shared emotions, too few to rank (needs {MIN_RANKED})"
            )
            turned = "" if one.same_side else ", on the other side"
            reasons.append(
                f"{one.name}: {what} {i.value:.2f} [{i.low:.2f}, {i.high:.2f}]{turned}; {ranked}"
            )
    return ControlResult("X4", worst(*states), numbers, reasons=tuple(reasons))
