"""Choosing a set of vectors from a pane, and the model that goes with the workspace.

In: a pane and what to do with the name. Out: nothing; the list of sets comes from a desk job.
"""

from collections.abc import Callable

from emotui.events import Job
from emotui.jobs.atlas_spec import SetEntry
from emotui.jobs.spec import ModelSpec, spec_of
from emotui.lanes import Tools
from emotui.panes.base import Pane
from emotui.screens.asking import PickOne
from emotui.workspace import Workspace

Fits = Callable[[SetEntry, tuple[SetEntry, ...]], bool]


def model_for(workspace: Workspace) -> ModelSpec:
    """The workspace's model, or the one the set was made with."""
    return workspace.model or spec_of(workspace.settings, "")


def list_sets(tools: Tools) -> Job:
    """The desk job that lists the sets."""
    from emotui.jobs.atlas import list_sets_job

    return list_sets_job(tools.home)


def ask_for_set(
    pane: Pane,
    then: Callable[[str], None],
    *,
    question: str,
    fits: Fits = lambda entry, entries: True,  # noqa: ARG005
    none: str = "no vectors yet; 3 and then b builds them from a run",
    at_once: bool = False,
) -> None:
    """List the sets that fit and ask for one; with `at_once` a single one is not asked for."""

    def answer(entries: tuple[SetEntry, ...]) -> None:
        fitting = [e for e in entries if not e.problem and fits(e, entries)]
        if not fitting:
            pane.toast(none, severity="warning")
        elif len(fitting) == 1 and at_once:
            then(fitting[0].name)
        else:
            options = [(e.name, described(e)) for e in fitting]
            pane.ask(PickOne(question, options, current=pane.workspace.vectors), then)

    pane.submit(
        list_sets, "list vectors", lane="desk", subject="choose-set", then=answer, quiet=True
    )


def described(entry: SetEntry) -> str:
    """A set in one line."""
    return (
        f"{entry.name} · {entry.kind or 'kind unknown'} · {len(entry.labels)} emotions · "
        f"{len(entry.layers)} layers · {entry.dataset or 'dataset unknown'}"
    )
