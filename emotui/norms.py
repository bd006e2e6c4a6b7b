"""Reads norms of emotion words (valence, arousal) from a CSV and brings them to -1 to 1.

In: a file with the columns emotion, valence (or pleasure) and arousal; others are ignored. Out:
`NormTable` with the scale that was recognised and the file's hash. Knows no run.
"""

import csv
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from emotui.errors import OptionError
from emotui.sanitize import one_line

SCALES = ((-1.0, 1.0), (0.0, 1.0), (1.0, 5.0), (1.0, 7.0), (1.0, 9.0))
"""Tried in this order; the first that holds every number is taken."""
NAMES = {"valence": ("valence", "pleasure"), "arousal": ("arousal",)}


@dataclass(frozen=True)
class NormTable:
    """Valence and arousal per emotion."""

    rows: tuple[tuple[str, float, float], ...]
    """Emotion, valence, arousal, each from -1 to 1."""
    source: str
    """File name, SHA-256, the scale it had and the columns that were read."""


def read_norms(path: Path) -> NormTable:
    """The table of a file; OptionError with its line for anything that is not understood."""
    try:
        data = path.read_bytes()
        lines = data.decode("utf-8-sig").splitlines()
    except OSError as e:
        raise OptionError(f"--norms {one_line(str(path))} cannot be read: {e.strerror}") from None
    except UnicodeDecodeError:
        raise OptionError(f"--norms {one_line(str(path))} is not UTF-8 text") from None
    reader = csv.DictReader(lines)
    columns = _columns(reader.fieldnames or ())
    found: dict[str, tuple[float, float]] = {}
    for number, row in enumerate(reader, start=2):
        name = (row[columns["emotion"]] or "").strip()
        if not name or name in found:
            what = f"names {one_line(name)} again" if name else "names no emotion"
            raise OptionError(f"--norms line {number} {what}; give each emotion once")
        found[name] = (
            _number(row, columns["valence"], number),
            _number(row, columns["arousal"], number),
        )
    if not found:
        raise OptionError(f"--norms {one_line(str(path))} has no rows")
    low, high = _scale([v for pair in found.values() for v in pair])
    middle, half = (low + high) / 2, (high - low) / 2
    rows = tuple((e, (v - middle) / half, (a - middle) / half) for e, (v, a) in found.items())
    source = (
        f"{one_line(path.name)}, sha256 {hashlib.sha256(data).hexdigest()}, scale {low:g} to "
        f"{high:g}, columns {one_line(columns['valence'])} and {one_line(columns['arousal'])}"
    )
    return NormTable(rows, source)


def _columns(header: Iterable[str]) -> dict[str, str]:
    names = {h.strip().lower(): h for h in header}
    found = {}
    for wanted, allowed in {"emotion": ("emotion",), **NAMES}.items():
        hits = [names[a] for a in allowed if a in names]
        if not hits:
            shown = ", ".join(one_line(n) for n in names) or "none"
            raise OptionError(
                f"--norms has the columns {shown}; it needs emotion, valence (or pleasure) and "
                "arousal in its first line"
            )
        found[wanted] = hits[0]
    return found


def _number(row: Mapping[str, str | None], column: str, line: int) -> float:
    text = (row[column] or "").strip()
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value != value or abs(value) == float("inf"):
        raise OptionError(
            f"--norms line {line}: {one_line(text)!r} in {one_line(column)} is no number"
        )
    return value


def _scale(values: list[float]) -> tuple[float, float]:
    for low, high in SCALES:
        # Nothing below 0 is a scale from 0 to 1, not the upper half of one from -1.
        if low <= min(values) and max(values) <= high and not (low < 0 <= min(values)):
            return low, high
    raise OptionError(
        f"--norms goes from {min(values):g} to {max(values):g}; known scales: -1 to 1, 0 to 1, "
        "1 to 5, 1 to 7, 1 to 9"
    )
