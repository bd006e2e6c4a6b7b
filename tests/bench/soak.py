"""Uses the workbench by script for a long time: `python -m tests.bench.soak MODEL --minutes 60`.

MODEL is a model directory, or "demo". A real `emotui` in a pseudo terminal is driven at a slow pace
(well under one core): scroll, filter, recolour, change layers, switch panes, steer, sweep, replay,
resize, palette, help, themes. Its memory is sampled every 30 s. At the end: memory at 10, 50 and
100 % of the time, its slope, the length of the session's history, and every line of the log. Exit 1
when the slope is above the bound, a line stands in the log, a traceback was written or it died.
"""

import argparse
import itertools
import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from emotui.session import Session, save_session
from tests.bench.program import Program, command, environment, plain, vectors_of, write_rows

SAMPLE_S = 30.0
MOST_PER_HOUR = 30.0
"""MiB an hour that count as flat: an hour of a session, not of a day."""
WARM_SHARE, WARM_S = 0.1, 300.0
"""The first tenth, at least five minutes, is left out of the slope: libraries load, caches fill."""
ROWS = 5_000
PACE_S = 0.35
SIZES = ((120, 40), (80, 24), (200, 60), (60, 15), (120, 40))


@dataclass
class Sample:
    """One look at the process."""

    at_s: float
    rss_mib: float
    threads: int
    files: int


@dataclass
class Soak:
    """The program, the clock, and what has been seen."""

    program: Program
    home: Path
    seconds: float
    began: float = field(default_factory=time.monotonic)
    samples: list[Sample] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)
    seen: str = ""
    cpu_s: float = 0.0
    """CPU time of the process when the last step was done."""

    def __post_init__(self) -> None:
        self._process = psutil.Process(self.program.pid)
        self._next = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds so far."""
        return time.monotonic() - self.began

    def keys(self, *keys: str, pace: float = PACE_S) -> None:
        """Keys, one after another, with what comes back read in between."""
        for key in keys:
            self.program.send(key)
            self.rest(pace)

    def rest(self, seconds: float) -> None:
        """Read for a while; take a sample when one is due."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.seen = (self.seen + plain(self.program.read(left)))[-20_000:]
        if self.elapsed >= self._next:
            self._next = self.elapsed + SAMPLE_S
            self.sample()

    def sample(self) -> None:
        """How big the process is now; psutil.NoSuchProcess when it has died."""
        if self._process.status() == psutil.STATUS_ZOMBIE:
            raise psutil.NoSuchProcess(self.program.pid)
        with self._process.oneshot():
            rss = self._process.memory_info().rss / (1 << 20)
            threads, files = self._process.num_threads(), self._process.num_fds()
        self.samples.append(Sample(self.elapsed, rss, threads, files))

    def count(self, what: str) -> None:
        """One more of these was done."""
        self.done[what] = self.done.get(what, 0) + 1


DOWN, UP, RIGHT, LEFT, PAGE = "\x1b[B", "\x1b[A", "\x1b[C", "\x1b[D", "\x1b[6~"


def scroll(soak: Soak, rng: random.Random) -> None:
    """Rows of Data, by line, by page, to both ends."""
    soak.keys("1", "\r", *[rng.choice((DOWN, DOWN, "j", PAGE, UP))] * 12, "G", "g", pace=0.2)


def find(soak: Soak, rng: random.Random) -> None:
    """A filter and its hits."""
    soak.keys("1", "\r", "/", str(rng.randrange(10, 99)), "\r", "n", "n", "N", "/", "\r")


def recolour(soak: Soak, rng: random.Random) -> None:
    """A row in Tokens: cursor, span, layers."""
    soak.keys("1", "\r", *[DOWN] * rng.randrange(1, 4), "\r", "4", pace=0.5)
    soak.rest(2.0)
    soak.keys(*[rng.choice("lljw")] * 8, "v", "l", "l", "v", pace=0.2)
    soak.keys(*[rng.choice("[]")] * 3, "d", "d")


def steer(soak: Soak, rng: random.Random) -> None:
    """A run, with alpha moved while it streams."""
    soak.keys("5", *[rng.choice((RIGHT, LEFT))] * 3, "\n", RIGHT, LEFT)
    soak.rest(3.0)
    soak.keys("r" if rng.random() < 0.3 else "\n")
    soak.rest(3.0)


def sweep(soak: Soak, rng: random.Random) -> None:
    """Nine alphas, a look at the history and at the difference."""
    del rng
    soak.keys("5", "w")
    soak.rest(4.0)
    soak.keys(DOWN, DOWN, "H", DOWN, "\r", "D", "\x1b")


def switch(soak: Soak, rng: random.Random) -> None:
    """Every pane, with its own views."""
    soak.keys("2", "c", "c", "m", "3", "h", "p", "L", "7", "\r", "\x1b", "6", DOWN, UP)
    soak.keys(*rng.sample("1234567", 7))


def layers(soak: Soak, rng: random.Random) -> None:
    """Another layer in Vectors, which every pane follows."""
    soak.keys("3", *[rng.choice("[]")] * 4, "c", "\x1b")


def resize(soak: Soak, rng: random.Random) -> None:
    """Sizes, one of them too small."""
    del rng
    for columns, rows in SIZES:
        soak.program.resize(columns, rows)
        soak.rest(0.8)


def overlays(soak: Soak, rng: random.Random) -> None:
    """Palette, help, jump, maximise."""
    soak.keys(
        rng.choice("1345"), "\x10", "view", DOWN, "\x1b", "?", "\x1b", "\x0f", "\x1b", "z", "z"
    )


