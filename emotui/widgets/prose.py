"""A piece of untrusted text to read: a bold first line, a remark, then the text, wrapped.

In: three strings. Out: nothing; it only shows and scrolls. It draws its own lines, so that another
text costs a repaint and a new layout only where the number of lines beyond its own changes. Knows
no dataset.
"""

import textwrap

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from emotui.sanitize import one_line, visible
from emotui.widgets.cells import fit
from emotui.widgets.look import look_of


class Prose(ScrollView, can_focus=True):
    """Arrows and pages scroll."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Prose { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._head, self._remark, self._text = "", "", ""
        self._lines: list[str] = []
        self._width = 0

    def show(self, head: str, text: str, *, remark: str = "") -> None:
        """Show another text, from its beginning."""
        now = one_line(head), one_line(remark), visible(text, newlines=True)
        if now == (self._head, self._remark, self._text):
            return
        self._head, self._remark, self._text = now
        if self.scroll_offset.y:
            self.scroll_to(0, 0, animate=False)
        self._wrap()
        self.refresh()

    @property
    def text(self) -> str:
        """All that it says."""
        return "\n".join(filter(None, (self._head, self._remark, self._text)))

    def _wrap(self) -> None:
        """Break the text into lines, with a column kept free for the scroll bar."""
        self._width = max(self.size.width - 1, 1)
        self._lines = [part for line in self._text.split("\n") for part in self._broken(line)]
        rows = len(self._lines) + bool(self._head) + bool(self._remark)
        self.virtual_size = Size(self._width, max(rows, self.size.height))
        # The size of before may have called for a bar; nothing else looks again when it shrinks.
        self._refresh_scrollbars()

    def _broken(self, line: str) -> list[str]:
        if line.isascii():
            return textwrap.wrap(line, self._width, break_on_hyphens=False) or [""]
        parts = Text(line, end="").wrap(self.app.console, self._width)
        return [part.plain.rstrip() for part in parts] or [""]

    def render_line(self, y: int) -> Strip:
        """One line of the visible part."""
        # Asked for anew: a look kept from before the pane was styled stayed on the screen.
        look, row = look_of(self), y + self.scroll_offset.y
        above: list[tuple[str, Style]] = []
        if self._head:
            above.append((self._head, look.strong))
        if self._remark:
            above.append((self._remark, look.base + Style(italic=True)))
        if row < len(above):
            text, style = above[row]
            strip = Strip([Segment(fit(text, self._width), style)])
        elif row - len(above) < len(self._lines):
            strip = Strip([Segment(self._lines[row - len(above)], look.base)])
        else:
            strip = Strip([])
        return strip.adjust_cell_length(self.size.width, look.base)

    def on_resize(self, event: events.Resize) -> None:
        """Another width breaks the lines elsewhere."""
        del event
        self._wrap()
        self.refresh()
