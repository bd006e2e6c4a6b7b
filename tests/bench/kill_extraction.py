"""Kill real extractions with SIGKILL at random moments, again and again, and count what is lost.

`python -m tests.bench.kill_extraction --model DIR --rounds 100` extracts a dataset once without
interruption, then again in processes that are killed while the model runs or the store commits.
After each kill every committed row is compared bit for bit with the uninterrupted run and the run
is verified; when a run is complete the next begins. The killed process is forked from one that
holds the model, so a round takes seconds, and commits after every window of texts (a user's run:
once a minute and whenever a block of rows is full).
"""

import argparse
import functools
import os
import random
import signal
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from emotui.demo.corpus import write_corpus
from emotui.jobs.data import ImportRequest, import_job
from emotui.jobs.engine import Engine
from emotui.jobs.extract import ExtractRequest, extract_job
from emotui.jobs.spec import DEMO, ModelSpec
from emotui.options import LayerSpec
from store.layout import Home
from store.runs import Run, list_runs, remove_run
from store.verify import verify
from store.writer import RunWriter


@dataclass
class Tally:
    """What a series of kills left."""

    kills: int = 0  # processes killed while at work
    progress: int = 0  # kills after which more rows were committed than before
    complete: int = 0  # runs brought to their end over several lives
    rows_checked: int = 0  # committed rows compared with the uninterrupted run, over all rounds
    lost: int = 0  # rows committed after one round and gone after a later one
    wrong: int = 0  # committed rows whose bits differ
    problems: int = 0  # files that verify complained of


def prepare(root: Path, texts: int) -> Home:
    """A home with one dataset in it."""
    home = Home(root)
    home.ensure()
    stories = write_corpus(root / "corpus", n=texts, seed=5)[0]
    for _ in import_job(home, ImportRequest(str(stories), "texts", label="label")):
        pass
    return home


def run_to_end(home: Home, request: ExtractRequest, engine: Engine) -> None:
    for _ in extract_job(home, request, engine=engine):
        pass


def wrong_rows(run: Run, expected: Run) -> int:
    """Committed rows whose counts or bits differ from those of the uninterrupted run."""
    count = run.committed_rows
    same = run.n_tokens == expected.n_tokens[:count]
    for pooling in run.identity.poolings:
        same &= run.n_pooled(pooling) == expected.n_pooled(pooling)[:count]
        for layer in run.identity.layers:
            got, want = run.layer_bits(pooling, layer), expected.layer_bits(pooling, layer)
            same &= (got == want[:count]).all(axis=1)
    return int(np.count_nonzero(~same))


def one_life(home: Home, request: ExtractRequest, engine: Engine, delay_s: float) -> bool:
    """Fork, extract, and kill after `delay_s`; True where the child was still at work."""
    child = os.fork()
    if child == 0:
        run_to_end(home, request, engine)
        os._exit(0)
    deadline = time.monotonic() + delay_s
    while time.monotonic() < deadline:
        if os.waitpid(child, os.WNOHANG)[0]:
            return False
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def series(
    home: Home,
    expected: Run,
    request: ExtractRequest,
    engine: Engine,
    *,
    rounds: int,
    most_s: float,
) -> Tally:
    """`rounds` kills, at moments spread evenly over up to `most_s` seconds of work."""
    tally, before, draw = Tally(), 0, random.Random(0)
    while tally.kills < rounds:
        killed = one_life(home, request, engine, draw.uniform(0.0, most_s))
        tally.kills += killed
        ids = [summary.run_id for summary in list_runs(home)]
        if not ids:
            continue  # killed before the run had begun
        tally.problems += len(verify(home, ids[0]))
        with closing(Run.open(home, ids[0])) as run:
            count = run.committed_rows
            tally.rows_checked += count
            tally.lost += max(0, before - count)
            tally.progress += killed and count > before
            tally.wrong += wrong_rows(run, expected)
            done = run.state == "complete"
        before = count
        if done:
            tally.complete += 1
            before = 0
            remove_run(home, ids[0])
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=DEMO)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--texts", type=int, default=4096)
    asked = parser.parse_args()
    torch.set_num_threads(1)  # a fork keeps no threads of its parent
    RunWriter.open = staticmethod(functools.partial(RunWriter.open, interval_s=0.0))  # type: ignore[method-assign]
    request = ExtractRequest(
        ModelSpec(asked.model), "texts", LayerSpec("all", None), ("mean", "last"), max_length=32
    )
    with tempfile.TemporaryDirectory() as folder:
        engine, home = Engine(), prepare(Path(folder) / "whole", asked.texts)
        began = time.monotonic()
        run_to_end(home, request, engine)
        whole_s = time.monotonic() - began
        with closing(Run.open(home, list_runs(home)[0].run_id)) as expected:
            killed = prepare(Path(folder) / "killed", asked.texts)
            tally = series(
                killed, expected, request, engine, rounds=asked.rounds, most_s=whole_s / 2
            )
    sys.stdout.write(
        "| kills | with new rows | runs completed | rows checked | lost | wrong | problems |\n"
    )
    sys.stdout.write("|--:|--:|--:|--:|--:|--:|--:|\n")
    sys.stdout.write("| " + " | ".join(str(v) for v in vars(tally).values()) + " |\n")
    if tally.lost or tally.wrong or tally.problems:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
