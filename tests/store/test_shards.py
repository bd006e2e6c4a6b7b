"""The bytes of a shard: what we write zarr reads, what zarr cannot be asked we refuse by name."""

from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from store.activations import ArraySpec, create_group
from store.errors import CorruptError
from store.reading import ArrayReader
from store.shards import (
    Grid,
    Shard,
    checksum,
    choose_grid,
    decode_bfloat16,
    encode_bfloat16,
    shard_parts,
)

AXES = ("text", "layer", "d_model")


def test_index_and_checksum_are_those_zarr_writes(tmp_path: Path) -> None:
    """A shard zarr-python writes ends with the index and crc32c that we compute for its order."""
    grid = Grid(3, 8, "uint16", 16, 4)
    array = zarr.create_array(
        tmp_path / "a",
        shape=(16, 3, 8),
        dtype="uint16",
        chunks=(4, 1, 8),
        shards=(16, 3, 8),
        compressors=None,
        fill_value=0,
    )
    array[:] = np.arange(1, 1 + 16 * 3 * 8, dtype=np.uint16).reshape(16, 3, 8)
    raw = (tmp_path / "a" / "c" / "0" / "0" / "0").read_bytes()
    assert len(raw) == grid.file_bytes(16)
    ours, theirs = grid.index(16), raw[-grid.index_bytes :]
    tables = [np.frombuffer(index[:-4], "<u8").reshape(-1, 2) for index in (ours, theirs)]
    assert sorted(map(tuple, tables[0])) == sorted(map(tuple, tables[1]))  # zarr's order: Morton
    swapped = memoryview(theirs[:-4])
    assert checksum([swapped]).to_bytes(4, "little") == theirs[-4:]
    assert checksum([memoryview(ours[:-4])]).to_bytes(4, "little") == ours[-4:]


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 70),
    layers=st.integers(1, 5),
    width=st.integers(1, 9),
    inner=st.sampled_from([1, 4, 16]),
    dtype=st.sampled_from(["uint16", "float16", "float32"]),
)
def test_every_array_equals_zarr(
    tmp_path_factory: pytest.TempPathFactory,
    rows: int,
    layers: int,
    width: int,
    inner: int,
    dtype: str,
) -> None:
    """Whatever the geometry, full and partly filled shards read the same both ways."""
    root = tmp_path_factory.mktemp("shards") / "g"
    stored = "bfloat16" if dtype == "uint16" else ""
    spec = ArraySpec("pooled/x", (96, layers, width), dtype, 32, inner, AXES, stored)
    create_group(root, [spec], attributes={})
    values = np.random.default_rng(rows).integers(0, 30000, (rows, layers, width)).astype(dtype)
    for block in range(spec.blocks(rows)):
        start, stop = spec.rows_of(block, rows)
        buffer = spec.new_buffer()
        buffer[:, : stop - start] = values[start:stop].transpose(1, 0, 2)
        path = spec.file(root, block)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"".join(spec.encode(buffer, stop - start)))
        assert path.stat().st_size == spec.file_bytes(stop - start)
    seen = zarr.open_array(root / "pooled/x", mode="r")
    np.testing.assert_array_equal(seen[:rows], values)
    reader = ArrayReader(root, spec, rows)
    for layer in range(layers):
        np.testing.assert_array_equal(reader.layer(layer), values[:, layer])
    np.testing.assert_array_equal(np.concatenate([b for _, b in reader.scan()]), values)
    np.testing.assert_array_equal(reader.row(rows - 1), values[-1])
    np.testing.assert_array_equal(reader.span(rows // 3, rows), values[rows // 3 :])
    picked = np.random.default_rng(0).integers(0, rows, 20)
    np.testing.assert_array_equal(reader.take(layers - 1, picked), values[picked, layers - 1])
    rest = np.asarray(seen[rows:])
    fill = rest == 0x7FC0 if dtype == "uint16" else np.isnan(rest)
    assert fill.all(), "rows that were never written must not read as zeros"


def test_shards_of_big_models_are_64_to_256_mb_and_inner_rows_divide() -> None:
    cases = [(42, 2560, 205_200, 1), (80, 8192, 100_000, 1), (12, 768, 200_000, 1)]
    cases += [(42, 2560, 205_200, 4), (32, 4096, 50_000, 2), (126, 16384, 20_000, 1)]
    for layers, width, rows, arrays in cases:
        grid = choose_grid(rows, layers, width=width, dtype="uint16", arrays=arrays)
        size = grid.file_bytes(grid.shard_rows)
        assert 32 * 2**20 <= size <= 257 * 2**20, (layers, width, size)
        assert grid.shard_rows % grid.inner_rows == 0
    grid = choose_grid(205_200, 42, width=2560, dtype="uint16")
    assert (grid.shard_rows, grid.inner_rows) == (1024, 64)
    assert -(-205_200 // grid.shard_rows) == 201


def test_shards_of_small_runs_are_small() -> None:
    assert choose_grid(500, 5, width=64, dtype="uint16").shard_rows == 512
    assert choose_grid(1, 5, width=64, dtype="uint16").shard_rows == 1
    big = choose_grid(10**6, 5, width=64, dtype="uint16")
    assert big.file_bytes(big.shard_rows) < 16 * 2**20


@pytest.mark.parametrize(
    ("damage", "message"),
    [("gone", "missing"), ("short", "truncated"), ("empty", "truncated"), ("index", "damaged")],
)
def test_damaged_shard_is_refused_on_opening(tmp_path: Path, damage: str, message: str) -> None:
    grid = Grid(2, 4, "uint16", 8, 4)
    path = tmp_path / "0"
    raw = b"".join(shard_parts(np.zeros((2, 8, 4), np.uint16), 8, grid=grid, fill=0))
    changed = {"short": raw[:-3], "empty": b"", "index": raw[:-1] + bytes([raw[-1] ^ 1])}
    path.write_bytes(raw)
    Shard(path, grid).close()  # sound before the damage
    path.unlink()
    if damage != "gone":
        path.write_bytes(changed[damage])
    with pytest.raises(CorruptError, match=message):
        Shard(path, grid)


def test_bfloat16_bits_round_trip_and_round_to_even() -> None:
    every = np.arange(65536, dtype=np.uint32).astype(np.uint16).reshape(256, 256)
    numbers = decode_bfloat16(every)
    assert np.array_equal(numbers.view(np.uint32), every.astype(np.uint32) << 16)
    finite = np.isfinite(numbers)
    assert np.array_equal(encode_bfloat16(numbers)[finite], every[finite])
    assert np.isnan(decode_bfloat16(encode_bfloat16(np.array([[np.nan]], np.float32)))).all()
    half = np.array([[1 + 2**-8, 1 + 3 * 2**-8]], np.float32)  # ties: to even
    assert decode_bfloat16(encode_bfloat16(half)).tolist() == [[1.0, 1 + 2**-6]]
