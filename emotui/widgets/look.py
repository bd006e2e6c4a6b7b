"""How a bin of the diverging scale, a cursor and a mark look in the terminal at hand.

In: a widget (for its background and the application's colour system). Out: rich styles. With
colours a bin is a background with black or white text; without (NO_COLOR, 16 colours) underline
carries plus and dim carries minus. Knows no data.
"""

from dataclasses import dataclass

from rich.color import Color
from rich.style import Style
from textual.widget import Widget

from emotui.colors import BINS, DARK, RGB, XTERM, background, ink, luminance, xterm_rgb

DARK_BELOW = 0.2
"""Relative luminance below which a background counts as dark."""
ATTRIBUTE_FROM = 2
"""Without colours, bins nearer to zero than this stay plain."""


@dataclass(frozen=True)
class Look:
    """The styles of one widget under one theme."""

    colored: bool
    base: Style
    """Text and background of the widget."""
    bins: tuple[Style, ...]
    """Bins -4..4; index with bin + 4."""
    cursor: Style
    mark: Style
    """Added to a marked span: bold, and underlined; italic where underline already means plus."""
    dim: Style
    strong: Style

    def bin(self, bin_: int) -> Style:
        """The style of a bin from -4 to 4."""
        return self.bins[bin_ + BINS]


def has_colors(widget: Widget) -> bool:
    """Whether backgrounds can carry the scale: 256 colours or more, and NO_COLOR unset."""
    app = widget.app
    return not app.no_color and app.console.color_system in ("256", "truecolor")


def look_of(widget: Widget) -> Look:
    """The look for a widget as it is styled now; ask again after a change of theme."""
    base = widget.rich_style
    colored = has_colors(widget)
    front = widget.colors[3]
    back = widget.background_colors[1]
    paper: RGB = (back.r, back.g, back.b) if back.a else DARK
    cube = widget.app.console.color_system == "256" and luminance(paper) < DARK_BELOW
    bins = tuple(
        _bin_style(b, base, _behind(b, paper, cube=cube), colored) for b in range(-BINS, BINS + 1)
    )
    faint = back.blend(front, 0.55).rich_color
    dim = base + (Style(color=faint) if colored else Style(dim=True))
    return Look(
        colored=colored,
        base=base,
        bins=bins,
        cursor=Style(reverse=True, bold=True),
        mark=Style(bold=True, underline=colored, italic=not colored),
        dim=dim,
        strong=base + Style(bold=True),
    )


def _behind(bin_: int, paper: RGB, *, cube: bool) -> RGB | None:
    """The colour behind a bin; on a dark 256-colour screen the entry that commands use too."""
    if cube and bin_:
        return xterm_rgb(XTERM[bin_])
    return background(bin_, paper=paper)


def _bin_style(bin_: int, base: Style, behind: RGB | None, colored: bool) -> Style:
    if not colored:
        if abs(bin_) < ATTRIBUTE_FROM:
            return base
        return base + (Style(underline=True) if bin_ > 0 else Style(dim=True))
    if behind is None:
        return base
    return Style(color=Color.from_rgb(*ink(behind)), bgcolor=Color.from_rgb(*behind))
