"""What the Audit pane reads: records first, then their inputs, and costs as the job counts them."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from emotui.events import Done, Note, Partial
from emotui.jobs.audit import AuditRequest, audit_job
from emotui.jobs.audit_browse import checked, findings_job, view
from emotui.jobs.audit_new import NewRequest, new_audit
from emotui.jobs.engine import Engine
from emotui.options import parse_layers
from store.layout import Home
from store.ledger import LEDGER
from tests.emotui.test_audit_commands import base

__all__ = ["base"]


@pytest.fixture
def home(base: "tuple[Path, str]", tmp_path: Path) -> Home:
    """A copy that the test may spoil."""
    return Home(Path(shutil.copytree(base[0], tmp_path / "home")))


def enter(home: Home, kind: str, **changes: Any) -> str:
    given: dict[str, Any] = {
        "kind": kind, "emotion": "joyful", "claim": f"a {kind} claim", "preset": "quick",
        "layer": parse_layers("1"),
    }  # fmt: skip
    if kind in ("steering", "ablation"):
        given["vectors"] = "four"
    else:
        given["run"] = next(home.runs.iterdir()).name
    if kind == "cosine":
        given["other"] = "glad"
    if kind == "steering":
        given["alpha"] = 0.5
    return str(new_audit(home, NewRequest(**given | changes))["id"])


@pytest.mark.parametrize("kind", ["probe", "cosine", "steering", "ablation"])
def test_costs_are_those_that_the_job_counts(home: Home, kind: str):
    if kind == "ablation":
        words = [f"the door stood open and people laughed by wall {i} near" for i in range(8)]
        name = enter(home, kind, prompts=tuple(words))
    else:
        name = enter(home, kind)
    found = checked(home, name)
    job = audit_job(home, AuditRequest(name, all_controls=True, thorough=True), engine=Engine())
    said = next(e.text for e in job if isinstance(e, Note) and "controls to run" in e.text)
    job.close()  # type: ignore[attr-defined]
    counted = [int(n.replace(",", "")) for n in re.findall(r"([\d,]+) (?:forward|generated)", said)]
    costs = [found.costs[c] for c in found.controls if c in found.costs]
    assert counted == [sum(c.forwards for c in costs), sum(c.generations for c in costs)]
    steps = [c for c in found.controls if c[0] != "R" or c == "R8"]
    assert len(steps) == int(said.split()[0])


def test_records_come_before_their_inputs_are_looked_at(home: Home):
    name = enter(home, "cosine")
    events = list(findings_job(home))
    first, last = events[0], events[-1]
    assert isinstance(first, Partial)
    assert isinstance(last, Done)
    assert [v.checked for v in first.value] == [False]  # type: ignore[attr-defined]
    (found,) = last.value  # type: ignore[misc]
    assert found.checked
    assert found.head
    assert found.required == ("G1", "G2", "G3", "X1")
    assert found.verdict.word == "UNTESTED"
    assert view(home, name).verdict == found.verdict


def test_a_deleted_finding_and_a_broken_ledger_are_rows_with_a_reason(home: Home):
    name = enter(home, "cosine")
    enter(home, "probe")
    for path in home.findings.glob(f"{name}*"):
        path.unlink()
    ledger = home.findings / LEDGER
    lines = ledger.read_text().splitlines()
    ledger.write_text("\n".join(lines[1:]) + "\n")
    done = list(findings_job(home))[-1]
    assert isinstance(done, Done)
    shown = {v.id: [p.fault for p in v.problems] for v in done.value}  # type: ignore[attr-defined]
    assert shown[LEDGER] == ["broken ledger"]
    ledger.write_text("\n".join(lines) + "\n")
    done = list(findings_job(home))[-1]
    assert isinstance(done, Done)
    shown = {v.id: [p.fault for p in v.problems] for v in done.value}  # type: ignore[attr-defined]
    assert shown[name] == ["deleted finding"]
    assert shown["probe-joyful-1"] == []
