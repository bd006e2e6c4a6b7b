"""One generated text in the Steer pane: title, the text as it streams, its meters.

In: pieces per token, then the finished text. Out: nothing; it only shows. Every token remembers the
alpha it was drawn under: the line under the text names that of the token under the cursor.
"""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from emotui.actions import bindings
from emotui.jobs.live_spec import LiveRequest, LiveText
from emotui.panes.steer_words import alphas_text, meters, output_title
from emotui.widgets.cells import wrapped
from emotui.widgets.token_view import TokenView

Alphas = tuple[float | None, ...]
METER_ROWS = {"-low": 5, "-high": 10, "-tall": 14}
"""Rows for the meters on a screen of 24, 40 and 45 rows or more."""


class OutputText(TokenView, inherit_bindings=False):
    """A token view that leaves w and b to the pane: sweep and baseline."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding
        for binding in bindings("token-view")
        if isinstance(binding, Binding) and binding.key not in ("w", "b")
    ]


class Output(Vertical):
    """Title, text, meters."""

    SCOPED_CSS: ClassVar[bool] = False
    DEFAULT_CSS = """
    Output { width: 1fr; height: 1fr; padding: 0 1 0 0; display: none; }
    Output.-on { display: block; }
    Output .title { height: 1; text-style: bold; text-wrap: nowrap; text-overflow: ellipsis; }
    Output TokenView { height: 1fr; min-height: 2; }
    Output .meters { height: auto; color: $text-muted; }
    """

    def __init__(self, name: str) -> None:
        super().__init__(id=f"output-{name}")
        self.text_name = name
        self._request: LiveRequest | None = None
        self._alphas: list[Alphas] = []
        self._pieces: list[str] = []
        self._waiting: list[str] = []
        self._meters: tuple[str, ...] = ()
        self._said = ("", "")
        self._stale = self._moved = False
        self.finished: LiveText | None = None
        """The text with its meters, once the run is done."""

    def compose(self) -> ComposeResult:
        """Title, text, meters."""
        yield Static(classes="title", markup=False)
        yield OutputText(blanks=" ", cursor_always=False)
        yield Static(classes="meters", markup=False)

    @property
    def view(self) -> TokenView:
        """The text."""
        return self.query_one(TokenView)

    @property
    def shown_text(self) -> str:
        """What has been generated so far."""
        return "".join(self._pieces)

    @property
    def made(self) -> tuple[LiveRequest, LiveText] | None:
        """The finished text and what asked for it; None before the end or when hidden."""
        if self._request is None or self.finished is None:
            return None
        return self._request, self.finished

    def begin(self, request: LiveRequest) -> None:
        """A new run: everything before is gone."""
        self._request, self.finished = request, None
        self._alphas, self._pieces, self._waiting = [], [], []
        self._stale = self._moved = False
        self._meters = ("waiting for the first token ...",)
        self.add_class("-on")
        self.view.set_tokens(())
        self.view.set_stale(False)
        self._say()

    def push(self, piece: str, alphas: Alphas) -> None:
        """One more token; shown at the next flush."""
        if self._alphas and alphas != self._alphas[-1]:
            self._moved = True
        self._alphas.append(alphas)
        self._pieces.append(piece)
        self._waiting.append(piece)

    def flush(self) -> None:
        """Show the tokens that have come since the last flush."""
        if self._waiting:
            if len(self._waiting) == len(self._pieces):
                self._meters = ("generating ...",)
                self._say()
            view = self.view
            at_end = view.cursor >= len(view.pieces) - 1
            view.append_tokens(self._waiting)
            self._waiting = []
            if at_end:
                view.move_to(len(view.pieces) - 1)
            self._fit()

    def _fit(self) -> None:
        """The meters follow the text, not the end of the screen."""
        rows = max(self.view.virtual_size.height, 2)
        if self.view.styles.max_height is None or self.view.styles.max_height.value != rows:
            self.view.styles.max_height = rows

    def on_resize(self) -> None:
        """Other rows at another width."""
        self.call_after_refresh(self._fit)
        self.call_after_refresh(self._say)

    def finish(self, request: LiveRequest, text: LiveText) -> None:
        """The run is done, or one from the history is shown: text and meters."""
        self._request, self.finished = request, text
        self._alphas, self._waiting = list(text.token_alphas), []
        self._moved, self._stale = text.live, False
        self._pieces = list(text.pieces)
        self.add_class("-on")
        if self.view.pieces != text.pieces:
            self.view.set_tokens(text.pieces)
        self.view.set_stale(False)
        self.view.move_to(0)
        self.call_after_refresh(self._fit)
        self._say()

    def cut(self) -> None:
        """The run was stopped: what came stays, without meters."""
        self.flush()
        if self.finished is None and self.has_class("-on"):
            self._meters = (f"stopped after {len(self._pieces)} tokens", "no meters")
            self._say()

    def hide(self) -> None:
        """Not part of this run."""
        self.remove_class("-on")
        self.finished = None

    def set_stale(self, stale: bool) -> None:
        """The settings have changed since this text was written."""
        if self.has_class("-on") and stale != self._stale:
            self._stale = stale
            self.view.set_stale(stale)
            self._say()

    def on_token_view_cursor_moved(self, message: TokenView.CursorMoved) -> None:
        """The alpha of the token under the cursor."""
        message.stop()
        self._say()

    def _say(self) -> None:
        if self._request is None:
            return
        title = "LIVE " if self._moved else ""
        title += "(stale) " if self._stale else ""
        title += output_title(self._request, self.text_name, moved=self._moved)
        line = self.query_one(".meters", Static)
        width = line.size.width or self.size.width or 40
        cursor = self._at_cursor()
        most = next((m for name, m in METER_ROWS.items() if self.screen.has_class(name)), 5)
        parts = self._meters
        if self.finished is not None:
            parts = meters(self._request, self.finished, room=width)
        said = "\n".join([*_first(wrapped(parts, width), most - len(cursor)), *cursor])
        if (title, said) != self._said:  # each update is a new layout of the screen
            self._said = title, said
            self.query_one(".title", Static).update(Text(title))
            line.update(Text(said))

    def _at_cursor(self) -> list[str]:
        if not self._moved or self._request is None or not self.view.has_focus:
            return []
        at = self.view.cursor
        if at >= len(self._alphas):
            return []
        alphas: Sequence[float | None] = self._alphas[at]
        known = tuple(a or 0.0 for a in alphas)
        return [f"token {at}: {alphas_text(self._request.emotions, known)}"]


def _first(text: str, most: int) -> list[str]:
    """Its lines; where there are more than `most`, the last says so."""
    lines = text.split("\n")
    return lines if len(lines) <= most else [*lines[: most - 1], "… x writes all meters"]
