"""The Vectors pane on sets of a tiny real model: every action, numbers beside `vectors` itself."""

import asyncio
import csv
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

from emotui.jobs.atlas import atlas_job, read_ratings
from emotui.jobs.atlas_spec import Atlas, AtlasRequest
from emotui.jobs.sets import open_set
from store.layout import Home
from store.vectorsets import save_vectors
from tests.emotui.conftest import Prepared
from tests.emotui.panes.host import Hosted, hosting
from vectors.comparison import compare
from vectors.directions import DirectionSet
from vectors.errors import DirectionError

Scenario = Callable[[Hosted], Awaitable[None]]
SIX = ("joyful", "calm", "sad", "angry", "afraid", "bored")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared, vectors: str) -> Path:
    """A data directory of its own with the built set and one of six planted directions."""
    place = tmp_path_factory.mktemp("vectors-pane")
    both = open_set(Home(prepared.home), vectors)
    save_vectors(Home(place), "both", both.arrays(), both.meta())
    planted = _planted(both)
    save_vectors(Home(place), "six", planted.arrays(), planted.meta())
    return place


def _planted(both: DirectionSet) -> DirectionSet:
    """Six directions on a circle of the first two axes: valence along x, arousal along y."""
    angles = np.deg2rad([20, -30, 200, 140, 110, 250])
    n_layers, width = both.unit.shape[1:]
    unit = np.zeros((6, n_layers, width), dtype=np.float32)
    unit[..., 0] = np.cos(angles)[:, None]
    unit[..., 1] = np.sin(angles)[:, None]
    per = np.ones((6, n_layers), dtype=np.float32)
    arrays = both.arrays() | {
        "unit": unit,
        "raw": unit * 2,
        "norm": per * 2,
        "kept": per,
        "n": np.full(6, 30),
        "split_half": per * 0.9,
    }
    for name in ("neutral_mean", "neutral_sd"):
        arrays.pop(name, None)
    return DirectionSet.from_parts(arrays, both.meta() | {"labels": list(SIX)})


def run(scenario: Scenario, home: Path, **chosen: object) -> None:
    """One scenario on the pane."""

    async def go() -> None:
        async with hosting(home, "vectors", **({"vectors": "six"} | chosen)) as host:  # type: ignore[arg-type]
            await scenario(host)

    asyncio.run(go())


def test_list_provenance_and_table(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        screen = host.screen()
        for said in ("both", "six", "expression", "split-half", "joyful", "+.90"):
            assert said in screen
        about = host.line("#vectors-about")
        for said in ("six: 6 emotions", "mean-difference", "removed"):
            assert said in about
        atlas = host.pane.atlas
        assert len(atlas.rows) == 6
        host.pane.query_one("#vectors-sets").focus()
        await host.press("home", "enter")
        assert host.workspace.vectors == "both"
        assert [row.label for row in host.pane.atlas.rows] == ["joyful", "sad"]

    run(scenario, home)


def test_heat_map_is_the_cosines_in_cluster_order(home: Path) -> None:
    six = open_set(Home(home), "six")

    async def scenario(host: Hosted) -> None:
        await host.press("h")
        heat = host.pane.query_one("HeatMap")
        assert heat.has_focus
        atlas, layer = host.pane.atlas, host.pane.atlas.layer
        at = six.layer_index(layer)
        shown = np.array(heat._values)
        order = list(atlas.order)
        want = six.unit[order, at] @ six.unit[order, at].T
        assert shown == pytest.approx(want, abs=1e-5)
        assert order != list(range(6)), "ordered by likeness"
        neighbours = [shown[i, i + 1] for i in range(5)]
        assert np.mean(neighbours) > np.mean(shown[~np.eye(6, dtype=bool)])
        await host.press("down")
        assert host.pane.emotion == atlas.rows[order[heat.cursor[0]]].label

    run(scenario, home)


def test_plane_and_ratings(home: Path, tmp_path: Path) -> None:
    ratings = tmp_path / "ratings.csv"
    six = open_set(Home(home), "six")
    with ratings.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["emotion", "valence", "arousal", "constant"])
        for label, place in zip(SIX, six.unit[:, 0], strict=True):
            writer.writerow([label, float(place[0]), float(place[1]), 1])

    async def scenario(host: Hosted) -> None:
        await host.press("p")
        assert "no ratings" in host.line("#vectors-plane-note")
        await host.press("v")
        await host.answer(str(tmp_path / "none.csv"))
        assert "not a file" in host.line("#hint")
        await host.answer(str(ratings))
        found = {(c.rating, c.axis): c.r for c in host.pane.atlas.correlations}
        best = max(abs(found["valence", 0]), abs(found["valence", 1]))
        assert best > 0.8, "the planted axis is found"
        note = host.line("#vectors-plane-note")
        assert "r with valence, n 6" in note
        assert "constant" in note, "a column that cannot be correlated is named"
        assert "PC2" in note
        assert note.count("PC3") == 1, "its share, but no correlation: it is not on the plane"
        assert "left out valence" not in note
        await host.press("right")
        assert host.pane.query_one("Scatter").point.label == host.pane.emotion
        at = host.pane.emotion
        await host.press("left")
        assert host.pane.emotion != at
        await asyncio.sleep(0.2)
        moves: list[str] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(host.pane, "go_to_emotion", moves.append)
            await asyncio.sleep(0.2)
        assert not moves, "the cursors have come to rest"
        await host.press("P", "enter")
        assert host.pane.view == "plane"

    run(scenario, home)


