"""Job: where in the model a label can be read, beside everything that could explain it away.

In: a run, what to read, which controls. Out: a ProbeReport, saved beside the run so that the same
request is answered at once. The untrained twin is extracted into a run of its own. Fits nothing
itself: `vectors.probes` and `vectors.baselines` do.
"""

import hashlib
import json
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from emotui.events import Cancelled, Done, Event, Job, Note, Partial, Progress, never
from emotui.jobs.engine import Engine
from emotui.jobs.rundata import RunData, pooling_of, run_data
from emotui.jobs.streaming import Emit, streaming
from emotui.jobs.twin import twin_run
from emotui.options import LayerSpec, layers_for
from store.atomic import read_json, write_json
from store.forks import Fork, note_forks
from store.layout import Home
from store.runs import Run
from vectors.probes import ProbeResult, ProbeSettings
from vectors.probesuite import run_probes
from vectors.stats import Interval

CONTROLS = {
    "words": "bag of words",
    "length": "length only",
    "norm": "norm only",
    "shuffled": "shuffled labels",
    "twin": "untrained twin",
    "random-split": "random split",
}


@dataclass(frozen=True)
class ProbeRequest:
    """Everything that decides a probe and its controls."""

    run: str
    layers: LayerSpec
    pooling: str | None = None
    target: str = "label"
    folds: int = 5
    seeds: int = 5
    grouped: bool = True
    """Keep topics together in a fold; False lets them leak."""
    bootstrap: int = 2000
    permutations: int = 20
    """Shuffles behind the band of shuffled labels."""
    controls: tuple[str, ...] = tuple(CONTROLS)
    twin_seed: int = 0
    seed: int = 0
    device: str = "auto"
    fresh: bool = False
    """Compute again even where the result is there."""


@dataclass(frozen=True)
class ProbeReport:
    """A probe with its controls, and what was not controlled."""

    run: str
    pooling: str
    model: str
    dataset: str
    result: dict[str, Any]
    """`ProbeResult.to_json()`."""
    not_run: tuple[str, ...]
    """Controls that were not asked for or could not be run, with the reason."""
    cached: bool
    """Read from disk, not computed now."""

    def to_json(self) -> dict[str, object]:
        """Plain values; the keys are those of docs/commands.md."""
        return asdict(self)


def probe_job(
    home: Home, request: ProbeRequest, *, engine: Engine, cancelled: Cancelled = never
) -> Job:
    """Probe first, then one control after the other; Done holds a ProbeReport."""
    data = run_data(home, request.run, target=request.target)
    with closing(data.run):
        pooling = pooling_of(data.run, request.pooling)
        layers = layers_for(request.layers, data.run.identity.layers)
        key = _key(request, data, pooling, layers)
        path = data.run.folder / "results" / f"probe-{key}.json"
        if path.is_file() and not request.fresh:
            yield Note("read from an earlier run of the same command (--fresh computes again)")
            yield Done(replace(_from_json(read_json(path)), cached=True))
            return
        report = yield from _compute(home, request, data, pooling, layers, engine, cancelled)
        path.parent.mkdir(exist_ok=True)
        write_json(path, report.to_json())
        read = data.run.identity.dataset_hash
        note_forks(home, (Fork("probe", read, n, "", metric=request.target) for n in layers))
        yield Done(report)


def _compute(
    home: Home,
    request: ProbeRequest,
    data: RunData,
    pooling: str,
    layers: list[int],
    engine: Engine,
    cancelled: Cancelled,
) -> Generator[Event, None, ProbeReport]:
    not_run = {name: "not asked for" for name in CONTROLS if name not in request.controls}
    if data.texts is None:
        not_run |= {"words": "imported activations have no texts", "length": "no texts"}
    groups = data.groups if request.grouped else None
    if groups is None:
        not_run["random-split"] = "the folds ignore topics in any case"
    if groups is None and data.groups is not None:
        yield Note("--group none: texts of one topic stand in training and test folds", "warn")
    if data.groups is None:
        yield Note("no topics: folds are over texts, so a shared topic can leak", "warn")
    twin: Run | None = None
    if "twin" not in not_run:
        twin = yield from _twin(home, request, data.run, engine, cancelled, not_run)
    try:
        result = yield from _fit(request, data, pooling, layers, groups, twin, not_run, cancelled)
    finally:
        if twin is not None:
            twin.close()
    identity = data.run.identity
    return ProbeReport(
        run=data.run.run_id,
        pooling=pooling,
        model=identity.model,
        dataset=identity.dataset,
        result=result.to_json(),
        not_run=tuple(f"{CONTROLS[name]}: {why}" for name, why in not_run.items()),
        cached=False,
    )


def _twin(
    home: Home,
    request: ProbeRequest,
    run: Run,
    engine: Engine,
    cancelled: Cancelled,
    not_run: dict[str, str],
) -> Generator[Event, None, Run | None]:
    """The run of the untrained twin over the same rows, made if it is not there."""
    found = yield from twin_run(
        home, run, seed=request.twin_seed, device=request.device, engine=engine, cancelled=cancelled
    )
    if isinstance(found, Run):
        return found
    not_run["twin"] = found
    yield Note(f"no untrained twin: {found}", "warn")
    return None


def _fit(
    request: ProbeRequest,
    data: RunData,
    pooling: str,
    layers: list[int],
    groups: Any,
    twin: Run | None,
    not_run: dict[str, str],
    cancelled: Cancelled,
) -> Generator[Event, None, ProbeResult]:
    settings = ProbeSettings(
        folds=request.folds, seeds=request.seeds, seed=request.seed, bootstrap=request.bootstrap
    )
    began = time.monotonic()

    def work(emit: Emit) -> ProbeResult:
        finished: list[int] = []

        def on_part(name: str, layer: int | None, accuracy: Interval, auroc: Interval) -> None:
            emit(Partial("probe", (name, layer, accuracy, auroc)))
            if name == "probe" and layer is not None:
                finished.append(layer)
                rate = len(finished) / max(time.monotonic() - began, 1e-9)
                emit(Progress(len(finished), len(layers), "layers", rate, "probe"))

        return run_probes(
            data.layer_of(pooling),
            layers,
            data.codes,
            data.labels,
            groups,
            settings=settings,
            target=data.target,
            texts=None if "words" in not_run else data.texts,
            lengths=None if "length" in not_run else data.run.n_tokens,
            twin_of=None if twin is None else lambda layer: twin.layer(pooling, layer),
            norm="norm" not in not_run,
            random_split="random-split" not in not_run,
            permutations=0 if "shuffled" in not_run else request.permutations,
            on_part=on_part,
            cancelled=cancelled,
        )

    yield Progress(0, len(layers), "layers", note="probe")
    return (yield from streaming(work))


def _key(request: ProbeRequest, data: RunData, pooling: str, layers: list[int]) -> str:
    """A digest of everything the numbers depend on; excluding rows later changes it."""
    wanted = asdict(replace(request, run="", layers=LayerSpec("", None), fresh=False, device=""))
    parts = [wanted, data.run.run_id, pooling, layers, list(data.labels)]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(data.codes, dtype=np.int64).tobytes())
    if data.groups is not None:
        digest.update(np.ascontiguousarray(data.groups, dtype=np.int64).tobytes())
    return digest.hexdigest()[:16]


def _from_json(value: dict[str, Any]) -> ProbeReport:
    return ProbeReport(**{**value, "not_run": tuple(value["not_run"])})
