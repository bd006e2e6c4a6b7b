"""Points on a plane with their labels, e.g. emotion vectors on two principal components.

In: points, names of the axes. Out: the point under the cursor. Where labels do not fit they are
left out, never the points; the point under the cursor always has its label.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from emotui.actions import bindings
from emotui.widgets.braille import Canvas
from emotui.widgets.cells import drawn, fit, signed
from emotui.widgets.look import Look, look_of

MANY = 60
"""With more points than this each is a braille dot, else a bullet."""


@dataclass(frozen=True)
class Point:
    """One point."""

    label: str
    x: float
    y: float


class Scatter(Widget, can_focus=True):
    """Left and Right go through the points in the order of their first axis."""

    BINDINGS = bindings("scatter")
    ALLOW_SELECT = False
    DEFAULT_CSS = "Scatter { height: 1fr; width: 1fr; }"

    @dataclass
    class CursorMoved(Message):
        """Another point is under the cursor."""

        scatter: "Scatter"
        index: int
        point: Point

        @property
        def control(self) -> "Scatter":
            """The plot it came from."""
            return self.scatter

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._points: tuple[Point, ...] = ()
        self._order: list[int] = []
        self._axes = ("", "")
        self._cursor = 0
        self._rows: list[Strip] | None = None

    def set_points(self, points: Sequence[Point], *, x_name: str, y_name: str) -> None:
        """Show other points; those that are not finite are left out."""
        self._points = tuple(p for p in points if math.isfinite(p.x + p.y))
        self._order = sorted(range(len(self._points)), key=lambda i: self._points[i].x)
        self._axes = (x_name, y_name)
        self._cursor = self._order[0] if self._order else 0
        self._rows = None
        self.refresh()
        self._tell()

    @property
    def point(self) -> Point | None:
        """The point under the cursor."""
        return self._points[self._cursor] if self._points else None

    def select(self, label: str) -> None:
        """Put the cursor on the point of this label, if there is one."""
        for index, point in enumerate(self._points):
            if point.label == label and index != self._cursor:
                self._go(index)
                return

    def _go(self, index: int) -> None:
        self._cursor, self._rows = index, None
        self.refresh()
        self._tell()

    def _tell(self) -> None:
        if self.point is not None:
            self.post_message(self.CursorMoved(self, self._cursor, self.point))

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One row of the picture."""
        if self._rows is None:
            self._rows = self._draw()
        if y < len(self._rows):
            return self._rows[y]
        return Strip.blank(self.size.width, self.rich_style)

    def _draw(self) -> list[Strip]:
        width, height = self.size.width, self.size.height - 1
        look = look_of(self)
        if not self._points or width < 8 or height < 3:
            note = "too small for a plot" if self._points else "no points yet"
            return [Strip([Segment(fit(note, width), look.dim)])]
        place = _Plane(self._points, width, height)
        text = [[" "] * width for _ in range(height)]
        styles: list[list[Style]] = [[look.base] * width for _ in range(height)]
        self._draw_axes(place, text, styles, look)
        self._draw_points(place, text, styles, look)
        rows = [_strip(line, style) for line, style in zip(text, styles, strict=True)]
        x_name, y_name = self._axes
        point = self._points[self._cursor]
        last = f"{point.label}  {signed(point.x)} {signed(point.y)}   → {x_name}   ↑ {y_name}"
        rows.append(Strip([Segment(fit(last, width), look.strong)]))
        return rows

    def _draw_axes(
        self, place: "_Plane", text: list[list[str]], styles: list[list[Style]], look: Look
    ) -> None:
        zero_column, zero_row = place.cell(0.0, 0.0)
        for column in range(place.width):
            text[zero_row][column], styles[zero_row][column] = "┈", look.dim
        for row in range(place.height):
            text[row][zero_column], styles[row][zero_column] = "┊", look.dim

    def _draw_points(
        self, place: "_Plane", text: list[list[str]], styles: list[list[Style]], look: Look
    ) -> None:
        taken = {place.cell(p.x, p.y) for p in self._points}
        if len(self._points) > MANY:
            canvas = Canvas(place.width, place.height)
            for point in self._points:
                canvas.dot(*place.dot(point.x, point.y))
            for column, row in taken:
                text[row][column] = canvas.at(column, row) or "•"
                styles[row][column] = look.base
        else:
            for column, row in taken:
                text[row][column], styles[row][column] = "•", look.base
        order = [self._cursor, *(i for i in self._order if i != self._cursor)]
        used = set(taken)
        for index in order:
            here = index == self._cursor
            point = self._points[index]
            column, row = place.cell(point.x, point.y)
            style = look.base + look.cursor if here else look.base
            if here:
                text[row][column], styles[row][column] = "◉", look.strong
            self._label(point.label, column, row, used, text, styles, style, must=here)

    def _label(
        self,
        label: str,
        column: int,
        row: int,
        used: set[tuple[int, int]],
        text: list[list[str]],
        styles: list[list[Style]],
        style: Style,
        *,
        must: bool,
    ) -> None:
        """Right of the point, else left, above, below; left out if none is free, unless it must."""
        shown, wide = drawn(label)
        width, height = len(text[0]), len(text)
        spots = [(column + 1, row), (column - wide, row)]
        spots += [(column - back, row + by) for by in (-1, 1) for back in (0, wide - 1, wide // 2)]
        fitting = [(x, y) for x, y in spots if x >= 0 and x + wide <= width and 0 <= y < height]
        free = [
            (x, y)
            for x, y in fitting
            if not any(
                (x + i, y) in used for i in range(-1, wide + 1) if (x + i, y) != (column, row)
            )
        ]
        chosen = free[0] if free else fitting[0] if must and fitting else None
        if chosen is None:
            return
        x, y = chosen
        at = x
        for glyph in shown:
            cells = cell_len(glyph)
            if cells == 0:
                text[y][at - 1] += glyph
                continue
            text[y][at], styles[y][at] = glyph, style
            for extra in range(1, cells):
                text[y][at + extra], styles[y][at + extra] = "", style
            at += cells
        used.update((x + i, y) for i in range(wide))

    def on_resize(self, event: events.Resize) -> None:
        """Another size: another picture."""
        del event
        self._rows = None

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._rows = None

    # What keys do

    def action_next_point(self) -> None:
        """The next point to the right."""
        self._walk(1)

    def action_previous_point(self) -> None:
        """The next point to the left."""
        self._walk(-1)

    def _walk(self, by: int) -> None:
        if self._order:
            at = (self._order.index(self._cursor) + by) % len(self._order)
            self._go(self._order[at])


class _Plane:
    """Where a pair of numbers stands in the picture; zero is always in it."""

    def __init__(self, points: Sequence[Point], width: int, height: int) -> None:
        self.width, self.height = width, height
        xs, ys = [0.0, *(p.x for p in points)], [0.0, *(p.y for p in points)]
        self._x = min(xs), (max(xs) - min(xs)) or 1.0
        self._y = max(ys), (max(ys) - min(ys)) or 1.0

    def dot(self, x: float, y: float) -> tuple[int, int]:
        """Braille dot of a point; a margin of one cell is kept."""
        across = (x - self._x[0]) / self._x[1] * (2 * self.width - 5) + 2
        down = (self._y[0] - y) / self._y[1] * (4 * self.height - 1)
        return round(across), round(down)

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """Column and row of a point."""
        across, down = self.dot(x, y)
        return across // 2, down // 4


def _strip(text: Sequence[str], styles: Sequence[Style]) -> Strip:
    out: list[tuple[str, Style]] = []
    for glyph, style in zip(text, styles, strict=True):
        if out and out[-1][1] == style:
            out[-1] = out[-1][0] + glyph, style
        else:
            out.append((glyph, style))
    return Strip([Segment(t, s) for t, s in out], len(text))
