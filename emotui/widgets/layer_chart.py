"""A chart of curves over layers, drawn in cells, filled in while layers are scored.

In: series (the probe, its controls) and their points as they come. Out: `LayerMoved` and
`LayerPinned`. Draws an interval band, dash patterns that tell curves apart without colour, labels
at the right, and a last line that says what the chart rests on. Computes no statistic.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from emotui.actions import bindings
from emotui.charts import nice_ticks
from emotui.widgets.braille import sample
from emotui.widgets.cells import fit
from emotui.widgets.chart_grid import BAND, DASHES, FLAT_BAND, Cell, Plot, Series, label_rows
from emotui.widgets.look import has_colors

AXIS = 6
"""Columns of the y axis and its labels."""
SAMPLE = 5
"""Cells of a dash in a label: enough for each pattern to show."""
LABELS_FROM = 64
"""At this width and more the labels stand at the right, else under the chart."""


class LayerChart(Widget, can_focus=True):
    """[ and ] move the layer, Enter pins it."""

    BINDINGS = bindings("layer-chart")
    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "layer-chart--main",
        "layer-chart--control",
        "layer-chart--axis",
        "layer-chart--band",
        "layer-chart--cursor",
        "layer-chart--chance",
    }
    DEFAULT_CSS = """
    LayerChart { height: 1fr; width: 1fr; }
    LayerChart > .layer-chart--main { color: $accent; text-style: bold; }
    LayerChart > .layer-chart--control { color: $foreground 80%; }
    LayerChart > .layer-chart--axis { color: $foreground 60%; }
    LayerChart > .layer-chart--band { color: $foreground 50%; background: $foreground 20%; }
    LayerChart > .layer-chart--chance { color: $foreground 35%; }
    LayerChart > .layer-chart--cursor { color: $primary; }
    """

    @dataclass
    class LayerMoved(Message):
        """The cursor stands on another layer."""

        chart: "LayerChart"
        layer: int

        @property
        def control(self) -> "LayerChart":
            """The chart it came from."""
            return self.chart

    class LayerPinned(LayerMoved):
        """The user chose this layer for the other panes."""

    def __init__(
        self,
        layers: Sequence[int] = (),
        *,
        y_from: float = 0.0,
        y_to: float = 1.0,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._layers = tuple(sorted(layers))
        self._range = (y_from, y_to)
        self._series: dict[str, Series] = {}
        self._hidden: set[str] = set()
        self._rests_on = ""
        self._band_name = ""
        self._cursor: int | None = self._layers[0] if self._layers else None
        self._grid: tuple[Plot, list[list[Cell]]] | None = None
        self._rows: list[Strip] | None = None

    # What others set

    def set_frame(self, layers: Sequence[int], *, y_from: float, y_to: float) -> None:
        """Other axes; the curves are dropped. ValueError for an empty range."""
        if not y_to > y_from:
            raise ValueError(f"y axis from {y_from} to {y_to}; the end must be above the start")
        self._layers, self._range = tuple(sorted(layers)), (y_from, y_to)
        self._series.clear()
        if self._cursor not in self._layers:
            self._cursor = self._layers[0] if self._layers else None
        self._changed()

    def set_series(self, series: Series) -> None:
        """Add a curve or replace the one of the same name; KeyError for an unknown dash."""
        if series.dash not in DASHES:
            raise KeyError(f"dash {series.dash!r}; one of {', '.join(DASHES)}")
        self._series[series.name] = series
        self._changed()

    def set_point(
        self,
        name: str,
        layer: int,
        value: float,
        *,
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        """One more point of a curve that was set before, with its interval if it has one."""
        series = self._series[name]
        series.points[layer] = value
        if low is not None and high is not None:
            series.low[layer], series.high[layer] = low, high
        self._changed()

    def show_only(self, names: Sequence[str] | None) -> None:
        """Hide every curve but these; None shows all."""
        self._hidden = set() if names is None else set(self._series) - set(names)
        self._changed()

    def set_band_name(self, text: str) -> None:
        """What the band around a curve is, for the legend; "" leaves it out."""
        self._band_name = text
        self._changed()

    def set_rests_on(self, text: str) -> None:
        """The last line: n, grouping, interval, what is not controlled."""
        self._rests_on = text
        self._changed()

    @property
    def cursor_layer(self) -> int | None:
        """The layer under the cursor."""
        return self._cursor

    def move_to(self, layer: int) -> None:
        """Put the cursor on a layer of the chart."""
        if layer in self._layers and layer != self._cursor:
            self._cursor = layer
            self._rows = None
            self.refresh()
            self.post_message(self.LayerMoved(self, layer))

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One row, from the picture drawn at the last change."""
        if self._rows is None:
            self._rows = self._draw()
        return self._rows[y] if y < len(self._rows) else Strip.blank(self.size.width, self._base)

    @property
    def _base(self) -> Style:
        return self.rich_style

    @property
    def _shown(self) -> list[Series]:
        return [s for s in self._series.values() if s.name not in self._hidden]

    def _changed(self) -> None:
        self._grid = self._rows = None
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """Another size: another picture."""
        del event
        self._changed()

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._rows = None

    def _legend(self, width: int) -> list[str]:
        """Labels of the curves as rows under a chart too narrow for them at the right."""
        rows: list[str] = []
        for item in [*(self._label(series) for series in self._shown), *self._band_legend]:
            if rows and cell_len(rows[-1]) + 2 + cell_len(item) <= width:
                rows[-1] += "  " + item
            else:
                rows.append(item)
        return rows

    @property
    def _band_legend(self) -> list[str]:
        banded = any(series.low and not series.is_band for series in self._shown)
        return [f"{BAND * SAMPLE} {self._band_name}"] if banded and self._band_name else []

    def _label(self, series: Series) -> str:
        value = series.last
        if series.ends is not None:
            low, high = series.ends
            return f"{FLAT_BAND * SAMPLE} {series.name} {_number(low)}–{_number(high)}"
        mark = sample(DASHES[series.dash], SAMPLE)
        return f"{mark} {series.name}" + ("" if value is None else f" {_number(value, places=3)}")

    def _draw(self) -> list[Strip]:
        width, height = self.size
        names = [*(self._label(series) for series in self._shown), *self._band_legend]
        beside = 0
        under: list[str] = []
        if width >= LABELS_FROM and names:
            beside = min(max(cell_len(name) for name in names) + 2, max(width // 3, 30))
        else:
            under = self._legend(width)[: max(0, height - 6)]
        below = 1 + len(under) + bool(self._rests_on)
        plot_width, plot_height = width - AXIS - beside, height - below
        if plot_width < 4 or plot_height < 2 or not self._layers:
            note = "no layers yet" if not self._layers else "too small for a chart"
            return [Strip([Segment(fit(note, width), self._base)], width)]
        if self._grid is None:
            plot = Plot(self._layers, *self._range, plot_width, plot_height)
            self._grid = plot, plot.draw(self._shown)
        plot, grid = self._grid
        labels = self._beside(plot, beside) if beside else {}
        axis = self._style("axis")
        rows = [
            Strip(
                [
                    Segment(self._tick(plot, row), axis),
                    *self._cells(plot, cells),
                    *([Segment(*labels.get(row, (" " * beside, self._base)))] if beside else []),
                ]
            )
            for row, cells in enumerate(grid)
        ]
        rows.append(self._x_axis(plot, width))
        rows += [Strip([Segment(fit(text, width), self._style("control"))]) for text in under]
        if self._rests_on:
            rows.append(Strip([Segment(fit(self._rests_on, width), axis)]))
        return rows

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"layer-chart--{part}")

    def _cells(self, plot: Plot, cells: Sequence[Cell]) -> list[Segment]:
        """Cells of one row; neighbours of equal style in one segment."""
        parts = ("main", "control", "band", "cursor", "chance")
        styles = {name: self._style(name) for name in parts}
        tinted = has_colors(self)
        tint = Style(bgcolor=styles["band"].bgcolor)
        at = -1 if self._cursor is None else plot.column(self._cursor)
        out: list[tuple[str, Style]] = []
        for column, cell in enumerate(cells):
            text, style = cell.text, styles.get(cell.role, self._base)
            if cell.role == "band" and tinted:
                text = " "
            elif cell.role == "flat band":
                style = styles["chance"]
            elif cell.role in ("main", "control"):
                style = self._own(style, cell.color) + (tint if cell.banded else Style())
            if column == at and cell.role not in ("main", "control"):
                text, style = "│", styles["cursor"] + (tint if cell.banded else Style())
            if out and out[-1][1] == style:
                out[-1] = out[-1][0] + text, style
            else:
                out.append((text, style))
        return [Segment(text, style) for text, style in out]

    def _tick(self, plot: Plot, row: int) -> str:
        ticks = nice_ticks(*self._range, count=max(2, plot.height // 3))
        here = [tick for tick in ticks if plot.row(tick) == row]
        if not here:
            return " " * (AXIS - 1) + "│"
        return fit(_number(here[0]), AXIS - 2, align="right") + " ┤"

    def _beside(self, plot: Plot, width: int) -> dict[int, tuple[str, Style]]:
        shown = [series for series in self._shown if series.last is not None]
        rows = label_rows([plot.row(series.last or 0.0) for series in shown], plot.height)
        out = {
            row: (
                fit("  " + self._label(series), width),
                self._own(self._style("main" if series.main else "control"), series.color),
            )
            for row, series in zip(rows, shown, strict=True)
            if row is not None
        }
        free = (row for row in range(plot.height) if row not in out)
        for text, row in zip(self._band_legend, free, strict=False):
            out[row] = fit("  " + text, width), self._style("axis")
        return out

    def _own(self, style: Style, color: str) -> Style:
        """A curve's own colour, where the terminal has colours."""
        return style + Style(color=color) if color and has_colors(self) else style

    def _x_axis(self, plot: Plot, width: int) -> Strip:
        """Layer numbers, thinned to fit, and the cursor's own number under its column."""
        wide = len(str(self._layers[-1]))
        line = [" "] * width
        taken = -1
        for layer in self._layers:
            start = AXIS + plot.column(layer) - (wide - 1) // 2
            if start > taken and start + len(str(layer)) <= width:
                line[start : start + len(str(layer))] = str(layer)
                taken = start + wide + 2
        segments = [Segment("".join(line), self._style("axis"))]
        if self._cursor is not None:
            mark = f"▲{self._cursor}"
            start = min(AXIS + plot.column(self._cursor), width - len(mark))
            left, right = start - 1, start + len(mark)
            if right < width and line[right] == " ":
                right += 1  # a number right after the mark would read as one with it
            while left >= 0 and line[left] != " ":
                line[left], left = " ", left - 1
            while right < width and line[right] != " ":
                line[right], right = " ", right + 1
            segments = [
                Segment("".join(line[:start]), self._style("axis")),
                Segment(mark, self._style("cursor") + Style(bold=True)),
                Segment("".join(line[start + len(mark) :]), self._style("axis")),
            ]
        return Strip(segments)

    # What keys do

    def action_cursor_left(self) -> None:
        """One layer down."""
        self._step(-1)

    def action_cursor_right(self) -> None:
        """One layer up."""
        self._step(1)

    def _step(self, by: int) -> None:
        if self._cursor is not None:
            at = self._layers.index(self._cursor) + by
            self.move_to(self._layers[max(0, min(at, len(self._layers) - 1))])

    def action_pin(self) -> None:
        """Use the layer under the cursor everywhere."""
        if self._cursor is not None:
            self.post_message(self.LayerPinned(self, self._cursor))


def _number(value: float, *, places: int = 2) -> str:
    text = f"{value:.{places}f}"
    return text[1:] if text.startswith("0.") else text.replace("-0.", "−.").replace("-", "−")
