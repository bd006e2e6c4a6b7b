"""Draws one text with coloured tokens as SVG, so that any Markdown viewer shows it.

In: a ScoreResult and an emotion. Out: SVG text, no scripts, nothing loaded. Words are laid out on a
fixed-width grid; text is untrusted and escaped.
"""

from html import escape

from rich.cells import cell_len

from emotui.colors import WHITE, background, bin_of, hexa, ink
from emotui.drawing import BLANKS
from emotui.jobs.score import ScoreResult
from emotui.sanitize import symbol, visible
from emotui.terminal import fixed
from emotui.tokenview import gaps

_COLUMNS, _CELL, _LINE, _LEFT, _TOP = 92, 8.0, 24.0, 14.0, 52.0


def tokens_svg(result: ScoreResult, emotion: str) -> str:
    """The text, one rectangle per token, a title and the scale."""
    s, at = result.scores, result.scores.layer_index(result.layer)
    column, scale = s.labels.index(emotion), float(s.scale[at])
    between = gaps(result)
    body: list[str] = []
    x, y = 0, 0
    for i, piece in enumerate(s.pieces):
        if s.is_special[i]:
            continue
        x += cell_len(visible(between[i]))
        shown = visible(piece.replace("\n", symbol("\n")))
        wide = cell_len(shown)
        if x + wide > _COLUMNS and x:
            x, y = 0, y + 1
            shown = shown.lstrip(" ")
            wide = cell_len(shown)
        body += _token(shown, x, y, wide, bin_of(float(s.scores[i, at, column]), scale))
        x += wide
    width, height = _COLUMNS * _CELL + 2 * _LEFT, _TOP + (y + 1) * _LINE + 40
    scale_y = _TOP + (y + 1) * _LINE + 14
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}">\n'
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>{BLANKS}\n'
        f'<text x="{_LEFT}" y="28" font-family="Helvetica,Arial,sans-serif" font-size="15" '
        f'font-weight="bold">{escape(visible(emotion))}, layer {result.layer}</text>\n'
        '<g font-family="DejaVu Sans Mono,Menlo,Consolas,monospace" font-size="13" '
        'xml:space="preserve">\n'
        + "\n".join(body)
        + "\n</g>\n"
        + _scale(scale, scale_y)
        + "</svg>\n"
    )


def _token(text: str, x: int, y: int, wide: int, bin_: int) -> list[str]:
    left, top = _LEFT + x * _CELL, _TOP + y * _LINE
    behind = background(bin_, paper=WHITE)
    out = []
    if behind is not None:
        out.append(
            f'<rect x="{left:.1f}" y="{top - 15:.1f}" width="{wide * _CELL:.1f}" '
            f'height="20" fill="{hexa(behind)}"/>'
        )
    color = "#000000" if behind is None else hexa(ink(behind))
    out.append(
        f'<text x="{left:.1f}" y="{top:.1f}" textLength="{wide * _CELL:.1f}" '
        f'lengthAdjust="spacingAndGlyphs" fill="{color}">{escape(text)}</text>'
    )
    return out


def _scale(scale: float, y: float) -> str:
    font = 'font-family="Helvetica,Arial,sans-serif" font-size="11" fill="#555"'
    out = [f'<text x="{_LEFT}" y="{y:.1f}" {font}>-{fixed(scale)}</text>']
    for i, b in enumerate(range(-4, 5)):
        behind = background(b, paper=WHITE) or WHITE
        out.append(
            f'<rect x="{_LEFT + 50 + i * 20:.1f}" y="{y - 11:.1f}" width="20" height="14" '
            f'fill="{hexa(behind)}" stroke="#dddddd"/>'
        )
    out.append(f'<text x="{_LEFT + 238:.1f}" y="{y:.1f}" {font}>+{fixed(scale)}</text>\n')
    return "\n".join(out)
