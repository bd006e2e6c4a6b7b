"""The background thread that makes files durable and then says so in COMMIT.json.

In: files that are ready (`Pending`) and how many rows they complete. Out: the files on disk and,
after them, the new commit. One hand-over is under way at a time; its error is raised at the next
one, and from then on nothing more is written: what is committed stays as it is. Knows nothing of
what the rows mean.
"""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import google_crc32c

from store import atomic
from store.appending import ArrayWriter, Pending, write_pending
from store.commit import Commit, write_commit
from store.failures import FAILURES


class Committer:
    """Writes the files and commits of one run, in order."""

    def __init__(self, folder: Path, arrays: Mapping[str, ArrayWriter], commit: Commit) -> None:
        self.folder, self.arrays = folder, arrays
        self.commit = commit
        """The last durable state."""
        self.broken = False
        """Whether a write failed; nothing more is written then."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._under_way: Future[None] | None = None

    def write(self, files: list[Pending]) -> None:
        """Hand files over that no commit speaks of yet."""
        self.join()
        self._under_way = self._thread.submit(self._work, files, None, [])

    def write_and_commit(self, files: list[Pending], rows: int, *, failures: list[bytes]) -> None:
        """Hand over the files that complete `rows` rows, and their lines of failures.jsonl.

        Returns at once where the files are full, and waits where one is a view of a buffer that
        the next rows will change.
        """
        self.join()
        target = replace(
            self.commit,
            committed_rows=rows,
            sequence=self.commit.sequence + 1,
            lengths={path: array.length for path, array in self.arrays.items()},
        )
        self._under_way = self._thread.submit(self._work, files, target, failures)
        if any(made.array.spec.inner_rows and made.buffer is None for made in files):
            self.join()

    def join(self) -> None:
        """Wait for what is under way; raises its error."""
        if self._under_way is None:
            return
        error = self._under_way.exception()
        self._under_way = None
        if error is not None:
            self.broken = True
            raise error

    def set_state(self, state: str) -> None:
        """Commit another state of the same rows."""
        self.join()
        target = replace(self.commit, state=state, sequence=self.commit.sequence + 1)
        self._under_way = self._thread.submit(self._work, [], target, [])
        self.join()

    def close(self) -> None:
        """End the thread after what is under way."""
        self._thread.shutdown()

    def _work(self, files: list[Pending], target: Commit | None, failures: list[bytes]) -> None:
        with atomic.naming_a_full_disk(self.folder):
            write_pending(files)
            if target is None:
                return
            if failures:
                target = self._append_failures(target, b"".join(failures), len(failures))
            target = replace(target, files=self._written(target.lengths))
            write_commit(self.folder, target)
            self.commit = target

    def _written(self, lengths: Mapping[str, int]) -> dict[str, list[tuple[int, int]]]:
        return {
            path: [array.files[at] for at in range(array.spec.blocks(lengths.get(path, 0)))]
            for path, array in self.arrays.items()
        }

    def _append_failures(self, target: Commit, added: bytes, count: int) -> Commit:
        with open(self.folder / FAILURES, "r+b", buffering=0) as file:
            file.truncate(target.failures_bytes)  # lines of rows that a kill took back
            file.seek(target.failures_bytes)
            atomic.write_whole(file, added)
            atomic.sync_file(file)
        return replace(
            target,
            failures=target.failures + count,
            failures_bytes=target.failures_bytes + len(added),
            failures_crc32c=google_crc32c.extend(target.failures_crc32c, added),
        )
