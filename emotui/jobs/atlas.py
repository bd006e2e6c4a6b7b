"""Jobs: list the sets of vectors, look at one at a layer, compare two directions, read the lens.

In: names, a layer, a file of ratings. Out: a list of SetEntry, an Atlas, a Comparison, a LensFound,
an export. Only the lens needs a model. The geometry is in `vectors.geometry` and beside it.
"""

import csv
import math
from pathlib import Path
from typing import Any, Literal

from emotui.errors import OptionError
from emotui.events import Done, Job, Note
from emotui.jobs.atlas_spec import (
    Atlas,
    AtlasRequest,
    Comparison,
    Correlation,
    EmotionRow,
    LensAsk,
    LensFound,
    SetEntry,
)
from emotui.jobs.engine import Engine
from emotui.jobs.sets import load_for, open_set, set_layers
from emotui.options import known_name, parse_layers
from emotui.sanitize import one_line
from emotui.setview import set_lines
from store.errors import StoreError
from store.layout import Home
from store.vectorsets import VectorsInfo, export_vectors, vectors_info
from vectors.comparison import compare
from vectors.directions import DirectionSet, cosine_matrix, pca
from vectors.errors import DataError
from vectors.geometry import Scatter, cluster_order, rating_correlation
from vectors.lens import vector_lens

Ratings = dict[str, dict[str, float]]


def list_sets_job(home: Home) -> Job:
    """Every saved set, those that cannot be read with the reason; Done holds SetEntry's."""
    names = []
    if home.vectors.is_dir():
        names = sorted(
            p.name for p in home.vectors.iterdir() if p.is_dir() and not p.name.startswith(".")
        )
    found = []
    for name in names:
        try:
            found.append(_entry(vectors_info(home, name)))
        except (StoreError, KeyError, TypeError) as error:
            why = one_line(str(error))
            found.append(SetEntry(name, "", "", (), (), 0, "", "", "", 0, why))
    yield Done(tuple(found))


def _entry(info: VectorsInfo) -> SetEntry:
    recipe = info.recipe
    return SetEntry(
        name=info.name,
        kind=str(recipe.get("kind", "")),
        method=str(recipe.get("method", "")),
        labels=info.labels,
        layers=info.layers,
        d_model=info.d_model,
        model=str(recipe.get("model", "")),
        revision=str(recipe.get("revision", "")),
        dataset=str(recipe.get("dataset", "")),
        bytes=info.bytes,
    )


def atlas_job(home: Home, request: AtlasRequest) -> Job:
    """One set at one layer; Done holds an Atlas."""
    directions = open_set(home, request.vectors)
    wanted = "2/3" if request.layer is None else str(request.layer)
    layer = set_layers(directions, parse_layers(wanted, option="layer"))[0]
    at = directions.layer_index(layer)
    cosines = cosine_matrix(directions, layer)
    count = min(request.components, len(directions.labels) - 1, directions.d_model)
    scatter = pca(directions, layer, components=count) if count >= 1 else None
    correlations, note = _correlations(request, scatter)
    if note:
        yield Note(note)
    yield Done(
        Atlas(
            vectors=request.vectors,
            layer=layer,
            layers=directions.layers,
            lines=tuple(set_lines(request.vectors, directions)),
            model=directions.recipe.model,
            revision=directions.recipe.revision,
            n_neutral=directions.n_neutral,
            k_removed=int(directions.k_removed[at]),
            residual_norm=float(directions.residual_norm[at]),
            rows=tuple(_row(directions, label, at) for label in directions.labels),
            order=tuple(cluster_order(cosines)),
            cosines=tuple(tuple(float(v) for v in row) for row in cosines),
            coordinates=()
            if scatter is None
            else tuple(tuple(float(v) for v in row) for row in scatter.coordinates),
            share=() if scatter is None else tuple(float(v) for v in scatter.share),
            correlations=correlations,
            ratings_note=note,
        )
    )


def _row(directions: DirectionSet, label: str, at: int) -> EmotionRow:
    i = directions.label_index(label)
    half = None if directions.split_half is None else float(directions.split_half[i, at])
    return EmotionRow(
        label=label,
        n=int(directions.n[i]),
        norm=float(directions.norm[i, at]),
        kept=float(directions.kept[i, at]),
        split_half=half if half is not None and math.isfinite(half) else None,
    )


