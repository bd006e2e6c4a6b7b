"""All widgets together, at the three sizes, in every theme and without colour."""

import asyncio

import pytest
from rich.color import Color, ColorSystem

from emotui.colors import BINS, background
from emotui.themes import THEMES, next_theme
from tests.emotui.widgets.gallery import PAGES, Gallery


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


@pytest.mark.parametrize("theme", [t.name for t in THEMES])
def test_neighbouring_bins_stay_apart_with_256_colours(theme: str) -> None:
    paper = {t.name: Color.parse(str(t.background)).triplet for t in THEMES}[theme]
    assert paper is not None
    seen = []
    for bin_ in range(-BINS, BINS + 1):
        rgb = background(bin_, paper=tuple(paper)) or tuple(paper)
        seen.append(Color.from_rgb(*rgb).downgrade(ColorSystem.EIGHT_BIT).number)
    signs = {"minus": set(seen[:BINS]), "plus": set(seen[BINS + 1 :])}
    assert not signs["minus"] & signs["plus"]
    assert seen[BINS] not in signs["minus"] | signs["plus"]
    assert len(set(seen)) >= 2 * BINS


def test_themes_go_round() -> None:
    name, seen = THEMES[0].name, []
    for _ in THEMES:
        seen.append(name)
        name = next_theme(name)
    assert name == THEMES[0].name
    assert len(set(seen)) == len(THEMES)
    assert next_theme("unknown") == THEMES[0].name
