"""Job: build a set of directions from a run, and make one set from others by algebra.

In: a run, a method, a neutral dataset or run. Out: a saved set of vectors. The neutral texts are
extracted with the run's own settings where that has not been done yet. The arithmetic is in
`vectors.directions`; this file only brings the rows together and writes down where they came from.
"""

from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from emotui.errors import UserError
from emotui.events import Cancelled, Done, Event, Job, Note, Progress, never
from emotui.jobs.again import same_settings
from emotui.jobs.engine import Engine
from emotui.jobs.extract import extracting
from emotui.jobs.rundata import RunData, open_run, pooling_of, run_data
from emotui.jobs.sets import open_set
from emotui.jobs.streaming import Emit, streaming
from emotui.options import LayerSpec, layers_for
from store.forks import Fork, note_forks
from store.layout import Home
from store.runs import Run
from store.vectorsets import VectorsInfo, check_free, save_vectors
from vectors.algebra import combine
from vectors.deflection import deflection_directions
from vectors.directions import DirectionSet, Recipe, build_directions
from vectors.errors import Cancelled as CancelledError


@dataclass(frozen=True)
class BuildRequest:
    """Everything that decides a set of directions."""

    run: str
    name: str
    layers: LayerSpec
    pooling: str | None = None
    method: str = "mean-difference"
    neutral: str | None = None
    """A dataset or a run of neutral texts; None = no component is removed and there is no z."""
    variance: float = 0.5
    """Share of the neutral texts' variance whose components are projected out."""
    expression: str | None = None
    """For deflection vectors: the expression set they are made orthogonal to."""
    expression_variance: float = 0.99
    seed: int = 0
    device: str = "auto"
    replace: bool = False
    """Take the place of a set of that name."""


@dataclass(frozen=True)
class BuildResult:
    """A saved set and what it holds."""

    info: VectorsInfo
    directions: DirectionSet


def build_job(
    home: Home, request: BuildRequest, *, engine: Engine, cancelled: Cancelled = never
) -> Job:
    """Extracts the neutral texts if need be, builds, saves; Done holds a BuildResult."""
    check_free(home, request.name, replace=request.replace)
    data = run_data(home, request.run)
    with ExitStack() as stack:
        stack.callback(data.run.close)
        yield from _building(home, request, data, stack, engine, cancelled)


def _building(
    home: Home,
    request: BuildRequest,
    data: RunData,
    stack: ExitStack,
    engine: Engine,
    cancelled: Cancelled,
) -> Job:
    pooling = pooling_of(data.run, request.pooling)
    layers = layers_for(request.layers, data.run.identity.layers)
    expression = None if request.expression is None else open_set(home, request.expression)
    neutral = None
    if request.neutral is not None:
        neutral = yield from _neutral_run(home, request, data.run, pooling, engine, cancelled)
        stack.callback(neutral.close)
    recipe = _recipe(request, data, pooling, neutral, expression)
    yield Note(
        f"{len(data.labels)} {data.target}s, {len(layers)} layers, pooling {pooling}, "
        f"{request.method}; neutral: {neutral.identity.dataset if neutral else 'none'}"
    )

    def work(emit: Emit) -> DirectionSet:
        def progress(done: int, total: int) -> None:
            if cancelled():
                raise CancelledError("building was cancelled; nothing was saved")
            emit(Progress(done, total, "layers", note="build"))

        return _build(request, data, pooling, layers, neutral, expression, recipe, progress)

    directions = yield from streaming(work)
    note_forks(home, [_fork(recipe)])
    info = save_vectors(
        home, request.name, directions.arrays(), directions.meta(), replace=request.replace
    )
    yield Done(BuildResult(info, directions))


