"""The bytes of one zarr v3 shard of a `[N, L, D]` array, addressed without zarr-python.

In: rows of layers, and the geometry of the array. Out: the bytes of a shard file, and from a shard
file one layer over its rows, one row over its layers, or everything.

A shard holds `shard_rows` rows of all layers, cut in inner chunks of `(inner_rows, 1, D)`. Its
bytes are layer-major and uncompressed:

    layer 0: chunk of rows 0..r, chunk of rows r..2r, ... | layer 1: ... | index | crc32c

so one layer over the shard is one contiguous run. The index is, per inner chunk in C order, offset
and length as little-endian u64 (2^64-1 twice for a chunk that is not there). A shard with fewer
rows than it can hold stores only the row blocks that are begun; which ones is known from the
file's size, so that a reader needs nothing else to address it.

Format: zarr v3, `sharding_indexed` codec with `bytes` inside and `bytes`, `crc32c` for the index,
https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/ . Knows nothing of runs,
commits or models.
"""

import mmap
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from store.errors import CorruptError

ABSENT = 2**64 - 1
_MIB = 2**20
_TARGET_BYTES = 256 * _MIB  # of one shard, or of the shards of all poolings of one row block
_LEAST_TARGET = 64 * _MIB  # however many poolings there are
MOST_ROWS = 16384  # a shard of a small model stays small: it is rewritten at every partial flush
_CHUNK_BYTES = (
    256 * 1024
)  # inner chunks of about this size: few enough for zarr-python to be usable


