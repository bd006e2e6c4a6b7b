"""Jobs between the lanes and the panes: cancelling, stale results, failures, leaving, resizing."""

from collections.abc import Iterator
from pathlib import Path

from emotui.errors import UserError
from emotui.events import Done, Event, Job, Note
from emotui.jobdesk import NO_JOB
from emotui.lanes import Tools
from emotui.screens.failure import Failure
from emotui.widgets.job_row import JobRow
from tests.emotui.app.stage import Gate, Stage, play


def test_a_result_reaches_who_asked_and_no_other(tmp_path: Path) -> None:
    gate, got = Gate(), []

    async def scenario(stage: Stage) -> None:
        stage.pane.submit(gate.factory("mine"), "one", then=got.append)
        gate.open.set()
        await stage.until(lambda: got, "the result")

    play(tmp_path, scenario)
    assert got == ["mine"]


def test_only_the_newest_job_on_a_subject_counts(tmp_path: Path) -> None:
    old, new, got = Gate(), Gate(), []

    async def scenario(stage: Stage) -> None:
        stage.pane.submit(old.factory("old"), "one", subject="colour", then=got.append)
        await stage.until(lambda: stage.app.jobs.running, "the first runs")
        stage.pane.submit(new.factory("new"), "two", subject="colour", then=got.append)
        old.open.set()
        new.open.set()
        await stage.idle()
        await stage.until(lambda: got, "a result")

    play(tmp_path, scenario)
    assert got == ["new"]


def test_jobs_run_in_the_order_asked_for_and_the_desk_does_not_wait(tmp_path: Path) -> None:
    first, second, desk, got = Gate(), Gate(), Gate(), []

    async def scenario(stage: Stage) -> None:
        stage.pane.submit(first.factory(1), "first", then=got.append)
        stage.pane.submit(second.factory(2), "second", then=got.append)
        stage.pane.submit(desk.factory(3), "look", lane="desk", then=got.append)
        second.open.set()
        desk.open.set()
        await stage.until(lambda: got == [3], "the desk's result")
        assert "+1 waiting" in stage.text
        first.open.set()
        await stage.until(lambda: len(got) == 3, "the others")

    play(tmp_path, scenario)
    assert got == [3, 1, 2]


def test_the_desk_has_no_model(tmp_path: Path) -> None:
    def start(tools: Tools) -> Job:
        del tools.engine
        return iter(())

    def touching(tools: Tools) -> Job:
        assert tools.engine is not None
        return start(tools)

    async def scenario(stage: Stage) -> None:
        stage.pane.submit(touching, "cheat", lane="desk")
        await stage.until(lambda: isinstance(stage.app.screen, Failure), "the dialog")
        await stage.until(lambda: "has no engine" in stage.text, "the message")

    play(tmp_path, scenario)


def test_a_bug_opens_a_dialog_that_names_the_file(tmp_path: Path) -> None:
    def start(tools: Tools) -> Job:
        del tools
        return _broken()

    async def scenario(stage: Stage) -> None:
        stage.pane.submit(start, "colour \x1b[31mtext")
        await stage.until(lambda: isinstance(stage.app.screen, Failure), "the dialog")
        screen = stage.app.screen
        assert isinstance(screen, Failure)
        await stage.until(lambda: "failed" in stage.text, "its text")
        path = Path(screen.text.split("The traceback is in\n")[1].splitlines()[0])
        assert "ZeroDivisionError" in path.read_text()
        assert "\x1b" not in stage.text
        assert "[bold]" in stage.text  # markup is shown, not obeyed
        await stage.press("escape", "7")
        await stage.until(lambda: "✗" in stage.text, "the job's row")

    play(tmp_path, scenario)


def _broken() -> Iterator[Event]:
    yield Note("so far so good")
    raise ZeroDivisionError("[bold]division[/] \x1b[2Jby zero")


def test_an_expected_mistake_is_a_toast_without_a_file(tmp_path: Path) -> None:
    def start(tools: Tools) -> Job:
        del tools
        raise UserError("no such model 'x'; give a directory")

    async def scenario(stage: Stage) -> None:
        stage.pane.submit(start, "load")
        await stage.until(lambda: "no such model" in stage.toasts, "the toast")
        assert not isinstance(stage.app.screen, Failure)

    app = play(tmp_path, scenario)
    assert not list(app.folder.glob("errors/*"))


def test_leaving_during_a_job_lets_it_close_first(tmp_path: Path) -> None:
    gate = Gate()

    async def scenario(stage: Stage) -> None:
        stage.pane.submit(gate.factory(), "long")
        await stage.until(lambda: stage.app.jobs.running, "running")
        await stage.leave("ctrl+c", "ctrl+c")
        assert gate.closed.is_set()

    play(tmp_path, scenario)


def test_resizing_during_a_job_keeps_the_job_and_its_row(tmp_path: Path) -> None:
    gate = Gate()

    async def scenario(stage: Stage) -> None:
        stage.pane.submit(gate.factory(), "long work")
        await stage.until(lambda: stage.app.jobs.running, "running")
        for size in ((80, 24), (200, 60), (60, 10), (120, 40)):
            await stage.pilot.resize_terminal(*size)
            await stage.pilot.pause()
        assert stage.app.query_one("#job-row", JobRow).size.width == 120
        assert "long work" in stage.text
        gate.open.set()
        await stage.idle()

    play(tmp_path, scenario)


def test_quiet_jobs_are_not_listed_unless_they_fail(tmp_path: Path) -> None:
    def fine(tools: Tools) -> Job:
        del tools
        return iter([Done(None)])

    def wrong(tools: Tools) -> Job:
        del tools
        raise UserError("it went wrong")

    async def scenario(stage: Stage) -> None:
        stage.pane.submit(fine, "reads a list", lane="desk", quiet=True)
        stage.pane.submit(wrong, "reads another", lane="desk", quiet=True)
        await stage.idle()
        names = [job.name for job in stage.app.shown_jobs]
        assert "reads a list" not in names
        assert "reads another" in names

    play(tmp_path, scenario)


def test_a_pane_that_asks_while_the_workbench_is_left_gets_no_job(tmp_path: Path) -> None:
    gate = Gate()

    async def scenario(stage: Stage) -> None:
        assert stage.app.lanes is not None
        assert stage.app.lanes.stop(10)
        assert stage.pane.submit(gate.factory(), "too late", subject="it") == NO_JOB
        await stage.idle()

    play(tmp_path, scenario)
