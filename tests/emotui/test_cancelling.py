"""Real jobs on the engine thread, cancelled between two batches and between two tokens."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emotui.events import Cancelled as CancelQuestion
from emotui.events import Event, Partial
from emotui.jobs.engine import Engine
from emotui.jobs.extract import ExtractRequest, ExtractResult, extract_job
from emotui.jobs.live import live_job
from emotui.jobs.live_spec import BASELINE, STEERED, Knob, LiveRequest, LiveStep, RowAsk
from emotui.jobs.spec import ModelSpec
from emotui.options import parse_layers
from emotui.worker import JobCancelled, JobFinished
from store.layout import Home
from tests.emotui.conftest import Prepared
from tests.emotui.test_worker import Office

AFTER = 5


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path / "log")
    yield office
    assert office.worker.stop(10.0)


@pytest.fixture
def home(prepared: Prepared, vectors: str, tmp_path: Path) -> Home:
    assert vectors == "both"
    return Home(Path(shutil.copytree(prepared.home, tmp_path / "home")))


def test_extraction_stops_between_batches_and_goes_on_later(
    office: Office, home: Home, model_dir: Path
) -> None:
    request = ExtractRequest(
        ModelSpec(str(model_dir), device="cpu"),
        "texts",
        parse_layers("all"),
        poolings=("last",),
        token_budget=64,  # one text per batch
    )
    engine = Engine(threads=1)

    def asking(asked: list[bool], stop_after: int | None) -> Callable[..., Iterator[Event]]:
        def job(*, cancelled: CancelQuestion) -> Iterator[Event]:
            def ask() -> bool:
                if len(asked) == stop_after:
                    office.worker.cancel(office.worker.running or 0)
                asked.append(cancelled())
                return asked[-1]

            yield from extract_job(home, request, engine=engine, cancelled=ask)

        return job

    asked: list[bool] = []
    stopped = office.worker.submit("extract", asking(asked, AFTER))
    office.wait_for(JobCancelled, stopped)
    assert asked[:AFTER] == [False] * AFTER
    assert asked.count(True) == 1, "the first answer that says so ends it"
    whole: list[bool] = []
    again = office.worker.submit("extract", asking(whole, None))
    done = office.wait_for(JobFinished, again)
    assert isinstance(done, JobFinished)
    assert isinstance(done.value, ExtractResult)
    assert done.value.rows == 60
    assert len(whole) >= 30, "it is asked far more often than once per window"


def test_steering_stops_between_tokens(office: Office, home: Home, model_dir: Path) -> None:
    request = LiveRequest(
        "both",
        ModelSpec(str(model_dir), device="cpu"),
        "the old door",
        ("joyful",),
        (RowAsk(BASELINE), RowAsk(STEERED, (0.3,))),
        layer=1,
        max_new_tokens=40,
    )
    engine = Engine(threads=1)

    def stopping(steps: list[int], stop_at: int | None) -> Callable[..., Iterator[Event]]:
        def job(*, cancelled: CancelQuestion) -> Iterator[Event]:
            for event in live_job(home, request, knob=Knob(), engine=engine, cancelled=cancelled):
                step = event.value if isinstance(event, Partial) else None
                if isinstance(step, LiveStep):
                    steps.append(step.index)
                    if step.index == stop_at:
                        office.worker.cancel(office.worker.running or 0)
                yield event

        return job

    steps: list[int] = []
    office.wait_for(JobCancelled, office.worker.submit("steer", stopping(steps, AFTER)))
    assert steps == list(range(AFTER + 1)), "not one token more"
    whole: list[int] = []
    office.wait_for(JobFinished, office.worker.submit("steer", stopping(whole, None)))
    assert len(whole) > 2 * AFTER
