"""Measures the workbench in a real pseudo terminal: `python -m tests.bench.workbench MODEL`.

MODEL is a model directory; its tokenizer is used with an untrained model of 8 layers x 256, slow
enough to be at work all the time (on a GPU: `--layers 24 --width 2048 --slow-rows 60000`).
Measured at 120x40 in a scratch data directory: the first paint beside an empty Textual app, in
pairs; opening 250,000 rows; key to frame and keys lost in the rows of Data while nothing runs,
while an extraction runs and while text is generated, and at the slider of Steer while text streams.
Prints one line per measurement with its bar; takes a few minutes.
"""

import argparse
import math
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from emotui.session import Session, save_session
from tests.bench.program import (
    Program,
    command,
    environment,
    plain,
    random_llama,
    vectors_of,
    write_rows,
)

ROWS = 250_000
BURST = 25
"""Keys pressed before the run is started again, so that text streams all the time."""
PAUSE_S = 0.06
EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("ready")
Empty().run()
"""


def first_paint(folder: Path, env: dict[str, str], n_pairs: int) -> None:
    """Start to first frame, ours and an empty application's in turns."""
    script = folder / "empty.py"
    script.write_text(EMPTY)
    times: dict[str, list[tuple[float, float]]] = {"empty": [], "ours": []}
    for _ in range(n_pairs + 1):
        for name, argv, mark in (
            ("empty", [str(script)], "ready"),
            ("ours", ["-m", "emotui"], "commands"),
        ):
            program = Program(argv, env=env)
            times[name].append((program.wait_for(mark), program.cpu_s))
            program.close()
    pairs = list(zip(times["ours"][1:], times["empty"][1:], strict=True))  # the first warms files
    seconds = statistics.median(a[0] / b[0] for a, b in pairs)
    cpu = statistics.median(a[1] / b[1] for a, b in pairs)
    ours, empty = (statistics.median(t for t, _ in times[n][1:]) for n in ("ours", "empty"))
    print(
        f"first paint: {ours:.3f} s, empty Textual app {empty:.3f} s; ratio {seconds:.2f}, of CPU "
        f"time {cpu:.2f} (median of {n_pairs} pairs; bar 1.3: {_met(seconds <= 1.3)})"
    )


def rows(program: Program, first: int, n: int) -> Iterator[tuple[float, bytes]]:
    """Presses j; until the row's number is in the preview."""
    for row in range(first, first + n):
        yield program.press_for("j", f"row {row:,} ·")
        time.sleep(PAUSE_S)


def report(what: str, found: list[tuple[float, bytes]]) -> None:
    """One line."""
    times = sorted(ms for ms, _ in found if not math.isnan(ms))
    lost = len(found) - len(times)
    size = statistics.median(len(wire) for _, wire in found)
    p95 = times[int(0.95 * (len(times) - 1))]
    print(
        f"{what}: key to frame median {statistics.median(times):.0f} ms, p95 {p95:.0f} ms, worst "
        f"{times[-1]:.0f} ms, lost {lost} of {len(found)}, {size / 1000:.1f} kB a key "
        f"(bar p95 50, lost 0: {_met(p95 <= 50 and not lost)})"
    )


def _met(yes: bool) -> str:
    return "met" if yes else "MISSED"


def in_data(home: Path, model: str, slow_rows: int, keys: int) -> None:
    """Opening, then keys while nothing and while an extraction runs."""
    program = Program(["-m", "emotui"], env=environment(home))
    program.wait_for("250,000")
    program.settle()
    program.send("\r")
    seconds = program.wait_for("row 0 ·")
    print(f"250,000 rows open in {seconds:.2f} s (bar about 1: {_met(seconds <= 1.2)})")
    program.settle()
    report("rows, nothing running", list(rows(program, 1, keys)))
    program.send("\x1b")
    time.sleep(0.3)
    program.send("j\r")
    program.wait_for(f"{slow_rows:,} rows")
    program.settle(1.5)
    program.send("e")
    program.wait_for("keep tokens at")
    program.send(model)
    time.sleep(0.3)
    program.send("\n")
    program.wait_for("texts/s", 120)
    before = program.cpu_s
    began = time.perf_counter()
    found = list(rows(program, 1, keys))
    used = (program.cpu_s - before) / (time.perf_counter() - began)
    try:
        program.wait_for("texts/s", 60)
        print(f"  (it was still at work afterwards; the process used {used:.1f} cores)")
    except TimeoutError:
        print(f"  (IT WAS NOT AT WORK AFTERWARDS; the process used {used:.1f} cores)")
    report("rows while an extraction runs", found)
    program.close()


