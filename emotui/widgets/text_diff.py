"""Where two texts differ, word by word, readable without colours.

In: two texts. Out: parts kept, left out of the first, added in the second; and a rich text in which
left-out parts stand as `[-so-]` and added ones as `{+so+}`. Knows no model.
"""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from rich.style import Style
from rich.text import Text

from emotui.sanitize import visible

_WORDS = re.compile(r"\s+|[^\s]+")


@dataclass(frozen=True)
class Part:
    """A stretch of words."""

    kind: Literal["both", "first", "second"]
    text: str


def diff_parts(first: str, second: str) -> list[Part]:
    """The parts in order; those kept and left out join to `first`, kept and added to `second`."""
    a, b = _WORDS.findall(first), _WORDS.findall(second)
    out: list[Part] = []
    for op, i, j, k, m in SequenceMatcher(a=a, b=b, autojunk=False).get_opcodes():
        if op == "equal":
            out.append(Part("both", "".join(a[i:j])))
            continue
        if j > i:
            out.append(Part("first", "".join(a[i:j])))
        if m > k:
            out.append(Part("second", "".join(b[k:m])))
    return out


def same_beginning(first: str, second: str) -> int:
    """How many words both begin with."""
    a, b = first.split(), second.split()
    n = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        n += 1
    return n


def diff_text(first: str, second: str) -> Text:
    """The diff to look at; nothing of the texts is read as markup."""
    out = Text()
    for part in diff_parts(first, second):
        shown = visible(part.text, newlines=True)
        if part.kind == "both":
            out.append(shown)
        elif part.kind == "first":
            out.append(f"[-{shown}-]", Style(dim=True))
        else:
            out.append(f"{{+{shown}+}}", Style(bold=True))
    return out
