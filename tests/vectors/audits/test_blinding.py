"""R9 and R10 on planted raters: who is believed, who is found, and how often chance is.

A planted rater has an opinion per pair (drawn once), holds to it when the pair comes again, and
calls a pair of one text twice a tie. "70 %" is the share of pairs in which that opinion is for the
real arm. Tolerances are three standard errors of the number of simulated raters.
"""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binomtest

from tests.vectors.audits.planted import World, plant
from vectors.audits.blind_ratings import (
    Choice,
    Rater,
    Rating,
    cohen_kappa,
    guess_chance,
    guesses_p,
    judge_ratings,
    needed_wins,
    preference_null,
    repeats,
    tallies,
)
from vectors.audits.blinding import ARMS, PAIRS, BlindPlan, Shown, make_arms, plan_blind
from vectors.audits.lineup import judge_picks, line_up, picks_p
from vectors.audits.settings import settings
from vectors.errors import DataError

QUICK = settings("quick")
PLAN = plan_blind(40, seed=7)
Answer = Callable[[Shown, np.random.Generator], Choice]


def preferring(share: float) -> Answer:
    """Prefers the real arm in this share of pairs; ties where both texts are one."""

    def answer(shown: Shown, rng: np.random.Generator) -> Choice:
        if shown.where == "catch":
            return "tie"
        real: Choice = "left" if shown.left == "real" else "right"
        other: Choice = "right" if real == "left" else "left"
        return real if rng.random() < share else other

    return answer


def rated(plan: BlindPlan, answer: Answer, seed: int, *, steady: bool = True) -> Rater:
    """A rater's answers; a `steady` one says the same when a pair comes again."""
    rng = np.random.default_rng(seed)
    mirrored: dict[Choice, Choice] = {
        "left": "right", "right": "left", "tie": "tie", "invalid": "invalid",
    }  # fmt: skip
    ratings: dict[int, Rating] = {}
    for place, shown in enumerate(plan.row):
        choice = answer(shown, rng)
        if steady and shown.where == "repeat" and shown.of is not None:
            choice = mirrored[ratings[shown.of].choice]
        ratings[place] = Rating(choice)
    return Rater("user", ratings)


def anything(_shown: Shown, rng: np.random.Generator) -> Choice:
    return "left" if rng.random() < 0.5 else "right"


def test_the_plan_is_balanced_and_its_parts_are_where_they_belong() -> None:
    kinds = Counter(s.where for s in PLAN.row)
    assert kinds == {"pair": PAIRS, "repeat": 6, "catch": 6}
    assert sorted(PLAN.codes) == list("ABCDEF")
    assert sorted(PLAN.codes.values()) == sorted(ARMS)
    met = Counter()
    for place, shown in enumerate(PLAN.row):
        if shown.where == "catch":
            assert shown.left == shown.right
            continue
        assert "real" in (shown.left, shown.right)
        assert shown.left != shown.right
        if shown.where == "pair":
            met[shown.right if shown.left == "real" else shown.left] += 1
        else:
            assert shown.of is not None
            first = PLAN.row[shown.of]
            assert shown.of < place
            assert first.where == "pair"
            assert (first.left, first.right, first.item) == (shown.right, shown.left, shown.item)
    assert set(met.values()) == {12}
    assert len({s.item for s in PLAN.row if s.where == "pair"}) == PAIRS
    assert len(set(PLAN.items)) == len(PLAN.items), "a beginning under one luck stands once"
    sides = [s.left == "real" for s in PLAN.row if s.where == "pair"]
    assert 15 < sum(sides) < 45
    needed = PLAN.needed()
    assert len(set(needed)) == len(needed)
    assert {(s.item, k) for s in PLAN.row for k in (s.left, s.right)} <= set(needed)
    assert {(item, kind) for item in PLAN.sheets for kind in ARMS} <= set(needed)


def test_another_seed_is_another_plan_and_the_same_seed_the_same() -> None:
    assert plan_blind(40, seed=7) == PLAN
    assert plan_blind(40, seed=8).codes != PLAN.codes or plan_blind(40, seed=8).row != PLAN.row
    letters = Counter(
        next(c for c, k in plan_blind(8, seed=s, pairs=6).codes.items() if k == "real")
        for s in range(600)
    )
    assert all(60 < n < 140 for n in letters.values()), letters
    with pytest.raises(DataError, match="5 pairs"):
        plan_blind(40, seed=0, pairs=5)


