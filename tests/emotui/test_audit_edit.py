"""What a person may add to a finding: an event first, then the record, never over an edit."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from store.findings import events
from store.layout import Home
from tests.emotui.test_audit_commands import ALIKE, COSINE, QUICK, WHY, base, enter

__all__ = ["base"]
NOTE = ("--controlled", "topic and length", "--not-controlled", "the register")


@pytest.fixture
def home(base: "tuple[Path, str]", emotui: Any, tmp_path: Path) -> Path:
    """A copy that the test may spoil."""
    del emotui
    return Path(shutil.copytree(base[0], tmp_path / "home"))


@pytest.fixture
def name(home: Path, emotui: Any, base: "tuple[Path, str]") -> str:
    """A claim without a plan and without evidence."""
    del home
    return str(enter(emotui, base, *COSINE, *ALIKE, "--preset", "quick")["id"])


def kinds(home: Path, name: str) -> list[str]:
    return [e.kind for e in events(Home(home), name)]


def test_a_note_is_an_event_and_part_of_the_record(emotui, home: Path, name: str):
    record = emotui("audit", "note", name, *NOTE, "--json").json
    assert record["notes"] == [{"controlled": "topic and length", "not_controlled": "the register"}]
    assert kinds(home, name) == ["saved", "note", "saved"]
    assert emotui("audit", "show", name, "--json").json["notes"] == record["notes"]
    assert "missing" in emotui("audit", "note", name, "--controlled", "x").error


def test_a_waiver_stands_in_the_verdict(emotui, home: Path, name: str):
    done = emotui("audit", "waive", name, "G2", "--reason", WHY, "--by", "A. Reader")
    assert f"G2 was waived by A. Reader: {WHY}" in done.out
    event = next(e for e in events(Home(home), name) if e.kind == "waiver")
    assert event.body == {"control": "G2", "reason": WHY, "by": "A. Reader"}
    record = emotui("audit", "run", name, *QUICK, "--json").json
    assert record["verdict"]["word"] == "QUALIFIED"
    assert "G2" not in record["controls"]
    assert emotui("audit", "check").code == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("waive", "G2", "--reason", "too short"), "20 or more"),
        (("waive", "G99", "--reason", WHY), "no control 'G99'"),
        (("waive", "P3", "--reason", WHY), "not required for a cosine claim"),
        (("run", "--waive", f"P3={WHY}"), "not required for a cosine claim"),
        (("run", "--waive", f"G2={WHY}", "--waive", f"G99={WHY}"), "no control 'G99'"),
        (("deviate", "--what", "x", "--why", "y"), "has no sealed plan"),
        (("deviate", "--what", "x"), "--why is missing"),
    ],
)
def test_what_cannot_be_added_is_said_in_one_line(emotui, home: Path, name: str, args, message):
    verb, *rest = args
    done = emotui("audit", verb, name, *rest)
    assert done.code == 2
    assert message in done.error
    assert kinds(home, name) == ["saved"], "nothing was written"


def test_a_control_that_ran_cannot_be_waived(emotui, name: str):
    emotui("audit", "run", name, "--control", "G1", *QUICK)
    assert "G1 has been run" in emotui("audit", "waive", name, "G1", "--reason", WHY).error


def test_a_plan_sealed_before_the_evidence_lifts_the_verdict(emotui, home: Path, name: str):
    sealed = emotui("audit", "seal", name, "--json").json["prereg"]
    assert sealed["plan"]["controls"] == ["G1", "G2", "G3", "X1"]
    assert sealed["plan"]["n"] == 240
    assert kinds(home, name) == ["saved", "sealed", "saved"]
    assert "log a deviation instead" in emotui("audit", "seal", name).error
    record = emotui("audit", "run", name, *QUICK, "--json").json
    assert record["controls"]["R1"]["state"] == "pass"
    assert record["verdict"]["word"] in ("SUPPORTED", "QUALIFIED")
    assert not any("exploratory" in reason for reason in record["verdict"]["reasons"])
    deviated = emotui("audit", "deviate", name, "--what", "one more layer", "--why", "asked for",
                      "--json").json  # fmt: skip
    assert deviated["prereg"]["sha256"] == sealed["sha256"]
    assert deviated["prereg"]["deviations"][0]["what"] == "one more layer"
    assert emotui("audit", "check").code == 0


def test_the_plan_is_the_one_that_new_would_have_sealed(emotui, home: Path, name: str, base):
    del home
    later = emotui("audit", "seal", name, "--json").json["prereg"]["plan"]
    at_once = enter(emotui, base, *COSINE, *ALIKE, "--preset", "quick", "--prereg")["prereg"]
    assert later == at_once["plan"]


def test_it_is_too_late_for_a_plan_once_evidence_was_read(emotui, home: Path, name: str):
    emotui("audit", "run", name, "--control", "G1", *QUICK)
    before = kinds(home, name)
    assert "a plan sealed now is no plan" in emotui("audit", "seal", name).error
    assert kinds(home, name) == before


@pytest.mark.parametrize(
    "args",
    [("note", *NOTE), ("waive", "G2", "--reason", WHY), ("seal",), ("run", *QUICK),
     ("deviate", "--what", "x", "--why", "y"), ("supply", "--keyword-free", "x")],
)  # fmt: skip
def test_an_edited_record_is_not_vouched_for(emotui, home: Path, name: str, args):
    path = home / "findings" / f"{name}.json"
    record = json.loads(path.read_text())
    record["title"] = "something stronger"
    path.write_text(json.dumps(record))
    verb, *rest = args
    assert "edited record" in emotui("audit", verb, name, *rest).error
    done = emotui("audit", "check")
    assert done.code == 1
    assert "edited record" in done.out, "the edit is still there to be found"


def test_an_older_record_put_back_is_an_edit(emotui, home: Path, name: str):
    path = home / "findings" / f"{name}.json"
    before = path.read_bytes()
    emotui("audit", "run", name, "--control", "G1", *QUICK)
    written = [e for e in events(Home(home), name) if e.kind == "saved"]
    assert len(written) == 3, "entered, after the control, at the end"
    path.write_bytes(before)
    assert "edited record" in emotui("audit", "note", name, *NOTE).error, "two saves are missing"


def test_going_on_after_a_cut_off_save(emotui, home: Path, name: str):
    path = home / "findings" / f"{name}.json"
    before = path.read_bytes()
    emotui("audit", "note", name, *NOTE)
    path.write_bytes(before)
    done = emotui("audit", "run", name, *QUICK, "--json")
    assert done.code == 0, done.err
    assert done.json["verdict"]["missing"] == []
    assert emotui("audit", "check").code == 0
