"""A table of any length: it asks for the rows on screen only.

In: columns, a row count and a provider of rows [start, stop). Out: messages for the row under the
cursor and for Enter. Cells are text, made safe here. Keeps nothing of the rows but those it shows.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from emotui.actions import bindings
from emotui.sanitize import one_line
from emotui.widgets.cells import fit
from emotui.widgets.look import Look, look_of

Rows = Callable[[int, int], Sequence[Sequence[str]]]
"""Gives the cells of rows [start, stop), each row as long as there are columns."""
CURSOR, HIT = "▌", "•"
MARGIN = 2
"""Columns at the left for the cursor and the hit mark."""


@dataclass(frozen=True)
class Column:
    """One column."""

    title: str
    width: int | None = None
    """Cells; None takes what the others leave, shared among all such."""
    align: Literal["left", "right"] = "left"


class VirtualTable(ScrollView, can_focus=True):
    """Arrows, pages, g and G move; n and N go to hits; Enter opens."""

    BINDINGS = bindings("table")
    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"virtual-table--header", "virtual-table--cursor"}
    DEFAULT_CSS = """
    VirtualTable {
        height: 1fr; overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1;
        scrollbar-background: $background; scrollbar-background-hover: $background;
    }
    VirtualTable > .virtual-table--header { text-style: bold; color: $primary; }
    VirtualTable > .virtual-table--cursor { background: $panel; text-style: bold; }
    """

    @dataclass
    class Said(Message):
        """What every message of a table carries."""

        table: "VirtualTable"
        row: int

        @property
        def control(self) -> "VirtualTable":
            """The table it came from."""
            return self.table

    class CursorMoved(Said):
        """Another row is under the cursor."""

    class Opened(Said):
        """Enter, or a second click on the row."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        empty: str = "nothing here",
        moved: Callable[[int], None] | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """`moved` is called with the row under the cursor before the next frame is drawn.

        A message comes a frame later: what has to follow every key takes `moved`.
        """
        super().__init__(id=id, classes=classes)
        self._moved = moved
        self._columns = tuple(columns)
        self._empty = empty
        self._count = 0
        self._rows: Rows | None = None
        self._cursor = 0
        self._hits: Sequence[int] = ()
        self._cached: dict[int, Sequence[str]] = {}
        self._lines: dict[int, str] = {}
        self._lines_wide = 0
        self._look: Look | None = None

    # What others set

    def set_rows(self, count: int, rows: Rows, *, cursor: int = 0) -> None:
        """Show other rows; asks the provider for those on screen only."""
        self._count, self._rows, self._hits = count, rows, ()
        self._forget()
        self._cursor = max(0, min(cursor, count - 1))
        self.virtual_size = Size(self.scrollable_content_region.width, count + 1)
        self.scroll_to(0, 0, animate=False)
        self._keep_visible()
        self.refresh()
        if count:
            self._tell()

    def update_row(self, row: int) -> None:
        """Ask for one row again: it has changed."""
        self._cached.pop(row, None)
        self._lines.pop(row, None)
        self._refresh_row(row)

    def update_rows(self) -> None:
        """Ask for every row on screen again."""
        self._forget()
        self.refresh()

    def set_hits(self, hits: Sequence[int]) -> None:
        """Mark the rows (ascending) that a filter found; n and N go from one to the next."""
        self._hits = hits
        self.refresh()

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self._count

    @property
    def cursor(self) -> int:
        """The row under the cursor."""
        return self._cursor

    @property
    def hit_text(self) -> str:
        """`hit 3 of 120`, `120 hits`, or "" without a filter."""
        if not len(self._hits):
            return ""
        at = bisect_left(self._hits, self._cursor)
        if at < len(self._hits) and self._hits[at] == self._cursor:
            return f"hit {at + 1:,} of {len(self._hits):,}"
        return f"{len(self._hits):,} hits"

    def move_to(self, row: int) -> None:
        """Put the cursor on a row and scroll it into view."""
        row = max(0, min(row, self._count - 1))
        if not self._count or row == self._cursor:
            return
        before, self._cursor = self._cursor, row
        self._refresh_row(before)
        self._refresh_row(row)
        if len(self._hits):
            self.refresh(Region(0, 0, self.size.width, 1))
        self._keep_visible()
        self._tell()

    def _tell(self) -> None:
        if self._moved is not None:
            self._moved(self._cursor)
        self.post_message(self.CursorMoved(self, self._cursor))

    def _forget(self) -> None:
        self._cached.clear()
        self._lines.clear()

    # Drawing

    def render_line(self, y: int) -> Strip:
        """The header, then the visible rows."""
        if self._look is None:
            self._look = look_of(self)
        width = self.scrollable_content_region.width
        if y == 0:
            return self._header(width)
        if not self._count and y == 1:
            return Strip([Segment(fit("  " + self._empty, width), self._look.dim)])
        row = self.scroll_offset.y + y - 1
        if row >= self._count:
            return Strip.blank(self.size.width, self._look.base)
        here = row == self._cursor
        mark = (CURSOR if here else " ") + (HIT if self._is_hit(row) else " ")
        style = self._look.base
        if here:
            style = self.get_component_rich_style("virtual-table--cursor")
            if not self._look.colored:
                style = self._look.base + self._look.cursor
        return Strip([Segment(mark + self._row_line(row, width - MARGIN), style)])

    def _row_line(self, row: int, width: int) -> str:
        """A row's cells as one line; made once while the row stays on screen."""
        if width != self._lines_wide:
            self._lines.clear()
            self._lines_wide = width
        if row not in self._lines:
            self._lines[row] = self._line(self._cells(row), width)
        return self._lines[row]

    def _header(self, width: int) -> Strip:
        style = self.get_component_rich_style("virtual-table--header")
        text = " " * MARGIN + self._line([c.title for c in self._columns], width - MARGIN)
        hits = self.hit_text
        if hits and len(hits) + 2 < width:
            text = fit(text.rstrip(), width - len(hits) - 2) + "  " + hits
        return Strip([Segment(text, style)])

    def _line(self, cells: Sequence[str], width: int) -> str:
        parts = [
            fit(one_line(text[: 8 * wide + 64]), wide, align=column.align)
            for text, column, wide in zip(cells, self._columns, self._widths(width), strict=True)
            if wide > 0
        ]
        return fit_plain(" ".join(parts), width)

    def _widths(self, width: int) -> list[int]:
        fixed = sum(c.width or 0 for c in self._columns) + len(self._columns) - 1
        flexible = [i for i, c in enumerate(self._columns) if c.width is None]
        room = max(width - fixed, 0)
        out = [c.width or 0 for c in self._columns]
        for place, i in enumerate(flexible):
            out[i] = room // len(flexible) + (place < room % len(flexible))
        return out

    def _cells(self, row: int) -> Sequence[str]:
        """The row's cells; all that is missing from there to the end of the screen is asked for."""
        if row not in self._cached and self._rows is not None:
            top = self.scroll_offset.y
            bottom = min(max(top + self.size.height, row + 1), self._count)
            shown = range(min(top, row), bottom)
            if len(self._cached) > 4 * len(shown):
                for kept in (self._cached, self._lines):
                    for gone in [r for r in kept if r not in shown]:
                        del kept[gone]
            stop = next((r for r in range(row, bottom) if r in self._cached), bottom)
            self._cached.update(zip(range(row, stop), self._rows(row, stop), strict=True))
        return self._cached[row]

    def _is_hit(self, row: int) -> bool:
        at = bisect_left(self._hits, row)
        return at < len(self._hits) and self._hits[at] == row

    def _refresh_row(self, row: int) -> None:
        y = row - self.scroll_offset.y + 1
        if 1 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _keep_visible(self) -> None:
        height, top = self.size.height - 1, self.scroll_offset.y
        if height <= 0:
            return
        if self._cursor < top:
            self.scroll_to(None, self._cursor, animate=False)
        elif self._cursor >= top + height:
            self.scroll_to(None, self._cursor - height + 1, animate=False)

    def on_resize(self, event: events.Resize) -> None:
        """The cursor stays on screen."""
        del event
        self.virtual_size = Size(self.scrollable_content_region.width, self._count + 1)
        self._keep_visible()

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._look = None

    # What keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without hits, n and N are not ours: the pane may use them."""
        del parameters
        return bool(len(self._hits)) if action in ("next_hit", "previous_hit") else True

    def action_cursor_up(self) -> None:
        """One row up."""
        self.move_to(self._cursor - 1)

    def action_cursor_down(self) -> None:
        """One row down."""
        self.move_to(self._cursor + 1)

    def action_page_up(self) -> None:
        """One page up."""
        self.move_to(self._cursor - max(self.size.height - 2, 1))

    def action_page_down(self) -> None:
        """One page down."""
        self.move_to(self._cursor + max(self.size.height - 2, 1))

    def action_first(self) -> None:
        """First row."""
        self.move_to(0)

    def action_last(self) -> None:
        """Last row."""
        self.move_to(self._count - 1)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self._count:
            self.post_message(self.Opened(self, self._cursor))

    def action_next_hit(self) -> None:
        """Next hit; after the last one the first."""
        at = bisect_right(self._hits, self._cursor)
        self.move_to(int(self._hits[at % len(self._hits)]))

    def action_previous_hit(self) -> None:
        """The hit before; before the first one the last."""
        at = bisect_left(self._hits, self._cursor) - 1
        self.move_to(int(self._hits[at % len(self._hits)]))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a second one opens."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y == 0:
            return
        row = self.scroll_offset.y + offset.y - 1
        if row == self._cursor:
            self.action_open()
        elif row < self._count:
            self.move_to(row)


def fit_plain(text: str, width: int) -> str:
    """Already safe text cut or filled to a width in cells."""
    from rich.cells import set_cell_size

    return set_cell_size(text, max(width, 0))
