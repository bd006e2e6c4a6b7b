"""The Jobs pane: every job of this session, what it has said, the device, the log of stray output.

In: the shell's job book. Out: cancel requests. It starts no job of its own.
"""

from datetime import datetime, timedelta

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.widgets import Static

from emotui.actions import bindings
from emotui.guard import tail
from emotui.headline import memory_text
from emotui.jobbook import JobState
from emotui.jobs.spec import DEMO, DEMO_MODEL
from emotui.lanes import DeviceState
from emotui.panes.base import Pane
from emotui.sanitize import one_line, visible
from emotui.screens.asking import Dialog
from emotui.widgets.job_row import duration, rate_text
from emotui.widgets.table import Column, VirtualTable
from emotui.worker import JobEvent, Report

COLUMNS = (
    Column("job", 3, "right"),
    Column("state", 9),
    Column("what"),
    Column("progress", 18),
    Column("rate", 9, "right"),
    Column("left", 7, "right"),
    Column("time", 7, "right"),
)
NOTES_SHOWN = 40


class JobsPane(Pane):
    """The newest job first."""

    pane_id = "jobs"
    BINDINGS = bindings("jobs")
    SCOPED_CSS = False
    DEFAULT_CSS = """
    JobsPane #job-both { layout: vertical; height: 1fr; }
    JobsPane #job-table { height: 1fr; width: 1fr; }
    JobsPane #job-side { height: 1fr; width: 1fr; border-top: solid $panel; }
    JobsPane #job-device {
        height: 1; text-style: bold; text-wrap: nowrap; text-overflow: ellipsis;
    }
    JobsPane #job-notes { height: auto; }
    .-wide JobsPane #job-both { layout: horizontal; }
    .-wide JobsPane #job-side { border-top: none; border-left: solid $panel; padding: 0 1; }
    """

    def compose(self) -> ComposeResult:
        """Table; beside it what the job under the cursor has said."""
        with Container(id="job-both"):
            yield VirtualTable(COLUMNS, empty="no job yet: Data, e extracts", id="job-table")
            with Vertical(id="job-side"):
                yield Static(id="job-device")
                with VerticalScroll(id="job-scroll", can_focus=True):
                    yield Static(id="job-notes")

    def on_mount(self) -> None:
        """Times grow while a job runs."""
        super().on_mount()
        self.set_interval(1.0, self._tick)

    @property
    def _table(self) -> VirtualTable:
        return self.query_one("#job-table", VirtualTable)

    @property
    def _order(self) -> list[JobState]:
        return list(reversed(self.shell.shown_jobs))

    @property
    def under_cursor(self) -> JobState | None:
        """The job the keys mean."""
        order = self._order
        return order[self._table.cursor] if self._table.cursor < len(order) else None

    def on_workspace(self, changed: frozenset[str]) -> None:
        """Nothing here depends on the choices but the device line."""
        del changed
        self._list()

    def on_any_job(self, report: Report) -> None:
        """A job has come, moved or ended."""
        if not self.has_class("-current") or not self.query(VirtualTable):
            return  # not on the screen, or taken off it while the application closes
        if isinstance(report, JobEvent):
            self._table.update_rows()
            self._show()
        else:
            self._list()

    def focus_first(self) -> None:
        """The table."""
        self._list()
        self._table.focus()

    def _list(self) -> None:
        table = self._table
        before = self.under_cursor
        order = self._order
        if table.count != len(order):
            # A new job at the top moves the others down; the cursor stays with its job.
            grown = len(order) - table.count
            cursor = table.cursor + grown if before is not None and table.cursor else 0
            table.set_rows(len(order), self._rows, cursor=cursor)
        else:
            table.update_rows()
        self._show()

    def _rows(self, start: int, stop: int) -> list[list[str]]:
        return [job_cells(job, self.shell.now()) for job in self._order[start:stop]]

    def _tick(self) -> None:
        if self.has_class("-current") and self.shell.jobs.running is not None:
            self._table.update_rows()
            self._show()

    def on_virtual_table_cursor_moved(self) -> None:
        """Another job's notes."""
        self._show()

    def _show(self) -> None:
        device = self.shell.device
        self.query_one("#job-device", Static).update(Text(device_line(device)))
        job = self.under_cursor
        now = self.shell.now()
        lines = job_lines(job, now, last=NOTES_SHOWN) if job is not None else []
        log = tail(self.shell.log_file, 12)
        lines += ["", "log, what libraries wrote" + ("" if log else ": nothing")]
        lines += ["  " + visible(text) for text in log]
        self.query_one("#job-notes", Static).update(Text("\n".join(lines)))

    def action_cancel_job(self) -> None:
        """Cancel the job under the cursor."""
        job = self.under_cursor
        if job is None or not job.live:
            self.toast("nothing to cancel: the job under the cursor has ended")
        else:
            self.cancel(job.id)
            self.toast(f"cancelling {job.name}")

    def action_details(self) -> None:
        """Everything the job has said."""
        job = self.under_cursor
        if job is not None:
            self.app.push_screen(Details(job_lines(job, self.shell.now(), last=None)))

    def on_virtual_table_opened(self) -> None:
        """Enter."""
        self.action_details()

    @property
    def status_line(self) -> str:
        """How many run and wait."""
        jobs = self.shell.shown_jobs
        return f"{sum(j.live for j in jobs)} live, {len(jobs)} in this session"


