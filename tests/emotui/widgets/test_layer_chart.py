"""The layer chart: curves where they belong, gaps as gaps, every width and any number of layers."""

import math

import pytest

from emotui.widgets.braille import Canvas, sample
from emotui.widgets.chart_grid import DASHES, Plot, Series, label_rows
from emotui.widgets.layer_chart import LayerChart
from tests.emotui.widgets.host import Host, lines, play


def test_a_rising_curve_goes_from_the_lower_left_to_the_upper_right() -> None:
    plot = Plot(tuple(range(10)), 0.0, 1.0, 20, 8)
    grid = plot.draw([Series("probe", main=True, points={n: n / 9 for n in range(10)})])
    first = [row for row in range(8) if grid[row][0].role == "main"]
    last = [row for row in range(8) if grid[row][-1].role == "main"]
    assert (first, last) == ([7], [0])


def test_a_nan_is_a_gap_and_a_lone_point_is_a_bullet() -> None:
    plot = Plot(tuple(range(9)), 0.0, 1.0, 18, 4)
    points = dict.fromkeys(range(9), 0.5) | {3: math.nan, 5: math.nan}
    grid = plot.draw([Series("probe", points=points)])
    columns = {c for row in grid for c in range(18) if row[c].text.strip()}
    assert not columns & set(range(plot.column(2) + 1, plot.column(4)))
    assert [c.text for row in grid for c in row].count("•") == 1
    whole = plot.draw([Series("probe", points=dict.fromkeys(range(9), 0.5))])
    assert {c for row in whole for c in range(18) if row[c].text.strip()} == set(range(18))


def test_the_band_lies_between_its_ends() -> None:
    plot = Plot((0, 1), 0.0, 1.0, 10, 10)
    one = Series("probe", points={0: 0.5, 1: 0.5}, low={0: 0.2, 1: 0.2}, high={0: 0.8, 1: 0.8})
    rows = {r for r, row in enumerate(plot.draw([one])) if any(c.banded for c in row)}
    assert rows == set(range(plot.row(0.8), plot.row(0.2) + 1))


def test_dash_patterns_differ_from_each_other() -> None:
    assert len({sample(dash, 6) for dash in DASHES.values()}) == len(DASHES)


def test_dots_outside_the_canvas_are_ignored() -> None:
    canvas = Canvas(2, 1)
    canvas.line(-5, -5, 50, 50)
    canvas.dot(3, 3)
    assert canvas.at(1, 0)


def test_labels_never_share_a_row() -> None:
    assert label_rows([5, 5, 5], 10) == [5, 6, 7]
    assert label_rows([9, 9, 0], 10) == [8, 9, 0]
    assert label_rows([0, 1, 2], 2) == [0, 1, None]


def _filled(layers: range) -> LayerChart:
    chart = LayerChart(layers)
    chart.set_series(Series("probe", main=True))
    chart.set_series(Series("bag of words", "dashed", flat=0.78))
    chart.set_series(Series("shuffled", flat_band=(0.03, 0.07)))
    chart.set_rests_on("n 3,000 · folds by topic")
    return chart


@pytest.mark.parametrize("width", [30, 63, 80, 150])
@pytest.mark.parametrize("n_layers", [1, 5, 80])
def test_every_width_and_depth_is_drawn_whole(width: int, n_layers: int) -> None:
    chart = _filled(range(n_layers))

    async def scenario(_app: Host) -> None:
        for n in range(n_layers):
            chart.set_point("probe", n, 0.4 + 0.5 * n / n_layers, low=0.3, high=0.95)
        text = lines(chart)
        assert all(chart.render_line(y).cell_length <= width for y in range(24))
        assert text[-1].startswith("n 3,000")
        joined = "\n".join(text)
        for name in ("probe", "bag of words", "shuffled"):
            assert name in joined
        assert "▲0" in joined
        assert ".40" in joined or ".50" in joined

    play(chart, scenario, size=(width, 24))


def test_it_fills_in_while_points_come() -> None:
    chart = _filled(range(12))

    async def scenario(app: Host) -> None:
        def dots() -> int:
            return sum("⠀" < c <= "⣿" for line in lines(chart) for c in line[6:40])

        counts = [dots()]
        for n in range(12):
            chart.set_point("probe", n, 0.3)
            await app.pilot.pause()
            counts.append(dots())
        assert counts == sorted(counts)
        assert counts[-1] > counts[0]
        chart.show_only(["probe"])
        assert "bag of words" not in "\n".join(lines(chart))

    play(chart, scenario, size=(80, 20))


def test_keys_move_and_pin_the_layer() -> None:
    chart = _filled(range(0, 12, 4))

    async def scenario(app: Host) -> None:
        await app.pilot.press("right_square_bracket", "right", "right")
        assert chart.cursor_layer == 8
        assert "▲8" in "\n".join(lines(chart))
        await app.pilot.press("left_square_bracket", "enter")
        await app.pilot.pause()
        pinned = app.last(LayerChart.LayerPinned)
        assert isinstance(pinned, LayerChart.LayerPinned)
        assert pinned.layer == 4

    play(chart, scenario, size=(80, 20))


def test_wrong_frames_and_dashes_are_refused() -> None:
    chart = LayerChart(range(3))
    with pytest.raises(ValueError, match="must be above"):
        chart.set_frame(range(3), y_from=1.0, y_to=1.0)
    with pytest.raises(KeyError, match="one of solid"):
        chart.set_series(Series("x", "wavy"))


def test_without_layers_it_says_so() -> None:
    chart = LayerChart()

    async def scenario(_app: Host) -> None:
        assert lines(chart)[0] == "no layers yet"

    play(chart, scenario)