def _build(
    request: BuildRequest,
    data: RunData,
    pooling: str,
    layers: list[int],
    neutral: Run | None,
    expression: DirectionSet | None,
    recipe: Recipe,
    progress: Any,
) -> DirectionSet:
    norms = data.run.residual_norm()
    every = list(data.run.identity.layers)
    residual_norm = np.asarray([norms[every.index(layer)] for layer in layers], dtype=np.float32)
    neutral_of = None
    if neutral is not None:
        found = neutral
        neutral_of = lambda layer: found.layer(pooling, layer)  # noqa: E731
    if expression is not None:
        return deflection_directions(
            data.layer_of(pooling),
            layers,
            data.codes,
            data.labels,
            expression=expression,
            recipe=recipe,
            groups=data.groups,
            neutral_of=neutral_of,
            variance=request.expression_variance,
            neutral_variance=request.variance,
            residual_norm=residual_norm,
            seed=request.seed,
            progress=progress,
        )
    return build_directions(
        data.layer_of(pooling),
        layers,
        data.codes,
        data.labels,
        recipe=recipe,
        groups=data.groups,
        neutral_of=neutral_of,
        variance=request.variance,
        residual_norm=residual_norm,
        seed=request.seed,
        method=request.method,
        progress=progress,
    )


def _recipe(
    request: BuildRequest,
    data: RunData,
    pooling: str,
    neutral: Run | None,
    expression: DirectionSet | None,
) -> Recipe:
    identity = data.run.identity
    notes = []
    if data.groups is None:
        notes.append("no topics: split-half is not by topic")
    if neutral is None:
        notes.append("no neutral texts: nothing was removed and there is no z")
    if expression is not None:
        notes.append(f"made orthogonal to the expression set {request.expression}")
    return Recipe(
        kind="expression" if expression is None else "deflection",
        method=request.method,
        centring="mean over emotions, each with equal weight",
        normalisation="unit norm per emotion and layer",
        model=str(data.run.info.get("source") or identity.model),
        revision=identity.revision,
        dtype=identity.weights_dtype,
        quantisation=identity.quantisation,
        hook_point=identity.hook_point,
        pooling=pooling,
        dataset=identity.dataset,
        dataset_hash=identity.dataset_hash,
        run=identity.run_id(),
        neutral="" if neutral is None else neutral.identity.dataset,
        neutral_hash="" if neutral is None else neutral.identity.dataset_hash,
        variance_removed=0.0 if neutral is None else request.variance,
        seed=request.seed,
        notes=tuple(notes),
    )


def _fork(recipe: Recipe) -> Fork:
    """One way of making the vectors, whatever the layers: it shows all of them at once."""
    metric = f"{recipe.kind} {recipe.method}, {recipe.pooling}, seed {recipe.seed}"
    neutral = f"{recipe.neutral_hash[:12]} {recipe.variance_removed:g}" if recipe.neutral else ""
    return Fork("build", recipe.dataset_hash, -1, "", metric=metric, subset=neutral)


def _neutral_run(
    home: Home,
    request: BuildRequest,
    run: Run,
    pooling: str,
    engine: Engine,
    cancelled: Cancelled,
) -> Generator[Event, None, Run]:
    """The run of neutral texts: the one named, or one made here with the run's own settings."""
    assert request.neutral is not None
    if (home.runs / request.neutral).is_dir():
        neutral = open_run(home, request.neutral)
    else:
        result = yield from extracting(
            home,
            same_settings(run, dataset=request.neutral, device=request.device),
            engine=engine,
            cancelled=cancelled,
        )
        neutral = open_run(home, result.run)
    ours, theirs = run.identity, neutral.identity
    if pooling not in theirs.poolings or not set(ours.layers) <= set(theirs.layers):
        raise UserError(
            f"the neutral run has layers {theirs.layers} and poolings {theirs.poolings}; it needs "
            f"those of {ours.run_id()}: name a dataset instead and it is extracted to fit"
        )
    if (ours.revision, ours.quantisation, ours.d_model) != (
        theirs.revision,
        theirs.quantisation,
        theirs.d_model,
    ):
        raise UserError("the neutral run is of another model; name a dataset instead")
    return neutral


def combine_job(home: Home, expression: str, *, name: str, sources: tuple[str, ...]) -> Job:
    """One new direction from a sum and difference of others; Done holds a BuildResult."""
    sets = [open_set(home, source) for source in sources]
    directions = combine(expression, sets)
    yield Note(f"{expression}: {len(directions.layers)} layers")
    info = save_vectors(home, name, directions.arrays(), directions.meta())
    yield Done(BuildResult(info, directions))
