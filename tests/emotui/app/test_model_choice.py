"""Choosing the model: those used before, another by its name, and back to the vectors' own."""

import shutil
from dataclasses import replace
from pathlib import Path

from textual.widgets import Input

from emotui.events import Done
from emotui.jobs.models import KnownModel, known_models_job
from emotui.panes.model_choice import described, no_model
from emotui.screens.asking import AskText, PickOne
from emotui.session import Session, save_session
from store.layout import Home
from tests.emotui.app.stage import Stage, play
from tests.emotui.conftest import Prepared


def known(home: Path) -> tuple[KnownModel, ...]:
    (done,) = known_models_job(Home(home))
    assert isinstance(done, Done)
    return tuple(done.value)  # type: ignore[arg-type]


def test_runs_and_vectors_say_which_models_there_are(
    prepared: Prepared, vectors: str, tmp_path: Path
) -> None:
    home = Path(shutil.copytree(prepared.home, tmp_path / "home"))
    own, demo = known(home)
    assert vectors
    assert own.runs >= 1
    assert own.sets >= 1
    assert Path(own.source).is_dir()
    assert not own.gone
    assert demo == KnownModel("demo", 0, 0, gone=False)
    for broken in ("runs", "vectors"):
        (home / broken / "broken").mkdir()
    assert known(home) == (own, demo), "what cannot be read names no model"


def test_an_empty_home_knows_the_embedded_model(tmp_path: Path) -> None:
    assert [m.source for m in known(tmp_path)] == ["demo"]


def test_a_folder_that_has_gone_is_marked() -> None:
    assert described(KnownModel("/m", 2, 1, gone=True)) == "/m · 2 runs · 1 set · no longer there"
    assert described(KnownModel("a/b", 1, 0, gone=False)) == "a/b · 1 run"


def test_what_cannot_be_a_model() -> None:
    assert "Esc leaves" in no_model("  ")
    assert no_model("/nowhere/at/all") == "there is no such directory"
    assert no_model("./nowhere") == "there is no such directory"
    assert no_model(str(Path(__file__).parent)) == no_model("some/model") == no_model("gpt2") == ""


def test_a_model_that_is_gone_is_left_for_the_vectors_own(
    prepared: Prepared, vectors: str, tmp_path: Path
) -> None:
    home = Path(shutil.copytree(prepared.home, tmp_path / "home"))
    session = Session(model="/gone/model", pane="steer", tour_done=True, vectors=vectors)
    save_session(home / "workbench" / "session.json", session)

    async def scenario(stage: Stage) -> None:
        app = stage.app
        assert app.workspace.model is not None
        await stage.press("M")
        await stage.until(lambda: isinstance(app.screen, PickOne), "the list")
        assert "the vectors' own" in stage.text
        await stage.press("enter")
        await stage.idle()
        assert app.workspace.model is None
        few = replace(app.workspace.sampling, max_new_tokens=4)
        app.choose(replace(app.workspace, sampling=few))
        await stage.press("ctrl+j")
        await stage.until(lambda: app.workspace.history, "text, by the set's own model")
        await stage.press("M")
        await stage.until(lambda: isinstance(app.screen, PickOne), "the list")
        await stage.type("another")
        await stage.press("enter")
        assert isinstance(app.screen, AskText)
        app.screen.query_one("#answer", Input).value = "/nowhere"
        await stage.press("enter")
        assert "there is no such directory" in stage.text
        app.screen.query_one("#answer", Input).value = " some/model "
        await stage.press("enter")
        assert app.workspace.model is not None
        assert app.workspace.model.source == "some/model"

    play(home, scenario)
