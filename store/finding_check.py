"""What is wrong with a finding on disk, by name: every kind of tampering, and what is stale.

In: a finding's id, hashes of today's inputs. Out: `FindingProblem`s. Reads the record, its history
and the ledger (`store.findings` and `store.ledger` say what lies there); writes nothing. Knows no
statistics.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from store.atomic import read_json
from store.blindfiles import blind_faults
from store.canonical import digest, file_digest
from store.errors import CorruptError
from store.findings import Event, chain_breaks, events, events_path, moment, record_path
from store.layout import Home
from store.ledger import LedgerState, read_ledger

Fault = Literal[
    "edited record", "broken chain", "backdated preregistration", "changed input",
    "deleted artefact", "changed artefact", "other history", "deleted finding", "broken ledger",
    "changed sheet", "changed key", "changed ratings",
]  # fmt: skip


@dataclass(frozen=True)
class FindingProblem:
    """One thing that is wrong with a finding."""

    finding: str
    fault: Fault
    what: str
    """Which event, field, input or artefact, with both values where there are two."""


def check_finding(
    home: Home,
    finding: str,
    *,
    current: Mapping[str, str] | None = None,
    expected_head: str | None = None,
    ledger: LedgerState | None = None,
) -> list[FindingProblem]:
    """Everything that is wrong with one finding.

    `current` maps the names in the record's "inputs" (data set, run, vectors ...) to their hashes
    today; an input that is not in it is not checked. `expected_head` is a hash noted earlier.
    `ledger`, where many findings are checked, saves reading it for each.
    """
    noted = (ledger or read_ledger(home)).events.get(finding, ())
    if noted and not events_path(home, finding).exists():
        said = f"the ledger knows {len(noted)} events of it, its history is gone"
        return [FindingProblem(finding, "deleted finding", said)]
    try:
        history = events(home, finding)
    except CorruptError as error:
        return [FindingProblem(finding, "broken chain", str(error))]
    lost = set(noted) - {e.hash for e in history}
    rewritten = f"{len(lost)} of the {len(noted)} events in the ledger are not in its history"
    found = [FindingProblem(finding, "other history", rewritten)] if lost else []
    found += [FindingProblem(finding, "broken chain", what) for what in chain_breaks(history)]
    if expected_head is not None and expected_head not in {e.hash for e in history}:
        found.append(
            FindingProblem(finding, "other history", f"no event has the hash {expected_head[:12]}")
        )
    found += [
        FindingProblem(finding, fault, what)
        for fault, what in blind_faults(
            home.findings / finding, [(e.kind, e.body) for e in history]
        )
    ]
    return found + _of_record(home, finding, history, current or {})


def check_ledger(ledger: LedgerState, expected_head: str | None = None) -> list[FindingProblem]:
    """What is wrong with the ledger itself; `expected_head` is a hash of it noted earlier."""
    found = [FindingProblem("", "broken ledger", what) for what in ledger.breaks]
    if expected_head is not None and expected_head not in ledger.hashes:
        said = f"no line of the ledger has the hash {expected_head[:12]}"
        found.append(FindingProblem("", "broken ledger", said))
    return found


def stale_controls(record: Mapping[str, Any], current: Mapping[str, str]) -> tuple[str, ...]:
    """Controls whose inputs have another hash today than when they ran.

    The record's "inputs" are {name: hash}; "control_inputs" {control: [names]} says which a control
    used (absent = all of them).
    """
    changed = {
        name
        for name, then in (record.get("inputs") or {}).items()
        if name in current and current[name] != then
    }
    uses = record.get("control_inputs") or {}
    return tuple(
        control
        for control in record.get("controls") or {}
        if changed & set(uses.get(control, record.get("inputs") or {}))
    )


def _of_record(
    home: Home, finding: str, history: Sequence[Event], current: Mapping[str, str]
) -> list[FindingProblem]:
    """What is wrong with the record, its plan, its inputs and its artefacts."""
    path = record_path(home, finding)
    if not path.exists():
        if any(e.kind == "saved" for e in history):
            return [FindingProblem(finding, "edited record", f"{path.name} is gone")]
        return []
    try:
        record = read_json(path)
    except CorruptError as error:
        return [FindingProblem(finding, "edited record", str(error))]
    found = []
    saved = [e for e in history if e.kind == "saved"]
    if not saved or saved[-1].body.get("record") != digest(record):
        wanted = saved[-1].body.get("record", "")[:12] if saved else "no saved event"
        found.append(
            FindingProblem(
                finding,
                "edited record",
                f"{path.name} hashes to {digest(record)[:12]}, its history says {wanted}",
            )
        )
    found += [
        FindingProblem(finding, "backdated preregistration", what)
        for what in _backdated(record, history)
    ]
    found += _inputs(finding, record, current)
    found += _artefacts(home, finding, record)
    return found


def _backdated(record: Mapping[str, Any], history: Sequence[Event]) -> list[str]:
    """A plan in the record must be the one that was sealed, when it was, before any evidence."""
    prereg = record.get("prereg")
    if not prereg:
        return []
    sealed = [e for e in history if e.kind == "sealed"]
    if not sealed:
        return [f"the record claims a plan sealed at {prereg['sealed_at']}; none was sealed here"]
    event, out = sealed[0], []
    if event.body.get("sha256") != prereg["sha256"]:
        out.append(
            f"the plan hashes to {prereg['sha256'][:12]}, sealed was {event.body['sha256'][:12]}"
        )
    if prereg["sealed_at"] != event.body.get("sealed_at") or moment(prereg["sealed_at"]) < moment(
        event.at
    ):
        out.append(f"the plan says {prereg['sealed_at']}, it was sealed at {event.at}")
    read = [str(e["at"]) for e in record.get("evidence") or []]
    claims_early = all(moment(prereg["sealed_at"]) < moment(at) for at in read)
    earlier = [e for e in history if e.kind == "saved" and e.body.get("evidence")]
    if claims_early and earlier and earlier[0].seq < event.seq:
        out.append(f"evidence was saved in event {earlier[0].seq}, the plan in event {event.seq}")
    return out


def _inputs(
    finding: str, record: Mapping[str, Any], current: Mapping[str, str]
) -> list[FindingProblem]:
    changed = [
        (name, then, current[name])
        for name, then in (record.get("inputs") or {}).items()
        if name in current and current[name] != then
    ]
    stale = stale_controls(record, current)
    which = f"; stale: {', '.join(stale)}" if stale else ""
    return [
        FindingProblem(finding, "changed input", f"{name} was {then[:12]}, is {now[:12]}{which}")
        for name, then, now in changed
    ]


def _artefacts(home: Home, finding: str, record: Mapping[str, Any]) -> list[FindingProblem]:
    out = []
    for e in record.get("evidence") or []:
        name, wanted = e.get("artefact"), e.get("artefact_sha256")
        if not name:
            continue
        path = home.root / name
        if not path.exists():
            out.append(FindingProblem(finding, "deleted artefact", f"{name} ({e['control']})"))
        elif path.is_file() and file_digest(path) != wanted:
            out.append(
                FindingProblem(
                    finding,
                    "changed artefact",
                    f"{name} ({e['control']}) hashes to {file_digest(path)[:12]}, the record says "
                    f"{str(wanted)[:12]}",
                )
            )
    return out
