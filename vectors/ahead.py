"""A series made one ahead: the next is in the making on a thread while the one before is used.

In: an iterator of functions without arguments. Out: what they return, in order. The iterator is
read in the caller's thread, so that what it reads (a file, a database) need not bear two. Knows
nothing about texts or models.
"""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(series: Iterator[Callable[[], T]]) -> Generator[T, None, None]:
    """An error comes in its turn, after everything before it. Closing leaves no thread behind."""
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming = _begin(series, thread)
        while coming is not None:
            following = _begin(series, thread)
            yield coming.result()
            coming = following


def _begin(series: Iterator[Callable[[], T]], thread: ThreadPoolExecutor) -> Future[T] | None:
    """The next in the making, or the error that reading it gave; None at the end."""
    try:
        make = next(series, None)
    except Exception as error:  # noqa: BLE001
        failed: Future[T] = Future()
        failed.set_exception(error)
        return failed
    return None if make is None else thread.submit(make)
