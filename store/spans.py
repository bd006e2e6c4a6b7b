"""Named character spans of a text: given in a column, or read off speakers' turns.

In: a text and a raw value. Out: ((name, start, stop), ...) with 0 <= start < stop <= len(text),
in order of start; start and stop count characters. Knows no files.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

Span = tuple[str, int, int]

SPEAKERS = ("Human", "Assistant", "Person", "AI", "User")


def parse_spans(value: Any, text: str) -> tuple[Span, ...]:
    """Spans from [[name, start, stop], ...] or [{"name":, "start":, "stop":}, ...] or its JSON.

    Raises ValueError that says what is wrong with which span; "end" and "label" are understood as
    well as "stop" and "name".
    """
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise ValueError(f"spans are not JSON ({error.msg})") from None
    if not isinstance(value, list):
        raise ValueError(f"spans are {type(value).__name__}, not a list of [name, start, stop]")
    return tuple(sorted((_one(item, text) for item in value), key=lambda span: span[1:]))


def _one(item: Any, text: str) -> Span:
    if isinstance(item, dict):
        name = item.get("name", item.get("label", item.get("speaker")))
        start, stop = item.get("start"), item.get("stop", item.get("end"))
    elif isinstance(item, list | tuple) and len(item) == 3:
        name, start, stop = item
    else:
        raise ValueError(f"span {item!r} is not [name, start, stop]")
    if not (isinstance(name, str) and name and isinstance(start, int) and isinstance(stop, int)):
        raise ValueError(f"span {item!r} is not [name, start, stop] with two whole numbers")
    name.encode()  # half a surrogate pair raises UnicodeEncodeError, a ValueError
    if not 0 <= start < stop <= len(text):
        raise ValueError(
            f"span {name!r} {start}..{stop} does not lie within the text of {len(text)} characters"
        )
    return name, start, stop


def turn_pattern(speakers: Iterable[str]) -> re.Pattern[str]:
    """Matches a speaker's mark at the beginning of a line, e.g. "Human: "."""
    names = "|".join(re.escape(name) for name in speakers)
    return re.compile(rf"^[ \t]*({names})[ \t]*:[ \t]*", re.MULTILINE)


def parse_turns(text: str, pattern: re.Pattern[str]) -> tuple[Span, ...]:
    """What each speaker says, without the mark itself and without white space at the ends.

    Text before the first mark (a preamble) belongs to nobody; a turn with nothing in it is left
    out.
    """
    marks = list(pattern.finditer(text))
    spans: list[Span] = []
    stops = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, stop in zip(marks, stops, strict=False):
        said = text[mark.end() : stop]
        length = len(said.rstrip())
        start = mark.end() + len(said) - len(said.lstrip())
        if said.strip():
            spans.append((mark.group(1), start, mark.end() + length))
    return tuple(spans)
