"""One writer per folder, over processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from store.errors import LockedError
from store.locks import WriterLock, locked

_HOLD = """
import sys, time
from pathlib import Path
from store.locks import WriterLock
WriterLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_second_writer_is_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with WriterLock(path) as lock:
        assert lock.held
        with pytest.raises(LockedError, match=rf"process {os.getpid()} on host"):
            WriterLock(path).acquire()
        assert f"process {os.getpid()}" in str(locked(path))
    assert locked(path) is None
    with WriterLock(path):
        pass


def test_lock_of_a_killed_process_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    child = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)], stdout=subprocess.PIPE, cwd=Path.cwd()
    )
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(LockedError, match=f"process {child.pid} on host"):
            WriterLock(path).acquire()
        child.kill()
        child.wait()
    assert f'"pid": {child.pid}' in path.read_text()  # the note outlives it, the lock does not
    assert locked(path) is None
    with WriterLock(path) as lock:
        assert lock.held


def test_absent_and_unreadable_lock_files_hold_nobody_up(tmp_path: Path) -> None:
    assert locked(tmp_path / "lock") is None
    (tmp_path / "lock").write_bytes(b"\xff not json")
    with WriterLock(tmp_path / "lock") as lock:
        assert lock.held
