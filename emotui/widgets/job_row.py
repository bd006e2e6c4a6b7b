"""One row about the running job, and one row per meter of a steered text.

In: a `JobState` of the job book, or a name and a number. Out: nothing; both only show. Knows no
thread: whoever holds the job book refreshes the row.
"""

import math
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from emotui.sanitize import one_line, shorten
from emotui.widgets.cells import fit
from emotui.widgets.look import look_of

if TYPE_CHECKING:
    from emotui.jobbook import JobState

BAR_MOST = 30
"""Cells of the longest meter bar."""
_MARKS = {"queued": "…", "running": "▶", "done": "✓", "cancelled": "⊘", "failed": "✗"}


def duration(seconds: float) -> str:
    """`42 s`, `3:05`, `1:02:09`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def rate_text(rate: float, unit: str) -> str:
    """`42 texts/s`, or `7.5 s a text` where one takes longer than a second."""
    if rate >= 1:
        return f"{rate:,.0f} {unit}/s" if rate >= 10 else f"{rate:.1f} {unit}/s"
    return f"{1 / rate:.1f} s a {unit.rstrip('s')}"


class JobRow(Widget):
    """Name, bar, how far, how fast, how long still; then how many wait."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"bars--bar"}
    DEFAULT_CSS = """
    JobRow { height: 1; width: 1fr; }
    JobRow > .bars--bar { color: $secondary; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._job: JobState | None = None
        self._waiting = 0

    def show(self, job: "JobState | None", *, waiting: int = 0) -> None:
        """Show a job as it stands; None when nothing runs."""
        self._job, self._waiting = job, waiting
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The row."""
        look, width = look_of(self), self.size.width
        if y:
            return Strip.blank(width, look.base)
        if self._job is None:
            return Strip([Segment(fit(" idle", width), look.dim)])
        job = self._job
        more = f"  +{self._waiting} waiting" if self._waiting else ""
        head = f" {_MARKS[job.status]} {job.name}"
        parts = self._tail(job)
        share = self._share(job)
        while True:
            tail = " · ".join(parts) + more
            room = width - cell_len(tail) - 2
            bar_wide = min(24, room - cell_len(head) - 3)
            if len(parts) < 3 or bar_wide >= (0 if share is None else 6):
                break
            parts.pop()
        middle: list[Segment] = []
        if share is not None and bar_wide >= 6:
            from emotui.widgets.bars import bar  # not before the first job

            filled = Segment(bar(share, bar_wide), self.get_component_rich_style("bars--bar"))
            middle = [Segment(" ▕", look.dim), filled, Segment("▏", look.dim)]
        # What failed keeps its name where the reason would take the whole row.
        room = max(room, min(cell_len(head) + 1, width // 3))
        segments = [Segment(head if middle else fit(head, room), look.strong), *middle]
        used = sum(cell_len(segment.text) for segment in segments)
        segments.append(Segment(" " + shorten(tail, width - used - 1), look.base))
        return Strip(segments).adjust_cell_length(width, look.base)

    def _share(self, job: "JobState") -> float | None:
        progress = job.progress
        if job.status != "running" or progress is None or not progress.total:
            return None
        return progress.done / progress.total

    def _tail(self, job: "JobState") -> list[str]:
        """What is said at the right, the least important last."""
        if job.status == "failed":
            return [one_line(job.error)]
        progress = job.progress
        if job.status != "running" or progress is None:
            return ["starting" if job.status == "running" else job.status]
        parts = [f"{progress.done:,}"]
        if progress.total:
            parts = [f"{progress.done:,}/{progress.total:,} {progress.unit}"]
        else:
            parts[0] += f" {progress.unit}"
        if progress.rate and math.isfinite(progress.rate):
            if progress.total:
                left = (progress.total - progress.done) / progress.rate
                parts.append(f"{duration(left)} left")
            parts.append(rate_text(progress.rate, progress.unit))
        if progress.note:
            parts.append(one_line(progress.note))
        return parts


class Meter(Widget):
    """A name, a number and a bar from zero to the end of its scale; a mark where it gets bad."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"bars--bar"}
    DEFAULT_CSS = """
    Meter { height: 1; width: 1fr; }
    Meter > .bars--bar { color: $secondary; }
    """

    def __init__(
        self,
        name: str,
        *,
        top: float,
        warn_above: float | None = None,
        places: int = 2,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._what, self._top, self._warn, self._places = name, top, warn_above, places
        self._value: float | None = None

    def show(self, value: float | None) -> None:
        """Show a number; None or NaN when it is not known."""
        self._value = None if value is None or math.isnan(value) else value
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The row."""
        look, width = look_of(self), self.size.width
        if y:
            return Strip.blank(width, look.base)
        value = self._value
        shown = "–" if value is None else f"{value:.{self._places}f}"
        high = value is not None and self._warn is not None and value > self._warn
        head = f"{self._what} {shown}{' !' if high else ''}"
        room = min(width - max(cell_len(head), 14) - 3, BAR_MOST)
        segments = [Segment(fit(head, min(max(cell_len(head), 14), width)), look.strong)]
        if room >= 4:
            from emotui.widgets.bars import bar

            filled = bar((value or 0) / self._top, room)
            drawn = Segment(filled, self.get_component_rich_style("bars--bar"))
            segments += [Segment(" ▕", look.dim), drawn, Segment("▏", look.dim)]
        return Strip(segments).adjust_cell_length(width, look.base)
