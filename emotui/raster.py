"""Paints a page of shapes as PNG, with numpy and zlib only: no imaging library is needed.

In: a `Page` and how many dots a CSS pixel gets. Out: the bytes of a PNG file, 8-bit RGB. Edges are
smoothed by how much of a dot a shape covers; words are in one bitmap font, always of one size.
"""

import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float, UInt8

from emotui.drawing import Area, Box, Disc, Page, Place, Shape, Stroke, Words
from emotui.glyphs import BASELINE, WIDTH, glyph
from emotui.sanitize import visible

SCALE = 2
"""Dots per CSS pixel: at 2 the 10 x 20 font is as large as letters of 12 px."""
_FINE = 4
"""Lines per row of dots at which a polygon is sampled."""
Canvas = Float[np.ndarray, "row column 3"]


def png(page: Page, *, scale: int = SCALE) -> bytes:
    """The page as the bytes of a PNG file."""
    return encoded(painted(page, scale=scale))


def painted(page: Page, *, scale: int = SCALE) -> UInt8[np.ndarray, "row column 3"]:
    """The page as dots, white where nothing was painted."""
    rows, columns = math.ceil(page.height * scale), math.ceil(page.width * scale)
    canvas: Canvas = np.full((rows, columns, 3), 255.0)
    for shape in page.shapes:
        _paint(canvas, shape, scale)
    return np.round(canvas).astype(np.uint8)


def encoded(dots: UInt8[np.ndarray, "row column 3"]) -> bytes:
    """A PNG file (ISO/IEC 15948): colour type 2, no interlacing, filter 0 on every row."""
    rows, columns = dots.shape[:2]
    lines = np.zeros((rows, 1 + 3 * columns), dtype=np.uint8)
    lines[:, 1:] = dots.reshape(rows, -1)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    check = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)


def _paint(canvas: Canvas, shape: Shape, scale: int) -> None:
    match shape:
        case Box(x, y, width, height, fill):
            ends = [v * scale for v in (x, y, x + width, y + height)]
            _box(canvas, ends[0], ends[1], ends[2], ends[3], fill)
        case Area(places, fill, opacity):
            _polygon(canvas, _scaled(places, scale), fill, opacity)
        case Stroke(places, color, width, dash):
            pieces = _dashed(_scaled(places, scale), [d * scale for d in dash])
            _lines(canvas, list(pieces), width * scale / 2, color)
        case Disc(x, y, radius, fill):
            at = x * scale, y * scale
            _lines(canvas, [(at, at)], radius * scale, fill)
        case Words():
            _write(canvas, shape, scale)


def _scaled(places: Sequence[Place], scale: int) -> list[Place]:
    return [(x * scale, y * scale) for x, y in places]


def _rgb(color: str) -> Float[np.ndarray, "3"]:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)], dtype=float)


def _blend(canvas: Canvas, top: int, left: int, cover: np.ndarray, color: str) -> None:
    """Mix a colour in by how much of each dot is covered, 0 to 1; parts outside are left out."""
    rows, columns = canvas.shape[:2]
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + cover.shape[0], rows), min(left + cover.shape[1], columns)
    if y1 <= y0 or x1 <= x0:
        return
    share = cover[y0 - top : y1 - top, x0 - left : x1 - left, None]
    part = canvas[y0:y1, x0:x1]
    part += share * (_rgb(color) - part)


def _box(canvas: Canvas, x0: float, y0: float, x1: float, y1: float, fill: str) -> None:
    top, left = math.floor(y0), math.floor(x0)
    rows, columns = np.arange(top, math.ceil(y1)), np.arange(left, math.ceil(x1))
    down = np.clip(np.minimum(rows + 1, y1) - np.maximum(rows, y0), 0, 1)
    across = np.clip(np.minimum(columns + 1, x1) - np.maximum(columns, x0), 0, 1)
    _blend(canvas, top, left, np.outer(down, across), fill)


