"""Draws line charts: accuracy by layer with baselines, alpha sweeps, a comparison of directions.

In: plain numbers in small dataclasses. Out: a page for `drawing.svg` or `raster.png`, or the SVG at
once. Every chart's last lines say what it rests on. Computes nothing but positions on the page.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from emotui.drawing import Area, Disc, Page, Shape, Stroke, Words, svg

Look = Literal["solid", "dashed", "dotted"]
Position = Callable[[float], float]
"""From a value on an axis to a place on the page."""
_DASH: dict[Look, tuple[float, ...]] = {"solid": (), "dashed": (7, 4), "dotted": (2, 4)}
FAINT, AXIS, GREY = "#e4e4e4", "#888888", "#555555"
LETTER = 5.8
"""CSS pixels of a letter of 11 px, by which a line is folded."""


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
    """One SVG document: the panels under each other, then lines saying what it rests on."""
    return svg(chart_page(panels, title=title, rests_on=rests_on, width=width))


def chart_page(panels: Sequence[Panel], *, title: str, rests_on: str, width: int = 760) -> Page:
    """The same as a page."""
    each, top = 300, 46
    notes = note_lines(rests_on, width - 40)
    page = Page(width, top + each * len(panels) + 20 + 14 * len(notes))
    page.add(Words(20, 26, title, 16, bold=True))
    for i, panel in enumerate(panels):
        page.add(*_panel(panel, 0, top + i * each, width, each))
    add_notes(page, notes)
    return page


def note_lines(text: str, width: float) -> list[str]:
    """The text folded at blanks to a width in CSS pixels; its own line ends are kept."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines.append("")
        for word in paragraph.split():
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and len(longer) * LETTER > width:
                lines.append(word)
            else:
                lines[-1] = longer
    return lines


def add_notes(page: Page, lines: Sequence[str]) -> None:
    """Write lines at the bottom of the page."""
    first = page.height - 14 * len(lines)
    for i, line in enumerate(lines):
        page.add(Words(20, first + 14 * i, line, 11, color=GREY))


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


def _panel(panel: Panel, x0: float, y0: float, width: float, height: float) -> list[Shape]:
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

    out: list[Shape] = [Words(left, top - 10, panel.title)]
    for tick in nice_ticks(panel.y_from, panel.y_to):
        y = py(tick)
        out.append(Stroke(((left, y), (right, y)), FAINT))
        out.append(Words(left - 8, y + 4, f"{tick:.{panel.places}f}", anchor="end"))
    for tick in panel.x_ticks:
        out.append(Stroke(((px(tick), bottom), (px(tick), bottom + 5)), AXIS))
        out.append(Words(px(tick), bottom + 18, f"{tick:g}", anchor="middle"))
    out.append(Stroke(((left, top), (left, bottom), (right, bottom)), AXIS))
    out.append(Words((left + right) / 2, bottom + 36, panel.x_name, anchor="middle"))
    middle = (top + bottom) / 2
    out.append(Words(x0 + 18, middle, panel.y_name, anchor="middle", turned=True))
    for line in panel.lines:
        out += _curve(line, px, py)
    return out + _legend(panel.lines, right + 14, top + 4)


def _curve(line: Line, px: Position, py: Position) -> list[Shape]:
    kept = [i for i, y in enumerate(line.y) if math.isfinite(y)]
    out: list[Shape] = []
    if line.low:
        banded = [i for i in range(len(line.x)) if math.isfinite(line.low[i] + line.high[i])]
        up = [(px(line.x[i]), py(line.high[i])) for i in banded]
        down = [(px(line.x[i]), py(line.low[i])) for i in reversed(banded)]
        out.append(Area((*up, *down), line.color, 0.16))
    places = tuple((px(line.x[i]), py(line.y[i])) for i in kept)
    out.append(Stroke(places, line.color, 2, _DASH[line.look]))
    if line.points:
        out += [Disc(x, y, 3, line.color) for x, y in places]
    return out


def _legend(lines: Sequence[Line], x: float, y: float) -> list[Shape]:
    out: list[Shape] = []
    for i, line in enumerate(lines):
        at = y + i * 19
        out.append(Stroke(((x, at), (x + 24, at)), line.color, 2, _DASH[line.look]))
        out.append(Words(x + 30, at + 4, line.name))
    return out
