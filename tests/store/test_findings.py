"""Findings: saved and read back, and every kind of tampering named."""

import json
from pathlib import Path
from typing import Any

import pytest

from store.canonical import file_digest
from store.errors import CorruptError, NotFound, StoreError
from store.finding_check import check_finding, stale_controls
from store.findings import (
    EVENTS,
    add_event,
    events,
    head,
    list_findings,
    load_finding,
    save_finding,
    seal_plan,
)
from store.layout import Home

T0, T1, T2, T3 = (f"2026-01-0{d}T00:00:00+00:00" for d in (1, 2, 3, 4))
PLAN = {"sha256": "a" * 64, "sealed_at": T0, "plan": {"n": 40}}


def record(home: Home, **changes: Any) -> dict[str, Any]:
    artefact = home.root / "reports" / "null.json"
    if not artefact.exists():
        home.ensure()
        artefact.write_text("[0.5, 0.51]")
    made = {
        "id": "joy-18",
        "title": "joy at layer 18",
        "kind": "probe",
        "family": "stories",
        "verdict": {"word": "QUALIFIED"},
        "prereg": PLAN,
        "evidence": [
            {
                "control": "P2",
                "at": T2,
                "artefact": "reports/null.json",
                "artefact_sha256": file_digest(artefact),
            }
        ],
        "controls": {"P1": {"state": "pass"}, "P2": {"state": "pass"}, "C4": {"state": "warn"}},
        "inputs": {"dataset": "d" * 64, "vectors": "v" * 64},
        "control_inputs": {"P1": ["dataset"], "P2": ["dataset"], "C4": ["vectors"]},
    }
    return {**made, **changes}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").ensure()


@pytest.fixture
def saved(home: Home) -> Home:
    seal_plan(home, "joy-18", PLAN, at=T0)
    save_finding(home, record(home), at=T2)
    return home


def faults(home: Home, **more: Any) -> list[str]:
    return [p.fault for p in check_finding(home, "joy-18", **more)]


def test_what_was_saved_comes_back_and_holds(saved: Home) -> None:
    assert load_finding(saved, "joy-18") == record(saved)
    (summary,) = list_findings(saved)
    assert (summary.id, summary.verdict, summary.saved) == ("joy-18", "QUALIFIED", T2)
    assert faults(saved, current={"dataset": "d" * 64}, expected_head=head(saved, "joy-18")) == []
    with pytest.raises(NotFound, match="did you mean 'joy-18'"):
        load_finding(saved, "joy-81")


def test_history_only_grows(saved: Home) -> None:
    first = head(saved, "joy-18")
    add_event(saved, "joy-18", "note", {"controlled": "topics", "not": "register"}, at=T3)
    save_finding(saved, record(saved, verdict={"word": "SUPPORTED"}), at=T3)
    assert [e.kind for e in events(saved, "joy-18")] == ["sealed", "saved", "note", "saved"]
    assert faults(saved, expected_head=first) == []
    with pytest.raises(StoreError, match="check the clock"):
        add_event(saved, "joy-18", "note", {}, at=T0)


def test_an_edited_record_is_named(saved: Home) -> None:
    path = saved.findings / "joy-18.json"
    path.write_text(path.read_text().replace("QUALIFIED", "SUPPORTED"))
    (problem,) = check_finding(saved, "joy-18")
    assert problem.fault == "edited record"
    assert "joy-18.json hashes to" in problem.what
    path.write_text("{")
    assert faults(saved) == ["edited record"]
    path.unlink()
    assert faults(saved) == ["edited record"]


def rewrite(home: Home, change: Any) -> None:
    path = home.findings / f"joy-18{EVENTS}"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(line) + "\n" for line in change(lines)))


