"""The legend of the diverging scale: its two ends in numbers and every bin as it looks.

In: the end of the scale and what it measures. Out: nothing; it only shows. One row.
"""

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from emotui.colors import BINS
from emotui.widgets.cells import fit, signed
from emotui.widgets.look import look_of


class Legend(Widget):
    """`−.31 ████ 0 ████ +.31  centred cosine · p99 of |score|, 20 emotions · layer 3 · joyful`."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Legend { height: 1; width: 1fr; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._scale: float | None = None
        self._text = ""

    def show(self, scale: float | None, text: str = "") -> None:
        """Show a scale ending at ±`scale`, and what it is of; None when there is none yet."""
        self._scale, self._text = scale, text
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The row."""
        look, width = look_of(self), self.size.width
        if y:
            return Strip.blank(width, look.base)
        if self._scale is None:
            return Strip([Segment(fit(self._text or "no scores yet", width), look.dim)])
        low, high = signed(-self._scale), signed(self._scale)
        segments = [Segment(f"{low} ", look.base)]
        for bin_ in range(-BINS, BINS + 1):
            segments.append(Segment(self._sample(bin_, colored=look.colored), look.bin(bin_)))
        segments.append(Segment(f" {high}", look.base))
        if not look.colored:
            segments.append(Segment("  dim −, underline +", look.base))
        used = sum(cell_len(s.text) for s in segments)
        if self._text and width - used > 4:
            text = self._that_fits(width - used - 2)
            segments.append(Segment(fit(f"  {text}", width - used), look.dim))
        return Strip(segments).adjust_cell_length(width, look.base)

    def _that_fits(self, room: int) -> str:
        """The text without the parts at its end that there is no room for."""
        parts = self._text.split(" · ")
        while len(parts) > 1 and cell_len(" · ".join(parts)) > room:
            parts.pop()
        return " · ".join(parts)

    def _sample(self, bin_: int, *, colored: bool) -> str:
        if bin_ == 0:
            return " 0 "
        if colored:
            return "  "
        return "−" if bin_ < 0 else "+"
