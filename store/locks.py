"""One writer per folder, over processes.

In: a path for the lock file. Out: a context manager that holds an advisory lock (flock) on it. The
operating system drops the lock with the process, so what a dead process left is no obstacle; the
file stays, since removing it would let two writers hold two files of one name.
"""

import contextlib
import fcntl
import json
import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from store.errors import LockedError


class WriterLock:
    """Exclusive lock on `path`; `acquire`/`release` or a `with` block.

    Raises LockedError, naming the holder's process id and host, where another writer still holds
    it after `wait_s` seconds.
    """

    def __init__(self, path: Path, *, wait_s: float = 0.0) -> None:
        self.path = path
        self._wait_s = wait_s
        self._handle: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock now."""
        return self._handle is not None

    def acquire(self) -> None:
        """Take the lock, or raise LockedError once the wait is over."""
        if self._handle is not None:
            return
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _take(handle, self._wait_s)
        except BlockingIOError:
            holder = _describe(os.pread(handle, 4096, 0))
            os.close(handle)
            raise LockedError(
                f"{self.path.parent} is being written by {holder}: wait for it or stop it first"
            ) from None
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        # Who holds it is a courtesy to the reader of the message: a full disk must not stop us.
        with contextlib.suppress(OSError):
            os.ftruncate(handle, 0)
            note = {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            os.pwrite(handle, json.dumps(note).encode(), 0)

    def release(self) -> None:
        """Give the lock back; nothing happens where it is not held."""
        if self._handle is None:
            return
        handle, self._handle = self._handle, None
        with contextlib.suppress(OSError):
            os.ftruncate(handle, 0)
        os.close(handle)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _take(handle: int, wait_s: float) -> None:
    """flock, tried again until the wait is over; BlockingIOError then."""
    until = time.monotonic() + wait_s
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise
            time.sleep(0.02)


def locked(path: Path) -> str | None:
    """Who holds the lock file at `path` ("process 12 on host x since ..."); None where nobody."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _describe(os.pread(handle, 4096, 0))
    finally:
        os.close(handle)
    return None


def _describe(raw: bytes) -> str:
    try:
        note = json.loads(raw)
        return f"process {note['pid']} on host {note['host']} since {note['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
