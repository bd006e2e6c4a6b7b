"""Writing a run so that no committed row is ever lost.

In: an identity and consecutive windows of pooled (and token-level) activations as numpy arrays.
Out: a folder `runs/<run id>/` with identity.json, info.json, failures.jsonl, COMMIT.json and
activations.zarr. Files are written first, COMMIT.json last; a kill at any moment leaves the run at
its last commit, from where the next writer goes on. Knows nothing of models or texts.

A commit happens whenever a row block is full, after `interval_s` seconds, on `flush` and on exit.
Full blocks are written by one background thread while the next rows arrive.
"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import google_crc32c
import numpy as np
from jaxtyping import Bool, Float32, Int
from numpy.typing import NDArray

from store import atomic
from store.activations import ArraySpec, create_group, read_spec, set_length
from store.appending import ArrayWriter, Pending, write_pending
from store.arrays import pooled_norms, run_arrays
from store.commit import FILE, FORMAT, Commit, read_commit, write_commit
from store.errors import CorruptError, SpaceError, StoreError
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
        self._commit = Commit(rows=identity.rows)
        self._lines: list[bytes] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._under_way: Future[None] | None = None
        self._broken = False
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
        folder.mkdir(exist_ok=True)
        lock = WriterLock(folder / LOCK)
        lock.acquire()
        try:
            writer = RunWriter(folder, identity, lock=lock, interval_s=interval_s)
            specs = run_arrays(identity, total_tokens=total_tokens, most_rows=most_rows)
            writer._begin(home, specs, info=info, tokens_known=total_tokens is not None)
        except BaseException:
            lock.release()
            raise
        return writer

    @property
    def committed_rows(self) -> int:
        """Rows that are durable on disk."""
        return self._commit.committed_rows

    @property
    def next_row(self) -> int:
        """The row that `append` expects next."""
        return self._arrays["n_tokens"].length

    def append(
        self,
        start: int,
        values: Mapping[str, NDArray[Any]],
        *,
        n_tokens: Int[NDArray[Any], "text"],
        n_pooled: Mapping[str, Int[NDArray[Any], "text"]],
        norm: Float32[NDArray[Any], "text layer"],
        truncated: Bool[NDArray[Any], "text"],
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
        self._broken = True  # until all arrays have the rows: an interrupt leaves the last commit
        self._append(start, count, rows, tokens=tokens, failures=named)
        self._broken = False
        if time.monotonic() - self._last_commit >= self.interval_s:
            self.flush()

    def flush(self) -> None:
        """Commit everything appended so far; durable on return."""
        self._commit_all([])
        self._join()

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
        self._state("complete")

    def close(self) -> None:
        """Commit what was appended, if the writer is sound, and release the lock."""
        try:
            if not self._broken:
                self.flush()
                if self._commit.state == "running":
                    self._state("partial")
        finally:
            self._thread.shutdown()
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
        done = {path: sum(size for size, _ in files) for path, files in self._commit.files.items()}
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
        self._commit = read_commit(self.folder)
        for wanted in specs:
            spec = read_spec(self._group, wanted.path)
            if spec is None:
                raise CorruptError(
                    f"{self._group / wanted.path} was rewritten by another tool: it can be read, "
                    "but not appended to; remove the run and extract again"
                )
            array = ArrayWriter(self._group, spec)
            length = self._commit.lengths.get(spec.path, 0)
            array.resume(length, self._commit.files.get(spec.path, []))
            self._arrays[spec.path] = array
        offsets = self._arrays.get("tokens/offsets")
        if offsets is not None and not offsets.length:
            offsets.append(np.zeros(1, np.int64))
        if self._commit.state != "complete":
            self._state("running")

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
        if self._broken:
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
                self._submit(full, None)
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

    # -- committing ----------------------------------------------------------------------------

    def _commit_all(self, full: list[Pending]) -> None:
        """Hand all files that changed and the new commit to the background thread."""
        self._join()
        tails = [made for array in self._arrays.values() for made in array.tail()]
        if not full and not tails:
            return
        lines, self._lines = self._lines, []
        lengths = {path: array.length for path, array in self._arrays.items()}
        target = replace(
            self._commit,
            committed_rows=self.next_row,
            sequence=self._commit.sequence + 1,
            lengths=lengths,
        )
        self._submit(full + tails, (target, lines))
        self._last_commit = time.monotonic()
        if any(pending.array.spec.inner_rows for pending in tails):
            self._join()  # these bytes are views of a buffer that the next rows would change

    def _submit(self, files: list[Pending], commit: tuple[Commit, list[bytes]] | None) -> None:
        self._join()
        self._under_way = self._thread.submit(self._write, files, commit)

    def _join(self) -> None:
        if self._under_way is None:
            return
        error = self._under_way.exception()
        self._under_way = None
        if error is not None:
            self._broken = True
            raise error

    def _write(self, files: list[Pending], commit: tuple[Commit, list[bytes]] | None) -> None:
        write_pending(files)
        if commit is None:
            return
        target, lines = commit
        if lines:
            target = self._append_failures(target, lines)
        by_array = {
            path: [array.files[block] for block in range(array.spec.blocks(target.lengths[path]))]
            for path, array in self._arrays.items()
        }
        target = replace(target, files=by_array)
        write_commit(self.folder, target)
        self._commit = target

    def _append_failures(self, commit: Commit, lines: list[bytes]) -> Commit:
        path, added = self.folder / FAILURES, b"".join(lines)
        try:
            with open(path, "r+b", buffering=0) as file:
                file.truncate(commit.failures_bytes)
                file.seek(commit.failures_bytes)
                atomic.write_whole(file, added)
                atomic.sync_file(file)
        except OSError as error:
            if atomic.is_full(error):
                raise atomic.space_error(path, error) from error
            raise
        return replace(
            commit,
            failures=commit.failures + len(lines),
            failures_bytes=commit.failures_bytes + len(added),
            failures_crc32c=google_crc32c.extend(commit.failures_crc32c, added),
        )

    def _state(self, state: str) -> None:
        commit = replace(self._commit, state=state, sequence=self._commit.sequence + 1)
        try:
            write_commit(self.folder, commit)
        except SpaceError:
            self._broken = True
            raise
        self._commit = commit


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
