"""The slider: steps, the stop at zero, typed values, the window and the track's honesty."""

import pytest

from emotui.widgets.slider import AlphaSlider
from tests.emotui.widgets.host import Host, lines, play, segments


def test_steps_are_exact_and_stay_in_the_range() -> None:
    slider = AlphaSlider()

    async def scenario(app: Host) -> None:
        await app.pilot.press(*["right"] * 6)
        assert slider.value == 0.06
        await app.pilot.press("shift+right")
        assert slider.value == 0.16
        await app.pilot.press("shift+right")
        assert slider.value == 0.2
        await app.pilot.press("right")
        await app.pilot.pause()
        assert slider.value == 0.2
        values = [m.value for m in app.heard if isinstance(m, AlphaSlider.AlphaChanged)]
        assert values == [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.16, 0.2]

    play(slider, scenario, size=(100, 1))


def test_a_long_step_stops_at_zero_before_it_crosses() -> None:
    slider = AlphaSlider(value=0.04)

    async def scenario(app: Host) -> None:
        await app.pilot.press("shift+left")
        assert slider.value == 0
        await app.pilot.press("shift+left")
        assert slider.value == -0.1
        await app.pilot.press("0")
        assert slider.value == 0

    play(slider, scenario, size=(100, 1))


def test_values_are_typed_and_wrong_ones_refused_with_what_is_allowed() -> None:
    slider = AlphaSlider()

    async def scenario(app: Host) -> None:
        await app.pilot.press("minus", "full_stop", "0", "6", "3", "enter")
        assert slider.value == -0.063
        await app.pilot.press("full_stop", "9", "enter")
        assert slider.value == -0.063
        assert "allowed −.20 … +.20" in lines(slider)[0]
        await app.pilot.press("backspace", "1", "enter")
        assert slider.value == 0.1
        await app.pilot.press("plus", "full_stop", "1", "escape")
        assert slider.value == 0.1
        await app.pilot.press("minus", "minus", "enter")
        assert "not a number" in lines(slider)[0]

    play(slider, scenario, size=(100, 1))


def test_the_track_marks_window_zero_and_knob_at_every_width() -> None:
    slider = AlphaSlider(value=0.06)

    async def scenario(app: Host) -> None:
        slider.set_window((-0.11, 0.13))
        wide = lines(slider)[0]
        assert wide.count("╎") == 2
        assert wide.index("╎") < wide.index("┼") < wide.index("●") < wide.rindex("╎")
        assert "+.060" in wide
        assert "coherent −.11 … +.13" in wide
        slider.set_value(0.19)
        assert "OUTSIDE coherent" in lines(slider)[0]
        for width in (30, 50, 80, 100, 150):
            await app.pilot.resize_terminal(width, 3)
            await app.pilot.pause()
            assert slider.render_line(0).cell_length == width
            assert "●" in lines(slider)[0]
            assert "+.190" in lines(slider)[0]

    play(slider, scenario, size=(120, 1))


def test_the_knob_is_never_drawn_on_zero_unless_alpha_is_zero() -> None:
    slider = AlphaSlider(value=0.001)

    async def scenario(_app: Host) -> None:
        text = lines(slider)[0]
        assert text.index("┼") < text.index("●")
        slider.set_value(-0.001)
        text = lines(slider)[0]
        assert text.index("●") < text.index("┼")
        slider.set_value(0)
        assert "◆" in lines(slider)[0]
        assert "┼" not in lines(slider)[0]

    play(slider, scenario, size=(40, 1))


def test_a_click_sets_the_value_on_a_step() -> None:
    slider = AlphaSlider()

    async def scenario(app: Host) -> None:
        start, track = slider._track_at
        await app.pilot.click(AlphaSlider, offset=(start + track - 1, 0))
        assert slider.value == 0.2
        await app.pilot.click(AlphaSlider, offset=(start + track // 2, 0))
        assert slider.value == 0

    play(slider, scenario, size=(100, 1))


@pytest.mark.parametrize("given", [(0.1, 0.2, 0.01), (-0.2, 0.2, 0.0), (0.0, 0.0, 0.01)])
def test_a_range_without_zero_or_without_steps_is_refused(
    given: tuple[float, float, float],
) -> None:
    low, high, step = given
    with pytest.raises(ValueError, match="it must hold 0"):
        AlphaSlider(low=low, high=high, step=step)


def test_outside_is_said_where_the_window_has_no_room() -> None:
    slider = AlphaSlider(label="a feeling witho… α", low=-0.5, high=0.5, value=0.22)

    async def scenario(app: Host) -> None:
        slider.set_window((-0.11, 0.11))
        await app.pilot.pause()
        assert "coherent" not in lines(slider)[0]
        assert lines(slider)[0].endswith("+.220  OUTSIDE")
        slider.set_value(0.1)
        assert "OUTSIDE" not in lines(slider)[0]

    play(slider, scenario, size=(72, 1))


@pytest.mark.parametrize("colors", [True, False])
def test_the_label_says_which_slider_has_the_focus(colors: bool) -> None:
    slider = AlphaSlider(label="joyful α")

    async def scenario(app: Host) -> None:
        label = segments(slider, 0)[0]
        assert label.text == "joyful α"
        assert label.style is not None
        assert label.style.bold
        assert bool(label.style.reverse) is not colors
        app.set_focus(None)
        await app.pilot.pause()
        label = segments(slider, 0)[0]
        assert label.style is not None
        assert not label.style.bold
        assert not label.style.reverse

    play(slider, scenario, colors=colors)
