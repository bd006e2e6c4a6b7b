"""Does every committed byte of a run still stand?

In: the home folder and a run id. Out: one `Problem` per file that is missing, truncated or changed,
with the texts it concerns; an empty list where all is well. Reads every file once; may run while a
writer is adding rows. Knows nothing of what the numbers mean.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from store.activations import ArraySpec, check_block, read_spec
from store.commit import FILE, Commit, read_commit
from store.errors import StoreError
from store.failures import FAILURES, read_failures
from store.identity import read_identity
from store.layout import Home
from store.runs import Run, find_run


@dataclass(frozen=True)
class Problem:
    """One damaged file."""

    shard: str
    """The file, relative to the run's folder."""
    rows: tuple[int, int]
    """First text it concerns, and the one after the last."""
    what: str
    """What is wrong with it."""


def verify(
    home: Home, run_id: str, *, on_file: Callable[[int, int], None] | None = None
) -> list[Problem]:
    """Check every file of a run against its commit.

    on_file: called with (files checked, files in all) after each. Raises NotFound.
    """
    folder = find_run(home, run_id)
    try:
        rows = read_identity(folder).rows
    except StoreError as error:
        return [Problem("identity.json", (0, 0), str(error))]
    try:
        commit = read_commit(folder)
    except StoreError as error:
        return [Problem(FILE, (0, rows), str(error))]
    problems: list[Problem] = []
    try:
        read_failures(folder, commit)
    except StoreError as error:
        problems.append(Problem(FAILURES, (0, commit.committed_rows), str(error)))
    total, done = sum(map(len, commit.files.values())), 0
    run = Run(folder)
    for path, files in commit.files.items():
        try:
            spec = read_spec(run.group, path)
        except StoreError as error:
            where = str((run.group / path / "zarr.json").relative_to(folder))
            problems.append(Problem(where, (0, commit.committed_rows), str(error)))
            continue
        for block, expected in enumerate(files):
            if spec is not None:
                problems += _check(run, commit, spec=spec, block=block, expected=expected)
            done += 1
            if on_file is not None:
                on_file(done, total)
    return problems


def _check(
    run: Run, commit: Commit, *, spec: ArraySpec, block: int, expected: tuple[int, int]
) -> list[Problem]:
    start, stop = spec.rows_of(block, commit.lengths[spec.path])
    wrong = check_block(run.group, spec, block, rows=stop - start, expected=expected)
    if wrong is None:
        return []
    file = str(spec.file(run.group, block).relative_to(run.folder))
    return [Problem(file, _texts(run, spec, start=start, stop=stop), wrong)]


def _texts(run: Run, spec: ArraySpec, *, start: int, stop: int) -> tuple[int, int]:
    """The texts that rows `start` to `stop` of an array belong to."""
    committed = run.committed_rows
    if spec.path == "tokens/offsets":
        return max(start - 1, 0), min(stop, committed)
    if not spec.path.startswith("tokens/"):
        return start, stop
    try:
        offsets = run.token_offsets
    except StoreError:
        return 0, committed
    first = int(np.searchsorted(offsets, start, side="right")) - 1
    last = int(np.searchsorted(offsets, stop, side="left"))
    return first, min(last, committed)
