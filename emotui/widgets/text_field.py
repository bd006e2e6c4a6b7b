"""A field for several lines of text that shows what terminals would obey or hide.

In and out: text as it is, also with escapes, bidi and zero-width characters in it. On the screen
each of these is one symbol, so that a place in the text and a place on the screen stay the same.
"""

import unicodedata

from rich.text import Text
from textual.widgets import TextArea

from emotui.sanitize import is_hidden, symbol
from emotui.widgets.cells import MARKS

STAND_IN = "▯"
"""For a character whose own symbol would take more than one cell."""


class TextField(TextArea):
    """A text area for untrusted text: a prompt from a file, a row, an earlier run."""

    def __init__(self, text: str = "", *, id: str | None = None) -> None:
        super().__init__(text, id=id, compact=True, soft_wrap=True)
        self._given, self._as_loaded = text, self.text

    def load_text(self, text: str) -> None:
        """Show another text."""
        super().load_text(text)
        self._given, self._as_loaded = text, self.text

    @property
    def value(self) -> str:
        """The text; as it was given while nobody has edited it.

        The area itself makes a line end of every character that Python takes for one.
        """
        return self._given if self.text == self._as_loaded else self.text

    def get_line(self, line_index: int) -> Text:
        """One line as it is drawn; as many characters as the line has."""
        line = super().get_line(line_index)
        line.plain = one_each(line.plain)
        return line


def one_each(text: str) -> str:
    """The text with one visible character for each hidden one, and for marks piled too high."""
    if text.isascii() and text.isprintable():
        return text
    out, pile = [], 0
    for character in text:
        pile = pile + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if pile > MARKS:
            out.append(STAND_IN)
        elif is_hidden(character):
            shown = symbol(character)
            out.append(shown if len(shown) == 1 else STAND_IN)
        else:
            out.append(character)
    return "".join(out)
