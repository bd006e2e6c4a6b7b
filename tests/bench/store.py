"""How fast the activation store is beside raw files and beside zarr-python.

`python -m tests.bench.store --size-mb 500 --rounds 5` writes `[N, 42, 2560]` bfloat16 rows to a
scratch folder several ways, reads them back, and prints a Markdown table of medians. The ways take
turns within a round, so that a slow minute of the machine hits all of them. Ratios are medians of
the per-round ratios to the raw way. Reads are warm (in the page cache) unless a line says cold.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from store.activations import ArraySpec
from store.appending import ArrayWriter, write_pending
from store.arrays import run_arrays
from store.layout import Home
from store.runs import Run
from store.writer import RunWriter
from tests.store import rows as planted

_LAYERS, _WIDTH, _WINDOW = 42, 2560, 512


@dataclass(frozen=True)
class Way:
    """One way of doing a job."""

    job: str
    """What is done."""
    name: str
    """How."""
    run: Callable[[], Any]
    """Does it once."""
    raw: bool
    """Whether it is what the other ways of the job are measured against."""
    prepare: Callable[[], Any] = lambda: None
    """What must be done before and is not timed."""


def batches(rows: int) -> list[tuple[int, NDArray[np.uint16]]]:
    """Windows of finite numbers; the same memory again and again, so that it fits."""
    rng = np.random.default_rng(0)
    one = rng.integers(0, 0x7F00, (_WINDOW, _LAYERS, _WIDTH), dtype=np.uint16)
    return [(start, one[: min(_WINDOW, rows - start)]) for start in range(0, rows, _WINDOW)]


class Bench:
    """The files of one measurement and the ways to write and read them."""

    def __init__(self, root: Path, rows: int) -> None:
        self.root, self.rows = root, rows
        self.identity = planted.plain(
            layers=tuple(range(_LAYERS)), d_model=_WIDTH, rows=rows, stored_dtype="bfloat16"
        )
        self.home = Home(root / "home")
        self.windows = batches(rows)
        self.picked = np.random.default_rng(1).integers(0, rows, 200).tolist()
        self.turn = 0

    def clear(self, name: str) -> None:
        """Remove what a way wrote before, and let the disk come to rest."""
        shutil.rmtree(self.root / name, ignore_errors=True)
        (self.root / name).unlink(missing_ok=True)
        os.sync()
        if name != "home":
            self.warm_memory()

    def warm_memory(self) -> None:
        """Write and drop as much as is measured next: on a virtual machine the first touch of a
        memory page costs several times what writing to it costs, and would hit one way by chance.
        """
        ballast = self.root / "ballast"
        with open(ballast, "wb", buffering=0) as file:
            for _ in range(2):
                for _, values in self.windows:
                    file.write(values.data.cast("B"))
        ballast.unlink()

    def write_raw(self) -> None:
        with open(self.root / "raw", "wb", buffering=0) as file:
            for _, values in self.windows:
                rest = values.data.cast("B")
                while rest.nbytes:
                    rest = rest[file.write(rest) :]
            os.fsync(file.fileno())

    def write_shards(self) -> None:
        """The big array alone: layer-major copy, checksum, tmp, fsync, rename; no thread."""
        spec = next(s for s in run_arrays(self.identity) if s.path == "pooled/mean50")
        array = self._array_writer(spec)
        for _, values in self.windows:
            write_pending(array.append(values))
        write_pending(array.tail())

    def _array_writer(self, spec: ArraySpec) -> ArrayWriter:
        (self.root / "shards" / "pooled").mkdir(parents=True)
        return ArrayWriter(self.root / "shards", replace(spec, path="pooled"))

    def open_run(self) -> None:
        self.clear("home")
        self.writer = RunWriter.open(self.home, self.identity)
        self.warm_memory()

    def write_run(self) -> None:
        """All arrays, norms, failures and commits, from the first row to "complete"."""
        with self.writer as writer:
            for start, values in self.windows:
                count = len(values)
                counts = np.full(count, 80, np.int32)
                writer.append(
                    start,
                    {"mean50": values},
                    n_tokens=counts,
                    n_pooled={"mean50": counts},
                    norm=np.ones((count, _LAYERS), np.float32),
                    truncated=np.zeros(count, np.bool_),
                )
            writer.finish()

    def write_zarr(self) -> None:
        """zarr-python with the same shards, whole shards at a time, no fsync."""
        array = zarr.create_array(
            self.root / "zarr",
            shape=(self.rows, _LAYERS, _WIDTH),
            dtype="uint16",
            chunks=(64, 1, _WIDTH),
            shards=(1024, _LAYERS, _WIDTH),
            compressors=None,
            fill_value=0,
        )
        for start in range(0, self.rows, 1024):
            pair = [v for at, v in self.windows if start <= at < start + 1024]
            whole = np.concatenate(pair)
            array[start : start + len(whole)] = whole

    def prepare_reads(self) -> None:
        run = Run.open(self.home, self.identity.run_id())
        with open(self.root / "layers", "wb") as file:
            for layer in range(_LAYERS):
                file.write(run.layer_bits("mean50", layer).tobytes())
        self.run = run
        shape = (_LAYERS, self.rows, _WIDTH)
        self.memmap = np.memmap(self.root / "layers", np.uint16, "r", shape=shape)
        self.row_major = np.memmap(
            self.root / "raw", np.uint16, "r", shape=(self.rows, _LAYERS, _WIDTH)
        )
        self.zarr: Any = zarr.open_array(run.group / "pooled/mean50", mode="r")

    def next_layer(self) -> int:
        self.turn += 1
        return self.turn % _LAYERS

    def layer_decoded_plainly(self) -> NDArray[np.float32]:
        return (self.memmap[self.next_layer()].astype(np.uint32) << 16).view(np.float32)

    def examples(self, read: Callable[[int], Any]) -> Callable[[], None]:
        def work() -> None:
            for row in self.picked:
                read(row)

        return work

    def time_zarr_row(self, row: int) -> float:
        began = time.perf_counter()
        _ = self.zarr[row]
        return time.perf_counter() - began

    def time_cold_example(self) -> float:
        """A fresh reader after the shard files were dropped from the page cache."""
        self.drop()
        began = time.perf_counter()
        run = Run.open(self.home, self.identity.run_id())
        run.example("mean50", self.picked[self.next_layer()])
        return time.perf_counter() - began

    def drop(self) -> None:
        for shard in (self.run.group / "pooled").rglob("c/*/*/*"):
            handle = os.open(shard, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)

    def read_raw(self) -> int:
        size, total = 1024 * _LAYERS * _WIDTH * 2, 0
        with open(self.root / "raw", "rb", buffering=0) as file:
            while True:
                block = np.empty(size, np.uint8)
                got = file.readinto(block.data)
                if not got:
                    return total
                total += got

    def scan_store(self) -> int:
        return sum(block.nbytes for _, block in self.run.scan("mean50"))

    def scan_zarr(self) -> int:
        steps = range(0, self.rows, 1024)
        return sum(self.zarr[start : start + 1024].nbytes for start in steps)

    def writes(self) -> list[Way]:
        job = "append + fsync"
        shards, raw, plain = (partial(self.clear, name) for name in ("shards", "raw", "zarr"))
        return [
            Way(job, "raw file", self.write_raw, True, raw),
            Way(job, "store, whole run", self.write_run, False, self.open_run),
            Way(job, "store, its shards alone, no thread", self.write_shards, False, shards),
            Way(job, "zarr-python, no fsync", self.write_zarr, False, plain),
        ]

    def reads(self) -> list[Way]:
        run = self.run
        return [
            Way("one layer", "memmap", lambda: np.array(self.memmap[self.next_layer()]), True),
            Way("one layer", "store", lambda: run.layer_bits("mean50", self.next_layer()), False),
            Way("one layer", "zarr-python", lambda: self.zarr[:, self.next_layer()], False),
            Way("one layer, float32", "memmap, decoded by numpy", self.layer_decoded_plainly, True),
            Way(
                "one layer, float32", "store", lambda: run.layer("mean50", self.next_layer()), False
            ),
            Way("full scan", "raw read", self.read_raw, True),
            Way("full scan", "store", self.scan_store, False),
            Way("full scan", "zarr-python", self.scan_zarr, False),
        ]


def measure(
    ways: list[Way], rounds: int, *, cpu: dict[Way, list[float]] | None = None
) -> dict[Way, list[float]]:
    """Seconds of every way in every round; the ways take turns, in changing order.

    cpu: takes the processor seconds of the same, over all threads.
    """
    times: dict[Way, list[float]] = {way: [] for way in ways}
    for turn in range(rounds + 1):
        for way in ways[turn % len(ways) :] + ways[: turn % len(ways)]:
            way.prepare()
            began, busy = time.perf_counter(), time.process_time()
            way.run()
            if turn:  # the first round warms up
                times[way].append(time.perf_counter() - began)
                if cpu is not None:
                    cpu.setdefault(way, []).append(time.process_time() - busy)
    return times


def print_table(ways: list[Way], rounds: int, *, size: int) -> None:
    cpu: dict[Way, list[float]] = {}
    times = measure(ways, rounds, cpu=cpu)
    raw = {way.job: seconds for way, seconds in times.items() if way.raw}
    for way, seconds in times.items():
        ratios = [base / own for base, own in zip(raw[way.job], seconds, strict=True)]
        share = 1 / _LAYERS if way.job.startswith("one layer") else 1.0
        rate = size * share / statistics.median(seconds) / 1e9
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(
            f"| {way.job} | {way.name} | {rate:.2f} GB/s | {statistics.median(ratios):.2f} "
            f"| {spread} | {statistics.median(cpu[way]) / (size * share / 1e9):.2f} |"
        )


def example_lines(bench: Bench, rounds: int) -> None:
    """Milliseconds to read one text over all layers."""
    run, count = bench.run, len(bench.picked)
    by_row, by_layer = bench.row_major, bench.memmap
    ways = [
        Way("", "store", bench.examples(lambda row: run.example("mean50", row)), False),
        Way("", "memmap, row-major", bench.examples(lambda row: np.array(by_row[row])), True),
        Way("", "memmap, layer-major", bench.examples(lambda r: np.array(by_layer[:, r])), False),
    ]
    for way, seconds in measure(ways, rounds).items():
        print_example(way.name, statistics.median(seconds) / count)
    print_example("zarr-python", statistics.median(map(bench.time_zarr_row, bench.picked[:10])))
    run.close()
    cold = [bench.time_cold_example() for _ in range(5)]
    print_example("store, cold, run opened anew", statistics.median(cold))


def print_example(way: str, seconds: float) -> None:
    print(f"| one example, all layers | {way} | {seconds * 1e3:.3f} ms | | | |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mb", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to be measured")
    given = parser.parse_args()
    rows = max(1, given.size_mb * 10**6 // (_LAYERS * _WIDTH * 2))
    size = rows * _LAYERS * _WIDTH * 2
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        bench = Bench(Path(folder), rows)
        print(
            f"[{rows}, {_LAYERS}, {_WIDTH}] bfloat16, {size / 1e6:.0f} MB, {given.rounds} rounds\n"
        )
        print("| job | way | median | of raw | range | CPU s per GB |")
        print("|---|---|--:|--:|--:|--:|")
        print_table(bench.writes(), given.rounds, size=size)
        bench.prepare_reads()
        print_table(bench.reads(), given.rounds, size=size)
        example_lines(bench, given.rounds)


if __name__ == "__main__":
    main()