def theme(soak: Soak, rng: random.Random) -> None:
    """The next theme."""
    del rng
    soak.keys("\x10", "next theme", "\r")
    soak.rest(1.0)


def cancel(soak: Soak, rng: random.Random) -> None:
    """A run that is stopped while it streams."""
    del rng
    soak.keys("5", "\n", "\x1b", pace=0.3)


Step = Callable[[Soak, random.Random], None]
STEPS: tuple[Step, ...] = (
    scroll, recolour, steer, switch, layers, find, sweep, resize, overlays, cancel, theme,
)  # fmt: skip


def prepare(folder: Path, model: str) -> Path:
    """A home with a dataset, a run, its probe and vectors."""
    home = folder / "home"
    source = write_rows(folder / "stories.jsonl", ROWS)
    command(
        home, "data", "import", str(source), "--name", "stories", "--label", "label",
        "--topic", "topic", "--quiet",
    )  # fmt: skip
    vectors_of(home, model, dataset="stories", name="soak", limit=200)
    run = next((home / "runs").iterdir()).name
    command(home, "probe", run, "--quiet", "--folds", "3", "--seeds", "1")
    layer = json.loads(command(home, "vectors", "show", "soak", "--json"))["layers"][-2]
    save_session(
        home / "workbench" / "session.json",
        Session(dataset="stories", run=run, vectors="soak", model=model, layer=layer,
                emotion="l0", emotions=("l0", "l1"), alpha=0.02, prompt="the gate stood open",
                tour_done=True),
    )  # fmt: skip
    return home


def drive(soak: Soak, seed: int) -> None:
    """All steps in turns until the time is over."""
    rng = random.Random(seed)
    for step in _rounds(rng):
        if soak.elapsed >= soak.seconds:
            break
        step(soak, rng)
        soak.keys("\x1b")
        soak.count(step.__name__)
    soak.rest(1.0)
    soak.sample()
    soak.cpu_s = soak.program.cpu_s


def _rounds(rng: random.Random) -> Iterator[Step]:
    for _ in itertools.count():
        yield from rng.sample(STEPS, len(STEPS))


def leave(soak: Soak) -> bool:
    """Quit as a user does; whether it ended by itself with code 0."""
    soak.keys("\x1b", "1", "q", "y", pace=0.5)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        pid, status = os.waitpid(soak.program.pid, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status) == 0
        soak.program.read(0.2)
    soak.program.close()
    return False


def report(soak: Soak, *, left_well: bool) -> int:
    """What was seen; the exit code."""
    at = np.array([s.at_s for s in soak.samples])
    rss = np.array([s.rss_mib for s in soak.samples])
    after_s = max(WARM_SHARE * soak.seconds, WARM_S)
    warm = at >= after_s
    slope = float(np.polyfit(at[warm] / 3600, rss[warm], 1)[0]) if warm.sum() > 2 else float("nan")
    shares = {share: rss[np.argmin(np.abs(at - share * at[-1]))] for share in (0.1, 0.5, 1.0)}
    session = json.loads((soak.home / "workbench" / "session.json").read_text())
    log = soak.home / "workbench" / "workbench.log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    tracebacks = [p.name for p in (soak.home / "workbench").glob("errors/*")]
    bad = [
        *([f"memory grows by {slope:.1f} MiB an hour"] if not slope <= MOST_PER_HOUR else []),
        *([f"{len(lines)} lines in the log"] if lines else []),
        *([f"tracebacks: {', '.join(tracebacks)}"] if tracebacks else []),
        *([] if left_well else ["it did not leave by itself with code 0"]),
    ]
    print(
        f"{soak.elapsed / 60:.1f} minutes: " + ", ".join(f"{k} {n}" for k, n in soak.done.items())
    )
    print("memory at " + ", ".join(f"{s:.0%} {mib:.0f} MiB" for s, mib in shares.items()))
    last = soak.samples[-1]
    print(
        f"slope after the first {after_s / 60:.0f} minutes: {slope:+.1f} MiB an hour "
        f"(bound {MOST_PER_HOUR:g}, n {int(warm.sum())}); "
        f"at the end {last.threads} threads, {last.files} open files, "
        f"{soak.cpu_s / soak.seconds:.2f} cores on average"
    )
    print(f"history: {len(session['history'])} runs kept, session file {_size(soak.home)} kB")
    print(f"log: {len(lines)} lines")
    for line in lines[:40]:
        print(f"  {line}")
    print("flat and quiet" if not bad else "MISSED: " + "; ".join(bad))
    return 1 if bad else 0


def _size(home: Path) -> int:
    return (home / "workbench" / "session.json").stat().st_size // 1000


def main() -> int:
    """Prepare, drive, report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=Path, help="write every sample there, as CSV")
    given = parser.parse_args()
    os.nice(5)
    model = given.model if given.model == "demo" else str(Path(given.model).resolve())
    with tempfile.TemporaryDirectory() as folder:
        home = prepare(Path(folder), model)
        program = Program(["-m", "emotui"], env=environment(home))
        program.wait_for("stories")
        soak = Soak(program, home, given.minutes * 60)
        try:
            drive(soak, given.seed)
            left_well = leave(soak)
        except (OSError, psutil.Error) as error:
            print(
                f"it died after {soak.elapsed:.0f} s: {error!r}; last on screen: {soak.seen[-600:]}"
            )
            left_well = False
        if given.samples:
            rows = [f"{s.at_s:.1f},{s.rss_mib:.2f},{s.threads},{s.files}" for s in soak.samples]
            given.samples.write_text("\n".join(["s,rss_mib,threads,files", *rows]) + "\n")
        return report(soak, left_well=left_well)


if __name__ == "__main__":
    raise SystemExit(main())
