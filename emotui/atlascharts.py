"""Draws what the Vectors pane shows as pages: cosines of all pairs, the plane, a comparison.

In: an Atlas or a Comparison, and the lines of what it rests on. Out: a page for SVG or PNG, and the
same numbers as rows for CSV. Computes nothing but positions and the bins of the colour scale.
"""

from collections.abc import Sequence

from emotui.charts import GREY, Line, Panel, add_notes, chart_page, nice_ticks, note_lines, thinned
from emotui.colors import BINS, WHITE, background, bin_of, hexa, ink
from emotui.drawing import Anchor, Box, Disc, Page, Place, Stroke, Words
from emotui.jobs.atlas_spec import Atlas, Comparison
from emotui.sanitize import visible

CELL = 28.0
"""CSS pixels of one cell of the matrix."""
LETTER = 6.0
"""CSS pixels of a letter of 12 px, rounded up."""


def heat_page(atlas: Atlas, rests_on: str) -> Page:
    """The cosines in the order of the clusters, each written in its cell, and the scale."""
    names = [visible(atlas.rows[i].label) for i in atlas.order]
    k = len(names)
    left = 60 + LETTER * max(map(len, names))
    width = max(left + CELL * k + 24, 420.0)
    notes = note_lines(rests_on, width - 40)
    bottom = 74 + CELL * k
    page = Page(width, bottom + 62 + 14 * len(notes))
    page.add(Words(20, 26, f"{atlas.vectors}, layer {atlas.layer}: cosines", 16, bold=True))
    for place, row in enumerate(atlas.order):
        y = 74 + CELL * place
        page.add(Words(left - 8, y + 16, f"{names[place]} {place + 1}", anchor="end"))
        page.add(Words(left + CELL * (place + 0.5), 66, str(place + 1), anchor="middle"))
        for across, column in enumerate(atlas.order):
            _cell(page, left + CELL * across, y, atlas.cosines[row][column])
    _scale(page, left, bottom + 12)
    add_notes(page, notes)
    return page


def _cell(page: Page, x: float, y: float, value: float) -> None:
    behind = background(bin_of(value, 1.0), paper=WHITE) or WHITE
    digits = f"{abs(value):.2f}"
    text = "1" if digits.startswith("1") else digits[1:]
    sign = "−" if value < 0 and float(digits) else ""
    page.add(Box(x, y, CELL, CELL, hexa(behind)))
    middle = x + CELL / 2
    page.add(Words(middle, y + 16, sign + text, 10, anchor="middle", color=hexa(ink(behind))))


def _scale(page: Page, x: float, y: float) -> None:
    for bin_ in range(-BINS, BINS + 1):
        behind = background(bin_, paper=WHITE) or WHITE
        page.add(Box(x + CELL * (bin_ + BINS), y, CELL, 10, hexa(behind)))
    for value, place in ((-1, 0.5), (0, BINS + 0.5), (1, 2 * BINS + 0.5)):
        page.add(Words(x + CELL * place, y + 24, f"{value:+d}" if value else "0", anchor="middle"))