def _correlations(
    request: AtlasRequest, scatter: Scatter | None
) -> tuple[tuple[Correlation, ...], str]:
    """Every axis against every column; a constant or too short column is said, not shown."""
    if request.ratings is None or scatter is None:
        return (), ""
    ratings = read_ratings(request.ratings)
    found: list[Correlation] = []
    skipped: list[str] = []
    for column, values in ratings.items():
        try:
            for axis in range(scatter.coordinates.shape[1]):
                r = rating_correlation(scatter, axis, values)
                found.append(Correlation(axis, column, r.value, r.low, r.high, r.n))
        except DataError as error:
            skipped.append(f"{one_line(column)}: {one_line(str(error))}")
    most = max((c.n for c in found), default=0)
    note = f"{one_line(request.ratings.name)}: {most} of {len(scatter.labels)} emotions rated"
    if skipped:
        note += f"; left out {'; '.join(skipped)}"
    return tuple(found), note


def read_ratings(path: Path) -> Ratings:
    """Column -> emotion -> number, from a CSV whose first column names the emotion.

    OptionError for a file that is not such a table.
    """
    try:
        with path.expanduser().open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OptionError(f"{one_line(str(path))} cannot be read as CSV: {error}") from error
    columns = [c for c in (rows[0] if rows else ()) if c]
    if len(columns) < 2:
        raise OptionError(
            f"{one_line(str(path))} has {len(columns)} columns; give a first column of emotion "
            "names and one or more of numbers, e.g. emotion,valence,arousal"
        )
    name, *numbers = columns
    out: Ratings = {}
    for column in numbers:
        for row in rows:
            try:
                value = float(row[column] or "")
            except (TypeError, ValueError):
                continue
            if math.isfinite(value) and row[name]:
                out.setdefault(column, {})[row[name].strip()] = value
    if not out:
        raise OptionError(f"{one_line(str(path))} holds no numbers beside its first column")
    return out


def lens_ask_job(home: Home, ask: LensAsk, *, engine: Engine) -> Job:
    """The tokens one direction promotes and suppresses; Done holds a LensFound."""
    directions = open_set(home, ask.vectors)
    known_name(ask.label, directions.labels, what="emotion")
    model = yield from load_for(engine, directions, ask.model, other_model=ask.other_model)
    found = vector_lens(model, directions, ask.label, ask.layer, top=ask.top)
    yield Done(
        LensFound(
            ask.vectors,
            ask.label,
            ask.layer,
            tuple((t.token, t.z) for t in found.promoted),
            tuple((t.token, t.z) for t in found.suppressed),
        )
    )


def compare_job(home: Home, first: tuple[str, str], second: tuple[str, str]) -> Job:
    """Two directions at every common layer; Done holds a Comparison."""
    ours, theirs = open_set(home, first[0]), open_set(home, second[0])
    found = compare(ours, first[1], theirs, second[1])
    yield Done(
        Comparison(
            first,
            second,
            found.layers,
            tuple(float(v) for v in found.cosine),
            tuple(float(v) for v in found.cosine_raw),
            tuple(float(v) for v in found.norm_ratio),
            found.null_sd,
        )
    )


FORMATS: dict[str, Literal["safetensors", "npz", "gguf"]] = {
    ".safetensors": "safetensors",
    ".npz": "npz",
    ".gguf": "gguf",
}


def export_job(home: Home, name: str, path: Path, *, label: str, atlas: Atlas | None) -> Job:
    """Writes the set (.safetensors, .npz, .gguf: one emotion) or the atlas's table (.csv).

    Done holds the path.
    """
    path = path.expanduser().absolute()
    if not path.parent.is_dir():
        raise OptionError(f"{one_line(str(path.parent))} is no folder; make it first")
    kind = path.suffix.lower()
    if kind == ".csv" and atlas is not None:
        _write_table(path, atlas)
        yield Done(path)
        return
    if kind not in FORMATS:
        raise OptionError(
            f"{one_line(path.name)} ends in {kind or 'nothing'}; allowed: {', '.join(FORMATS)} "
            "for the vectors, .csv for this layer's table, cosines and components"
        )
    done = export_vectors(
        home, name, path, format=FORMATS[kind], label=label if kind == ".gguf" else None
    )
    for note in done.notes:
        yield Note(note)
    yield Done(done.path)


def _write_table(path: Path, atlas: Atlas) -> None:
    """One row per emotion: what it rests on, its components, its cosines."""
    components = [f"PC{i + 1}" for i in range(len(atlas.share))]
    labels = [row.label for row in atlas.rows]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        head: list[Any] = ["set", "layer", "emotion", "n", "norm", "kept", "split_half"]
        writer.writerow(head + components + [f"cosine {label}" for label in labels])
        for i, row in enumerate(atlas.rows):
            half = "" if row.split_half is None else row.split_half
            own = [atlas.vectors, atlas.layer, row.label, row.n, row.norm, row.kept, half]
            place = atlas.coordinates[i] if atlas.coordinates else ()
            writer.writerow([*own, *place, *atlas.cosines[i]])
