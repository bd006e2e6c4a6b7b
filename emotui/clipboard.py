"""Puts text on the user's clipboard from the far end of an SSH connection, and always into a file.

OSC 52 asks the terminal to set its clipboard. tmux takes it directly (`set-clipboard on`) or only
wrapped in its pass-through (`allow-passthrough on`): it gets both. GNU screen gets it in pieces.
A terminal never says whether it obeyed, so the file is written every time. Knows no widget: the
caller brings a function that writes to the terminal.
"""

import base64
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from store.atomic import write_bytes

LIMIT = 74_994
"""Most characters of base64 that common terminals accept in one OSC 52."""
_SCREEN_PIECE = 700


@dataclass(frozen=True)
class Copied:
    """Where a text went."""

    path: Path
    """The file that has it."""
    sent: bool
    """Whether the terminal was asked; False for a text too long for OSC 52."""
    characters: int

    @property
    def line(self) -> str:
        """What a toast says."""
        where = "clipboard (if the terminal allows it) and" if self.sent else "too long to send;"
        return f"{self.characters} characters: {where} {self.path}"


def sequence(text: str, *, env: Mapping[str, str] | None = None) -> str:
    """The escape sequence that copies the text, wrapped for tmux or screen; "" when too long."""
    env = os.environ if env is None else env
    encoded = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    if len(encoded) > LIMIT:
        return ""
    plain = f"\x1b]52;c;{encoded}\x07"
    if env.get("TMUX"):
        doubled = plain.replace("\x1b", "\x1b\x1b")
        return f"{plain}\x1bPtmux;{doubled}\x1b\\"
    if env.get("TERM", "").startswith("screen"):
        pieces = [plain[i : i + _SCREEN_PIECE] for i in range(0, len(plain), _SCREEN_PIECE)]
        return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
    return plain


def copy(
    text: str,
    *,
    write: Callable[[str], object],
    folder: Path,
    env: Mapping[str, str] | None = None,
) -> Copied:
    """Send the text to the terminal's clipboard and write it to a new file in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    path = folder / f"yank-{stamp}.txt"
    number = 2
    while path.exists():
        path = folder / f"yank-{stamp}-{number}.txt"
        number += 1
    write_bytes(path, text.encode("utf-8", "replace"))
    escape = sequence(text, env=env)
    if escape:
        write(escape)
    return Copied(path, bool(escape), len(text))