class Details(Dialog[None]):
    """All notes of one job."""

    DEFAULT_CSS = """
    Details > VerticalScroll {
        width: 90%; height: 80%; padding: 0 1; background: $surface; border: round $primary;
    }
    Details Static { height: auto; }
    """

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self.lines = lines

    def compose(self) -> ComposeResult:
        """The lines, scrolling."""
        with VerticalScroll(can_focus=True):
            yield Static(Text("\n".join(self.lines)))


def device_line(device: DeviceState | None) -> str:
    """The model that is loaded, and its device with the memory in use."""
    if device is None:
        return "no model loaded yet"
    parts = [memory_text(device)]
    if device.model:
        parts = [one_line(shown_model(device.model)), f"{device.n_layers} layers", *parts]
    return " · ".join(parts)


def shown_model(source: str) -> str:
    """The embedded model by its name, any other by where it comes from."""
    return DEMO if source == str(DEMO_MODEL) else source


def job_cells(job: JobState, now: float) -> list[str]:
    """One row of the table."""
    progress = rate = left = ""
    if job.progress is not None and not outdated(job):
        total = f"/{job.progress.total:,}" if job.progress.total else ""
        progress = f"{job.progress.done:,}{total} {job.progress.unit}"
        if job.status == "running" and job.progress.rate:
            rate = _per_second(job.progress.rate)
            seconds = seconds_left(job)
            left = "" if seconds is None else duration(seconds)
    spent = ""
    if job.started is not None:
        spent = duration((job.ended if job.ended is not None else now) - job.started)
    return [str(job.id), job.status, job.name, progress, rate, left, spent]


def outdated(job: JobState) -> bool:
    """Whether a job is done that did not say so of its last step: `0/1` would belie it."""
    progress = job.progress
    return (
        job.status == "done"
        and progress is not None
        and progress.total is not None
        and progress.done < progress.total
    )


def _per_second(rate: float) -> str:
    """`43/s`, or `7.5 s/1` where one takes longer than a second; the unit stands beside it."""
    return f"{rate:,.{0 if rate >= 10 else 1}f}/s" if rate >= 1 else f"{1 / rate:,.1f} s/1"


def seconds_left(job: JobState) -> float | None:
    """How long the part at work still takes at its rate; None where that is not known."""
    progress = job.progress
    if progress is None or not progress.rate or not progress.total:
        return None
    return max(progress.total - progress.done, 0) / progress.rate


def job_lines(job: JobState, now: float, *, last: int | None) -> list[str]:
    """What a job has said, the newest last."""
    head = f"job {job.id}: {one_line(job.name)} · {job.status}"
    if job.ended is not None and job.started is not None:
        head += f" in {duration(job.ended - job.started)}"
        head += f", at {_clock(job.ended - now)}"
    elif job.started is not None:
        head += f" since {_clock(job.started - now)}"
    lines = [head]
    progress, left = job.progress, seconds_left(job)
    if progress is not None and not outdated(job):
        note = f"{one_line(progress.note)}: " if progress.note else ""
        total = f" of {progress.total:,}" if progress.total else ""
        parts = [f"{note}{progress.done:,}{total} {progress.unit}"]
        if job.status == "running" and progress.rate:
            parts.append(rate_text(progress.rate, progress.unit))
        if job.status == "running" and left is not None:
            parts += [f"{duration(left)} left", f"about {_clock(left)[:5]}"]
        lines.append(" · ".join(parts))
    notes = job.notes if last is None else job.notes[-last:]
    lines += [("! " if note.level == "warn" else "  ") + one_line(note.text) for note in notes]
    if job.error:
        lines.append("✗ " + one_line(job.error))
    if job.traceback:
        lines.append("  traceback: " + one_line(job.traceback))
    return lines


def _clock(seconds: float) -> str:
    """The time of day so many seconds from now."""
    return (datetime.now() + timedelta(seconds=seconds)).strftime("%H:%M:%S")
