"""Data, Probes, Jobs and Audit: every action, on a tiny real model and a home of its own."""

import shutil
from pathlib import Path

import pytest
from textual.widgets import Input

from emotui.panes.data import DataPane
from emotui.panes.jobs import Details
from emotui.panes.probes import ProbesPane
from emotui.screens.asking import AskText, PickOne
from emotui.screens.form import Form
from emotui.session import Session, load_session, save_session
from emotui.widgets.layer_chart import LayerChart
from emotui.widgets.table import VirtualTable
from store.datasets import Dataset
from store.layout import Home
from tests.emotui.app.stage import Gate, Stage, play
from tests.emotui.conftest import Prepared


@pytest.fixture
def home(prepared: Prepared, tmp_path: Path) -> Path:
    """A copy of the prepared data directory that a test may change."""
    return Path(shutil.copytree(prepared.home, tmp_path / "home"))


async def open_texts(stage: Stage) -> DataPane:
    """The dataset `texts`, with the cursor in its rows."""
    pane = stage.pane
    assert isinstance(pane, DataPane)
    await stage.until(lambda: "texts" in stage.text, "datasets")
    await stage.press("down", "enter")
    await stage.until(lambda: pane._marks is not None, "marks")
    await stage.pilot.pause()
    return pane


def fields(stage: Stage, **values: str) -> None:
    for name, value in values.items():
        stage.app.screen.query_one(f"#field-{name}", Input).value = value