def test_arms_share_a_norm_and_differ_in_direction() -> None:
    data, axes = plant(World(signal=3.0, n_labels=3))
    arms = make_arms(
        axes[0], 0.3, rows=data.rows, codes=data.codes, label=0, groups=data.groups,
        natural=data.rows, other=axes[1], seed=1,
    )  # fmt: skip
    assert tuple(a.kind for a in arms) == ARMS
    assert [a.alpha for a in arms] == [0.3, -0.3, None, 0.3, 0.3, 0.3]
    pushed = {a.kind: a.direction for a in arms if a.direction is not None}
    assert all(abs(np.linalg.norm(v) - 1) < 1e-5 for v in pushed.values())
    assert abs(float(pushed["shuffled"] @ axes[0])) < 0.9
    assert np.array_equal(pushed["minus"], pushed["real"])
    with pytest.raises(DataError, match="unit vector"):
        make_arms(2 * axes[0], 0.3, rows=data.rows, codes=data.codes, label=0,
                  groups=data.groups, natural=data.rows, other=axes[1], seed=1)  # fmt: skip


@pytest.mark.parametrize(("n", "needed"), [(40, 27), (60, 39), (80, 50)])
def test_how_many_preferences_are_needed(n: int, needed: int) -> None:
    assert needed_wins(n) == needed
    assert binomtest(needed, n).pvalue < 0.05 <= binomtest(needed - 1, n).pvalue
    assert preference_null(needed, n).p == binomtest(needed, n).pvalue
    assert preference_null(n, n).p == pytest.approx(preference_null(n, n).floor)
    assert np.isnan(needed_wins(5))


def test_a_rater_who_prefers_the_real_arm_in_70_percent_is_found_with_the_stated_power() -> None:
    found = [
        judge_ratings(plan_blind(40, seed=s), [rated(plan_blind(40, seed=s), preferring(0.7), s)],
                      QUICK)
        for s in range(200)
    ]  # fmt: skip
    # An arm that happens to be preferred to the real one only warns.
    share = np.mean([f.state in ("pass", "warn") for f in found])
    assert share == pytest.approx(0.838, abs=3 * np.sqrt(0.838 * 0.162 / 200))
    significant = np.mean([f.nulls[0].p < 0.05 for f in found])
    assert significant == pytest.approx(0.838, abs=3 * np.sqrt(0.838 * 0.162 / 200))


def test_a_rater_without_preference_passes_at_most_at_the_stated_rate() -> None:
    found = [
        judge_ratings(plan_blind(40, seed=s), [rated(plan_blind(40, seed=s), anything, s)], QUICK)
        for s in range(400)
    ]  # fmt: skip
    # Two-sided .027 at n = 60, and half of those on the wrong side fail.
    assert np.mean([f.nulls[0].p < 0.05 for f in found]) <= 0.055
    assert np.mean([f.state in ("pass", "warn") for f in found]) <= 0.055


def test_the_wrong_side_fails_and_is_right_for_a_claim_of_less() -> None:
    rater = rated(PLAN, preferring(0.1), 3)
    found = judge_ratings(PLAN, [rater], QUICK)
    assert found.state == "fail"
    assert "not the side" in " ".join(found.reasons)
    assert judge_ratings(PLAN, [rater], QUICK, direction="less").state == "pass"


def test_always_the_left_side_is_no_opinion() -> None:
    rater = rated(PLAN, lambda _s, _r: "left", 0, steady=False)
    agreement, kappa = repeats(PLAN, rater)
    assert agreement is not None
    assert agreement.value == 0.0
    assert kappa <= 0
    found = judge_ratings(PLAN, [rater], QUICK)
    assert found.state == "limited"
    assert found.numbers["first text preferred"].value == 1.0
    assert found.numbers["catch pairs called a tie"].value == 0.0


