"""The two threads jobs run on: the engine, which owns the model, and the desk, which has none.

In: a factory that, given `Tools`, returns a job. Out: reports of both, with ids that never repeat.
Browsing a dataset needs no model and must not wait behind an hour of extraction; whatever needs a
model runs on the one engine thread. Heavy modules are imported there, never before. Knows no
widget.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from emotui.events import Cancelled, Job
from emotui.worker import Report, Worker
from store.layout import Home

if TYPE_CHECKING:
    from emotui.jobs.engine import Engine

Lane = Literal["engine", "desk"]


@dataclass(frozen=True)
class Tools:
    """What a job gets on its thread."""

    home: Home
    cancelled: Cancelled
    """Asked between batches, layers and tokens."""
    make_engine: "Callable[[], Engine]"

    @property
    def engine(self) -> "Engine":
        """The one engine; RuntimeError on the desk."""
        return self.make_engine()


class JobFactory(Protocol):
    """Imports what it needs, then returns the job; called on the lane's thread."""

    def __call__(self, tools: Tools) -> Job: ...


class Lanes:
    """Both threads, one engine, one row of ids."""

    def __init__(
        self,
        post: Callable[[Report], object],
        *,
        home: Home,
        threads: int,
        traceback_folder: Path,
    ) -> None:
        """`post` is called from the lanes' threads; `threads` are torch's, 0 = its own choice."""
        self._home, self._threads = home, threads
        self._engine: Engine | None = None
        ids = itertools.count(1)
        self._workers: dict[Lane, Worker] = {
            "engine": Worker(post, traceback_folder=traceback_folder, ids=ids),
            "desk": Worker(post, traceback_folder=traceback_folder, ids=ids, thread="desk"),
        }

    def submit(self, start: JobFactory, title: str, *, lane: Lane = "engine") -> int:
        """Queue a job; RuntimeError once the lanes are stopping."""
        engine = self._the_engine if lane == "engine" else _no_engine

        def make(*, cancelled: Cancelled) -> Job:
            return start(Tools(self._home, cancelled, engine))

        return self._workers[lane].submit(title, make)

    def cancel(self, job_id: int) -> bool:
        """Ask a job of either lane to stop; False when it has ended or never was."""
        return any(worker.cancel(job_id) for worker in self._workers.values())

    @property
    def busy(self) -> bool:
        """Whether a job is at work on either lane."""
        return any(worker.running is not None for worker in self._workers.values())

    def stop(self, timeout: float = 10.0) -> bool:
        """Cancel everything and wait until what runs has committed; False if that took longer."""
        stopped = [worker.stop(timeout) for worker in self._workers.values()]
        return all(stopped)

    def _the_engine(self) -> "Engine":
        if self._engine is None:
            from emotui.jobs.engine import Engine

            self._engine = Engine(threads=self._threads)
        return self._engine


def _no_engine() -> "Engine":
    raise RuntimeError("a job on the desk has no engine; submit it to the engine's lane")
