"""The README's pictures of the workbench: `python -m tests.bench.pictures HOME [--only NAME]`.

HOME is a data directory in which `emotui demo --headless` has run; it is copied, not changed. Each
picture is a screen as the workbench draws it, with real results of the embedded model: nothing is
painted over. Writes docs/pictures/NAME.svg and a text of what it shows to stdout.
"""

import argparse
import asyncio
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emotui.jobs.spec import DEMO, ModelSpec
from emotui.workspace import SamplingChoice, ShownText
from store.datasets import Dataset
from store.layout import Home
from tests.emotui.panes.host import Hosted, hosting
from tests.emotui.snapshots.drawing import rows_of, svg

OUT = Path(__file__).parents[2] / "docs" / "pictures"
SIZE = (120, 34)
WAIT_S = 1800.0
"""Probing the demo with every control takes minutes."""
STORIES, FACTS, VECTORS, LAYER, EMOTION = "demo-stories", "demo-facts", "demo", 5, "angry"


@dataclass(frozen=True)
class Picture:
    """One screen and how to get there."""

    pane: str
    go: Callable[[Hosted], Awaitable[None]]
    shows: str
    """On the screen when it is finished."""
    awaits: str = "\0"
    """Not on the screen when it is finished."""
    chosen: dict[str, Any] = field(default_factory=dict)


async def _probe(host: Hosted) -> None:
    await _until(host, lambda: bool(host.workspace.run), "a run")
    await host.pilot.press("r")
    await _until(host, lambda: host.workspace.probe is not None, "the probe")
    await host.pilot.press("enter")


async def _colour(host: Hosted) -> None:
    await host.settled()
    await host.pilot.press("down", "right", "right", "right")


async def _steer(host: Hosted) -> None:
    await host.settled()
    await host.pilot.press("ctrl+j")


def _stories(home: Path, count: int) -> ShownText:
    """The first stories of the demo whose label is the emotion, as one text."""
    dataset = Dataset.open(Home(home), STORIES)
    wanted = dataset.info.labels.index(EMOTION)
    rows = [i for i, code in enumerate(dataset.codes) if code == wanted][:count]
    return ShownText("\n".join(dataset.row(i).text for i in rows), f"{count} rows of {STORIES}")


def pictures(home: Path) -> dict[str, Picture]:
    """All of them, over this data directory."""
    model = ModelSpec(DEMO, device="cpu")
    common = {"model": model, "vectors": VECTORS, "layer": LAYER, "emotion": EMOTION}
    run = next(p.name for p in (home / "runs").iterdir() if p.name.startswith(f"demo-{FACTS}"))
    return {
        "probes": Picture("probes", _probe, "not controlled", chosen={"model": model, "run": run}),
        "tokens": Picture(
            "tokens", _colour, "next:", "next: …", common | {"text": _stories(home, 2)}
        ),
        "steer": Picture(
            "steer",
            _steer,
            "hooks 48/48",
            chosen=common
            | {
                "alpha": 0.2,
                "prompt": "Ana looked at the broken gate.",
                "sampling": SamplingChoice(max_new_tokens=48),
            },
        ),
    }


async def draw(picture: Picture, home: Path) -> tuple[str, str]:
    """(SVG, text) of one picture."""
    async with hosting(home, picture.pane, size=SIZE, **picture.chosen) as host:
        await picture.go(host)
        await _until(
            host,
            lambda: picture.shows in host.screen() and picture.awaits not in host.screen(),
            picture.shows,
        )
        await host.settled()
        host.app.clear_notifications()
        await host.pilot.pause(0.5)
        return svg(rows_of(host.app), title=f"emotui: {picture.pane}"), host.screen()


async def _until(host: Hosted, true: Callable[[], bool], what: str) -> None:
    for _ in range(int(WAIT_S / 0.05)):
        if true():
            return
        await host.pilot.pause(0.05)
    raise TimeoutError(f"not within {WAIT_S:.0f} s: {what}\n{host.screen()}")


def main() -> None:
    """Draws what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    os.environ.pop("NO_COLOR", None)
    os.environ.update(COLORTERM="truecolor", TERM="xterm-256color", EMOTUI_THREADS="1")
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(shutil.copytree(asked.home, Path(scratch) / "home"))
        for name, picture in pictures(home).items():
            if asked.only in name:
                drawn, text = asyncio.run(draw(picture, home))
                (asked.out / f"{name}.svg").write_text(drawn, encoding="utf-8")
                print(text)


if __name__ == "__main__":
    main()
