"""Kill a writer with SIGKILL at random moments, again and again, and count what is lost.

`python -m tests.bench.kill --rounds 100` starts a process that appends rows whose values follow
from their row number, kills it, checks every committed row, resumes, and so on. When a run is
complete it is checked whole and the next one begins. Prints a Markdown table. It says nothing
about power cuts: those are what the fsyncs are for.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from store.errors import CorruptError, NotFound
from store.identity import RunIdentity
from store.layout import Home
from store.runs import Run
from store.verify import verify
from store.writer import RunWriter
from tests.store import rows as planted

_ROWS = 3000


@dataclass(frozen=True)
class Outcome:
    """What a series of kills left."""

    kills: int
    """Writers killed while they were at work."""
    complete: int
    """Runs that were brought to their end over several lives."""
    rows_checked: int
    """Committed rows compared with their expected values, over all rounds."""
    lost: int
    """Rows that were committed after one round and not after a later one."""
    wrong: int
    """Committed rows whose values differ from the expected ones."""
    problems: int
    """Files that `verify` complained of."""
    progress_kills: int
    """Kills after which more rows were committed than before."""


def identity(seed: int) -> RunIdentity:
    return replace(planted.SMALL, rows=_ROWS, d_model=256, dataset=f"planted{seed}")


def write(root: Path, seed: int) -> None:
    """What the process that gets killed does: append until done, in batches of odd sizes."""
    wanted = identity(seed)
    batch = random.Random(time.time_ns())
    with RunWriter.open(Home(root), wanted, interval_s=0.05, most_rows=256) as writer:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while (start := writer.next_row) < wanted.rows:
            stop = min(wanted.rows, start + batch.randint(1, 60))
            writer.append(start, **planted.arguments(wanted, start, stop))
        writer.finish()


def wrong_rows(run: Run, wanted: RunIdentity) -> int:
    """Committed rows that differ anywhere from what was appended."""
    count = run.committed_rows
    if count == 0:
        return 0
    made = planted.arguments(wanted, 0, count)
    same = run.n_tokens == made["n_tokens"]
    same &= run.truncated == made["truncated"]
    same &= (run.norm == made["norm"]).all(axis=1)
    for pooling in wanted.poolings:
        same &= run.n_pooled(pooling) == made["n_pooled"][pooling]
        for at, layer in enumerate(wanted.layers):
            same &= (run.layer_bits(pooling, layer) == made["values"][pooling][:, at]).all(axis=1)
    offsets = run.token_offsets
    if not np.array_equal(offsets, made["tokens"][1]):
        return count
    reader = run._reader("tokens/values")
    values = reader.span(0, int(offsets[-1]))
    token_same = (values == made["tokens"][0]).all(axis=(1, 2))
    token_same &= run._small("tokens/token_id")[: offsets[-1]] == made["tokens"][2]
    bad_tokens = np.add.reduceat(~token_same, offsets[:-1]) > 0
    named = {(failure.row, failure.pooling, failure.reason) for failure in run.failures}
    if named != set(made["failures"]) or len(run.failures) != len(named):
        return count
    return int((~same | bad_tokens).sum())


def kill_rounds(root: Path, *, rounds: int, seed: int = 0, longest_s: float = 1.0) -> Outcome:
    """Kill and resume `rounds` times; then let the last run come to its end."""
    chance = random.Random(seed)
    which, before = 0, 0
    kills = complete = checked = lost = wrong = problems = progress = 0
    last = False
    while not last:
        wanted = identity(which)
        last = kills >= rounds
        command = [sys.executable, "-m", "tests.bench.kill", "--child", str(root), str(which)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        if last:
            child.wait()
        else:
            # Most kills fall on the writing, some on the start, the opening and the resuming.
            if chance.random() < 0.7:
                child.stdout.readline()
                time.sleep(chance.uniform(0, longest_s))
            else:
                time.sleep(chance.uniform(0, 0.6))
            if child.poll() is None:
                child.kill()
                kills += 1
            child.wait()
        child.stdout.close()
        if child.returncode not in (0, -9):
            raise SystemExit(f"the writer ended with {child.returncode}")
        try:
            run = Run.open(Home(root), wanted.run_id())
        except (NotFound, CorruptError):
            if before:
                raise
            continue  # killed before there was a first commit
        wrong += wrong_rows(run, wanted)
        checked += run.committed_rows
        lost += max(before - run.committed_rows, 0)
        progress += run.committed_rows > before
        problems += len(verify(Home(root), run.run_id))
        before = run.committed_rows
        if run.state == "complete":
            complete += before == _ROWS
            lost += _ROWS - before
            which, before = which + 1, 0
    return Outcome(kills, complete, checked, lost, wrong, problems, progress)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        write(Path(given.child[0]), int(given.child[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        out = kill_rounds(Path(folder), rounds=given.rounds, seed=given.seed)
        print("| kills | with new rows | runs completed | rows checked | lost | wrong | problems |")
        print("|--:|--:|--:|--:|--:|--:|--:|")
        print(
            f"| {out.kills} | {out.progress_kills} | {out.complete} | {out.rows_checked:,} "
            f"| {out.lost} | {out.wrong} | {out.problems} |"
        )
        print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
