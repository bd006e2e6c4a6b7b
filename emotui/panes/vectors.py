"""The Vectors pane: the saved sets, what each rests on, how its directions lie to each other.

In: the workspace's set, layer and emotion. Out: the same, when changed here; new sets by algebra.
Lists, cosines, components and comparisons come from desk jobs, the logit lens from the engine.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from emotui.actions import bindings
from emotui.events import Job
from emotui.jobs.atlas_spec import Atlas, AtlasRequest, Comparison, SetEntry
from emotui.lanes import Tools
from emotui.panes.sets_choice import list_sets
from emotui.panes.vectors_dialogs import View
from emotui.panes.vectors_near import VectorsNear
from emotui.panes.vectors_words import (
    SAME_TEXTS,
    about_lines,
    axis_name,
    chart_notes,
    comparison_line,
    set_cells,
    size,
)
from emotui.sanitize import one_line
from emotui.widgets.cells import signed
from emotui.widgets.chart_grid import Series
from emotui.widgets.heat_map import HeatMap
from emotui.widgets.layer_chart import LayerChart
from emotui.widgets.rank_list import RankList
from emotui.widgets.scatter import Point, Scatter
from emotui.widgets.table import Column, VirtualTable
from emotui.worker import JobFailed, Report

VIEWS: tuple[View, ...] = ("list", "heat", "plane", "compare")


class VectorsPane(VectorsNear):
    """Sets and emotions; heat map, plane and comparison beside them where there is room."""

    pane_id = "vectors"
    empty_hint = "no vectors yet: b builds them from a run"
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
    VectorsPane #vectors-near { height: 1fr; margin: 1 0; display: none; }
    VectorsPane .note { height: auto; max-height: 8; color: $text-muted; }
    .-low VectorsPane .note { max-height: 6; }
    .-narrow VectorsPane.-heat #vectors-left, .-narrow VectorsPane.-plane #vectors-left,
    .-narrow VectorsPane.-compare #vectors-left { display: none; }
    VectorsPane.-heat #vectors-heat, VectorsPane.-plane #vectors-plane,
    VectorsPane.-compare #vectors-compare { display: block; }
    .-medium VectorsPane #vectors-left { width: 46; }
    .-medium VectorsPane.-list #vectors-heat { display: block; }
    .-medium VectorsPane .part, .-wide VectorsPane .part { padding-left: 1; }
    .-wide VectorsPane #vectors-left { width: 58; }
    .-wide VectorsPane #vectors-heat { display: block; width: 7fr; }
    .-wide VectorsPane #vectors-plane, .-wide VectorsPane #vectors-compare { width: 5fr; }
    .-wide VectorsPane.-list #vectors-plane, .-wide VectorsPane.-heat #vectors-plane {
        display: block;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._entries: tuple[SetEntry, ...] = ()
        self._asked: AtlasRequest | None = None
        self._focus_emotions = False
        """The sets have the focus only because their emotions were not there yet."""

    def compose(self) -> ComposeResult:
        """Lists, heat map, plane, comparison."""
        with Vertical(id="vectors-left"):
            yield VirtualTable(
                [
                    Column("set"),
                    Column("kind", 10),
                    Column("n", 4, "right"),
                    Column("dataset", 14),
                ],
                empty=self.empty_hint,
                id="vectors-sets",
            )
            yield Static(id="vectors-about", markup=False)
            yield VirtualTable(
                [
                    Column("emotion"),
                    Column("n", 5, "right"),
                    Column("norm", 6, "right"),
                    Column("kept", 4, "right"),
                    Column("split-half", 10, "right"),
                ],
                empty="Enter on a set shows its emotions",
                id="vectors-emotions",
            )
            yield Static(id="vectors-lens", markup=False)
        with Vertical(id="vectors-heat", classes="part"):
            yield HeatMap()
            yield RankList(id="vectors-near")
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
        self.show_lens()

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

    @property
    def looked_at(self) -> str:
        """The emotion under the focused part's own cursor.

        Keys may come faster than the messages that carry one part's cursor to the others.
        """
        atlas, focused = self._atlas, self.app.focused
        if atlas is not None and isinstance(focused, HeatMap):
            return atlas.rows[atlas.order[focused.cursor[0]]].label
        if atlas is not None and isinstance(focused, Scatter) and focused.point is not None:
            names = {one_line(row.label): row.label for row in atlas.rows}
            return names.get(focused.point.label, self.emotion)
        return self.emotion

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
            self.look()
        elif "emotion" in changed:
            self.go_to_emotion(self.workspace.emotion)

    def _take_entries(self, entries: tuple[SetEntry, ...]) -> None:
        self._entries = entries
        names = [e.name for e in entries]
        current = self.workspace.vectors
        table = self.query_one("#vectors-sets", VirtualTable)
        at = names.index(current) if current in names else 0
        table.set_rows(len(entries), self._set_rows, cursor=at)
        table.styles.height = min(max(len(entries), 1) + 1, 8)
        usable = [e for e in entries if not e.problem]
        mine = [e for e in usable if e.dataset == self.workspace.dataset]
        if not current and usable:
            self.choose(replace(self.workspace, vectors=(mine or usable)[0].name))
        elif self._atlas is not None and current == self._atlas.vectors:
            self._about("\n".join(about_lines(self._atlas, self._entry)))

    @property
    def _entry(self) -> SetEntry | None:
        """The chosen set in the list, once it has been read."""
        return next((e for e in self._entries if e.name == self.workspace.vectors), None)

    def _set_rows(self, start: int, stop: int) -> list[list[str]]:
        return [set_cells(entry) for entry in self._entries[start:stop]]

    def look(self) -> None:
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
        if isinstance(report, JobFailed) and not self.tells_of(report):
            self._about("! " + report.message)

    def _take(self, atlas: Atlas) -> None:
        had = self.emotion or self.workspace.emotion
        self._atlas = atlas
        self._about("\n".join(about_lines(atlas, self._entry)))
        table = self.query_one("#vectors-emotions", VirtualTable)
        labels = [row.label for row in atlas.rows]
        at = labels.index(had) if had in labels else 0
        table.set_rows(len(atlas.rows), self._emotion_rows, cursor=at)
        ordered = [labels[i] for i in atlas.order]
        matrix = [[atlas.cosines[i][j] for j in atlas.order] for i in atlas.order]
        self.query_one(HeatMap).set_matrix(matrix, [one_line(label) for label in ordered])
        self._note("heat", chart_notes("heat", atlas, None))
        self.call_after_refresh(self.fit_heat)
        self.show_plane()
        self.go_to_emotion(labels[at])
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
                size(row.norm),
                f"{row.kept:.2f}".removeprefix("0"),
                "–" if row.split_half is None else signed(row.split_half),
            ]
            for row in self._atlas.rows[start:stop]
        ]

    def show_plane(self) -> None:
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
        self._note("plane", chart_notes("plane", atlas, None, (x, y)))

    # Showing

    def _about(self, text: str) -> None:
        self.query_one("#vectors-about", Static).update(Text(text))

    def _note(self, part: str, lines: Sequence[str]) -> None:
        self.query_one(f"#vectors-{part}-note", Static).update(Text("\n".join(lines)))

    def show_view(self, view: View) -> None:
        for name in VIEWS:
            self.set_class(name == view, f"-{name}")
        self.view = view
        part = {"heat": HeatMap, "plane": Scatter, "compare": LayerChart}.get(view)
        if part is None:
            self.focus_first()
        else:
            self.query_one(part).focus()
        self.call_after_refresh(self.fit_heat)

    def go_to_emotion(self, emotion: str) -> None:
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
        self.show_near()
        self.show_lens()

    # Cursors

    def on_virtual_table_cursor_moved(self, message: VirtualTable.CursorMoved) -> None:
        """Another emotion under the cursor."""
        message.stop()
        if message.table.id == "vectors-emotions" and message.row == message.table.cursor:
            self.go_to_emotion(self.emotion)

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
            self.read_lens()

    def on_heat_map_cursor_moved(self, message: HeatMap.CursorMoved) -> None:
        """The row's emotion is the one looked at; both are the pair of a claim."""
        message.stop()
        atlas = self._atlas
        if atlas is None or (message.row, message.column) != message.heat_map.cursor:
            return
        row, column = (atlas.rows[atlas.order[i]].label for i in (message.row, message.column))
        pair = (row, column) if row != column else ("", "")
        if pair != self.workspace.pair:
            self.choose(replace(self.workspace, pair=pair))
        if self.app.focused is message.heat_map:
            self.go_to_emotion(row)

    def on_scatter_cursor_moved(self, message: Scatter.CursorMoved) -> None:
        """The point's emotion is the one looked at."""
        message.stop()
        if message.point != message.scatter.point:
            return  # it has moved on; answering both would send the cursors back and forth for ever
        if self.app.focused is message.scatter and self._atlas is not None:
            names = {one_line(row.label): row.label for row in self._atlas.rows}
            self.go_to_emotion(names[message.point.label])

    def on_layer_chart_layer_moved(self, message: LayerChart.LayerMoved) -> None:
        """The comparison at another layer."""
        message.stop()
        if self._compared is not None:
            self._note("compare", [comparison_line(self._compared, message.layer), SAME_TEXTS])

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

    def action_show_list(self) -> None:
        """Sets and emotions."""
        self.show_view("list")

    def action_heat_map(self) -> None:
        """Cosines of all pairs."""
        self.show_view("heat")

    def action_plane(self) -> None:
        """The first components."""
        self.show_view("plane")

    def show_comparison(self, found: Comparison) -> None:
        """Cosines by layer as a chart, beside chance."""
        self._compared = found
        chart = self.query_one(LayerChart)
        chart.set_frame(found.layers, y_from=-1.0, y_to=1.0)
        chart.set_series(Series("cosine", main=True))
        chart.set_series(Series("before removal", "dashed"))
        band = (-2 * found.null_sd, 2 * found.null_sd)
        chart.set_series(Series("random, 2 sd", flat_band=band))
        for layer, cosine, raw in zip(found.layers, found.cosine, found.cosine_raw, strict=True):
            chart.set_point("cosine", layer, cosine)
            chart.set_point("before removal", layer, raw)
        layer = self._atlas.layer if self._atlas is not None else found.layers[-1]
        chart.move_to(layer if layer in found.layers else found.layers[-1])
        self._note("compare", [comparison_line(found, layer), SAME_TEXTS])
        self.show_view("compare")
