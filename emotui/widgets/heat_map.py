"""A matrix of signed numbers as coloured cells with the number's tenths written in them.

In: a matrix, its labels and the end of the scale. Out: the pair under the cursor. Labels stay in
place while the cells scroll. Readable without colour: every cell says sign and tenths.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from emotui.actions import bindings
from emotui.colors import bin_of
from emotui.sanitize import one_line, shorten
from emotui.widgets.cells import fit, signed
from emotui.widgets.look import Look, look_of

CELLS = (3, 2)
"""Columns of one cell: the first if all cells of the map fit so, else the narrower one."""
HEAD = 1
LABEL_MOST = 18


class HeatMap(Widget, can_focus=True):
    """Arrows move; the last line says what the cell under the cursor is."""

    BINDINGS = bindings("heat-map")
    ALLOW_SELECT = False
    DEFAULT_CSS = "HeatMap { height: 1fr; width: 1fr; }"

    @dataclass
    class CursorMoved(Message):
        """Another cell is under the cursor."""

        heat_map: "HeatMap"
        row: int
        column: int
        value: float

        @property
        def control(self) -> "HeatMap":
            """The map it came from."""
            return self.heat_map

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._labels: tuple[str, ...] = ()
        self._values: Sequence[Sequence[float]] = ()
        self._scale = 1.0
        self._what = "cosine"
        self._cursor = (0, 0)
        self._first = (0, 0)
        """The row and column at the top left."""
        self._kept_for: Size | None = None
        self._look: Look | None = None

    def set_matrix(
        self,
        values: Sequence[Sequence[float]],
        labels: Sequence[str],
        *,
        scale: float = 1.0,
        what: str = "cosine",
    ) -> None:
        """Show a square matrix, in the order given. ValueError where labels and rows differ."""
        if len(values) != len(labels) or any(len(row) != len(labels) for row in values):
            raise ValueError(
                f"{len(labels)} labels for a matrix of {len(values)} rows; give one each"
            )
        self._values, self._labels = values, tuple(labels)
        self._scale, self._what = scale, what
        self._cursor = self._first = (0, 0)
        self.refresh()
        self._tell()

    @property
    def rows_needed(self) -> int:
        """Rows of the screen for all of it; 0 without a matrix."""
        return len(self._labels) + HEAD + 1 if self._labels else 0

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column under the cursor."""
        return self._cursor

    def move_to(self, row: int, column: int) -> None:
        """Put the cursor on a cell and scroll it into view."""
        last = len(self._labels) - 1
        cell = max(0, min(row, last)), max(0, min(column, last))
        if last < 0 or cell == self._cursor:
            return
        self._cursor = cell
        self._keep_visible()
        self.refresh()
        self._tell()

    def _tell(self) -> None:
        if self._labels:
            row, column = self._cursor
            value = float(self._values[row][column])
            self.post_message(self.CursorMoved(self, row, column, value))

    # Drawing

    @property
    def _wide(self) -> int:
        """Columns of the labels, with their number."""
        longest = max((len(label) for label in self._labels), default=0)
        most = min(LABEL_MOST, max(self.size.width // 3, 6))
        return min(longest + 5, most)

    @property
    def _cell_wide(self) -> int:
        room = self.size.width - self._wide
        return next((wide for wide in CELLS if wide * len(self._labels) <= room), CELLS[-1])

    def _visible(self) -> tuple[int, int]:
        """How many columns and rows of cells fit."""
        room = self.size.width - self._wide
        return max(room // self._cell_wide, 1), max(self.size.height - HEAD - 1, 1)

    def _keep_visible(self) -> None:
        if not self.size:
            self._kept_for = None
            return
        columns, rows = self._visible()
        (row, column), (first_row, first_column) = self._cursor, self._first
        n = len(self._labels)
        # No blank lines at the end: what was scrolled away comes back once there is room for it.
        first_row = min(first_row, max(n - rows, 0))
        first_column = min(first_column, max(n - columns, 0))
        self._first = (
            min(max(first_row, row - rows + 1), row),
            min(max(first_column, column - columns + 1), column),
        )

    def render_line(self, y: int) -> Strip:
        """Column numbers, then rows, then the line about the cell under the cursor."""
        if self._look is None:
            self._look = look_of(self)
        look, width = self._look, self.size.width
        if self._kept_for != self.size:
            # What was scrolled to while the map was hidden and had no size means nothing now.
            self._kept_for, self._first = self.size, (0, 0)
            self._keep_visible()
        if not self._labels:
            return Strip([Segment(fit("no vectors yet" if y == 0 else "", width), look.dim)])
        columns, rows = self._visible()
        first_row, first_column = self._first
        shown = range(first_column, min(first_column + columns, len(self._labels)))
        row = first_row + y - HEAD
        if y == min(self.size.height - 1, len(self._labels) - first_row + HEAD):
            segments = [Segment(fit(self._under_cursor(), width), look.strong)]
        elif y == 0:
            segments = [Segment(" " * self._wide, look.dim)]
            segments += [self._column_number(column, look) for column in shown]
        elif 0 <= y - HEAD < rows and row < len(self._labels):
            segments = [self._row_label(row, look)]
            segments += [self._cell(row, column, look) for column in shown]
        else:
            segments = []
        return Strip(segments).adjust_cell_length(width, look.base)

    def _column_number(self, column: int, look: Look) -> Segment:
        """Two digits fill a narrow cell, so there only every other column has its number."""
        wide, at = self._cell_wide, self._cursor[1]
        if column == at:
            return Segment(fit(str(column + 1), wide, align="right"), look.strong)
        alone = wide > 2 or (column % 2 and abs(column - at) != 1)
        return Segment(fit(str(column + 1) if alone else "", wide, align="right"), look.dim)

    def _row_label(self, row: int, look: Look) -> Segment:
        number = str(row + 1).rjust(len(str(len(self._labels))))
        style = look.strong if row == self._cursor[0] else look.base
        return Segment(fit(f"{number} {self._labels[row]}", self._wide - 1) + " ", style)

    def _cell(self, row: int, column: int, look: Look) -> Segment:
        value = float(self._values[row][column])
        style: Style = look.bin(bin_of(value, self._scale))
        if (row, column) == self._cursor:
            style = look.base + look.cursor
        return Segment(fit(tenths(value), self._cell_wide, align="right"), style)

    def _under_cursor(self) -> str:
        row, column = self._cursor
        value = f"{self._what} {signed(float(self._values[row][column]))}"
        # Names are cut before the number is.
        used = cell_len(f"{row + 1}  × {column + 1}   {value}")
        room = max(((self.size.width or 80) - used) // 2, 8)
        one, other = (shorten(one_line(self._labels[i]), room) for i in (row, column))
        return f"{row + 1} {one} × {column + 1} {other}  {value}"

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._look = None

    # What keys do

    def action_cursor_left(self) -> None:
        """One column left."""
        self.move_to(self._cursor[0], self._cursor[1] - 1)

    def action_cursor_right(self) -> None:
        """One column right."""
        self.move_to(self._cursor[0], self._cursor[1] + 1)

    def action_cursor_up(self) -> None:
        """One row up."""
        self.move_to(self._cursor[0] - 1, self._cursor[1])

    def action_cursor_down(self) -> None:
        """One row down."""
        self.move_to(self._cursor[0] + 1, self._cursor[1])


def tenths(value: float) -> str:
    """Sign and tenths of a number: +.83 is `+8`, 1 is `+X`, beyond is `+>`, NaN is `–`."""
    if value != value:
        return "–"
    tens = round(abs(value) * 10)
    if tens == 0:
        return "·"
    digit = str(tens) if tens < 10 else "X" if tens == 10 else ">"
    return ("−" if value < 0 else "+") + digit
