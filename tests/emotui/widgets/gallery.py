"""Every widget on screen with made-up content, to be looked at: `python -m
tests.emotui.widgets.gallery [PAGE]`, pages 1 to 5, F2 for the next theme.

`--svg FOLDER WIDTH HEIGHT` writes one SVG per page instead. The numbers are shapes, not results.
"""

import asyncio
import math
import os
import random
import sys
from pathlib import Path
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import ContentSwitcher, Static

from emotui.events import Progress
from emotui.jobbook import JobState
from emotui.themes import THEMES, next_theme
from emotui.widgets.bars import Bars, Histogram
from emotui.widgets.cells import signed
from emotui.widgets.chart_grid import Series
from emotui.widgets.heat_map import HeatMap
from emotui.widgets.job_row import JobRow, Meter
from emotui.widgets.layer_chart import LayerChart
from emotui.widgets.legend import Legend
from emotui.widgets.scatter import Point, Scatter
from emotui.widgets.slider import AlphaSlider
from emotui.widgets.table import Column, VirtualTable
from emotui.widgets.token_view import TokenView

PAGES = ("tokens", "probes", "vectors", "data", "steer")
_WORDS = (
    "joyful calm proud grateful hopeful loving amused surprised curious bored sad lonely "
    "ashamed guilty afraid nervous angry disgusted jealous desperate"
)
EMOTIONS = tuple(_WORDS.split())
STRANGE = ["\x1b[31mred", "\x1b]52;c;aGk=\x07", " [b]markup[/b]", " שלום", "\u202eabc", "a\u200bb"]
TEXT = (
    "The gate stood open and the yard behind it lay in the first sun. She had not slept, and yet "
    "she laughed when the dog came running, wet to the ears, and put both paws on her coat.\n\n"
    "Nobody had told him. He read the letter twice, folded it along its old creases and stayed "
    "at the window until the street lamps went out one after another. "
)


def pieces(n: int) -> list[str]:
    """About n tokens of prose, with strange ones among the first."""
    words = _split(TEXT)
    out = ["<s>", *words[:12], *STRANGE, " 日本語", "の", " cafe\u0301", "", "\t", " 👩\u200d🚀"]
    while len(out) < n:
        out += words
    return out[:n]


def _split(text: str) -> list[str]:
    out, word = [], ""
    for character in text:
        if character in " \n.,":
            if word:
                out.append(word)
            word = character if character == " " else ""
            if character != " ":
                out.append(character)
        else:
            word += character
    return [*out, word] if word.strip() else out


def waves(n: int, *, seed: int = 0) -> list[float]:
    """Scores that vary as scores along a text do."""
    rng, value, out = random.Random(seed), 0.0, []
    for _ in range(n):
        value = 0.75 * value + rng.gauss(0, 0.12)
        out.append(value)
    return out


def cosines() -> list[list[float]]:
    """A symmetric matrix with two blocks."""
    rng = random.Random(1)
    n = len(EMOTIONS)
    angle = [(-0.9 if i < 9 else 0.9) + rng.gauss(0, 0.35) for i in range(n)]
    return [[math.cos(angle[i] - angle[j]) for j in range(n)] for i in range(n)]


