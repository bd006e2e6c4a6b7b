"""R9: do raters who do not know the arms prefer the real one? And can those raters be believed?

In: the plan of a rating and what raters answered. Out: a `ControlResult`. Knows no text.

    preference   pairs in which the real arm was preferred, of those decided; two-sided exact
                 binomial p against one half, Wilson interval; 39 of 60 are needed for p < .05
    repeats      Cohen's kappa (1960) of the pairs rated twice with the sides exchanged
    catch pairs  share of pairs of one text twice that were called a tie
    unblinding   was the real arm guessed more often than the rater's own ratings explain?

Ratings that cannot be believed (kappa, catch pairs, invalids) make R9 limited, whatever the
preference: a careless rater neither supports a claim nor refutes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from vectors.errors import DataError
from vectors.stats import Interval, wilson

from .blinding import ARMS, MIN_PAIRS, BlindPlan, Kind, Shown
from .result import ControlResult, Null, State, exact, worst
from .settings import AuditSettings

Choice = Literal["left", "right", "tie", "invalid"]
FLUENT = (0, 1, 2)
FEW_REPEATS = 5  # below it kappa says too little to stop anything


@dataclass(frozen=True)
class Rating:
    """One answer."""

    choice: Choice
    fluency: tuple[int, int] | None = None
    """Of the left and the right text, 0 to 2; None = not given."""


@dataclass(frozen=True)
class Rater:
    """One rater's answers."""

    name: str
    ratings: Mapping[int, Rating]
    """By place in the plan's row; a place that is missing was not rated."""
    guess: str = ""
    """Letter of the arm that the rater took for the real one; "" = none."""
    machine: bool = False
    """Whether a language model answered."""


@dataclass(frozen=True)
class Tally:
    """How the real arm did against one other arm, or against all."""

    wins: int = 0
    losses: int = 0
    ties: int = 0
    invalid: int = 0

    @property
    def decided(self) -> int:
        """Pairs in which one text was preferred."""
        return self.wins + self.losses

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.wins + other.wins, self.losses + other.losses, self.ties + other.ties,
            self.invalid + other.invalid,
        )  # fmt: skip


def judge_ratings(
    plan: BlindPlan,
    raters: Sequence[Rater],
    settings: AuditSettings,
    *,
    direction: str = "greater",
    earlier: int = 0,
) -> ControlResult:
    """R9 from the first rater, a person where there is one; the others stand beside.

    `direction` is the claim's: "greater" needs the real arm preferred, "less" the other ones.
    `earlier` rounds of the same finding make this one a further try.
    DataError without any rating or for an answer at a place that the plan lacks.
    """
    raters = sorted(raters, key=lambda r: r.machine)
    if not raters or not raters[0].ratings:
        raise DataError("there is no rating yet")
    for rater in raters:
        if not set(rater.ratings) <= set(range(len(plan.row))):
            raise DataError(f"{rater.name} rated a pair that the plan does not have")
    first = raters[0]
    by_arm = tallies(plan, first)
    total = sum(by_arm.values(), Tally())
    found = _Found({}, [], [])
    _preference(found, total, settings, direction)
    _believable(found, plan, first, settings)
    _arms(found, by_arm, direction)
    _guesses(found, plan, raters, settings)
    _others(found, plan, raters)
    missing = len(plan.row) - len(first.ratings)
    if missing:
        found.note("warn", f"{missing} of {len(plan.row)} pairs were not rated")
    if earlier:
        found.note("warn", f"{earlier} earlier rounds of this finding were rated and unblinded")
    if first.machine:
        found.note("warn", f"rated by a language model only ({first.name})")
    return ControlResult(
        "R9", found.state, found.numbers, tuple(found.nulls), tuple(found.reasons),
        table=_table(plan, first, by_arm),
    )  # fmt: skip


@dataclass
class _Found:
    """What has been computed so far."""

    numbers: dict[str, Interval]
    nulls: list[Null]
    reasons: list[str]
    states: list[State] = field(default_factory=list)
    unbelievable: bool = False

    def note(self, state: State, reason: str) -> None:
        if state != "pass":
            self.reasons.append(reason)
        self.states.append(state)

    @property
    def state(self) -> State:
        """Limited where the ratings cannot be believed, else the worst of all."""
        return "limited" if self.unbelievable else worst(*self.states)


def _preference(found: _Found, total: Tally, settings: AuditSettings, direction: str) -> None:
    n = total.decided
    found.numbers["all pairs: real preferred"] = (
        wilson(total.wins, n) if n else Interval(float("nan"), float("nan"), float("nan"), 1, 1)
    )
    found.numbers["pairs decided"] = exact(n, n=max(1, n + total.ties + total.invalid))
    found.numbers["preferences needed"] = exact(needed_wins(n), n=max(1, n))
    if n < MIN_PAIRS:
        found.note("limited", f"{n} pairs were decided; fewer than {MIN_PAIRS} cannot reach .05")
        return
    null = preference_null(total.wins, n)
    found.nulls.append(null)
    state = settings.rule("R9").state(null.p)
    share = f"the real arm was preferred in {total.wins} of {n} decided pairs, p={null.p:.3g}"
    found.note(state, share)
    wrong = {"greater": total.wins * 2 < n, "less": total.wins * 2 > n}.get(direction, False)
    if wrong and state == "pass":
        found.note("fail", f"{share}: not the side that the claim names ({direction})")


