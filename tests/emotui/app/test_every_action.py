"""Every action that works everywhere or in any list, by every one of its keys, on a real pane."""

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.command import CommandList
from textual.widgets import OptionList

from emotui.actions import ACTIONS, EVERYWHERE, LISTS, PANES, Action
from emotui.screens.asking import PickOne
from emotui.screens.help import Help
from emotui.screens.jump import Jump
from emotui.screens.palette import Palette
from emotui.widgets.table import VirtualTable
from tests.emotui.app.stage import Gate, Stage, play
from tests.emotui.conftest import Prepared

Check = Callable[[Stage, str], Awaitable[None]]


def keys_of(place: str) -> list[tuple[str, str]]:
    """(action id, key) for every key; "" for an action of the palette only."""
    return [(a.id, key) for a in ACTIONS if a.pane == place for key in (a.keys or "").split(",")]


def the(action_id: str) -> Action:
    return next(a for a in ACTIONS if a.id == action_id)


async def _next(stage: Stage, key: str) -> None:
    parts = [w for w in stage.pane.query("*") if w.focusable]
    assert stage.app.focused is parts[0]
    await stage.press(key)
    assert stage.app.focused is parts[1]


async def _previous(stage: Stage, key: str) -> None:
    parts = [w for w in stage.pane.query("*") if w.focusable]
    await stage.press("tab", key)
    assert stage.app.focused is parts[0]


async def _jump(stage: Stage, key: str) -> None:
    await stage.press(key)
    assert isinstance(stage.app.screen, Jump)
    await stage.press("escape")
    assert not isinstance(stage.app.screen, Jump)


async def _maximise(stage: Stage, key: str) -> None:
    await stage.press(key)
    assert stage.app.screen.maximized is stage.app.focused
    await stage.press(key)
    assert stage.app.screen.maximized is None


async def _help(stage: Stage, key: str) -> None:
    await stage.press(key)
    assert isinstance(stage.app.screen, Help)
    await stage.press(key)
    assert not isinstance(stage.app.screen, Help), "the same key closes it"


async def _palette(stage: Stage, key: str) -> None:
    await stage.press(key)
    await stage.until(lambda: "data: filter..." in stage.text, "its commands")
    await stage.press("escape")
    await stage.until(lambda: "data: filter..." not in stage.text, "closed")


async def _model(stage: Stage, key: str) -> None:
    await stage.press(key)
    await stage.until(lambda: isinstance(stage.app.screen, PickOne), "the list")
    await stage.type("demo")
    await stage.press("enter")
    assert stage.app.workspace.model is not None
    assert stage.app.workspace.model.source == "demo"
    assert " demo " in stage.lines[0]


async def _theme(stage: Stage, key: str) -> None:
    assert not key, "it has no key: the palette runs it"
    before = stage.app.theme
    stage.app.run_command(the("app.theme"))
    await stage.until(lambda: stage.app.theme != before, "another theme")


async def _cancel(stage: Stage, key: str) -> None:
    gate = Gate()
    job = stage.pane.submit(gate.factory(), "long")
    await stage.until(lambda: stage.app.jobs.running, "running")
    await stage.press(key)
    await stage.until(gate.closed.is_set, "stopped")
    assert stage.app.jobs.jobs[job].status == "cancelled"
    assert "Ctrl+C again quits" in stage.toasts


async def _quit(stage: Stage, key: str) -> None:
    await stage.leave(key)


def _show(name: str) -> Check:
    async def check(stage: Stage, key: str) -> None:
        await stage.press("6" if name != "audit" else "7")
        await stage.press(key)
        assert stage.app.current == name
        assert name.upper() in stage.lines[1]

    return check


ANYWHERE: dict[str, Check] = {
    **{f"app.{name}": _show(name) for name in PANES},
    "app.next": _next,
    "app.previous": _previous,
    "app.jump": _jump,
    "app.maximise": _maximise,
    "app.help": _help,
    "app.palette": _palette,
    "app.model": _model,
    "app.theme": _theme,
    "app.cancel": _cancel,
    "app.quit": _quit,
}


