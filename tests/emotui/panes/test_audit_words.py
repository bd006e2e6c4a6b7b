"""What the Audit pane says in words and draws in cells, from plain values."""

import math

import pytest
from rich.cells import cell_len

from emotui.auditview import number
from emotui.jobs.audit_browse import FindingView
from emotui.panes.audit_plot import curves, histogram, interval_rows, table_plot
from emotui.panes.audit_rows import GLYPHS, finding_cells, ordered
from emotui.panes.audit_suggest import EFFECTS, KINDS, UNITS, Suggestion
from emotui.panes.audit_summary import badges_text, because, family_text, plan_text
from emotui.panes.audit_wizard import (
    claim_form,
    lint_lines,
    mistakes,
    new_request,
)
from emotui.screens.form import blamed
from store.finding_check import FindingProblem
from vectors.audits.claims import Claim
from vectors.audits.result import STATES, ControlResult
from vectors.audits.verdict import decide

PREREG = {"sha256": "ab" * 32, "sealed_at": "2026-01-02T00:00:00+00:00", "deviations": []}


def interval(value: float, low: float, high: float, n: int = 10) -> dict[str, float | int]:
    return {"value": value, "low": low, "high": high, "n": n, "n_clusters": n}


def test_every_state_has_a_glyph_of_its_own_but_waived_and_not_run():
    assert set(STATES) <= set(GLYPHS)
    shown = [GLYPHS[s] for s in GLYPHS if s != "waived"]
    assert len(shown) == len(set(shown))


def test_intervals_have_one_number_of_decimals():
    assert number(interval(0.5, 0.41234, 0.6)) == "0.500 [0.412, 0.600] n 10"
    assert number(interval(4.59e-5, -0.0008, 0.0013)) == "0.00005 [-0.00080, 0.00130] n 10"
    assert number(interval(0.0, 0.0, 0.0)) == "0 n 10"
    assert number({**interval(1, 0, 2), "value": None}) == "-"


def test_a_curve_rises_where_its_values_do():
    lines = curves("dose", (-1.0, 0.0, 1.0), {"outcome": (-1.0, 0.0, 1.0)}, 60)
    marked = [
        [i for i, ch in enumerate(line[7:]) if ch not in " ┤│"] for line in lines[:-2]
    ]  # fmt: skip
    firsts = [cells[0] for cells in marked if cells]
    assert firsts == sorted(firsts, reverse=True), "the higher the row, the further to the right"
    assert "-1" in lines[-2]
    assert lines[-1].strip().startswith("dose")
    assert all(cell_len(line) <= 60 for line in lines)


def test_columns_of_other_scales_get_plots_of_their_own_and_marks_are_words():
    table = {
        "accuracy": (0.5, 0.7, 0.8),  # rises as well, but the layer is what it is drawn over
        "layer": (0.0, 1.0, 2.0),
        "count": (100.0, 2000.0, 50.0),
        "near": (0.0, 1.0, 1.0),
    }
    text = "\n".join(table_plot(table, 70))
    assert text.count(" layer   ") == 2
    assert "near: layer 1, 2" in text


def test_columns_without_an_order_are_a_table_and_one_long_one_a_histogram():
    assert "3.5" in "\n".join(table_plot({"a": (2.0, 1.0), "b": (3.5, None)}, 60))
    drawn = table_plot({"draws": tuple(float(i % 7) for i in range(70))}, 60)
    assert drawn[0] == "draws, 70 values"
    assert sum(int(line.split()[-1]) for line in drawn[1:]) == 70
    assert table_plot({}, 60) == table_plot({"a": (1.0, 2.0)}, 60) == []
    assert histogram("x", [math.nan], 60) == []


def test_nothing_computable_is_said():
    assert curves("x", (0.0, 1.0), {"y": (math.nan, math.nan)}, 60) == [
        "y: nothing could be computed"
    ]


def test_intervals_and_nulls_share_an_axis_and_counts_stay_off_it():
    null = {"kind": "shuffled", "mean": 0.0, "sd": 0.1}
    numbers = {"cosine": interval(0.5, 0.4, 0.6), "items": interval(240, 200, 280)}
    effect, noise, axis = interval_rows(numbers, [null], 80)
    assert effect.index("├") < effect.index("●") < effect.index("┤")
    assert noise.index("┆") < effect.index("├")
    assert axis.split() == ["-0.2", "0.6"]
    assert interval_rows({"n": {**interval(1, 1, 1)}}, [], 80) == []
    assert interval_rows(numbers, [null], 30) == []


def test_the_number_that_is_evidence_comes_first():
    found = {"id": "P1", "numbers": {"a": 1, "b": 2}}
    record = {"evidence": [{"control": "P1", "statistic": "b"}]}
    assert list(ordered(record, found)) == ["b", "a"]


@pytest.mark.parametrize(
    ("prereg", "evidence", "said"),
    [
        (None, [], "p seals it"),
        (None, [{"at": "2026-01-01T00:00:00+00:00"}], "too late for p"),
        (PREREG, [], "no evidence yet"),
        (PREREG, [{"at": "2026-01-03T00:00:00+00:00"}], "before the first evidence"),
        (PREREG, [{"at": "2026-01-01T00:00:00+00:00"}], "AFTER the first evidence"),
    ],
)
def test_the_plan_says_when_it_was_sealed_against_the_evidence(prereg, evidence, said):
    assert said in plan_text({"prereg": prereg, "evidence": evidence})


