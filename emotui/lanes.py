"""The two threads jobs run on: the engine, which owns the model, and the desk, which has none.

In: a factory that, given `Tools`, returns a job. Out: reports of both, with ids that never repeat.
Browsing a dataset needs no model and must not wait behind an hour of extraction; whatever needs a
model runs on the one engine thread. Heavy modules are imported there, never before. Knows no
widget.
"""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from emotui.events import Cancelled, Job, Partial
from emotui.garbage import libraries_are_loaded
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


@dataclass(frozen=True)
class DeviceState:
    """What is loaded and how full its device is, as it was after some event of a job."""

    model: str
    """Where the model comes from; "" for none."""
    n_layers: int
    """0 without a model."""
    device: str
    """"cpu", "cuda:0", ..."""
    used: int
    """Bytes: of the GPU, or of this process on a CPU."""
    total: int
    """Bytes the device has."""


DEVICE = "device"
"""Kind of the Partial that carries a DeviceState; the shell keeps it, no pane sees it."""
DEVICE_EVERY = 2.0
"""Seconds between two looks at the device while a job runs."""


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
        """`post` is called from the lanes' threads.

        `threads` are torch's; 0 = its own choice, with one core left to the screen.
        """
        self._home, self._threads = home, threads
        self._engine: Engine | None = None
        self._settled: set[Lane] = set()
        ids = itertools.count(1)
        self._workers: dict[Lane, Worker] = {
            "engine": Worker(post, traceback_folder=traceback_folder, ids=ids),
            "desk": Worker(post, traceback_folder=traceback_folder, ids=ids, thread="desk"),
        }

    def submit(self, start: JobFactory, title: str, *, lane: Lane = "engine") -> int:
        """Queue a job; RuntimeError once the lanes are stopping."""
        engine = self._the_engine if lane == "engine" else _no_engine

        def make(*, cancelled: Cancelled) -> Job:
            job = start(Tools(self._home, cancelled, engine))
            if lane == "engine":
                return self._watched(job)
            self._settle("desk")
            return job

        return self._workers[lane].submit(title, make)

    @property
    def stopping(self) -> bool:
        """Whether no more jobs are taken."""
        return any(worker.stopping for worker in self._workers.values())

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

    def _watched(self, job: Job) -> Job:
        """The job's events, and what the device looks like in between."""
        known, last = None, float("-inf")
        try:
            for event in job:
                now, engine = time.monotonic(), self._engine
                if engine is not None and (now - last >= DEVICE_EVERY or engine.info is not known):
                    known, last = engine.info, now
                    if known is not None:  # loading the first model brings in most libraries
                        self._settle("engine")
                    yield Partial(DEVICE, device_state(engine))
                yield event
        finally:
            close = getattr(job, "close", None)
            if close is not None:
                close()

    def _settle(self, lane: Lane) -> None:
        """A lane has loaded its libraries; only the first time, so that no old model is kept."""
        if lane not in self._settled:
            self._settled.add(lane)
            libraries_are_loaded()

    def _the_engine(self) -> "Engine":
        if self._engine is None:
            from emotui.jobs.engine import Engine

            self._engine = Engine(threads=self._threads, spared=1)
        return self._engine


def _no_engine() -> "Engine":
    raise RuntimeError("a job on the desk has no engine; submit it to the engine's lane")


def device_state(engine: "Engine") -> DeviceState:
    """Looks at the device; called on the engine's thread, which has torch already."""
    import psutil  # type: ignore[import-untyped]
    import torch

    info = engine.info
    model = "" if info is None else info.source
    n_layers = 0 if info is None else info.n_layers
    device = "cpu" if info is None else info.device
    if device.startswith("cuda") and torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info(device)
        return DeviceState(model, n_layers, device, int(total - free), int(total))
    used = int(psutil.Process().memory_info().rss)
    return DeviceState(model, n_layers, device, used, int(psutil.virtual_memory().total))
