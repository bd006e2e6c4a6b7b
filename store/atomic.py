"""Files that are either the old ones or the new ones, whole, also after a kill or a power cut.

In: bytes or JSON values and a path. Out: the file, written beside its place as `*.tmp`, fsynced,
renamed over the old one, and the folder fsynced. A full disk is a SpaceError and leaves the old
file untouched. Files of lines only grow, and a line counts once its end is written. Knows nothing
of what the bytes mean.
"""

import contextlib
import errno
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from pathlib import Path
from typing import Any, TypeVar

from store.errors import CorruptError, NotFound, SpaceError

TMP = ".tmp"
"""Ending of a file that is still being written; nobody reads one."""

T = TypeVar("T")
Part = bytes | bytearray | memoryview

_SYNCS = 8  # fsyncs under way at a time
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[FileIO]:
    """Yield an unbuffered file that takes the place of `path` when the block ends well.

    On any error the half-written file is removed and `path` stays as it was. SpaceError where the
    disk, a quota or the file size limit is reached.
    """
    tmp = path.with_name(f"{path.name}.{os.getpid()}{TMP}")
    try:
        with open(tmp, "wb", buffering=0) as file:
            yield file
            sync_file(file)
        os.replace(tmp, path)
        sync_folder(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            tmp.unlink(missing_ok=True)
        if isinstance(error, OSError) and is_full(error):
            raise space_error(path, error) from error
        raise


def write_all(files: Sequence[tuple[Path, Iterable[Part]]]) -> None:
    """Write several files, each given as parts; all are durable on return.

    Cheaper than one after another, since fsyncs that wait at the same time share the disk's
    flushes. On any error the files not yet renamed stay as they were.
    """
    opened: list[tuple[Path, Path, FileIO]] = []
    try:
        for path, parts in files:
            tmp = path.with_name(f"{path.name}.{os.getpid()}{TMP}")
            opened.append((path, tmp, FileIO(tmp, "wb")))
            for part in parts:
                write_whole(opened[-1][2], part)
        _sync_together(sync_file, [file for _, _, file in opened])
        for path, tmp, _ in opened:
            os.replace(tmp, path)
        _sync_together(sync_folder, sorted({path.parent for path, _, _ in opened}))
    except BaseException as error:
        for _, tmp, _ in opened:
            with contextlib.suppress(OSError):
                tmp.unlink(missing_ok=True)
        if isinstance(error, OSError) and is_full(error):
            raise space_error(files[max(len(opened) - 1, 0)][0], error) from error
        raise
    finally:
        for _, _, file in opened:
            file.close()


def write_bytes(path: Path, data: Part) -> None:
    """Write `data` as the new content of `path`."""
    write_all([(path, (data,))])


def write_json(path: Path, value: object) -> None:
    """Write a plain value as JSON (UTF-8, indented; NaN and infinity are refused)."""
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def read_json(path: Path) -> Any:
    """Read a JSON file; NotFound where it is absent, CorruptError where it is not JSON."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise NotFound(f"{path} is missing: restore it or remove its folder") from None
    except ValueError as error:
        raise CorruptError(
            f"{path} is not readable JSON ({error}): restore it or remove its folder"
        ) from error


def append_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Add lines, given without their ends; they are on the disk when this returns.

    What a kill left of a last line is cut off first: it would spoil the one that follows.
    """
    drop_torn_line(path)
    with path.open("ab") as file:
        file.write(b"".join(line + b"\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())


def drop_torn_line(path: Path) -> None:
    """Cut off a last line without its end: a kill in the middle of a write left it."""
    if not path.is_file() or not path.stat().st_size:
        return
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)


def whole_lines(path: Path) -> list[str]:
    """The lines of a file that only grows, without a torn last one; CorruptError for no UTF-8."""
    try:
        return path.read_text(encoding="utf-8").split("\n")[:-1]
    except UnicodeDecodeError as error:
        raise CorruptError(f"{path} is not UTF-8 text ({error}): restore it") from error


def write_whole(file: FileIO, data: Part) -> None:
    """Write all of `data`: one write call may take only a part (2 GiB limit, nearly full disk)."""
    rest = memoryview(data).cast("B")
    while rest.nbytes:
        rest = rest[file.write(rest) :]


def sync_file(file: FileIO) -> None:
    """fsync an open file."""
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """fsync a folder, so that a rename in it survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_together(sync: Callable[[T], None], targets: Sequence[T]) -> None:
    if len(targets) == 1:
        sync(targets[0])
        return
    with ThreadPoolExecutor(_SYNCS, thread_name_prefix="fsync") as pool:
        for done in [pool.submit(sync, target) for target in targets]:
            done.result()


def remove_leftovers(folder: Path) -> int:
    """Delete the `*.tmp` files under `folder` that a killed writer left; returns how many."""
    leftovers = list(folder.rglob(f"*{TMP}"))
    for leftover in leftovers:
        leftover.unlink(missing_ok=True)
    return len(leftovers)


def is_full(error: OSError) -> bool:
    """Whether the disk, a quota or the file size limit is what stopped a write."""
    return error.errno in _FULL


@contextlib.contextmanager
def naming_a_full_disk(folder: Path) -> Iterator[None]:
    """Turn an error of the operating system that means "no room" into a SpaceError."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise space_error(folder, error) from error
        raise


def space_error(path: Path, error: OSError) -> SpaceError:
    """The one clear error for a write that found no room."""
    try:
        stat = os.statvfs(path.parent)
        left = f"{stat.f_bavail * stat.f_frsize:,} bytes free there"
    except OSError:
        left = "free space unknown"
    return SpaceError(
        f"no room to write {path} ({os.strerror(error.errno or 0)}; {left}): what was committed "
        "is intact; make room and start again to go on from there"
    )
