"""The Vectors pane: the saved sets, what each rests on, how its directions lie to each other.

In: the workspace's set, layer and emotion. Out: the same, when changed here; new sets by algebra.
Lists, cosines, components and comparisons come from desk jobs, the logit lens from the engine.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.timer import Timer
from textual.widgets import Static

from emotui.actions import bindings
from emotui.events import Job
from emotui.jobs.atlas_spec import Atlas, AtlasRequest, Comparison, LensAsk, LensFound, SetEntry
from emotui.lanes import Tools
from emotui.panes.base import Pane
from emotui.panes.sets_choice import list_sets, model_for
from emotui.panes.vectors_words import (
    axis_name,
    comparison_line,
    cosine_rests_on,
    lens_lines,
    rating_lines,
)
from emotui.sanitize import one_line
from emotui.screens.asking import AskText, PickOne
from emotui.widgets.cells import signed
from emotui.widgets.chart_grid import Series
from emotui.widgets.heat_map import HeatMap
from emotui.widgets.layer_chart import LayerChart
from emotui.widgets.scatter import Point, Scatter
from emotui.widgets.table import Column, VirtualTable
from emotui.worker import JobFailed, Report

View = Literal["list", "heat", "plane", "compare"]
VIEWS: tuple[View, ...] = ("list", "heat", "plane", "compare")
LENS_AFTER = 0.3
"""Seconds on one emotion before its lens is read, where a model is loaded."""


class VectorsPane(Pane):
    """Sets and emotions; heat map, plane and comparison beside them where there is room."""

    pane_id = "vectors"
    empty_hint = "no vectors yet: emotui vectors build RUN --name NAME"
    BINDINGS = bindings("vectors")
    SCOPED_CSS: ClassVar[bool] = False
    DEFAULT_CSS = """
    VectorsPane { layout: horizontal; height: 1fr; width: 1fr; }
    VectorsPane #vectors-left { width: 1fr; height: 1fr; }
    VectorsPane #vectors-sets { height: 5; }
    VectorsPane #vectors-about { height: auto; max-height: 5; color: $text-muted; }
    VectorsPane #vectors-emotions { height: 1fr; }
    VectorsPane #vectors-lens { height: 3; }
    VectorsPane .part { width: 1fr; height: 1fr; display: none; }
    VectorsPane .note { height: auto; max-height: 5; color: $text-muted; }
    .-narrow VectorsPane.-heat #vectors-left, .-narrow VectorsPane.-plane #vectors-left,
    .-narrow VectorsPane.-compare #vectors-left { display: none; }
    VectorsPane.-heat #vectors-heat, VectorsPane.-plane #vectors-plane,
    VectorsPane.-compare #vectors-compare { display: block; }
    .-medium VectorsPane.-list #vectors-heat { display: block; }
    .-medium VectorsPane .part, .-wide VectorsPane .part { padding-left: 1; }
    .-wide VectorsPane #vectors-heat { display: block; }
    .-wide VectorsPane.-list #vectors-plane, .-wide VectorsPane.-heat #vectors-plane {
        display: block;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._entries: tuple[SetEntry, ...] = ()
        self._atlas: Atlas | None = None
        self._asked: AtlasRequest | None = None
        self._ratings: Path | None = None
        self._axes = (0, 1)
        self._lens: dict[tuple[str, str, int], LensFound] = {}
        self._lens_timer: Timer | None = None
        self._first: tuple[str, str] | None = None
        """The first of two directions to compare."""
        self._compared: Comparison | None = None
        self._focus_emotions = False
        """The sets have the focus only because their emotions were not there yet."""
        self.view: View = "list"

    def compose(self) -> ComposeResult:
        """Lists, heat map, plane, comparison."""
        with Vertical(id="vectors-left"):
            yield VirtualTable(
                [
                    Column("set"),
                    Column("kind", 10),
                    Column("emo.", 4, "right"),
                    Column("lay.", 4, "right"),
                    Column("dataset", 12),
                ],
                empty=self.empty_hint,
                id="vectors-sets",
            )
            yield Static(id="vectors-about", markup=False)
            yield VirtualTable(
                [
                    Column("emotion"),
                    Column("n", 6, "right"),
                    Column("norm", 7, "right"),
                    Column("kept", 5, "right"),
                    Column("split-half", 10, "right"),
                ],
                empty="Enter on a set shows its emotions",
                id="vectors-emotions",
            )
            yield Static(id="vectors-lens", markup=False)
        with Vertical(id="vectors-heat", classes="part"):
            yield HeatMap()
            yield Static(id="vectors-heat-note", classes="note", markup=False)
        with Vertical(id="vectors-plane", classes="part"):
            yield Scatter()
            yield Static(id="vectors-plane-note", classes="note", markup=False)
        with Vertical(id="vectors-compare", classes="part"):
            yield LayerChart()
            yield Static(id="vectors-compare-note", classes="note", markup=False)

    def focus_first(self) -> None:
        """The emotions, or the sets while none is chosen."""
        self._focus_emotions = self._atlas is None and bool(self.workspace.vectors)
        wanted = "#vectors-emotions" if self._atlas is not None else "#vectors-sets"
        self.query_one(wanted).focus()
        self._show_lens()

    @property
    def atlas(self) -> Atlas | None:
        """The set on screen at its layer."""
        return self._atlas

    @property
    def emotion(self) -> str:
        """The emotion under the cursor; "" without a set."""
        if self._atlas is None:
            return ""
        at = self.query_one("#vectors-emotions", VirtualTable).cursor
        return self._atlas.rows[min(at, len(self._atlas.rows) - 1)].label

    # Workspace and jobs

    def on_workspace(self, changed: frozenset[str]) -> None:
        """Another set or layer is looked at; another emotion only moves the cursors."""
        if "view" not in self.__dict__ or not any(self.has_class(f"-{v}") for v in VIEWS):
            self.add_class(f"-{self.view}")
        if "datasets_version" in changed:
            self.submit(
                list_sets,
                "list vectors",
                lane="desk",
                subject="list",
                then=self._take_entries,
                quiet=True,
            )
        if changed & {"vectors", "layer"}:
            self._look()
        elif "emotion" in changed:
            self._go_to(self.workspace.emotion)

    def _take_entries(self, entries: tuple[SetEntry, ...]) -> None:
        self._entries = entries
        names = [e.name for e in entries]
        current = self.workspace.vectors
        table = self.query_one("#vectors-sets", VirtualTable)
        at = names.index(current) if current in names else 0
        table.set_rows(len(entries), self._set_rows, cursor=at)
        table.styles.height = min(max(len(entries), 1) + 1, 8)

    def _set_rows(self, start: int, stop: int) -> list[list[str]]:
        return [
            [
                e.name + (f"  ! {e.problem}" if e.problem else ""),
                e.kind or "?",
                str(len(e.labels)),
                str(len(e.layers)),
                e.dataset,
            ]
            for e in self._entries[start:stop]
        ]

    def _look(self) -> None:
        """Ask for the set at the layer."""
        name = self.workspace.vectors
        if not name:
            self._atlas = None
            self._about("Enter on a set chooses it for every pane")
            return
        known = next((e.layers for e in self._entries if e.name == name), None)
        layer = self.workspace.layer
        if layer is not None and known is not None and layer not in known:
            layer = min(known, key=lambda have: abs(have - self.workspace.layer))  # type: ignore[operator]
        request = AtlasRequest(name, layer, self._ratings)
        self._asked = request

        def start(tools: Tools) -> Job:
            from emotui.jobs.atlas import atlas_job

            return atlas_job(tools.home, request)

        self.submit(
            start, f"look at {name}", lane="desk", subject="atlas", then=self._take, quiet=True
        )

    def on_job(self, report: Report) -> None:
        """A set or ratings that cannot be read: say so in the pane too."""
        if isinstance(report, JobFailed):
            self._about("! " + report.message)

    def _take(self, atlas: Atlas) -> None:
        had = self.emotion or self.workspace.emotion
        self._atlas = atlas
        self._about("\n".join(atlas.lines[:4]))
        table = self.query_one("#vectors-emotions", VirtualTable)
        labels = [row.label for row in atlas.rows]
        at = labels.index(had) if had in labels else 0
        table.set_rows(len(atlas.rows), self._emotion_rows, cursor=at)
        ordered = [labels[i] for i in atlas.order]
        matrix = [[atlas.cosines[i][j] for j in atlas.order] for i in atlas.order]
        self.query_one(HeatMap).set_matrix(matrix, [one_line(label) for label in ordered])
        self._note("heat", [cosine_rests_on(atlas)])
        self._show_plane()
        self._go_to(labels[at])
        if self._focus_emotions:
            self.focus_first()
        if self.workspace.layer is None:
            self.choose(replace(self.workspace, layer=atlas.layer))

    def _emotion_rows(self, start: int, stop: int) -> list[list[str]]:
        assert self._atlas is not None
        return [
            [
                row.label,
                f"{row.n:,}" if row.n else "?",
                f"{row.norm:.3f}",
                f"{row.kept:.2f}",
                "–" if row.split_half is None else signed(row.split_half),
            ]
            for row in self._atlas.rows[start:stop]
        ]

    def _show_plane(self) -> None:
        atlas, scatter = self._atlas, self.query_one(Scatter)
        if atlas is None or len(atlas.share) < 2:
            scatter.set_points((), x_name="", y_name="")
            few = [] if atlas is None else ["three emotions or more are needed for a plane"]
            self._note("plane", few)
            return
        x, y = self._axes if max(self._axes) < len(atlas.share) else (0, 1)
        points = [
            Point(one_line(row.label), place[x], place[y])
            for row, place in zip(atlas.rows, atlas.coordinates, strict=True)
        ]
        scatter.set_points(points, x_name=axis_name(atlas, x), y_name=axis_name(atlas, y))
        shares = ", ".join(axis_name(atlas, i) for i in range(len(atlas.share)))
        rests = f"principal components of {len(points)} unit directions, layer {atlas.layer}: "
        lines = rating_lines(atlas) or ["no ratings: v reads a CSV of valence and arousal"]
        self._note("plane", [rests + shares, *lines])

    # Showing

    def _about(self, text: str) -> None:
        self.query_one("#vectors-about", Static).update(Text(text))

    def _note(self, part: str, lines: Sequence[str]) -> None:
        self.query_one(f"#vectors-{part}-note", Static).update(Text("\n".join(lines)))

    def _show(self, view: View) -> None:
        for name in VIEWS:
            self.set_class(name == view, f"-{name}")
        self.view = view
        part = {"heat": HeatMap, "plane": Scatter, "compare": LayerChart}.get(view)
        if part is None:
            self.focus_first()
        else:
            self.query_one(part).focus()

    def _go_to(self, emotion: str) -> None:
        """Every cursor to one emotion."""
        atlas = self._atlas
        labels = [] if atlas is None else [row.label for row in atlas.rows]
        if atlas is None or emotion not in labels:
            return
        place = labels.index(emotion)
        self.query_one("#vectors-emotions", VirtualTable).move_to(place)
        self.query_one(Scatter).select(one_line(emotion))
        heat = self.query_one(HeatMap)
        heat.move_to(atlas.order.index(place), heat.cursor[1])
        self._show_lens()

    def _show_lens(self) -> None:
        """The lens of the emotion under the cursor, if it has been read."""
        if self._lens_timer is not None:
            self._lens_timer.stop()
            self._lens_timer = None
        atlas = self._atlas
        if atlas is None:
            return
        found = self._lens.get((atlas.vectors, self.emotion, atlas.layer))
        if found is not None:
            self._say_lens("\n".join(lens_lines(found)))
            return
        if self.shell.device is None:
            self._say_lens("Enter: use this emotion everywhere and read its tokens (loads a model)")
            return
        self._say_lens(f"{one_line(self.emotion)}: reading the logit lens ...")
        self._lens_timer = self.set_timer(LENS_AFTER, self._read_lens)

    def _say_lens(self, text: str) -> None:
        self.query_one("#vectors-lens", Static).update(Text(text, no_wrap=True))

    def _read_lens(self) -> None:
        atlas = self._atlas
        if atlas is None or (atlas.vectors, self.emotion, atlas.layer) in self._lens:
            return
        ask = LensAsk(atlas.vectors, self.emotion, atlas.layer, model_for(self.workspace))

        def start(tools: Tools) -> Job:
            from emotui.jobs.atlas import lens_ask_job

            return lens_ask_job(tools.home, ask, engine=tools.engine)

        self.submit(
            start, f"logit lens of {ask.label}", subject="lens", then=self._take_lens, quiet=True
        )

    def _take_lens(self, found: LensFound) -> None:
        self._lens[found.vectors, found.label, found.layer] = found
        self._show_lens()

    # Cursors

    def on_virtual_table_cursor_moved(self, message: VirtualTable.CursorMoved) -> None:
        """Another emotion under the cursor."""
        message.stop()
        if message.table.id == "vectors-emotions":
            self._go_to(self.emotion)

    def on_virtual_table_opened(self, message: VirtualTable.Opened) -> None:
        """Enter chooses a set, or an emotion, for every pane."""
        message.stop()
        if message.table.id == "vectors-sets":
            entry = self._entries[message.row]
            if entry.problem:
                self.toast(f"{entry.name} cannot be read: {entry.problem}", severity="error")
                return
            self.query_one("#vectors-emotions").focus()
            self.choose(replace(self.workspace, vectors=entry.name))
        elif self._atlas is not None:
            self.choose(replace(self.workspace, emotion=self.emotion, layer=self._atlas.layer))
            self._read_lens()

    def on_heat_map_cursor_moved(self, message: HeatMap.CursorMoved) -> None:
        """The row's emotion is the one looked at."""
        message.stop()
        if self._atlas is not None and self.app.focused is message.heat_map:
            self._go_to(self._atlas.rows[self._atlas.order[message.row]].label)

    def on_scatter_cursor_moved(self, message: Scatter.CursorMoved) -> None:
        """The point's emotion is the one looked at."""
        message.stop()
        if self.app.focused is message.scatter and self._atlas is not None:
            names = {one_line(row.label): row.label for row in self._atlas.rows}
            self._go_to(names[message.point.label])

    def on_layer_chart_layer_moved(self, message: LayerChart.LayerMoved) -> None:
        """The comparison at another layer."""
        message.stop()
        if self._compared is not None:
            self._note("compare", [comparison_line(self._compared, message.layer)])

    def on_layer_chart_layer_pinned(self, message: LayerChart.LayerPinned) -> None:
        """Enter on a layer of the comparison chooses it for every pane."""
        message.stop()
        self.choose(replace(self.workspace, layer=message.layer))

    # What keys do

    def action_layer(self, by: int) -> None:
        """One layer down or up, in every pane."""
        if self._atlas is not None:
            layers = self._atlas.layers
            at = layers.index(self._atlas.layer) + by
            if 0 <= at < len(layers):
                self.choose(replace(self.workspace, layer=layers[at]))

    def action_pick_emotion(self) -> None:
        """Choose the emotion by name."""
        if self._atlas is None:
            self.toast("choose a set first: Enter on it", severity="warning")
            return
        options = [(row.label, row.label) for row in self._atlas.rows]

        def take(label: str) -> None:
            self._go_to(label)
            self.choose(replace(self.workspace, emotion=label))

        self.ask(PickOne("Emotion", options, current=self.emotion), take)

    def action_show_list(self) -> None:
        """Sets and emotions."""
        self._show("list")

    def action_heat_map(self) -> None:
        """Cosines of all pairs."""
        self._show("heat")

    def action_plane(self) -> None:
        """The first components."""
        self._show("plane")

    def action_axes(self) -> None:
        """Other components on the plane."""
        if self._atlas is None or len(self._atlas.share) < 2:
            self.toast("this set has too few emotions for a plane")
            return
        atlas = self._atlas
        n = len(atlas.share)
        pairs = [(x, y) for x in range(n) for y in range(x + 1, n)]
        options = [(f"{x} {y}", f"{axis_name(atlas, x)} × {axis_name(atlas, y)}") for x, y in pairs]

        def take(pair: str) -> None:
            x, y = pair.split()
            self._axes = int(x), int(y)
            self._show_plane()
            self._show("plane")

        current = f"{self._axes[0]} {self._axes[1]}"
        self.ask(PickOne("Axes of the plane", options, current=current), take)

    def action_ratings(self) -> None:
        """A CSV of human ratings to correlate the components with."""

        def take(name: str) -> None:
            self._ratings = Path(name).expanduser() if name.strip() else None
            self._look()
            self._show("plane")

        self.ask(
            AskText(
                "CSV of ratings",
                value=str(self._ratings or ""),
                hint="first column: emotion; the others numbers, e.g. valence, arousal; "
                "empty: none",
                check=lambda t: (
                    "" if not t.strip() or Path(t).expanduser().is_file() else "not a file"
                ),
            ),
            take,
        )

    def action_compare(self) -> None:
        """First press: this direction; second press: compare it with this one."""
        if self._atlas is None:
            self.toast("choose a set first: Enter on it", severity="warning")
            return
        here = (self._atlas.vectors, self.emotion)
        if self._first is None or self._first == here:
            self._first = here
            self.toast(f"first: {here[0]} {here[1]}; go to another and press c")
            return
        first, self._first = self._first, None

        def start(tools: Tools) -> Job:
            from emotui.jobs.atlas import compare_job

            return compare_job(tools.home, first, here)

        self.submit(
            start, f"compare {first[1]} and {here[1]}", lane="desk", then=self._take_comparison
        )

    def _take_comparison(self, found: Comparison) -> None:
        self._compared = found
        chart = self.query_one(LayerChart)
        chart.set_frame(found.layers, y_from=-1.0, y_to=1.0)
        chart.set_series(Series("cosine", main=True))
        chart.set_series(Series("before removal", "dashed"))
        band = (-2 * found.null_sd, 2 * found.null_sd)
        chart.set_series(Series("random directions, 2 sd", flat_band=band))
        for layer, cosine, raw in zip(found.layers, found.cosine, found.cosine_raw, strict=True):
            chart.set_point("cosine", layer, cosine)
            chart.set_point("before removal", layer, raw)
        chart.set_rests_on("cosine of two directions by layer; the same texts may be behind both")
        layer = self._atlas.layer if self._atlas is not None else found.layers[-1]
        chart.move_to(layer if layer in found.layers else found.layers[-1])
        self._note("compare", [comparison_line(found, layer)])
        self._show("compare")

    def action_algebra(self) -> None:
        """A new set from this one's directions."""
        if self._atlas is None:
            self.toast("choose a set first: Enter on it", severity="warning")
            return
        source = self._atlas.vectors
        labels = [row.label for row in self._atlas.rows]
        example = f"{labels[0]} - {labels[1]}" if len(labels) > 1 else f"0.5*{labels[0]}"

        def named(expression: str, name: str) -> None:
            def start(tools: Tools) -> Job:
                from emotui.jobs.build import combine_job

                return combine_job(tools.home, expression, name=name, sources=(source,))

            def take(result: object) -> None:
                del result
                self.toast(f"saved {name}")
                self.changed_on_disk()
                self.choose(replace(self.workspace, vectors=name))

            self.submit(start, f"combine {expression}", lane="desk", then=take)

        def ask_name(expression: str) -> None:
            self.ask(
                AskText("Name of the new set", hint="letters, digits, - _ ."),
                lambda name: named(expression, name.strip()),
            )

        self.ask(
            AskText(
                f"Combine directions of {source}",
                hint=f"e.g. {example}; unit directions are added, the sum has unit norm",
                check=lambda t: "" if t.strip() else f"write e.g. {example}",
            ),
            ask_name,
        )

    def action_export(self) -> None:
        """The set for other tools, or this layer's numbers."""
        atlas = self._atlas
        if atlas is None:
            self.toast("choose a set first: Enter on it", severity="warning")
            return
        emotion = self.emotion

        def take(name: str) -> None:
            def start(tools: Tools) -> Job:
                from emotui.jobs.atlas import export_job

                return export_job(tools.home, atlas.vectors, Path(name), label=emotion, atlas=atlas)

            self.submit(
                start,
                f"export {atlas.vectors}",
                lane="desk",
                then=lambda path: self.toast(f"wrote {one_line(str(path))}"),
            )

        self.ask(
            AskText(
                "Write to",
                value=str(self.workspace.home.root / f"{atlas.vectors}.safetensors"),
                hint=".safetensors .npz: all · .gguf: this emotion · .csv: this layer's table",
            ),
            take,
        )