def _lines(canvas: Canvas, pieces: list[tuple[Place, Place]], half: float, color: str) -> None:
    """Pieces of one line, painted together so that joints are not darker; round ends."""
    if not pieces:
        return
    ends = np.array(pieces)
    left, top = (math.floor(v - half - 1) for v in ends.reshape(-1, 2).min(axis=0))
    right, bottom = (math.ceil(v + half + 1) for v in ends.reshape(-1, 2).max(axis=0))
    cover = np.zeros((bottom - top, right - left))
    for (ax, ay), (bx, by) in pieces:
        x0, x1 = int(min(ax, bx) - half - 1), int(max(ax, bx) + half + 2)
        y0, y1 = int(min(ay, by) - half - 1), int(max(ay, by) + half + 2)
        y, x = np.mgrid[y0:y1, x0:x1] + 0.5
        dx, dy = bx - ax, by - ay
        length2 = dx * dx + dy * dy
        along = ((x - ax) * dx + (y - ay) * dy) / length2 if length2 else np.zeros_like(x)
        along = np.clip(along, 0, 1)
        distance = np.hypot(x - ax - along * dx, y - ay - along * dy)
        here = np.clip(half + 0.5 - distance, 0, 1)
        rows = slice(max(y0 - top, 0), min(y1 - top, cover.shape[0]))
        columns = slice(max(x0 - left, 0), min(x1 - left, cover.shape[1]))
        part = cover[rows, columns]
        cut = here[rows.start + top - y0 :, columns.start + left - x0 :]
        np.maximum(part, cut[: part.shape[0], : part.shape[1]], out=part)
    _blend(canvas, top, left, cover, color)


def _dashed(places: Sequence[Place], dash: Sequence[float]) -> Iterator[tuple[Place, Place]]:
    """The pieces of a line that are drawn."""
    if not dash:
        yield from pairwise(places)
        return
    number, left = 0, dash[0]
    for (ax, ay), (bx, by) in pairwise(places):
        length, at = math.hypot(bx - ax, by - ay), 0.0
        while at < length:
            step = min(left, length - at)
            if number % 2 == 0:
                s, e = at / length, (at + step) / length
                yield (
                    (ax + s * (bx - ax), ay + s * (by - ay)),
                    (ax + e * (bx - ax), ay + e * (by - ay)),
                )
            at, left = at + step, left - step
            if left <= 1e-9:
                number += 1
                left = dash[number % len(dash)]


def _polygon(canvas: Canvas, places: Sequence[Place], fill: str, opacity: float) -> None:
    """Even-odd filling: exact across a line, sampled on _FINE lines per row."""
    if len(places) < 3:
        return
    ys, xs = [y for _, y in places], [x for x, _ in places]
    top, bottom = math.floor(min(ys)), math.ceil(max(ys))
    left, right = math.floor(min(xs)), math.ceil(max(xs))
    cover = np.zeros((max(bottom - top, 0), max(right - left, 0)))
    edges = list(zip(places, [*places[1:], places[0]], strict=True))
    columns = np.arange(left, right)
    for line in range(cover.shape[0] * _FINE):
        y = top + (line + 0.5) / _FINE
        hits = sorted(
            ax + (y - ay) / (by - ay) * (bx - ax)
            for (ax, ay), (bx, by) in edges
            if (ay <= y) != (by <= y)
        )
        for a, b in zip(hits[::2], hits[1::2], strict=False):
            inside = np.minimum(columns + 1, b) - np.maximum(columns, a)
            cover[line // _FINE] += np.clip(inside, 0, 1) / _FINE
    _blend(canvas, top, left, cover * opacity, fill)


def _write(canvas: Canvas, words: Words, scale: int) -> None:
    text = visible(words.text)
    if not text:
        return
    dots = np.concatenate([glyph(c) for c in text], axis=1).astype(float)
    if words.bold:
        dots[:, 1:] = np.maximum(dots[:, 1:], dots[:, :-1])
    back = {"start": 0, "middle": len(text) * WIDTH // 2, "end": len(text) * WIDTH}[words.anchor]
    x, y = round(words.x * scale), round(words.y * scale)
    if words.turned:
        _blend(canvas, y - len(text) * WIDTH + back, x - BASELINE, np.rot90(dots), words.color)
    else:
        _blend(canvas, y - BASELINE, x - back, dots, words.color)
