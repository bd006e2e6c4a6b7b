"""The Tokens pane: a text with every token coloured by the chosen emotions at the chosen layer.

In: the workspace's text, set of vectors, layer and emotions. Out: the same, when changed here. One
job scores a text at all layers for all emotions, so that another layer, emotion, group or scale
asks for nothing more. Shows what `Coloured` says; knows no arithmetic of its own.
"""

import re
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.timer import Timer
from textual.widgets import Static

from emotui.actions import bindings
from emotui.emotion_groups import name_of
from emotui.jobs.colour_spec import Coloured
from emotui.panes.tokens_choices import TokensChoices
from emotui.panes.tokens_scores import Key
from emotui.panes.tokens_words import (
    legend_line,
    rank_title,
    span_line,
    title_line,
    token_line,
)
from emotui.sanitize import one_line
from emotui.widgets.layer_strip import LayerStrip
from emotui.widgets.legend import Legend
from emotui.widgets.rank_list import RankList
from emotui.widgets.token_view import TokenView

if TYPE_CHECKING:
    from vectors.scoring import SpanRank

WORDS = re.compile(r"\s*\S+|\s+")
"""Cuts a text into words with the blanks before them; joined they are the text."""
LAYERS_SHOWN = 5
"""Emotions in the strip of all layers beside the text."""
STRIP_AFTER = 0.15
"""Seconds the cursor rests before that strip follows: it is most of what a move would send."""