def test_a_careless_rater_is_limited_even_with_a_strong_preference() -> None:
    def answer(shown: Shown, rng: np.random.Generator) -> Choice:
        if shown.where == "pair":
            return preferring(0.95)(shown, rng)
        return "tie" if shown.where == "catch" else anything(shown, rng)

    states, kappas = [], []
    for seed in range(40):
        rater = rated(PLAN, answer, seed, steady=False)
        kappas.append(repeats(PLAN, rater)[1])
        states.append(judge_ratings(PLAN, [rater], QUICK).state)
        assert (states[-1] == "limited") == (kappas[-1] < 0.4)
    assert np.mean(kappas) < 0.2
    assert states.count("limited") > 25
    honest = rated(PLAN, preferring(0.95), 1)
    assert judge_ratings(PLAN, [honest], QUICK).state == "pass"


def test_ties_invalids_and_missing_pairs_are_counted_not_split() -> None:
    rater = rated(PLAN, preferring(1.0), 0)
    ratings = dict(rater.ratings)
    pairs = [k for k, s in enumerate(PLAN.row) if s.where == "pair"]
    for place in pairs[:10]:
        ratings[place] = Rating("tie")
    for place in pairs[10:15]:
        ratings[place] = Rating("invalid")
    found = judge_ratings(PLAN, [Rater("user", ratings)], QUICK)
    assert found.numbers["pairs decided"].value == 45
    assert found.numbers["all pairs: real preferred"].n == 45
    assert found.numbers["preferences needed"].value == needed_wins(45)
    total = sum(found.table["ties"][1:])
    assert (total, sum(found.table["invalid"][1:])) == (10, 5)
    few = {k: r for k, r in rater.ratings.items() if k < 5}
    short = judge_ratings(PLAN, [Rater("user", few)], QUICK)
    assert short.state == "limited"
    assert "67 of 72 pairs were not rated" in short.reasons
    broken = {k: Rating("invalid") for k in range(len(PLAN.row))}
    assert judge_ratings(PLAN, [Rater("user", broken)], QUICK).state == "limited"
    with pytest.raises(DataError, match="no rating"):
        judge_ratings(PLAN, [Rater("user", {})], QUICK)


def test_arms_are_tallied_apart_and_one_that_beats_the_real_one_warns() -> None:
    def answer(shown: Shown, rng: np.random.Generator) -> Choice:
        loses = "other" in (shown.left, shown.right)
        return preferring(0.0 if loses else 1.0)(shown, rng)

    rater = rated(PLAN, answer, 0)
    by_arm = tallies(PLAN, rater)
    assert by_arm["other"].losses == 12
    assert by_arm["minus"].wins == 12
    found = judge_ratings(PLAN, [rater], QUICK)
    assert found.state == "warn"
    assert "against the arm other it is the other way: 0 of 12" in found.reasons
    assert found.table["real arm won"][0] == 48


