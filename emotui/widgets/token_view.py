"""A text with every token coloured by one score, a cursor and a marked span.

In: pieces of text per token, then one score per token and the end of the scale. Out: messages for
the cursor, the span and a yank. Recolouring keeps the layout; a move repaints the touched lines
only. Computes no score and knows no emotion.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from emotui.actions import bindings
from emotui.colors import bin_of
from emotui.widgets.look import Look, look_of
from emotui.widgets.token_layout import SPACE, TokenLayout


class TokenView(ScrollView, can_focus=True):
    """Shows tokens; hjkl and arrows move, v marks, y yanks."""

    BINDINGS = bindings("token-view")
    ALLOW_SELECT = False
    DEFAULT_CSS = """
    TokenView {
        overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1;
        scrollbar-background: $background; scrollbar-background-hover: $background;
    }
    """

    @dataclass
    class Said(Message):
        """What every message of a view carries."""

        view: "TokenView"

        @property
        def control(self) -> "TokenView":
            """The view it came from."""
            return self.view

    @dataclass
    class CursorMoved(Said):
        """The cursor stands on another token, or the token has another score."""

        index: int
        piece: str
        score: float
        """NaN where the token has none."""

    @dataclass
    class SpanChanged(Said):
        """Another span is marked."""

        first: int
        end: int
        """One past the last token; first == end when nothing is marked."""

    @dataclass
    class Yanked(Said):
        """The user wants this text on the clipboard."""

        text: str

    def __init__(
        self,
        pieces: Sequence[str] = (),
        *,
        blanks: str = SPACE,
        cursor_always: bool = True,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """`blanks` is what a space looks like: visible, or " " where text is only to be read.

        Of several views side by side only the focused one shows its cursor: not `cursor_always`.
        """
        super().__init__(id=id, classes=classes)
        self._blanks, self._cursor_always = blanks, cursor_always
        self._pieces: tuple[str, ...] = tuple(pieces)
        self._bins: list[int] = [0] * len(self._pieces)
        self._scores: Sequence[float] = ()
        self._layout: TokenLayout | None = None
        self._strips: dict[int, Strip] = {}
        self._look: Look | None = None
        self._cursor = 0
        self._mark: int | None = None
        self._goal: int | None = None
        """Column that moves up and down keep to; None after any other move."""
        self._stale = False
        self.painted_rows = 0
        """How many rows have been drawn afresh; for measurements."""

    # What others set

    def set_tokens(self, pieces: Sequence[str]) -> None:
        """Show another text; cursor, mark and colours start anew."""
        self._pieces = tuple(pieces)
        self._bins, self._scores = [0] * len(self._pieces), ()
        self._cursor, self._mark = 0, None
        self._lay_out()
        self.scroll_to(0, 0, animate=False)
        self._tell_cursor()

    def append_tokens(self, pieces: Sequence[str]) -> None:
        """Add tokens at the end, as a model writes them; the cursor stays."""
        self._pieces += tuple(pieces)
        self._bins += [0] * len(pieces)
        if self._layout is None:
            self._lay_out()
            return
        first = self._layout.extend(pieces)
        for row in [r for r in self._strips if r >= first]:
            del self._strips[row]
        self.virtual_size = Size(self._layout.width, len(self._layout))
        top = max(first - self.scroll_offset.y, 0)
        self.refresh(Region(0, top, self.size.width, max(self.size.height - top, 1)))

    def set_scores(self, scores: Sequence[float], *, scale: float) -> None:
        """Colour by these scores, one per token; ±`scale` is the end of the scale.

        ValueError where there are more or fewer scores than tokens.
        """
        if len(scores) != len(self._pieces):
            raise ValueError(
                f"{len(scores)} scores for {len(self._pieces)} tokens; give one per token"
            )
        self._scores = scores
        bins = [bin_of(float(score), scale) for score in scores]
        changed = [
            i for i, (old, new) in enumerate(zip(self._bins, bins, strict=True)) if old != new
        ]
        self._bins = bins
        self._repaint(changed)
        if self._pieces:
            self._tell_cursor()

    def set_stale(self, stale: bool) -> None:
        """Dim the whole text: it no longer fits the settings shown beside it."""
        if stale != self._stale:
            self._stale = stale
            self._strips.clear()
            self.refresh()

    @property
    def pieces(self) -> tuple[str, ...]:
        """The tokens shown."""
        return self._pieces

    @property
    def cursor(self) -> int:
        """Index of the token under the cursor."""
        return self._cursor

    @property
    def span(self) -> tuple[int, int]:
        """The marked tokens [start, stop); empty without a mark."""
        if self._mark is None:
            return self._cursor, self._cursor
        return min(self._mark, self._cursor), max(self._mark, self._cursor) + 1

    def score_at(self, index: int) -> float:
        """The score of a token; NaN without one."""
        return float(self._scores[index]) if index < len(self._scores) else math.nan

    def move_to(self, index: int) -> None:
        """Put the cursor on a token and scroll it into view."""
        if not self._pieces or self._layout is None:
            return
        index = max(0, min(index, len(self._pieces) - 1))
        if index == self._cursor:
            return
        before, old_span = self._cursor, self.span
        self._cursor, self._goal = index, None
        changed = {before, index}
        if self._mark is not None:
            changed |= set(range(*old_span)) ^ set(range(*self.span))
        self._repaint(changed)
        self._keep_visible()
        self._tell_cursor()
        if self._mark is not None:
            self._tell_span()

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One line of the visible part."""
        row = y + self.scroll_offset.y
        look = self._looks()
        layout = self._layout
        if layout is None or row >= len(layout):
            return Strip.blank(self.size.width, look.base)
        strip = self._strips.get(row)
        if strip is None:
            strip = self._strips[row] = self._draw(layout, row, look)
            self.painted_rows += 1
        return strip

    def _draw(self, layout: TokenLayout, row: int, look: Look) -> Strip:
        """Runs of equal style become one segment: fewer bytes on the wire."""
        start, stop = self.span
        segments: list[Segment] = []
        text, style, cells = "", look.base, 0
        for run in layout.rows[row]:
            own = self._style(run.token, look, marked=start <= run.token < stop)
            if own != style and text:
                segments.append(Segment(text, style))
                text = ""
            text, style, cells = text + run.text, own, cells + run.width
        if text:
            segments.append(Segment(text, style))
        rest = self.size.width - cells
        if rest > 0:
            segments.append(Segment(" " * rest, look.base))
        return Strip(segments, cells + max(rest, 0))

    def _style(self, token: int, look: Look, *, marked: bool) -> Style:
        style = look.dim if self._stale else look.bin(self._bins[token])
        if marked:
            style += look.mark
        if token == self._cursor and (self._cursor_always or self.has_focus):
            style = look.base + look.cursor
        return style

    def _looks(self) -> Look:
        if self._look is None:
            self._look = look_of(self)
        return self._look

    def _repaint(self, tokens: Iterable[int]) -> None:
        """Draw the tokens anew: their rows only, and each row only as far as it must."""
        if self._layout is None:
            return
        top = self.scroll_offset.y
        visible = range(top, top + self.size.height)
        ends = self._layout.touched(tokens)
        for row in ends:
            self._strips.pop(row, None)
        regions = [Region(0, r - top, end, 1) for r, end in ends.items() if r in visible]
        if regions:
            self.refresh(*regions)

    def _lay_out(self) -> None:
        width = self.scrollable_content_region.width
        if width <= 0:
            self._layout = None  # hidden: laid out at the next size
            return
        self._layout = TokenLayout(self._pieces, width, blanks=self._blanks)
        self._strips.clear()
        self.virtual_size = Size(width, len(self._layout))
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """A new width wraps anew; the cursor stays on screen."""
        del event
        width = self.scrollable_content_region.width
        if self._layout is None or self._layout.width != width:
            fresh = self._layout is None
            self._lay_out()
            if fresh and self._pieces:
                self._tell_cursor()
        self._keep_visible()

    def on_focus(self) -> None:
        """The cursor appears where it was hidden."""
        if self._pieces:
            self._repaint([self._cursor])

    def on_blur(self) -> None:
        """And goes again."""
        if self._pieces:
            self._repaint([self._cursor])

    def notify_style_update(self) -> None:
        """Another theme: every strip is drawn anew."""
        super().notify_style_update()
        self._look = None
        self._strips.clear()

    def _keep_visible(self) -> None:
        """Scroll by half a page when the cursor leaves: one repaint instead of one per line."""
        if self._layout is None or not self._pieces:
            return
        row, height, top = self._layout.row_of(self._cursor), self.size.height, self.scroll_offset.y
        if height <= 0 or top <= row < top + height:
            return
        target = row - height // 2
        self.scroll_to(None, max(0, target), animate=False)

    def _tell_cursor(self) -> None:
        if self._pieces and self._layout is not None:
            index = self._cursor
            self.post_message(
                self.CursorMoved(self, index, self._pieces[index], self.score_at(index))
            )

    def _tell_span(self) -> None:
        self.post_message(self.SpanChanged(self, *self.span))

    # What keys do

    def action_cursor_left(self) -> None:
        """One token left."""
        self.move_to(self._cursor - 1)

    def action_cursor_right(self) -> None:
        """One token right."""
        self.move_to(self._cursor + 1)

    def action_cursor_up(self) -> None:
        """One line up."""
        self._move_rows(-1)

    def action_cursor_down(self) -> None:
        """One line down."""
        self._move_rows(1)

    def action_page_up(self) -> None:
        """One page up."""
        self._move_rows(-max(self.size.height - 1, 1))

    def action_page_down(self) -> None:
        """One page down."""
        self._move_rows(max(self.size.height - 1, 1))

    def _move_rows(self, by: int) -> None:
        """Up or down at the same column; on the first or last row to its first or last token."""
        if self._layout is None or not self._pieces:
            return
        row = self._layout.last_row[self._cursor] if by > 0 else self._layout.row_of(self._cursor)
        wanted = row + by
        if wanted < 0:
            self.move_to(0)
        elif wanted >= len(self._layout):
            self.move_to(len(self._pieces) - 1)
        else:
            goal = self._layout.x_of(self._cursor) if self._goal is None else self._goal
            token = self._layout.token_at(goal, wanted)
            self.move_to(self._cursor if token is None else token)
            self._goal = goal

    def action_next_word(self) -> None:
        """Start of the next word."""
        if self._layout is not None:
            self.move_to(self._layout.next_word(self._cursor))

    def action_previous_word(self) -> None:
        """Start of this word or of the one before."""
        if self._layout is not None:
            self.move_to(self._layout.previous_word(self._cursor))

    def action_line_start(self) -> None:
        """First token of the line."""
        if self._layout is not None and self._pieces:
            self.move_to(self._layout.row_span(self._layout.row_of(self._cursor))[0])

    def action_line_end(self) -> None:
        """Last token of the line."""
        if self._layout is not None and self._pieces:
            self.move_to(self._layout.row_span(self._layout.row_of(self._cursor))[1])

    def action_first(self) -> None:
        """First token."""
        self.move_to(0)

    def action_last(self) -> None:
        """Last token."""
        self.move_to(len(self._pieces) - 1)

    def action_mark(self) -> None:
        """Start a span at the cursor, or drop the one there is."""
        if not self._pieces or self._layout is None:
            return
        marked = {self._cursor, *range(*self.span)}
        self._mark = self._cursor if self._mark is None else None
        self._repaint(marked)
        self._tell_span()

    def action_yank(self) -> None:
        """Ask for the span, or the whole text, to be copied; the text is as it was given."""
        start, stop = self.span
        wanted = self._pieces[start:stop] if stop > start else self._pieces
        if wanted:
            self.post_message(self.Yanked(self, "".join(wanted)))

    def on_click(self, event: events.Click) -> None:
        """The mouse puts the cursor where it points."""
        if self._layout is not None:
            offset = event.get_content_offset(self)
            if offset is not None:
                token = self._layout.token_at(offset.x, offset.y + self.scroll_offset.y)
                if token is not None:
                    self.move_to(token)
