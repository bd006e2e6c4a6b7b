"""Emotions ranked over a span: name, mean, z, and a bar from a middle line.

In: (emotion, mean, z) in order and the scale's end. Out: nothing; it only shows. Where not all fit,
the highest and the lowest are shown and the rest is counted.
"""

from collections.abc import Sequence

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from emotui.colors import bin_of
from emotui.widgets.cells import fit, signed
from emotui.widgets.look import Look, look_of

Rank = tuple[str, float, float | None]


class RankList(Widget):
    """One row per emotion under a title."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "RankList { height: 1fr; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._title = ""
        self._ranks: tuple[Rank, ...] = ()
        self._chosen: frozenset[str] = frozenset()
        self._scale = 1.0

    def show(
        self, title: str, ranks: Sequence[Rank], *, scale: float, chosen: Sequence[str] = ()
    ) -> None:
        """Show another ranking; the chosen emotions get a mark."""
        self._title, self._ranks = title, tuple(ranks)
        self._scale, self._chosen = scale, frozenset(chosen)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The title, then ranks from both ends."""
        look, width, height = look_of(self), self.size.width, self.size.height
        if y == 0:
            return Strip([Segment(fit(self._title, width), look.strong)])
        room = height - 1
        shown = self._shown(room)
        if y - 1 >= len(shown):
            return Strip.blank(width, look.base)
        place = shown[y - 1]
        if place is None:
            hidden = len(self._ranks) - len(shown) + 1
            return Strip([Segment(fit(f"  ⋮ {hidden} more", width), look.dim)])
        return self._row(place, width, look)

    def _shown(self, room: int) -> list[int | None]:
        n = len(self._ranks)
        if n <= room:
            return list(range(n))
        if room < 4:
            return list(range(max(room, 0)))
        low = (room - 1) // 3
        return [*range(room - 1 - low), None, *range(n - low, n)]

    def _row(self, place: int, width: int, look: Look) -> Strip:
        label, mean, z = self._ranks[place]
        mark = "▸" if label in self._chosen else " "
        number = str(place + 1).rjust(len(str(len(self._ranks))))
        value = fit(signed(mean, places=3), 6, align="right")
        against = "" if z is None else fit(f" z{signed(z, places=1)}", 8)
        longest = max(len(name) for name, _, _ in self._ranks)
        name_wide = max(min(width - len(number) - 10 - len(against), longest, 16), 4)
        bar_wide = width - len(number) - 3 - name_wide - 6 - len(against) - 1
        style = look.strong if label in self._chosen else look.base
        segments = [
            Segment(f"{mark}{number} ", look.dim),
            Segment(fit(label, name_wide) + " ", style),
            Segment(value, look.bin(bin_of(mean, self._scale))),
            Segment(against, look.dim),
        ]
        if bar_wide >= 7:
            segments.append(Segment(" " + _bar(mean, self._scale, bar_wide), look.base))
        return Strip(segments).adjust_cell_length(width, look.base)


def _bar(value: float, scale: float, width: int) -> str:
    """A bar from the middle; the middle line is always drawn."""
    half = (width - 1) // 2
    share = min(abs(value) / scale, 1.0) if scale > 0 and value == value else 0.0
    cells = round(share * half)
    if value < 0:
        return " " * (half - cells) + "━" * cells + "┊" + " " * half
    return " " * half + "┊" + "━" * cells + " " * (half - cells)
