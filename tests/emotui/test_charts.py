import math
import xml.etree.ElementTree as ET

import pytest

from emotui.charts import Line, Panel, chart, nice_ticks, thinned


def line(**changes: object) -> Line:
    values: dict[str, object] = {
        "name": "probe", "x": (0.0, 1.0, 2.0), "y": (0.1, 0.5, 0.4), "color": "#0072b2",
    } | changes  # fmt: skip
    return Line(**values)  # type: ignore[arg-type]


def panel(*lines: Line) -> Panel:
    return Panel("title", "layer", "accuracy", lines, (0, 1, 2), 0.0, 1.0)


def test_a_chart_is_well_formed_and_loads_nothing():
    nasty = line(
        name='<script>alert("x")</script>\x1b\u202e', low=(0, 0.4, 0.3), high=(0.2, 0.6, 0.5)
    )
    svg = chart([panel(nasty)], title="A & B", rests_on="n 3 < 4")
    root = ET.fromstring(svg)
    assert not [e for e in root.iter() if e.tag.endswith(("script", "image", "use"))]
    assert "\x1b" not in svg
    assert "\u202e" not in svg
    texts = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert "A & B" in texts
    assert texts[-1] == "n 3 < 4"


def points(svg: str) -> list[tuple[float, float]]:
    root = ET.fromstring(svg)
    curve = next(e for e in root.iter() if e.tag.endswith("polyline"))
    return [tuple(map(float, p.split(","))) for p in curve.attrib["points"].split()]  # type: ignore[misc]


def test_higher_values_stand_higher_and_layers_are_evenly_spaced():
    (x0, y0), (x1, y1), (x2, y2) = points(chart([panel(line())], title="t", rests_on="r"))
    assert y1 < y2 < y0
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)


def test_missing_values_leave_a_gap_not_a_zero():
    assert len(points(chart([panel(line(y=(0.1, math.nan, 0.3)))], title="t", rests_on="r"))) == 2


def test_ticks_are_round_and_inside():
    assert nice_ticks(0.0, 1.0) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert nice_ticks(-0.13, 0.21, count=4) == [-0.1, 0.0, 0.1, 0.2]
    assert thinned(range(100))[0] == 0
    assert thinned(range(100))[-1] == 99
    assert len(thinned(range(100))) <= 17
