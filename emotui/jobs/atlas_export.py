"""Jobs: write a set of vectors for other tools, or a chart of the Vectors pane as SVG, PNG and CSV.

In: a set's name or what is on screen, and a path. Out: the files, by their paths. Needs no model.
"""

import csv
import io
from pathlib import Path
from typing import Any, Literal

from emotui.atlascharts import comparison_page, comparison_rows, heat_page, plane_page
from emotui.drawing import Page, svg
from emotui.errors import OptionError
from emotui.events import Done, Job, Note
from emotui.jobs.atlas_spec import Atlas, ChartAsk
from emotui.raster import png
from emotui.sanitize import one_line
from store.atomic import write_bytes
from store.layout import Home
from store.vectorsets import export_vectors

FORMATS: dict[str, Literal["safetensors", "npz", "gguf"]] = {
    ".safetensors": "safetensors",
    ".npz": "npz",
    ".gguf": "gguf",
}


def export_set_job(home: Home, name: str, path: Path, *, label: str) -> Job:
    """Writes the set (.safetensors, .npz) or one emotion of it (.gguf); Done holds the paths."""
    path = _inside_a_folder(home, path)
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise OptionError(
            f"{one_line(path.name)} ends in {kind or 'nothing'}; allowed: {', '.join(FORMATS)} "
            "for the vectors, .svg, .png, .csv for the chart on screen and its numbers"
        )
    done = export_vectors(
        home, name, path, format=FORMATS[kind], label=label if kind == ".gguf" else None
    )
    for note in done.notes:
        yield Note(note)
    yield Done((str(done.path),))


def export_chart_job(home: Home, ask: ChartAsk, path: Path, endings: tuple[str, ...]) -> Job:
    """Writes the chart with each of the endings .svg, .png, .csv; Done holds the paths."""
    path = _inside_a_folder(home, path)
    page = chart_of(ask)
    contents = {
        ".svg": lambda: svg(page).encode(),
        ".png": lambda: png(page),
        ".csv": lambda: table_of(ask).encode(),
    }
    written = []
    for ending in endings:
        # A set's name may hold dots, so an ending is added, not put in place of another.
        target = path if path.suffix.lower() == ending else Path(f"{path}{ending}")
        write_bytes(target, contents[ending]())
        written.append(str(target))
    yield Done(tuple(written))


def _inside_a_folder(home: Home, path: Path) -> Path:
    path = path.expanduser().absolute()
    if path.parent == home.reports:
        home.ensure()
    if not path.parent.is_dir():
        raise OptionError(f"{one_line(str(path.parent))} is no folder; make it first")
    return path


def chart_of(ask: ChartAsk) -> Page:
    """The page of a chart; OptionError where there is nothing to draw yet."""
    notes = "\n".join(ask.notes)
    if ask.view == "heat":
        return heat_page(ask.atlas, notes)
    if ask.view == "plane":
        if len(ask.atlas.share) < 2:
            raise OptionError("three emotions or more are needed for a plane; this set has fewer")
        return plane_page(ask.atlas, ask.axes, notes)
    if ask.compared is None:
        raise OptionError("nothing has been compared yet; c on one emotion, then on another")
    return comparison_page(ask.compared, notes)


def table_of(ask: ChartAsk) -> str:
    """The chart's numbers as CSV."""
    compare = ask.view == "compare" and ask.compared is not None
    rows = comparison_rows(ask.compared) if compare and ask.compared else atlas_rows(ask.atlas)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def atlas_rows(atlas: Atlas) -> list[list[Any]]:
    """One row per emotion: what it rests on, its components, its cosines; the head first."""
    components = [f"PC{i + 1}" for i in range(len(atlas.share))]
    head: list[Any] = ["set", "layer", "emotion", "n", "norm", "kept", "split_half", *components]
    rows = [head + [f"cosine {row.label}" for row in atlas.rows]]
    for i, row in enumerate(atlas.rows):
        half = "" if row.split_half is None else row.split_half
        own = [atlas.vectors, atlas.layer, row.label, row.n, row.norm, row.kept, half]
        place = atlas.coordinates[i] if atlas.coordinates else ()
        rows.append([*own, *place, *atlas.cosines[i]])
    return rows
