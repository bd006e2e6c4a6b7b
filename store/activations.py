"""Zarr arrays on disk: described, created, and their files checked.

In: the description of an array. Out: its zarr v3 metadata and the bytes of its files. Two layouts
are written: `[N, L, D]` numbers in shards (see shards.py) and small arrays `[N]` or `[N, L]` in
plain uncompressed chunks. Rows are appended by appending.py and read by reading.py. Knows nothing
of runs, commits or fingerprints.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from store import atomic
from store.errors import CorruptError
from store.shards import Grid, checksum, shard_parts

LAYOUT = "emotui layer-major 1"
"""Attribute of the arrays whose shards may be addressed directly."""
BFLOAT16_NAN = 0x7FC0


@dataclass(frozen=True)
class ArraySpec:
    """One array on disk."""

    path: str
    """Where below the zarr group, e.g. "pooled/mean50"."""
    shape: tuple[int, ...]
    """Full shape; rows past the committed ones read as `fill`."""
    dtype: str
    """numpy name of the numbers on disk."""
    block_rows: int
    """Rows per file."""
    inner_rows: int
    """Rows per inner chunk of a shard; 0 for a plain chunk without shards."""
    axes: tuple[str, ...]
    """Name of every axis."""
    stored: str = ""
    """Says "bfloat16" where uint16 numbers are bit patterns; otherwise empty."""

    @property
    def fill(self) -> float | int | bool:
        """What rows that were never written read as: NaN, -1 or False, never a silent 0."""
        if self.stored == "bfloat16":
            return BFLOAT16_NAN
        kind = np.dtype(self.dtype).kind
        return {"f": float("nan"), "i": -1, "b": False, "u": 0}[kind]

    @cached_property
    def grid(self) -> Grid:
        """Geometry of the shards; only for an array that has them."""
        _, layers, width = self.shape
        return Grid(layers, width, self.dtype, self.block_rows, self.inner_rows)

    @cached_property
    def row_bytes(self) -> int:
        """Bytes of one row of the array."""
        return int(np.prod(self.shape[1:], dtype=np.int64)) * np.dtype(self.dtype).itemsize

    def blocks(self, rows: int) -> int:
        """Number of files that `rows` rows take."""
        return -(-rows // self.block_rows)

    def rows_of(self, block: int, rows: int) -> tuple[int, int]:
        """Start and stop of the rows in a file when the array holds `rows` rows."""
        return block * self.block_rows, min((block + 1) * self.block_rows, rows)

    def file(self, group: Path, block: int) -> Path:
        """The file of a block: zarr's chunk key."""
        zeros = ["0"] * (len(self.shape) - 1)
        return group.joinpath(self.path, "c", str(block), *zeros)

    def file_bytes(self, rows: int) -> int:
        """Size of a file that holds `rows` rows."""
        if self.inner_rows:
            return self.grid.file_bytes(rows)
        return self.block_rows * self.row_bytes

    def total_bytes(self) -> int:
        """Size on disk of the whole array, its rows all written."""
        full, rest = divmod(self.shape[0], self.block_rows)
        return full * self.file_bytes(self.block_rows) + (self.file_bytes(rest) if rest else 0)

    def encode(self, buffer: NDArray[Any], rows: int) -> list[memoryview]:
        """The bytes of a file whose first `rows` rows stand in `buffer`.

        buffer: `[L, block_rows, D]` for a sharded array, `[block_rows, ...]` for a small one. For a
        sharded array the pieces are views of it; for a small one a copy.
        """
        if self.inner_rows:
            return shard_parts(buffer, rows, grid=self.grid, fill=self.fill)
        buffer[rows:] = self.fill
        return [memoryview(buffer.tobytes())]

    def new_buffer(self) -> NDArray[Any]:
        """Room for the rows of one file, in the order of its bytes."""
        rows, *rest = (self.block_rows, *self.shape[1:])
        shape = (rest[0], rows, rest[1]) if self.inner_rows else (rows, *rest)
        return np.empty(shape, self.dtype)


