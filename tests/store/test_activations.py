"""Every array of a run equals what plain zarr gives; arrays of other tools are read through it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from store.activations import read_spec
from store.errors import CorruptError, NotFound, StoreError
from store.layout import Home
from store.reading import ArrayReader, ForeignReader, open_array
from store.runs import Run
from store.writer import RunWriter
from tests.store import rows as planted


def written(tmp_path: Path, rows: int, **changes: Any) -> Run:
    """A run of 1,000 rows of which `rows` were written, in files of 128 rows."""
    identity = planted.SMALL if not changes else planted.plain(**changes)
    home = Home(tmp_path)
    with RunWriter.open(home, identity, most_rows=128) as writer:
        for start in range(0, rows, 90):
            stop = min(start + 90, rows)
            writer.append(start, **planted.arguments(identity, start, stop))
    return Run.open(home, identity.run_id())


@pytest.mark.parametrize("rows", [1, 128, 300, 1000])
def test_every_array_on_disk_equals_plain_zarr(tmp_path: Path, rows: int) -> None:
    run = written(tmp_path, rows)
    made = planted.arguments(run.identity, 0, rows)
    group: Any = zarr.open(run.group, mode="r")
    for pooling in run.identity.poolings:
        seen = group[f"pooled/{pooling}"]
        assert seen.shape == (1000, 3, 32)  # full size from the start; readers go by the commit
        np.testing.assert_array_equal(seen[:rows], made["values"][pooling])
        assert (seen[rows:] == 0x7FC0).all()
        np.testing.assert_array_equal(group[f"n_pooled/{pooling}"][:rows], run.n_pooled(pooling))
        np.testing.assert_array_equal(
            group[f"pooled_norm/{pooling}"][:rows], run.pooled_norm(pooling)
        )
        for at, layer in enumerate(run.identity.layers):
            np.testing.assert_array_equal(
                run.layer_bits(pooling, layer), made["values"][pooling][:, at]
            )
    for path in ("n_tokens", "norm", "truncated"):
        np.testing.assert_array_equal(group[path][:rows], made[path])
        np.testing.assert_array_equal(getattr(run, path), made[path])
    count = len(made["tokens"][0])
    np.testing.assert_array_equal(group["tokens/values"][:count], made["tokens"][0])
    np.testing.assert_array_equal(group["tokens/offsets"][: rows + 1], made["tokens"][1])
    np.testing.assert_array_equal(group["tokens/token_id"][:count], made["tokens"][2])


def test_our_arrays_are_read_directly_and_by_zarr_python_alike(tmp_path: Path) -> None:
    run = written(tmp_path, 300)
    direct = open_array(run.group, "pooled/last", rows=300)
    foreign = ForeignReader(run.group, "pooled/last", 300)
    assert isinstance(direct, ArrayReader)
    picked = np.array([299, 0, 128, 127, 5])
    for reads in zip(direct.scan(), foreign.scan(), strict=True):
        assert reads[0][0] == reads[1][0]
        np.testing.assert_array_equal(reads[0][1], reads[1][1])
    np.testing.assert_array_equal(direct.layer(1), foreign.layer(1))
    np.testing.assert_array_equal(direct.take(2, picked), foreign.take(2, picked))
    np.testing.assert_array_equal(direct.row(77), foreign.row(77))
    np.testing.assert_array_equal(direct.span(100, 290), foreign.span(100, 290))
    spans = [np.concatenate([p.copy() for _, p in r.layer_spans(0)]) for r in (direct, foreign)]
    np.testing.assert_array_equal(*spans)


@pytest.mark.parametrize("compressed", [True, False])
def test_array_rewritten_by_another_tool_reads_the_same(tmp_path: Path, compressed: bool) -> None:
    """A copy made by zarr-python (zstd, or in its own chunk order) still gives the same layers."""
    run = written(tmp_path, 1000, dataset="plain")
    before = [run.layer("mean50", layer) for layer in run.identity.layers]
    source: Any = zarr.open_array(run.group / "pooled/mean50", mode="r")
    values = source[:]
    zarr.create_array(
        run.group / "pooled/mean50",
        data=values,
        chunks=(100, 3, 32),
        compressors="auto" if compressed else None,
        overwrite=True,
    )
    again = Run(run.folder)
    assert read_spec(run.group, "pooled/mean50") is None
    for layer, expected in zip(run.identity.layers, before, strict=True):
        np.testing.assert_array_equal(again.layer("mean50", layer), expected)
    picked = [5, 3, 999]
    np.testing.assert_array_equal(again.layer("mean50", 5, rows=picked), before[2][picked])
    np.testing.assert_array_equal(again.example("mean50", 42)[1], before[1][42])
    with pytest.raises(CorruptError, match="rewritten by another tool"):
        RunWriter.open(Home(tmp_path), run.identity)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_other_number_types_come_back_exactly(tmp_path: Path, dtype: str) -> None:
    identity = planted.plain(rows=50, stored_dtype=dtype)
    values = np.random.default_rng(0).normal(size=(50, 3, 32)).astype(dtype)
    made = planted.arguments(identity, 0, 50) | {"values": {"mean50": values}, "failures": []}
    with RunWriter.open(Home(tmp_path), identity) as writer:
        writer.append(0, **made)
        writer.finish()
    run = Run.open(Home(tmp_path), identity.run_id())
    np.testing.assert_array_equal(run.layer("mean50", 2), values[:, 1].astype(np.float32))
    np.testing.assert_array_equal(run.example("mean50", 3), values[3].astype(np.float32))
    length = np.linalg.norm(values.astype(np.float64), axis=2)
    np.testing.assert_allclose(run.pooled_norm("mean50"), length, rtol=1e-5)


def test_at_most_64_files_stay_open(tmp_path: Path) -> None:
    identity = planted.plain(rows=70)
    with RunWriter.open(Home(tmp_path), identity, most_rows=1) as writer:
        writer.append(0, **planted.arguments(identity, 0, 70))
    run = Run.open(Home(tmp_path), identity.run_id())
    expected = planted.pooled(identity, 0, 70)["mean50"]
    np.testing.assert_array_equal(run.layer_bits("mean50", 5), expected[:, 2])
    before = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0
    for row in range(70):
        run.example("mean50", row)
    after = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0
    assert after - before <= 64 + 4


def test_reading_out_of_range_says_how_much_there_is(tmp_path: Path) -> None:
    run = written(tmp_path, 300)
    for ask in (
        lambda: run.example("last", 300),
        lambda: run.example("last", -1),
        lambda: run.layer("last", 0, rows=[0, 300]),
        lambda: run.tokens(300),
    ):
        with pytest.raises(StoreError, match="300 rows are committed"):
            ask()
    with pytest.raises(NotFound, match="has no layer 3, it has 0, 2, 5"):
        run.layer("last", 3)
    with pytest.raises(NotFound, match="did you mean 'mean50'"):
        run.layer("mean5", 0)


@pytest.mark.parametrize(("damage", "said"), [("missing", "missing"), ("cut", "truncated")])
def test_reading_a_damaged_file_names_it_and_its_rows(
    tmp_path: Path, damage: str, said: str
) -> None:
    run = written(tmp_path, 300)
    shard = run.group / "pooled/last/c/1/0/0"
    raw = shard.read_bytes()
    shard.unlink()
    if damage == "cut":
        shard.write_bytes(raw[: len(raw) // 2])
    for read in (lambda: run.layer("last", 0), lambda: run.example("last", 130)):
        with pytest.raises(CorruptError, match=rf"rows 128 to 255\) is {said}"):
            read()
    assert run.example("last", 5).shape == (3, 32)  # the others can still be read
    small = run.group / "n_tokens/c/0"
    small.unlink()
    with pytest.raises(CorruptError, match=r"rows 0 to 127\) is missing"):
        _ = run.n_tokens