@pytest.mark.parametrize(
    ("m", "kind", "said"),
    [
        (14, "cosine", "Holm at 0.05 needs B ≥ 279, quick has 99 ✗ too few"),
        (1, "cosine", "1 claim on d; Holm at 0.05 needs B ≥ 19, quick has 99 ✓"),
        (1, "steering", "needs R ≥ 19, quick has 19 ✓"),
    ],
)
def test_the_family_says_how_many_draws_it_takes(m, kind, said):
    record = {"family_size": m, "preset": "quick", "kind": kind, "family": "d"}
    assert said in family_text(record)


def test_controls_that_were_not_run_share_a_line():
    claim = Claim("joyful can be read", "cosine", "cosine", "greater", 0.1, "texts")
    lines = because(decide(claim, {}))
    assert lines[0] == "not run: G1, G2, G3, X1"
    ran = {c: ControlResult(c, "pass") for c in ("G1", "G2")}
    assert because(decide(claim, ran, stale=["G1", "G2"]))[:2] == [
        "their inputs changed since they ran, a runs them again: G1, G2",
        "not run: G3, X1",
    ]
    assert badges_text(decide(claim, {}).badges) == "· associated  · causal  · graded"


def test_a_finding_that_cannot_be_read_is_still_a_row():
    problem = FindingProblem("x", "edited record", "x.json is gone")
    cells = finding_cells(FindingView("x", None, problems=(problem,)))
    assert cells[0] == "✗"
    assert cells[-1] == "!"


@pytest.mark.parametrize("kind", KINDS)
def test_a_suggested_claim_says_no_more_than_its_controls_carry(kind: str):
    given = Suggestion(kind, "r", "v", "joyful", "glad", "5", "+0.1")
    assert lint_lines(given.sentence) == []
    assert kind in given.line
    assert float(EFFECTS[kind]) > 0
    assert UNITS[kind]


def answers(kind: str, **changes: str) -> dict[str, str]:
    form = claim_form(kind, Suggestion(kind, "r", "v", "joyful", "glad", "5", "+0.1"))
    return {f.name: f.value for f in form._fields} | changes


@pytest.mark.parametrize(
    ("kind", "changes", "field", "why"),
    [
        ("probe", {"claim": ""}, "claim", "write the sentence"),
        ("probe", {"run": ""}, "run", "name the run"),
        ("probe", {"emotion": ""}, "emotion", "name the emotion"),
        ("probe", {"layer": "x"}, "layer", "layer"),
        ("probe", {"effect_min": "-1"}, "effect_min", "above 0"),
        ("probe", {"effect_min": "much"}, "effect_min", "is a number"),
        ("cosine", {"other": ""}, "other", "other emotion"),
        ("steering", {"alpha": ""}, "alpha", "alpha is one number"),
        ("steering", {"alpha": "0"}, "alpha", "alpha is one number"),
        ("steering", {"alpha": "x"}, "alpha", "is not a number"),
        ("steering", {"prompts": "/nowhere/at/all"}, "prompts", "is no file"),
        ("ablation", {"vectors": ""}, "vectors", "name the vectors"),
        ("axis", {}, "norms", "an axis needs norms"),
        ("axis", {"norms": __file__, "component": "6"}, "component", "one of 1, 2, 3, 4, 5"),
    ],
)
def test_mistakes_are_seen_before_anything_is_entered(kind, changes, field, why):
    found = mistakes(kind, answers(kind, **changes))
    assert found is not None
    assert found.field == field
    assert why in found.why


@pytest.mark.parametrize(("kind", "changes"), [("probe", {}), ("axis", {"norms": __file__})])
def test_a_filled_form_has_no_mistake(kind, changes):
    assert mistakes(kind, answers(kind, **changes)) is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ("--layer: layer 9 is not there; layers are 0..7", "layer"),
        ("a cosine claim needs --with EMOTION", "other"),
        ("no run 'r'; there are: tiny", "run"),
        ("unknown emotion 'joyful'; did you mean 'joy'?", "emotion"),
        ("--threshold without --prereg", ""),
        ("the disk is full", ""),
    ],
)
def test_a_refusal_is_about_the_field_it_names_or_quotes(wrong, field):
    form = claim_form("cosine", Suggestion("cosine", "r", "v", "joyful", "glad", "5", "+0.1"))
    assert blamed(wrong, form._fields) == field


def test_the_form_becomes_the_request_of_the_command():
    request = new_request("steering", answers("steering", target_words="glad, merry"))
    assert (request.kind, request.vectors, request.run) == ("steering", "v", None)
    assert request.alpha == 0.1
    assert request.target_words == ("glad", "merry")
    assert request.prereg
    cosine = new_request("cosine", answers("cosine", seal="no"))
    assert (cosine.run, cosine.other, cosine.vectors) == ("r", "glad", None)
    assert not cosine.prereg
