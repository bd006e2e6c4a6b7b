"""The one engine thread: runs jobs from a queue, one at a time, and reports what they say.

In: a name and a callable that, given the cancel question, returns a job (a generator of events).
Out: reports (queued, started, events, and exactly one end) through the callback given at the
start, called from this thread; a screen hands in a function that posts a message. Every report
carries its job's id. Knows no widget, no store and no model: whoever submits a job brings them.
"""

import itertools
import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from emotui.errors import Stopped, UserError
from emotui.events import Cancelled as CancelQuestion
from emotui.events import Done, Event, Job, Progress
from emotui.sanitize import one_line
from store.errors import StoreError
from vectors.errors import Cancelled, VectorsError

EXPECTED = (UserError, StoreError, VectorsError)
"""Errors that say in one line what to do; they leave no traceback file."""
PROGRESS_EVERY = 0.1
"""Seconds between two progress reports of a part of a job; the newest replaces those between."""


class MakeJob(Protocol):
    """A job function with everything but the cancel question filled in."""

    def __call__(self, *, cancelled: CancelQuestion) -> Job: ...


@dataclass(frozen=True)
class JobQueued:
    """The job waits."""

    job_id: int
    name: str


@dataclass(frozen=True)
class JobStarted:
    """The job is at work."""

    job_id: int


@dataclass(frozen=True)
class JobEvent:
    """The job said something: progress, a note or a partial result."""

    job_id: int
    event: Event


@dataclass(frozen=True)
class JobFinished:
    """The job ended well."""

    job_id: int
    value: object


@dataclass(frozen=True)
class JobCancelled:
    """The job was stopped; what it had committed is kept."""

    job_id: int


@dataclass(frozen=True)
class JobFailed:
    """The job raised."""

    job_id: int
    message: str
    """One safe line."""
    traceback: Path | None
    """The file with the traceback; None for an expected mistake, which needs none."""


Report = JobQueued | JobStarted | JobEvent | JobFinished | JobCancelled | JobFailed


@dataclass(frozen=True)
class _Entry:
    job_id: int
    name: str
    make: MakeJob
    cancel: threading.Event


class Worker:
    """A thread that lives as long as the session and owns whatever its jobs load."""

    def __init__(
        self,
        post: Callable[[Report], object],
        *,
        traceback_folder: Path,
        clock: Callable[[], float] = time.monotonic,
        ids: Iterator[int] | None = None,
        thread: str = "engine",
    ) -> None:
        """`post` is called from the engine thread and, for JobQueued, from the caller's.

        Workers that report to one place share `ids`; `thread` is the thread's name.
        """
        self._post = post
        self._folder = traceback_folder
        self._clock = clock
        self._ids = itertools.count(1) if ids is None else ids
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._live: dict[int, _Entry] = {}
        self._lock = threading.Lock()
        self._running: int | None = None
        self._stopping = False
        # A daemon: a forward pass that never returns must not keep a closed terminal's process.
        self._thread = threading.Thread(target=self._loop, name=thread, daemon=True)
        self._thread.start()

    def submit(self, name: str, make: MakeJob) -> int:
        """Queue a job and return its id; RuntimeError once the worker is stopping."""
        with self._lock:
            if self._stopping:
                raise RuntimeError(f"the engine is stopping; {name!r} was not queued")
            entry = _Entry(next(self._ids), name, make, threading.Event())
            self._live[entry.job_id] = entry
            self._post(JobQueued(entry.job_id, name))
            self._queue.put(entry)
        return entry.job_id

    def cancel(self, job_id: int) -> bool:
        """Ask a queued or running job to stop; False when it has ended or never was."""
        with self._lock:
            entry = self._live.get(job_id)
        if entry is None:
            return False
        entry.cancel.set()
        return True

    @property
    def running(self) -> int | None:
        """Id of the job at work, if any."""
        return self._running

    @property
    def stopping(self) -> bool:
        """Whether no more jobs are taken."""
        return self._stopping

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def stop(self, timeout: float = 10.0) -> bool:
        """Cancel everything and wait for the running job to commit; False if that took too long."""
        with self._lock:
            self._stopping = True
            for entry in self._live.values():
                entry.cancel.set()
            self._queue.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _loop(self) -> None:
        while (entry := self._queue.get()) is not None:
            self._running = entry.job_id
            try:
                end = self._run(entry)
            finally:
                self._running = None
                with self._lock:
                    self._live.pop(entry.job_id, None)
            self._post(end)

    def _run(self, entry: _Entry) -> Report:
        job_id, flag = entry.job_id, entry.cancel
        if flag.is_set():
            return JobCancelled(job_id)
        self._post(JobStarted(job_id))
        try:
            return self._follow(entry)
        except (Cancelled, Stopped):
            return JobCancelled(job_id)
        except EXPECTED as error:
            return JobFailed(job_id, one_line(str(error)), None)
        # A job's bug must not end the session.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            message = one_line(f"{type(error).__name__}: {error}")
            return JobFailed(job_id, message, self._write_traceback(entry))

    def _follow(self, entry: _Entry) -> Report:
        """Pass the job's events on until it is done or told to stop."""
        job_id, flag = entry.job_id, entry.cancel
        job = entry.make(cancelled=flag.is_set)
        held: Progress | None = None
        last, part = float("-inf"), ""
        try:
            for event in job:
                soon = self._clock() - last < PROGRESS_EVERY
                if isinstance(event, Progress) and soon and event.note == part:
                    held = event
                elif isinstance(event, Done):
                    if held is not None:
                        self._post(JobEvent(job_id, held))
                    return JobFinished(job_id, event.value)
                else:
                    if held is not None and not isinstance(event, Progress):
                        self._post(JobEvent(job_id, held))
                    if isinstance(event, Progress) or held is not None:
                        last = self._clock()
                    if isinstance(event, Progress):
                        part = event.note
                    held = None
                    self._post(JobEvent(job_id, event))
                if flag.is_set():
                    return JobCancelled(job_id)
        finally:
            close = getattr(job, "close", None)
            if close is not None:
                close()
        return JobFinished(job_id, None)

    def _write_traceback(self, entry: _Entry) -> Path | None:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        path = self._folder / f"error-{stamp}-job{entry.job_id}.txt"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            head = f"job {entry.job_id}: {one_line(entry.name)}\n\n"
            path.write_text(head + traceback.format_exc(), encoding="utf-8")
        except OSError:
            return None
        return path
