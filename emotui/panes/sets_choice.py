"""Choosing a set of vectors from a pane, and the model that goes with the workspace.

In: a pane and what to do with the name. Out: nothing; the list of sets comes from a desk job.
"""

from collections.abc import Callable
from dataclasses import dataclass

from emotui.events import Job
from emotui.jobs.atlas_spec import SetEntry
from emotui.jobs.spec import ModelSpec
from emotui.lanes import Tools
from emotui.panes.base import Pane
from emotui.screens.asking import PickOne
from emotui.worker import JobFinished, Report
from emotui.workspace import Workspace

Fits = Callable[[SetEntry, tuple[SetEntry, ...]], bool]


def model_for(workspace: Workspace) -> ModelSpec:
    """The workspace's model, or the one the set was made with."""
    if workspace.model is not None:
        return workspace.model
    settings = workspace.settings
    return ModelSpec("", dtype=settings.text("dtype"), device=settings.text("device"))


def list_sets(tools: Tools) -> Job:
    """The desk job that lists the sets."""
    from emotui.jobs.atlas import list_sets_job

    return list_sets_job(tools.home)


@dataclass(frozen=True)
class _Waiting:
    job: int
    then: Callable[[str], None]
    question: str
    fits: Fits
    none: str
    at_once: bool


class SetQuestion:
    """One pane's question for a set: lists them, asks, hands on the name."""

    def __init__(self, pane: Pane) -> None:
        self._pane = pane
        self._waiting: _Waiting | None = None

    def ask(
        self,
        then: Callable[[str], None],
        *,
        question: str,
        fits: Fits = lambda entry, entries: True,  # noqa: ARG005
        none: str = "no vectors yet; emotui vectors build makes them from a run",
        at_once: bool = False,
    ) -> None:
        """List the sets that fit and ask for one; with `at_once` a single one is not asked for."""
        job = self._pane.submit(list_sets, "list vectors", lane="desk", subject="choose-set")
        self._waiting = _Waiting(job, then, question, fits, none, at_once)

    def take(self, report: Report) -> bool:
        """Whether this report was the answer to the question."""
        waiting = self._waiting
        if waiting is None or report.job_id != waiting.job:
            return False
        if not isinstance(report, JobFinished):
            return True
        self._waiting = None
        entries: tuple[SetEntry, ...] = report.value  # type: ignore[assignment]
        fitting = [e for e in entries if not e.problem and waiting.fits(e, entries)]
        if not fitting:
            self._pane.toast(waiting.none, severity="warning")
        elif len(fitting) == 1 and waiting.at_once:
            waiting.then(fitting[0].name)
        else:
            options = [(e.name, described(e)) for e in fitting]
            current = self._pane.workspace.vectors
            self._pane.ask(PickOne(waiting.question, options, current=current), waiting.then)
        return True


def described(entry: SetEntry) -> str:
    """A set in one line."""
    return (
        f"{entry.name} · {entry.kind or 'kind unknown'} · {len(entry.labels)} emotions · "
        f"{len(entry.layers)} layers · {entry.dataset or 'dataset unknown'}"
    )
