"""Findings on disk: append-only records whose history cannot be changed unnoticed.

In: records as plain values (the JSON of `vectors.audits.finding.Finding`). Out: saved, read and
listed findings, their histories. `store.finding_check` says what is wrong with them. Knows no
statistics.

    findings/<id>.json           the record as last saved
    findings/<id>.events.jsonl   one line per event, each holding the hash of the line before

An event is {"seq", "at", "kind", "body", "prev", "hash"}, hash = SHA-256 of the canonical JSON of
the other five. "saved" events carry the hash of the record they wrote, "sealed" ones that of the
preregistration. So an edited record, an edited, removed or reordered event, a preregistration
dated before its event, a changed input, a changed or deleted artefact, and changed files of a
blinded rating are each found and named.
Someone who rewrites or deletes record and events together is found by the ledger of all events
(`store.ledger`); who rewrites that too leaves a consistent whole: `head` and `ledger_head` give the
last hashes, which kept elsewhere (a commit, a mail) close that gap.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from store.atomic import append_lines, read_json, whole_lines, write_json
from store.canonical import canonical, digest
from store.errors import CorruptError, StoreError
from store.layout import Home, check_name, not_found
from store.ledger import note_event
from store.locks import WriterLock

EVENTS = ".events.jsonl"
_START = "0" * 64


@dataclass(frozen=True)
class Event:
    """One entry of a finding's history."""

    seq: int
    """Place in the history, from 0."""
    at: str
    """ISO 8601 with time zone."""
    kind: str
    """"saved", "sealed", "deviation", "waiver", "note", "unblinded" or the caller's own."""
    body: dict[str, Any]
    """What happened; its keys depend on the kind."""
    prev: str
    """Hash of the event before; 64 zeros for the first."""
    hash: str
    """SHA-256 of the canonical JSON of the five other fields."""


@dataclass(frozen=True)
class FindingSummary:
    """One line of the list."""

    id: str
    title: str
    kind: str
    verdict: str
    family: str
    saved: str
    """When it was last saved."""
    stale: tuple[str, ...]


def seal_plan(home: Home, finding: str, prereg: Mapping[str, Any], *, at: str) -> Event:
    """Record a preregistration (its JSON, with "sealed_at" and "sha256") before any evidence.

    StoreError where one is sealed already or the finding has been saved with evidence.
    """
    for event in events(home, finding) if events_path(home, finding).exists() else []:
        if event.kind == "sealed":
            raise StoreError(f"{finding} has a sealed plan of {event.at}; log a deviation instead")
        if event.kind == "saved" and event.body.get("evidence"):
            raise StoreError(
                f"{finding} was saved with evidence at {event.at}; a plan sealed now is no plan: "
                "start a new finding that supersedes it"
            )
    body = {"sha256": prereg["sha256"], "sealed_at": prereg["sealed_at"], "record": digest(prereg)}
    return add_event(home, finding, "sealed", body, at=at)


def save_finding(home: Home, record: Mapping[str, Any], *, at: str | None = None) -> Event:
    """Write a record and the event that vouches for it. The record's "id" names it."""
    name = check_name(str(record["id"]))
    home.ensure()
    plain = json.loads(canonical(dict(record)))
    with _lock(home, name):
        body = {
            "record": digest(plain),
            "verdict": plain.get("verdict", {}).get("word"),
            "evidence": len(plain.get("evidence") or []),
        }
        # The event first: a record without its event would look edited after a crash, an event
        # without its record names the record that was to come.
        event = _append(home, name, "saved", body, at)
        write_json(record_path(home, name), plain)
    return event


def add_event(
    home: Home, finding: str, kind: str, body: Mapping[str, Any], *, at: str | None = None
) -> Event:
    """Append to a finding's history (a deviation, waiver, note, unblinding)."""
    name = check_name(finding)
    home.ensure()
    with _lock(home, name):
        return _append(home, name, kind, dict(body), at)


def load_finding(home: Home, finding: str) -> dict[str, Any]:
    """The record as last saved; NotFound names the nearest."""
    path = record_path(home, check_name(finding))
    if not path.exists():
        raise not_found("finding", finding, [s.id for s in list_findings(home)])
    record: dict[str, Any] = read_json(path)
    return record


