"""The verdict algebra, badges, wording, families and the registry."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vectors.audits.badges import badges
from vectors.audits.claims import KINDS, Claim, Plan, seal
from vectors.audits.document import markdown
from vectors.audits.multiplicity import Member, adjust, describe, draws_needed, max_statistic
from vectors.audits.registry import CONTROLS, GROUPS, default_on, required
from vectors.audits.result import ControlResult, State
from vectors.audits.settings import RULES
from vectors.audits.verdict import Waiver, decide
from vectors.audits.wording import lint
from vectors.errors import DataError
from vectors.stats import Interval

BEFORE, AFTER = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"
WHY = "the data set has no topics to split by"


def claim(kind: str = "probe", **changes: object) -> Claim:
    given = {
        "text": "joy is decodable",
        "kind": kind,
        "statistic": "macro AUROC",
        "direction": "greater",
        "effect_min": 0.05,
        "population": "stories",
    }
    return Claim(**{**given, **changes})  # type: ignore[arg-type]


def results(kind: str = "probe", **states: State) -> dict[str, ControlResult]:
    need = dict.fromkeys(required(claim(kind)), "pass")
    return {
        c: ControlResult(c, state, reasons=() if state == "pass" else (f"because {c}",))  # type: ignore[arg-type]
        for c, state in {**need, **states}.items()
    }


def word(given: dict[str, ControlResult], kind: str = "probe", **more: object) -> str:
    sealed = seal(Plan(claim(kind), 40, ()), at=BEFORE)
    rest = {"prereg": sealed, "evidence_at": AFTER, **more}
    return decide(claim(kind), given, **rest).word  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_all_passes_support_and_any_gap_does_not(kind: str) -> None:
    assert word(results(kind), kind) == "SUPPORTED"
    for control in required(claim(kind)):
        left = results(kind)
        del left[control]
        assert word(left, kind) == "UNTESTED", control


def test_the_order_of_the_algebra() -> None:
    assert word(results(P1="fail")) == "REFUTED-AS-WORDED"
    assert word(results(P1="fail", P2="not_run")) == "REFUTED-AS-WORDED"
    assert word(results(P1="warn")) == "QUALIFIED"
    assert word(results(P1="warn", P2="limited")) == "INCONCLUSIVE"
    assert word(results(P1="limited", P2="not_run")) == "UNTESTED"
    assert word(results(P6="fail")) == "QUALIFIED"  # not required for a probe claim
    assert word(results(R8="fail")) == "INCONCLUSIVE"  # the audit missed its own control
    assert word(results(R8="fail", P1="fail")) == "INCONCLUSIVE"
    assert word(results("steering", I2="fail"), "steering") == "INCONCLUSIVE"
    assert word(results("steering", C8="fail"), "steering") == "QUALIFIED"
    assert word(results("steering", I6="n/a"), "steering") == "SUPPORTED"


def test_only_an_older_intact_seal_lifts_exploratory() -> None:
    given = results()
    assert word(given, prereg=None) == "SUPPORTED-EXPLORATORY"
    late = seal(Plan(claim(), 40, ()), at=AFTER)
    assert word(given, prereg=late, evidence_at=BEFORE) == "SUPPORTED-EXPLORATORY"
    sealed = seal(Plan(claim(), 40, ()), at=BEFORE)
    forged = replace(sealed, plan=Plan(claim(), 400, ()))
    assert word(given, prereg=forged) == "SUPPORTED-EXPLORATORY"
    assert word(given, evidence_at=None) == "SUPPORTED-EXPLORATORY"


def test_a_stale_control_counts_as_not_run() -> None:
    made = decide(claim(), results(), stale=("P4",))
    assert made.word == "UNTESTED"
    assert made.missing == ("P4",)
    assert any("inputs changed" in line for line in made.reasons)


def test_a_waiver_shows_and_never_hides_a_failure() -> None:
    left = results()
    del left["X1"]
    made = decide(claim(), left, waivers=[Waiver("X1", WHY, "mb")])
    assert made.word == "QUALIFIED"
    assert made.waived == ("X1",)
    assert WHY in made.sentence
    failed = decide(claim(), results(X1="fail"), waivers=[Waiver("X1", WHY, "mb")])
    assert failed.word == "REFUTED-AS-WORDED"
    with pytest.raises(DataError, match="write 20 or more"):
        Waiver("X1", "no time", "mb")
    with pytest.raises(DataError, match="no control"):
        Waiver("Z9", WHY, "mb")


def test_claims_that_name_a_layer_or_an_absence_need_more() -> None:
    assert "P7" in required(claim(layers=(18,)))
    assert "P7" not in required(claim())
    assert "R6" in required(claim(direction="none"))
    assert {"P4", "P5", "X1"} <= set(required(claim()))
    assert {"G2", "X1"} <= set(required(claim("cosine")))
    assert {"C10", "X1", "I1", "I7"} <= set(required(claim("steering")))
    with pytest.raises(DataError, match="filed as"):
        decide(claim(), {"P2": ControlResult("P1", "pass")})


def test_badges_come_in_order_only() -> None:
    step1 = results(X2="pass")
    step1["P1"] = ControlResult("P1", "pass", {"auroc by topic": Interval(0.9, 0.8, 0.95, 99, 9)})
    step1["P4"] = ControlResult("P4", "pass", {"gain": Interval(0.1, 0.05, 0.2, 99, 9)})
    steering = results("steering", C5="pass", C11="pass")
    assert [b.name for b in badges(step1)] == ["associated"]
    assert [b.name for b in badges({**step1, **steering})] == ["associated", "causal", "graded"]
    assert badges(steering) == ()
    only = {**step1, **steering, "C4": ControlResult("C4", "fail")}
    assert [b.name for b in badges(only)] == ["associated"]
    both = {**step1, **steering, "C9": ControlResult("C9", "pass")}
    assert badges(both)[1].detail == "sufficient and necessary"
    needed = {**both, "C1": ControlResult("C1", "fail")}
    assert badges(needed)[1].detail == "necessary"
    assert badges({**step1, "X3": ControlResult("X3", "fail")}) == ()
    weak = {
        **step1,
        "P1": ControlResult("P1", "pass", {"auroc by topic": Interval(0.8, 0.6, 1, 9, 9)}),
    }
    assert badges(weak) == ()
    assert badges(step1, stale=("P2",)) == ()


def test_wording_is_flagged_and_causal_verbs_are_earned() -> None:
    found = {hit.word.lower() for hit in lint("The model feels joy far above chance at layer 18.")}
    assert {"feels", "far above", "at layer"} <= found
    assert lint("AUROC on held-out topics was 0.83 [0.75, 0.89], n=100.") == ()
    earned = badges(
        {
            **results(X2="pass"),
            **results("steering"),
            "P1": ControlResult("P1", "pass", {"auroc by topic": Interval(0.9, 0.8, 1, 9, 9)}),
            "P4": ControlResult("P4", "pass", {"gain": Interval(0.1, 0.05, 1, 9, 9)}),
        }
    )
    text = "Adding the direction causes more joyful words."
    assert [hit.word for hit in lint(text)] == ["causes"]
    assert lint(text, earned=earned) == ()


def test_the_sentence_carries_numbers_and_qualifiers() -> None:
    given = results(P5="warn")
    given["P1"] = ControlResult(
        "P1", "pass", {"auroc by topic": Interval(0.81, 0.75, 0.86, 100, 20)}
    )
    made = decide(claim(emotions=("joy",)), given)
    assert "0.81 [0.75, 0.86], n=100" in made.sentence
    assert "one direction does not hold all of it" in made.sentence
    refuted = decide(claim(), results(P1="fail"))
    assert refuted.sentence.startswith("Not as worded.")
    assert refuted.glyph == "✗"


def test_fifty_permutations_cannot_carry_fourteen_claims() -> None:
    family = adjust([Member(f"F{i}", 1 / 51, 50) for i in range(14)])
    assert family.b_needed == 279
    assert {m.word for m in family.members} == {"resolution-limited"}
    assert "B>=279" in describe(family)
    enough = adjust([Member(f"F{i}", 1 / 280, 279) for i in range(14)])
    assert {m.word for m in enough.members} == {"significant"}
    mixed = adjust([Member("a", 1e-4, 9999), Member("b", 0.4, 9999)])
    assert [m.word for m in mixed.members] == ["significant", "not significant"]
    with pytest.raises(DataError, match="below its floor"):
        adjust([Member("a", 0.001, 50)])
    assert [draws_needed(m) for m in (14, 32, 171, 171 * 32)] == [279, 639, 3419, 109439]
    assert adjust([]).m == 0


def test_the_maximum_statistic_covers_all_layers_with_one_null() -> None:
    rng = np.random.default_rng(0)
    null = rng.standard_normal((999, 32))
    p = max_statistic(np.array([5.0] + [0.0] * 31), null)
    assert p[0] == 1 / 1000
    assert p[1:].min() == 1.0
    hits = [max_statistic(rng.standard_normal(32), null).min() <= 0.05 for _ in range(300)]
    assert np.mean(hits) < 0.09


def test_every_control_is_documented_word_for_word() -> None:
    page = (Path(__file__).parents[3] / "docs" / "audits.md").read_text()
    assert page.endswith(markdown()), "docs/audits.md: replace the part after the marker"
    for control in CONTROLS.values():
        assert control.question.endswith("?")
        for part in (control.formula, control.source, control.cannot_tell, control.qualifier):
            assert part, control.id
        assert all(key in RULES for key in control.rules), control.id
        assert f"### {control.id}." in page
    used = {key for control in CONTROLS.values() for key in control.rules}
    assert used == set(RULES)


def test_the_registry_holds_all_families() -> None:
    want = {"Engine": 7, "Correlation": 10, "Geometry": 8, "Causation": 14, "Generalisation": 7}
    assert {group: len(GROUPS[group]) for group in want} == want
    assert len(GROUPS["Reporting"]) == 9
    assert all(default_on(c) for c in ("P4", "G2", "P5", "C10", "X1"))


def test_the_order_in_which_results_are_filed_changes_nothing() -> None:
    given = results(R7="warn", R2="limited", P3="warn", P4="fail", P10="fail")
    turned = dict(reversed(given.items()))
    assert decide(claim(), given) == decide(claim(), turned)
