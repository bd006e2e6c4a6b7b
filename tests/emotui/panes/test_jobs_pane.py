"""The Jobs pane: what waits, runs and has ended, with rates, details, device, log."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from emotui.events import Done, Job, Note, Progress
from emotui.jobbook import JobState
from emotui.jobs.spec import DEMO_MODEL
from emotui.lanes import DeviceState, Tools
from emotui.panes.jobs import Details, device_line, job_cells, job_lines
from tests.emotui.app.stage import Gate, Stage, play
from tests.emotui.conftest import Prepared
from tests.emotui.panes.host import Hosted, hosting


def test_queue_order_cancel_while_waiting_and_while_running(tmp_path: Path) -> None:
    one, two, three = Gate(), Gate(), Gate()

    async def scenario(stage: Stage) -> None:
        jobs = [
            stage.pane.submit(gate.factory(), name)
            for gate, name in ((one, "first"), (two, "second"), (three, "third"))
        ]
        await stage.until(lambda: "running" in stage.text and stage.text.count("queued") >= 2, "q")
        rows = [
            line for line in stage.lines if any(n in line for n in ("first", "second", "third"))
        ]
        assert [("third" in r, "first" in r) for r in (rows[0], rows[2])] == [
            (True, False),
            (False, True),
        ], "the newest stands first"
        assert "3 live" in stage.lines[1]
        # The cursor is on the newest, which waits: it goes without ever having run.
        await stage.press("g", "x")
        await stage.until(lambda: stage.app.jobs.jobs[jobs[2]].status == "cancelled", "waiting one")
        assert stage.app.jobs.jobs[jobs[0]].live
        await stage.press("G", "x")
        await stage.until(one.closed.is_set, "the running one stopped")
        await stage.until(lambda: stage.app.jobs.jobs[jobs[1]].status == "running", "the next runs")
        assert not three.closed.is_set(), "it never began"
        two.open.set()
        await stage.idle()
        assert stage.app.jobs.jobs[jobs[1]].status == "done"

    play(tmp_path, scenario, pane="jobs")


def test_progress_rate_time_left_and_notes(tmp_path: Path) -> None:
    def start(tools: Tools) -> Job:
        yield Note("64 texts per window")
        yield Note("one text is empty", "warn")
        yield Progress(1200, 3000, "texts", 45.0, "extract")
        while not tools.cancelled():
            time.sleep(0.05)
            yield Progress(1200, 3000, "texts", 45.0, "extract")
        yield Done(None)

    async def scenario(stage: Stage) -> None:
        job = stage.pane.submit(start, "extract bench")
        await stage.until(lambda: "1,200/3,000 texts" in stage.text, "progress")
        row = next(line for line in stage.lines if "extract bench" in line and "running" in line)
        assert "45/s" in row
        assert "40 s" in row
        assert "extract: 1,200 of 3,000 texts · 45 texts/s · 40 s left" in stage.text
        await stage.until(lambda: "! one text is empty" in stage.text, "notes")
        await stage.press("enter")
        assert isinstance(stage.app.screen, Details)
        assert "  64 texts per window" in stage.app.screen.lines
        await stage.press("escape", "x")
        await stage.idle()
        assert stage.app.jobs.jobs[job].status == "cancelled"

    play(tmp_path, scenario, pane="jobs", size=(80, 24))


def test_a_failure_says_why_and_where_its_traceback_is(tmp_path: Path) -> None:
    def start(tools: Tools) -> Job:
        del tools
        yield Note("so far so good")
        raise ZeroDivisionError("a bug")

    async def scenario(stage: Stage) -> None:
        stage.pane.submit(start, "breaks")
        await stage.until(lambda: "failed" in stage.text, "failed")
        await stage.press("escape")  # the dialog about the bug
        await stage.until(lambda: "✗ ZeroDivisionError: a bug" in stage.text, "why")
        assert "traceback:" in stage.text

    play(tmp_path, scenario, pane="jobs")


def test_log_and_device(prepared: Prepared, vectors: str) -> None:
    async def go(scenario: Callable[[Hosted], Awaitable[None]]) -> None:
        async with hosting(prepared.home, "steer", vectors=vectors, prompt="the old door") as host:
            await scenario(host)

    async def scenario(host: Hosted) -> None:
        await host.press("7")
        assert "no model loaded yet" in host.screen()
        assert "log, what libraries wrote: nothing" in host.screen()
        await host.press("5", "b", "7")
        assert "3 layers · cpu" in host.screen()
        assert "GiB" in host.line("#job-device")
        assert "baseline" in host.screen()
        host.app.log_file.write_text("a warning of a library\n", encoding="utf-8")
        await host.press("k")
        host.pane._show()
        await host.settled()
        assert "  a warning of a library" in host.screen()
        host.app.log_file.unlink()

    asyncio.run(go(scenario))


def test_words() -> None:
    loaded = DeviceState(str(DEMO_MODEL), 8, "cuda:0", 2 << 30, 143 << 30)
    assert device_line(loaded) == "demo · 8 layers · cuda:0 2.0/143 GiB"
    assert device_line(None) == "no model loaded yet"
    slow = JobState(4, "slow", "running", Progress(1, 5, "layers", 0.25), started=10.0)
    assert job_cells(slow, 75.0) == [
        "4",
        "running",
        "slow",
        "1/5 layers",
        "4.0 s/1",
        "16 s",
        "1:05",
    ]
    ended = JobState(5, "ended", "done", Progress(9, 9, "texts"), started=10.0, ended=12.0)
    assert job_cells(ended, 99.0)[4:] == ["", "", "2 s"]
    assert job_lines(ended, 99.0, last=None)[0].startswith("job 5: ended · done in 2 s, at ")
    assert job_lines(ended, 99.0, last=None)[1] == "9 of 9 texts"
