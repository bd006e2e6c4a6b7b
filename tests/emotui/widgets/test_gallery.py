"""All widgets together, at the three sizes, in every theme and without colour."""

import asyncio

import pytest
from rich.color import ColorSystem
from textual.theme import Theme

from emotui.colors import BINS
from emotui.themes import THEMES, next_theme
from emotui.widgets.legend import Legend
from emotui.widgets.look import look_of
from tests.emotui.widgets.gallery import PAGES, Gallery
from tests.emotui.widgets.host import Host


@pytest.mark.parametrize(
    ("size", "no_color"),
    [((80, 24), False), ((80, 24), True), ((120, 40), False), ((200, 60), True)],
)
def test_every_page_is_drawn_to_its_edges(
    size: tuple[int, int], no_color: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")

    async def run() -> None:
        app = Gallery()
        app.animation_level = "none"
        async with app.run_test(size=size) as pilot:
            app.theme = THEMES[size[0] % 3].name
            for number, _page in enumerate(PAGES, start=1):
                await pilot.press(str(number))
                strips = app.screen._compositor.render_strips()
                assert len(strips) == size[1]
                for strip in strips:
                    assert strip.cell_length == size[0]
                    assert "\x1b" not in strip.text

    asyncio.run(run())


@pytest.mark.parametrize("theme", THEMES, ids=lambda t: t.name)
def test_bins_are_what_the_256_colour_palette_can_show(theme: Theme) -> None:
    """After rounding to the palette: all bins differ, plus stays red-dominant, minus blue."""

    async def run() -> None:
        legend = Legend()
        app = Host(legend)
        app.console._color_system = ColorSystem.EIGHT_BIT
        app.register_theme(theme)
        app.theme = theme.name
        async with app.run_test(size=(80, 3)):
            look = look_of(legend)
        seen = []
        for bin_ in range(-BINS, BINS + 1):
            behind = look.bin(bin_).bgcolor
            assert behind is not None
            shown = behind.downgrade(ColorSystem.EIGHT_BIT)
            red, _, blue = shown.get_truecolor()
            assert (red > blue) - (red < blue) == (bin_ > 0) - (bin_ < 0)
            seen.append(shown.number)
        assert len(set(seen)) == len(seen)

    asyncio.run(run())


def test_themes_go_round() -> None:
    name, seen = THEMES[0].name, []
    for _ in THEMES:
        seen.append(name)
        name = next_theme(name)
    assert name == THEMES[0].name
    assert len(set(seen)) == len(THEMES)
    assert next_theme("unknown") == THEMES[0].name
