"""Turns a function that calls back into a generator that yields.

In: a function that takes `emit` and calls it while it works. Out: its events as they come, then
its result. The function runs in a thread of its own; whoever drives the generator keeps the
signals. Knows no particular work.
"""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

from emotui.events import Event
from vectors.errors import Cancelled

T = TypeVar("T")
Emit = Callable[[Event], None]


def streaming(work: Callable[[Emit], T]) -> Generator[Event, None, T]:
    """`result = yield from streaming(lambda emit: fit(..., on_layer=...))`.

    An error of the work is raised here. When the generator is closed early, the work gets Cancelled
    at its next call of `emit`, and closing waits for that: two works on one model would run under
    each other's hooks.
    """
    events: SimpleQueue[Event | None] = SimpleQueue()
    future: Future[T] = Future()
    abandoned = threading.Event()

    def emit(event: Event) -> None:
        if abandoned.is_set():
            raise Cancelled("nobody waits for this any more")
        events.put(event)

    def run() -> None:
        try:
            future.set_result(work(emit))
        except BaseException as e:  # noqa: BLE001  (raised again by future.result below)
            future.set_exception(e)
        finally:
            events.put(None)

    thread = threading.Thread(target=run, daemon=True, name="emotui-work")
    thread.start()
    try:
        while (event := events.get()) is not None:
            yield event
    finally:
        abandoned.set()
        thread.join()
    return future.result()
