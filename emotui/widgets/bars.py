"""Bars: counts per label as rows, and a histogram of lengths as columns.

In: (label, count) pairs, or bin edges with counts. Out: nothing; both only show. Eighth-blocks
give bars a finer length than cells. Nothing is computed but lengths on the screen.
"""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from emotui.widgets.cells import drawn, fit
from emotui.widgets.look import look_of

_ACROSS = " ▏▎▍▌▋▊▉█"
_UP = " ▁▂▃▄▅▆▇█"


def bar(share: float, cells: int) -> str:
    """A horizontal bar of a share 0..1 over so many cells; anything above zero is visible."""
    eighths = round(min(max(share, 0.0), 1.0) * cells * 8)
    if share > 0 and eighths == 0 and cells:
        eighths = 1
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_ACROSS[rest] if rest else "")).ljust(cells)[:cells]


class Bars(Widget):
    """One row per label: name, bar, count; the rest of a long list is counted in the last row."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"bars--bar"}
    DEFAULT_CSS = """
    Bars { height: 1fr; width: 1fr; }
    Bars > .bars--bar { color: $secondary; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._items: tuple[tuple[str, float, str], ...] = ()
        self._title = ""

    def set_items(
        self, items: Sequence[tuple[str, float]], *, places: int = 0, title: str = ""
    ) -> None:
        """Show these, in this order, under a title; the longest bar fills the width."""
        self._items = tuple((name, value, f"{value:,.{places}f}") for name, value in items)
        self._title = title
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The title, then one label's row."""
        look, width, height = look_of(self), self.size.width, self.size.height
        if self._title:
            if y == 0:
                return Strip([Segment(fit(self._title, width), look.strong)])
            y, height = y - 1, height - 1
        hidden = len(self._items) - height + 1 if len(self._items) > height else 0
        if hidden and y == height - 1:
            rest = sum(value for _, value, _ in self._items[y:])
            return Strip([Segment(fit(f"… {hidden} more, {rest:,.0f} in all", width), look.dim)])
        if y >= len(self._items):
            text = "nothing to count yet" if y == 0 else ""
            return Strip([Segment(fit(text, width), look.dim)])
        shown = self._items[: height - 1] if hidden else self._items
        name_wide = min(max(drawn(name)[1] for name, _, _ in shown), max(width // 3, 4))
        number_wide = max(len(text) for _, _, text in shown)
        most = max((value for _, value, _ in shown), default=0.0) or 1.0
        name, value, text = self._items[y]
        room = max(width - name_wide - number_wide - 2, 0)
        segments = [
            Segment(fit(name, name_wide) + " ", look.base),
            Segment(bar(value / most, room), self.get_component_rich_style("bars--bar")),
            Segment(" " + text.rjust(number_wide), look.strong),
        ]
        return Strip(segments).adjust_cell_length(width, look.base)


class Histogram(Widget):
    """Columns for the counts between edges, and the edges' numbers under them."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"bars--bar"}
    DEFAULT_CSS = """
    Histogram { height: 8; width: 1fr; }
    Histogram > .bars--bar { color: $secondary; }
    """

    def __init__(
        self, *, unit: str = "", id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._unit = unit
        self._edges: tuple[float, ...] = ()
        self._counts: tuple[int, ...] = ()

    def set_counts(self, edges: Sequence[float], counts: Sequence[int]) -> None:
        """Show counts between edges. ValueError unless there is one edge more than counts."""
        if counts and len(edges) != len(counts) + 1:
            raise ValueError(f"{len(edges)} edges for {len(counts)} counts; give one edge more")
        self._edges, self._counts = tuple(edges), tuple(counts)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row: the top row names the highest count, the last one the edges."""
        look, width, height = look_of(self), self.size.width, self.size.height
        if not self._counts or height < 2 or width < 8:
            text = "nothing to count yet" if y == 0 and not self._counts else ""
            return Strip([Segment(fit(text, width), look.dim)])
        if y == height - 1:
            return Strip([Segment(self._edge_line(width), look.dim)])
        most = max(self._counts) or 1
        tall = height - 1
        cells = []
        for column in range(width):
            count = self._counts[column * len(self._counts) // width]
            eighths = round(count / most * tall * 8)
            if count and not eighths:
                eighths = 1
            here = min(max(eighths - (tall - 1 - y) * 8, 0), 8)
            cells.append(_UP[here])
        text = "".join(cells)
        if y == 0:
            label = f"{most:,}"
            peak = self._counts.index(most) * width // len(self._counts)
            if peak > len(label) + 1:
                text = label + " " + text[len(label) + 1 :]
            elif text.rstrip(" ")[-1:] and len(text.rstrip(" ")) + len(label) + 1 < width:
                text = text[: width - len(label)] + label
        return Strip([Segment(text, self.get_component_rich_style("bars--bar"))])

    def _edge_line(self, width: int) -> str:
        first, middle, last = (
            f"{self._edges[i]:,.0f}" for i in (0, len(self._edges) // 2, len(self._edges) - 1)
        )
        last = f"{last} {self._unit}".rstrip()
        room = width - cell_len(first) - cell_len(last)
        if room < len(middle) + 2:
            return fit(first + " " * max(room, 1) + last, width)
        at = width * (len(self._edges) // 2) // max(len(self._edges) - 1, 1) - len(first)
        at = max(1, min(at - len(middle) // 2, room - len(middle) - 1))
        return fit(first + " " * at + middle + " " * (room - at - len(middle)) + last, width)