def while_streaming(home: Path, keys: int, tokens: int) -> None:
    """Keys at the slider and in the rows while a model writes."""
    save_session(
        home / "workbench" / "session.json",
        Session(pane="steer", dataset="small", vectors="bench", emotion="l0", layer=5, alpha=0.01,
                prompt="the gate stood open", tour_done=True),
    )  # fmt: skip
    program = Program(["-m", "emotui"], env=environment(home))
    program.wait_for("of the residual norm", 30)
    program.settle(1.0)
    program.send("s")
    program.wait_for("Sampling")
    program.send("\x05\x15" + f"seed=1 tokens={tokens}")
    time.sleep(0.3)
    program.send("\r")
    program.settle()
    streamed, bursts = 0, keys // BURST
    found: list[tuple[float, bytes]] = []
    for burst in range(bursts):
        _stream(program)
        alpha = 1 if burst % 2 == 0 else BURST + 1
        wire = b""
        for _ in range(BURST):
            alpha += 1 if burst % 2 == 0 else -1
            found.append(program.press_for("\x1b[C" if burst % 2 == 0 else "\x1b[D", _alpha(alpha)))
            wire += found[-1][1]
            time.sleep(PAUSE_S)
        streamed += "tokens/s" in plain(wire)
    print(f"  (text streamed in {streamed} of {bursts} bursts)")
    report("slider while text streams", found)
    streamed, found, row = 0, [], 1
    for _ in range(bursts):
        program.send("5")
        time.sleep(0.3)
        _stream(program)
        program.send("1")
        time.sleep(0.5)
        if row == 1:
            program.send("\r")
            program.settle(0.5)
        burst_rows = list(rows(program, row, BURST))
        row += BURST
        found += burst_rows
        streamed += "tokens/s" in plain(b"".join(wire for _, wire in burst_rows))
    print(f"  (text streamed in {streamed} of {bursts} bursts)")
    report("rows while text streams", found)
    program.close()


def _stream(program: Program) -> None:
    """Start a run and wait until its first tokens have come."""
    program.send("\n")
    program.wait_for("tokens/s", 60)


def _alpha(hundredths: int) -> str:
    return f"α +.{hundredths:02d} "


def main() -> int:
    """All measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--slow-rows", type=int, default=20_000, help="texts of the extraction")
    parser.add_argument("--pairs", type=int, default=9, help="of first paints; 0 = none")
    parser.add_argument("--keys", type=int, default=150, help=f"of each part, in bursts of {BURST}")
    parser.add_argument("--tokens", type=int, default=3000, help="of each text that streams")
    given = parser.parse_args()
    model = str(given.model.resolve())
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        for name, n in (("big", ROWS), ("small", given.slow_rows)):
            source = write_rows(Path(folder) / f"{name}.jsonl", n)
            command(
                home, "data", "import", str(source), "--name", name, "--label", "label",
                "--topic", "topic", "--quiet",
            )  # fmt: skip
        (home / "workbench").mkdir()
        if given.pairs:
            first_paint(Path(folder), environment(home), given.pairs)
        writer = random_llama(
            Path(folder) / "writer", model, layers=given.layers, width=given.width
        )
        in_data(home, str(writer), given.slow_rows, given.keys)
        vectors_of(home, writer, dataset="small", name="bench", limit=200)
        while_streaming(home, given.keys, given.tokens)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
