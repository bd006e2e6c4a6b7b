"""What makes the screen quick, held by what it does; the benchmarks have the times."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from emotui import garbage
from emotui.headline import model_text
from emotui.jobbook import JOBS_KEPT
from emotui.jobs.engine import Engine
from emotui.jobs.spec import DEMO, DEMO_MODEL
from emotui.lanes import DeviceState
from emotui.panes.data import DataPane
from emotui.widgets.frame_rows import TabStrip
from emotui.widgets.prose import Prose
from emotui.widgets.table import VirtualTable
from tests.emotui.app.stage import Gate, Stage, play
from tests.emotui.app.test_panes import open_texts
from tests.emotui.conftest import Prepared

LATER = ("emotui.worker", "emotui.jobbook", "emotui.jobdesk", "emotui.panes.base",
         "multiprocessing", "tomllib", "typer")  # fmt: skip
"""Not needed for the first frame."""


@pytest.fixture
def home(prepared: Prepared, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared.home, tmp_path / "home"))


def test_what_the_first_frame_does_not_need_is_not_imported_for_it() -> None:
    code = (
        "import sys, emotui.__main__, emotui.workbench, emotui.app\n"
        f"print([m for m in {LATER!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_key_in_the_rows_changes_everything_at_once(home: Path) -> None:
    """Not message by message: each would be a frame of its own."""

    async def scenario(stage: Stage) -> None:
        pane = await open_texts(stage)
        layouts: list[object] = []
        stage.app.screen.screen_layout_refresh_signal.subscribe(
            stage.app.screen, layouts.append, immediate=True
        )
        pane.query_one("#rows", VirtualTable).move_to(3)
        assert stage.app.workspace.row == 3
        assert pane.query_one("#preview", Prose).text.startswith("row 3 ·")
        assert "row 4/60" in stage.app.query_one(TabStrip)._status
        await stage.pilot.pause()
        assert layouts == []

    play(home, scenario)


def test_ended_jobs_are_let_go(tmp_path: Path) -> None:
    gate = Gate()
    gate.open.set()

    async def scenario(stage: Stage) -> None:
        pane, desk = stage.pane, stage.app.desk
        assert isinstance(pane, DataPane)
        assert desk is not None
        for number in range(JOBS_KEPT + 20):
            pane.submit(gate.factory(), f"job {number}", lane="desk", subject="same", then=str)
            pane.submit(gate.factory(), "quiet", lane="desk", quiet=True, resume={"what": "it"})
        await stage.idle()
        await stage.until(lambda: not pane._then, "nobody waits for anything")
        assert (desk._owners, desk._quiet, desk._resume) == ({}, set(), {})
        assert len(desk.book.jobs) <= JOBS_KEPT
        assert desk.unfinished == ()

    play(tmp_path, scenario)


def test_libraries_are_not_looked_through_for_garbage(tmp_path: Path) -> None:
    """In a process of its own; a test's process is left as it is."""
    code = f"""
import gc, sys
from pathlib import Path
from emotui import garbage
before = gc.get_threshold()
garbage.first_frame_is_drawn(); garbage.libraries_are_loaded(); garbage.now_and_then(99.0)
assert (gc.isenabled(), gc.get_freeze_count(), gc.get_threshold()) == (True, 0, before)
garbage.take_over()
assert not gc.isenabled()
from tests.emotui.app.stage import play
async def scenario(stage):
    assert gc.isenabled() and gc.get_threshold()[2] > 100
    assert gc.get_freeze_count() > 10_000
play(Path({str(tmp_path)!r}), scenario)
print("well")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "well", done.stderr


def test_garbage_waits_for_a_moment_without_a_key_but_not_for_long() -> None:
    """Cycles that grew old, as the lines of a screen do; in a process of its own."""
    code = """
import gc, time, weakref
from emotui import garbage
class Line: pass
def thrown_away():
    line = Line(); line.cache = line
    gc.collect(0); gc.collect(1)
    return weakref.ref(line)
clock = [1000.0]
time.monotonic = lambda: clock[0]
garbage.take_over(); garbage.first_frame_is_drawn()
old = thrown_away()
for later, still, gone in ((5, 99.0, False), (10, 0.1, False), (50, 0.1, False), (62, 0.1, True)):
    clock[0] = 1000.0 + later
    garbage.now_and_then(still)
    assert (old() is None) is gone, (later, still)
old = thrown_away()
clock[0] += 11
garbage.now_and_then(0.5)
assert old() is None
print("well")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "well", done.stderr


def test_caches_of_the_drawing_libraries_are_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [getattr(getattr(sys.modules[m], kind), name) for m, kind, name in garbage.CACHES]
    Segment("a long text").split_cells(4)
    Strip([Segment("a")]).render_ansi(Style(bold=True), ColorSystem.TRUECOLOR)
    assert sum(cache.cache_info().currsize for cache in found) >= 2
    gone = (("no.module", "A", "b"), ("rich.segment", "No", "b"), ("rich.segment", "Segment", "no"))
    monkeypatch.setattr(garbage, "CACHES", (*gone, *garbage.CACHES))
    garbage._empty_caches()
    assert [cache.cache_info().currsize for cache in found] == [0, 0, 0]


def test_a_core_is_left_to_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    was = torch.get_num_threads()
    try:
        torch.set_num_threads(4)
        monkeypatch.setattr("os.cpu_count", lambda: 4)
        Engine(spared=1)
        assert torch.get_num_threads() == 3
        monkeypatch.setattr("os.cpu_count", lambda: 1)
        Engine(spared=1)
        assert torch.get_num_threads() == 1
        Engine(threads=2, spared=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(was)


def test_the_header_names_the_vectors_own_model_once_it_is_loaded(tmp_path: Path) -> None:
    from dataclasses import replace

    async def scenario(stage: Stage) -> None:
        now = stage.app.workspace
        assert model_text(now, None) == "no model"
        chosen = replace(now, vectors="joy")
        assert model_text(chosen, None) == "the vectors' own model"
        loaded = DeviceState("/models/pythia-1b", 16, "cpu", 1, 2)
        assert model_text(chosen, loaded) == "pythia-1b"
        assert model_text(chosen, replace(loaded, model=str(DEMO_MODEL))) == DEMO

    play(tmp_path, scenario)
