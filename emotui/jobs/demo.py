"""Job: the whole way on the embedded model and corpus, ending in a report.

In: where the report goes and how many stories. Out: a DemoResult; REPORT.md, charts and JSON in the
report's folder; datasets, runs and vectors in the data directory like anybody's. It only calls the
other jobs in order: data -> extract -> probe -> vectors -> score -> steer.
"""

import json
import tempfile
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from emotui.demo.corpus import Story, glimpses, neutral, stories
from emotui.errors import UserError
from emotui.events import Cancelled, Done, Event, Job, Note, Partial, never
from emotui.jobs.build import BuildRequest, BuildResult, build_job
from emotui.jobs.data import ImportRequest, import_job
from emotui.jobs.engine import Engine
from emotui.jobs.extract import ExtractRequest, ExtractResult, Rows, extract_job
from emotui.jobs.probe import ProbeReport, ProbeRequest, probe_job
from emotui.jobs.score import ScoreRequest, ScoreResult, score_job
from emotui.jobs.spec import DEMO, DEMO_MODEL, ModelSpec
from emotui.jobs.steer import SteerRequest, SteerResult, steer_job
from emotui.options import parse_layers
from store.layout import Home
from vectors.sampling import Sampling

T = TypeVar("T")

FACTS, STORIES, NEUTRAL = "demo-facts", "demo-stories", "demo-neutral"
VECTORS = "demo"
EMOTIONS = ("happy", "angry", "nervous")
ALPHAS = (-0.35, 0.25, 0.35, 0.5)


@dataclass(frozen=True)
class DemoRequest:
    """What the demo does."""

    out: Path
    texts: int = 4000
    """Stories in the dataset."""
    prompts: int = 32
    """Beginnings to steer from."""
    controls: int = 2
    """Random directions beside each emotion."""
    model: ModelSpec = field(default_factory=lambda: ModelSpec(DEMO, device="cpu"))
    emotions: tuple[str, ...] = EMOTIONS
    seed: int = 0


@dataclass(frozen=True)
class DemoResult:
    """Everything the report is written from."""

    report: Path
    headlines: tuple[str, ...]
    facts: ProbeReport
    build: BuildResult
    score: ScoreResult
    story: Story
    """The story that was scored."""
    sweeps: tuple[SteerResult, ...]
    elapsed_s: float

    def to_json(self) -> dict[str, object]:
        """Plain values; the keys are those of docs/commands.md."""
        return {
            "report": str(self.report),
            "headlines": list(self.headlines),
            "probe": self.facts.to_json(),
            "score": self.score.to_json(),
            "sweeps": [sweep.to_json() for sweep in self.sweeps],
            "elapsed_s": self.elapsed_s,
        }


def demo_job(
    home: Home, request: DemoRequest, *, engine: Engine, cancelled: Cancelled = never
) -> Job:
    """Runs every step and writes the report; Done holds a DemoResult."""
    if request.model.source == DEMO and not (DEMO_MODEL / "config.json").is_file():
        raise UserError("the embedded model is missing from this installation; install emotui anew")
    began = time.monotonic()
    corpus = stories(request.texts, seed=request.seed + 1, topics="all")
    known = sorted({story.emotion for story in corpus})
    emotions = tuple(name for name in request.emotions if name in known) or tuple(known[:3])
    yield Note("1/6 data: stories of the demo's own grammar, whose truth is known")
    yield from demo_data(home, request, corpus, cancelled)
    yield Note("2/6 extract: the facts before any reaction, last token; then whole stories")
    facts = yield from demo_run(home, request, FACTS, ("last",), engine, cancelled)
    whole = yield from demo_run(home, request, STORIES, ("mean50",), engine, cancelled)
    yield Note("3/6 probe: can the emotion be read before it is shown?")
    probe = yield from part(
        probe_job(
            home,
            ProbeRequest(facts.run, parse_layers("all"), seeds=3, bootstrap=1000, device="cpu"),
            engine=engine,
            cancelled=cancelled,
        ),
        ProbeReport,
    )
    yield Note("4/6 vectors: one direction per emotion and layer")
    build = yield from part(
        build_job(
            home,
            BuildRequest(
                whole.run,
                VECTORS,
                parse_layers("all"),
                neutral=NEUTRAL,
                device="cpu",
                replace=True,
            ),
            engine=engine,
            cancelled=cancelled,
        ),
        BuildResult,
    )
    yield Note("5/6 score: every token of a story the vectors were not built from")
    story = next(
        s for s in stories(200, seed=request.seed + 2, topics="held-out") if s.emotion in emotions
    )
    shown = tuple(dict.fromkeys((story.emotion, *emotions)))[:3]
    score = yield from part(
        score_job(
            home,
            ScoreRequest(VECTORS, request.model, story.text, parse_layers("2/3"), shown),
            engine=engine,
            cancelled=cancelled,
        ),
        ScoreResult,
    )
    yield Note("6/6 steer: alpha sweeps beside random directions of the same norm")
    sweeps = yield from _steer(home, request, emotions, engine, cancelled)

    from emotui.report import write_report

    result = DemoResult(
        report=request.out / "REPORT.md",
        headlines=(),
        facts=probe,
        build=build,
        score=score,
        story=story,
        sweeps=tuple(sweeps),
        elapsed_s=time.monotonic() - began,
    )
    yield Done(write_report(result, request))