@dataclass(frozen=True)
class Grid:
    """Geometry of a sharded `[N, L, D]` array."""

    layers: int
    """L, length of the second axis."""
    width: int
    """D, length of the last axis."""
    dtype: str
    """numpy name of the stored numbers: "uint16" (bfloat16 bits), "float16" or "float32"."""
    shard_rows: int
    """Rows per shard file."""
    inner_rows: int
    """Rows per inner chunk; divides `shard_rows`."""

    def __post_init__(self) -> None:
        if self.inner_rows < 1 or self.shard_rows % self.inner_rows:
            raise ValueError(
                f"inner rows must divide shard rows: {self.inner_rows} and {self.shard_rows}"
            )

    @cached_property
    def row_bytes(self) -> int:
        """Bytes of one row of one layer."""
        return self.width * np.dtype(self.dtype).itemsize

    @cached_property
    def index_bytes(self) -> int:
        """Bytes of the index and its crc32c at the end of every shard."""
        return self.shard_rows // self.inner_rows * self.layers * 16 + 4

    def stored_rows(self, rows: int) -> int:
        """Rows a shard takes up on disk when it holds `rows`: whole inner chunks."""
        return -(-rows // self.inner_rows) * self.inner_rows

    def file_bytes(self, rows: int) -> int:
        """Size of a shard file that holds `rows` rows."""
        return self.stored_rows(rows) * self.layers * self.row_bytes + self.index_bytes

    def rows_in(self, file_bytes: int) -> int | None:
        """Stored rows of a shard file of that size; None where no shard can have it."""
        block = self.inner_rows * self.layers * self.row_bytes
        blocks, rest = divmod(file_bytes - self.index_bytes, block)
        if rest or not 0 < blocks <= self.shard_rows // self.inner_rows:
            return None
        return blocks * self.inner_rows

    def index(self, rows: int) -> bytes:
        """The index and crc32c of a shard that holds `rows` rows."""
        chunk = self.inner_rows * self.row_bytes
        begun = self.stored_rows(rows) // self.inner_rows
        table = np.full((self.shard_rows // self.inner_rows, self.layers, 2), ABSENT, "<u8")
        block, layer = np.ogrid[:begun, : self.layers]
        table[:begun, :, 0] = (layer * begun + block) * chunk
        table[:begun, :, 1] = chunk
        raw = table.tobytes()
        return raw + google_crc32c.value(raw).to_bytes(4, "little")


def choose_grid(
    rows: int,
    layers: int,
    *,
    width: int,
    dtype: str,
    arrays: int = 1,
    most_rows: int = MOST_ROWS,
) -> Grid:
    """The geometry for an array of `rows` rows: shards of 64 to 256 MB for big models.

    `arrays` is how many such arrays fill their shards side by side (poolings): together they stay
    near 256 MB where 64 MB each allows it. A shard holds at most `most_rows` rows, which keeps
    those of small models small, and never more than the next power of two above the rows there are.
    """
    item = np.dtype(dtype).itemsize
    target = max(_TARGET_BYTES // max(arrays, 1), _LEAST_TARGET)
    fitting = _power_of_two_below(max(target // (layers * width * item), 1))
    enough = 1 << max(rows - 1, 0).bit_length()
    shard = min(fitting, enough, _power_of_two_below(max(most_rows, 1)))
    inner = max(_power_of_two_below(max(_CHUNK_BYTES // (width * item), 1)), 64)
    return Grid(layers, width, dtype, shard, min(inner, shard))


def _power_of_two_below(number: int) -> int:
    return 1 << (number.bit_length() - 1)


def shard_parts(
    buffer: NDArray[Any], rows: int, *, grid: Grid, fill: float | int
) -> list[memoryview]:
    """The bytes of a shard as pieces to write one after another, without a copy.

    buffer: `[L, shard_rows, D]`, its first `rows` rows filled. The rows between them and the end of
    the last inner chunk are set to `fill` in place.
    """
    stored = grid.stored_rows(rows)
    buffer[:, rows:stored] = fill
    if stored == grid.shard_rows:
        data = [buffer.data.cast("B")]
    else:
        data = [buffer[layer, :stored].data.cast("B") for layer in range(grid.layers)]
    return [*data, memoryview(grid.index(rows))]


def checksum(parts: list[memoryview]) -> int:
    """crc32c of the parts one after another."""
    crc = 0
    for part in parts:
        crc = google_crc32c.extend(crc, np.frombuffer(part, np.uint8))
    return int(crc)


class Shard:
    """One shard file, open for reading; close it or let it be collected.

    Raises CorruptError, in words that a caller completes with the rows, where the file is missing,
    has a size no shard can have, or its index is not the one its size calls for.
    """

    def __init__(self, path: Path, grid: Grid) -> None:
        self.grid = grid
        try:
            self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise CorruptError("missing") from None
        try:
            size = os.fstat(self._handle).st_size
            stored = grid.rows_in(size)
            if stored is None:
                raise CorruptError(f"truncated: {size:,} bytes, which is no whole shard")
            index = os.pread(self._handle, grid.index_bytes, size - grid.index_bytes)
            if index != grid.index(stored):
                raise CorruptError("damaged: its index does not match its size or checksum")
        except CorruptError:
            self.close()
            raise
        self.stored: int = stored

    def layer(self, layer: int, out: NDArray[Any], *, skip: int = 0) -> None:
        """Read `len(out)` rows of one layer after the first `skip` into `out` [row, D]."""
        _read_into(self._handle, out, (layer * self.stored + skip) * self.grid.row_bytes)

    def block(self, rows: int) -> NDArray[Any]:
        """The first `rows` rows of all layers as `[row, layer, D]`: a view of one read."""
        grid = self.grid
        whole = np.empty((grid.layers, self.stored, grid.width), grid.dtype)
        _read_into(self._handle, whole, 0)
        return whole[:, :rows].transpose(1, 0, 2)

    @cached_property
    def mapped(self) -> NDArray[Any]:
        """The whole shard as a read-only memory map `[layer, row, D]`, for reads here and there."""
        grid = self.grid
        count = grid.layers * self.stored * grid.width
        mapping = mmap.mmap(self._handle, 0, prot=mmap.PROT_READ)
        flat = np.frombuffer(mapping, grid.dtype, count)
        return flat.reshape(grid.layers, self.stored, grid.width)

    def close(self) -> None:
        """Close the file; a memory map in use stays valid."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __del__(self) -> None:
        if getattr(self, "_handle", -1) >= 0:
            self.close()


def _read_into(handle: int, out: NDArray[Any], offset: int) -> None:
    rest = out.data.cast("B")
    while rest.nbytes:
        got = os.preadv(handle, [rest], offset)
        if got == 0:
            raise CorruptError("truncated while it was read")
        rest, offset = rest[got:], offset + got


def decode_bfloat16(bits: NDArray[np.uint16], out: NDArray[np.float32] | None = None) -> Any:
    """float32 of bfloat16 bit patterns, of any shape; written into `out` where given.

    bfloat16 is the upper half of float32. The work goes in pieces that stay in the cache.
    """
    made = np.empty(bits.shape, np.float32) if out is None else out
    words = made.view(np.uint32)
    step = max(1, 65536 // max(1, int(np.prod(bits.shape[1:]))))
    for start in range(0, len(bits) if bits.ndim else 0, step):
        piece = words[start : start + step]
        piece[...] = bits[start : start + step]
        np.left_shift(piece, 16, out=piece)
    return made


def encode_bfloat16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """bfloat16 bit patterns of float32 numbers, rounded to nearest even; NaN stays NaN."""
    words = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = (words + (np.uint32(0x7FFF) + ((words >> 16) & 1))) >> 16
    quiet = (words >> 16) | np.uint32(0x0040)
    return np.where(np.isnan(values), quiet, rounded).astype(np.uint16)
