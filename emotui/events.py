"""What a job says while it runs: the only thing that passes from a job to a screen or a terminal.

A job is a generator of these events and ends with exactly one Done. Knows no screen.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Cancelled = Callable[[], bool]
"""Asked between batches, layers and tokens; True means stop and keep what is done."""


def never() -> bool:
    """The cancel question of a job nobody can stop."""
    return False


@dataclass(frozen=True)
class Progress:
    """How far the job is."""

    done: int
    """Units finished, counting those of an earlier, interrupted call."""
    total: int | None
    """Units in all; None when unknown."""
    unit: str
    """What is counted: "texts", "layers", "tokens", ..."""
    rate: float | None = None
    """Units per second in this call; None at the start."""
    note: str = ""
    """Which part of the job this is, e.g. "extract"."""


@dataclass(frozen=True)
class Note:
    """One line worth reading: what was chosen and why, or a warning."""

    text: str
    level: Literal["info", "warn"] = "info"


@dataclass(frozen=True)
class Partial:
    """A result that is ready before the job is: one layer's accuracy, one step of generation."""

    kind: str
    value: object


@dataclass(frozen=True)
class Done:
    """The job's result; always the last event."""

    value: object


Event = Progress | Note | Partial | Done
Job = Iterator[Event]
