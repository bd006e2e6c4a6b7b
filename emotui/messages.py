"""The worker's reports on their way to the screen; the only bridge from its threads to Textual.

In: reports, from any thread. Out: one `ReportsWaiting` for the screen, however many wait, and the
reports in their order once it asks for them. Progress of a job replaces older progress of the same
job that still waits; nothing else is ever dropped.
"""

import threading
import time
from collections.abc import Callable

from textual.message import Message
from textual.message_pump import MessagePump

from emotui.events import Progress
from emotui.worker import JobEvent, Report

TAKE_EVERY = 0.05
"""Seconds between two looks into the mailbox: a model that writes 600 tokens a second must not wake
the screen 600 times."""


class ReportsWaiting(Message, bubble=False):
    """There is something in the mailbox."""


class Mailbox:
    """Reports that wait for the screen's thread."""

    def __init__(self, target: MessagePump, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`target` gets the ReportsWaiting."""
        self._target, self._clock = target, clock
        self._lock = threading.Lock()
        self._waiting: list[Report] = []
        self._last = float("-inf")

    def post(self, report: Report) -> bool:
        """Put a report in, from any thread; False once the target has closed."""
        with self._lock:
            first = not self._waiting
            job_id = _progress_of(report)
            if job_id is not None:
                self._waiting = [r for r in self._waiting if _progress_of(r) != job_id]
            self._waiting.append(report)
        if not first:
            return True
        try:
            return self._target.post_message(ReportsWaiting())
        except RuntimeError:  # the event loop has closed: nobody is left to tell
            return False

    @property
    def early(self) -> float:
        """Seconds until the next look is due; 0 or less when it is."""
        return self._last + TAKE_EVERY - self._clock()

    def take(self) -> list[Report]:
        """Everything that waits, the oldest first."""
        with self._lock:
            taken, self._waiting = self._waiting, []
        self._last = self._clock()
        return taken


def _progress_of(report: Report) -> int | None:
    """The job whose progress this is; None for every other report."""
    if isinstance(report, JobEvent) and isinstance(report.event, Progress):
        return report.job_id
    return None
