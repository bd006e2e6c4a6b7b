"""Another theme reaches every part of every pane: no cell keeps a colour of the theme before."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from textual.theme import Theme

from emotui.session import Session, save_session
from emotui.themes import DARK, THEMES
from emotui.workspace import ShownText
from tests.emotui.app.stage import Stage, play
from tests.emotui.conftest import Prepared

Colours = dict[str, set[tuple[str, str]]]


def seen(stage: Stage) -> set[tuple[str, str]]:
    """(text, background) of every cell on the screen."""
    strips = stage.app.screen._compositor.render_strips()
    return {
        (str(s.style.color and s.style.color.name), str(s.style.bgcolor and s.style.bgcolor.name))
        for strip in strips
        for s in strip
        if s.style
    }


async def walk(stage: Stage) -> Colours:
    """The colours of every pane with something in it."""
    found = {}
    for key in "1234567":
        await stage.press(key)
        await stage.idle()
        await stage.pilot.pause()
        found[key] = seen(stage)
    return found


@pytest.mark.parametrize("theme", [t for t in THEMES if t is not DARK], ids=lambda t: t.name)
def test_no_colour_of_the_theme_before_is_left(
    prepared: Prepared, vectors: str, tmp_path: Path, theme: Theme
) -> None:
    found: dict[str, Colours] = {}

    def start(name: str, begun: Theme, *, switch: bool) -> None:
        home = Path(shutil.copytree(prepared.home, tmp_path / name))
        folder = home / "workbench"
        folder.mkdir(exist_ok=True)
        save_session(
            folder / "session.json", Session(theme=begun.name, pane="data", tour_done=True)
        )

        async def scenario(stage: Stage) -> None:
            text = ShownText("the people laughed near the old wall and wept alone", "pasted")
            stage.app.choose(
                replace(stage.app.workspace, vectors=vectors, emotion="joyful", layer=1, text=text)
            )
            await stage.press("enter")
            await stage.until(lambda: "name their label" in stage.text, "the dataset's marks")
            found[name] = await walk(stage)
            if switch:
                stage.app.theme = theme.name
                await stage.pilot.pause()
                found[name] = await walk(stage)

        play(home, scenario)

    start("fresh", theme, switch=False)
    start("switched", DARK, switch=True)
    for key, colours in found["fresh"].items():
        assert found["switched"][key] <= colours, key
