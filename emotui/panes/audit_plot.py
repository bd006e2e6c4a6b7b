"""A control's table and numbers as plots in cells: curves, intervals on one axis, a histogram.

In: columns or numbers as the record holds them. Out: lines of text of a given width. Knows no
control by name and no widget; nothing is computed but places on the screen.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from emotui.charts import nice_ticks
from emotui.widgets.bars import bar
from emotui.widgets.braille import sample
from emotui.widgets.cells import fit
from emotui.widgets.chart_grid import DASHES, Plot, Series

X_NAMES = ("layer", "dose", "alpha", "share", "component")
"""Columns that others are drawn over, if they are there."""
AXIS = 7
MIN_WIDTH = 24
HEIGHT = 9
SCALE = 10_000
"""Places along x: `Plot` counts its layers in whole numbers."""
MANY = 30
"""A single column of so many values is a distribution and drawn as one."""
BINS = 12
TOGETHER = 3.0
"""Curves share a plot while their common range is not more than so many times the first's."""

Columns = Mapping[str, Sequence[float | None]]


def table_plot(table: Columns, width: int) -> list[str]:
    """The columns as curves over one of them, or one long column as a histogram; [] for none."""
    columns = {name: [_number(v) for v in column] for name, column in table.items()}
    columns = {name: column for name, column in columns.items() if column}
    if not columns or width < MIN_WIDTH:
        return []
    # JSON keeps no order of columns, so x is known by its name, else by rising from row to row.
    rising = [n for n, c in columns.items() if len(c) > 1 and all(b > a for a, b in pairwise(c))]
    first = next((n for n in (*X_NAMES, *rising) if n in rising), next(iter(columns)))
    others = [name for name in columns if name != first]
    if not others:
        return histogram(first, columns[first], width) if len(columns[first]) >= MANY else []
    x = columns[first]
    if first not in rising:
        return rows_of(columns, width)
    lines: list[str] = []
    for names in _groups({n: columns[n] for n in others if not _is_mark(columns[n])}):
        lines += curves(first, x, {n: columns[n] for n in names}, width)
    for name in others:
        if _is_mark(columns[name]):
            marked = ", ".join(f"{a:g}" for a, v in zip(x, columns[name], strict=True) if v)
            lines.append(f"{name}: {first} {marked or 'none'}")
    return lines


def curves(x_name: str, x: Sequence[float], ys: Mapping[str, Sequence[float]], width: int,
           ) -> list[str]:  # fmt: skip
    """Some curves over the same x, their names under them; the first one solid."""
    finite = [v for column in ys.values() for v in column if v == v]
    if not finite:
        return [f"{', '.join(ys)}: nothing could be computed"]
    low, high = min(finite), max(finite)
    room = (high - low) * 0.08 or 0.5
    places = tuple(round((v - x[0]) / (x[-1] - x[0]) * SCALE) for v in x)
    plot = Plot(places, low - room, high + room, width - AXIS, HEIGHT)
    dashes = list(DASHES)
    series = [
        Series(name, dash=dashes[i % len(dashes)], main=i == 0,
               points=dict(zip(places, column, strict=True)))
        for i, (name, column) in enumerate(ys.items())
    ]  # fmt: skip
    ticks = {plot.row(t): t for t in nice_ticks(plot.y_from, plot.y_to, count=4)
             if plot.y_from <= t <= plot.y_to}  # fmt: skip
    lines = []
    for row, cells in enumerate(plot.draw(series)):
        label = f"{ticks[row]:g}".rjust(AXIS - 2) + " ┤" if row in ticks else " " * (AXIS - 1) + "│"
        lines.append(label + "".join(cell.text for cell in cells))
    lines.append(_under(x, places, plot))
    names = "  ".join(f"{sample(DASHES[s.dash], 3)} {s.name}" for s in series)
    return [*lines, f"{' ' * AXIS}{x_name}   {names}"]