def test_layer_keys_change_the_workspace(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        before = host.pane.atlas.layer
        await host.press("left_square_bracket")
        assert host.workspace.layer == host.pane.atlas.layer == before - 1
        await host.press("right_square_bracket")
        assert host.pane.atlas.layer == before

    run(scenario, home)


def test_emotion_dialog_and_lens(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("e")
        await host.type("sad")
        await host.press("enter")
        assert host.workspace.emotion == "sad" == host.pane.emotion
        assert "loads a model" in host.line("#vectors-lens"), "browsing loads nothing"
        await host.press("enter")
        lens = host.line("#vectors-lens")
        assert "promotes" in lens
        assert "suppresses" in lens
        await host.press("up")
        await host.pilot.pause(0.4)
        await host.settled()
        assert "joyful" in host.line("#vectors-lens"), "once a model is there the lens follows"

    run(scenario, home, vectors="both")


def test_compare_two(home: Path) -> None:
    six = open_set(Home(home), "six")
    found = compare(six, "joyful", six, "calm")
    assert found.cosine == pytest.approx(np.full(len(six.layers), np.cos(np.deg2rad(50))), abs=1e-5)
    assert found.null_sd == pytest.approx(six.d_model**-0.5)

    async def scenario(host: Hosted) -> None:
        await host.press("home", "c")
        assert any("first: six joyful" in said for said in host.app.said)
        await host.press("j", "c")
        assert "cosine +.64" in host.line("#vectors-compare-note")
        assert host.pane.view == "compare"

    run(scenario, home)


def test_compare_refuses_other_spaces(home: Path) -> None:
    from dataclasses import replace

    six = open_set(Home(home), "six")
    other = replace(six, recipe=replace(six.recipe, revision="another"))
    with pytest.raises(DirectionError, match="revision"):
        compare(six, "joyful", other, "sad")


def test_algebra_saves_a_new_set(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("a")
        await host.answer("joyful - sad + calm")
        hint = host.line("#hint")
        assert "cosine at layer" in hint, "what it is like comes before its name"
        assert hint.index("joyful +") < hint.index("sad −")
        await host.answer("mix")
        assert host.workspace.vectors == "mix"
        assert host.pane.atlas.rows[0].label == "joyful - sad + calm"
        assert "mix" in host.screen()
        await host.press("p")
        assert "three emotions or more" in host.line("#vectors-plane-note")
        await host.choose(vectors="six")
        await host.press("a")
        await host.answer("joyful - gloomy")
        assert host.app.failed, "an unknown emotion is refused before a name is asked for"
        assert "gloomy" in host.app.failed[-1]
        assert "! in 'joyful - gloomy'" in host.line("#hint")
        assert host.app.focused.value == "joyful - gloomy", "the line is not lost"
        await host.answer("joyful - calm")
        assert "name of the new set" in host.screen()

    run(scenario, home)
    mixed, six = open_set(Home(home), "mix"), open_set(Home(home), "six")
    want = six.at("joyful", 1) - six.at("sad", 1) + six.at("calm", 1)
    assert mixed.unit[0, 1] == pytest.approx(want / np.linalg.norm(want), abs=1e-5)


def test_provenance_opens_whole(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("d")
        screen = host.screen()
        for said in ("hook blocks.{layer}.hook_resid_post", "quantisation none", "run "):
            assert said in screen
        await host.press("escape")

    run(scenario, home)


def test_the_first_set_is_shown_where_none_was_chosen(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        assert host.workspace.vectors == "both"
        assert host.pane.atlas is not None

    run(scenario, home, vectors="")


def test_the_pair_under_the_cursor_becomes_a_claim(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        pane = host.pane
        await host.press("h")
        heat = pane.query_one("HeatMap")
        heat.move_to(0, 0)
        await host.settled()
        assert host.workspace.pair == ("", ""), "an emotion with itself is no claim"
        await host.press("f")
        assert any("two different emotions" in said for said in host.app.said)
        assert host.workspace.claim == ""
        await host.press("right")
        labels = [pane.atlas.rows[i].label for i in pane.atlas.order]
        assert host.workspace.pair == (labels[0], labels[1])
        assert f"1 {labels[0]} × 2 {labels[1]}" in host.screen()
        await host.press("down", "down", "up", "left", "right")
        assert host.workspace.pair == ("", ""), "row and column moved to the same emotion"
        await host.press("down")
        claims: list[str] = []
        host.app.go_to = claims.append  # type: ignore[method-assign, assignment]
        await host.press("f")
        assert claims == ["audit"]
        assert host.workspace.claim == "cosine"
        assert host.workspace.pair == (labels[2], labels[1])

    run(scenario, home)


def test_export_of_the_vectors(home: Path, tmp_path: Path) -> None:
    async def scenario(host: Hosted) -> None:
        for name in ("v.safetensors", "v.npz", "v.gguf", "v.csv", "v.doc"):
            await host.press("x")
            await host.answer(str(tmp_path / name))
        assert {p.name for p in tmp_path.iterdir()} == {"v.safetensors", "v.npz", "v.gguf", "v.csv"}
        rows = list(csv.DictReader((tmp_path / "v.csv").read_text().splitlines()))
        assert [row["emotion"] for row in rows] == list(SIX)
        assert float(rows[0]["cosine joyful"]) == pytest.approx(1.0)
        assert "allowed" in host.app.failed[-1]

    run(scenario, home)


def test_export_of_each_chart_as_pictures_and_numbers(home: Path, tmp_path: Path) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("home", "c", "j", "c")
        for key, name in (("", "compare"), ("p", "plane"), ("h", "heat")):
            if key:
                await host.press(key)
            await host.press("x")
            await host.answer(str(tmp_path / name))
        reports = Home(home).reports
        await host.press("x", "enter")
        layer = host.pane.atlas.layer
        assert {p.name for p in reports.iterdir()} == {
            f"six-L{layer}-heat{ending}" for ending in (".svg", ".png", ".csv")
        }, "the proposed name writes all three"
        assert any("wrote " in said and ".png" in said for said in host.app.said)
        shutil.rmtree(reports)

    run(scenario, home)
    for name in ("compare", "plane", "heat"):
        svg = (tmp_path / f"{name}.svg").read_text()
        assert "not controlled" in svg, "the last line goes with the chart"
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert "sad" in (tmp_path / "plane.svg").read_text()
    numbers = list(csv.DictReader((tmp_path / "compare.csv").read_text().splitlines()))
    assert float(numbers[1]["cosine"]) == pytest.approx(np.cos(np.deg2rad(50)), abs=1e-5)


NASTY = (
    "\x1b[31mjoy\x1b[0m",
    "\x1b]52;c;aGVsbG8=\x07",
    "[bold red]sad[/]",
    "\u05e9\u05dc\u05d5\u05dd \u202eturned",
    "ze\u200bro\u0301",
    "\u65e5\u672c\u8a9e wide",
)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_labels_made_to_break_a_terminal_are_shown_as_symbols(
    home: Path, tmp_path: Path, size: tuple[int, int]
) -> None:
    six = open_set(Home(home), "six")
    odd = DirectionSet.from_parts(six.arrays(), six.meta() | {"labels": list(NASTY)})
    save_vectors(Home(tmp_path), "odd", odd.arrays(), odd.meta())

    async def go() -> None:
        async with hosting(tmp_path, "vectors", size=size, vectors="odd") as host:
            for keys in (("L",), ("c",), ("j", "c"), ("h", "right"), ("p", "right"), ("a",)):
                await host.press(*keys)
                lines = host.screen().split("\n")
                assert all(cell_len(line) == size[0] for line in lines), keys
                for hidden in "\x1b\x07\u200b\u202e":
                    assert hidden not in "\n".join(lines), keys
            await host.press("escape", "x")
            await host.answer(str(tmp_path / "odd"))
            assert not host.app.failed
            assert not any("\x1b" in said for said in host.app.said)

    asyncio.run(go())
    assert "\x1b" not in (tmp_path / "odd.svg").read_text()
    assert (tmp_path / "odd.png").stat().st_size > 1000


def test_a_broken_set_is_listed_with_its_reason(home: Path) -> None:
    broken = home / "vectors" / "broken"
    broken.mkdir()
    (broken / "meta.json").write_text("{", encoding="utf-8")

    async def scenario(host: Hosted) -> None:
        host.pane.query_one("#vectors-sets").focus()
        await host.press("down", "home", "down")
        names = [e.name for e in host.pane._entries]
        for _ in range(names.index("broken") - 1):
            await host.press("down")
        await host.press("enter")
        assert host.workspace.vectors == "six"
        assert any("cannot be read" in said for said in host.app.said)

    try:
        run(scenario, home)
    finally:
        (broken / "meta.json").unlink()
        broken.rmdir()


def test_ratings_file_that_is_no_table(tmp_path: Path) -> None:
    from emotui.errors import OptionError

    for content in ("", "emotion\njoyful\n", "emotion,v\njoyful,x\n"):
        path = tmp_path / "r.csv"
        path.write_text(content, encoding="utf-8")
        with pytest.raises(OptionError):
            read_ratings(path)


def test_narrow_shows_one_part_at_a_time(home: Path) -> None:
    async def go() -> None:
        async with hosting(home, "vectors", size=(80, 24), vectors="six") as host:
            left = host.pane.query_one("#vectors-left")
            assert left.display
            for key, part in (("h", "#vectors-heat"), ("p", "#vectors-plane")):
                await host.press(key)
                assert host.pane.query_one(part).display
                assert not left.display
            await host.press("L")
            assert left.display

    asyncio.run(go())


def test_atlas_of_the_command_line_set_is_the_same(prepared: Prepared, vectors: str) -> None:
    *_, done = atlas_job(Home(prepared.home), AtlasRequest(vectors, 1))
    atlas = done.value  # type: ignore[union-attr]
    assert isinstance(atlas, Atlas)
    both = open_set(Home(prepared.home), vectors)
    assert atlas.rows[0].norm == pytest.approx(float(both.norm[0, 1]))
    assert atlas.coordinates[0][0] == pytest.approx(-atlas.coordinates[1][0], abs=1e-5)
