"""Where each token of a text stands on the screen: wrapped at words, blanks and line ends visible.

In: the tokens' pieces of text and a width in cells. Out: rows of runs, each run a piece of one
token at a column. Knows no colours and no widget.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from emotui.widgets.cells import glyphs

SPACE = "·"
NEWLINE = "⏎"
TAB = "⇥"
NOTHING = "▯"
"""Stands for a token without text of its own: a special token, half of a character."""


@dataclass(frozen=True, slots=True)
class Run:
    """The part of a token that stands on one row."""

    token: int
    text: str
    x: int
    """Column of its first cell."""
    width: int
    """Cells."""


Glyph = tuple[str, int]


class TokenLayout:
    """The rows of a text at one width."""

    def __init__(self, pieces: Sequence[str], width: int, *, blanks: str = SPACE) -> None:
        """`blanks` is drawn for a space: a visible sign, or a space where text is only read.

        A space that is only a space is left out at the left edge of a row where the text wrapped.
        """
        self.width = max(width, 1)
        self._blanks = blanks
        self._last_word: list[str] = []
        """The pieces of the last word, which may go on."""
        self.rows: list[list[Run]] = [[]]
        self.first_row: list[int] = []
        """Row on which each token begins."""
        self.last_row: list[int] = []
        self.starts_word: list[bool] = []
        self.extend(pieces)

    def extend(self, pieces: Sequence[str]) -> int:
        """More tokens at the end, laid out as if they had always been there.

        Only the last word is placed anew, since it may go on. Returns the first row that changed.
        """
        kept = len(self.starts_word) - len(self._last_word)
        row = self.first_row[kept] if self._last_word else len(self.rows) - 1
        del self.rows[row + 1 :]
        self.rows[row] = [run for run in self.rows[row] if run.token < kept]
        del self.first_row[kept:], self.last_row[kept:], self.starts_word[kept:]
        pieces = (*self._last_word, *pieces)
        for word in _words(pieces, self.starts_word, self._blanks, first=kept):
            self._place(word)
        if len(self.rows) > 1 and not self.rows[-1]:
            self.rows.pop()
        if pieces:
            begins = max(t for t in range(kept, len(self.starts_word)) if self.starts_word[t])
            self._last_word = list(pieces[begins - kept :])
        return min(row, len(self.rows) - 1)

    def __len__(self) -> int:
        return len(self.rows)

    def _place(self, word: list[tuple[int, list[Glyph]]]) -> None:
        """Put a word on this row if it fits, else on the next; one too long for any row is cut."""
        wide = sum(w for _, glyphs_ in word for _, w in glyphs_)
        used = self._used()
        if used and used + wide > self.width and not self._only_ends(word):
            if self._hangs(word) and used < self.width:
                token, glyphs_ = word.pop(0)
                self._put(token, glyphs_[-1:])
            self.rows.append([])
        if self._blanks == " " and self._goes_on():
            token, glyphs_ = word[0]
            word = [(token, _without_indent(glyphs_)), *word[1:]]
        for token, glyphs_ in word:
            self._put(token, glyphs_)

    def _hangs(self, word: list[tuple[int, list[Glyph]]]) -> bool:
        """Whether the space before a word is a token of its own, which may end the row above."""
        return self._blanks == " " and len(word) > 1 and all(g == " " for g, _ in word[0][1])

    def _goes_on(self) -> bool:
        """Whether the row is empty as yet and goes on the one above, which no line end closed."""
        return len(self.rows) > 1 and not self.rows[-1] and not self._ended(self.rows[-2])

    def _ended(self, row: list[Run]) -> bool:
        return bool(row) and row[-1].text.endswith(NEWLINE)

    def _put(self, token: int, glyphs_: list[Glyph]) -> None:
        text, x, width = "", self._used(), 0
        touched: list[int] = []

        def close(*, new_row: bool) -> None:
            nonlocal text, x, width
            if text:
                self.rows[-1].append(Run(token, text, x, width))
                touched.append(len(self.rows) - 1)
            x += width
            text, width = "", 0
            if new_row:
                self.rows.append([])
                x = 0

        for shown, cells in glyphs_:
            if x + width + cells > self.width and x + width > 0:
                close(new_row=True)
            text, width = text + shown, width + cells
            if shown == NEWLINE:
                close(new_row=True)
        close(new_row=False)
        self.first_row.append(touched[0])
        self.last_row.append(touched[-1])

    def _used(self) -> int:
        row = self.rows[-1]
        return row[-1].x + row[-1].width if row else 0

    def _only_ends(self, word: list[tuple[int, list[Glyph]]]) -> bool:
        """A word that is a line end may not open a row of its own where one cell is left."""
        first = word[0][1]
        return bool(first) and first[0][0] == NEWLINE and self._used() < self.width

    def row_of(self, token: int) -> int:
        """Row on which the token begins."""
        return self.first_row[token]

    def x_of(self, token: int) -> int:
        """Column at which the token begins."""
        for run in self.rows[self.first_row[token]]:
            if run.token == token:
                return run.x
        return 0

    def token_at(self, x: int, row: int) -> int | None:
        """The token at a cell, or the nearest one of the row; None without tokens."""
        if not self.first_row:
            return None
        runs = self.rows[max(0, min(row, len(self.rows) - 1))]
        if not runs:
            return None
        index = bisect_right([run.x for run in runs], x) - 1
        return runs[max(index, 0)].token

    def row_span(self, row: int) -> tuple[int, int]:
        """First and last token of a row."""
        runs = self.rows[row]
        return (runs[0].token, runs[-1].token) if runs else (0, 0)

    def next_word(self, token: int) -> int:
        """The first token of the next word; the last token where there is none."""
        later = range(token + 1, len(self.starts_word))
        return next((t for t in later if self.starts_word[t]), max(len(self.starts_word) - 1, 0))

    def previous_word(self, token: int) -> int:
        """The first token of this word, or of the one before when already there."""
        return next((t for t in range(token - 1, -1, -1) if self.starts_word[t]), 0)

    def touched(self, tokens: Iterable[int]) -> dict[int, int]:
        """Every row that shows one of the tokens, with the column after the last of them there."""
        wanted = set(tokens)
        rows = {row for t in wanted for row in range(self.first_row[t], self.last_row[t] + 1)}
        return {
            row: max(run.x + run.width for run in self.rows[row] if run.token in wanted)
            for row in rows
        }


def token_glyphs(piece: str, blanks: str = SPACE) -> list[Glyph]:
    """A token's piece as drawn: blanks, tabs and line ends visible, the rest safe."""
    if not piece:
        return [(NOTHING, 1)]
    out: list[Glyph] = []
    for part in re.split(r"(\r?\n|\t)", piece):
        if part == "\t":
            out.append((TAB, 1))
        elif part.endswith("\n"):
            out.append((NEWLINE, 1))
        else:
            out += [(blanks, 1) if glyph[0] == " " else glyph for glyph in glyphs(part)]
    return out


def _without_indent(glyphs_: list[Glyph]) -> list[Glyph]:
    """A token without the spaces before its text; one of spaces only keeps the last."""
    spaces = next((i for i, (shown, _) in enumerate(glyphs_) if shown != " "), len(glyphs_) - 1)
    return glyphs_[spaces:]


def _words(
    pieces: Sequence[str], starts: list[bool], blanks: str, *, first: int
) -> Iterator[list[tuple[int, list[Glyph]]]]:
    """Tokens, numbered from `first`, as words; fills `starts` with whether each begins one."""
    word: list[tuple[int, list[Glyph]]] = []
    ended = True
    for token, piece in enumerate(pieces, start=first):
        opens = ended or piece[:1].isspace()
        if opens and word:
            yield word
            word = []
        starts.append(opens)
        word.append((token, token_glyphs(piece, blanks)))
        ended = piece[-1:].isspace() and not piece.isspace()
        if piece.endswith("\n"):
            ended = True
    if word:
        yield word
