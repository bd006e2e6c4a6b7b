"""Writing a run so that no committed row is ever lost.

In: an identity and consecutive windows of pooled (and token-level) activations as numpy arrays.
Out: a folder `runs/<run id>/` with identity.json, info.json, failures.jsonl, COMMIT.json and
activations.zarr. Files are written first, COMMIT.json last; a kill at any moment leaves the run at
its last commit, from where the next writer goes on. Knows nothing of models or texts.

A commit happens whenever a row block is full, after `interval_s` seconds, on `flush` and on exit.
Full blocks are written by one background thread while the next rows arrive.
"""

import shutil
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from jaxtyping import Bool, Float32, Int
from numpy.typing import NDArray

from store import atomic
from store.activations import ArraySpec, create_group, read_spec, set_length
from store.appending import ArrayWriter, Pending
from store.arrays import pooled_norms, run_arrays
from store.commit import FILE, FORMAT, Commit, read_commit, write_commit
from store.committing import Committer
from store.errors import CorruptError, StoreError
from store.failures import FAILURES, failure_lines
from store.identity import RunIdentity, check_identity
from store.layout import Home
from store.locks import WriterLock
from store.shards import MOST_ROWS
from store.space import preflight

GROUP = "activations.zarr"
LOCK = "writer.lock"

Tokens = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


