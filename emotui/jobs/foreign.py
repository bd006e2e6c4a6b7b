"""Job: import directions made by another tool as a set of vectors.

In: a file (.safetensors, .npz, .npy, .gguf, .pt), optionally a run of the same model. Out: a saved
set. A foreign file lacks the residual norms and the centre that steering and scoring need: a run
gives them, else they stay unknown and the commands that need them say so. Our own exports are
restored whole.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from emotui.errors import UserError
from emotui.events import Cancelled, Done, Job, Note, never
from emotui.jobs.build import BuildResult
from emotui.jobs.rundata import open_run
from store.foreign import arrange_vectors, read_foreign_vectors
from store.layout import Home, check_name
from store.runs import Run
from store.vectorsets import save_vectors
from vectors.directionset import DirectionSet, Recipe
from vectors.imported import imported_directions

Arrays = dict[str, np.ndarray]


def import_vectors_job(
    home: Home, file: Path, *, name: str, run: str | None, cancelled: Cancelled = never
) -> Job:
    """Reads, completes and saves; Done holds a BuildResult."""
    del cancelled
    check_name(name)
    arrays, meta = _read(file)
    if "recipe" in meta and "residual_norm" in arrays:
        directions = DirectionSet.from_parts(arrays, meta)
        yield Note("a set of our own: everything that made it is kept")
    else:
        source = open_run(home, run) if run is not None else None
        try:
            directions = _completed(arrays, meta, source, file.name)
        finally:
            if source is not None:
                source.close()
        if source is None:
            yield Note(
                "no --run: residual norms and centre are unknown, so steering refuses and scores "
                "are not centred",
                "warn",
            )
    info = save_vectors(home, name, directions.arrays(), directions.meta())
    yield Done(BuildResult(info, directions))


def _read(file: Path) -> tuple[Arrays, dict[str, Any]]:
    if file.suffix.lower() != ".pt":
        arrays, meta = read_foreign_vectors(file)
        return dict(arrays), meta
    from vectors.foreign_pt import read_pt

    arrays, meta = arrange_vectors(read_pt(file), source=file.name)
    return dict(arrays), meta


def _completed(arrays: Arrays, meta: dict[str, Any], run: Run | None, file: str) -> DirectionSet:
    unit = arrays["unit"].astype(np.float32)
    layers = tuple(int(layer) for layer in meta["layers"])
    residual = center = None
    if run is not None:
        residual, center = _from_run(run, layers, unit.shape[-1])
    return imported_directions(
        arrays.get("raw", unit),
        [str(label) for label in meta["labels"]],
        layers,
        recipe=_recipe(meta, run, file),
        residual_norm=residual,
        center=center,
    )


def _from_run(
    run: Run, layers: tuple[int, ...], width: int
) -> tuple[Float32[np.ndarray, "layer"], Float32[np.ndarray, "layer d_model"]]:
    have = run.identity
    missing = [layer for layer in layers if layer not in have.layers]
    if width != have.d_model or missing:
        raise UserError(
            f"the file has width {width} and layers {_listed(layers)}, run {run.run_id} width "
            f"{have.d_model} and layers {_listed(have.layers)}; name a run of the same model"
        )
    every, norms, pooling = list(have.layers), run.residual_norm(), have.poolings[0]
    center = [np.nanmean(run.layer(pooling, layer), axis=0) for layer in layers]
    return (
        np.asarray([norms[every.index(layer)] for layer in layers], dtype=np.float32),
        np.asarray(center, dtype=np.float32),
    )


def _listed(layers: tuple[int, ...]) -> str:
    return ", ".join(str(layer) for layer in layers)


def _recipe(meta: dict[str, Any], run: Run | None, file: str) -> Recipe:
    identity = None if run is None else run.identity
    notes = [str(note) for note in meta.get("notes", [])]
    if identity is not None and run is not None:
        notes.append(f"residual norms and centre are those of run {run.run_id}")
    return Recipe(
        kind="imported",
        method="imported",
        centring="as the file has it",
        normalisation="unit norm per emotion and layer",
        model="" if run is None else str(run.info.get("source") or run.identity.model),
        revision="" if identity is None else identity.revision,
        dtype="" if identity is None else identity.weights_dtype,
        quantisation="" if identity is None else identity.quantisation,
        hook_point="blocks.{layer}.hook_resid_post",
        pooling="" if identity is None else identity.poolings[0],
        dataset="",
        dataset_hash="",
        run="",
        neutral="",
        neutral_hash="",
        variance_removed=0.0,
        seed=0,
        notes=(f"imported from {file}", *notes),
    )