def preference_null(wins: int, n: int) -> Null:
    """A fair coin per decided pair; all 2^n outcomes are counted, so B is their number / 2 - 1."""
    from scipy.stats import binomtest

    p = float(binomtest(wins, n).pvalue)
    return Null("a fair coin per decided pair", 0.5, 0.5 / float(np.sqrt(n)), 2 ** (n - 1) - 1, p)


def needed_wins(n: int, *, level: float = 0.05) -> float:
    """Fewest preferences of `n` whose two-sided exact p is below `level`; NaN where none is."""
    from scipy.stats import binomtest

    hits = (k for k in range((n + 1) // 2, n + 1) if n and binomtest(k, n).pvalue < level)
    return float(next(hits, float("nan")))


def _believable(found: _Found, plan: BlindPlan, rater: Rater, settings: AuditSettings) -> None:
    """Repeats, catch pairs, invalid texts, sides."""
    agreement, kappa = repeats(plan, rater)
    if agreement is not None:
        n = agreement.n
        found.numbers["repeats answered alike"] = agreement
        found.numbers["kappa of repeats"] = Interval(kappa, float("nan"), float("nan"), n, n)
        said = f"kappa of {n} repeated pairs is {kappa:.2f}"
        state = settings.rule("R9.kappa").state(kappa)
        if n < FEW_REPEATS:
            state, said = worst(state, "warn"), f"{said}; {n} are too few to tell"
        _instrument(found, state if n >= FEW_REPEATS else "warn", said)
    caught = [rater.ratings[k].choice for k in _places(plan, "catch", rater)]
    caught = [c for c in caught if c != "invalid"]
    if caught:
        ties = wilson(caught.count("tie"), len(caught))
        found.numbers["catch pairs called a tie"] = ties
        said = f"{caught.count('tie')} of {len(caught)} pairs of one text twice were called a tie"
        _instrument(found, settings.rule("R9.catch").state(ties.value), said)
    choices = [r.choice for r in rater.ratings.values()]
    bad = wilson(choices.count("invalid"), len(choices))
    found.numbers["pairs called invalid"] = bad
    said = f"{bad.value:.0%} of the pairs were called invalid"
    _instrument(found, settings.rule("R9.invalid").state(bad.value), said)
    sides = [c for c in choices if c in ("left", "right")]
    if sides:
        found.numbers["first text preferred"] = wilson(sides.count("left"), len(sides))


def _instrument(found: _Found, state: State, said: str) -> None:
    """A check on the rater: a failure makes the whole result limited."""
    if state == "fail":
        found.unbelievable = True
        state = "limited"
    found.note(state, said)


def _arms(found: _Found, by_arm: Mapping[Kind, Tally], direction: str) -> None:
    for kind, tally in by_arm.items():
        if not tally.decided:
            continue
        share = wilson(tally.wins, tally.decided)
        found.numbers[f"over {kind}: real preferred"] = share
        against = {"greater": share.high < 0.5, "less": share.low > 0.5}.get(direction, False)
        if against:
            said = f"against the arm {kind} it is the other way: {tally.wins} of {tally.decided}"
            found.note("warn", said)


def _guesses(
    found: _Found, plan: BlindPlan, raters: Sequence[Rater], settings: AuditSettings
) -> None:
    given = [(plan.codes[r.guess] == "real", guess_chance(plan, r)) for r in raters if r.guess]
    if not given:
        return
    p = guesses_p([right for right, _ in given], [chance for _, chance in given])
    expected = float(np.mean([chance for _, chance in given]))
    found.numbers["real arm guessed"] = wilson(sum(right for right, _ in given), len(given))
    found.nulls.append(
        Null("guesses as the ratings go", expected, float("nan"), 2 ** len(given) - 1, p)
    )
    said = f"the real arm was guessed more often than the ratings explain (p={p:.3g})"
    found.note(settings.rule("R9.guess").state(p), said)


def guess_chance(plan: BlindPlan, rater: Rater) -> float:
    """Chance of naming the real arm for one who goes by the own ratings alone.

    An arm is named in proportion to the share of its pairs that it won (plus one half of a win and
    of a loss each, so that nothing is impossible).
    """
    wins, met = dict.fromkeys(ARMS, 0.5), dict.fromkeys(ARMS, 1.0)
    for at in _places(plan, "pair", rater):
        shown, choice = plan.row[at], rater.ratings[at].choice
        if choice == "invalid":
            continue
        for kind, side in ((shown.left, "left"), (shown.right, "right")):
            met[kind] += 1
            wins[kind] += 1.0 if choice == side else 0.5 if choice == "tie" else 0.0
    weights = {kind: wins[kind] / met[kind] for kind in ARMS}
    return weights["real"] / sum(weights.values())


def guesses_p(right: Sequence[bool], chances: Sequence[float]) -> float:
    """P(as many right or more) for independent guesses, each with its own chance; exact."""
    at_most = np.array([1.0])
    for chance in chances:
        at_most = np.convolve(at_most, [1 - chance, chance])
    return float(at_most[sum(right) :].sum())


def _others(found: _Found, plan: BlindPlan, raters: Sequence[Rater]) -> None:
    """Each further rater: preference, and agreement with the first on the pairs both rated."""
    for rater in raters[1:]:
        total = sum(tallies(plan, rater).values(), Tally())
        if total.decided:
            found.numbers[f"{rater.name}: real preferred"] = wilson(total.wins, total.decided)
        both = [
            at for at in _places(plan, "pair", rater)
            if at in raters[0].ratings
        ]  # fmt: skip
        pairs = [(raters[0].ratings[at].choice, rater.ratings[at].choice) for at in both]
        pairs = [(a, b) for a, b in pairs if "invalid" not in (a, b)]
        if pairs:
            kappa = cohen_kappa(*zip(*pairs, strict=True))
            n = len(pairs)
            found.numbers[f"kappa with {rater.name}"] = Interval(
                kappa, float("nan"), float("nan"), n, n
            )


def tallies(plan: BlindPlan, rater: Rater) -> dict[Kind, Tally]:
    """The real arm against each other arm, over the pairs proper."""
    out: dict[Kind, Tally] = {kind: Tally() for kind in ARMS if kind != "real"}
    for at in _places(plan, "pair", rater):
        shown, choice = plan.row[at], rater.ratings[at].choice
        other = shown.right if shown.left == "real" else shown.left
        out[other] += _counted(shown, choice)
    return out


def _counted(shown: Shown, choice: Choice) -> Tally:
    if choice in ("tie", "invalid"):
        return Tally(ties=int(choice == "tie"), invalid=int(choice == "invalid"))
    won = (shown.left if choice == "left" else shown.right) == "real"
    return Tally(wins=int(won), losses=int(not won))


def repeats(plan: BlindPlan, rater: Rater) -> tuple[Interval | None, float]:
    """Share of repeated pairs with the same text (or a tie) chosen both times, and Cohen's kappa.

    None and NaN where no pair was rated twice. The texts are told apart by their first side, not
    by their arm: one who always prefers the real arm would leave kappa undefined otherwise.
    """
    mirrored: dict[Choice, Choice] = {"left": "right", "right": "left", "tie": "tie"}
    first: list[Choice] = []
    second: list[Choice] = []
    for at in _places(plan, "repeat", rater):
        of = plan.row[at].of
        if of is None or of not in rater.ratings:
            continue
        a, b = rater.ratings[of].choice, rater.ratings[at].choice
        if a != "invalid" and b != "invalid":
            first.append(a)
            second.append(mirrored[b])
    if not first:
        return None, float("nan")
    alike = sum(a == b for a, b in zip(first, second, strict=True))
    return wilson(alike, len(first)), cohen_kappa(first, second)


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """(agreement - agreement by chance) / (1 - agreement by chance); 1 where nothing varies."""
    if len(first) != len(second) or not first:
        raise DataError(f"kappa needs as many answers twice; given {len(first)} and {len(second)}")
    n = len(first)
    agree = sum(a == b for a, b in zip(first, second, strict=True)) / n
    names = set(first) | set(second)
    chance = sum(first.count(c) * second.count(c) for c in names) / n**2 if names else 0.0
    return 1.0 if chance == 1 else (agree - chance) / (1 - chance)


def _places(plan: BlindPlan, where: str, rater: Rater) -> list[int]:
    return [at for at, s in enumerate(plan.row) if s.where == where and at in rater.ratings]


def _table(
    plan: BlindPlan, rater: Rater, by_arm: Mapping[Kind, Tally]
) -> dict[str, tuple[float, ...]]:
    """One row per arm in the order of `ARMS`; the real one holds the sums."""
    rows = {"real": sum(by_arm.values(), Tally()), **by_arm}
    fluency: dict[str, list[int]] = {kind: [] for kind in ARMS}
    for at, rating in rater.ratings.items():
        if rating.fluency is not None:
            fluency[plan.row[at].left].append(rating.fluency[0])
            fluency[plan.row[at].right].append(rating.fluency[1])
    return {
        "arm": tuple(float(k) for k in range(len(ARMS))),
        "real arm won": tuple(float(rows[kind].wins) for kind in ARMS),
        "real arm lost": tuple(float(rows[kind].losses) for kind in ARMS),
        "ties": tuple(float(rows[kind].ties) for kind in ARMS),
        "invalid": tuple(float(rows[kind].invalid) for kind in ARMS),
        "mean fluency": tuple(
            float(np.mean(fluency[kind])) if fluency[kind] else float("nan") for kind in ARMS
        ),
    }
