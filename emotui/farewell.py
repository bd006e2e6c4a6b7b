"""What happens when the process is told to go: SIGTERM and SIGHUP save before they end it.

In: what to do first (save the session, let jobs commit) and how to leave the screen. Out: exit
codes 143 and 129. A thread of its own does it, because with a dead terminal the screen's thread may
be stuck in a write that never returns.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

from emotui.screen_reset import screen_reset

LEAVE_SECONDS = 4.0
"""How long the screen has to close by itself."""


@dataclass
class Told:
    """Whether a signal came."""

    code: int | None = None
    """The exit code it asks for; None without one."""


@contextlib.contextmanager
def saved_on_signals(save: Callable[[], object], leave: Callable[[int], object]) -> Iterator[Told]:
    """For the time of the block; the handlers are put back afterwards.

    `save` must be safe in any thread; `leave(code)` asks the screen to close and may do nothing: a
    screen that has not closed in time is left to the terminal as well as it can be.
    """
    told, reset = Told(), screen_reset()

    def farewell(code: int) -> None:
        try:
            save()
            leave(code)
            threading.Event().wait(LEAVE_SECONDS)
        finally:
            reset()
            os._exit(code)

    def handler(number: int, frame: FrameType | None) -> None:
        del frame
        if told.code is None:
            told.code = 128 + number
            threading.Thread(target=farewell, args=(told.code,), daemon=True).start()

    wanted = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, handler) for number in wanted]
    try:
        yield told
    finally:
        for number, old in zip(wanted, before, strict=True):
            signal.signal(number, old)
