"""Draws line charts as self-contained SVG: accuracy by layer with baselines, alpha sweeps.

In: plain numbers in small dataclasses. Out: SVG text, white paper, no scripts, no external fonts.
Every chart's last line says what it rests on. Computes nothing but positions on the page.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from emotui.sanitize import visible

Look = Literal["solid", "dashed", "dotted"]
Position = Callable[[float], float]
"""From a value on an axis to a place on the page."""
_DASH = {"solid": "", "dashed": ' stroke-dasharray="7 4"', "dotted": ' stroke-dasharray="2 4"'}
_FONT = 'font-family="Helvetica,Arial,sans-serif"'


@dataclass(frozen=True)
class Line:
    """One curve: its points and, where known, the band around it."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    color: str
    low: tuple[float, ...] = ()
    """Lower ends of the interval; empty for no band."""
    high: tuple[float, ...] = ()
    look: Look = "solid"
    points: bool = False
    """Draw a dot at every point."""


@dataclass(frozen=True)
class Panel:
    """One pair of axes."""

    title: str
    x_name: str
    y_name: str
    lines: tuple[Line, ...]
    x_ticks: tuple[float, ...]
    y_from: float
    y_to: float
    places: int = 2
    """Places after the point at the y ticks."""


def chart(panels: Sequence[Panel], *, title: str, rests_on: str, width: int = 760) -> str:
    """One SVG document: the panels under each other, then a line saying what it rests on."""
    height_each, top = 300, 46
    height = top + height_each * len(panels) + 34
    body = [
        f'<text x="20" y="26" font-size="16" font-weight="bold">{_text(title)}</text>',
    ]
    for i, panel in enumerate(panels):
        body += _panel(panel, 0, top + i * height_each, width, height_each)
    body.append(
        f'<text x="20" y="{height - 14}" font-size="11" fill="#555">{_text(rests_on)}</text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" {_FONT} font-size="12" fill="#222">\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def nice_ticks(low: float, high: float, *, count: int = 5) -> list[float]:
    """About `count` round numbers between low and high."""
    span = high - low
    if span <= 0:
        return [low]
    raw = span / count
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 10) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def thinned(ticks: Sequence[float], *, most: int = 16) -> tuple[float, ...]:
    """Every k-th tick, so that at most `most` remain; the last one stays."""
    step = math.ceil(len(ticks) / most)
    kept = list(ticks[::step])
    if ticks and kept[-1] != ticks[-1]:
        kept[-1:] = [ticks[-1]] if step > 1 and len(kept) > 1 else [kept[-1], ticks[-1]]
    return tuple(kept)


def _text(value: str) -> str:
    return escape(visible(value))


def _panel(panel: Panel, x0: float, y0: float, width: float, height: float) -> list[str]:
    left, right, top, bottom = x0 + 62, x0 + width - 190, y0 + 26, y0 + height - 44
    xs = [x for line in panel.lines for x in line.x] or [0.0]
    x_low, x_high = min(xs), max(xs)
    if x_low == x_high:
        x_low, x_high = x_low - 0.5, x_high + 0.5
    y_span = (panel.y_to - panel.y_from) or 1.0

    def px(x: float) -> float:
        return left + (x - x_low) / (x_high - x_low) * (right - left)

    def py(y: float) -> float:
        clipped = min(max(y, panel.y_from), panel.y_to)
        return bottom - (clipped - panel.y_from) / y_span * (bottom - top)

    out = [f'<text x="{left}" y="{top - 10}" font-size="12">{_text(panel.title)}</text>']
    for tick in nice_ticks(panel.y_from, panel.y_to):
        y = py(tick)
        out.append(f'<path d="M{left} {y:.1f}H{right}" stroke="#e4e4e4"/>')
        out.append(
            f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:.{panel.places}f}</text>'
        )
    for tick in panel.x_ticks:
        out.append(f'<path d="M{px(tick):.1f} {bottom}v5" stroke="#888"/>')
        out.append(
            f'<text x="{px(tick):.1f}" y="{bottom + 18}" text-anchor="middle">{tick:g}</text>'
        )
    out.append(f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#888"/>')
    middle = (left + right) / 2
    out.append(
        f'<text x="{middle:.1f}" y="{bottom + 36}" text-anchor="middle">'
        f"{_text(panel.x_name)}</text>"
    )
    out.append(
        f'<text transform="translate({x0 + 18} {(top + bottom) / 2:.1f}) rotate(-90)" '
        f'text-anchor="middle">{_text(panel.y_name)}</text>'
    )
    for line in panel.lines:
        out += _curve(line, px, py)
    return out + _legend(panel.lines, right + 14, top + 4)


def _curve(line: Line, px: Position, py: Position) -> list[str]:
    kept = [i for i, y in enumerate(line.y) if math.isfinite(y)]
    out: list[str] = []
    if line.low:
        banded = [i for i in range(len(line.x)) if math.isfinite(line.low[i] + line.high[i])]
        up = [f"{px(line.x[i]):.1f},{py(line.high[i]):.1f}" for i in banded]
        down = [f"{px(line.x[i]):.1f},{py(line.low[i]):.1f}" for i in reversed(banded)]
        out.append(
            f'<polygon points="{" ".join(up + down)}" fill="{line.color}" fill-opacity="0.16"/>'
        )
    where = " ".join(f"{px(line.x[i]):.1f},{py(line.y[i]):.1f}" for i in kept)
    out.append(
        f'<polyline points="{where}" fill="none" stroke="{line.color}" stroke-width="2"'
        f"{_DASH[line.look]}/>"
    )
    if line.points:
        out += [
            f'<circle cx="{px(line.x[i]):.1f}" cy="{py(line.y[i]):.1f}" r="3" fill="{line.color}"/>'
            for i in kept
        ]
    return out


def _legend(lines: Sequence[Line], x: float, y: float) -> list[str]:
    out: list[str] = []
    for i, line in enumerate(lines):
        at = y + i * 19
        out.append(
            f'<path d="M{x} {at}h24" stroke="{line.color}" stroke-width="2"{_DASH[line.look]}/>'
        )
        out.append(f'<text x="{x + 30}" y="{at + 4}">{_text(line.name)}</text>')
    return out
