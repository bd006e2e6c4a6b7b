"""The ledger of forking paths: which settings have been evaluated in this home, one line each.

In: an evaluation (kind, data set, layer, alpha, emotion, metric, subset). Out: how many distinct
ones there were before a claim, and on which prompts. Append-only; a line that cannot be read (a
crash in the middle of a write) is skipped. Noting what is known already writes nothing. Knows no
statistics.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from store.atomic import append_lines
from store.layout import Home

FILE = "forks.jsonl"


@dataclass(frozen=True)
class Fork:
    """One setting that was looked at."""

    kind: str
    """The job that showed an outcome: "build", "probe", "score", "steer", "live" or "audit"."""
    dataset_hash: str
    """Of the texts that the vectors or activations were made from."""
    layer: int
    """-1 = all of them at once."""
    emotion: str
    """"" = all of them."""
    alpha: float | None = None
    metric: str = ""
    subset: str = ""
    """`prompt_hashes` joined by commas; "" = the whole data set."""


def note_forks(home: Home, forks: Iterable[Fork]) -> None:
    """Add those that are new."""
    path = _path(home)
    known = set(path.read_bytes().splitlines()) if path.exists() else set()
    lines = (json.dumps(asdict(f), sort_keys=True).encode() for f in dict.fromkeys(forks))
    fresh = [line for line in lines if line not in known]
    if not fresh:
        return
    home.ensure()
    append_lines(path, fresh)


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
