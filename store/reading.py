"""Rows of an array on disk, read directly where the bytes allow it.

In: a zarr group, the path of an array and how many of its rows count. Out: one layer, one row, a
span or everything as stored. Arrays that are not laid out as activations.py lays them out
(compressed, rewritten by another tool) are read through zarr-python, with the same answers.
"""

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from store.activations import ArraySpec, read_spec
from store.errors import CorruptError, StoreError
from store.shards import Shard

_OPEN_SHARDS = 64


class ArrayReader:
    """Reads the first `rows` rows of an array whose files are addressed directly.

    Raises CorruptError naming the file and its rows where one is missing or has a wrong size. Keeps
    at most 64 files open.
    """

    def __init__(self, group: Path, spec: ArraySpec, rows: int) -> None:
        self.group, self.spec, self.rows = group, spec, rows
        self._open: OrderedDict[int, Shard] = OrderedDict()

    def grow(self, rows: int) -> None:
        """Read up to `rows` rows from now on; files that were partly written are opened anew."""
        if rows != self.rows:
            for block in [b for b in self._open if (b + 1) * self.spec.block_rows > self.rows]:
                del self._open[block]
            self.rows = rows

    def layer(self, layer: int) -> NDArray[Any]:
        """One layer over all rows as stored, `[row, D]`; layer is a position on the second axis."""
        out = np.empty((self.rows, self.spec.shape[2]), self.spec.dtype)
        for start, stop, block in self._spans():
            self._shard(block).layer(layer, out[start:stop])
        return out

    def layer_spans(self, layer: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """One layer in pieces that stay in the cache: (first row, `[row, D]` as stored).

        Each piece is overwritten by the next.
        """
        step = max(64, 2**20 // self.spec.grid.row_bytes)
        scratch = np.empty((step, self.spec.shape[2]), self.spec.dtype)
        for start, stop, block in self._spans():
            shard = self._shard(block)
            for at in range(start, stop, step):
                piece = scratch[: min(step, stop - at)]
                shard.layer(layer, piece, skip=at - start)
                yield at, piece

    def take(self, layer: int, rows: NDArray[np.int64]) -> NDArray[Any]:
        """One layer at the given rows, in that order, `[row, D]`."""
        self._check(rows)
        out = np.empty((len(rows), self.spec.shape[2]), self.spec.dtype)
        block_of = rows // self.spec.block_rows
        order = np.argsort(block_of, kind="stable")
        edges = np.flatnonzero(np.diff(block_of[order], prepend=-1))
        for which in np.split(order, edges[1:]) if len(order) else []:
            block = int(block_of[which[0]])
            view = self._shard(block).mapped[layer]
            out[which] = view[rows[which] - block * self.spec.block_rows]
        return out

    def row(self, row: int) -> NDArray[Any]:
        """One row over all layers, `[layer, D]`."""
        self._check(np.array([row]))
        block, within = divmod(row, self.spec.block_rows)
        return np.array(self._shard(block).mapped[:, within])

    def span(self, start: int, stop: int) -> NDArray[Any]:
        """Rows `start` to `stop` over all layers, `[row, layer, D]`."""
        out = np.empty((stop - start, *self.spec.shape[1:]), self.spec.dtype)
        for first, last, block in self._spans():
            low, high = max(first, start), min(last, stop)
            if low < high:
                view = self._shard(block).mapped[:, low - first : high - first]
                out[low - start : high - start] = view.transpose(1, 0, 2)
        return out

    def scan(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """All rows in file-sized steps: (first row, `[row, layer, D]`)."""
        for start, stop, block in self._spans():
            yield start, self._shard(block).block(stop - start)

    def small(self) -> NDArray[Any]:
        """A small array whole, `[row, ...]`."""
        out = np.empty((self.rows, *self.spec.shape[1:]), self.spec.dtype)
        for start, stop, block in self._spans():
            path = self.spec.file(self.group, block)
            try:
                raw = path.read_bytes()
            except FileNotFoundError:
                raise self._corrupt(block, "missing") from None
            if len(raw) != self.spec.file_bytes(stop - start):
                raise self._corrupt(block, f"truncated: {len(raw):,} bytes")
            flat = np.frombuffer(raw, self.spec.dtype)
            out[start:stop] = flat.reshape(-1, *self.spec.shape[1:])[: stop - start]
        return out

    def close(self) -> None:
        """Close every open file."""
        self._open.clear()

    def _spans(self) -> Iterator[tuple[int, int, int]]:
        for block in range(self.spec.blocks(self.rows)):
            yield (*self.spec.rows_of(block, self.rows), block)

    def _shard(self, block: int) -> Shard:
        shard = self._open.get(block)
        if shard is None:
            start, stop = self.spec.rows_of(block, self.rows)
            try:
                shard = Shard(self.spec.file(self.group, block), self.spec.grid)
                if shard.stored < stop - start:
                    raise CorruptError(f"truncated: holds {shard.stored} rows")
            except CorruptError as error:
                raise self._corrupt(block, str(error)) from None
            self._open[block] = shard
            if len(self._open) > _OPEN_SHARDS:
                self._open.popitem(last=False)
        else:
            self._open.move_to_end(block)
        return shard

    def _corrupt(self, block: int, what: str) -> CorruptError:
        start, stop = self.spec.rows_of(block, self.rows)
        return CorruptError(
            f"{self.spec.file(self.group, block)} (rows {start} to {stop - 1}) is {what}: "
            "restore the file from a copy, or remove the run and extract again"
        )

    def _check(self, rows: NDArray[np.int64]) -> None:
        if len(rows) and (rows.min() < 0 or rows.max() >= self.rows):
            raise StoreError(
                f"row {int(rows.min() if rows.min() < 0 else rows.max())} is out of range: "
                f"{self.rows} rows are committed, counted from 0"
            )


class ForeignReader:
    """The same reads through zarr-python, for an array that is compressed or laid out otherwise."""

    def __init__(self, group: Path, path: str, rows: int) -> None:
        import zarr

        opened = zarr.open_array(group / path, mode="r")
        self.array: Any = opened
        self.rows = rows

    def grow(self, rows: int) -> None:
        """Read up to `rows` rows from now on."""
        self.rows = rows

    def layer(self, layer: int) -> NDArray[Any]:
        """One layer over all rows as stored."""
        return np.asarray(self.array[: self.rows, layer])

    def layer_spans(self, layer: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """One layer in steps of one file."""
        step = (self.array.shards or self.array.chunks)[0]
        for start in range(0, self.rows, step):
            yield start, np.asarray(self.array[start : min(start + step, self.rows), layer])

    def take(self, layer: int, rows: NDArray[np.int64]) -> NDArray[Any]:
        """One layer at the given rows, in that order."""
        return np.asarray(self.array.oindex[rows, layer])

    def row(self, row: int) -> NDArray[Any]:
        """One row over all layers."""
        return np.asarray(self.array[row])

    def span(self, start: int, stop: int) -> NDArray[Any]:
        """Rows `start` to `stop` over all layers."""
        return np.asarray(self.array[start:stop])

    def scan(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """All rows in steps of one file."""
        step = (self.array.shards or self.array.chunks)[0]
        for start in range(0, self.rows, step):
            yield start, np.asarray(self.array[start : min(start + step, self.rows)])

    def small(self) -> NDArray[Any]:
        """A small array whole."""
        return np.asarray(self.array[: self.rows])

    def close(self) -> None:
        """Nothing is held open."""


def open_array(group: Path, path: str, *, rows: int) -> ArrayReader | ForeignReader:
    """A reader of the first `rows` rows of an array, by whichever way its layout allows."""
    spec = read_spec(group, path)
    return ForeignReader(group, path, rows) if spec is None else ArrayReader(group, spec, rows)
