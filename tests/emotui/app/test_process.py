"""The workbench as a process of its own: imports, signals, stray output, child processes."""

import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from emotui.guard import tail
from emotui.session import load_session

HEAVY = ("torch", "transformers", "pyarrow", "zarr", "sklearn", "numpy.linalg")


def test_nothing_heavy_is_imported_before_the_first_paint() -> None:
    code = (
        "import sys, emotui.app, emotui.workbench\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_stray_output_goes_into_the_log_and_the_screen_keeps_its_own(tmp_path: Path) -> None:
    code = f"""
import os, sys
from pathlib import Path
from emotui.guard import stray_output_to
with stray_output_to(Path({str(tmp_path / "log")!r})):
    os.write(2, b"from C\\n")
    print("from python")
    for screen in (sys.__stderr__, sys.__stdout__):
        screen.write("the screen\\n")
        screen.flush()
os.write(2, b"afterwards\\n")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "afterwards\n"
    assert done.stdout == "the screen\n" * 2
    assert set(tail(tmp_path / "log", 9)) == {"from C", "from python"}


class Terminal:
    """A child on a pseudo terminal of 100x30."""

    def __init__(self, home: Path, argv: list[str]) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(EMOTUI_HOME=str(home), TERM="xterm-256color")
            os.environ.update(COLUMNS="100", LINES="30", PYTHONPATH=os.getcwd())
            os.execv(sys.executable, [sys.executable, *argv])
        os.set_blocking(self.fd, False)

    def until(self, true: Callable[[bytes], bool], timeout: float = 30.0) -> None:
        """Read what comes until something is so."""
        end = time.monotonic() + timeout
        seen = b""
        while not true(seen):
            assert time.monotonic() < end, seen[-2000:]
            time.sleep(0.02)
            try:
                seen += os.read(self.fd, 65536)
            except (BlockingIOError, OSError):
                continue

    def wait(self, timeout: float = 20.0) -> int:
        """The exit code."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
            try:
                os.read(self.fd, 65536)
            except (BlockingIOError, OSError):
                time.sleep(0.02)
        os.kill(self.pid, signal.SIGKILL)
        raise AssertionError("it did not end")


def test_a_closed_terminal_ends_it_with_the_code_of_hanging_up(tmp_path: Path) -> None:
    (tmp_path / "workbench").mkdir()
    (tmp_path / "datasets").mkdir()
    terminal = Terminal(tmp_path, ["-m", "emotui"])
    terminal.until(lambda seen: b"palette" in seen or b"commands" in seen)
    os.close(terminal.fd)
    end = time.monotonic() + 20
    done, status = 0, 0
    while not done and time.monotonic() < end:
        time.sleep(0.02)
        done, status = os.waitpid(terminal.pid, os.WNOHANG)
    assert done, "it did not end"
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
    assert (tmp_path / "workbench" / "session.json").is_file()
    assert not list((tmp_path / "workbench").glob("errors/*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_save_the_session_and_end_with_their_code(
    tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "workbench").mkdir()
    (tmp_path / "datasets").mkdir()
    terminal = Terminal(tmp_path, ["-m", "emotui"])
    terminal.until(lambda seen: b"palette" in seen or b"commands" in seen)
    os.write(terminal.fd, b"7")
    terminal.until(lambda seen: b"JOBS" in seen)
    os.kill(terminal.pid, number)
    assert terminal.wait() == 128 + number
    assert load_session(tmp_path / "workbench" / "session.json").session.pane == "jobs"


def test_a_child_process_can_start_while_the_screen_is_up(tmp_path: Path) -> None:
    """Without the resource tracker started first this raises `bad value(s) in fds_to_keep`."""
    out = tmp_path / "out"
    (tmp_path / "workbench").mkdir()
    (tmp_path / "datasets").mkdir()
    script = tmp_path / "child.py"
    script.write_text(
        f"""
import multiprocessing, os, signal, threading, time
from pathlib import Path
def work():
    time.sleep(1.5)
    try:
        multiprocessing.get_context("spawn").Process(target=time.sleep, args=(0,)).start()
        said = "started"
    except ValueError as error:
        said = str(error)
    Path({str(out)!r}).write_text(said)
    os.kill(os.getpid(), signal.SIGTERM)
if __name__ == "__main__":
    from emotui.config import load_settings
    from emotui.workbench import run_workbench
    threading.Thread(target=work, daemon=True).start()
    raise SystemExit(run_workbench(load_settings()))
"""
    )
    terminal = Terminal(tmp_path, [str(script)])
    terminal.until(lambda _: out.exists())
    terminal.wait()
    assert out.read_text() == "started"


def test_a_bug_in_the_workbench_saves_the_session_and_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "workbench").mkdir()
    (tmp_path / "datasets").mkdir()
    script = tmp_path / "buggy.py"
    script.write_text(
        """
from emotui.app import Workbench
from emotui.config import load_settings
from emotui.workbench import run_workbench
def bug(self):
    raise ZeroDivisionError("[bold]boom[/]")
Workbench.action_maximise = bug
raise SystemExit(run_workbench(load_settings()))
"""
    )
    terminal = Terminal(tmp_path, [str(script)])
    terminal.until(lambda seen: b"commands" in seen)
    os.write(terminal.fd, b"7")
    terminal.until(lambda seen: b"JOBS" in seen)
    os.write(terminal.fd, b"z")
    terminal.until(lambda seen: b"crash-" in seen)
    assert terminal.wait() == 1
    (file,) = (tmp_path / "workbench" / "errors").glob("crash-*.txt")
    assert "ZeroDivisionError: [bold]boom[/]" in file.read_text(encoding="utf-8")
    assert load_session(tmp_path / "workbench" / "session.json").session.pane == "jobs"


def test_a_screen_that_is_stuck_gives_the_terminal_back(tmp_path: Path) -> None:
    """Its thread never returns; the process is told to go."""
    code = """
import sys, threading, tty
from emotui import farewell
farewell.LEAVE_SECONDS = 0.2
with farewell.saved_on_signals(lambda: None, lambda code: None):
    tty.setraw(0)
    sys.stdout.write("\\x1b[?1049h\\x1b[?25lstuck")
    sys.stdout.flush()
    threading.Event().wait(60)
"""
    child = Terminal(tmp_path, ["-c", code])
    before = termios.tcgetattr(child.fd)
    child.until(lambda seen: b"stuck" in seen)
    assert termios.tcgetattr(child.fd) != before
    os.kill(child.pid, signal.SIGTERM)
    child.until(lambda seen: b"\x1b[?1049l\x1b[?25h" in seen)
    assert os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1]) == 143
    assert termios.tcgetattr(child.fd) == before
