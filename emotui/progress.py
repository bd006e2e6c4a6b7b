"""Runs a job for a command: shows its events on stderr and stops it cleanly on a signal.

In: a job (a generator of events). Out: its result. On a terminal a rich progress bar, otherwise a
plain line now and then with rate and time left. Ctrl+C, SIGTERM and SIGHUP ask the job to stop
between batches; a second Ctrl+C stops at once. Knows no particular job.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from emotui.errors import Stopped
from emotui.events import Done, Job, Note, Partial, Progress
from emotui.sanitize import one_line
from emotui.terminal import human_time, remark

_EVERY_S = 10.0
_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class StopSwitch:
    """Remembers the first signal; calling it answers whether the job should stop."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self) -> bool:
        return self.signal is not None

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        """The handler: first time take note, second Ctrl+C raise KeyboardInterrupt."""
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number
        remark("emotui: stopping after this batch (Ctrl+C again stops at once)")


@contextmanager
def stop_switch() -> Iterator[StopSwitch]:
    """A switch wired to the signals for as long as the block lasts."""
    switch = StopSwitch()
    before = {number: signal.signal(number, switch.on_signal) for number in _SIGNALS}
    try:
        yield switch
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Display(Protocol):
    def progress(self, event: Progress) -> None: ...
    def note(self, text: str) -> None: ...
    def close(self) -> None: ...


class _Lines:
    """Plain lines per part of a job: the first, the first rate, one every ten seconds, the last."""

    def __init__(self) -> None:
        self._last = (-_EVERY_S, "")
        self._rated = ""

    def progress(self, event: Progress) -> None:
        now = time.monotonic()
        finished = event.total is not None and event.done >= event.total
        first_rate = event.rate is not None and event.note != self._rated
        known = event.note == self._last[1]
        if known and not first_rate and not finished and now - self._last[0] < _EVERY_S:
            return
        if event.rate is not None:
            self._rated = event.note
        self._last = (now, event.note)
        remark(progress_line(event))

    def note(self, text: str) -> None:
        remark(text)

    def close(self) -> None:
        return


class _Bar:
    """A rich progress bar, one row per part of the job, notes above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._bar = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[state]}", markup=False),
            console=self._console,
            auto_refresh=False,
        )
        self._tasks: dict[str, int] = {}
        self._drawn = 0.0
        self._bar.start()

    def progress(self, event: Progress) -> None:
        from rich.progress import TaskID

        name = event.note or event.unit
        if name not in self._tasks:
            self._tasks[name] = self._bar.add_task(name, total=event.total, state="")
        self._bar.update(
            TaskID(self._tasks[name]),
            completed=event.done,
            total=event.total,
            state=progress_state(event),
        )
        now = time.monotonic()
        if now - self._drawn > 0.1 or event.done == event.total:
            self._bar.refresh()
            self._drawn = now

    def note(self, text: str) -> None:
        self._console.print(one_line(text), soft_wrap=True)

    def close(self) -> None:
        self._bar.refresh()
        self._bar.stop()


def progress_state(event: Progress) -> str:
    """`1,200/3,000 texts  410/s  4 s left`."""
    total = f"/{event.total:,}" if event.total is not None else ""
    parts = [f"{event.done:,}{total} {event.unit}"]
    if event.rate:
        parts.append(f"{event.rate:,.0f}/s" if event.rate >= 10 else f"{event.rate:.2g}/s")
        if event.total is not None and event.done < event.total:
            parts.append(f"{human_time((event.total - event.done) / event.rate)} left")
    return "  ".join(parts)


def progress_line(event: Progress) -> str:
    """`extract: 1,200/3,000 texts  410/s  4 s left`."""
    return (f"{event.note}: " if event.note else "") + progress_state(event)


def run_job(
    start: Callable[[StopSwitch], Job],
    *,
    resume: str = "",
    on_partial: Callable[[Partial], None] | None = None,
    quiet: bool = False,
) -> object:
    """Drives a job to its Done event and returns that value.

    `resume` tells what a stopped job's user does next. `quiet` drops info notes and progress.
    Raises Stopped when a signal ended it; the job's own errors pass through.
    """
    from vectors.errors import Cancelled

    with stop_switch() as switch:
        display: _Display = _Bar() if sys.stderr.isatty() and not quiet else _Lines()
        job = start(switch)
        try:
            for event in job:
                if isinstance(event, Done):
                    return event.value
                if isinstance(event, Progress) and not quiet:
                    display.progress(event)
                elif isinstance(event, Note):
                    if not quiet or event.level == "warn":
                        prefix = "warning: " if event.level == "warn" else ""
                        display.note(prefix + event.text)
                elif isinstance(event, Partial) and on_partial is not None:
                    on_partial(event)
        except (Cancelled, KeyboardInterrupt) as e:
            number = switch.signal or signal.SIGINT
            raise Stopped(
                f"stopped; {resume or 'nothing was changed'}", exit_code=128 + number
            ) from e
        finally:
            close = getattr(job, "close", None)
            if close is not None:
                close()
            display.close()
    raise AssertionError("a job ended without a Done event")
