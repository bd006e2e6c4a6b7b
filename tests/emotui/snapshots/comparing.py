"""Is this screen the one that was kept? If not: which rows differ, and whether in text or in look.

In: two pictures made by drawing.py. Out: lines for a person. The kept picture is the file; nothing
else is stored.
"""

import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from tests.emotui.snapshots.drawing import CELL

FOLDER = Path(__file__).with_name("screens")
RENEW = "EMOTUI_RENEW_SNAPSHOTS"
"""Set to 1, the pictures are written anew instead of compared."""
_RUN = re.compile(r'<text x="([\d.]+)"[^>]*>(.*?)</text>')
_SHOWN = 30


@dataclass(frozen=True)
class Line:
    """One row of a picture."""

    drawn: str
    """Its line in the file."""

    @property
    def text(self) -> str:
        """What it says."""
        out = ""
        for x, run in _RUN.findall(self.drawn):
            out = out.ljust(round(float(x) / CELL)) + unescape(run)
        return out.rstrip()


def lines_of(picture: str) -> list[Line]:
    """The rows of a picture."""
    return [Line(line) for line in picture.splitlines()[2:-1]]


def difference(kept: str, now: str) -> str:
    """What differs, row by row; "" for the same picture."""
    if kept == now:
        return ""
    old, new = lines_of(kept), lines_of(now)
    said: list[str] = []
    if len(old) != len(new):
        said.append(f"{len(old)} rows were kept, now there are {len(new)}")
    for y, (before, after) in enumerate(zip(old, new, strict=False)):
        if before.text != after.text:
            said += [f"row {y:>2} - {before.text}", f"       + {after.text}"]
        elif before.drawn != after.drawn:
            said.append(f"row {y:>2} looks different (same text): {after.text}")
    if not said:
        said.append("only the paper or the commonest text colour differs")
    if len(said) > _SHOWN:
        said = [*said[:_SHOWN], f"... and {len(said) - _SHOWN} lines more"]
    return "\n".join(said)
