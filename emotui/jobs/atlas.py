"""Jobs: list the sets of vectors, look at one at a layer, compare two directions, read the lens.

In: names, a layer, a file of ratings. Out: a list of SetEntry, an Atlas, a Comparison, a Mixture, a
LensFound. Only the lens needs a model. The geometry is in `vectors.geometry` and beside it.
"""

import csv
import math
from pathlib import Path

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
    Mixture,
    SetEntry,
)
from emotui.jobs.engine import Engine
from emotui.jobs.sets import load_for, open_set, set_layers
from emotui.options import known_name, parse_layers
from emotui.sanitize import one_line
from emotui.setview import set_lines
from store.errors import StoreError
from store.layout import Home
from store.vectorsets import VectorsInfo, vectors_info
from vectors.algebra import combine
from vectors.comparison import compare
from vectors.directions import DirectionSet, cosine_matrix, pca
from vectors.errors import DataError
from vectors.geometry import Scatter, cluster_order, rating_correlation
from vectors.lens import vector_lens

Ratings = dict[str, dict[str, float]]


def list_sets_job(home: Home) -> Job:
    """Done holds what `set_entries` returns."""
    yield Done(set_entries(home))


def set_entries(home: Home) -> tuple[SetEntry, ...]:
    """Every saved set, those that cannot be read with the reason."""
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
    return tuple(found)


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
            if any(c.rating == column for c in found):
                continue  # the axes left hold no variance, and so nothing to correlate
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


def mixture_job(home: Home, expression: str, source: str, layer: int) -> Job:
    """A sum of directions at one layer beside every emotion of its set; Done holds a Mixture."""
    directions = open_set(home, source)
    mixed = combine(expression, [directions])
    at = directions.layer_index(layer)
    cosines = directions.unit[:, at] @ mixed.unit[0, mixed.layer_index(layer)]
    pairs = [(label, float(c)) for label, c in zip(directions.labels, cosines, strict=True)]
    ordered = sorted(pairs, key=lambda pair: -pair[1])
    yield Done(Mixture(expression, source, layer, tuple(ordered)))
