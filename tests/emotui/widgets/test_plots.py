"""Heat map, scatter, bars, histogram, legend, meters and the job row: what they say is right."""

import math

import pytest
from rich.cells import cell_len
from textual.widget import Widget

from emotui.events import Progress
from emotui.jobbook import JobState
from emotui.widgets.bars import Bars, Histogram, bar
from emotui.widgets.cells import signed
from emotui.widgets.heat_map import HeatMap, tenths
from emotui.widgets.job_row import JobRow, Meter, duration, rate_text
from emotui.widgets.legend import Legend
from emotui.widgets.scatter import Point, Scatter
from tests.emotui.widgets.host import Host, lines, play

LABELS = [f"emotion{i}" for i in range(30)]
MATRIX = [[math.cos((i - j) / 5) for j in range(30)] for i in range(30)]


def test_cells_of_the_heat_map_say_sign_and_tenths() -> None:
    values = (0.83, -0.31, 1.0, 0.02, 1.7, math.nan)
    assert [tenths(v) for v in values] == ["+8", "−3", "+X", "·", "+>", "–"]


def test_the_heat_map_scrolls_with_the_cursor_and_names_the_pair() -> None:
    heat_map = HeatMap()

    async def scenario(app: Host) -> None:
        heat_map.set_matrix(MATRIX, LABELS)
        heat_map.move_to(18, 27)
        await app.pilot.press("right", "right", "right", "down", "down")
        await app.pilot.pause()
        assert heat_map.cursor == (20, 29)
        text = lines(heat_map)
        assert text[-1].startswith("21 emotion20 × 30 emotion29  cosine ")
        assert text[0].endswith("30")
        assert any(line.lstrip().startswith("21 emotion20") for line in text[1:-1])
        moved = app.last(HeatMap.CursorMoved)
        assert isinstance(moved, HeatMap.CursorMoved)
        assert moved.value == pytest.approx(MATRIX[20][29])
        heat_map.move_to(1, 1)
        await app.pilot.press("left", "left", "up", "up")
        assert heat_map.cursor == (0, 0)
        assert "emotion0" in lines(heat_map)[1]

    play(heat_map, scenario, size=(60, 12), colors=False)


def test_long_names_leave_the_pair_its_number() -> None:
    heat_map = HeatMap()

    async def scenario(app: Host) -> None:
        names = [f"a feeling without a name, number {i}, of many words" for i in range(len(LABELS))]
        heat_map.set_matrix(MATRIX, names)
        await app.pilot.pause()
        text = lines(heat_map)[-1]
        assert text.endswith(f"cosine {signed(MATRIX[0][0])}")
        assert text.count("…") == 2

    play(heat_map, scenario, size=(60, 12))


def test_cells_are_narrower_where_the_whole_map_fits_so() -> None:
    heat_map = HeatMap()

    async def scenario(app: Host) -> None:
        heat_map.set_matrix(MATRIX, LABELS)
        await app.pilot.pause()
        head = lines(heat_map)[0]
        assert head.split()[0] == "1", "the cursor's column always has its number"
        assert head.split()[-1] == "30"
        assert "2" not in head.split(), "the neighbour's would touch it"

    play(heat_map, scenario, size=(80, 12))


def test_a_map_that_was_hidden_begins_at_its_first_row() -> None:
    heat_map = HeatMap()

    async def scenario(app: Host) -> None:
        heat_map.display = False
        await app.pilot.pause()
        heat_map.set_matrix(MATRIX, LABELS)
        heat_map.move_to(20, 0)
        await app.pilot.pause()
        heat_map.display = True
        await app.pilot.pause()
        assert lines(heat_map)[1].lstrip().startswith("1 emotion0")

    play(heat_map, scenario, size=(100, 40))


def test_the_heat_map_refuses_labels_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="2 labels for a matrix of 1 rows"):
        HeatMap().set_matrix([[1.0]], ["a", "b"])


def test_points_stand_where_their_numbers_are() -> None:
    scatter = Scatter()

    async def scenario(app: Host) -> None:
        scatter.set_points(
            [
                Point("east", 2, 0),
                Point("west", -2, 0),
                Point("north", 0, 2),
                Point("nan", math.nan, 0),
            ],
            x_name="PC1 41 %",
            y_name="PC2 17 %",
        )
        text = lines(scatter)
        joined = "\n".join(text)
        assert "nan" not in joined
        row = next(i for i, line in enumerate(text) if "east" in line)
        assert text[row].index("west") < text[row].index("east")
        assert next(i for i, line in enumerate(text) if "north" in line) < row
        assert text[-1].startswith("west  −2.00 0")
        await app.pilot.press("right", "right")
        assert scatter.point is not None
        assert scatter.point.label == "east"
        scatter.select("north")
        assert scatter.point.label == "north"

    play(scatter, scenario, size=(60, 16))


def test_a_label_goes_above_or_below_where_both_sides_are_taken() -> None:
    scatter = Scatter()

    async def scenario(_app: Host) -> None:
        places = [("aaaa", -0.25), ("bbbb", 0.0), ("cccc", 0.25), ("end", 3.0), ("start", -3.0)]
        points = [Point(name, x, 0.0) for name, x in places]
        scatter.set_points([*points, Point("top", 0, 1), Point("low", 0, -1)], x_name="", y_name="")
        text = lines(scatter)
        assert all(any(name in line for line in text[:-1]) for name, _ in places)
        row = next(i for i, line in enumerate(text) if line.count("•") > 2)
        assert "bbbb" not in text[row]

    play(scatter, scenario, size=(60, 12))


