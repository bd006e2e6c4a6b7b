"""The three steps shown at a first start: move, colour, steer. One row above the footer.

In: what has just happened ("moved", "coloured", "steered"). Out: `Ended` when all three are done or
the tour is skipped. It never takes the focus or a key from a pane but its own skip key.
"""

from rich.segment import Segment
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from emotui.widgets.cells import fit
from emotui.widgets.look import look_of

STEPS = (
    ("moved", "move: ↓ and ↑ go through the rows, 1-7 through the panes"),
    ("coloured", "colour: press 4, then e for emotions; [ and ] change the layer"),
    ("steered", "steer: press 5, set alpha with ← and →, Ctrl+J runs"),
)


class TourRow(Widget):
    """Which step is next, and how to skip."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    TourRow { height: 1; width: 1fr; background: $primary 30%; display: none; }
    TourRow.-on { display: block; }
    """

    class Ended(Message):
        """Done or skipped."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._step = 0

    def start(self) -> None:
        """Show the first step."""
        self._step = 0
        self.add_class("-on")
        self.refresh()

    @property
    def on(self) -> bool:
        """Whether it is on screen."""
        return self.has_class("-on")

    def saw(self, what: str) -> None:
        """Something happened; the step it belongs to is done."""
        if self.on and STEPS[self._step][0] == what:
            self._step += 1
            if self._step == len(STEPS):
                self.end()
            else:
                self.refresh()

    def end(self) -> None:
        """Away with it."""
        self.remove_class("-on")
        self.post_message(self.Ended())

    @property
    def text(self) -> str:
        """What the row says."""
        return f" tour {self._step + 1}/{len(STEPS)}  {STEPS[self._step][1]}"

    def render_line(self, y: int) -> Strip:
        """The row."""
        look, width = look_of(self), self.size.width
        if y:
            return Strip.blank(width, look.base)
        skip = "Esc skips "
        line = fit(self.text, max(width - len(skip) - 1, 0)) + " " + skip
        return Strip([Segment(line, look.strong)]).adjust_cell_length(width, look.base)
