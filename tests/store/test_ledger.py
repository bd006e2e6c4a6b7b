"""The ledger of findings: what was deleted or rewritten as a whole is still named."""

import json
import multiprocessing
import shutil
from pathlib import Path

import pytest

from store.finding_check import check_finding, check_ledger
from store.findings import add_event, events, save_finding
from store.layout import Home
from store.ledger import LEDGER, note_event, read_ledger
from store.locks import WriterLock

T0, T1 = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home").ensure()
    for name in ("joy", "fear"):
        save_finding(home, {"id": name, "verdict": {"word": "QUALIFIED"}}, at=T0)
    add_event(home, "joy", "note", {"controlled": "topics"}, at=T1)
    return home


def faults(home: Home, name: str) -> list[str]:
    return [p.fault for p in check_finding(home, name)]


def test_every_event_stands_in_it(home: Home) -> None:
    ledger = read_ledger(home)
    assert ledger.events["joy"] == tuple(e.hash for e in events(home, "joy"))
    assert ledger.events["fear"] == tuple(e.hash for e in events(home, "fear"))
    assert ledger.breaks == ()
    assert faults(home, "joy") == faults(home, "fear") == []
    assert check_ledger(ledger, ledger.hashes[0]) == []


def test_a_finding_deleted_with_its_history_is_named(home: Home) -> None:
    for path in home.findings.glob("fear*"):
        path.unlink()
    assert faults(home, "fear") == ["deleted finding"]
    assert faults(home, "joy") == []


def test_record_and_history_rewritten_together_are_named(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other").ensure()
    save_finding(other, {"id": "fear", "verdict": {"word": "SUPPORTED"}}, at=T0)
    for path in other.findings.glob("fear*"):
        shutil.copy(path, home.findings / path.name)
    (problem,) = check_finding(home, "fear")
    assert problem.fault == "other history"
    assert "1 of the 1 events in the ledger" in problem.what


def test_an_edited_or_shortened_ledger_is_named(home: Home) -> None:
    path = home.findings / LEDGER
    lines = path.read_text().splitlines()
    head = read_ledger(home).head

    edited = json.loads(lines[0]) | {"finding": "other"}
    path.write_text("\n".join([json.dumps(edited), *lines[1:]]) + "\n")
    assert [p.fault for p in check_ledger(read_ledger(home))] == ["broken ledger"]

    path.write_text("\n".join(lines[1:]) + "\n")
    assert "removed" in check_ledger(read_ledger(home))[0].what

    path.write_text("\n".join(lines[:-1]) + "\n")  # a shorter one is whole: only the noted head
    assert check_ledger(read_ledger(home)) == []
    assert "no line of the ledger" in check_ledger(read_ledger(home), head)[0].what


def test_a_line_torn_by_a_crash_accuses_nobody(home: Home) -> None:
    path = home.findings / LEDGER
    with path.open("ab") as file:
        file.write(b'{"event": "ab')
    assert read_ledger(home).breaks == ()
    add_event(home, "joy", "note", {"controlled": "length"}, at=T1)
    ledger = read_ledger(home)
    assert ledger.breaks == ()
    assert ledger.events["joy"] == tuple(e.hash for e in events(home, "joy"))


def test_a_garbled_last_line_is_named(home: Home) -> None:
    path = home.findings / LEDGER
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], lines[-1][:-20]]) + "\n")
    (problem,) = check_ledger(read_ledger(home))
    assert "line 3 of _ledger.jsonl cannot be read" in problem.what


def test_a_home_from_before_the_ledger_holds(home: Home) -> None:
    (home.findings / LEDGER).unlink()
    assert faults(home, "joy") == []


def _write(root: Path, name: str) -> None:
    for k in range(20):
        note_event(Home(root), name, f"{name}-{k}")


def test_two_processes_wait_for_each_other(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").ensure()
    spawn = multiprocessing.get_context("spawn")
    both = [spawn.Process(target=_write, args=(home.root, name)) for name in ("a", "b")]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
        assert process.exitcode == 0
    ledger = read_ledger(home)
    assert ledger.breaks == ()
    assert [len(ledger.events[name]) for name in ("a", "b")] == [20, 20]


def test_the_lock_of_the_ledger_is_nobody_elses(home: Home) -> None:
    with WriterLock(home.findings / "joy.lock"):
        note_event(home, "joy", "x" * 64)
