"""Jobs: which models the data directory knows, to choose one from.

In: the data directory. Out: KnownModel's, the most used first, then the embedded one. Reads what
runs and vectors say of themselves; loads nothing and asks no hub.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from emotui.events import Done, Job
from emotui.jobs.atlas import set_entries
from emotui.jobs.runchoice import info_of
from emotui.jobs.spec import DEMO, DEMO_MODEL
from store.layout import Home
from store.runs import list_runs


@dataclass(frozen=True)
class KnownModel:
    """One model that was used before, or the embedded one."""

    source: str
    """A directory, a hub id, or "demo"."""
    runs: int
    sets: int
    """Sets of vectors made with it."""
    gone: bool
    """Whether it was a directory that is no longer there."""


def known_models_job(home: Home) -> Job:
    """Done holds a tuple of KnownModel's."""
    runs = Counter(_named(str(info_of(home, r).get("source", ""))) for r in list_runs(home))
    sets = Counter(_named(entry.model) for entry in set_entries(home))
    used = sorted(runs | sets, key=lambda s: (-runs[s] - sets[s], s))
    sources = dict.fromkeys([*(s for s in used if s), DEMO])
    yield Done(tuple(KnownModel(s, runs[s], sets[s], _gone(s)) for s in sources))


def _named(source: str) -> str:
    return DEMO if source and Path(source) == DEMO_MODEL else source


def _gone(source: str) -> bool:
    path = Path(source).expanduser()
    return path.is_absolute() and not path.is_dir()
