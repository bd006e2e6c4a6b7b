"""Rows in order become files of an array: the writing side of activations.py.

In: rows, batch after batch. Out: file contents ready to be written (`Pending`), when a file is full
or when a partial one is asked for. Rows of a sharded array are laid out layer-major as they arrive,
in one copy. What is committed, and when, is the run's business (writer.py).
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from store import atomic
from store.activations import ArraySpec, check_block, read_block
from store.errors import CorruptError, StoreError
from store.shards import checksum


@dataclass(frozen=True)
class Pending:
    """The bytes of one file, to be written."""

    array: "ArrayWriter"
    """Whose file it is."""
    block: int
    """Number of the file."""
    parts: list[memoryview]
    """Its bytes, one piece after another; may be views of the writer's buffer."""
    buffer: NDArray[Any] | None
    """The buffer of a full file, which the writer can use again afterwards."""

    @property
    def path(self) -> Path:
        """The file."""
        return self.array.spec.file(self.array.group, self.block)


def write_pending(files: list[Pending]) -> None:
    """Write the files durably and note their sizes and checksums with their arrays."""
    for made in files:
        _make_folder(made.path.parent, above=made.array.group / made.array.spec.path)
    atomic.write_all([(made.path, made.parts) for made in files])
    for made in files:
        size = sum(part.nbytes for part in made.parts)
        made.array.files[made.block] = (size, checksum(made.parts))
        if made.buffer is not None:
            made.array.spare.append(made.buffer)


class ArrayWriter:
    """Appends rows to one array; holds the rows of the file that is not yet full."""

    def __init__(self, group: Path, spec: ArraySpec) -> None:
        self.group, self.spec = group, spec
        self.length = 0
        self.dirty = False
        self.files: dict[int, tuple[int, int]] = {}
        self.spare: list[NDArray[Any]] = []
        self._buffer: NDArray[Any] | None = None

    def append(self, values: NDArray[Any]) -> list[Pending]:
        """Take `values` `[row, ...]`, which pass `check`, in; returns the files they filled."""
        full: list[Pending] = []
        taken = 0
        while taken < len(values):
            buffer = self._room()
            at = self.length % self.spec.block_rows
            count = min(self.spec.block_rows - at, len(values) - taken)
            piece = values[taken : taken + count]
            if self.spec.inner_rows:
                buffer[:, at : at + count] = piece.transpose(1, 0, 2)
            else:
                buffer[at : at + count] = piece
            self.length += count
            taken += count
            self.dirty = True
            if self.length % self.spec.block_rows == 0:
                full.append(self._seal())
        return full

    def tail(self) -> list[Pending]:
        """The file that is not yet full, if rows came since it was last asked for."""
        within = self.length % self.spec.block_rows
        if not self.dirty or not within:
            return []
        self.dirty = False
        parts = self.spec.encode(self._room(), within)
        return [Pending(self, self.length // self.spec.block_rows, parts, None)]

    def resume(self, length: int, files: list[tuple[int, int]]) -> None:
        """Go on at `length`: drop files past it, check the last one, reload a partial one.

        files: bytes and crc32c of the committed files. CorruptError names the file and its rows.
        """
        spec, count = self.spec, self.spec.blocks(length)
        self.files = dict(enumerate(files))
        self.length = length
        chunks = self.group / spec.path / "c"
        for entry in list(chunks.iterdir()) if chunks.is_dir() else []:
            if not entry.name.isdigit() or int(entry.name) >= count:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        if not count:
            return
        start, stop = spec.rows_of(count - 1, length)
        path = spec.file(self.group, count - 1)
        wrong = check_block(
            self.group, spec, count - 1, rows=stop - start, expected=files[count - 1]
        )
        if wrong is not None:
            raise CorruptError(
                f"{path} (rows {start} to {stop - 1}) is {wrong}: restore it from a copy, or "
                "remove the run and extract again"
            )
        if length % spec.block_rows:
            self._buffer = read_block(spec, path.read_bytes(), stop - start)

    def _seal(self) -> Pending:
        buffer, rows = self._room(), self.spec.block_rows
        parts = self.spec.encode(buffer, rows)
        self.dirty = False
        block = self.length // rows - 1
        if not self.spec.inner_rows:  # its bytes are a copy
            return Pending(self, block, parts, None)
        self._buffer = None
        return Pending(self, block, parts, buffer)

    def _room(self) -> NDArray[Any]:
        if self._buffer is None:
            self._buffer = self.spare.pop() if self.spare else self.spec.new_buffer()
        return self._buffer

    def check(self, values: NDArray[Any]) -> None:
        """StoreError where `append` could not take these rows in."""
        spec = self.spec
        if values.shape[1:] != spec.shape[1:] or values.dtype != np.dtype(spec.dtype):
            raise StoreError(
                f"{spec.path}: got rows of shape {values.shape[1:]} and type {values.dtype}, "
                f"this run keeps {spec.shape[1:]} and {spec.dtype}"
            )
        if self.length + len(values) > spec.shape[0]:
            raise StoreError(
                f"{spec.path}: {self.length + len(values)} rows are more than the "
                f"{spec.shape[0]} it was made for"
            )


def _make_folder(folder: Path, *, above: Path) -> None:
    """Make `folder` and its parents below `above`, each durable."""
    if folder.is_dir():
        return
    if folder != above:
        _make_folder(folder.parent, above=above)
    folder.mkdir(exist_ok=True)
    atomic.sync_folder(folder.parent)
