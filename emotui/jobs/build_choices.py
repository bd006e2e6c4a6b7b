"""Job: what a set of directions can be built from, as far as the data directory knows.

In: the data directory and what the user is looking at. Out: BuildChoices: runs that have labels,
data sets that could be neutral, sets that deflection vectors could go with, a name that is free.
Reads only; needs no model.
"""

from dataclasses import dataclass
from itertools import count

from emotui.events import Done, Job
from emotui.jobs.atlas import set_entries
from emotui.jobs.runchoice import run_list
from store.datasets import list_datasets
from store.layout import Home


@dataclass(frozen=True)
class BuildChoices:
    """What the form offers, each the likeliest first."""

    runs: tuple[str, ...]
    """Complete runs of trained models with two labels or more."""
    neutral: tuple[str, ...]
    """Other data sets; those without emotions to tell apart come first."""
    extracted: str
    """The first of those that a run of the same model is of: it costs nothing; "" for none."""
    sets: tuple[str, ...]
    """Sets of expression vectors."""
    name: str
    """One that no set has."""


def build_choices_job(home: Home, *, run: str, dataset: str) -> Job:
    """Done holds BuildChoices; the run in use comes first, else the one a probe would take."""
    found = run_list(home, dataset)
    fitting = {c.run.run_id: c.run for c in found.runs if c.fits}
    first = [r for r in (run, found.preferred) if r in fitting]
    runs = tuple(dict.fromkeys([*first, *fitting]))
    own = fitting[runs[0]].dataset if runs else dataset
    others = [info for info in list_datasets(home) if info.name != own]
    others.sort(key=lambda info: (len(info.labels) > 1, info.name))
    model = fitting[runs[0]].model if runs else ""
    complete = {
        c.run.dataset for c in found.runs if c.run.state == "complete" and c.run.model == model
    }
    entries = set_entries(home)
    taken = {entry.name for entry in entries}
    names = (f"{own or 'vectors'}{f'-{k}' if k > 1 else ''}" for k in count(1))
    yield Done(
        BuildChoices(
            runs,
            tuple(info.name for info in others),
            next((i.name for i in others if len(i.labels) < 2 and i.name in complete), ""),
            tuple(e.name for e in entries if not e.problem and e.kind == "expression"),
            next(name for name in names if name not in taken),
        )
    )