def test_many_points_and_wide_labels_keep_the_rows_straight() -> None:
    scatter = Scatter()
    points = [Point(f"日本{i}", math.sin(i * 1.7), math.cos(i * 2.3)) for i in range(171)]

    async def scenario(_app: Host) -> None:
        scatter.set_points(points, x_name="a", y_name="b")
        for y, line in enumerate(lines(scatter)):
            assert cell_len(line) <= 60, y
            assert sum(cell_len(s.text) for s in scatter.render_line(y)) == 60

    play(scatter, scenario, size=(60, 20))


def test_bars_are_as_long_as_their_share() -> None:
    assert bar(1.0, 8) == "█" * 8
    assert bar(0.5, 8) == "████    "
    assert bar(0.0, 4) == "    "
    assert bar(1e-9, 4).strip() != ""
    assert len(bar(0.33, 10)) == 10


def test_a_long_list_of_bars_counts_what_it_leaves_out() -> None:
    bars = Bars()

    async def scenario(_app: Host) -> None:
        bars.set_items([(f"label{i}", 10.0) for i in range(12)])
        text = lines(bars)
        assert text[0].startswith("label0")
        assert text[-1] == "… 8 more, 80 in all"

    play(bars, scenario, size=(30, 5))


def test_the_histogram_is_highest_where_the_counts_are() -> None:
    histogram = Histogram(unit="tokens")

    async def scenario(_app: Host) -> None:
        histogram.set_counts([0, 10, 20, 30, 40], [1, 2, 8, 1])
        text = lines(histogram)
        assert text[-1].startswith("0")
        assert text[-1].endswith("40 tokens")
        full = [i for i, c in enumerate(text[0]) if c == "█"]
        assert full
        assert all(20 <= i < 30 for i in full)
        with pytest.raises(ValueError, match="one edge more"):
            histogram.set_counts([0, 1], [1, 2])

    play(histogram, scenario, size=(40, 8))


def test_the_legend_names_both_ends_and_the_signs_without_colour() -> None:
    legend = Legend()

    async def scenario(_app: Host) -> None:
        legend.show(0.31, "cosine · joyful")
        text = lines(legend)[0]
        assert text.startswith("−.31 −−−− 0 ++++ +.31")
        assert "dim −, underline +" in text

    play(legend, scenario, size=(100, 1), colors=False)


def test_the_job_row_says_how_far_how_fast_and_how_long() -> None:
    row = JobRow()
    job = JobState(1, "extract demo", "running", Progress(1200, 3000, "texts", 40.0, "extract"))

    async def scenario(_app: Host) -> None:
        row.show(job, waiting=2)
        text = lines(row)[0]
        assert "1,200/3,000 texts · 45 s left · 40 texts/s" in text
        assert "+2 waiting" in text
        assert "extract demo" in text
        row.show(JobState(2, "probe", "failed", error="IndexError: no layer 40"))
        assert lines(row)[0].startswith(" ✗ probe")
        assert lines(row)[0].endswith("no layer 40")
        row.show(JobState(2, "probe of a run", "failed", error="a reason that goes on " * 9))
        assert lines(row)[0].startswith(" ✗ probe of a run ")
        assert lines(row)[0].endswith("…"), "cut, and it says so"
        row.show(None)
        assert lines(row)[0] == " idle"

    play(row, scenario, size=(110, 1))


def test_the_job_row_keeps_name_bar_and_time_on_a_narrow_screen() -> None:
    row = JobRow()
    job = JobState(1, "extract demo", "running", Progress(1200, 3000, "texts", 40.0, "extract"))

    async def scenario(_app: Host) -> None:
        row.show(job)
        text = lines(row)[0]
        assert "extract demo" in text
        assert "▕" in text
        assert "45 s left" in text
        assert row.render_line(0).cell_length == 70

    play(row, scenario, size=(70, 1))


def test_times_and_rates_are_readable() -> None:
    assert [duration(s) for s in (42, 185, 3729)] == ["42 s", "3:05", "1:02:09"]
    assert rate_text(42, "texts") == "42 texts/s"
    assert rate_text(0.125, "layers") == "8.0 s a layer"


def test_a_meter_warns_in_text() -> None:
    meter = Meter("KL₁", top=2.0, warn_above=1.0)

    async def scenario(_app: Host) -> None:
        meter.show(0.5)
        assert lines(meter)[0].startswith("KL₁ 0.50 ")
        assert "!" not in lines(meter)[0]
        meter.show(1.2)
        assert lines(meter)[0].startswith("KL₁ 1.20 !")
        meter.show(math.nan)
        assert lines(meter)[0].startswith("KL₁ –")

    play(meter, scenario, size=(60, 1))


@pytest.mark.parametrize("widget", [Bars, Histogram, HeatMap, Scatter, Legend, JobRow])
def test_nothing_to_show_is_said(widget: type[Widget]) -> None:
    one = widget()

    async def scenario(_app: Host) -> None:
        assert lines(one)[0]

    play(one, scenario)
