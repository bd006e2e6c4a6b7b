import math
import struct
import xml.etree.ElementTree as ET
import zlib

import numpy as np
import pytest

from emotui.charts import Line, Panel, chart, chart_page, nice_ticks, thinned
from emotui.drawing import Area, Box, Disc, Page, Stroke, Words, svg
from emotui.glyphs import glyph, known
from emotui.raster import png


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
    curves = (e for e in root.iter() if e.tag.endswith("polyline"))
    curve = next(e for e in curves if e.attrib["stroke-width"] == "2")
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


def read_png(data: bytes) -> np.ndarray:
    """Dots of an 8-bit RGB PNG without filters, checksums checked."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, parts = 8, {}
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(
            name + body
        )
        parts[name] = body
        at += 12 + size
    columns, rows, depth, kind = struct.unpack(">IIBB", parts[b"IHDR"][:10])
    assert (depth, kind) == (8, 2)
    lines = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(rows, 1 + 3 * columns)
    assert not lines[:, 0].any()
    return lines[:, 1:].reshape(rows, columns, 3)


def test_a_png_shows_each_shape_where_the_svg_has_it():
    page = Page(60, 40)
    page.add(
        Box(2, 3, 10, 5, "#ff0000"),
        Stroke(((20, 10), (50, 10)), "#0000ff", 2),
        Disc(30, 25, 4, "#00ff00"),
        Area(((40, 20), (56, 20), (56, 36)), "#000000", 0.5),
    )
    dots = read_png(png(page))
    assert dots.shape == (80, 120, 3)
    assert (dots[8, 12] == (255, 0, 0)).all()
    assert (dots[20, 60] == (0, 0, 255)).all()
    assert (dots[50, 60] == (0, 255, 0)).all()
    assert tuple(dots[46, 106]) == (128, 128, 128), "half covered by black"
    assert (dots[78, 2] == 255).all()
    red = (dots == (255, 0, 0)).all(axis=2)
    assert red.sum() == 20 * 10, "a box is as large as it says"
    assert ET.fromstring(svg(page)).attrib["width"] == "60"


def test_half_covered_dots_are_mixed_and_what_lies_outside_is_left_out():
    page = Page(10, 10)
    page.add(Box(0, 0, 2.25, 10, "#000000"), Box(8, -5, 40, 100, "#000000"))
    row = read_png(png(page))[5, :, 0]
    assert list(row[3:6]) == [0, 128, 255]
    assert list(row[15:17]) == [255, 0]


def test_dashes_leave_gaps():
    page = Page(40, 4)
    page.add(Stroke(((0, 2), (40, 2)), "#000000", 2, (5, 5)))
    row = read_png(png(page))[4, :, 0]
    assert row[5] == 0
    assert row[15] == 255
    assert row[25] == 0


def test_words_are_drawn_upright_and_turned_and_the_unknown_as_a_box():
    upright, turned = Page(60, 60), Page(60, 60)
    upright.add(Words(30, 30, "layer α", anchor="middle"))
    turned.add(Words(30, 30, "layer α", anchor="middle", turned=True))
    a, b = (read_png(png(page))[:, :, 0] < 128 for page in (upright, turned))
    assert a.sum() == b.sum() > 100
    assert np.ptp(np.flatnonzero(a.any(axis=0))) > 3 * np.ptp(np.flatnonzero(a.any(axis=1)))
    assert np.ptp(np.flatnonzero(b.any(axis=1))) > 3 * np.ptp(np.flatnonzero(b.any(axis=0)))
    assert known("A")
    assert known("−")
    assert not known("語")
    assert (glyph("語") == glyph("言")).all()
    assert (glyph("A") != glyph("B")).any()


def test_a_chart_is_the_same_page_as_svg_and_png():
    page = chart_page([panel(line())], title="t", rests_on="n 3\nnot controlled: much")
    dots = read_png(png(page))
    assert dots.shape[:2] == (page.height * 2, page.width * 2)
    blue = (np.abs(dots.astype(int) - (0x00, 0x72, 0xB2)).sum(axis=2) < 10).any(axis=1)
    assert blue.any(), "the curve is there"
    texts = [e.text for e in ET.fromstring(svg(page)).iter() if e.tag.endswith("text")]
    assert texts[-2:] == ["n 3", "not controlled: much"]
