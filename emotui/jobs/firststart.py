"""Job: at a first start, the demo's datasets, one run over them, and vectors built from it.

In: the data directory. Out: datasets, run and vectors as `emotui demo --headless` makes them, so
that every pane has something to show; Partial events name each part as it becomes usable. It only
calls other jobs; a run that is there already is not extracted again.
"""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from emotui.demo.corpus import stories
from emotui.errors import UserError
from emotui.events import Cancelled, Done, Event, Job, Note, Partial, never
from emotui.jobs.build import BuildRequest, BuildResult, build_job
from emotui.jobs.demo import NEUTRAL, STORIES, VECTORS, DemoRequest, demo_data, demo_run, part
from emotui.jobs.engine import Engine
from emotui.jobs.spec import DEMO_MODEL
from emotui.options import parse_layers
from store.layout import Home

TEXTS = 1200
"""Stories: enough for a probe whose intervals mean something, few enough for a minute."""


@dataclass(frozen=True)
class DemoPart:
    """What can be used by now; "" for what is still to come."""

    dataset: str
    run: str = ""
    vectors: str = ""


def prepare_demo_job(
    home: Home, *, engine: Engine, texts: int = TEXTS, cancelled: Cancelled = never
) -> Job:
    """Datasets, run, vectors; a Partial "demo" after each, Done holds the last DemoPart."""
    if not (DEMO_MODEL / "config.json").is_file():
        raise UserError("the embedded model is missing from this installation; install emotui anew")
    request = DemoRequest(out=Path(), texts=texts)
    yield Note("the demo: stories of its own grammar, read by its own small model")
    yield from demo_data(
        home, request, stories(texts, seed=request.seed + 1, topics="all"), cancelled
    )
    yield Partial("demo", DemoPart(STORIES))
    run = yield from demo_run(home, request, STORIES, ("mean50",), engine, cancelled)
    yield Partial("demo", DemoPart(STORIES, run.run))
    yield from _vectors(home, run.run, engine, cancelled)
    yield Done(DemoPart(STORIES, run.run, VECTORS))


def _vectors(
    home: Home, run: str, engine: Engine, cancelled: Cancelled
) -> Generator[Event, None, BuildResult]:
    wanted = BuildRequest(
        run, VECTORS, parse_layers("all"), neutral=NEUTRAL, device="cpu", replace=True
    )
    job = build_job(home, wanted, engine=engine, cancelled=cancelled)
    return (yield from part(job, BuildResult))
