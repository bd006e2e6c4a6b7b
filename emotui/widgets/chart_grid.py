"""Curves over layers as a grid of terminal cells: braille lines, interval bands, flat baselines.

In: series of points and the size of the plot in cells. Out: one (character, role, banded) per
cell and the labels' rows. Knows no colours, no keys and no widget.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from emotui.widgets.braille import SOLID, Canvas, pattern

DASHES: dict[str, tuple[bool, ...]] = {
    "solid": SOLID,
    "dashed": pattern(5, 3),
    "dotted": pattern(1, 3),
    "dash-dot": pattern(6, 2, 1, 2),
    "fine": pattern(2, 2),
}
BAND, FLAT_BAND, LONE = "░", "▒", "•"


@dataclass
class Series:
    """One curve, filled in as its points come."""

    name: str
    dash: str = "solid"
    main: bool = False
    """The curve the chart is about: drawn over the others."""
    points: dict[int, float] = field(default_factory=dict)
    """Layer to value; a missing or NaN layer is a gap."""
    low: dict[int, float] = field(default_factory=dict)
    high: dict[int, float] = field(default_factory=dict)
    flat: float | None = None
    """A baseline without layers."""
    flat_band: tuple[float, float] | None = None
    """Its interval, drawn over the whole width."""
    color: str = ""
    """#rrggbb of a control; "" = the widget's own. Dashes tell it apart where there are none."""
    is_band: bool = False
    """A band and no curve: `low` and `high` are all there is, e.g. of shuffled labels."""

    @property
    def ends(self) -> tuple[float, float] | None:
        """Of a band without a curve: at the last layer."""
        if self.flat_band is not None or not self.is_band or not self.low:
            return self.flat_band
        last = max(self.low)
        return self.low[last], self.high[last]

    @property
    def last(self) -> float | None:
        """The value its label stands at: the last layer's, the baseline's, or the band's middle."""
        if self.flat is not None:
            return self.flat
        if self.ends is not None:
            return sum(self.ends) / 2
        kept = [layer for layer, value in self.points.items() if math.isfinite(value)]
        return self.points[max(kept)] if kept else None


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the plot."""

    text: str = " "
    role: str = ""
    """"main", "control", "band", "flat band" or "" for an empty cell."""
    banded: bool = False
    """Inside the interval of a curve."""
    color: str = ""
    """#rrggbb of its curve; "" = by the role."""


@dataclass(frozen=True)
class Plot:
    """Where values and layers stand in a plot of a given size."""

    layers: tuple[int, ...]
    y_from: float
    y_to: float
    width: int
    height: int

    def x(self, layer: int) -> int:
        """Dot column of a layer."""
        first, last = self.layers[0], self.layers[-1]
        if first == last:
            return self.width
        return round((layer - first) / (last - first) * (2 * self.width - 1))

    def column(self, layer: int) -> int:
        """Cell column of a layer."""
        return min(self.x(layer) // 2, self.width - 1)

    def y(self, value: float) -> int:
        """Dot row of a value, kept inside the plot."""
        share = (self.y_to - value) / ((self.y_to - self.y_from) or 1.0)
        return max(0, min(4 * self.height - 1, round(share * (4 * self.height - 1))))

    def row(self, value: float) -> int:
        """Cell row of a value."""
        return self.y(value) // 4

    def draw(self, series: Sequence[Series]) -> list[list[Cell]]:
        """All cells, row by row; the main curve last, so that it is on top."""
        grid = [[Cell()] * self.width for _ in range(self.height)]
        if not self.layers or self.width <= 0 or self.height <= 0:
            return grid
        for one in series:
            if one.flat_band is not None:
                low, high = one.flat_band
                for row in range(self.row(high), self.row(low) + 1):
                    grid[row] = [Cell(FLAT_BAND, "flat band")] * self.width
        for one in sorted(series, key=lambda s: (not s.is_band, s.main)):
            self._shade(grid, one)
        for one in sorted(series, key=lambda s: s.main):
            self._curve(grid, one)
        return grid

    def _shade(self, grid: list[list[Cell]], one: Series) -> None:
        """The interval band, interpolated between neighbouring layers."""
        known = [
            layer
            for layer in self.layers
            if math.isfinite(one.low.get(layer, math.nan) + one.high.get(layer, math.nan))
        ]
        spans: dict[int, tuple[int, int]] = {}
        for i, layer in enumerate(known):
            after = known[i + 1] if i + 1 < len(known) else layer
            if self._gap(layer, after):
                after = layer
            x0, x1 = self.x(layer), self.x(after)
            for x in range(x0, x1 + 1):
                share = (x - x0) / (x1 - x0) if x1 > x0 else 0.0
                top = self.y(one.high[layer] + share * (one.high[after] - one.high[layer]))
                bottom = self.y(one.low[layer] + share * (one.low[after] - one.low[layer]))
                column = min(x // 2, self.width - 1)
                old = spans.get(column, (top, bottom))
                spans[column] = min(old[0], top), max(old[1], bottom)
        for column, (top, bottom) in spans.items():
            for row in range(top // 4, bottom // 4 + 1):
                covered = min(bottom, row * 4 + 3) - max(top, row * 4) + 1
                if covered < 2 and top // 4 != bottom // 4:
                    continue
                if one.is_band:
                    grid[row][column] = Cell(FLAT_BAND, "flat band")
                elif one.main or not grid[row][column].banded:
                    grid[row][column] = Cell(BAND, "band", banded=True)

    def _gap(self, layer: int, after: int) -> bool:
        """Whether a layer of the chart lies between two known ones."""
        return self.layers.index(after) - self.layers.index(layer) > 1

    def _curve(self, grid: list[list[Cell]], one: Series) -> None:
        canvas, dash = Canvas(self.width, self.height), DASHES[one.dash]
        lone: list[tuple[int, int]] = []
        if one.flat is not None:
            y = self.y(one.flat)
            canvas.line(0, y, 2 * self.width - 1, y, dash)
        known = [n for n in self.layers if math.isfinite(one.points.get(n, math.nan))]
        for i, layer in enumerate(known):
            joined = False
            for other in known[max(i - 1, 0) : i] + known[i + 1 : i + 2]:
                joined |= not self._gap(min(layer, other), max(layer, other))
            x, y = self.x(layer), self.y(one.points[layer])
            if not joined:
                lone.append((self.column(layer), y // 4))
            elif i + 1 < len(known) and not self._gap(layer, known[i + 1]):
                after = known[i + 1]
                canvas.line(x, y, self.x(after), self.y(one.points[after]), dash)
        role = "main" if one.main else "control"
        for row in range(self.height):
            for column in range(self.width):
                if text := canvas.at(column, row):
                    grid[row][column] = Cell(text, role, grid[row][column].banded, one.color)
        for column, row in lone:
            grid[row][column] = Cell(LONE, role, grid[row][column].banded, one.color)


def label_rows(wanted: Sequence[int], height: int) -> list[int | None]:
    """A row for each label near the wanted one, never two on one; None where none is left."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    kept, left = order[:height], order[height:]
    rows: dict[int, int | None] = dict.fromkeys(left)
    free = 0
    for place, i in enumerate(kept):
        latest = height - (len(kept) - place)
        rows[i] = min(max(wanted[i], free), latest)
        free = (rows[i] or 0) + 1
    return [rows[i] for i in range(len(wanted))]
