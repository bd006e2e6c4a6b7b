"""What the workbench remembers from one start to the next, in one file that is never half-written.

In and out: `Session`, plain values only. A file that cannot be read, or of a later version, is
set aside under another name, never overwritten, and the session starts empty with a line saying
so. Knows no widget.
"""

import dataclasses
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from store.atomic import read_json, write_bytes
from store.errors import StoreError

VERSION = 1
HISTORY_KEPT = 500


@dataclass(frozen=True)
class Session:
    """Where the user was; "" and None mean nothing chosen yet."""

    pane: str = "data"
    dataset: str = ""
    row: int = 0
    """Dataset row under the cursor."""
    run: str = ""
    vectors: str = ""
    model: str = ""
    layer: int | None = None
    emotion: str = ""
    emotions: tuple[str, ...] = ()
    """Those that colour tokens."""
    alpha: float = 0.0
    """In mean residual norms."""
    seed: int = 0
    prompt: str = ""
    theme: str = ""
    history: tuple[dict[str, Any], ...] = ()
    """Steering runs as JSON values, oldest first; at most 500."""
    console: dict[str, Any] = field(default_factory=dict)
    """The Steer pane's other settings, as it writes and reads them."""
    tour_done: bool = False
    resume: tuple[dict[str, Any], ...] = ()
    """Jobs that were waiting or at work, as their panes describe them; started again next time."""


@dataclass(frozen=True)
class Loaded:
    """A session and, where something was wrong with its file, one line about it."""

    session: Session
    note: str = ""


def save_session(path: Path, session: Session) -> None:
    """Write the session in place of the old one, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    value = {f.name: getattr(session, f.name) for f in dataclasses.fields(session)}
    value |= {"version": VERSION, "history": session.history[-HISTORY_KEPT:]}
    # Written every two seconds while somebody works, and the history is long: not indented, which
    # takes Python 15 times as long and the screen waits for it.
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode("utf-8", "replace"))


def load_session(path: Path) -> Loaded:
    """The saved session, or an empty one."""
    if not path.is_file():
        return Loaded(Session())
    try:
        value = read_json(path)
        return Loaded(_from_json(value))
    except (StoreError, ValueError, TypeError) as error:
        aside = path.with_name(f"{path.stem}.unreadable-{time.time_ns()}{path.suffix}")
        path.rename(aside)
        return Loaded(
            Session(), f"the last session could not be read ({error}); it was kept as {aside.name}"
        )


def _from_json(value: object) -> Session:
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    if value.get("version") != VERSION:
        raise ValueError(f"version {value.get('version')!r}, this emotui reads {VERSION}")
    known = {f.name: f for f in dataclasses.fields(Session)}
    given: dict[str, Any] = {}
    for name, content in value.items():
        if name not in known:
            continue
        default = getattr(Session(), name)
        if isinstance(default, tuple) and isinstance(content, list):
            content = tuple(content)
        wanted = (int, type(None)) if name == "layer" else type(default)
        if isinstance(default, float) and isinstance(content, int):
            content = float(content)
        if not isinstance(content, wanted) or (
            isinstance(content, bool) and not isinstance(default, bool)
        ):
            raise ValueError(f"{name} is {content!r}")
        given[name] = content
    return Session(**given)
