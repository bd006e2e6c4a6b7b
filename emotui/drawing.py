"""A page of shapes that becomes SVG text, or through `emotui.raster` a PNG of the same picture.

In: rectangles, lines, areas, discs and words, in CSS pixels from the top left. Out: SVG, white
paper, no scripts, no external fonts. Words are made safe here. Knows no charts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal

from emotui.sanitize import visible

Place = tuple[float, float]
Anchor = Literal["start", "middle", "end"]
FONT = 'font-family="Helvetica,Arial,sans-serif"'
INK = "#222222"
BLANKS = "<style>text{white-space:pre}</style>"
"""Keeps blanks at the ends of a text. Browsers no longer follow `xml:space`, which says the same to
viewers without CSS, and `textLength` would stretch the letters over the room of the blanks."""


@dataclass(frozen=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    """#rrggbb."""


@dataclass(frozen=True)
class Stroke:
    """A line through places."""

    places: tuple[Place, ...]
    color: str
    width: float = 1.0
    dash: tuple[float, ...] = ()
    """Lengths of drawn and left-out pieces in turn; () for a solid line."""


@dataclass(frozen=True)
class Area:
    """A filled polygon."""

    places: tuple[Place, ...]
    fill: str
    opacity: float = 1.0


@dataclass(frozen=True)
class Disc:
    """A filled circle."""

    x: float
    y: float
    radius: float
    fill: str


@dataclass(frozen=True)
class Words:
    """One line of text; (x, y) is on the line the letters stand on."""

    x: float
    y: float
    text: str
    """Untrusted; hidden characters are drawn as symbols."""
    size: float = 12.0
    anchor: Anchor = "start"
    color: str = INK
    bold: bool = False
    turned: bool = False
    """Read from the bottom up."""


Shape = Box | Stroke | Area | Disc | Words


@dataclass
class Page:
    """Shapes in the order in which they are painted."""

    width: float
    height: float
    shapes: list[Shape] = field(default_factory=list)

    def add(self, *shapes: Shape) -> None:
        """Paint over what is there."""
        self.shapes += shapes


def svg(page: Page) -> str:
    """The page as one SVG document."""
    width, height = f"{page.width:g}", f"{page.height:g}"
    body = "\n".join(_svg(shape) for shape in page.shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" {FONT} font-size="12" fill="{INK}">\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _svg(shape: Shape) -> str:
    match shape:
        case Box(x, y, width, height, fill):
            return (
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
                f'fill="{fill}"/>'
            )
        case Stroke(places, color, width, dash):
            dashes = f' stroke-dasharray="{" ".join(f"{d:g}" for d in dash)}"' if dash else ""
            return (
                f'<polyline points="{_points(places)}" fill="none" stroke="{color}" '
                f'stroke-width="{width:g}"{dashes}/>'
            )
        case Area(places, fill, opacity):
            return f'<polygon points="{_points(places)}" fill="{fill}" fill-opacity="{opacity:g}"/>'
        case Disc(x, y, radius, fill):
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{fill}"/>'
        case Words():
            return _words(shape)


def _words(words: Words) -> str:
    style = f' font-size="{words.size:g}"' if words.size != 12 else ""
    style += f' text-anchor="{words.anchor}"' if words.anchor != "start" else ""
    style += f' fill="{words.color}"' if words.color != INK else ""
    style += ' font-weight="bold"' if words.bold else ""
    place = f'x="{words.x:.1f}" y="{words.y:.1f}"'
    if words.turned:
        place = f'transform="translate({words.x:.1f} {words.y:.1f}) rotate(-90)"'
    return f"<text {place}{style}>{escape(visible(words.text))}</text>"


def _points(places: Sequence[Place]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
