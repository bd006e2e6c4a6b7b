"""The rows around the panes: header, tab strip, footer.

In: what to say, as plain values. Out: `TabStrip.Chosen` for a click on a tab. The header drops its
least important parts where the line is too short; the footer is complete at 80 columns. Knows no
workspace.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from emotui.sanitize import one_line, shorten
from emotui.widgets.look import look_of

GAP = " · "


class HeaderRow(Widget):
    """Name, what is worked on, and at the right what must not be missed."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"header-row--alert"}
    DEFAULT_CSS = """
    HeaderRow { height: 1; width: 1fr; background: $panel; }
    HeaderRow > .header-row--alert { background: $accent; color: $background; text-style: bold; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._parts: tuple[tuple[str, int], ...] = ()
        self._right, self._alert = "", ""

    def show(self, parts: Sequence[tuple[str, int]], *, right: str = "", alert: str = "") -> None:
        """(text, rank) from left to right; the highest ranks are dropped first."""
        now = (tuple((one_line(text), rank) for text, rank in parts if text), right, alert)
        if now != (self._parts, self._right, self._alert):
            self._parts, self._right, self._alert = now
            self.refresh()

    @property
    def text(self) -> str:
        """What the row says now."""
        return self._left(self.size.width or 80) + " " + (self._alert or self._right)

    def render_line(self, y: int) -> Strip:
        """The row."""
        look, width = look_of(self), self.size.width
        if y:
            return Strip.blank(width, look.base)
        right, style = f" {self._right} ", look.base
        if self._alert:
            right, style = f" {self._alert} ", self.get_component_rich_style("header-row--alert")
            if not look.colored:
                style = look.base + look.cursor
        room = max(width - cell_len(right) - 10, 0)
        left = self._left(room)
        gap = " " * max(width - cell_len(left) - cell_len(right) - 9, 0)
        return Strip(
            [
                Segment(" emotui  ", look.strong),
                Segment(left + gap, look.base),
                Segment(right, style),
            ]
        ).adjust_cell_length(width, look.base)

    def _left(self, room: int) -> str:
        parts = list(self._parts)
        while parts:
            text = GAP.join(part for part, _ in parts)
            if cell_len(text) <= room:
                return text
            if len(parts) == 1:
                return shorten(text, room)
            worst = max(range(len(parts)), key=lambda i: parts[i][1])
            parts.pop(worst)
        return ""


class TabStrip(Widget):
    """One tab per pane; the current one in capitals, so that it shows without colour."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"tab-strip--current"}
    DEFAULT_CSS = """
    TabStrip { height: 1; width: 1fr; }
    TabStrip > .tab-strip--current { color: $primary; text-style: bold; }
    """

    @dataclass
    class Chosen(Message):
        """A click on a tab."""

        name: str

    def __init__(self, names: Sequence[str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._names = tuple(names)
        self._current, self._status = "", ""

    def show(self, current: str, *, status: str = "") -> None:
        """Mark the current tab; `status` stands at the right where there is room."""
        now = current, one_line(status)
        if now != (self._current, self._status):
            self._current, self._status = now
            self.refresh()

    def _labels(self) -> list[str]:
        return [
            f" {i} {name.upper() if name == self._current else name.capitalize()} "
            for i, name in enumerate(self._names, start=1)
        ]

    def render_line(self, y: int) -> Strip:
        """The row."""
        look, width = look_of(self), self.size.width
        if y:
            return Strip.blank(width, look.base)
        current = self.get_component_rich_style("tab-strip--current")
        segments = [
            Segment(text, current if name == self._current else look.base)
            for name, text in zip(self._names, self._labels(), strict=True)
        ]
        room = width - sum(cell_len(s.text) for s in segments) - 2
        if self._status and room > 8:
            status = shorten(self._status, room)
            gap = room - cell_len(status) + 1
            segments.append(Segment(" " * gap + status + " ", look.dim))
        return Strip(segments).adjust_cell_length(width, look.base)

    def on_click(self, event: events.Click) -> None:
        """Which tab it was."""
        at = 0
        for name, text in zip(self._names, self._labels(), strict=True):
            at += len(text)
            if event.x < at:
                self.post_message(self.Chosen(name))
                return


class FooterRow(Widget):
    """Keys and words; whole at 80 columns."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"footer-row--key"}
    DEFAULT_CSS = """
    FooterRow { height: 1; width: 1fr; background: $panel; }
    FooterRow > .footer-row--key { color: $accent; background: $panel; text-style: bold; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._entries: tuple[tuple[str, str], ...] = ()

    def show(self, entries: Sequence[tuple[str, str]]) -> None:
        """(key, word) pairs, left to right."""
        if tuple(entries) != self._entries:
            self._entries = tuple(entries)
            self.refresh()

    @property
    def text(self) -> str:
        """What the row says."""
        return "  ".join(f"{key} {word}" for key, word in self._entries)

    def render_line(self, y: int) -> Strip:
        """The row."""
        look, width = look_of(self), self.size.width
        if y:
            return Strip.blank(width, look.base)
        key_style = self.get_component_rich_style("footer-row--key")
        segments: list[Segment] = []
        for key, word in self._entries:
            segments += [Segment(f" {key}", key_style), Segment(f" {word} ", look.base)]
        return Strip(segments).adjust_cell_length(width, look.base)
