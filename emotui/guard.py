"""Keeps whatever libraries write to stdout and stderr off the screen and puts it into the log.

In: the log file. Out: the descriptors 1 and 2 lead into the log, Textual writes to the terminal it
had at the start. C code writes to descriptors directly, so replacing `sys.stderr` is not enough.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

MOST_BYTES = 2_000_000
"""A log longer than this is started anew."""


@contextlib.contextmanager
def stray_output_to(log: Path) -> Iterator[None]:
    """For the time of the block; everything is put back afterwards."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > MOST_BYTES:
        log.replace(log.with_suffix(".old"))
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    before = sys.__stdout__, sys.__stderr__, sys.stdout, sys.stderr
    # Textual draws through sys.__stderr__ on a terminal, through sys.__stdout__ in a browser tab.
    # Both get what was stdout, so that `emotui 2> FILE` draws too.
    screen = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    stray = os.fdopen(sink, "w", encoding="utf-8", errors="replace", buffering=1)
    try:
        sys.__stdout__ = sys.__stderr__ = screen  # type: ignore[misc]
        sys.stdout = sys.stderr = stray
        yield
    finally:
        sys.__stdout__, sys.__stderr__, sys.stdout, sys.stderr = before  # type: ignore[misc]
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
        for descriptor in kept:
            os.close(descriptor)
        with contextlib.suppress(OSError):  # what it still holds cannot reach a closed terminal
            screen.close()
        stray.close()


def tail(log: Path, lines: int) -> list[str]:
    """The last lines of the log; empty where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 16_384))
            return file.read().decode("utf-8", "replace").splitlines()[-lines:]
    except OSError:
        return []
