"""The rating screen: two texts, one question, one key. No arm, no vector, no alpha, no colour.

In: a `Rating`, which keeps every answer as it is given. Out: True when all is answered, False when
left before. Texts stand side by side from 100 columns on, else one over the other; the one that
scrolls looks like the other, since a brighter frame would be a hint.
"""

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from emotui.rating import GUESS_KEYS, Rating
from emotui.ratingview import done_line, guess_lines, head_line, keys_line
from emotui.sanitize import one_line, visible

SIDE_BY_SIDE = 100
"""Columns from which both texts fit beside each other."""


class RatingScreen(ModalScreen[bool]):
    """Fills the screen; q or Esc leaves, what was rated is kept."""

    BINDINGS: ClassVar[list[BindingType]] = []
    DEFAULT_CSS = """
    RatingScreen { layout: vertical; background: $background; }
    RatingScreen #rate-head { height: 1; text-style: bold; }
    RatingScreen #rate-prompt { height: auto; max-height: 4; margin: 1 0 0 0; }
    RatingScreen #rate-texts { layout: horizontal; height: 1fr; margin: 1 0; }
    RatingScreen.-stacked #rate-texts { layout: vertical; }
    RatingScreen .rated { width: 1fr; height: 1fr; padding: 0 1; }
    RatingScreen .rated, RatingScreen .rated:focus { border: round $foreground 50%; }
    RatingScreen .rated Static { height: auto; }
    RatingScreen #rate-line { height: 1; }
    RatingScreen #rate-keys { height: 1; color: $text-muted; }
    """

    def __init__(self, rating: Rating) -> None:
        super().__init__()
        self._rating = rating

    def compose(self) -> ComposeResult:
        """Question and progress, beginning, two texts, what the last key did, keys."""
        yield Static(id="rate-head")
        yield Static(id="rate-prompt")
        with Container(id="rate-texts"):
            for side in ("1", "2"):
                box = VerticalScroll(
                    Static(id=f"rate-text-{side}"), id=f"rate-{side}", classes="rated"
                )
                box.border_title = side
                yield box
        yield Static(id="rate-line")
        yield Static(id="rate-keys")

    def on_mount(self) -> None:
        """The first pair that is left."""
        self.query_one("#rate-1").focus()
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        """Side by side, or stacked."""
        self.set_class(event.size.width < SIDE_BY_SIDE, "-stacked")
        self._draw()

    def on_key(self, event: events.Key) -> None:
        """Every key that the texts do not scroll by."""
        if event.key in ("tab", "shift+tab", "up", "down", "pageup", "pagedown", "home", "end"):
            return
        event.stop()
        event.prevent_default()
        done = self._rating.stage == "done"
        if event.key in ("q", "escape") or (done and event.key == "enter"):
            self.dismiss(done)
        elif event.character and not done:
            self._rating.press(event.character)
            self._draw()

    def _draw(self) -> None:
        rating, stage = self._rating, self._rating.stage
        self._say("rate-line", f"! {rating.line}" if rating.line else "")
        for side in ("1", "2"):
            self.query_one(f"#rate-{side}").display = stage not in ("guess", "done")
        if stage == "guess":
            self._draw_guess()
        elif stage == "done":
            self._say("rate-head", f"{len(rating.pairs)}/{len(rating.pairs)} rated")
            self._say("rate-prompt", done_line(rating) + " (or u in the Audit pane)")
            self._say("rate-keys", "q leaves")
        else:
            pair = rating.pairs[rating.place]
            self._say("rate-head", head_line(rating))
            self._say("rate-prompt", f"beginning: {one_line(pair['prompt'])}")
            self._say("rate-text-1", _shown(pair["left"]))
            self._say("rate-text-2", _shown(pair["right"]))
            self._say("rate-keys", keys_line(rating))

    def _draw_guess(self) -> None:
        box = self.query_one("#rate-1")
        box.display = True
        box.border_title = ""
        # Border, padding and scroll bar take eight columns.
        lines = guess_lines(self._rating, max(self.size.width - 8, 40))
        self._say("rate-head", f"{len(self._rating.pairs)}/{len(self._rating.pairs)} rated")
        self._say("rate-prompt", lines[0])
        self._say("rate-text-1", "\n".join(lines[2:-2]))
        self._say("rate-keys", GUESS_KEYS)

    def _say(self, name: str, text: str) -> None:
        self.query_one(f"#{name}", Static).update(Text(text))


def _shown(text: str) -> str:
    return visible(text, newlines=True).strip() or "(empty)"
