"""Draws a screen of the workbench as SVG: one line of the file is one row of the screen.

In: rows of rich segments. Out: SVG text that depends on nothing but the cells: no random names, no
fonts of its own, no order of first use. So two pictures can be compared, and their difference read,
row by row. Every run has its width in cells written down, whatever font the viewer has.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME as ANSI
from textual.app import App

from emotui.drawing import BLANKS

CELL, LINE, SIZE, DROP = 8.4, 18, 14, 13.5
"""Pixels: width and height of a cell, font size, baseline below the row's top."""
FONTS = "DejaVu Sans Mono,Menlo,Consolas,monospace"

Row = Sequence[Segment]


@dataclass(frozen=True)
class Ink:
    """How a run of characters looks."""

    front: str
    """`#rrggbb`."""
    back: str
    bold: bool = False
    italic: bool = False
    underline: bool = False


def rows_of(app: App[object]) -> list[list[Segment]]:
    """What is on the screen now."""
    return [list(strip) for strip in app.screen._compositor.render_strips()]


def svg(rows: Sequence[Row], *, title: str = "emotui") -> str:
    """The whole picture."""
    columns = max((sum(cell_len(s.text) for s in row) for row in rows), default=0)
    paper, front = _commonest(rows)
    width, height = columns * CELL, len(rows) * LINE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {height}" '
        f'width="{_n(width)}" height="{height}"><title>{escape(title)}</title>\n'
        f'<rect width="100%" height="100%" fill="{paper}"/>{BLANKS}'
        f'<g font-family="{FONTS}" font-size="{SIZE}" fill="{front}" xml:space="preserve">\n'
        + "".join(f"{_row(row, y, paper, front)}\n" for y, row in enumerate(rows))
        + "</g></svg>\n"
    )


def _row(row: Row, y: int, paper: str, front: str) -> str:
    parts: list[str] = []
    x = 0
    for ink, text in _runs(row):
        wide = cell_len(text)
        left, span = _n(x * CELL), _n(wide * CELL)
        if ink.back != paper:
            parts.append(
                f'<rect x="{left}" y="{y * LINE}" width="{span}" height="{LINE}" '
                f'fill="{ink.back}"/>'
            )
        if text.strip() or ink.underline:
            looks = "" if ink.front == front else f' fill="{ink.front}"'
            looks += ' font-weight="bold"' if ink.bold else ""
            looks += ' font-style="italic"' if ink.italic else ""
            looks += ' text-decoration="underline"' if ink.underline else ""
            parts.append(
                f'<text x="{left}" y="{_n(y * LINE + DROP)}" textLength="{span}" '
                f'lengthAdjust="spacingAndGlyphs"{looks}>{escape(text, quote=False)}</text>'
            )
        x += wide
    return "".join(parts)


def _runs(row: Row) -> Iterable[tuple[Ink, str]]:
    """Neighbours of the same look as one; long gaps end a run, so that a font cannot drift."""
    for ink, group in groupby(row, key=lambda s: ink_of(s.style or Style.null())):
        text = "".join(segment.text for segment in group)
        start = 0
        while start < len(text):
            gap = text.find("   ", start)
            if gap < 0:
                yield ink, text[start:]
                break
            end = gap
            while end < len(text) and text[end] == " ":
                end += 1
            if gap > start:
                yield ink, text[start:gap]
            yield ink, text[gap:end]
            start = end


def ink_of(style: Style) -> Ink:
    """Colours and attributes with dim and reverse worked out."""
    front = _hex(style.color, foreground=True)
    back = _hex(style.bgcolor, foreground=False)
    if style.reverse:
        front, back = back, front
    if style.dim:
        front = _mix(front, back)
    return Ink(front, back, bool(style.bold), bool(style.italic), bool(style.underline))


def _hex(color: object, *, foreground: bool) -> str:
    from rich.color import Color

    chosen = color if isinstance(color, Color) else Color.default()
    r, g, b = chosen.get_truecolor(ANSI, foreground=foreground)
    return f"#{r:02x}{g:02x}{b:02x}"


def _mix(front: str, back: str) -> str:
    pairs = [(int(front[i : i + 2], 16), int(back[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{(a + b) // 2:02x}" for a, b in pairs)


def _commonest(rows: Sequence[Row]) -> tuple[str, str]:
    """(background, text colour) of most cells: said once for the whole picture."""
    back: dict[str, int] = {}
    front: dict[str, int] = {}
    for row in rows:
        for segment in row:
            ink = ink_of(segment.style or Style.null())
            back[ink.back] = back.get(ink.back, 0) + len(segment.text)
            front[ink.front] = front.get(ink.front, 0) + len(segment.text.strip())
    return (
        max(back, key=lambda c: (back[c], c), default="#000000"),
        max(front, key=lambda c: (front[c], c), default="#ffffff"),
    )


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