def test_datasets_open_and_rows_are_shown_counted_and_previewed(home: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await open_texts(stage)
        text = stage.text
        for part in ("joyful", "harbour", "60 rows", "2 labels · 6 topics", "characters"):
            assert part in text
        await stage.press("down")
        assert "row 1 · " in stage.text
        assert stage.app.workspace.row == 1

    app = play(home, scenario)
    session = load_session(app.folder / "session.json").session
    assert (session.dataset, session.row) == ("texts", 1)


def test_filter_goes_from_hit_to_hit_and_esc_goes_back(home: Path) -> None:
    async def scenario(stage: Stage) -> None:
        pane = await open_texts(stage)
        table = pane.query_one("#rows", VirtualTable)
        await stage.press("slash")
        await stage.type("kitchen")
        await stage.press("enter")
        await stage.until(lambda: table.hit_text == "hit 1 of 10", table.hit_text)
        first = table.cursor
        await stage.press("n")
        assert table.hit_text == "hit 2 of 10"
        await stage.press("N")
        assert table.cursor == first
        await stage.press("slash", "escape")
        assert table.has_focus
        await stage.press("escape")
        assert pane.query_one("#datasets").has_focus

    play(home, scenario)


def test_a_filter_without_hits_says_so_and_is_no_pattern(home: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await open_texts(stage)
        await stage.press("slash")
        await stage.type(".*")
        await stage.press("enter")
        await stage.until(lambda: "no row contains .*" in stage.toasts, "toast")

    play(home, scenario)


def test_excluding_needs_a_reason_and_can_be_taken_back(home: Path) -> None:
    async def scenario(stage: Stage) -> None:
        pane = await open_texts(stage)
        await stage.press("x", "enter")
        assert isinstance(stage.app.screen, AskText)
        assert "needs a reason" in stage.text
        await stage.type("odd")
        await stage.press("enter")
        await stage.until(lambda: pane._view and pane._view.excluded, "excluded")
        assert Dataset.open(Home(home), "texts").excluded() == {0: "odd"}
        await stage.until(lambda: "excluded: odd" in stage.text, "preview")
        await stage.press("x", "y")
        await stage.until(lambda: pane._view and not pane._view.excluded, "taken back")

    play(home, scenario)


def test_import_asks_for_columns_and_opens_the_new_dataset(home: Path, texts_file: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.until(lambda: "texts" in stage.text, "datasets")
        await stage.press("i")
        stage.app.screen.query_one(Input).value = "/no/such/file"
        await stage.press("enter")
        assert "no such file" in stage.text
        stage.app.screen.query_one(Input).value = str(texts_file)
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, Form), "the form")
        form = stage.app.screen
        assert isinstance(form, Form)
        assert (form.answers["label"], form.answers["topic"]) == ("emotion", "topic")
        fields(stage, name="again")
        await stage.press("ctrl+j")
        await stage.until(lambda: stage.app.workspace.dataset == "again", "opened")
        await stage.until(lambda: "again" in stage.lines[3], "listed")

    play(home, scenario)
    assert Dataset.open(Home(home), "again").info.topics[0] == "harbour"


def test_check_opens_what_it_found(home: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await open_texts(stage)
        await stage.press("c")
        await stage.until(lambda: isinstance(stage.app.screen, Details), "the findings")
        await stage.until(lambda: "rows looked at" in stage.text, "text")

    play(home, scenario)


def test_extract_checks_the_form_runs_and_hands_the_run_on(home: Path, model_dir: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await open_texts(stage)
        await stage.press("e")
        fields(stage, model=str(model_dir), layers="5-2", pool="last", limit="20")
        await stage.press("ctrl+j")
        assert "runs backwards" in stage.text
        fields(stage, layers="all")
        await stage.press("ctrl+j")
        await stage.until(lambda: stage.app.workspace.run, "the run")
        assert stage.app.device is not None
        assert stage.app.device.n_layers == 3
        await stage.press("7")
        await stage.until(lambda: "extract texts" in stage.text, "listed")
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, Details), "details")
        assert "self-check" in stage.text

    play(home, scenario)


def test_an_extraction_that_was_stopped_goes_on_at_the_next_start(
    home: Path, model_dir: Path
) -> None:
    answers = {"model": str(model_dir), "layers": "0", "pool": "last", "tokens": "", "limit": ""}
    record = {
        "pane": "data",
        "what": "extract",
        "answers": answers,
        "dataset": "texts",
        "model": {"source": str(model_dir)},
    }
    folder = home / "workbench" / "session.json"
    save_session(folder, Session(resume=(record,)))

    async def scenario(stage: Stage) -> None:
        assert "resuming the extraction over texts" in stage.toasts
        await stage.until(lambda: stage.app.workspace.run, "the run")

    play(home, scenario)
    assert load_session(folder).session.resume == ()


def test_probe_fills_in_live_and_every_key_works(home: Path) -> None:
    async def scenario(stage: Stage) -> None:
        pane = stage.pane
        assert isinstance(pane, ProbesPane)
        await stage.until(lambda: stage.app.workspace.run, "a run is there")
        await stage.until(lambda: "not probed yet" in stage.text, "the hint")
        seen: set[int] = set()
        await stage.press("r")

        def scored() -> bool:
            seen.add(sum(pane._curves.at("probe", k, "accuracy") is not None for k in range(3)))
            return stage.app.workspace.probe is not None

        await stage.until(scored, "the probe")
        assert seen - {0}, "values came before the result"
        await stage.pilot.pause()
        assert "chance .50" in stage.text
        assert "bag of words" in stage.text
        assert "not controlled:" in stage.text
        await stage.press("c")
        assert "bag of words" not in stage.text
        await stage.press("c", "m")
        assert "AUROC by layer" in stage.text
        chart = pane.query_one("#probe-chart", LayerChart)
        chart.focus()
        chart.move_to(0)
        await stage.press("right_square_bracket", "enter")
        assert stage.app.workspace.layer == 1
        assert pane.query_one("#probe-table", VirtualTable).cursor == 1
        await stage.press("x")
        await stage.until(lambda: "written:" in stage.toasts, "export")
        assert {p.suffix for p in (home / "reports").iterdir()} == {".svg", ".png", ".csv"}
        await stage.press("o")
        assert isinstance(stage.app.screen, PickOne)
        await stage.press("enter")
        assert stage.app.workspace.probe is not None

    play(home, scenario, pane="probes")


def test_jobs_are_listed_and_cancelled(tmp_path: Path) -> None:
    gate = Gate()

    async def scenario(stage: Stage) -> None:
        await stage.press("x")
        assert "nothing to cancel" in stage.toasts
        job = stage.pane.submit(gate.factory(), "long \x1b[31mwork")
        await stage.until(lambda: "running" in stage.text, "listed")
        assert "\x1b" not in stage.text
        await stage.press("x")
        await stage.until(gate.closed.is_set, "stopped")
        await stage.until(lambda: "cancelled" in stage.text, "shown")
        assert stage.app.jobs.jobs[job].status == "cancelled"

    play(tmp_path, scenario, pane="jobs")


def test_esc_skips_the_tour_before_it_leaves_the_rows(home: Path) -> None:
    save_session(home / "workbench" / "session.json", Session(model="demo"))

    async def scenario(stage: Stage) -> None:
        pane = await open_texts(stage)
        await stage.press("slash", "escape")
        assert "tour" in stage.text, "Esc in a line leaves the line"
        await stage.press("escape")
        assert "Esc skips" not in stage.text
        assert pane.query_one("#rows").has_focus
        await stage.press("escape")
        assert pane.query_one("#datasets").has_focus

    play(home, scenario)


def test_the_tour_follows_and_can_be_skipped(tmp_path: Path) -> None:
    save_session(tmp_path / "workbench" / "session.json", Session(model="demo"))

    async def scenario(stage: Stage) -> None:
        assert "tour 1/3" in stage.text
        stage.app.saw("coloured")
        assert "tour 1/3" in stage.text
        stage.app.saw("moved")
        await stage.pilot.pause()
        assert "tour 2/3" in stage.text
        await stage.press("escape")
        assert "tour" not in stage.text

    app = play(tmp_path, scenario)
    assert load_session(app.folder / "session.json").session.tour_done
