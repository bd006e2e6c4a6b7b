"""The engine thread: order, cancelling, failing, coalescing, stale reports and a clean end."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.app import App

from emotui.errors import UserError
from emotui.events import Cancelled as CancelQuestion
from emotui.events import Done, Event, Note, Partial, Progress
from emotui.jobbook import JobBook
from emotui.messages import TAKE_EVERY, Mailbox, ReportsWaiting
from emotui.worker import (
    JobCancelled,
    JobEvent,
    JobFailed,
    JobFinished,
    JobQueued,
    JobStarted,
    Report,
    Worker,
)
from vectors.errors import Cancelled

WAIT_S = 10.0


class Office:
    """A worker whose reports are kept in order."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.reports: list[Report] = []
        self._new = threading.Condition()
        self.worker = Worker(self._take, traceback_folder=folder, clock=clock)

    def _take(self, report: Report) -> None:
        with self._new:
            self.reports.append(report)
            self._new.notify_all()

    def wait_for(self, kind: type[Report], job_id: int) -> Report:
        """The first report of a kind about a job."""

        def found() -> Report | None:
            mine = (r for r in self.reports if isinstance(r, kind) and r.job_id == job_id)
            return next(mine, None)

        with self._new:
            assert self._new.wait_for(lambda: found() is not None, WAIT_S), self.reports
        report = found()
        assert report is not None
        return report

    def of(self, job_id: int) -> list[Report]:
        """Everything said about a job."""
        return [r for r in self.reports if r.job_id == job_id]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path / "log")
    yield office
    assert office.worker.stop(WAIT_S)


def counting(n: int) -> Callable[..., Iterator[Event]]:
    def job(*, cancelled: CancelQuestion) -> Iterator[Event]:
        for i in range(n):
            if cancelled():
                raise Cancelled("stopped between two batches")
            yield Partial("step", i)
        yield Done(n)

    return job


class Gate:
    """A job that waits inside until it is let go, as a long forward pass does."""

    def __init__(self) -> None:
        self.inside, self.go, self.closed = (threading.Event() for _ in range(3))

    def __call__(self, *, cancelled: CancelQuestion) -> Iterator[Event]:
        try:
            yield Note("begun")
            self.inside.set()
            assert self.go.wait(WAIT_S)
            yield Partial("step", cancelled())
            yield Done("end")
        finally:
            self.closed.set()


def test_jobs_run_one_by_one_in_order_and_end_exactly_once(office: Office) -> None:
    ids = [office.worker.submit(f"job {i}", counting(3)) for i in range(4)]
    office.wait_for(JobFinished, ids[-1])
    order = [r.job_id for r in office.reports if not isinstance(r, JobQueued)]
    assert order == sorted(order)
    for job_id in ids:
        kinds = [type(r) for r in office.of(job_id)]
        assert kinds == [JobQueued, JobStarted, JobEvent, JobEvent, JobEvent, JobFinished]


def test_everything_runs_on_the_one_engine_thread(office: Office) -> None:
    names = []

    def job(*, cancelled: CancelQuestion) -> Iterator[Event]:
        names.append((threading.current_thread().name, cancelled()))
        yield Done(None)

    last = [office.worker.submit("a", job), office.worker.submit("b", job)][-1]
    office.wait_for(JobFinished, last)
    assert names == [("engine", False)] * 2


def test_a_cancelled_job_stops_at_the_next_event_and_is_closed(office: Office) -> None:
    gate = Gate()
    job_id = office.worker.submit("long", gate)
    assert gate.inside.wait(WAIT_S)
    assert office.worker.running == job_id
    assert office.worker.cancel(job_id)
    gate.go.set()
    office.wait_for(JobCancelled, job_id)
    assert gate.closed.is_set()
    assert not any(isinstance(r, JobFinished) for r in office.of(job_id))
    assert office.worker.cancel(job_id) is False


