"""The diverging scale for scores: blue (negative) over the background (zero) to orange (positive).

In: a score and the scale's end. Out: a bin from -4 to 4 and how that bin looks on a terminal or a
page. Blue 0072b2 against orange d55e00 survives every common colour-blindness. Where a terminal
has no colours, underline carries plus and dim carries minus. Knows no tokens and no widgets.
"""

import math
import os
from collections.abc import Mapping
from typing import Literal

Mode = Literal["truecolor", "256", "attributes", "plain"]
RGB = tuple[int, int, int]

BLUE: RGB = (0x00, 0x72, 0xB2)
ORANGE: RGB = (0xD5, 0x5E, 0x00)
WHITE: RGB = (255, 255, 255)
DARK: RGB = (18, 18, 18)
BINS = 4
# How much of the hue a bin carries; the weakest must still differ from the background.
_SHARE = {1: 0.28, 2: 0.5, 3: 0.74, 4: 1.0}

XTERM = {-4: 39, -3: 32, -2: 25, -1: 24, 1: 94, 2: 130, 3: 166, 4: 208}
"""Per bin, its entry of the 256-colour cube over a dark background, for commands and workbench.
Rounding the mixed colours to the cube instead turns the weak bins dark red and navy, the next ones
ochre and teal: four hues where two are meant."""
_CUBE = (0, 95, 135, 175, 215, 255)


def bin_of(score: float, scale: float) -> int:
    """The bin -4..4 of a score where ±`scale` is the end of the scale; NaN counts as zero."""
    if not math.isfinite(score) or scale <= 0:
        return 0
    return max(-BINS, min(BINS, round(score / scale * BINS)))


def background(bin_: int, *, paper: RGB = DARK) -> RGB | None:
    """The colour behind a token of this bin over the given paper; None for bin 0."""
    if bin_ == 0:
        return None
    hue, share = (ORANGE if bin_ > 0 else BLUE), _SHARE[abs(bin_)]
    mixed = [round(p + (h - p) * share) for p, h in zip(paper, hue, strict=True)]
    return mixed[0], mixed[1], mixed[2]


def luminance(rgb: RGB) -> float:
    """Relative luminance (WCAG 2) of an sRGB colour, 0 to 1."""
    parts = [c / 255 for c in rgb]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ink(rgb: RGB) -> RGB:
    """Black or white, whichever stands out more on the colour."""
    return WHITE if 1.05 / (luminance(rgb) + 0.05) >= (luminance(rgb) + 0.05) / 0.05 else (0, 0, 0)


def hexa(rgb: RGB) -> str:
    """#rrggbb of a colour."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def xterm_rgb(index: int) -> RGB:
    """The colour of an entry of the 6x6x6 cube (16 to 231)."""
    red, rest = divmod(index - 16, 36)
    return _CUBE[red], _CUBE[rest // 6], _CUBE[rest % 6]


def mode_of(env: Mapping[str, str] | None = None, *, is_terminal: bool) -> Mode:
    """What the terminal can show, from NO_COLOR, COLORTERM and TERM.

    256 colours are assumed for tmux and screen: sshd does not forward COLORTERM.
    """
    env = os.environ if env is None else env
    term = env.get("TERM", "")
    if not is_terminal and not env.get("FORCE_COLOR"):
        return "plain"
    if term == "dumb":
        return "plain"
    if env.get("NO_COLOR"):
        return "attributes"
    if env.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "truecolor"
    if "256" in term or term.startswith(("tmux", "screen", "xterm-kitty", "alacritty")):
        return "256"
    return "attributes"


def paint(text: str, bin_: int, mode: Mode) -> str:
    """The (already sanitised) text in the bin's look for this terminal."""
    if bin_ == 0 or mode == "plain":
        return text
    if mode == "attributes":
        if abs(bin_) < 2:
            return text
        code = "4" if bin_ > 0 else "2"
        return f"\x1b[{code}m{text}\x1b[0m"
    if mode == "256":
        front = 231 if ink(xterm_rgb(XTERM[bin_])) == WHITE else 16
        return f"\x1b[38;5;{front};48;5;{XTERM[bin_]}m{text}\x1b[0m"
    behind = background(bin_)
    assert behind is not None
    r, g, b = behind
    fr, fg, fb = ink(behind)
    return f"\x1b[38;2;{fr};{fg};{fb};48;2;{r};{g};{b}m{text}\x1b[0m"


def css(bin_: int) -> str:
    """Inline CSS of a bin on white paper; empty for bin 0."""
    behind = background(bin_, paper=WHITE)
    if behind is None:
        return ""
    return f"background:{hexa(behind)};color:{hexa(ink(behind))}"