def create_group(group: Path, specs: list[ArraySpec], *, attributes: dict[str, Any]) -> None:
    """Make a zarr v3 group with empty arrays at full size; every metadata file is fsynced."""
    import zarr  # a fifth of a second, needed only when a run begins

    root = zarr.create_group(group, zarr_format=3, overwrite=True, attributes=attributes)
    for spec in specs:
        rest = spec.shape[1:]
        sharded = bool(spec.inner_rows)
        root.create_array(
            spec.path,
            shape=spec.shape,
            dtype=spec.dtype,
            chunks=(spec.inner_rows, 1, rest[1]) if sharded else (spec.block_rows, *rest),
            shards=(spec.block_rows, *rest) if sharded else None,
            compressors=None,
            filters=None,
            fill_value=spec.fill,
            dimension_names=spec.axes,
            attributes={"layout": LAYOUT, "stored": spec.stored or spec.dtype},
        )
    for metadata in group.rglob("zarr.json"):
        atomic.write_bytes(metadata, metadata.read_bytes())


def set_length(group: Path, spec: ArraySpec, rows: int) -> None:
    """State the true number of rows of an array that was created with an upper bound."""
    path = group / spec.path / "zarr.json"
    metadata = atomic.read_json(path)
    metadata["shape"][0] = rows
    atomic.write_json(path, metadata)


def read_spec(group: Path, path: str) -> ArraySpec | None:
    """The array at `path` if its files may be addressed directly; None where zarr-python must."""
    metadata = atomic.read_json(group / path / "zarr.json")
    try:
        attributes = metadata.get("attributes", {})
        codecs = metadata["codecs"]
        if attributes.get("layout") != LAYOUT or metadata["node_type"] != "array":
            return None
        block = tuple(metadata["chunk_grid"]["configuration"]["chunk_shape"])
        inner = 0
        if codecs[0]["name"] == "sharding_indexed":
            settings = codecs[0]["configuration"]
            inner = settings["chunk_shape"][0]
            if settings["chunk_shape"][1] != 1 or settings.get("index_location", "end") != "end":
                return None
            codecs = [*codecs[1:], *settings["codecs"]]
        if [codec["name"] for codec in codecs] != ["bytes"]:
            return None
        shape = tuple(metadata["shape"])
        if block[1:] != shape[1:]:
            return None
        stored = attributes["stored"]
        return ArraySpec(
            path=path,
            shape=shape,
            dtype=metadata["data_type"],
            block_rows=block[0],
            inner_rows=inner,
            axes=tuple(metadata.get("dimension_names") or ()),
            stored=stored if stored == "bfloat16" else "",
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise CorruptError(
            f"{group / path / 'zarr.json'} is not the description of a zarr v3 array "
            f"({error!r}): restore it or remove the run"
        ) from error


def check_block(
    group: Path, spec: ArraySpec, block: int, *, rows: int, expected: tuple[int, int]
) -> str | None:
    """What is wrong with a file that should hold `rows` rows; None where nothing is.

    expected: bytes and crc32c of the file as committed. The file may be ahead of its commit (the
    writer was killed between the two); then the committed rows in it, written again, must give the
    expected checksum.
    """
    path = spec.file(group, block)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return "missing"
    if (len(raw), checksum([memoryview(raw)])) == expected:
        return None
    if rows < spec.block_rows:
        buffer = read_block(spec, raw, rows)
        if buffer is not None:
            parts = spec.encode(buffer, rows)
            if (sum(part.nbytes for part in parts), checksum(parts)) == expected:
                return None
    if len(raw) < expected[0]:
        return f"truncated: {len(raw):,} of {expected[0]:,} bytes"
    return "damaged: its checksum does not match the committed one"


def read_block(spec: ArraySpec, raw: bytes, rows: int) -> NDArray[Any] | None:
    """The first `rows` rows of a file's bytes in a fresh buffer; None where they do not fit."""
    flat = np.frombuffer(raw, np.uint8)
    buffer = spec.new_buffer()
    if spec.inner_rows:
        grid = spec.grid
        stored = grid.rows_in(len(raw))
        if stored is None or stored < rows or raw[-grid.index_bytes :] != grid.index(stored):
            return None
        data = flat[: -grid.index_bytes].view(spec.dtype).reshape(grid.layers, stored, grid.width)
        buffer[:, :rows] = data[:, :rows]
    else:
        if len(raw) != spec.file_bytes(rows):
            return None
        buffer[:rows] = flat.view(spec.dtype).reshape(buffer.shape)[:rows]
    return buffer
