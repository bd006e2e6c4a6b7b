"""Which jobs there are and how they stand, as the screen sees them; drops what comes too late.

In: the worker's reports, one by one, on the screen's thread. Out: one `JobState` per job, newest
last, and for every report whether it still counts. Knows no thread and no widget.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from emotui.events import Note, Progress
from emotui.worker import (
    JobCancelled,
    JobEvent,
    JobFailed,
    JobFinished,
    JobQueued,
    JobStarted,
    Report,
)

Status = Literal["queued", "running", "done", "cancelled", "failed"]
NOTES_KEPT = 200
JOBS_KEPT = 300
"""Ended jobs that stay listed; the oldest are let go."""


@dataclass
class JobState:
    """One job, as far as it has been heard of."""

    id: int
    name: str
    status: Status = "queued"
    progress: Progress | None = None
    started: float | None = None
    """Seconds on the clock when it began; None before that."""
    ended: float | None = None
    notes: list[Note] = field(default_factory=list)
    """The last lines it said."""
    error: str = ""
    traceback: str = ""
    """Path of the traceback file; "" when there is none."""

    @property
    def live(self) -> bool:
        """Whether more can come from it."""
        return self.status in ("queued", "running")


class JobBook:
    """All jobs of this session, and the newest job of each subject."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.jobs: dict[int, JobState] = {}
        self._clock = clock
        self._newest: dict[str, int] = {}

    def expect(self, subject: str, job_id: int) -> None:
        """From now on only this job's results count for the subject ("tokens", "steer", ...)."""
        self._newest[subject] = job_id

    def current(self, subject: str, job_id: int) -> bool:
        """Whether this job is the newest one asked for on the subject."""
        return self._newest.get(subject) == job_id

    def drop(self, job_id: int) -> None:
        """Its user cancelled it: what it still says no longer counts, only how it ends."""
        state = self.jobs.get(job_id)
        if state is not None and state.live:
            state.status = "cancelled"

    def trim(self) -> None:
        """Let the oldest ended jobs go where there are more than are kept."""
        if len(self.jobs) > JOBS_KEPT:
            ended = [i for i, job in self.jobs.items() if job.ended is not None]
            for job_id in ended[: len(self.jobs) - JOBS_KEPT]:
                del self.jobs[job_id]

    def take(self, report: Report) -> bool:
        """Enter a report; False when it is stale and must not reach a pane."""
        if isinstance(report, JobQueued):
            self.jobs[report.job_id] = JobState(report.job_id, report.name)
            return True
        state = self.jobs.get(report.job_id)
        if state is None or state.ended is not None:
            return False
        if isinstance(report, JobStarted):
            state.started = self._clock()
            if state.status == "queued":
                state.status = "running"
            return state.live
        if isinstance(report, JobEvent):
            return self._event(state, report)
        state.ended = self._clock()
        if isinstance(report, JobFailed):
            state.status, state.error = "failed", report.message
            state.traceback = str(report.traceback or "")
        elif isinstance(report, JobCancelled):
            state.status = "cancelled"
        elif isinstance(report, JobFinished):
            if state.status == "cancelled":
                return False
            state.status = "done"
        return True

    def _event(self, state: JobState, report: JobEvent) -> bool:
        if not state.live:
            return False
        if isinstance(report.event, Progress):
            state.progress = report.event
        elif isinstance(report.event, Note):
            state.notes = [*state.notes[1 - NOTES_KEPT :], report.event]
        return True

    @property
    def running(self) -> JobState | None:
        """The job at work now."""
        return next((j for j in self.jobs.values() if j.status == "running"), None)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(j.status == "queued" for j in self.jobs.values())