def test_a_job_that_asks_may_stop_itself(office: Office) -> None:
    gate, started = Gate(), threading.Event()

    def job(*, cancelled: CancelQuestion) -> Iterator[Event]:
        started.set()
        while not cancelled():
            time.sleep(0.001)
        raise Cancelled("stopped inside")
        yield Done(None)

    job_id = office.worker.submit("asks", job)
    assert started.wait(WAIT_S)
    office.worker.cancel(job_id)
    office.wait_for(JobCancelled, job_id)
    assert not gate.inside.is_set()


def test_a_queued_job_that_is_cancelled_never_starts(office: Office) -> None:
    gate = Gate()
    office.worker.submit("long", gate)
    waiting = office.worker.submit("waits", counting(2))
    after = office.worker.submit("after", counting(1))
    assert gate.inside.wait(WAIT_S)
    office.worker.cancel(waiting)
    gate.go.set()
    office.wait_for(JobFinished, after)
    assert [type(r) for r in office.of(waiting)] == [JobQueued, JobCancelled]


def test_a_bug_leaves_a_traceback_file_and_the_thread_lives(office: Office, tmp_path: Path) -> None:
    def broken(*, cancelled: CancelQuestion) -> Iterator[Event]:
        yield Note(f"begun {cancelled()}")
        raise IndexError("layer 40 of 32\x1b[2J")

    job_id = office.worker.submit("probe", broken)
    failed = office.wait_for(JobFailed, job_id)
    assert isinstance(failed, JobFailed)
    assert failed.message == "IndexError: layer 40 of 32␛[2J"
    assert failed.traceback is not None
    assert failed.traceback.parent == tmp_path / "log"
    text = failed.traceback.read_text(encoding="utf-8")
    assert "in broken" in text
    assert "IndexError" in text
    office.wait_for(JobFinished, office.worker.submit("next", counting(1)))


def test_a_users_mistake_is_one_line_without_a_file(office: Office) -> None:
    def mistaken(*, cancelled: CancelQuestion) -> Iterator[Event]:
        raise UserError("no dataset 'x'; did you mean 'y'?")
        yield Done(cancelled())

    failed = office.wait_for(JobFailed, office.worker.submit("show", mistaken))
    assert isinstance(failed, JobFailed)
    assert (failed.message, failed.traceback) == ("no dataset 'x'; did you mean 'y'?", None)


def test_progress_is_thinned_but_its_last_and_all_else_get_through(tmp_path: Path) -> None:
    now = [0.0]
    office = Office(tmp_path, clock=lambda: now[0])

    def job(*, cancelled: CancelQuestion) -> Iterator[Event]:
        assert not cancelled()
        for i in range(1000):
            now[0] += 0.001
            yield Progress(i, 1000, "texts")
            if i % 250 == 0:
                yield Partial("layer", i)
        yield Done(None)

    job_id = office.worker.submit("fast", job)
    office.wait_for(JobFinished, job_id)
    assert office.worker.stop(WAIT_S)
    said = [r.event for r in office.of(job_id) if isinstance(r, JobEvent)]
    progress = [e.done for e in said if isinstance(e, Progress)]
    assert 8 <= len(progress) <= 16
    assert progress == sorted(progress)
    assert progress[-1] == 999
    assert [e.value for e in said if isinstance(e, Partial)] == [0, 250, 500, 750]


def test_stopping_during_a_job_joins_the_thread_and_drops_the_queue(tmp_path: Path) -> None:
    office = Office(tmp_path)
    gate = Gate()
    running = office.worker.submit("long", gate)
    waiting = office.worker.submit("waits", counting(1))
    assert gate.inside.wait(WAIT_S)
    assert office.worker.stop(0.05) is False
    gate.go.set()
    assert office.worker.stop(WAIT_S)
    assert not office.worker.alive
    assert gate.closed.is_set()
    ends = {r.job_id: type(r) for r in office.reports}
    assert ends == {running: JobCancelled, waiting: JobCancelled}
    with pytest.raises(RuntimeError, match="stopping"):
        office.worker.submit("late", counting(1))


