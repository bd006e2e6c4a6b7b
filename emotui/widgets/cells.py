"""Untrusted text measured and cut in terminal cells.

In: any text. Out: text in which every hidden character is a symbol and whose width is what
`rich.cells.cell_len` says, so that a table or a line of tokens stays aligned. Knows no widget.
"""

from collections.abc import Sequence
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

from emotui.sanitize import symbol, visible

_SELECTORS = "\ufe0e\ufe0f"
_DOTTED_CIRCLE = "◌"
MARKS = 4
"""Combining marks drawn on one base; a pile beyond that is counted instead of drawn."""


@lru_cache(maxsize=16384)
def glyphs(text: str) -> tuple[tuple[str, int], ...]:
    """(what is drawn, its width in cells) for each character with its combining marks.

    A mark without a base stands on a dotted circle. Variation selectors after a base are left
    out, because terminals disagree about the width they give; alone they are shown as symbols.
    """
    if text.isascii() and text.isprintable():
        return tuple((c, 1) for c in text)
    out: list[tuple[str, int]] = []
    based, marks = False, 0
    for character in visible(text):
        if character in _SELECTORS:
            if not based:
                shown = symbol(character)
                out.append((shown, cell_len(shown)))
            continue
        width = cell_len(character)
        if width == 0:
            marks += 1
            if not based:
                out.append((_DOTTED_CIRCLE + character, 1))
                based = True
            elif marks <= MARKS:
                base, base_width = out[-1]
                out[-1] = (base + character, base_width)
            continue
        out += _piled(marks)
        out.append((character, width))
        based, marks = True, 0
    out += _piled(marks)
    return tuple(out)


def _piled(marks: int) -> list[tuple[str, int]]:
    if marks <= MARKS:
        return []
    shown = f"⟨+{marks - MARKS} marks⟩"
    return [(shown, len(shown))]


def drawn(text: str) -> tuple[str, int]:
    """The text as `glyphs` draws it, and its width."""
    if text.isascii() and text.isprintable():
        return text, len(text)
    parts = glyphs(text)
    return "".join(g for g, _ in parts), sum(w for _, w in parts)


def fit(text: str, width: int, *, align: str = "left") -> str:
    """The text on one safe line of exactly `width` cells; a cut ends in an ellipsis."""
    if width <= 0:
        return ""
    # What lies far beyond the cut is not looked at: a row's text may be a whole book.
    shown, cells = drawn(text[: 8 * width + 64])
    if cells > width:
        if width == 1:
            return "…"
        shown = set_cell_size(shown, width - 1).rstrip() + "…"
        return shown + " " * (width - cell_len(shown))
    blank = " " * (width - cells)
    return blank + shown if align == "right" else shown + blank


def signed(value: float, *, places: int = 2) -> str:
    """A number as the workbench writes it: `+.12`, `−.31`, ` .00` is `0`, NaN is `–`."""
    if value != value:
        return "–"
    if abs(value) == float("inf"):
        return "+∞" if value > 0 else "−∞"
    digits = f"{abs(value):.{places}f}"
    if float(digits) == 0:
        return "0"
    return ("−" if value < 0 else "+") + (digits[1:] if digits.startswith("0.") else digits)


def wrapped(parts: Sequence[str], width: int, *, gap: str = "  ") -> str:
    """The parts on as few lines of `width` cells as they need, none torn apart."""
    lines: list[str] = []
    for part in parts:
        if lines and cell_len(lines[-1] + gap + part) <= width:
            lines[-1] += gap + part
        else:
            lines.append(part)
    return "\n".join(lines)
