"""COMMIT.json: how far a run is, and what its files must look like up to there.

In: lengths and checksums of the arrays of a run. Out: the same after a restart, or an error that
says what is wrong. The file carries a checksum of itself, so that an edited one is noticed. What
stands here is true on disk: it is written after everything it speaks of is fsynced.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import google_crc32c

from store import atomic
from store.errors import CorruptError, FingerprintError, NotFound

FORMAT = 1
"""Version of the folder's layout; another one is refused."""
FILE = "COMMIT.json"
STATES = ("running", "partial", "complete")


@dataclass(frozen=True)
class Commit:
    """The last durable state of a run."""

    rows: int
    """Rows the run will have."""
    committed_rows: int = 0
    """Rows that are on disk, in order from 0; nothing past them is ever read."""
    sequence: int = 0
    """Number of commits before this one."""
    state: str = "running"
    """"running" (a writer is or was at it), "partial" (stopped in order) or "complete"."""
    failures: int = 0
    """Lines of failures.jsonl that belong to committed rows."""
    failures_bytes: int = 0
    """Their bytes; the file may be longer after a kill."""
    failures_crc32c: int = 0
    """Their checksum."""
    lengths: dict[str, int] = field(default_factory=dict)
    """Committed length of each array along its first axis."""
    files: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Per array, bytes and crc32c of each of its files in order."""
    updated: str = ""
    """When it was written, UTC."""


def write_commit(folder: Path, commit: Commit) -> None:
    """Replace COMMIT.json; durable on return."""
    body = asdict(commit) | {
        "format": FORMAT,
        "updated": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    body["crc32c"] = _own_checksum(body)
    text = json.dumps(body, separators=(",", ":"))
    atomic.write_bytes(folder / FILE, text.encode() + b"\n")


def read_commit(folder: Path) -> Commit:
    """The commit of a run; CorruptError where it is missing, edited or torn.

    FingerprintError where another version of the layout wrote it.
    """
    path = folder / FILE
    remedy = f"restore {FILE} from a copy, or remove the run and extract again"
    try:
        body = atomic.read_json(path)
    except NotFound:
        raise CorruptError(f"{path} is missing, so no row counts as committed: {remedy}") from None
    if isinstance(body, dict) and body.get("format", FORMAT) != FORMAT:
        raise FingerprintError(
            f"{path} is of store format {body['format']!r}, this version reads {FORMAT}: "
            "use the version that wrote it, or remove the run and extract again"
        )
    if not isinstance(body, dict) or body.get("crc32c") != _own_checksum(body):
        raise CorruptError(f"{path} was edited or damaged (its own checksum differs): {remedy}")
    kept = {key: value for key, value in body.items() if key not in ("format", "crc32c")}
    kept["files"] = {
        path: [(int(size), int(crc)) for size, crc in files]
        for path, files in kept["files"].items()
    }
    return Commit(**kept)


def _own_checksum(body: dict[str, Any]) -> int:
    rest = {key: value for key, value in body.items() if key != "crc32c"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return int(google_crc32c.value(text.encode()))