def _under(x: Sequence[float], places: Sequence[int], plot: Plot) -> str:
    """The x values under their columns, as many as fit."""
    line, taken = [" "] * (AXIS + plot.width), -1
    for value, place in zip(x, places, strict=True):
        text = f"{value:.3g}"
        start = min(max(AXIS + plot.column(place) - len(text) // 2, 0), len(line) - len(text))
        if start > taken:
            line[start : start + len(text)] = text
            taken = start + len(text) + 1
    return "".join(line).rstrip()


def histogram(name: str, values: Sequence[float], width: int) -> list[str]:
    """How often values fall between equal steps, a bar per step."""
    finite = [v for v in values if v == v]
    if not finite:
        return []
    low, high = min(finite), max(finite)
    step = (high - low) / BINS or 1.0
    counts = [0] * BINS
    for v in finite:
        counts[min(int((v - low) / step), BINS - 1)] += 1
    most = max(counts)
    room = max(width - 18, 4)
    return [f"{name}, {len(finite):,} values"] + [
        f"{low + i * step:>9.3g} {bar(n / most, room)} {n:>6,}" for i, n in enumerate(counts)
    ]


def rows_of(columns: Mapping[str, Sequence[float]], width: int) -> list[str]:
    """A table, for columns that have no order to draw along; the first dozen rows."""
    wide = {name: max(len(name), 8) for name in columns}
    lines = [fit("  ".join(name.rjust(wide[name]) for name in columns), width)]
    count = max(len(column) for column in columns.values())
    for i in range(min(count, BINS)):
        cells = [
            (f"{c[i]:.3g}" if i < len(c) and c[i] == c[i] else "–").rjust(wide[name])
            for name, c in columns.items()
        ]
        lines.append(fit("  ".join(cells), width))
    return lines + ([f"… {count - BINS} more rows"] if count > BINS else [])


def interval_rows(
    numbers: Mapping[str, Mapping[str, Any]], nulls: Sequence[Mapping[str, Any]], width: int
) -> list[str]:
    """Numbers with their intervals and nulls (mean ± 2 sd) on one axis; [] where none can be.

    Only what lies within the reach of the first number is drawn: a count of 240 beside a cosine of
    .3 would flatten it.
    """
    first = next((n for n in numbers.values() if _ends(n) is not None), None)
    if first is None or width < 48:
        return []
    spans: list[tuple[str, float, float, float, str]] = []
    for name, number in numbers.items():
        ends = _ends(number)
        if ends is not None and abs(ends[1]) <= 2 * max(1.0, abs(float(first["value"]))):
            spans.append((name, *ends, "●"))
    for null in nulls:
        if null["mean"] is not None and null["sd"] is not None:
            m, sd = null["mean"], null["sd"]
            spans.append((f"null: {null['kind']}", m - 2 * sd, m, m + 2 * sd, "┆"))
    low, high = min(0.0, *(s[1] for s in spans)), max(0.0, *(s[3] for s in spans))
    if high <= low:
        return []
    if low > -0.01 * high:
        low = 0.0  # a hair below nought needs no place of its own
    wide = min(max(len(s[0]) for s in spans), width // 2)
    room = width - wide - 2
    lines = [
        fit(name, wide) + "  " + _track(a, b, c, low, high, room, mark)
        for name, a, b, c, mark in spans
    ]
    left, right = f"{low:.3g}", f"{high:.3g}"
    return [*lines, " " * (wide + 2) + left + right.rjust(room - len(left))]


def _track(
    low: float, value: float, high: float, start: float, stop: float, room: int, mark: str
) -> str:
    def at(v: float) -> int:
        return max(0, min(room - 1, round((v - start) / (stop - start) * (room - 1))))

    line = [" "] * room
    line[at(0.0)] = "╎"
    a, b = at(low), at(high)
    for i in range(a, b + 1):
        line[i] = "─" if mark == "●" else "░"
    if b > a and mark == "●":
        line[a], line[b] = "├", "┤"
    line[at(value)] = mark
    return "".join(line)


def _ends(number: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """Low, value, high; a number without an interval is no span."""
    low, value, high = (number[k] for k in ("low", "value", "high"))
    if value is None or low is None or high is None or low == high:
        return None
    return float(low), float(value), float(high)


def _groups(columns: Mapping[str, Sequence[float]]) -> list[list[str]]:
    """Names of curves that can share a y axis."""
    groups: list[tuple[list[str], float, float, float]] = []
    for name, column in columns.items():
        finite = [v for v in column if v == v]
        low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
        for i, (names, a, b, own) in enumerate(groups):
            wide = max(b, high) - min(a, low)
            if wide <= TOGETHER * max(own, 1e-12) and high - low >= own / TOGETHER**2:
                groups[i] = [*names, name], min(a, low), max(b, high), own
                break
        else:
            groups.append(([name], low, high, high - low))
    return [names for names, *_ in groups]


def _is_mark(column: Sequence[float]) -> bool:
    """Only noughts and ones: a yes or no per row, no curve."""
    return set(column) <= {0.0, 1.0}


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
