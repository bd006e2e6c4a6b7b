"""Measures the workbench in a real pseudo terminal: `python -m tests.bench.workbench MODEL`.

MODEL is a model directory. Measured at 120x40 in a scratch data directory: the first paint against
an empty Textual app; opening 250,000 rows; key to frame in the rows while an extraction runs, and
whether a key was lost. Prints one line per measurement with its bar.
"""

import fcntl
import json
import os
import pty
import re
import statistics
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

from tests.bench.screen import SIZE, Terminal

PROSE = "the gate stood open and she read the letter twice before the lamps went out"
ROWS, SLOW_ROWS, KEYS = 250_000, 20_000, 150
_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")
EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("ready")
Empty().run()
"""


class Program(Terminal):
    """Any Python program on a pseudo terminal."""

    def __init__(self, argv: list[str], *, env: dict[str, str]) -> None:
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(env)
            os.execv(sys.executable, [sys.executable, *argv])
        columns, rows = SIZE
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, keys: str) -> None:
        """Keys without waiting."""
        os.write(self.fd, keys.encode())

    def wait_for(self, wanted: str, timeout: float = 60.0) -> float:
        """Seconds from now until the text is on the wire."""
        began, seen = time.perf_counter(), b""
        while time.perf_counter() - began < timeout:
            seen += self.read(0.02)
            if wanted in _ESCAPES.sub(b"", seen).decode("utf-8", "replace"):
                return time.perf_counter() - began
        raise TimeoutError(f"{wanted!r} was not drawn within {timeout} s")


def key_to_row(program: Program, keys: int) -> tuple[list[float], int]:
    """Presses `down`; how long until the row's number is in the preview, and how many were lost."""
    times, lost = [], 0
    for row in range(1, keys + 1):
        began, seen, wanted = time.perf_counter(), b"", f"row {row:,} ·"
        program.send("j")
        while wanted not in _ESCAPES.sub(b"", seen).decode("utf-8", "replace"):
            if time.perf_counter() - began > 3:
                lost += 1
                break
            seen += program.read(0.02)
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(0.06)
    return times, lost


def write_rows(path: Path, n: int) -> Path:
    """Made-up stories with labels and topics."""
    words = PROSE.split()
    with path.open("w", encoding="utf-8") as file:
        for i in range(n):
            text = " ".join(words[(i * 7 + k * 3) % len(words)] for k in range(40))
            row = {"text": f"{text} {i}", "label": f"l{i % 20}", "topic": f"t{i % 30}"}
            file.write(json.dumps(row) + "\n")
    return path


def main() -> int:
    """All measurements."""
    model = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        env = {"EMOTUI_HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        for name, n in (("big", ROWS), ("small", SLOW_ROWS)):
            source = write_rows(Path(folder) / f"{name}.jsonl", n)
            command = f"-m emotui data import {source} --name {name} --label label --topic topic"
            assert (
                os.spawnve(
                    os.P_WAIT, sys.executable, [sys.executable, *command.split()], os.environ | env
                )
                == 0
            )
        (home / "workbench").mkdir()
        (Path(folder) / "empty.py").write_text(EMPTY)
        ours, empty = [], []
        for _ in range(5):
            program = Program([str(Path(folder) / "empty.py")], env=env)
            empty.append(program.wait_for("ready"))
            program.close()
            program = Program(["-m", "emotui"], env=env)
            ours.append(program.wait_for("commands"))
            program.close()
        ratio = statistics.median(ours) / statistics.median(empty)
        print(
            f"first paint {statistics.median(ours):.2f} s, empty app "
            f"{statistics.median(empty):.2f} s: ratio {ratio:.2f} (bar 1.3, n 5)"
        )
        program = Program(["-m", "emotui"], env=env)
        program.wait_for("250,000")
        program.settle()
        program.send("\r")
        print(f"250,000 rows open in {program.wait_for('row 0 ·'):.2f} s (bar about 1)")
        program.settle()
        times, lost = key_to_row(program, KEYS)
        report("rows, nothing running", times, lost)
        program.send("\x1b")
        time.sleep(0.3)
        program.send("j\r")
        program.wait_for("20,000 rows")
        program.settle(1.5)
        program.send("e")
        program.wait_for("keep tokens at")
        program.send(model)
        time.sleep(0.3)
        program.send("\n")
        program.wait_for("texts/s", 90)
        times, lost = key_to_row(program, KEYS)
        report("rows while extraction runs", times, lost)
        program.close()
    return 0


def report(what: str, times: list[float], lost: int) -> None:
    """One line."""
    ordered = sorted(times)
    p95 = ordered[int(0.95 * (len(ordered) - 1))]
    print(
        f"{what}: key to frame median {statistics.median(times):.0f} ms, p95 {p95:.0f} ms "
        f"(bar 50), worst {ordered[-1]:.0f} ms, lost {lost} of {len(times)}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