class Gallery(App[None]):
    """Pages of widgets."""

    CSS = """
    Screen { layout: vertical; }
    ContentSwitcher { height: 1fr; }
    #side { width: 36; }
    #tokens-value, #vectors-value { height: 1; }
    .half { width: 1fr; }
    """
    BINDINGS: ClassVar = [
        *(Binding(str(i), f"page('{p}')", p) for i, p in enumerate(PAGES, start=1)),
        Binding("f2", "next_theme", "theme"),
    ]

    def __init__(self, page: str = "tokens", *, live: bool = False) -> None:
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self._page, self._live = page, live

    def compose(self) -> ComposeResult:
        with ContentSwitcher(initial=self._page):
            with Vertical(id="tokens"):
                yield TokenView(pieces(2000))
                yield Static(id="tokens-value", markup=False)
                yield Legend()
            with Vertical(id="probes"):
                yield LayerChart()
            with Vertical(id="vectors"), Horizontal():
                yield HeatMap(classes="half")
                yield Scatter(classes="half")
            with Horizontal(id="data"):
                yield VirtualTable(
                    [
                        Column("row", 7, "right"),
                        Column("label", 10),
                        Column("text"),
                        Column("marks", 5),
                    ]
                )
                with Vertical(id="side"):
                    yield Bars()
                    yield Histogram(unit="tokens")
            with Vertical(id="steer"):
                yield AlphaSlider()
                yield AlphaSlider(label="joyful α", low=-0.5, high=0.5, value=0.063, id="second")
                for name, top, warn in (("dose", 0.3, None), ("KL₁", 2.0, 1.0), ("NLL", 6.0, 4.0)):
                    yield Meter(name, top=top, warn_above=warn, classes="meter")
                yield JobRow()
                yield JobRow(id="failed")
                yield JobRow(id="idle")

    def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name
        self.query_one(TokenView).set_scores(waves(2000), scale=0.31)
        self.query_one(Legend).show(0.31, "cosine · joyful, sad, afraid · one scale · z on neutral")
        self._fill_chart(self.query_one(LayerChart))
        self.query_one(HeatMap).set_matrix(cosines(), EMOTIONS)
        rng = random.Random(4)
        points = [
            Point(e, rng.gauss(0, 1) + (i < 9) * 2, rng.gauss(0, 1)) for i, e in enumerate(EMOTIONS)
        ]
        self.query_one(Scatter).set_points(points, x_name="PC1 41 %", y_name="PC2 17 %")
        table = self.query_one(VirtualTable)
        table.set_rows(250_000, _rows)
        table.set_hits(range(3, 250_000, 7))
        self.query_one(Bars).set_items([(e, 150 - 6 * i) for i, e in enumerate(EMOTIONS)])
        counts = [int(900 * math.exp(-(((i - 11) / 6) ** 2))) for i in range(36)]
        self.query_one(Histogram).set_counts([i * 14.0 for i in range(37)], counts)
        self.query_one("AlphaSlider", AlphaSlider).set_window((-0.11, 0.13))
        self.query_one("AlphaSlider", AlphaSlider).set_value(0.06)
        for meter, value in zip(self.query(Meter), (0.06, 1.18, None), strict=True):
            meter.show(value)
        rows = list(self.query(JobRow))
        progress = Progress(1212, 3000, "texts", 42.0, "extract")
        rows[0].show(JobState(1, "extract pythia-6.9b", "running", progress), waiting=3)
        rows[1].show(JobState(2, "probe", "failed", error="IndexError: layer 40 of 32"))
        rows[2].show(None)
        self._focus_page()

    def _fill_chart(self, chart: LayerChart) -> None:
        layers = range(32)
        chart.set_frame(layers, y_from=0.0, y_to=1.0)
        chart.set_series(Series("probe", main=True))
        chart.set_series(Series("bag of words", "dashed", flat=0.78))
        chart.set_series(Series("untrained twin", "dotted"))
        chart.set_series(Series("length only", "fine", flat=0.21))
        chart.set_series(Series("shuffled", flat_band=(0.03, 0.07)))
        for n in layers:
            value = 0.3 + 0.57 * math.exp(-(((n - 21) / 9) ** 2))
            if n != 12:
                chart.set_point("probe", n, value, low=value - 0.06, high=value + 0.05)
            chart.set_point("untrained twin", n, 0.34 - 0.002 * n)
        chart.set_rests_on(
            "balanced accuracy · 20 emotions · n 3,000 · folds by topic · 95 % interval over topics"
        )
        chart.move_to(21)

    def on_token_view_cursor_moved(self, message: TokenView.CursorMoved) -> None:
        line = f"token {message.index}  {message.piece!r}  joyful {signed(message.score)}"
        self.query_one("#tokens-value", Static).update(line)

    def action_page(self, page: str) -> None:
        self.query_one(ContentSwitcher).current = page
        self._focus_page()

    def _focus_page(self) -> None:
        page = self.query_one(ContentSwitcher).current
        widgets = [w for w in self.query(f"#{page} *") if w.can_focus]
        if widgets:
            widgets[0].focus()

    def action_next_theme(self) -> None:
        self.theme = next_theme(self.theme)


def _rows(start: int, stop: int) -> list[list[str]]:
    words, strange = TEXT.split(), "\x1b[2J [red]日本語"
    return [
        [str(i), EMOTIONS[i % 20], strange if i % 5 == 0 else " ".join(words[i % 11 :]), "dup"]
        for i in range(start, stop)
    ]


async def _svg(folder: Path, width: int, height: int, theme: str) -> None:
    for page in PAGES:
        app = Gallery(page)
        async with app.run_test(size=(width, height)) as pilot:
            app.theme = theme
            await pilot.pause()
            await pilot.press("right")
            await pilot.pause()
            name = folder / f"{page}-{width}x{height}-{theme}.svg"
            name.write_text(app.export_screenshot(title=page), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--svg"]:
        asyncio.run(_svg(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]))
    else:
        Gallery(PAGES[int(sys.argv[1]) - 1] if sys.argv[1:] else "tokens").run()
