"""Building vectors from the Vectors pane: what the form offers, what it makes, what is refused."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.widgets import Input, Select

from emotui.events import Done
from emotui.jobs.build_choices import BuildChoices, build_choices_job
from emotui.jobs.sets import open_set
from emotui.panes.vectors_build import build_form, mistake
from emotui.screens.form import Form
from emotui.session import Session, load_session, save_session
from store.layout import Home
from tests.emotui.conftest import Prepared
from tests.emotui.panes.host import Hosted, hosting, hosting_session

Scenario = Callable[[Hosted], Awaitable[None]]


@pytest.fixture
def home(prepared: Prepared, vectors: str, tmp_path: Path) -> Path:
    """A copy with the set "both" in it, which a test may change."""
    assert vectors == "both"
    return Path(shutil.copytree(prepared.home, tmp_path / "home"))


def run(scenario: Scenario, home: Path, **chosen: object) -> None:
    """One scenario on the pane."""

    async def go() -> None:
        async with hosting(home, "vectors", **chosen) as host:  # type: ignore[arg-type]
            await scenario(host)

    asyncio.run(go())


def choices(home: Path, *, run: str = "", dataset: str = "") -> BuildChoices:
    (done,) = build_choices_job(Home(home), run=run, dataset=dataset)
    assert isinstance(done, Done)
    return done.value  # type: ignore[return-value]


def test_what_a_set_can_be_built_from(home: Path, prepared: Prepared) -> None:
    found = choices(home, run=prepared.run)
    assert found.runs[0] == prepared.run
    assert all("plain" not in r and "untrained" not in r for r in found.runs), "nothing to tell"
    assert found.neutral[0] == "plain", "a data set without emotions comes first"
    assert "texts" not in found.neutral, "not the run's own"
    assert found.extracted == "", "no run of it is there yet"
    assert "both" in found.sets
    assert found.name == "texts"
    shutil.rmtree(home / "runs")
    assert choices(home).runs == ()


def test_a_name_that_is_free(home: Path, prepared: Prepared) -> None:
    for name in ("texts", "texts-2"):
        shutil.copytree(home / "vectors" / "both", home / "vectors" / name)
    assert choices(home, run=prepared.run).name == "texts-3"


def test_a_set_is_built_and_chosen(home: Path, prepared: Prepared) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("b")
        form = host.app.screen
        assert isinstance(form, Form)
        assert form.answers["run"] == prepared.run
        assert form.answers["neutral"] == "", "it would have to be extracted first"
        form.query_one("#field-neutral", Select).value = "plain"
        form.query_one("#field-name", Input).value = "both"
        form.query_one("#field-layers", Input).value = "1-2"
        form.query_one("#field-variance", Input).value = ".3"
        await host.press("ctrl+j")
        again = host.app.screen
        assert isinstance(again, Form)
        assert "already" in host.line("#wrong")
        assert again.focused is again.query_one("#field-replace")
        assert again.answers["layers"] == "1-2"
        again.query_one("#field-name", Input).value = "mine"
        await host.press("ctrl+j")
        assert host.workspace.vectors == "mine"
        assert host.pane.atlas.vectors == "mine"
        assert any("2 emotions at 2 layers" in said for said in host.app.said)
        assert not host.line("#vectors-about").startswith("!")

    run(scenario, home, run=prepared.run, vectors="both")
    made = open_set(Home(home), "mine")
    assert made.layers == (1, 2)
    assert made.recipe.neutral == "plain"
    assert choices(home, run=prepared.run).extracted == "plain", "now it costs nothing"
    assert made.recipe.variance_removed == 0.3
    assert made.recipe.method == "mean-difference"


def test_a_set_of_that_name_can_be_replaced(home: Path, prepared: Prepared) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("b")
        form = host.app.screen
        form.query_one("#field-name", Input).value = "both"
        form.query_one("#field-neutral", Select).value = Select.NULL
        form.query_one("#field-method", Select).value = "lda"
        form.query_one("#field-replace", Select).value = "yes"
        await host.press("ctrl+j")
        assert host.workspace.vectors == "both"

    run(scenario, home, run=prepared.run, vectors="both")
    made = open_set(Home(home), "both")
    assert (made.recipe.method, made.recipe.neutral) == ("lda", "")


def test_without_a_run_the_way_to_one_is_said(tmp_path: Path) -> None:
    async def scenario(host: Hosted) -> None:
        assert "b builds them from a run" in host.screen()
        await host.press("b")
        assert not isinstance(host.app.screen, Form)
        assert "no run has labels" in host.app.said[-1]

    run(scenario, tmp_path / "empty")


def test_building_that_was_cut_off_begins_again(home: Path, prepared: Prepared) -> None:
    answers = build_form(choices(home, run=prepared.run))._fields
    record = {
        "pane": "vectors",
        "what": "build",
        "answers": {f.name: f.value for f in answers},
    }
    file = home / "workbench" / "session.json"
    save_session(file, Session(pane="vectors", tour_done=True, resume=(record,)))

    async def go() -> None:
        async with hosting_session(home) as host:
            assert "building texts again" in host.app.said
            assert host.workspace.vectors == "texts"

    asyncio.run(go())
    assert load_session(file).session.resume == ()


@pytest.mark.parametrize(
    ("changes", "field", "why"),
    [
        ({"name": ""}, "name", "a name"),
        ({"variance": "1"}, "variance", "below 1"),
        ({"variance": "nan"}, "variance", "below 1"),
        ({"variance": "half"}, "variance", "a number"),
        ({"layers": "5-2"}, "layers", "backwards"),
    ],
)
def test_mistakes_are_seen_before_anything_is_built(
    changes: dict[str, str], field: str, why: str
) -> None:
    filled = {"name": "a", "variance": "", "layers": "all"}
    assert mistake(filled) is None
    found = mistake(filled | changes)
    assert found is not None
    assert found.field == field
    assert why in found.why
