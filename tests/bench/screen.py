"""Measures the screen through a real pseudo terminal: `python -m tests.bench.screen`.

For each case a child process runs an app at 120x40; this process presses keys and counts the bytes
that come back and the time until the last of them. Prints one line per measurement with its bar.
"""

import fcntl
import itertools
import os
import pty
import random
import re
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from emotui.events import Cancelled as CancelQuestion
from emotui.events import Event, Progress

QUIET_S = 0.06
"""A frame is over when nothing has come for this long."""
SIZE = (120, 40)
TOKENS, ROWS = 2000, 250_000


@dataclass(frozen=True)
class Frame:
    """What one key press led to."""

    ms: float
    """From the key to the last byte of the answer."""
    n_bytes: int


class Terminal:
    """A child process on a pseudo terminal of a known size."""

    def __init__(self, case: str, *, env: dict[str, str]) -> None:
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(env)
            argv = [sys.executable, "-m", "tests.bench.screen", "--child", case]
            os.execv(sys.executable, argv)
        columns, rows = SIZE
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, timeout: float) -> bytes:
        """What has come, or nothing after the timeout."""
        ready, _, _ = select.select([self.fd], [], [], timeout)
        try:
            return os.read(self.fd, 1 << 16) if ready else b""
        except OSError:
            return b""

    def until(self, wanted: str, timeout: float = 30.0) -> float:
        """Seconds since the start until the text is on the wire."""
        seen = b""
        while time.perf_counter() - self.started < timeout:
            seen += self.read(0.05)
            if wanted in re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", seen).decode("utf-8", "replace"):
                return time.perf_counter() - self.started
        raise TimeoutError(f"{wanted!r} was not drawn within {timeout} s")

    def settle(self, quiet: float = 0.4) -> int:
        """Read until it is quiet; how many bytes came."""
        total = 0
        while chunk := self.read(quiet):
            total += len(chunk)
        return total

    def press(self, key: str) -> Frame:
        """Press a key and take in the answer."""
        start = last = time.perf_counter()
        os.write(self.fd, key.encode())
        total, wait = 0, 1.0
        while chunk := self.read(wait):
            last, wait = time.perf_counter(), QUIET_S
            total += len(chunk)
        return Frame((last - start) * 1000, total)

    def close(self) -> None:
        """End the child."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def child(case: str) -> None:
    """The apps under measurement."""
    from textual.app import App, ComposeResult
    from textual.binding import Binding
    from textual.widgets import Static

    from emotui.messages import Mailbox
    from emotui.widgets.table import Column, VirtualTable
    from emotui.widgets.token_view import TokenView
    from emotui.workbench import SWITCH_S
    from emotui.worker import Worker

    class Empty(App[None]):
        def compose(self) -> ComposeResult:
            yield Static("ready")

    class Tokens(App[None]):
        BINDINGS: ClassVar = [Binding("r", "recolour", "")]

        def compose(self) -> ComposeResult:
            yield TokenView(_pieces())

        def on_mount(self) -> None:
            self._seed = 0
            self.action_recolour()
            self.query_one(TokenView).focus()

        def action_recolour(self) -> None:
            self._seed += 1
            scores = _waves(self._seed) if case == "tokens" else _noise(self._seed)
            self.query_one(TokenView).set_scores(scores, scale=0.31)

    class Table(App[None]):
        def compose(self) -> ComposeResult:
            yield VirtualTable([Column("row", 8, "right"), Column("label", 12), Column("text")])

        def on_mount(self) -> None:
            table = self.query_one(VirtualTable)
            table.set_rows(ROWS, _rows)
            table.focus()

    class Busy(Tokens):
        """The token view while the engine thread runs a model's share of work: torch on blocks."""

        def on_mount(self) -> None:
            super().on_mount()
            sys.setswitchinterval(SWITCH_S)
            self._box = Mailbox(self)
            self._worker = Worker(self._box.post, traceback_folder=Path(tempfile.mkdtemp()))
            self._worker.submit("busy", _matrices)

        def on_reports_waiting(self) -> None:
            self._box.take()

    apps = {"empty": Empty, "tokens": Tokens, "noise": Tokens, "busy": Busy, "table": Table}
    apps[case]().run()


def _matrices(*, cancelled: CancelQuestion) -> Iterator[Event]:
    """Never ends: blocks of a small language model's size, and progress after each batch."""
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1))  # as jobs.engine does
    weights = [torch.randn(768, 768) * 0.03 for _ in range(12)]
    for batch in itertools.count():
        hidden = torch.randn(512, 768)
        for weight in weights:
            if cancelled():
                return
            hidden = torch.nn.functional.gelu(hidden @ weight)
        yield Progress(batch, None, "texts")


def _pieces() -> list[str]:
    rng = random.Random(0)
    return [
        "start",
        *("".join((" ", "abcdefghij"[: rng.randint(2, 7)])) for _ in range(TOKENS - 1)),
    ]


