"""The ledger of findings: one line per event of any finding, so that none can vanish unnoticed.

In: a finding's name and the hash of an event just written. Out: what the ledger knows of each
finding, and what is wrong with the ledger itself. `findings/_ledger.jsonl` is a hash chain of its
own: {"seq", "finding", "event", "prev", "hash"}. A finding whose record and history were deleted or
rewritten together is still named here. Whoever deletes the ledger too leaves nothing to compare
with: `ledger_head`, kept elsewhere, closes that gap. Knows nothing of what an event says.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from store.atomic import append_lines, drop_torn_line, whole_lines
from store.canonical import digest
from store.errors import CorruptError
from store.layout import Home
from store.locks import WriterLock

LEDGER = "_ledger.jsonl"
"""No finding can be called like this: names begin with a letter or digit."""
_START = "0" * 64
_LOCK_WAIT_S = 10.0
_TAIL = 4096  # bytes that surely hold the last line


@dataclass(frozen=True)
class LedgerLine:
    """One line: an event of one finding."""

    seq: int
    """Place in the ledger, from 0."""
    finding: str
    """The finding's id."""
    event: str
    """Hash of the event."""
    prev: str
    """Hash of the line before; 64 zeros for the first."""
    hash: str
    """SHA-256 of the canonical JSON of the four other fields."""

    @property
    def own(self) -> str:
        """What `hash` must be."""
        return digest({k: v for k, v in asdict(self).items() if k != "hash"})


@dataclass(frozen=True)
class LedgerState:
    """The ledger as it stands on disk."""

    events: Mapping[str, tuple[str, ...]]
    """By finding: hashes of its events, oldest first."""
    hashes: tuple[str, ...]
    """Of every line, oldest first."""
    breaks: tuple[str, ...]
    """What is wrong with the chain; empty when it is intact."""

    @property
    def head(self) -> str:
        """Hash of the last line; "" for an empty ledger."""
        return self.hashes[-1] if self.hashes else ""


def note_event(home: Home, finding: str, event: str) -> None:
    """Add one line, on disk before this returns. Waits while another process writes."""
    path = home.findings / LEDGER
    with WriterLock(home.findings / "_ledger.lock", wait_s=_LOCK_WAIT_S):
        last = _last(home)
        parts = {
            "seq": 0 if last is None else int(last["seq"]) + 1,
            "finding": finding,
            "event": event,
            "prev": _START if last is None else last["hash"],
        }
        line = json.dumps({**parts, "hash": digest(parts)}, sort_keys=True).encode()
        append_lines(path, [line])


def read_ledger(home: Home) -> LedgerState:
    """Everything it says, and where its chain is broken. A half-written last line is left out."""
    path = home.findings / LEDGER
    found: dict[str, list[str]] = {}
    hashes: list[str] = []
    breaks: list[str] = []
    prev = _START
    lines = whole_lines(path) if path.exists() else []
    for place, text in enumerate(lines):
        try:
            line = LedgerLine(**json.loads(text))
        except (ValueError, TypeError):
            breaks.append(f"line {place + 1} of {LEDGER} cannot be read")
            continue
        if line.hash != line.own:
            breaks.append(f"line {place + 1} of {LEDGER} was edited")
        elif line.prev != prev:
            breaks.append(f"line {place + 1} of {LEDGER} does not follow the one before: removed")
        prev = line.hash
        found.setdefault(str(line.finding), []).append(str(line.event))
        hashes.append(str(line.hash))
    return LedgerState({k: tuple(v) for k, v in found.items()}, tuple(hashes), tuple(breaks))


def _last(home: Home) -> dict[str, Any] | None:
    """The last whole line; a torn one after it (a crash) is cut off."""
    path = home.findings / LEDGER
    if not path.exists() or not path.stat().st_size:
        return None
    drop_torn_line(path)
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        lines = file.read().splitlines()
    try:
        return json.loads(lines[-1]) if lines else None
    except ValueError as error:
        raise CorruptError(f"the last line of {path} cannot be read ({error})") from error
