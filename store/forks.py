"""The ledger of forking paths: which settings have been evaluated in this home, one line each.

In: an evaluation (kind, data set, layer, alpha, emotion, metric, subset). Out: how many distinct
ones there were before a claim, and on which prompts. Append-only; a line that cannot be read (a
crash in the middle of a write) is skipped. Knows no statistics.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from store.layout import Home

FILE = "forks.jsonl"


@dataclass(frozen=True)
class Fork:
    """One setting that was looked at."""

    kind: str
    """"probe" or "steer": the jobs that read an outcome."""
    dataset_hash: str
    layer: int
    emotion: str
    """"" = all of them."""
    alpha: float | None = None
    metric: str = ""
    subset: str = ""
    """`prompt_hashes` joined by commas; "" = the whole data set."""


def note_forks(home: Home, forks: Iterable[Fork]) -> None:
    """Add those that are new."""
    known = set(read_forks(home))
    fresh = [fork for fork in dict.fromkeys(forks) if fork not in known]
    if not fresh:
        return
    home.ensure()
    with _path(home).open("ab") as file:
        file.write(b"".join(json.dumps(asdict(f), sort_keys=True).encode() + b"\n" for f in fresh))
        file.flush()
        os.fsync(file.fileno())


def read_forks(home: Home) -> list[Fork]:
    """Every distinct evaluation, in the order of their first time."""
    path = _path(home)
    found: dict[Fork, None] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            found[Fork(**json.loads(line))] = None
        except (ValueError, TypeError):
            continue
    return list(found)


def prompt_hashes(prompts: Iterable[str]) -> tuple[str, ...]:
    """A short hash of each prompt: enough to tell whether two sets share some."""
    return tuple(hashlib.sha256(p.strip().encode()).hexdigest()[:12] for p in prompts)


def _path(home: Home) -> Path:
    return home.findings / FILE
