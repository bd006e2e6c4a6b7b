"""failures.jsonl: the texts that were set aside, and why.

In: (row, pooling, reason) of texts that gave no usable activation. Out: one JSON line each, in the
order of the rows; read back bounded by the commit, so that a line of a row that was lost to a kill
is not believed. pooling "*" means the whole text.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

from store.commit import Commit
from store.errors import CorruptError

FAILURES = "failures.jsonl"


@dataclass(frozen=True)
class Failure:
    """One text that was set aside."""

    row: int
    """Row of the dataset selection, from 0."""
    pooling: str
    """The pooling that failed, or "*" for all of them."""
    reason: str
    """Why, in one line."""


def failure_lines(failures: Sequence[tuple[int, str, str]], start: int, stop: int) -> list[bytes]:
    """The lines of the failures in rows `start` to `stop`, in order of their rows."""
    chosen = sorted(failure for failure in failures if start <= failure[0] < stop)
    return [
        json.dumps({"row": row, "pooling": pooling, "reason": reason}).encode() + b"\n"
        for row, pooling, reason in chosen
    ]


def read_failures(folder: Path, commit: Commit) -> list[Failure]:
    """The committed failures of a run; CorruptError where the file does not match the commit."""
    path = folder / FAILURES
    if not commit.failures_bytes:
        return []
    try:
        raw = path.read_bytes()[: commit.failures_bytes]
    except FileNotFoundError:
        raw = b""
    if len(raw) < commit.failures_bytes or google_crc32c.value(raw) != commit.failures_crc32c:
        raise CorruptError(
            f"{path} does not match its commit ({len(raw):,} of {commit.failures_bytes:,} bytes "
            "readable): restore it from a copy, or remove the run and extract again"
        )
    return [Failure(**json.loads(line)) for line in raw.splitlines()]
