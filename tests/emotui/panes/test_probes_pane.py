"""The Probes pane: which run it takes, what stands beside a curve, every key, and its claims."""

import asyncio
import csv
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from rich.cells import cell_len

from emotui.actions import ACTIONS
from emotui.cli import main
from emotui.jobs.runchoice import RunList, findings_job, runs_job
from emotui.panes.probecurves import BANDED, HUES, LOOKS, Curves
from emotui.panes.probes import ProbesPane
from emotui.screens.asking import NO_MATCH
from emotui.widgets.braille import sample
from emotui.widgets.cells import wrapped
from emotui.widgets.chart_grid import DASHES
from emotui.widgets.layer_chart import SAMPLE, LayerChart
from emotui.widgets.table import VirtualTable
from store.atomic import read_json
from store.findings import save_finding
from store.layout import Home
from store.runs import list_runs
from tests.emotui.conftest import Prepared
from tests.emotui.panes.host import Hosted, hosting

Scenario = Callable[[Hosted], Awaitable[None]]
SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared, model_dir: Path) -> Path:
    """A probed run with its untrained twin, and a run over texts without labels, made last."""
    place = tmp_path_factory.mktemp("probes-pane") / "home"
    shutil.copytree(prepared.home, place)
    for other in (place / "runs").iterdir():  # of other tests
        if other.name != prepared.run:
            shutil.rmtree(other)
    shutil.rmtree(place / "runs" / prepared.run / "results", ignore_errors=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTUI_HOME", str(place))
        probe = ["probe", prepared.run, "--folds", "3", "--seeds", "1", "--quiet"]
        assert main(probe) == 0
        time.sleep(1.1)  # a run's time is in whole seconds
        assert main(["extract", "--model", str(model_dir), "--data", "plain", "--quiet"]) == 0
    return place


@pytest.fixture
def home(base: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(base, tmp_path / "home"))


def run(
    scenario: Scenario, home: Path, *, size: tuple[int, int] = (120, 40), **chosen: object
) -> None:
    """One scenario on the pane."""

    async def go() -> None:
        async with hosting(home, "probes", size=size, **chosen) as host:
            await scenario(host)

    asyncio.run(go())


def test_every_action_of_the_table_has_its_method() -> None:
    for action in ACTIONS:
        if action.owner == "probes":
            assert hasattr(ProbesPane, "action_" + action.do.split("(")[0]), action.id


def test_the_run_that_can_be_probed_is_taken_though_others_are_newer(
    home: Path, prepared: Prepared
) -> None:
    newest = list_runs(Home(home))
    assert newest[0].dataset == "plain", "the run without labels was made last"
    assert "untrained" in newest[1].model
    *_, done = runs_job(Home(home))
    found: RunList = done.value  # type: ignore[union-attr, assignment]
    assert found.preferred == prepared.run
    assert [choice.fits for choice in found.runs] == [False, False, True]

    async def scenario(host: Hosted) -> None:
        assert host.workspace.run == prepared.run
        await host.press("o")
        screen = host.screen()
        assert "no label: nothing to tell apart" in screen
        assert "untrained twin, a control" in screen
        assert screen.index("60 rows, 2 labels") < screen.index("no label"), "the useful ones first"

    run(scenario, home)


def test_a_probed_run_is_taken_before_a_newer_one(home: Path, prepared: Prepared) -> None:
    again = prepared.run + "x"
    shutil.copytree(home / "runs" / prepared.run, home / "runs" / again)

    def preferred(dataset: str = "") -> str:
        *_, done = runs_job(Home(home), dataset)
        return str(done.value.preferred)  # type: ignore[union-attr]

    shutil.rmtree(home / "runs" / prepared.run / "results", ignore_errors=True)
    shutil.rmtree(home / "runs" / again / "results", ignore_errors=True)
    assert preferred() == again, "the newer of two that were not probed"
    probe = home / "runs" / prepared.run / "results" / "probe-abc.json"
    probe.parent.mkdir()
    probe.write_text("{}")
    assert preferred() == preferred("texts") == prepared.run


def test_a_list_narrowed_to_nothing_says_so_and_enter_takes_nothing(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        before = host.workspace.run
        await host.press("o", "q", "q", "enter")
        assert NO_MATCH in host.screen()
        await host.press("backspace", "backspace")
        assert NO_MATCH not in host.screen()
        assert "2 labels, probed" in host.screen()
        await host.press("escape")
        assert host.workspace.run == before

    run(scenario, home)


def test_a_run_without_labels_says_why_it_cannot_be_probed(home: Path) -> None:
    plain = next(r.run_id for r in list_runs(Home(home)) if r.dataset == "plain")

    async def scenario(host: Hosted) -> None:
        assert "nothing to tell apart" in host.line("#probe-title")
        assert "o opens another run" in host.line("#probe-title")
        for key in ("x", "f"):
            await host.press(key)
        assert sum("r runs the probe first" in said for said in host.app.said) == 2
        assert host.workspace.claim == ""

    run(scenario, home, run=plain)


@pytest.mark.parametrize("size", SIZES)
def test_the_curve_stands_beside_its_controls_with_what_it_rests_on(
    home: Path, size: tuple[int, int]
) -> None:
    async def scenario(host: Hosted) -> None:
        screen = host.screen()
        for said in (
            *("bag of words", "length only", "norm only", "untrained twin", "shuffled"),
            *("95 % interval", "over words", "within one SE", "AUROC", "chance .50"),
            *("n 60 texts", "6 topics held out whole", "not controlled:", "press f"),
        ):
            assert said in screen, said
        notes = host.line("#probe-best").split("\n")
        assert notes[-1].startswith("not controlled:"), "the last line under the chart"
        chart, notes_at = (host.pane.query_one(s) for s in ("#probe-chart", "#probe-best"))
        assert chart.region.bottom == notes_at.region.y
        assert all(cell_len(line) == size[0] for line in screen.split("\n"))

    run(scenario, home, size=size)


def test_over_words_is_the_difference_of_the_two_curves(home: Path, prepared: Prepared) -> None:
    async def scenario(host: Hosted) -> None:
        result = host.workspace.probe.result
        curves = Curves.of(result)
        words = curves.at("bag of words", None, "accuracy")
        for layer in curves.layers:
            probe, over = curves.at("probe", layer, "accuracy"), curves.over_words(layer)
            assert probe is not None
            assert words is not None
            assert over is not None
            assert over.value == pytest.approx(probe.value - words.value, abs=1e-9)
        chart = host.pane.query_one("#probe-chart", LayerChart)
        chart.move_to(0)
        await host.settled()
        assert curves.over_words(0).difference in host.line("#probe-best")  # type: ignore[union-attr]
        assert host.line("#probe-best").startswith("▲ 0")

    run(scenario, home, run=prepared.run)


def test_metric_controls_layers_and_pin(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        chart = host.pane.query_one("#probe-chart", LayerChart)
        table = host.pane.query_one("#probe-table", VirtualTable)
        await host.press("m")
        assert host.line("#probe-title").startswith("AUROC by layer")
        assert "shuffled ." not in host.screen(), "the band is of accuracy"
        await host.press("m", "c")
        assert "bag of words" not in host.screen()
        await host.press("c")
        assert "bag of words" in host.screen()
        chart.focus()
        chart.move_to(0)
        await host.press("right_square_bracket")
        assert chart.cursor_layer == 1 == table.cursor
        await host.press("left_square_bracket", "enter")
        assert host.workspace.layer == 0
        assert any("layer 0 is used in every pane" in said for said in host.app.said)
        assert host.pane._shown_rows[0][0] in ("0▲", "0*▲")
        assert host.line("#probe-best").split("   ")[0].endswith("pinned")
        table.focus()
        await host.press("end", "enter")
        assert host.workspace.layer == 2 == chart.cursor_layer

    run(scenario, home)


def test_the_band_of_shuffled_labels_fills_in_layer_by_layer(
    home: Path, prepared: Prepared
) -> None:
    shutil.rmtree(home / "runs" / prepared.run / "results")

    async def scenario(host: Hosted) -> None:
        assert "not probed yet: r" in host.line("#probe-title")
        seen: list[tuple[str, ...]] = []
        add = Curves.add

        def watched(self: Curves, name: str, layer: int | None, *values: object) -> None:
            add(self, name, layer, *values)
            if host.workspace.probe is None:
                drawn = host.pane._curves.series("accuracy")
                seen.append(tuple(s.name for s in drawn if s.low or s.points or s.flat is not None))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Curves, "add", watched)
            await host.press("r")
        live = {name for names in seen for name in names}
        assert {"probe", "shuffled", "bag of words", "length only", "untrained twin"} <= live
        first = next(names for names in seen if "probe" in names)
        assert "untrained twin" not in first, "one after the other"
        assert "filling in" not in host.line("#probe-title")

    run(scenario, home)


def test_a_layer_becomes_a_claim_and_its_verdict_is_shown(home: Path, prepared: Prepared) -> None:
    async def scenario(host: Hosted) -> None:
        chart = host.pane.query_one("#probe-chart", LayerChart)
        chart.move_to(1)
        claims: list[str] = []
        host.app.go_to = claims.append  # type: ignore[method-assign, assignment]
        await host.press("f")
        assert claims == ["audit"]
        assert (host.workspace.claim, host.workspace.layer) == ("probe", 1)
        record = {
            "id": "F1",
            "title": "a probe",
            "kind": "probe",
            "verdict": {"word": "REFUTED-AS-WORDED"},
            "subject": {"run": prepared.run, "layer": 1},
        }
        save_finding(Home(home), record)
        save_finding(Home(home), record | {"id": "F2", "subject": {"run": "other", "layer": 1}})
        *_, done = findings_job(Home(home), prepared.run)
        assert [(f.id, f.layer) for f in done.value] == [("F1", 1)]  # type: ignore[union-attr, attr-defined]
        host.pane.on_show()
        await host.settled()
        assert "audited: F1 REFUTED-AS-WORDED" in host.line("#probe-best")
        chart.move_to(2)
        await host.settled()
        assert "not yet audited: press f" in host.line("#probe-best")

    run(scenario, home)


def test_a_probe_made_by_a_command_meanwhile_is_found(home: Path, prepared: Prepared) -> None:
    results = home / "runs" / prepared.run / "results"
    results.rename(home / "aside")

    async def scenario(host: Hosted) -> None:
        assert "not probed yet" in host.line("#probe-title")
        assert host.workspace.probe is None
        await host.press("1")
        (home / "aside").rename(results)
        await host.press("2")
        assert host.workspace.probe is not None
        assert "balanced accuracy by layer" in host.line("#probe-title")

    run(scenario, home, run=prepared.run)


def test_export_writes_pictures_and_numbers(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("x")
        assert any(said.startswith("written: ") for said in host.app.said)

    run(scenario, home)
    files = {p.suffix: p for p in (home / "reports").iterdir()}
    assert set(files) == {".svg", ".png", ".csv"}
    assert "not controlled" in files[".svg"].read_text()
    assert files[".png"].read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader(files[".csv"].read_text().splitlines()))
    assert {row["curve"] for row in rows} >= {"probe", "bag of words", "shuffled labels"}


def test_curves_are_told_apart_without_colours() -> None:
    """By their dashes, as far as the legend shows them, and by name."""
    shown = {name: sample(DASHES[dash], SAMPLE) for name, dash in LOOKS.items()}
    assert len(set(shown.values())) == len(shown)
    assert set(HUES) == set(LOOKS) - {"probe"}
    assert set(BANDED) <= set(LOOKS)


def test_results_of_before_the_difference_was_computed_are_shown_without_it(
    home: Path, prepared: Prepared
) -> None:
    path = next((home / "runs" / prepared.run / "results").glob("probe-*.json"))
    value = read_json(path)
    del value["result"]["over_words"]
    curves = Curves.of(value["result"])
    assert curves.over_words(0) is None
    assert curves.rows("accuracy", best=0, pinned=None)[0][3] == ""


def test_a_part_is_never_broken_in_two() -> None:
    assert wrapped(["aaa", "bbb", "cc dd"], 10, gap="   ") == "aaa   bbb\ncc dd"
    assert wrapped([], 10) == ""
