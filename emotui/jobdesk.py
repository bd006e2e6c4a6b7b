"""The jobs of one session: who asked for which, what each has said, which to start again next time.

In: what panes ask for, and the lanes' reports as they come. Out: ids, job states, and for every
report the pane it is for. Keeps only what can still be needed: what has ended is let go. Imported
after the first paint. Knows no widget.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotui.events import Partial
from emotui.jobbook import JobBook, JobState
from emotui.lanes import DEVICE, DeviceState, JobFactory, Lane, Lanes
from emotui.sanitize import one_line
from emotui.worker import JobCancelled, JobEvent, JobFailed, JobFinished, Report
from store.layout import Home

NO_JOB = 0
"""An id that no job has."""


@dataclass(frozen=True)
class Order:
    """A job that a pane asks for."""

    start: JobFactory
    title: str
    owner: str
    """The pane that gets its reports."""
    lane: Lane
    subject: str = ""
    """With one only the newest job asked for on it counts: the one before is cancelled."""
    resume: dict[str, Any] | None = None
    """JSON values for the next start, should the application end before the job does."""
    quiet: bool = False
    """Not listed unless it fails: a list read again."""


class JobDesk:
    """Lanes, job book, and the owner of every live job."""

    def __init__(
        self, post: Callable[[Report], object], *, home: Home, threads: int, errors: Path
    ) -> None:
        """`post` is called from the lanes' threads; tracebacks of bugs go to the folder `errors`.

        `threads` are torch's; 0 leaves one core to the screen.
        """
        self.book = JobBook()
        self.lanes = Lanes(post, home=home, threads=threads, traceback_folder=errors)
        self.device: DeviceState | None = None
        """What is loaded; None before the first job that loads a model."""
        self._owners: dict[int, tuple[str, str]] = {}
        self._resume: dict[int, dict[str, Any]] = {}
        self._quiet: set[int] = set()

    def submit(self, order: Order) -> int:
        """Queue a job for a pane; older ones on the same subject are cancelled.

        While the workbench is being left nothing is queued, and the id is NO_JOB: a timer of a
        pane may still ask.
        """
        if self.lanes.stopping:
            return NO_JOB
        if order.subject:
            for old, (_, about) in list(self._owners.items()):
                if about == order.subject:
                    self.cancel(old)
        job_id = self.lanes.submit(order.start, one_line(order.title), lane=order.lane)
        self._owners[job_id] = (order.owner, order.subject)
        if order.quiet:
            self._quiet.add(job_id)
        if order.resume is not None:
            self._resume[job_id] = {**order.resume, "pane": order.owner}
        if order.subject:
            self.book.expect(order.subject, job_id)
        return job_id

    def cancel(self, job_id: int) -> bool:
        """Stop a job; what it still says is dropped. False when it has ended."""
        if not self.lanes.cancel(job_id):
            return False
        self.book.drop(job_id)
        return True

    def take(self, report: Report) -> tuple[str, bool]:
        """Enter a report; (the pane that asked, whether it still counts there)."""
        if isinstance(report, JobEvent) and isinstance(report.event, Partial):
            value = report.event.value
            if report.event.kind == DEVICE and isinstance(value, DeviceState):
                self.device = value
                return "", False
        fresh = self.book.take(report)
        owner, subject = self._owners.get(report.job_id, ("", ""))
        return owner, fresh and (not subject or self.book.current(subject, report.job_id))

    def forget(self, report: Report) -> None:
        """Let go of what a report's job needed if it has ended; quiet ones leave no trace."""
        if not isinstance(report, JobFinished | JobCancelled | JobFailed):
            return
        self._owners.pop(report.job_id, None)
        self._resume.pop(report.job_id, None)
        if report.job_id in self._quiet:
            self._quiet.discard(report.job_id)
            if not isinstance(report, JobFailed):
                self.book.jobs.pop(report.job_id, None)
        self.book.trim()

    @property
    def unfinished(self) -> tuple[dict[str, Any], ...]:
        """What would start the jobs again that have not ended. Safe in any thread."""
        jobs = self.book.jobs
        return tuple(
            record
            for job_id, record in list(self._resume.items())
            if job_id not in jobs or jobs[job_id].live
        )

    @property
    def shown(self) -> list[JobState]:
        """Every job worth listing, the oldest first."""
        return [j for i, j in self.book.jobs.items() if i not in self._quiet or j.error]

    @staticmethod
    def now() -> float:
        """Seconds on the job book's clock."""
        return time.monotonic()