def _noise(seed: int) -> list[float]:
    """Every token another colour: the worst case."""
    rng = random.Random(seed)
    return [rng.gauss(0, 0.15) for _ in range(TOKENS)]


def _waves(seed: int) -> list[float]:
    """Neighbours alike, as scores along a text are."""
    rng, value, out = random.Random(seed), 0.0, []
    for _ in range(TOKENS):
        value = 0.75 * value + rng.gauss(0, 0.1)
        out.append(value)
    return out


def _rows(start: int, stop: int) -> list[list[str]]:
    return [
        [str(i), "joyful", f"the text of row {i}, long enough to be cut " * 3]
        for i in range(start, stop)
    ]


def _line(name: str, frames: list[Frame], *, ms_bar: float | None, byte_bar: int | None) -> None:
    ms = sorted(f.ms for f in frames)
    sizes = [f.n_bytes for f in frames]
    p95 = ms[min(len(ms) - 1, round(0.95 * (len(ms) - 1)))]
    verdict = []
    if ms_bar is not None:
        verdict.append(f"p95 <= {ms_bar:g} ms: {'met' if p95 <= ms_bar else 'MISSED'}")
    if byte_bar is not None:
        verdict.append(f"max <= {byte_bar} B: {'met' if max(sizes) <= byte_bar else 'MISSED'}")
    print(
        f"{name:34} n {len(frames):3}  ms median {statistics.median(ms):6.1f} p95 {p95:6.1f}  "
        f"bytes median {statistics.median(sizes):7.0f} max {max(sizes):6}  {'; '.join(verdict)}"
    )


def _session(
    case: str, env: dict[str, str], measure: Callable[[Terminal], None], first: str
) -> None:
    terminal = Terminal(case, env=env)
    try:
        terminal.until(first)
        terminal.settle()
        measure(terminal)
    finally:
        terminal.close()


def _tokens(terminal: Terminal) -> None:
    for name, keys in (
        ("right", "l" * 40),
        ("down and up", "jk" * 15),
        ("marked, right", "v" + "l" * 20),
    ):
        frames = [terminal.press(key) for key in keys]
        _line(f"  cursor {name}", frames, ms_bar=50, byte_bar=2000)
    terminal.press("v")
    _line(
        "  recolour 2,000 tokens",
        [terminal.press("r") for _ in range(30)],
        ms_bar=60,
        byte_bar=None,
    )


def _busy(terminal: Terminal) -> None:
    time.sleep(5)  # torch is imported and at work
    terminal.settle()
    keys = "l" * 60 + "jk" * 20
    _line("  cursor", [terminal.press(key) for key in keys], ms_bar=50, byte_bar=2000)


def _table(terminal: Terminal) -> None:
    _line("  table cursor", [terminal.press("j") for _ in range(30)], ms_bar=50, byte_bar=2000)
    _line(
        "  table page down",
        [terminal.press("\x1b[6~") for _ in range(20)],
        ms_bar=50,
        byte_bar=None,
    )
    _line("  table last, first", [terminal.press(k) for k in "GgGg"], ms_bar=50, byte_bar=None)


def first_paint(case: str, marker: str, env: dict[str, str], *, n: int = 5) -> list[float]:
    """Seconds from starting the process to the marker on the wire, n times."""
    times = []
    for _ in range(n):
        terminal = Terminal(case, env=env)
        times.append(terminal.until(marker))
        terminal.close()
    return times


def main() -> None:
    """All cases, at 24-bit colour and at 256 colours."""
    base = {"TERM": "xterm-256color", "TEXTUAL_ANIMATIONS": "none"}
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f} before the start, {SIZE[0]}x{SIZE[1]}")
    for depth in ("truecolor", "256"):
        env = base | {"TEXTUAL_COLOR_SYSTEM": depth}
        for case, what in (("tokens", "smooth scores"), ("noise", "random scores, the worst case")):
            print(f"{depth}, {what}")
            _session(case, env, _tokens, "start")
    env = base | {"TEXTUAL_COLOR_SYSTEM": "truecolor"}
    print("while the engine thread runs torch without a pause")
    _session("busy", env, _busy, "start")
    print(f"table of {ROWS:,} rows")
    _session("table", env, _table, "the text of row 0")
    empty = first_paint("empty", "ready", env)
    for case, marker in (("table", "the text of row 0"), ("tokens", "start")):
        times = first_paint(case, marker, env)
        ratio = statistics.median(times) / statistics.median(empty)
        print(
            f"first paint {case:7} median {statistics.median(times):.2f} s, empty app "
            f"{statistics.median(empty):.2f} s, ratio {ratio:.2f} (n {len(times)} each)  "
            f"<= 1.3: {'met' if ratio <= 1.3 else 'MISSED'}"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2])
    else:
        main()
