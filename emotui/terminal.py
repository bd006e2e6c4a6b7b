"""Writes results to stdout and remarks to stderr: tables, lines, JSON; nothing untrusted raw.

In: plain values. Out: text of the terminal's width, or JSON with --json. Every string that is
not a fixed text of ours goes through `sanitize`. Knows no jobs.
"""

import dataclasses
import json
import math
import os
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import TextIO

from emotui.sanitize import shorten, visible

Cell = str | int | float | bool | None


def say(text: str = "") -> None:
    """One line (or a block of our own lines) to stdout; the caller has sanitised foreign parts."""
    print(text, file=sys.stdout)  # noqa: T201


def say_lines(lines: Sequence[str]) -> None:
    """Lines of text and tables; in a terminal a line that is too wide is broken between words."""
    columns = width()
    for line in lines:
        if columns is None or len(line) <= columns or "\x1b" in line:
            say(line)
            continue
        for part in textwrap.wrap(line, columns, break_on_hyphens=False):
            say(part)


def remark(text: str) -> None:
    """One line to stderr, always sanitised; a terminal that has gone away is not an error."""
    try:
        print(visible(text), file=sys.stderr, flush=True)  # noqa: T201
    except OSError:
        return


def say_json(value: object) -> None:
    """A result as JSON: two spaces, keys in their stable order, NaN as null."""
    say(json.dumps(plain(value), ensure_ascii=not _is_utf8(sys.stdout), indent=2, allow_nan=False))


def plain(value: object) -> object:
    """Dataclasses, tuples, paths and numpy values as what JSON knows; non-finite floats as None."""
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, Sequence | set | frozenset | range):
        return [plain(v) for v in value]
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _is_utf8(stream: TextIO) -> bool:
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "") == "utf8"


def width(stream: TextIO | None = None) -> int | None:
    """Columns of the terminal; None when the output is not a terminal (then nothing is cut)."""
    stream = sys.stdout if stream is None else stream
    return shutil.get_terminal_size().columns if stream.isatty() else None


def cell(value: Cell) -> str:
    """A table cell: numbers to three places, None as a dash, text made visible."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return fixed(value)
    return visible(value)


def _is_number(value: Cell) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def fixed(value: float, places: int = 3) -> str:
    """A number with a fixed count of places; a dash for NaN."""
    return f"{value:.{places}f}" if math.isfinite(value) else "-"


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    flexible: int = -1,
    columns: int | None = None,
) -> list[str]:
    """Aligned columns, numbers right; in a terminal the flexible column is cut to fit."""
    from rich.cells import cell_len, set_cell_size

    columns = width() if columns is None else columns
    body = [[cell(v) for v in row] for row in rows]
    numeric = [bool(rows) and all(_is_number(r[i]) for r in rows) for i in range(len(head))]
    wide = [
        max([cell_len(head[i]), *(cell_len(r[i]) for r in body)], default=0)
        for i in range(len(head))
    ]
    if columns is not None:
        over = sum(wide) + 2 * (len(head) - 1) - columns
        flexible %= len(head)
        wide[flexible] = max(wide[flexible] - max(over, 0), min(wide[flexible], 8))

    def line(parts: Sequence[str]) -> str:
        shown: list[str] = []
        for i, part in enumerate(parts):
            fitted = shorten(part, wide[i])
            gap = " " * (wide[i] - cell_len(fitted))
            shown.append(gap + fitted if numeric[i] else fitted + gap)
        joined = "  ".join(shown).rstrip()
        return joined if columns is None else set_cell_size(joined, columns).rstrip()

    return [line(list(head)), *(line(r) for r in body)]


def show_table(head: Sequence[str], rows: Sequence[Sequence[Cell]], *, flexible: int = -1) -> None:
    """Prints `table`."""
    for text in table(head, rows, flexible=flexible):
        say(text)


def human_bytes(n: float) -> str:
    """A size in B, kB, MB, GB or TB (powers of 1000)."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(n) < 1000:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} TB"


def human_time(seconds: float) -> str:
    """A duration as 42 s, 3 min 20 s or 2 h 05 min."""
    s = max(0, round(seconds))
    if s < 60:
        return f"{s} s"
    if s < 3600:
        return f"{s // 60} min {s % 60:02d} s"
    return f"{s // 3600} h {s % 3600 // 60:02d} min"
