"""Blinded ratings on disk: a sealed key, answers that are only ever appended, one unblinding.

In: a finding's id, a sheet (what raters see) and a key (what it means) as plain values. Out: rounds
and their answers. The key's hash stands in the finding's history before the first answer, and no
function here reads the key but `unblind` and, after that, `opened`. This guards honest users from
themselves: whoever opens the key file by hand can read it, unless a second person holds it and only
its hash stays. Knows no arm and no statistics.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from store.atomic import append_lines, read_json, whole_lines, write_bytes
from store.blindfiles import (
    SEALED,
    UNBLINDED,
    key_path,
    ratings_path,
    sheet_path,
)
from store.canonical import bytes_digest, canonical
from store.errors import CorruptError, NotFound, StoreError
from store.findings import add_event, events
from store.layout import Home, check_name


@dataclass(frozen=True)
class BlindRound:
    """One rating of one finding, from its sealing to its unblinding."""

    finding: str
    n: int
    """Counted from 1 within the finding."""
    sealed_at: str
    unblinded_at: str
    """"" = still blind."""
    key_sha256: str
    key_elsewhere: bool
    """Whether a second person holds the key."""

    @property
    def open(self) -> bool:
        """Sealed and not unblinded."""
        return not self.unblinded_at


def blind_rounds(home: Home, finding: str) -> list[BlindRound]:
    """Every round of a finding, the oldest first, as its history tells."""
    found: dict[int, BlindRound] = {}
    for event in events(home, finding):
        n = event.body.get("n")
        if event.kind == SEALED and isinstance(n, int):
            found[n] = BlindRound(
                finding, n, event.at, "", event.body["key_sha256"],
                bool(event.body.get("key_elsewhere")),
            )  # fmt: skip
        elif event.kind == UNBLINDED and n in found:
            was = found[n]
            found[n] = BlindRound(
                finding, was.n, was.sealed_at, event.at, was.key_sha256, was.key_elsewhere
            )
    return list(found.values())


def open_round(home: Home, finding: str) -> BlindRound | None:
    """The round that is being rated; None where there is none."""
    rounds = blind_rounds(home, finding)
    return rounds[-1] if rounds and rounds[-1].open else None


def open_rounds(home: Home) -> list[BlindRound]:
    """Every round of every finding that is being rated, as far as histories can be read."""
    names = sorted({p.parent.name for p in home.findings.glob("*/blind-*.sheet.json")})
    found = []
    for name in names:
        try:
            current = open_round(home, name)
        except StoreError:
            continue  # `check_finding` names what is wrong with it
        found += [current] if current is not None else []
    return found


def seal_round(
    home: Home,
    finding: str,
    sheet: Mapping[str, Any],
    key: Mapping[str, Any],
    *,
    key_file: Path | None = None,
) -> BlindRound:
    """Write sheet and key, then the event with their hashes; from here on the finding is blind.

    `key_file` is where the second person gets the key; then no copy stays here. StoreError where a
    round is open or the file exists.
    """
    rounds = blind_rounds(home, finding)
    if rounds and rounds[-1].open:
        raise StoreError(
            f"{finding} is being rated since {rounds[-1].sealed_at}; unblind that round first"
        )
    n, folder = len(rounds) + 1, _folder(home, finding)
    folder.mkdir(parents=True, exist_ok=True)
    sheet_bytes = canonical({**sheet, "finding": finding, "n": n}) + b"\n"
    key_bytes = canonical({**key, "finding": finding, "n": n}) + b"\n"
    ratings_path(folder, n).unlink(missing_ok=True)  # of a start that was killed before its event
    write_bytes(sheet_path(folder, n), sheet_bytes)
    if key_file is None:
        write_bytes(key_path(folder, n), key_bytes)
        key_path(folder, n).chmod(0o600)
    else:
        key_path(folder, n).unlink(missing_ok=True)
        _hand_over(key_file, key_bytes)
    key_hash, elsewhere = bytes_digest(key_bytes), key_file is not None
    body = {
        "n": n,
        "sheet_sha256": bytes_digest(sheet_bytes),
        "key_sha256": key_hash,
        "key_elsewhere": elsewhere,
    }
    event = add_event(home, finding, SEALED, body)
    return BlindRound(finding, n, event.at, "", key_hash, elsewhere)


def read_sheet(home: Home, round: BlindRound) -> dict[str, Any]:
    """What raters see; CorruptError where it is not what was sealed."""
    path = sheet_path(_folder(home, round.finding), round.n)
    wanted = _body(home, round, SEALED)["sheet_sha256"]
    if not path.is_file() or bytes_digest(path.read_bytes()) != wanted:
        raise CorruptError(f"{path.name} is not the sheet that was sealed; start another round")
    sheet: dict[str, Any] = read_json(path)
    return sheet


def append_answer(home: Home, round: BlindRound, answer: Mapping[str, Any]) -> None:
    """Add one answer; it is on the disk when this returns. StoreError once the round is open."""
    if not _is_open(home, round):
        raise StoreError(f"{round.finding} was unblinded; nothing can be rated any more")
    path = ratings_path(_folder(home, round.finding), round.n)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    append_lines(path, [canonical({**answer, "at": now})])


def read_answers(home: Home, round: BlindRound) -> list[dict[str, Any]]:
    """Every answer in order; a last line that a kill cut short is left out."""
    path = ratings_path(_folder(home, round.finding), round.n)
    try:
        return [json.loads(line) for line in whole_lines(path)] if path.is_file() else []
    except ValueError as error:
        raise CorruptError(f"{path.name} has a line that is no answer ({error})") from error


def unblind(home: Home, round: BlindRound, *, key_file: Path | None = None) -> dict[str, Any]:
    """The key, once: the event that says so is written before the key is handed out.

    StoreError where it was done before, NotFound where the key is not there, CorruptError where it
    is not the one that was sealed; the round stays blind then.
    """
    if not _is_open(home, round):
        raise StoreError(f"{round.finding} was unblinded before; that happens once")
    key = _checked_key(home, round, key_file)
    folder = _folder(home, round.finding)
    path = ratings_path(folder, round.n)
    ratings = path.read_bytes() if path.is_file() else b""
    if not ratings:
        raise StoreError(f"{round.finding} has no rating yet; rate it first")
    if round.key_elsewhere:
        write_bytes(key_path(folder, round.n), canonical(key) + b"\n")
    body = {
        "n": round.n,
        "key_sha256": round.key_sha256,
        "ratings_sha256": bytes_digest(ratings),
    }
    add_event(home, round.finding, UNBLINDED, body)
    return key


def opened(home: Home, round: BlindRound) -> dict[str, Any]:
    """The key of a round that was unblinded; StoreError before that."""
    if _is_open(home, round):
        raise StoreError(f"{round.finding} is still blind; unblind it first")
    return _checked_key(home, round, None)


def _checked_key(home: Home, round: BlindRound, key_file: Path | None) -> dict[str, Any]:
    path = key_file or key_path(_folder(home, round.finding), round.n)
    if not path.is_file():
        where = "give the file of the person who holds it" if round.key_elsewhere else "it was kept"
        raise NotFound(f"the key {path} is not there: {where}")
    data = path.read_bytes()
    if bytes_digest(data) != round.key_sha256:
        raise CorruptError(
            f"{path.name} is not the key that was sealed (hash {bytes_digest(data)[:12]}, sealed "
            f"{round.key_sha256[:12]}); the round stays blind"
        )
    key: dict[str, Any] = json.loads(data)
    return key


def _hand_over(path: Path, data: bytes) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise StoreError(f"{path} exists; the key is never written over a file") from None
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _is_open(home: Home, round: BlindRound) -> bool:
    found = [r for r in blind_rounds(home, round.finding) if r.n == round.n]
    if not found:
        raise NotFound(f"{round.finding} has no round {round.n}")
    return found[0].open


def _body(home: Home, round: BlindRound, kind: str) -> dict[str, Any]:
    for event in events(home, round.finding):
        if event.kind == kind and event.body.get("n") == round.n:
            return event.body
    raise NotFound(f"{round.finding} has no event {kind!r} of round {round.n}")


def _folder(home: Home, finding: str) -> Path:
    return home.findings / check_name(finding)