class TokensPane(TokensChoices):
    """Token view, its lines, and at the side the ranking and the layers."""

    pane_id = "tokens"
    empty_hint = "no text yet: o opens one, or press t in Steer"
    BINDINGS = bindings("tokens")
    SCOPED_CSS: ClassVar[bool] = False
    DEFAULT_CSS = """
    TokensPane { layout: horizontal; height: 1fr; width: 1fr; }
    TokensPane #tokens-main { width: 1fr; height: 1fr; }
    TokensPane TokenView { height: 1fr; }
    TokensPane .line { height: 1; width: 1fr; }
    TokensPane #tokens-value { height: auto; max-height: 2; }
    TokensPane #tokens-side { width: 46; height: 1fr; padding: 0 0 0 1; }
    TokensPane #tokens-side LayerStrip { margin-top: 1; }
    .-narrow TokensPane #tokens-side { display: none; }
    .-wide TokensPane #tokens-side { width: 60; }
    .-medium TokensPane #tokens-layers, .-wide TokensPane #tokens-layers { display: none; }
    .-medium TokensPane #tokens-span, .-wide TokensPane #tokens-span { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._ranks: list[SpanRank] = []
        """Of the marked span or the whole text, at the layer shown."""
        self._strip_timer: Timer | None = None
        self._said: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        """The text and its lines; ranking and layers beside it where there is room."""
        with Vertical(id="tokens-main"):
            yield Static(id="tokens-title", classes="line", markup=False)
            yield TokenView(id="tokens-text")
            yield Static(id="tokens-value", classes="line", markup=False)
            yield Static(id="tokens-span", classes="line", markup=False)
            yield LayerStrip(most=1, id="tokens-layers")
            yield Legend(id="tokens-legend")
        with Vertical(id="tokens-side"):
            yield RankList(id="tokens-ranks")
            yield LayerStrip(most=LAYERS_SHOWN, id="tokens-all-layers")

    def focus_first(self) -> None:
        """The text."""
        self.query_one(TokenView).focus()

    def show_scores(self, key: Key | None, coloured: Coloured | None) -> None:
        view = self.query_one(TokenView)
        fresh = key is None or self._shown_key is None or key[1:3] != self._shown_key[1:3]
        self._shown, self._shown_key = coloured, key
        if coloured is None:
            text = self._text
            # By words until it is scored: the cursor stands on one, not on the whole text.
            view.set_tokens(WORDS.findall(text.text) if text is not None else [])
        elif fresh or tuple(view.pieces) != coloured.pieces:
            view.set_tokens(coloured.pieces)
            view.move_to(coloured.first_ordinary)
        self.paint()

    # Showing

    def paint(self) -> None:
        """Colours, lines and ranking for the layer and the emotions chosen now."""
        self.paint_title()
        coloured = self._shown
        legend = self.query_one(Legend)
        if coloured is None:
            self._say("value", self._problem or self._missing())
            self._say("span", "")
            legend.show(None, "no scores yet")
            self.query_one(RankList).show("", (), scale=1.0)
            for strip in self.query(LayerStrip):
                strip.show((), (), scale=1.0, layer=0)
            return
        emotions, layer = self.emotions, self.at_layer
        view = self.query_one(TokenView)
        view.set_scores(coloured.column(emotions, layer), scale=self.scale)
        legend.show(self.scale, legend_line(coloured, emotions, layer, self._rule))
        self._paint_span()
        self.paint_cursor()
        self._want_lens()

    def _paint_span(self) -> None:
        coloured, view = self._shown, self.query_one(TokenView)
        if coloured is None:
            return
        start, stop, marked = self.span
        if not view.pieces:
            return
        ranks = self._ranks = coloured.ranks(start, stop, self.at_layer)
        width = self.query_one("#tokens-span").size.width or 80
        self._say("span", span_line(ranks, marked=marked, width=width))
        listed = self.query_one(RankList)
        listed.styles.max_height = len(coloured.labels) + 1  # the layers stand right below it
        listed.show(
            rank_title(ranks, coloured.n_neutral, marked=marked),
            [(r.label, r.mean, r.z) for r in ranks],
            scale=self.scale,
            chosen=self.emotions,
        )

    def paint_cursor(self) -> None:
        coloured, view = self._shown, self.query_one(TokenView)
        if coloured is None or not coloured.pieces:
            return
        token, layer, emotions = view.cursor, self.at_layer, self.emotions
        guesses = None
        if self._shown_key is not None:
            guesses = self._guesses.get((self._shown_key, layer), {}).get(token)
        width = self.query_one("#tokens-value").size.width or 80
        self._say("value", token_line(coloured, token, emotions, layer, guesses, width=width))
        self._paint_strip(self.query_one("#tokens-layers", LayerStrip))
        if self._strip_timer is not None:
            self._strip_timer.stop()
        self._strip_timer = self.set_timer(STRIP_AFTER, self._paint_side)

    def _paint_side(self) -> None:
        self._paint_strip(self.query_one("#tokens-all-layers", LayerStrip))

    def _paint_strip(self, strip: LayerStrip) -> None:
        coloured, token = self._shown, self.query_one(TokenView).cursor
        if coloured is None or token >= len(coloured.pieces):
            return
        rows = [(one_line(e), coloured.across_layers(token, e)) for e in self._in_strip(strip.most)]
        strip.show(coloured.layers, rows, scale=self.scale, layer=self.at_layer)

    def _in_strip(self, most: int) -> list[str]:
        """The chosen emotions, then the highest of the span, as far as there is room."""
        shown = dict.fromkeys(self.emotions)
        shown.update(dict.fromkeys(rank.label for rank in self._ranks))
        return list(shown)[: max(most, 1)]

    @property
    def span(self) -> tuple[int, int, bool]:
        """Tokens [start, stop) that are ranked, and whether they were marked."""
        view = self.query_one(TokenView)
        start, stop = view.span
        marked = stop > start
        return (start, stop, True) if marked else (0, len(view.pieces), False)

    def paint_title(self) -> None:
        text, coloured = self._text, self._shown
        parts = [one_line(text.origin) if text is not None else "no text"]
        if self._asked is not None:
            parts.append("scoring ...")
        if coloured is not None:
            parts.append(one_line(name_of(self.emotions, coloured.labels)))
            parts.append(f"n {coloured.n_ordinary} tokens")
        if self._set:
            kind = f"{coloured.kind} " if coloured is not None else ""
            parts.append(f"{kind}vectors {one_line(self._set)}")
        if coloured is not None:
            parts.append(f"layer {self.at_layer} of {coloured.layers[0]}-{coloured.layers[-1]}")
        width = self.query_one("#tokens-title").size.width or 80
        self._say("title", title_line(parts, width))

    def on_resize(self) -> None:
        """Lines are cut for the width they have."""
        self.call_after_refresh(self.paint)

    def _missing(self) -> str:
        if self._asked is not None:
            mine = self._jobs
            busy = any(j.status == "running" and j.id not in mine for j in self.shell.shown_jobs)
            first = "waits for the running job, then " if busy else ""
            return f"{first}scoring all layers and emotions in one pass ..."
        if not self.workspace.vectors:
            return "no vectors chosen: S chooses a set, pane 3 lists them"
        return self.empty_hint

    def _say(self, what: str, text: str) -> None:
        """A layout is asked for only where the line may need another height: it is costly."""
        line = self.query_one(f"#tokens-{what}", Static)
        width = max(line.size.width, 1)
        before = self._said.get(what, "")
        self._said[what] = text
        rows, rows_before = (-(-cell_len(t) // width) for t in (text, before))
        grows = what == "value" and rows != rows_before
        line.update(Text(text, no_wrap=what != "value"), layout=grows)

    def on_token_view_cursor_moved(self, message: TokenView.CursorMoved) -> None:
        """Another token: its line and its layers."""
        message.stop()
        self.paint_cursor()
        if self.query_one(TokenView).span[0] == self.query_one(TokenView).span[1]:
            return
        self._paint_span()

    def on_token_view_span_changed(self, message: TokenView.SpanChanged) -> None:
        """Another span: its ranking, and its highest emotions at every layer."""
        message.stop()
        self._paint_span()
        self.paint_cursor()

    def on_token_view_yanked(self, message: TokenView.Yanked) -> None:
        """The text to the clipboard and a file, without tokens that only the model has."""
        message.stop()
        start, stop, _ = self.span
        text = message.text if self._shown is None else self._shown.text_of(start, stop)
        self.shell.copy_out(text or message.text)