def list_findings(home: Home) -> list[FindingSummary]:
    """Every saved finding by id. Reads records only; `finding_check` says whether they hold."""
    out = []
    for path in sorted(home.findings.glob(f"*{EVENTS}")):
        name = path.name.removesuffix(EVENTS)
        if not record_path(home, name).exists():
            continue
        record = read_json(record_path(home, name))
        saved = [e.at for e in events(home, name) if e.kind == "saved"]
        out.append(
            FindingSummary(
                id=name,
                title=str(record.get("title", "")),
                kind=str(record.get("kind", "")),
                verdict=str((record.get("verdict") or {}).get("word", "")),
                family=str(record.get("family", "")),
                saved=saved[-1] if saved else "",
                stale=tuple(record.get("stale") or ()),
            )
        )
    return out


def events(home: Home, finding: str) -> list[Event]:
    """The history as it stands on disk, unchecked; CorruptError for a line that is no event.

    A last line that a kill cut short was never an event; one that was, and was cut short later, the
    ledger knows.
    """
    path = events_path(home, check_name(finding))
    if not path.exists():
        known = [p.name.removesuffix(EVENTS) for p in home.findings.glob(f"*{EVENTS}")]
        raise not_found("finding", finding, known)
    out = []
    for number, line in enumerate(whole_lines(path), start=1):
        try:
            out.append(Event(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise CorruptError(f"{path} line {number} is no event ({error})") from error
    return out


def head(home: Home, finding: str) -> str:
    """Hash of the last event, "" without one; kept elsewhere it shows whether any was rewritten."""
    history = events(home, finding)
    return history[-1].hash if history else ""


def chain_breaks(history: Sequence[Event]) -> list[str]:
    """Where a history is not the chain it was written as: an event edited, removed or moved."""
    out, prev, last = [], _START, ""
    for place, e in enumerate(history):
        own = digest({"seq": e.seq, "at": e.at, "kind": e.kind, "body": e.body, "prev": e.prev})
        if own != e.hash:
            out.append(f"event {place} ({e.kind}) was edited: {own[:12]} against {e.hash[:12]}")
        if e.seq != place or e.prev != prev:
            out.append(f"event {place} ({e.kind}) does not follow the one before: removed or moved")
        if last and moment(e.at) < moment(last):
            out.append(f"event {place} ({e.kind}) is dated {e.at}, before the one before it")
        prev, last = e.hash, e.at
    return out


def moment(text: str) -> datetime:
    """An ISO 8601 time with a zone; StoreError otherwise."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise StoreError(f"{text!r} is no ISO 8601 time") from error
    if found.tzinfo is None:
        raise StoreError(f"{text!r} has no time zone; add one, e.g. +00:00")
    return found


def record_path(home: Home, name: str) -> Path:
    """The record."""
    return home.findings / f"{name}.json"


def events_path(home: Home, name: str) -> Path:
    """Its history."""
    return home.findings / f"{name}{EVENTS}"


def _append(home: Home, name: str, kind: str, body: dict[str, Any], at: str | None) -> Event:
    path = events_path(home, name)
    history = events(home, name) if path.exists() else []
    when = at or datetime.now(UTC).isoformat(timespec="milliseconds")
    written = moment(when)
    if history and written < moment(history[-1].at):
        raise StoreError(
            f"an event of {when} cannot follow one of {history[-1].at}: check the clock"
        )
    if history and chain_breaks(history):
        raise CorruptError(f"{path.name}: {chain_breaks(history)[0]}; nothing is appended to it")
    parts = {
        "seq": len(history),
        "at": when,
        "kind": kind,
        "body": json.loads(canonical(body)),
        "prev": history[-1].hash if history else _START,
    }
    event = Event(**parts, hash=digest(parts))
    append_lines(path, [canonical({**parts, "hash": event.hash})])
    # After the event: a crash in between leaves an event the ledger lacks, which accuses nobody.
    note_event(home, name, event.hash)
    return event


def _lock(home: Home, name: str) -> WriterLock:
    return WriterLock(home.findings / f"{name}.lock")
