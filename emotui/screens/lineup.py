"""The line-up screen: eight small curves under letters; which one is real?

In: curves in the order in which they are shown, the layers, the round. Out: the letter that was
picked, None when left. Nothing tells the real one before the pick.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

from emotui.ratingview import scale_line, small_curves

LETTERS = "ABCDEFGH"
ACROSS = 4


class LineUpScreen(ModalScreen[str]):
    """Four beside each other, two rows."""

    BINDINGS: ClassVar[list[BindingType]] = []
    DEFAULT_CSS = """
    LineUpScreen { layout: vertical; background: $background; }
    LineUpScreen Static { height: auto; }
    LineUpScreen #line-up { height: 1fr; margin: 1 0; }
    LineUpScreen #line-up-keys { color: $text-muted; }
    """

    def __init__(
        self,
        curves: Float[np.ndarray, "curve layer"],
        layers: Sequence[int],
        *,
        round: int,
        what: str,
    ) -> None:
        super().__init__()
        self._curves, self._layers, self._round, self._what = curves, tuple(layers), round, what

    def compose(self) -> ComposeResult:
        """Question, curves, scale, keys."""
        yield Static(
            Text(
                f"Line-up, round {self._round}: {self._what}. One curve is real, "
                f"{len(self._curves) - 1} are of shuffled labels.",
                style="bold",
            )
        )
        yield Static(id="line-up")
        yield Static(Text(scale_line(self._curves, self._layers)))
        yield Static(
            Text(f"{LETTERS[0]}-{LETTERS[-1]} the real one  q leave, nothing is written"),
            id="line-up-keys",
        )

    def on_resize(self, event: events.Resize) -> None:
        """As large as the screen allows."""
        width = max((event.size.width - 2 * (ACROSS - 1)) // ACROSS, 8)
        rows = -(-len(self._curves) // ACROSS)
        height = max((event.size.height - 6) // rows - 2, 2)
        self.query_one("#line-up", Static).update(Text(self._grid(width, height)))

    def _grid(self, width: int, height: int) -> str:
        drawn = small_curves(self._curves, width=width, height=height)
        lines = []
        for at in range(0, len(drawn), ACROSS):
            part = drawn[at : at + ACROSS]
            lines.append("  ".join(LETTERS[at + k].ljust(width) for k in range(len(part))))
            lines += ["  ".join(cells) for cells in zip(*part, strict=True)]
            lines.append("")
        return "\n".join(line.rstrip() for line in lines)

    def on_key(self, event: events.Key) -> None:
        """A letter picks."""
        event.stop()
        event.prevent_default()
        letter = (event.character or "").upper()
        if event.key in ("q", "escape"):
            self.dismiss(None)
        elif letter and letter in LETTERS[: len(self._curves)]:
            self.dismiss(letter)