def test_an_edited_removed_or_moved_event_is_named(saved: Home) -> None:
    original = (saved.findings / f"joy-18{EVENTS}").read_text()

    def edit(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        lines[1]["body"]["verdict"] = "SUPPORTED"
        return lines

    for change, said in (
        (edit, "event 1 (saved) was edited"),
        (lambda lines: lines[1:], "does not follow"),
        (lambda lines: lines[::-1], "does not follow"),
    ):
        (saved.findings / f"joy-18{EVENTS}").write_text(original)
        rewrite(saved, change)
        found = [p for p in check_finding(saved, "joy-18") if p.fault == "broken chain"]
        assert found, said
        assert any(said in p.what for p in found)
        with pytest.raises(CorruptError, match="nothing is appended"):
            add_event(saved, "joy-18", "note", {}, at=T3)
    (saved.findings / f"joy-18{EVENTS}").write_text("not json\n")
    assert faults(saved) == ["broken chain"]


def test_an_event_that_a_kill_cut_short_never_happened(saved: Home) -> None:
    path = saved.findings / f"joy-18{EVENTS}"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"at":"2026-01-03T00:00')
    assert faults(saved) == []
    add_event(saved, "joy-18", "note", {}, at=T3)
    assert [e.kind for e in events(saved, "joy-18")] == ["sealed", "saved", "note"]
    assert faults(saved) == []
    # Cut short later, it is in the ledger.
    path.write_bytes(path.read_bytes()[:-9])
    assert faults(saved) == ["other history"]
    path.write_bytes(b"\xff\n")
    assert faults(saved) == ["broken chain"]


def test_a_consistent_forgery_is_found_by_a_head_that_was_noted(home: Home, tmp_path: Path) -> None:
    seal_plan(home, "joy-18", PLAN, at=T0)
    save_finding(home, record(home), at=T2)
    noted = head(home, "joy-18")
    forged = Home(tmp_path / "forged").ensure()
    seal_plan(forged, "joy-18", PLAN, at=T0)
    save_finding(forged, record(forged, verdict={"word": "SUPPORTED"}), at=T2)
    assert faults(forged) == []
    assert faults(forged, expected_head=noted) == ["other history"]


def test_a_backdated_preregistration_is_named(home: Home) -> None:
    # No plan was ever sealed here.
    save_finding(home, record(home), at=T2)
    assert faults(home) == ["backdated preregistration"]
    # A plan sealed after the evidence is refused; one slipped in by its event alone is found.
    with pytest.raises(StoreError, match="no plan: start a new finding"):
        seal_plan(home, "joy-18", PLAN, at=T3)
    body = {"sha256": PLAN["sha256"], "sealed_at": T0}
    add_event(home, "joy-18", "sealed", body, at=T3)
    problems = [p.what for p in check_finding(home, "joy-18")]
    assert any("evidence was saved in event 0, the plan in event 1" in what for what in problems)
    assert any(f"the plan says {T0}, it was sealed at {T3}" in what for what in problems)


def test_another_date_or_plan_than_the_sealed_one_is_named(home: Home) -> None:
    seal_plan(home, "joy-18", {**PLAN, "sealed_at": T1}, at=T1)
    save_finding(home, record(home), at=T2)  # its plan claims T0
    assert faults(home) == ["backdated preregistration"]
    save_finding(home, record(home, prereg={**PLAN, "sealed_at": T1, "sha256": "b" * 64}), at=T3)
    (problem,) = check_finding(home, "joy-18")
    assert "sealed was aaaaaaaaaaaa" in problem.what
    with pytest.raises(StoreError, match="log a deviation"):
        seal_plan(home, "joy-18", PLAN, at=T3)


def test_a_changed_input_makes_its_controls_stale(saved: Home) -> None:
    now = {"dataset": "e" * 64, "vectors": "v" * 64}
    (problem,) = check_finding(saved, "joy-18", current=now)
    assert problem.fault == "changed input"
    assert "dataset was dddddddddddd, is eeeeeeeeeeee; stale: P1, P2" in problem.what
    assert stale_controls(record(saved), now) == ("P1", "P2")
    assert stale_controls(record(saved, control_inputs=None), now) == ("P1", "P2", "C4")
    assert stale_controls(record(saved), {}) == ()


def test_a_deleted_or_changed_artefact_is_named(saved: Home) -> None:
    artefact = saved.root / "reports" / "null.json"
    artefact.write_text("[0.5]")
    (problem,) = check_finding(saved, "joy-18")
    assert problem.fault == "changed artefact"
    artefact.unlink()
    (problem,) = check_finding(saved, "joy-18")
    assert (problem.fault, problem.what) == ("deleted artefact", "reports/null.json (P2)")


def test_what_cannot_be_saved(home: Home) -> None:
    with pytest.raises(StoreError, match="null for NaN"):
        save_finding(home, record(home, forks=float("nan")), at=T2)
    with pytest.raises(StoreError, match="not usable"):
        save_finding(home, record(home, id="../x"), at=T2)
    with pytest.raises(StoreError, match="no time zone"):
        save_finding(home, record(home), at="2026-01-01T00:00:00")
    assert list_findings(home) == []
