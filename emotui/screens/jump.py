"""A letter on every part of the screen that can have the focus; pressing it goes there.

In: (x, y, what) of the parts. Out: the index of the chosen part, or None. The panes stay visible
behind it.
"""

from collections.abc import Sequence

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

LETTERS = "asdfghjklqwertyuiopzxcvbnm"


class Jump(ModalScreen[int]):
    """Any other key closes it."""

    DEFAULT_CSS = """
    Jump { background: transparent; layers: letters; }
    Jump Static {
        layer: letters; position: absolute; width: 5; height: 1; background: $accent;
        color: $background; text-style: bold reverse; text-align: center;
    }
    """

    def __init__(self, places: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self._places = tuple(places)[: len(LETTERS)]

    def compose(self) -> ComposeResult:
        """One letter per part, at its corner."""
        for letter, (x, y) in zip(LETTERS, self._places, strict=False):
            label = Static(Text(f"[ {letter} ]"))
            label.styles.offset = (x, y)
            yield label

    def on_key(self, event: events.Key) -> None:
        """A letter chooses, everything else closes."""
        event.stop()
        event.prevent_default()
        at = LETTERS.find(event.key) if len(event.key) == 1 else -1
        self.dismiss(at if 0 <= at < len(self._places) else None)
