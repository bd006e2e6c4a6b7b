"""Makes untrusted text safe to show: text from datasets, models, file names and error messages.

In: any string. Out: a string in which nothing can move the cursor, change colours, reverse the
reading direction or hide. Knows nothing of terminals or markup; callers that hand the result to
rich must do so as plain text (rich.text.Text), never as markup.
"""

import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_FILLERS = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x2800, 0x3164, 0xFFA0}


def symbol(character: str) -> str:
    """What stands for one dangerous or invisible character: its control picture or its number."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    return f"⟨U+{code:04X}⟩"


def is_hidden(character: str) -> bool:
    """True for control, escape, bidi, zero-width, separator, surrogate and blank letters."""
    if " " <= character <= "~":
        return False
    return unicodedata.category(character) in _HIDDEN or ord(character) in _FILLERS


def visible(text: str, *, newlines: bool = False) -> str:
    """The text with every hidden character as a symbol; `newlines=True` keeps line ends and tabs.

    Keeping them suits a block of prose; a table cell, a path or an error line wants them shown.
    """
    if text.isascii() and text.isprintable():
        return text
    if newlines:
        text = text.replace("\r\n", "\n").expandtabs(4)
    return "".join(symbol(c) if is_hidden(c) and not (newlines and c == "\n") else c for c in text)


def one_line(text: str) -> str:
    """The text on a single line: runs of blanks become one space, the rest is made visible."""
    return visible(" ".join(text.split()))


def shorten(text: str, width: int) -> str:
    """At most `width` terminal cells of an already visible text; a cut ends in an ellipsis."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(width - 1, 0)).rstrip() + "…"
