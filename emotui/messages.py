"""The worker's reports as Textual messages; the only bridge from the engine thread to the screen.

`post_reports(target)` gives the callback a Worker wants. Progress of one job that waits in the
queue is replaced by newer progress of the same job; nothing else is ever replaced.
"""

from collections.abc import Callable

from textual.message import Message
from textual.message_pump import MessagePump

from emotui.events import Progress
from emotui.worker import JobEvent, Report


class JobMessage(Message):
    """One report, on its way to the screen's thread."""

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__()

    @property
    def progress_of(self) -> int | None:
        """The job whose progress this is; None for every other report."""
        report = self.report
        if isinstance(report, JobEvent) and isinstance(report.event, Progress):
            return report.job_id
        return None

    def can_replace(self, message: Message) -> bool:
        """Whether the later `message` makes this one needless."""
        return (
            isinstance(message, JobMessage)
            and self.progress_of is not None
            and self.progress_of == message.progress_of
        )


def post_reports(target: MessagePump) -> Callable[[Report], bool]:
    """A callback that posts to the target from any thread; False once the target has closed."""

    def post(report: Report) -> bool:
        try:
            return target.post_message(JobMessage(report))
        except RuntimeError:  # the event loop has closed: nobody is left to tell
            return False

    return post
