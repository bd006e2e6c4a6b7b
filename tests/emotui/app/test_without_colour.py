"""With NO_COLOR nothing is lost: no cell has a colour, and every state has a glyph or an attribute.

In: screens drawn under NO_COLOR. Each test holds two states beside each other and asks whether text
and attributes alone tell them apart.
"""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.segment import Segment

from emotui.errors import UserError
from emotui.events import Done, Job
from emotui.lanes import Tools
from emotui.panes.audit_rows import QUEUED, RUNNING, STALE, state_text
from emotui.screens.asking import Confirm, PickOne
from emotui.screens.picking import PickMany
from emotui.workspace import ShownText
from tests.emotui.app.stage import Gate, Stage, play
from tests.emotui.conftest import Prepared
from vectors.audits.result import STATES
from vectors.audits.verdict import GLYPHS

Cell = tuple[str, bool, bool, bool, bool, bool]
"""Text, bold, dim, italic, underline, reverse: all that is left without colour."""


@pytest.fixture(autouse=True)
def no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


def rows(stage: Stage) -> list[list[Segment]]:
    return [list(strip) for strip in stage.app.screen._compositor.render_strips()]


def bare(row: list[Segment]) -> tuple[Cell, ...]:
    """A row as a monochrome terminal shows it, one entry per character."""
    out: list[Cell] = []
    for text, style, _ in row:
        looks = [bool(style and getattr(style, a)) for a in ("bold", "dim", "italic", "underline")]
        out += [(c, *looks, bool(style and style.reverse)) for c in text]  # type: ignore[list-item]
    return tuple(out)


def row_with(stage: Stage, text: str) -> tuple[Cell, ...]:
    """The first row that has the text."""
    return bare(next(r for r in rows(stage) if text in "".join(s.text for s in r)))


def looks(row: tuple[Cell, ...], text: str) -> set[tuple[bool, ...]]:
    """The attributes of a text's characters in a row."""
    at = "".join(cell[0] for cell in row).index(text)
    return {cell[1:] for cell in row[at : at + len(text)]}


def colours(stage: Stage) -> set[str]:
    found = {
        c for row in rows(stage) for s in row if s.style for c in (s.style.color, s.style.bgcolor)
    }
    return {color.name for color in found if color is not None and not color.is_default}


@pytest.fixture
def home(prepared: Prepared, vectors: str, tmp_path: Path) -> Path:
    assert vectors == "both"
    return Path(shutil.copytree(prepared.home, tmp_path / "home"))


def test_no_cell_of_any_pane_or_dialog_has_a_colour(home: Path) -> None:
    async def scenario(stage: Stage) -> None:
        text = ShownText("the people laughed near the old wall and wept alone", "pasted")
        stage.app.choose(
            replace(stage.app.workspace, vectors="both", emotion="joyful", layer=1, text=text)
        )
        for key in "1234567":
            await stage.press(key)
            await stage.idle()
            assert colours(stage) == set(), key
        await stage.press("question_mark")
        assert colours(stage) == set()
        await stage.press("escape", "ctrl+p")
        await stage.until(lambda: "job: cancel" in stage.text, "the palette")
        assert colours(stage) == set()

    play(home, scenario)


def test_the_tab_and_the_row_under_the_cursor(home: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.until(lambda: "texts" in stage.text, "datasets")
        before = row_with(stage, "plain"), row_with(stage, "texts")
        await stage.press("down")
        after = row_with(stage, "plain"), row_with(stage, "texts")
        assert before[0] != after[0]
        assert before[1] != after[1]
        assert "1 DATA" in stage.lines[1]
        assert "2 Probes" in stage.lines[1]

    play(home, scenario)


def test_steering_on_is_reversed_and_keys_are_bold(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        stage.app.choose(replace(stage.app.workspace, steering=True))
        await stage.pilot.pause()
        reverse = looks(bare(rows(stage)[0]), "STEERING ON")
        assert all(look[-1] for look in reverse)
        footer = bare(rows(stage)[-1])
        assert looks(footer, "?") != looks(footer, "help")

    play(tmp_path, scenario)


def test_every_state_of_a_job_has_its_own_sign(tmp_path: Path) -> None:
    gate = Gate()

    def fine(tools: Tools) -> Job:
        del tools
        return iter([Done(None)])

    def wrong(tools: Tools) -> Job:
        del tools
        raise UserError("it went wrong")

    async def scenario(stage: Stage) -> None:
        def sign() -> str:
            return stage.lines[-2].strip()[:1]

        signs = [sign()]
        for job in (fine, wrong, gate.factory()):
            stage.pane.submit(job, "the job")
            await stage.until(lambda: sign() not in signs, f"a sign that is none of {signs}")
            signs.append(sign())
        await stage.press("x")
        await stage.until(lambda: sign() not in signs, "cancelled")

    play(tmp_path, scenario, pane="jobs")


def test_every_verdict_and_control_state_is_told_without_colour() -> None:
    labels = [state_text(state) for state in (*STATES, STALE, QUEUED, RUNNING)]
    assert len(set(labels)) == len(labels), labels
    signs = {word: glyph for word, glyph in GLYPHS.items() if word != "SUPPORTED-EXPLORATORY"}
    assert len(set(signs.values())) == len(signs), signs


OPTIONS = [(name, name) for name in ("amused", "bored", "curious")]


@pytest.mark.parametrize(
    ("dialog", "first", "second"),
    [
        (lambda: PickOne("Which?", OPTIONS), "amused", "bored"),
        (lambda: PickMany("Which?", OPTIONS), "amused", "bored"),
        (lambda: Confirm("Quit?"), "No", "Yes"),
    ],
    ids=["one", "many", "confirm"],
)
def test_the_option_under_the_cursor(
    dialog: Callable[[], PickOne], first: str, second: str, tmp_path: Path
) -> None:
    async def scenario(stage: Stage) -> None:
        stage.app.push_screen(dialog())
        await stage.until(lambda: second in stage.text, "the list")
        await stage.pilot.pause()
        assert looks(row_with(stage, first), first) != looks(row_with(stage, second), second)
        await stage.press("down")
        assert looks(row_with(stage, first), first) != looks(row_with(stage, second), second)

    play(tmp_path, scenario)


def test_marked_options_and_the_palettes_cursor(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        stage.app.push_screen(PickMany("Which?", OPTIONS, chosen=("bored",)))
        await stage.until(lambda: "[ ] amused" in stage.text, "not marked")
        assert "[x] bored" in stage.text
        await stage.press("up", "space")
        assert "[x] amused" in stage.text
        await stage.press("escape", "ctrl+p")
        await stage.until(lambda: "data: filter..." in stage.text, "the palette")
        first, second = row_with(stage, "data: filter"), row_with(stage, "data: extract")
        assert looks(first, "data: ") != looks(second, "data: ")

    play(tmp_path, scenario)