def test_fluency_is_kept_per_arm() -> None:
    ratings = {k: Rating("tie", (2, 0)) for k, s in enumerate(PLAN.row) if s.left == "real"}
    ratings |= {k: Rating("tie", (0, 2)) for k, s in enumerate(PLAN.row) if s.right == "real"}
    pairs = {k: r for k, r in ratings.items() if PLAN.row[k].where != "catch"}
    found = judge_ratings(PLAN, [Rater("user", pairs)], QUICK)
    assert found.table["mean fluency"] == (2.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_kappa_against_worked_numbers() -> None:
    assert cohen_kappa("aabb", "aabb") == 1.0
    assert cohen_kappa("aaaa", "aaaa") == 1.0
    assert cohen_kappa("abab", "aabb") == 0.0
    # Agreement 7/10, by chance .5 * .6 + .5 * .4 = .5.
    assert cohen_kappa("aaaaabbbbb", "aaaabaabbb") == pytest.approx(0.4)
    with pytest.raises(DataError):
        cohen_kappa("ab", "a")


def test_a_guess_that_follows_the_ratings_is_no_leak_and_many_against_them_are() -> None:
    real = next(code for code, kind in PLAN.codes.items() if kind == "real")
    keen = rated(PLAN, preferring(0.95), 0)
    flat = Rater("a", {k: Rating("tie") for k in range(len(PLAN.row))})
    assert guess_chance(PLAN, flat) == pytest.approx(1 / 6)
    assert guess_chance(PLAN, keen) > 0.5
    one = Rater("user", keen.ratings, real)
    assert judge_ratings(PLAN, [one], QUICK).state == "pass", "one guess cannot show a leak"
    assert guesses_p([True], [0.3]) == pytest.approx(0.3)
    assert guesses_p([True, True, False], [0.5, 0.5, 0.5]) == pytest.approx(0.5)
    assert guesses_p([False], [0.3]) == pytest.approx(1.0)
    blind = rated(PLAN, preferring(0.7), 1)
    leak = [Rater(f"r{k}", blind.ratings, real) for k in range(5)]
    found = judge_ratings(PLAN, leak, QUICK)
    assert found.state == "warn"
    assert "guessed more often than the ratings explain" in " ".join(found.reasons)
    wrong = next(code for code, kind in PLAN.codes.items() if kind == "none")
    missed = [Rater(f"r{k}", blind.ratings, wrong) for k in range(5)]
    assert judge_ratings(PLAN, missed, QUICK).state == "pass"


def test_a_machine_stands_beside_a_person_and_warns_alone() -> None:
    person = rated(PLAN, preferring(0.8), 5)
    judge = Rater("judge m", rated(PLAN, preferring(0.0), 6).ratings, machine=True)
    both = judge_ratings(PLAN, [judge, person], QUICK)
    assert both.state == "pass"
    assert both.numbers["judge m: real preferred"].value == 0.0
    assert both.numbers["kappa with judge m"].n == PAIRS
    alone = judge_ratings(PLAN, [Rater("judge m", person.ratings, machine=True)], QUICK)
    assert alone.state == "warn"
    assert "language model only" in " ".join(alone.reasons)
    again = judge_ratings(PLAN, [person], QUICK, earlier=1)
    assert again.state == "warn"


def test_line_up_p_is_exact() -> None:
    assert picks_p(1, 1) == pytest.approx(1 / 8)
    assert picks_p(2, 2) == pytest.approx(1 / 64)
    assert picks_p(0, 3) == 1.0
    assert picks_p(1, 2) == pytest.approx(1 - (7 / 8) ** 2)
    assert judge_picks([True], QUICK).state == "limited"
    assert judge_picks([True, True], QUICK).state == "pass"
    assert judge_picks([True, False], QUICK).state == "fail"
    assert judge_picks([True, False, True], QUICK).state == "pass"
    found = judge_picks([True, True], QUICK).null
    assert found is not None
    assert found.p == pytest.approx(found.floor)
    with pytest.raises(DataError):
        picks_p(3, 2)


def test_the_real_curve_stands_out_where_there_is_signal_and_hides_in_noise() -> None:
    strong, _ = plant(World(signal=2.0))
    layers = (0, 1, 2, 3)
    rng = np.random.default_rng(0)

    def grows(layer: int) -> np.ndarray:
        noise = rng.standard_normal(strong.rows.shape) * (4 - layer)
        return np.asarray(strong.rows + noise)

    reals, tops = [], 0
    for round in (1, 2):
        for seed in range(8):
            found = line_up(strong, grows, layers, QUICK, round=round, order_seed=seed)
            assert found.curves.shape == (8, 4)
            reals.append(found.real)
            tops += int(found.curves.mean(axis=1).argmax() == found.real)
    assert tops == 16
    assert len(set(reals)) > 3, "the real one does not always stand at the same place"
    noise, _ = plant(World(signal=0.0))
    picks = [
        int(f.curves.mean(axis=1).argmax() == f.real)
        for r in range(1, 81)
        for f in [line_up(noise, lambda _l: noise.rows, (0,), QUICK, round=r, order_seed=r)]
    ]
    # 1/8 by chance: 10 of 80, within three standard errors.
    assert abs(np.mean(picks) - 1 / 8) < 3 * np.sqrt(1 / 8 * 7 / 8 / 80)


def test_two_rounds_read_complementary_halves_and_few_topics_are_refused() -> None:
    data, _ = plant(World(signal=2.0))
    seen: list[int] = []

    def read(_layer: int) -> np.ndarray:
        return data.rows

    first = line_up(data, read, (0,), QUICK, round=1, order_seed=1, on_layer=seen.append)
    second = line_up(data, read, (0,), QUICK, round=2, order_seed=1)
    assert seen == [1]
    assert first.real == second.real
    assert not np.isclose(first.curves[first.real], second.curves[second.real]).all()
    thin, _ = plant(World(n_topics=10))
    with pytest.raises(DataError, match="needs 12 or more"):
        line_up(thin, lambda _l: thin.rows, (0,), QUICK, round=1, order_seed=1)
