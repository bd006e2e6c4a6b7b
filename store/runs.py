"""Reading runs, and the catalogue of them.

In: the home folder and a run id. Out: activations and their companions as numpy arrays, one layer
over all texts, one text over all layers, or everything in order; float32 unless bits are asked for.
A reader sees the rows committed when it opened the run (or at `refresh`), never those a writer is
adding meanwhile. Layers are layer numbers of the model, as in the run's identity. Knows no model.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64
from numpy.typing import NDArray

from store import atomic
from store.commit import Commit, read_commit
from store.errors import NotFound, StoreError
from store.failures import Failure, read_failures
from store.identity import RunIdentity, read_identity
from store.layout import Home, check_name, nearest, not_found
from store.locks import WriterLock, locked
from store.reading import ArrayReader, ForeignReader, open_array
from store.shards import decode_bfloat16
from store.space import preflight
from store.writer import GROUP, LOCK, RunWriter

__all__ = [
    "Failure",
    "PoolingStats",
    "Run",
    "RunIdentity",
    "RunSummary",
    "RunWriter",
    "list_runs",
    "preflight",
    "remove_run",
]

Reader = ArrayReader | ForeignReader


@dataclass(frozen=True)
class PoolingStats:
    """Sizes of the pooled activations of one pooling over the committed rows."""

    n: int
    """Rows that are usable."""
    n_set_aside: int
    """Rows that are not (see the run's failures)."""
    mean_norm: Float32[np.ndarray, "layer"]
    """Mean length of the pooled activation; NaN where n is 0."""
    sd_norm: Float32[np.ndarray, "layer"]
    """Standard deviation of that length over texts; NaN where n is 0."""


class Run:
    """One run, read up to its committed rows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run_id = folder.name
        self.identity = read_identity(folder)
        self._commit = read_commit(folder)
        self._readers: dict[str, Reader] = {}
        self._cache: dict[str, NDArray[Any]] = {}

    @staticmethod
    def open(home: Home, run_id: str) -> "Run":
        """Open a run by its id.

        Raises NotFound (naming the nearest id), CorruptError, FingerprintError for another format.
        """
        return Run(find_run(home, run_id))

    # -- what it is ----------------------------------------------------------------------------

    @property
    def committed_rows(self) -> int:
        """Rows that can be read."""
        return self._commit.committed_rows

    @property
    def state(self) -> str:
        """ "running" (a writer is at it now), "partial" or "complete"."""
        return _state(self.folder, self._commit)

    @cached_property
    def info(self) -> dict[str, Any]:
        """What the last writer recorded beside the numbers (versions, device)."""
        path = self.folder / "info.json"
        return dict(atomic.read_json(path)["info"]) if path.exists() else {}

    @property
    def group(self) -> Path:
        """The zarr group; `zarr.open(group)` gives the same numbers (bounded by its shape only)."""
        return self.folder / GROUP

    def refresh(self) -> int:
        """See what was committed since; returns the committed rows."""
        self._commit = read_commit(self.folder)
        self._cache.clear()
        for path, reader in self._readers.items():
            reader.grow(self._commit.lengths.get(path, 0))
        return self.committed_rows

    # -- pooled activations ----------------------------------------------------------------------

    def layer(
        self, pooling: str, layer: int, *, rows: NDArray[Any] | Sequence[int] | None = None
    ) -> Float32[np.ndarray, "text d_model"]:
        """One layer over all committed texts, or over `rows` in their order (indices or a mask).

        Rows that were set aside are NaN; see `usable_rows`.
        """
        reader, at = self._pooled(pooling), self._layer_index(layer)
        if rows is not None:
            return self._decode(reader.take(at, _indices(rows)))
        if self.identity.stored_dtype == "float32":
            return reader.layer(at)
        out = np.empty((self.committed_rows, self.identity.d_model), np.float32)
        for start, piece in reader.layer_spans(at):
            self._decode(piece, out[start : start + len(piece)])
        return out

    def layer_bits(
        self, pooling: str, layer: int, *, rows: NDArray[Any] | Sequence[int] | None = None
    ) -> NDArray[Any]:
        """As `layer`, in the numbers on disk: uint16 bit patterns for bfloat16."""
        reader, at = self._pooled(pooling), self._layer_index(layer)
        return reader.layer(at) if rows is None else reader.take(at, _indices(rows))

    def example(self, pooling: str, row: int) -> Float32[np.ndarray, "layer d_model"]:
        """One text over all layers of the run."""
        return self._decode(self._pooled(pooling).row(int(row)))

    def scan(self, pooling: str) -> Iterator[tuple[int, NDArray[Any]]]:
        """Everything in order: (first row, `[text, layer, d_model]` in the numbers on disk).

        One file at a time; `decode` makes float32 of a block.
        """
        return self._pooled(pooling).scan()

    def decode(self, stored: NDArray[Any]) -> Float32[np.ndarray, "..."]:
        """float32 of numbers as `layer_bits` and `scan` give them."""
        return self._decode(stored)

    # -- companions ------------------------------------------------------------------------------

    @property
    def n_tokens(self) -> Int32[np.ndarray, "text"]:
        """Tokens of each text."""
        return self._small("n_tokens")

    @property
    def truncated(self) -> Bool[np.ndarray, "text"]:
        """Whether the text was cut to the maximum length."""
        return self._small("truncated")

    @property
    def norm(self) -> Float32[np.ndarray, "text layer"]:
        """Mean |h| over the tokens of each text."""
        return self._small("norm")

    def n_pooled(self, pooling: str) -> Int32[np.ndarray, "text"]:
        """Tokens the pooling took, per text."""
        self._check_pooling(pooling)
        return self._small(f"n_pooled/{pooling}")

    def pooled_norm(self, pooling: str) -> Float32[np.ndarray, "text layer"]:
        """Length of each pooled activation; NaN where set aside."""
        self._check_pooling(pooling)
        return self._small(f"pooled_norm/{pooling}")

    @property
    def failures(self) -> list[Failure]:
        """The texts that were set aside, in order of their rows."""
        return read_failures(self.folder, self._commit)

    def usable_rows(self, pooling: str) -> Bool[np.ndarray, "text"]:
        """Which committed rows have an activation of this pooling."""
        self._check_pooling(pooling)
        usable = np.ones(self.committed_rows, np.bool_)
        for failure in self.failures:
            if failure.pooling in (pooling, "*"):
                usable[failure.row] = False
        return usable

    @property
    def stats(self) -> dict[str, PoolingStats]:
        """Per pooling, how many rows are usable and how long their activations are.

        Computed from `pooled_norm`, so that an interrupted and resumed run gives the same numbers.
        """
        return {pooling: self._stats(pooling) for pooling in self.identity.poolings}

    def residual_norm(self) -> Float32[np.ndarray, "layer"]:
        """Mean |h| per layer over all tokens of the usable texts: the unit of alpha."""
        norm, weight = self.norm.astype(np.float64), self.n_tokens.astype(np.float64)
        known = np.isfinite(norm).all(axis=1) & (weight > 0)
        if not known.any():
            return np.full(len(self.identity.layers), np.nan, np.float32)
        mean = weight[known] @ norm[known] / weight[known].sum()
        return mean.astype(np.float32)

    # -- tokens ----------------------------------------------------------------------------------

    @property
    def token_offsets(self) -> Int64[np.ndarray, "text+1"]:
        """First token row of each text, and the end."""
        self._check_tokens()
        return self._small("tokens/offsets")[: self.committed_rows + 1]

    def tokens(
        self, row: int
    ) -> tuple[Float32[np.ndarray, "pos layer d_model"], Int32[np.ndarray, "pos"]]:
        """Every token of one text over the run's token layers, and the token ids."""
        offsets = self.token_offsets
        if not 0 <= row < self.committed_rows:
            raise StoreError(
                f"row {row} is out of range: {self.committed_rows} rows are committed, from 0"
            )
        start, stop = int(offsets[row]), int(offsets[row + 1])
        values = self._reader("tokens/values").span(start, stop)
        return self._decode(values), self._small("tokens/token_id")[start:stop]

    # -- inner -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the files that are open."""
        for reader in self._readers.values():
            reader.close()

    def _decode(self, stored: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        if self.identity.stored_dtype == "bfloat16":
            return decode_bfloat16(stored, out)
        if out is None:
            return stored.astype(np.float32, copy=False)
        out[...] = stored
        return out

    def _stats(self, pooling: str) -> PoolingStats:
        usable = self.usable_rows(pooling)
        lengths = self.pooled_norm(pooling)[usable].astype(np.float64)
        n = len(lengths)
        nothing = np.full(len(self.identity.layers), np.nan)
        mean = lengths.mean(axis=0) if n else nothing
        sd = lengths.std(axis=0) if n else nothing
        return PoolingStats(n, len(usable) - n, mean.astype(np.float32), sd.astype(np.float32))

    def _reader(self, path: str) -> Reader:
        if path not in self._readers:
            length = self._commit.lengths.get(path, 0)
            self._readers[path] = open_array(self.group, path, rows=length)
        return self._readers[path]

    def _small(self, path: str) -> NDArray[Any]:
        if path not in self._cache:
            array = self._reader(path).small()
            array.flags.writeable = False
            self._cache[path] = array
        return self._cache[path]

    def _pooled(self, pooling: str) -> Reader:
        self._check_pooling(pooling)
        return self._reader(f"pooled/{pooling}")

    def _check_pooling(self, pooling: str) -> None:
        if pooling not in self.identity.poolings:
            near = nearest(pooling, self.identity.poolings)
            hint = f"; did you mean {near!r}?" if near else ""
            raise NotFound(
                f"run {self.run_id} has no pooling {pooling!r}, it has "
                f"{', '.join(self.identity.poolings)}{hint}"
            )

    def _check_tokens(self) -> None:
        if not self.identity.token_layers:
            raise NotFound(
                f"run {self.run_id} keeps no token-level activations: extract with token layers"
            )

    def _layer_index(self, layer: int) -> int:
        try:
            return self.identity.layers.index(layer)
        except ValueError:
            raise NotFound(
                f"run {self.run_id} has no layer {layer}, it has {_ranges(self.identity.layers)}"
            ) from None


@dataclass(frozen=True)
class RunSummary:
    """One line of the catalogue."""

    run_id: str
    """Name of the run's folder."""
    state: str
    """"running", "partial", "complete" or "broken"."""
    committed_rows: int
    """Rows that can be read; 0 where broken."""
    rows: int
    """Rows it will have; 0 where broken."""
    model: str
    """Model the activations are of; empty where broken."""
    dataset: str
    """Dataset they are of; empty where broken."""
    poolings: tuple[str, ...]
    """Poolings it keeps."""
    layers: tuple[int, ...]
    """Layers it keeps."""
    bytes: int
    """Bytes on disk."""
    updated: str
    """Time of the last commit, UTC; empty where broken."""
    problem: str
    """What is wrong with a broken run, in one line; empty otherwise."""


def list_runs(home: Home) -> list[RunSummary]:
    """All runs, the last changed first; a broken one is listed as such."""
    folders = [home.runs / name for name in _names(home)]
    found = [_summary(folder) for folder in folders]
    return sorted(found, key=lambda run: (run.updated, run.run_id), reverse=True)


def remove_run(home: Home, run_id: str) -> None:
    """Delete a run; NotFound, or LockedError while a writer is at it."""
    folder = find_run(home, run_id)
    with WriterLock(folder / LOCK):
        gone = folder.with_name(f".{folder.name}.removed")
        folder.rename(gone)
        atomic.sync_folder(home.runs)
        shutil.rmtree(gone)


def _summary(folder: Path) -> RunSummary:
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    try:
        identity, commit = read_identity(folder), read_commit(folder)
    except (StoreError, KeyError, TypeError) as error:
        return RunSummary(folder.name, "broken", 0, 0, "", "", (), (), size, "", str(error))
    return RunSummary(
        run_id=folder.name,
        state=_state(folder, commit),
        committed_rows=commit.committed_rows,
        rows=commit.rows,
        model=identity.model,
        dataset=identity.dataset,
        poolings=identity.poolings,
        layers=identity.layers,
        bytes=size,
        updated=commit.updated,
        problem="",
    )


def _state(folder: Path, commit: Commit) -> str:
    if commit.state == "complete":
        return "complete"
    return "running" if locked(folder / LOCK) is not None else "partial"


def _names(home: Home) -> list[str]:
    if not home.runs.is_dir():
        return []
    return [f.name for f in home.runs.iterdir() if f.is_dir() and not f.name.startswith(".")]


def find_run(home: Home, run_id: str) -> Path:
    """The folder of a run; NotFound, naming the nearest id."""
    folder = home.runs / check_name(run_id)
    if not folder.is_dir():
        raise not_found("run", run_id, _names(home))
    return folder


def _indices(rows: NDArray[Any] | Sequence[int]) -> NDArray[np.int64]:
    given = np.asarray(rows)
    if given.dtype == np.bool_:
        return np.flatnonzero(given).astype(np.int64)
    return given.astype(np.int64)


def _ranges(layers: Sequence[int]) -> str:
    if len(layers) > 1 and list(layers) == list(range(layers[0], layers[-1] + 1)):
        return f"{layers[0]} to {layers[-1]}"
    return ", ".join(map(str, layers))