def test_the_job_book_follows_a_job_and_drops_what_is_stale() -> None:
    now = [100.0]
    book = JobBook(clock=lambda: now[0])
    assert book.take(JobEvent(1, Note("unknown"))) is False
    for report in (JobQueued(1, "a"), JobStarted(1), JobEvent(1, Progress(1, 2, "texts"))):
        assert book.take(report)
    assert book.running is book.jobs[1]
    book.expect("tokens", 1)
    book.take(JobQueued(2, "b"))
    book.expect("tokens", 2)
    assert not book.current("tokens", 1)
    assert book.current("tokens", 2)
    book.drop(1)
    assert book.take(JobEvent(1, Partial("step", 1))) is False
    assert book.take(JobFinished(1, "late")) is False
    assert book.jobs[1].status == "cancelled"
    assert book.take(JobCancelled(1)) is False
    book.take(JobStarted(2))
    now[0] = 103.0
    assert book.take(JobFailed(2, "no", Path("t.txt")))
    assert (book.jobs[2].status, book.jobs[2].traceback, book.jobs[2].ended) == (
        "failed",
        "t.txt",
        103.0,
    )
    assert book.waiting == 0


class Wakes:
    """Stands for the screen: counts how often it is woken."""

    def __init__(self) -> None:
        self.n = 0

    def post_message(self, message: ReportsWaiting) -> bool:
        assert isinstance(message, ReportsWaiting)
        self.n += 1
        return True


def test_only_progress_of_the_same_job_replaces_progress() -> None:
    def event(job_id: int, event: Event) -> JobEvent:
        return JobEvent(job_id, event)

    screen = Wakes()
    box = Mailbox(screen)  # type: ignore[arg-type]
    sent = [
        JobStarted(1),
        event(1, Progress(1, 9, "t")),
        event(2, Progress(1, 9, "t")),
        event(1, Partial("layer", 0)),
        event(1, Progress(2, 9, "t")),
        event(1, Note("so far")),
    ]
    for report in sent:
        assert box.post(report)
    assert box.take() == [sent[0], sent[2], sent[3], sent[4], sent[5]]
    assert box.take() == []
    assert screen.n == 1
    box.post(sent[0])
    assert screen.n == 2


def test_the_mailbox_is_looked_into_at_a_steady_pace() -> None:
    now = [100.0]
    box = Mailbox(Wakes(), clock=lambda: now[0])  # type: ignore[arg-type]
    assert box.early <= 0
    box.post(JobStarted(1))
    box.take()
    now[0] += 0.01
    assert 0 < box.early <= TAKE_EVERY
    now[0] += TAKE_EVERY
    assert box.early <= 0


def test_reports_reach_a_textual_app_from_the_thread(tmp_path: Path) -> None:
    class Screen(App[None]):
        def __init__(self) -> None:
            super().__init__()
            self.box = Mailbox(self)
            self.seen: list[Report] = []

        def on_reports_waiting(self) -> None:
            self.seen += self.box.take()

    async def run() -> list[Report]:
        app = Screen()
        async with app.run_test(size=(80, 24)) as pilot:
            worker = Worker(app.box.post, traceback_folder=tmp_path)
            gate = Gate()
            worker.submit("long", gate)
            assert await asyncio.to_thread(gate.inside.wait, WAIT_S)
            await pilot.resize_terminal(100, 30)
            gate.go.set()
            job_id = worker.submit("short", counting(3))
            for _ in range(500):
                if any(isinstance(r, JobFinished) and r.job_id == job_id for r in app.seen):
                    break
                await asyncio.sleep(0.01)
            assert await asyncio.to_thread(worker.stop, WAIT_S)
        return app.seen

    seen = asyncio.run(run())
    assert [type(r) for r in seen if r.job_id == 2][-1] is JobFinished
    assert 1 <= sum(isinstance(r, JobEvent) for r in seen if r.job_id == 2) <= 3


def test_the_worker_knows_no_screen() -> None:
    code = "import sys, emotui.worker, emotui.jobbook; print('textual' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
