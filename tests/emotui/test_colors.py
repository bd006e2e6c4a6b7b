import math

import pytest

from emotui.colors import XTERM, background, bin_of, css, ink, luminance, mode_of, paint, xterm_rgb


def test_bins_are_symmetric_shared_and_clipped():
    assert [bin_of(s, 2.0) for s in (-9, -2, -1, -0.2, 0, 0.2, 1, 2, 9)] == [
        -4, -4, -2, 0, 0, 0, 2, 4, 4,
    ]  # fmt: skip
    assert bin_of(math.nan, 1.0) == 0
    assert bin_of(1.0, 0.0) == 0


@pytest.mark.parametrize("paper", [(18, 18, 18), (255, 255, 255)])
def test_ink_is_readable_on_every_bin(paper: tuple[int, int, int]):
    for b in (-4, -3, -2, -1, 1, 2, 3, 4):
        behind = background(b, paper=paper)
        assert behind is not None
        light, dark = sorted((luminance(behind), luminance(ink(behind))), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_256_colours_keep_sign_and_order_apart():
    assert xterm_rgb(196) == (255, 0, 0)
    assert xterm_rgb(25) == (0, 95, 175)
    codes = [paint("x", b, "256").split("48;5;")[1].split("m")[0] for b in range(-4, 5) if b]
    colors = [xterm_rgb(int(code)) for code in codes]
    assert len(set(colors)) == 8
    assert all(blue > red for red, _, blue in colors[:4])
    assert all(red > blue for red, _, blue in colors[4:])
    strength = [luminance(c) for c in colors]
    assert strength[:4] == sorted(strength[:4], reverse=True)
    assert strength[4:] == sorted(strength[4:])


def test_ink_is_readable_on_every_one_of_the_256_colours_used():
    for bin_, code in XTERM.items():
        behind = xterm_rgb(code)
        light, dark = sorted((luminance(behind), luminance(ink(behind))), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, bin_


@pytest.mark.parametrize(
    ("env", "tty", "mode"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, True, "truecolor"),
        ({"TERM": "xterm-256color"}, True, "256"),
        ({"TERM": "tmux"}, True, "256"),
        ({"TERM": "xterm"}, True, "attributes"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, True, "attributes"),
        ({"TERM": "dumb"}, True, "plain"),
        ({"TERM": "xterm-256color"}, False, "plain"),
    ],
)
def test_mode_follows_the_terminal(env: dict[str, str], tty: bool, mode: str):
    assert mode_of(env, is_terminal=tty) == mode


def test_paint_in_every_mode():
    assert paint("x", 4, "plain") == "x"
    assert paint("x", 0, "truecolor") == "x"
    assert paint("x", 4, "attributes") == "\x1b[4mx\x1b[0m"
    assert paint("x", -4, "attributes") == "\x1b[2mx\x1b[0m"
    assert "48;2;213;94;0" in paint("x", 4, "truecolor")
    assert "48;2;0;114;178" in paint("x", -4, "truecolor")
    assert "48;5;" in paint("x", 4, "256")
    assert css(0) == ""
    assert "#d55e00" in css(4)