class RunWriter:
    """Appends to one run; use as a context manager.

    Leaving the block commits what was appended, also when an error or a cancellation ends it.
    """

    def __init__(
        self, folder: Path, identity: RunIdentity, *, lock: WriterLock, interval_s: float
    ) -> None:
        self.folder, self.identity = folder, identity
        self.interval_s = interval_s
        self._lock = lock
        self._group = folder / GROUP
        self._arrays: dict[str, ArrayWriter] = {}
        self._committer = Committer(folder, self._arrays, Commit(rows=identity.rows))
        self._lines: list[bytes] = []
        self._torn = False
        self._last_commit = time.monotonic()

    @staticmethod
    def open(
        home: Home,
        identity: RunIdentity,
        *,
        info: Mapping[str, Any] | None = None,
        total_tokens: int | None = None,
        interval_s: float = 60.0,
        most_rows: int = MOST_ROWS,
    ) -> "RunWriter":
        """Create the run of this identity, or go on with it where it stopped.

        info: what is recorded beside the numbers (versions, device); not part of the identity.
        total_tokens: tokens of all texts, where token-level activations are kept and it is known.
        interval_s: seconds after which a partly filled block is written as well.
        most_rows: upper bound of the rows per file of a run that begins; big models have fewer.

        Raises LockedError, FingerprintError (naming the differing keys), CorruptError, SpaceError.
        """
        home.ensure()
        folder = home.runs / identity.run_id()
        lock = WriterLock(folder / LOCK)
        with atomic.naming_a_full_disk(folder):
            folder.mkdir(exist_ok=True)
            lock.acquire()
        writer = RunWriter(folder, identity, lock=lock, interval_s=interval_s)
        try:
            specs = run_arrays(identity, total_tokens=total_tokens, most_rows=most_rows)
            with atomic.naming_a_full_disk(folder):
                writer._begin(home, specs, info=info, tokens_known=total_tokens is not None)
        except BaseException:
            if not (folder / "identity.json").exists() and not (folder / FILE).exists():
                shutil.rmtree(folder)  # nothing of it was ever usable
            writer._committer.close()
            lock.release()
            raise
        return writer

    @property
    def committed_rows(self) -> int:
        """Rows that are durable on disk."""
        return self._committer.commit.committed_rows

    @property
    def next_row(self) -> int:
        """The row that `append` expects next."""
        return self._arrays["n_tokens"].length

    def append(
        self,
        start: int,
        values: Mapping[str, NDArray[Any]],
        *,
        n_tokens: Int[np.ndarray, "text"],
        n_pooled: Mapping[str, Int[np.ndarray, "text"]],
        norm: Float32[np.ndarray, "text layer"],
        truncated: Bool[np.ndarray, "text"],
        tokens: Tokens | None = None,
        failures: Sequence[tuple[int, str, str]] = (),
    ) -> None:
        """Take in the rows that follow the last ones, `start` being the first of them.

        values: pooling -> `[text, layer, d_model]`, uint16 bit patterns for bfloat16.
        tokens: values `[T, token_layer, d_model]`, offsets `[text + 1]`, token_id `[T]`.
        failures: (row, pooling or "*" for the whole text, reason). A pooled row that is not finite
        and is not named there is added to them, so that no reader takes it for a measurement.
        """
        count = len(n_tokens)
        self._check_append(start, count, values, n_pooled=n_pooled, tokens=tokens)
        for pooling, new in values.items():
            self._arrays[f"pooled/{pooling}"].check(new)
        outside = [row for row, _, _ in failures if not start <= row < start + count]
        if outside:
            raise StoreError(
                f"failure of row {outside[0]} is not among the rows {start} to {start + count - 1}"
            )
        norms = {pooling: pooled_norms(rows) for pooling, rows in values.items()}
        named = _with_non_finite(start, norms, failures)
        rows: dict[str, NDArray[Any]] = {
            "n_tokens": np.asarray(n_tokens, np.int32),
            "truncated": np.asarray(truncated, np.bool_),
            "norm": np.asarray(norm, np.float32),
        }
        for pooling in self.identity.poolings:
            rows[f"pooled/{pooling}"] = values[pooling]
            rows[f"n_pooled/{pooling}"] = np.asarray(n_pooled[pooling], np.int32)
            rows[f"pooled_norm/{pooling}"] = norms[pooling]
        for path, new in rows.items():
            self._arrays[path].check(new)
        if tokens is not None:
            self._check_tokens(count, tokens)
        self._torn = True  # until all arrays have the rows: an interrupt leaves the last commit
        self._append(start, count, rows, tokens=tokens, failures=named)
        self._torn = False
        if time.monotonic() - self._last_commit >= self.interval_s:
            self.flush()

    def flush(self) -> None:
        """Commit everything appended so far; durable on return."""
        self._commit_all([])
        self._committer.join()

    def finish(self) -> None:
        """Commit and state that the run is complete; StoreError where rows are missing."""
        if self.next_row != self.identity.rows:
            raise StoreError(
                f"the run has {self.next_row} of {self.identity.rows} rows: append the rest first"
            )
        self.flush()
        for path in ("tokens/values", "tokens/token_id"):
            if path in self._arrays:
                array = self._arrays[path]
                set_length(self._group, array.spec, array.length)
        self._committer.set_state("complete")

    def close(self) -> None:
        """Commit what was appended, if the writer is sound, and release the lock."""
        try:
            if not self._torn and not self._committer.broken:
                self.flush()
                if self._committer.commit.state == "running":
                    self._committer.set_state("partial")
        finally:
            self._committer.close()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except StoreError as second:
            if error is None:
                raise
            error.add_note(f"and the rows since the last commit were not saved: {second}")

    # -- beginning -----------------------------------------------------------------------------

    def _begin(
        self,
        home: Home,
        specs: list[ArraySpec],
        *,
        info: Mapping[str, Any] | None,
        tokens_known: bool,
    ) -> None:
        atomic.remove_leftovers(self.folder)
        if (self.folder / "identity.json").exists() or (self.folder / FILE).exists():
            check_identity(self.folder, self.identity)
        if not (self.folder / FILE).exists():
            if next(self._group.glob("**/c/*"), None) is not None:
                read_commit(self.folder)  # raises: there are rows, but nothing vouches for them
            preflight(home, self._bytes_missing(specs, tokens_known))
            self._create(specs)
        self._resume(specs)
        self._record(info)
        preflight(home, self._bytes_missing(specs, tokens_known))

    def _bytes_missing(self, specs: list[ArraySpec], tokens_known: bool) -> int:
        """Bytes still to be written; token rows count only where their number is known."""
        known = [s for s in specs if tokens_known or not s.path.startswith("tokens/")]
        wanted = {spec.path: spec.total_bytes() for spec in known}
        done = {
            path: sum(size for size, _ in files)
            for path, files in self._committer.commit.files.items()
        }
        return sum(max(size - done.get(path, 0), 0) for path, size in wanted.items())

    def _create(self, specs: list[ArraySpec]) -> None:
        note = {"format": FORMAT, "committed_rows": "see ../COMMIT.json"}
        create_group(self._group, specs, attributes=note)
        document = {"format": FORMAT, "identity": self.identity.to_json()}
        atomic.write_json(self.folder / "identity.json", document)
        atomic.write_bytes(self.folder / FAILURES, b"")
        atomic.sync_folder(self.folder.parent)
        write_commit(self.folder, Commit(rows=self.identity.rows))

    def _resume(self, specs: list[ArraySpec]) -> None:
        commit = self._committer.commit = read_commit(self.folder)
        for wanted in specs:
            spec = read_spec(self._group, wanted.path)
            if spec is None:
                raise CorruptError(
                    f"{self._group / wanted.path} was rewritten by another tool: it can be read, "
                    "but not appended to; remove the run and extract again"
                )
            array = ArrayWriter(self._group, spec)
            length = commit.lengths.get(spec.path, 0)
            array.resume(length, commit.files.get(spec.path, []))
            self._arrays[spec.path] = array
        offsets = self._arrays.get("tokens/offsets")
        if offsets is not None and not offsets.length:
            offsets.append(np.zeros(1, np.int64))
        if commit.state != "complete":
            self._committer.set_state("running")

    def _record(self, info: Mapping[str, Any] | None) -> None:
        path = self.folder / "info.json"
        kept = atomic.read_json(path) if path.exists() else {"info": {}, "sessions": []}
        started = datetime.now(UTC).isoformat(timespec="seconds")
        session = {"started": started, "from_row": self.committed_rows, "info": dict(info or {})}
        known = kept["info"] if info is None else dict(info)
        atomic.write_json(path, {"info": known, "sessions": [*kept["sessions"], session]})

    # -- appending -----------------------------------------------------------------------------

    def _check_append(
        self,
        start: int,
        count: int,
        values: Mapping[str, NDArray[Any]],
        *,
        n_pooled: Mapping[str, NDArray[Any]],
        tokens: Tokens | None,
    ) -> None:
        if self._torn or self._committer.broken:
            raise StoreError("a write failed before: open the run again to go on")
        if start != self.next_row:
            raise StoreError(f"rows must come in order: row {self.next_row} is next, got {start}")
        if start + count > self.identity.rows:
            raise StoreError(
                f"rows {start} to {start + count - 1} go past the run's {self.identity.rows} rows"
            )
        wanted = set(self.identity.poolings)
        if set(values) != wanted or set(n_pooled) != wanted:
            raise StoreError(f"got the poolings {sorted(values)}, this run keeps {sorted(wanted)}")
        lengths = {len(rows) for rows in (*values.values(), *n_pooled.values())}
        if lengths != {count}:
            raise StoreError(f"all arrays need {count} rows, got {sorted(lengths)}")
        if (tokens is not None) != bool(self.identity.token_layers):
            raise StoreError(
                "token-level rows are needed exactly when the run keeps token layers: "
                f"{self.identity.token_layers or 'none'}"
            )

    def _check_tokens(self, count: int, tokens: Tokens) -> None:
        values, offsets, token_id = tokens
        self._arrays["tokens/values"].check(values)
        edges = [int(offsets[0]), int(offsets[-1])] if len(offsets) else []
        steps = np.diff(np.asarray(offsets, np.int64))
        if len(offsets) != count + 1 or edges != [0, len(values)] or (steps < 0).any():
            raise StoreError(
                f"token offsets must be {count + 1} ascending numbers from 0 to {len(values)}, "
                f"got {len(offsets)} with ends {edges}"
            )
        if len(token_id) != len(values):
            raise StoreError(f"got {len(token_id)} token ids for {len(values)} token rows")

    def _append(
        self,
        start: int,
        count: int,
        rows: Mapping[str, NDArray[Any]],
        *,
        tokens: Tokens | None,
        failures: Sequence[tuple[int, str, str]],
    ) -> None:
        step = self._arrays["n_tokens"].spec.block_rows
        at = 0
        while at < count:
            stop = min(count, at + step - (start + at) % step)
            piece = {path: new[at:stop] for path, new in rows.items()}
            if tokens is not None:
                piece |= self._token_rows(tokens, at, stop)
            self._lines += failure_lines(failures, start + at, start + stop)
            full = [made for path, new in piece.items() for made in self._arrays[path].append(new)]
            if (start + stop) % step == 0:
                self._commit_all(full)
            elif full:
                self._committer.write(full)
            at = stop

    def _token_rows(self, tokens: Tokens, at: int, stop: int) -> dict[str, NDArray[Any]]:
        values, offsets, token_id = tokens
        low, high = int(offsets[at]), int(offsets[stop])
        base = self._arrays["tokens/values"].length - low
        return {
            "tokens/values": values[low:high],
            "tokens/token_id": token_id[low:high].astype(np.int32),
            "tokens/offsets": offsets[at + 1 : stop + 1].astype(np.int64) + base,
        }

    def _commit_all(self, full: list[Pending]) -> None:
        self._committer.join()
        tails = [made for array in self._arrays.values() for made in array.tail()]
        if not full and not tails:
            return
        lines, self._lines = self._lines, []
        self._last_commit = time.monotonic()
        self._committer.write_and_commit(full + tails, self.next_row, failures=lines)


def _with_non_finite(
    start: int,
    norms: Mapping[str, NDArray[Any]],
    failures: Sequence[tuple[int, str, str]],
) -> list[tuple[int, str, str]]:
    """The failures, and one for every row with a NaN or infinity that they do not name."""
    named = {(row, pooling) for row, pooling, _ in failures}
    added = [
        (start + int(at), pooling, "the activations are not finite")
        for pooling, lengths in norms.items()
        for at in np.flatnonzero(~np.isfinite(lengths).all(axis=1))
    ]
    return [*failures, *(f for f in added if not {(f[0], f[1]), (f[0], "*")} & named)]