def plane_page(atlas: Atlas, axes: tuple[int, int], rests_on: str) -> Page:
    """Two principal components with every label; needs an atlas with coordinates."""
    width, height, left, top = 760.0, 560.0, 70.0, 50.0
    notes = note_lines(rests_on, width - 40)
    page = Page(width, height + 70 + 14 * len(notes))
    xs, ys = ([place[axis] for place in atlas.coordinates] for axis in axes)
    (x_low, x_high), (y_low, y_high) = _span(xs), _span(ys)
    right, bottom = width - 90, height

    def px(x: float) -> float:
        return left + (x - x_low) / (x_high - x_low) * (right - left)

    def py(y: float) -> float:
        return bottom - (y - y_low) / (y_high - y_low) * (bottom - top)

    page.add(Words(20, 26, f"{atlas.vectors}, layer {atlas.layer}: plane", 16, bold=True))
    page.add(Stroke(((left, py(0)), (right, py(0))), "#bbbbbb", 1, (4, 3)))
    page.add(Stroke(((px(0), top), (px(0), bottom)), "#bbbbbb", 1, (4, 3)))
    page.add(Stroke(((left, top), (left, bottom), (right, bottom)), "#888888"))
    for tick in nice_ticks(x_low, x_high):
        page.add(Words(px(tick), bottom + 18, f"{tick:g}", anchor="middle", color=GREY))
    for tick in nice_ticks(y_low, y_high):
        page.add(Words(left - 8, py(tick) + 4, f"{tick:g}", anchor="end", color=GREY))
    names = [f"PC{axis + 1}, {atlas.share[axis]:.0%} of the variance" for axis in axes]
    page.add(Words((left + right) / 2, bottom + 38, names[0], anchor="middle"))
    page.add(Words(20, (top + bottom) / 2, names[1], anchor="middle", turned=True))
    places = [(px(x), py(y)) for x, y in zip(xs, ys, strict=True)]
    page.add(*(Disc(x, y, 3, "#0072b2") for x, y in places))
    page.add(*_labels(places, [visible(row.label) for row in atlas.rows]))
    add_notes(page, notes)
    return page


def _labels(places: Sequence[Place], names: Sequence[str]) -> list[Words]:
    """Beside each point where no other point or label is, else right of it all the same."""
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in places]
    out = []
    for i, ((x, y), name) in enumerate(zip(places, names, strict=True)):
        wide = LETTER * len(name)
        spots: list[tuple[float, float, Anchor]] = [
            (x + 6, y + 4, "start"),
            (x - 6, y + 4, "end"),
            (x, y - 7, "middle"),
            (x, y + 15, "middle"),
        ]

        def free(spot: tuple[float, float, Anchor], i: int = i, wide: float = wide) -> bool:
            left = spot[0] - wide * {"start": 0.0, "middle": 0.5, "end": 1.0}[spot[2]]
            others = (box for j, box in enumerate(taken) if j != i)
            return not any(
                left < x1 and left + wide > x0 and spot[1] - 10 < y1 and spot[1] + 2 > y0
                for x0, y0, x1, y1 in others
            )

        at = next((spot for spot in spots if free(spot)), spots[0])
        left = at[0] - wide * {"start": 0.0, "middle": 0.5, "end": 1.0}[at[2]]
        taken.append((left, at[1] - 10, left + wide, at[1] + 2))
        out.append(Words(at[0], at[1], name, 11, anchor=at[2]))
    return out


def _span(values: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis: all values and zero, with a little room."""
    low, high = min([*values, 0.0]), max([*values, 0.0])
    room = (high - low) * 0.06 or 0.5
    return low - room, high + room


def comparison_page(found: Comparison, rests_on: str) -> Page:
    """The cosine of two directions by layer, before and after the removal, beside chance."""
    layers = tuple(float(layer) for layer in found.layers)
    ends = 2 * found.null_sd
    same = (ends,) * len(layers)
    lines = (
        Line("cosine", layers, found.cosine, "#0072b2", points=True),
        Line("before removal", layers, found.cosine_raw, "#d55e00", look="dashed"),
        Line(
            "random, 2 sd",
            layers,
            (0.0,) * len(layers),
            "#999999",
            tuple(-v for v in same),
            same,
            "dotted",
        ),
    )
    title = " × ".join(f"{name}:{emotion}" for name, emotion in (found.first, found.second))
    panel = Panel("cosine by layer", "layer", "cosine", lines, thinned(layers), -1.0, 1.0)
    return chart_page([panel], title=title, rests_on=rests_on)


def comparison_rows(found: Comparison) -> list[list[object]]:
    """The comparison as a table, its head first."""
    rows: list[list[object]] = [
        ["layer", "cosine", "cosine_before_removal", "norm_ratio", "null_sd"]
    ]
    for values in zip(found.layers, found.cosine, found.cosine_raw, found.norm_ratio, strict=True):
        rows.append([*values, found.null_sd])
    return rows
