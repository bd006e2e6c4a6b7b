"""Blinded rounds on disk: sealed before the first answer, opened once, tampering named."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from store.blind import (
    BlindRound,
    append_answer,
    blind_rounds,
    open_round,
    open_rounds,
    opened,
    read_answers,
    read_sheet,
    seal_round,
    unblind,
)
from store.errors import CorruptError, NotFound, StoreError
from store.finding_check import check_finding
from store.findings import events, save_finding
from store.layout import Home

SHEET = {"pairs": [{"left": "a", "right": "b"}], "emotion": "joyful"}
KEY = {"codes": {"A": "real"}, "row": ["left"]}
RECORD = {"id": "joy-1", "title": "joy", "kind": "steering", "family": "stories 1234"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    place = Home(tmp_path)
    save_finding(place, RECORD)
    return place


def sealed(home: Home) -> BlindRound:
    return seal_round(home, "joy-1", SHEET, KEY)


def key_file(home: Home) -> Path:
    return home.findings / "joy-1" / "blind-1.key.json"


def ratings_file(home: Home) -> Path:
    return home.findings / "joy-1" / "blind-1.ratings.jsonl"


def test_the_hash_of_the_key_stands_in_the_history_before_any_answer(home: Home) -> None:
    round = sealed(home)
    event = events(home, "joy-1")[-1]
    assert event.kind == "blind-sealed"
    assert event.body["key_sha256"] == round.key_sha256
    assert not ratings_file(home).exists()
    assert oct(key_file(home).stat().st_mode & 0o777) == "0o600"
    assert open_round(home, "joy-1") == round
    assert open_rounds(home) == [round]
    assert read_sheet(home, round)["pairs"] == SHEET["pairs"]
    assert "codes" not in read_sheet(home, round)
    with pytest.raises(StoreError, match="is being rated"):
        sealed(home)


def test_answers_are_appended_and_the_key_opens_once(home: Home) -> None:
    round = sealed(home)
    for k in range(3):
        append_answer(home, round, {"rater": "user", "pair": k, "choice": "left"})
    assert [a["pair"] for a in read_answers(home, round)] == [0, 1, 2]
    with pytest.raises(StoreError, match="still blind"):
        opened(home, round)
    assert unblind(home, round)["codes"] == KEY["codes"]
    kinds = [e.kind for e in events(home, "joy-1")]
    assert kinds == ["saved", "blind-sealed", "unblinded"]
    with pytest.raises(StoreError, match="happens once"):
        unblind(home, round)
    with pytest.raises(StoreError, match="nothing can be rated"):
        append_answer(home, round, {"rater": "user", "pair": 3, "choice": "left"})
    assert [e.kind for e in events(home, "joy-1")] == kinds
    assert opened(home, round)["codes"] == KEY["codes"]
    assert open_rounds(home) == []
    assert check_finding(home, "joy-1") == []
    again = sealed(home)
    assert (again.n, [r.open for r in blind_rounds(home, "joy-1")]) == (2, [False, True])


def test_nothing_opens_without_a_rating_or_with_another_key(home: Home) -> None:
    round = sealed(home)
    with pytest.raises(StoreError, match="no rating"):
        unblind(home, round)
    append_answer(home, round, {"rater": "user", "pair": 0, "choice": "left"})
    good = key_file(home).read_bytes()
    key_file(home).write_bytes(good.replace(b"real", b"none"))
    with pytest.raises(CorruptError, match="stays blind"):
        unblind(home, round)
    key_file(home).unlink()
    with pytest.raises(NotFound):
        unblind(home, round)
    assert open_round(home, "joy-1") is not None
    key_file(home).write_bytes(good)
    assert unblind(home, round)["codes"] == KEY["codes"]


def _edit_key(home: Home) -> None:
    key_file(home).write_bytes(key_file(home).read_bytes().replace(b"real", b"none"))


def _lose_key(home: Home) -> None:
    key_file(home).unlink()


def _edit_ratings(home: Home) -> None:
    ratings_file(home).write_bytes(ratings_file(home).read_bytes().replace(b"left", b"tie"))


def _add_rating(home: Home) -> None:
    with ratings_file(home).open("ab") as file:
        file.write(b'{"pair":1}\n')


def _edit_sheet(home: Home) -> None:
    path = home.findings / "joy-1" / "blind-1.sheet.json"
    path.write_bytes(path.read_bytes().replace(b'"a"', b'"c"'))


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (_edit_key, "changed key"),
        (_lose_key, "changed key"),
        (_edit_ratings, "changed ratings"),
        (_add_rating, "changed ratings"),
        (_edit_sheet, "changed sheet"),
    ],
)
def test_tampering_is_named(home: Home, spoil: Callable[[Home], None], fault: str) -> None:
    round = sealed(home)
    append_answer(home, round, {"rater": "user", "pair": 0, "choice": "left"})
    assert check_finding(home, "joy-1") == []
    unblind(home, round)
    assert check_finding(home, "joy-1") == []
    spoil(home)
    assert [p.fault for p in check_finding(home, "joy-1")] == [fault]


def test_a_changed_sheet_is_not_shown(home: Home) -> None:
    round = sealed(home)
    _edit_sheet(home)
    with pytest.raises(CorruptError, match="not the sheet"):
        read_sheet(home, round)


def test_a_second_person_holds_the_key(home: Home, tmp_path: Path) -> None:
    held = tmp_path / "held.json"
    round = seal_round(home, "joy-1", SHEET, KEY, key_file=held)
    assert round.key_elsewhere
    assert not key_file(home).exists()
    assert check_finding(home, "joy-1") == []
    append_answer(home, round, {"rater": "user", "pair": 0, "choice": "left"})
    with pytest.raises(NotFound, match="person who holds it"):
        unblind(home, round)
    assert unblind(home, round, key_file=held)["codes"] == KEY["codes"]
    assert check_finding(home, "joy-1") == []
    assert opened(home, round)["codes"] == KEY["codes"]
    _edit_key(home)
    assert [p.fault for p in check_finding(home, "joy-1")] == ["changed key"]
    with pytest.raises(StoreError, match="never written over"):
        seal_round(home, "joy-1", SHEET, KEY, key_file=held)


def test_a_line_cut_short_is_dropped_and_the_next_answer_stands_whole(home: Home) -> None:
    round = sealed(home)
    append_answer(home, round, {"rater": "user", "pair": 0, "choice": "left"})
    with ratings_file(home).open("ab") as file:
        file.write(b'{"rater":"user","pa')
    assert len(read_answers(home, round)) == 1
    append_answer(home, round, {"rater": "user", "pair": 1, "choice": "right"})
    assert [a["pair"] for a in read_answers(home, round)] == [0, 1]
    ratings_file(home).write_bytes(b"nonsense\n")
    with pytest.raises(CorruptError, match="no answer"):
        read_answers(home, round)


def test_a_history_that_cannot_be_read_veils_nothing(home: Home) -> None:
    sealed(home)
    path = home.findings / "joy-1.events.jsonl"
    path.write_bytes(path.read_bytes() + b"nonsense\n")
    assert open_rounds(home) == []


def test_every_answer_survives_a_kill(home: Home) -> None:
    """A writer is killed with SIGKILL; what it had reported as kept is on the disk."""
    sealed(home)
    code = (
        "import sys; from pathlib import Path; from store.layout import Home;"
        "from store.blind import append_answer, open_round;"
        "home = Home(Path(sys.argv[1])); round = open_round(home, 'joy-1')\n"
        "for k in range(10**6):\n"
        "    append_answer(home, round, {'rater': 'user', 'pair': k, 'choice': 'left'})\n"
        "    print(k, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(home.root)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline() for _ in range(12)]
        time.sleep(0.02)
        writer.send_signal(signal.SIGKILL)
        said += writer.stdout.readlines()
    kept = read_answers(home, blind_rounds(home, "joy-1")[-1])
    told = [int(line) for line in said if line.endswith("\n")]
    assert [a["pair"] for a in kept][: len(told)] == told
    assert json.loads(ratings_file(home).read_bytes().split(b"\n")[0])["pair"] == 0
