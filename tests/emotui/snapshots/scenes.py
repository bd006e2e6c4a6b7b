"""The screens that are kept as pictures: how to get to each, on prepared data with a tiny model.

In: the name of a scene, a size, a data directory. Out: the rows of the screen, with what no two
machines share (memory, times, hashes) masked. Clocks stand still; nothing is animated.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.segment import Segment

from emotui.errors import UserError
from emotui.events import Done, Event, Job, Note, Progress
from emotui.lanes import DeviceState, Tools
from emotui.workspace import SamplingChoice, ShownText
from tests.emotui.app.stage import Gate
from tests.emotui.panes.host import Hosted, hosting
from tests.emotui.snapshots.drawing import Row, rows_of

SIZES = ((80, 24), (120, 40), (200, 60))
TEXT = (
    "the people laughed smiling near the old wall and the door stood grey and silent . "
    "joyful in the harbour the people wept alone by the kitchen and the orchard ."
)
_GIB = 1 << 30
DEVICE = DeviceState("tiny", 3, "cpu", 2 * _GIB, 16 * _GIB)
CALM = 6
"""Looks without a change, 50 ms apart, after which a screen counts as finished."""
MASKED = "░"
MASKS = (
    re.compile(r"(?<![0-9a-f])[0-9a-f]{12}(?![0-9a-f])"),  # a run's digest: it has the model's path
    re.compile(r"\d+\.\d/\d+ GiB"),
    re.compile(r"\b\d+ (?:min \d\d )?s\b"),
    re.compile(r"(?<!\w)\d\d:\d\d(?::\d\d)?(?!\w)"),
    re.compile(r"/(?:[\w.-]+/)+[\w.-]+"),
)


@dataclass(frozen=True)
class Scene:
    """One screen worth keeping."""

    pane: str
    go: Callable[[Hosted], Awaitable[None]]
    """Keys and choices, until the screen shows it."""
    chosen: dict[str, Any] = field(default_factory=dict)
    """Of the workspace, before the start."""
    empty: bool = False
    """Whether it is of an empty data directory."""
    shows: str = ""
    """It is not finished before this is on the screen."""
    awaits: str = "\0"
    """Nor while this is."""


async def rows(
    scene: Scene, size: tuple[int, int], home: Path, run: str = ""
) -> list[list[Segment]]:
    """The screen of a scene; `run` is the labelled one of the prepared data."""
    chosen = {"run": run, **scene.chosen}
    async with hosting(home, scene.pane, size=size, **chosen) as host:
        host.app.now = lambda: 60.0  # type: ignore[method-assign]
        host.app.jobs._clock = lambda: 18.0
        await scene.go(host)
        host.app.clear_notifications()
        desk = host.app.desk
        assert desk is not None
        desk.device = DEVICE if desk.device is not None else None
        host.app.refresh_rows()
        for line in host.app.screen.query("Input, TextArea"):
            line.cursor_blink = False  # type: ignore[attr-defined]
        await _finished(scene, host)
        seen = [masked(row) for row in rows_of(host.app)]
        for job in list(host.app.jobs.jobs.values()):
            host.app.cancel_job(job.id)
        await host.settled()
        return seen


async def _finished(scene: Scene, host: Hosted) -> None:
    """Shows what it should, and has not moved for a while."""
    before, calm = "", 0
    for _ in range(600):
        await host.pilot.pause(0.05)
        text = host.screen()
        ready = scene.shows in text and scene.awaits not in text and text == before
        calm = calm + 1 if ready else 0
        if calm == CALM:
            return
        before = text
    raise AssertionError(f"not finished ({scene.shows!r}, {scene.awaits!r}):\n{before}")


def masked(row: Row) -> list[Segment]:
    """The row with every masked character replaced; the looks stay."""
    text = "".join(segment.text for segment in row)
    for mask in MASKS:
        text = mask.sub(lambda found: MASKED * len(found[0]), text)
    out, at = [], 0
    for segment in row:
        out.append(Segment(text[at : at + len(segment.text)], segment.style))
        at += len(segment.text)
    return out


async def still(host: Hosted) -> None:
    """As it opens."""
    await host.settled()


def keys(*names: str) -> Callable[[Hosted], Awaitable[None]]:
    """Press them one by one."""

    async def go(host: Hosted) -> None:
        for name in names:
            await host.press(name)

    return go


async def _jobs(host: Hosted) -> None:
    """One job of every state."""

    def good(tools: Tools) -> Job:
        del tools
        return iter([Note("60 of 60 texts"), Note("3 texts were cut", "warn"), Done(None)])

    def bad(tools: Tools) -> Job:
        del tools
        raise UserError("no such model 'x'; give a directory, a hub id or demo")

    def working(tools: Tools) -> Job:
        return _at_work(tools, gate)

    gate = Gate()
    host.pane.submit(good, "import texts.jsonl")
    host.pane.submit(bad, "extract texts")
    await host.settled()
    host.pane.submit(working, "extract texts · tiny · layers all")
    host.pane.submit(gate.factory(), "probe the run")
    assert host.app.desk is not None
    host.app.desk.device = DEVICE
    for _ in range(200):
        job = host.app.jobs.running
        if job is not None and job.progress is not None and job.notes:
            break
        await host.pilot.pause(0.02)
    host.pane.query_one("#job-table").focus()
    await host.pilot.press("j")
    host.pane._show()


def _at_work(tools: Tools, gate: Gate) -> Iterator[Event]:
    yield Note("2 batches of at most 2,048 tokens")
    yield Progress(840, 3_000, "texts", 12.0)
    while not gate.open.wait(0.005) and not tools.cancelled():
        yield Progress(840, 3_000, "texts", 12.0)


async def _steering(host: Hosted) -> None:
    await host.press("ctrl+j")


async def _rows_open(host: Hosted) -> None:
    for key in ("down", "enter", "down", "down"):
        await host.press(key)


_TOKENS = {"vectors": "both", "text": ShownText(TEXT, "pasted"), "layer": 1, "emotion": "joyful"}
_STEER = {
    "vectors": "both",
    "prompt": "the old door",
    "layer": 1,
    "emotion": "joyful",
    "alpha": 0.2,
    "sampling": SamplingChoice(max_new_tokens=24),
}

SCENES = {
    "first": Scene("data", still, empty=True),
    "help": Scene("steer", keys("question_mark"), empty=True),
    "palette": Scene("steer", keys("ctrl+p"), empty=True),
    "jump": Scene("data", keys("ctrl+o"), empty=True),
    "jobs": Scene("jobs", _jobs, empty=True),
    "data": Scene("data", _rows_open, shows="harbour"),
    "probes": Scene("probes", keys("r"), shows="not controlled"),
    "vectors": Scene("vectors", still, {"vectors": "both"}),
    "tokens": Scene("tokens", still, _TOKENS, shows="next:", awaits="next: …"),
    "steer": Scene("steer", _steering, _STEER, shows="hooks 24/24"),
    "audit": Scene("audit", still),
}