def part(job: Job, kind: type[T]) -> Generator[Event, None, T]:
    """A job inside a job: its events pass on, its result comes back."""
    for event in job:
        if isinstance(event, Done):
            assert isinstance(event.value, kind)
            return event.value
        if not isinstance(event, Partial):
            yield event
    raise AssertionError("a job ended without a Done event")


def demo_data(
    home: Home, request: DemoRequest, corpus: list[Story], cancelled: Cancelled
) -> Generator[Event, None, None]:
    """Imports the demo's three datasets: facts, whole stories, neutral texts."""
    plain = neutral(max(100, request.texts // 10), seed=request.seed + 3)
    sets: dict[str, Iterable[dict[str, str]]] = {
        FACTS: (_line(s, s.text[: s.premise_end].rstrip()) for s in corpus),
        STORIES: (_line(s, s.text) for s in corpus),
        NEUTRAL: (_line(s, s.text) for s in plain),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in sets.items():
            path = Path(folder) / f"{name}.jsonl"
            with path.open("w", encoding="utf-8") as f:
                f.writelines(json.dumps(row) + "\n" for row in rows)
            wanted = ImportRequest(str(path), name, label="label", topic="topic", replace=True)
            for event in import_job(home, wanted, cancelled=cancelled):
                if isinstance(event, Note):
                    yield event


def _line(story: Story, text: str) -> dict[str, str]:
    return {"text": text, "label": story.emotion, "topic": story.topic}


def demo_run(
    home: Home,
    request: DemoRequest,
    dataset: str,
    poolings: tuple[str, ...],
    engine: Engine,
    cancelled: Cancelled,
) -> Generator[Event, None, ExtractResult]:
    """Extracts one of them at all layers."""
    wanted = ExtractRequest(
        request.model, dataset, parse_layers("all"), poolings, rows=Rows(), stored_dtype="float32"
    )
    job = extract_job(home, wanted, engine=engine, cancelled=cancelled)
    return (yield from part(job, ExtractResult))


def _steer(
    home: Home,
    request: DemoRequest,
    emotions: tuple[str, ...],
    engine: Engine,
    cancelled: Cancelled,
) -> Generator[Event, None, list[SteerResult]]:
    beginnings = glimpses(request.prompts, seed=request.seed + 4)
    prompts = tuple(s.text[: s.premise_end].rstrip() for s in beginnings)
    sweeps = []
    for emotion in emotions:
        wanted = SteerRequest(
            vectors=VECTORS,
            model=request.model,
            emotion=emotion,
            alphas=ALPHAS,
            prompts=tuple(dict.fromkeys(prompts)),
            layer=parse_layers("2/3"),
            sampling=Sampling(max_new_tokens=40, seed=request.seed),
            control=("random", request.controls),
        )
        job = steer_job(home, wanted, engine=engine, cancelled=cancelled)
        sweeps.append((yield from part(job, SteerResult)))
    return sweeps