def test_no_action_is_left_out() -> None:
    assert set(ANYWHERE) == {a.id for a in ACTIONS if a.pane == EVERYWHERE}
    assert set(IN_LISTS) | {"lists.open"} == {a.id for a in ACTIONS if a.pane == LISTS}


@pytest.mark.parametrize(("action_id", "key"), keys_of(EVERYWHERE))
def test_everywhere(action_id: str, key: str, tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await ANYWHERE[action_id](stage, key)

    play(tmp_path, scenario)


IN_LISTS: dict[str, tuple[int, int, int]] = {
    "lists.up": (20, 19, 0),
    "lists.down": (20, 21, 0),
    "lists.page-up": (50, 50, -1),
    "lists.page-down": (5, 5, 1),
    "lists.first": (20, 0, 0),
    "lists.last": (20, 59, 0),
    "lists.next-hit": (20, 22, 0),
    "lists.previous-hit": (20, 15, 0),
}
"""Per action: the row it starts from, where it ends, and how many pages further."""
HITS = (2, 15, 22, 40)


@pytest.fixture(scope="module")
def home(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the prepared data, shared by the tests of this file."""
    return Path(shutil.copytree(prepared.home, tmp_path_factory.mktemp("lists") / "home"))


def test_every_key_of_a_list(home: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.until(lambda: "texts" in stage.text, "datasets")
        await stage.press("down", "enter")
        rows = stage.pane.query_one("#rows", VirtualTable)
        await stage.until(lambda: rows.count == 60 and rows.has_focus, "rows: Enter opens")
        await stage.idle()
        page = rows.size.height - 2  # the head stands still, and one row is seen twice
        for action_id, key in keys_of(LISTS):
            if action_id == "lists.open":
                continue
            start, end, pages = IN_LISTS[action_id]
            rows.set_hits(HITS)
            rows.move_to(start)
            await stage.press(key)
            assert rows.cursor == end + pages * page, (action_id, key)

    play(home, scenario)


def test_the_palette_opens_while_the_one_before_is_going(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.press("ctrl+p")
        await stage.until(lambda: "data: filter..." in stage.text, "its commands")
        before = stage.app.screen
        assert isinstance(before, Palette)
        before._action_escape()
        assert before.is_attached, "it takes a moment"
        stage.app.action_command_palette()
        stage.app.action_command_palette()
        await stage.until(lambda: not before.is_attached, "gone")
        await stage.until(lambda: "data: filter..." in stage.text, "its commands")
        await stage.press("escape", "7")
        assert stage.app.current == "jobs"

    play(tmp_path, scenario)


def test_a_page_key_before_the_first_drawing_is_harmless(tmp_path: Path) -> None:
    """Textual's own lists end the application with a KeyError."""

    def undrawn(options: OptionList) -> None:
        options.styles.width = options.styles.height = 0
        options.highlighted = 0

    async def scenario(stage: Stage) -> None:
        await stage.press("ctrl+p")
        await stage.until(lambda: "data: filter..." in stage.text, "its commands")
        commands = stage.app.screen.query_one(CommandList)
        undrawn(commands)
        await stage.press("pagedown", "pageup")
        await stage.press("escape", "M")
        await stage.until(lambda: isinstance(stage.app.screen, PickOne), "the list")
        await stage.press("tab")
        models = stage.app.screen.query_one(OptionList)
        assert models.has_focus
        undrawn(models)
        await stage.press("pagedown", "pageup", "escape")
        assert stage.app.current == "data"

    play(tmp_path, scenario)


def test_keys_are_text_while_a_line_has_the_focus(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.press("i")
        line = stage.app.focused
        await stage.type("q7z?j")
        assert getattr(line, "value", "") == "q7z?j"
        assert stage.app.current == "data"
        await stage.press("escape", "7")
        assert stage.app.current == "jobs"

    play(tmp_path, scenario)
