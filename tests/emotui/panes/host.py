"""The workbench itself on one pane, with what the tests of panes need to wait and to look.

`async with hosting(home, "steer", vectors="both") as host:` shows the pane, runs its jobs on the
real threads with a tiny real model; `await host.settled()` waits until nothing runs.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Static

import emotui.app
from emotui.app import Workbench
from emotui.config import load_settings
from emotui.jobdesk import Order
from emotui.session import Session, save_session
from emotui.worker import JobCancelled, JobFailed, JobFinished, Report
from emotui.workspace import Workspace
from store.layout import Home


class Watched(Workbench):
    """The workbench; it also remembers toasts, yanks and failures."""

    CSS_PATH = Path(emotui.app.__file__).with_name("app.tcss")

    def __init__(self, home: Path, chosen: dict[str, Any]) -> None:
        settings = load_settings({"home": home}, env={})
        super().__init__(settings, Home(home))
        self.workspace = replace(self.workspace, **chosen)
        self.copied: list[str] = []
        self.said: list[str] = []
        self.failed: list[str] = []
        self.ended: set[int] = set()
        self.asked: list[int] = []

    def submit_job(self, order: Order) -> int:
        job = super().submit_job(order)
        self.asked.append(job)
        return job

    def copy_out(self, text: str) -> None:
        self.copied.append(text)

    def notify(self, message: str, **options: Any) -> None:  # type: ignore[override]
        self.said.append(message)
        super().notify(message, **options)

    def heard(self, report: Report) -> None:
        super().heard(report)
        if isinstance(report, JobFinished | JobCancelled | JobFailed):
            self.ended.add(report.job_id)
        if isinstance(report, JobFailed):
            self.failed.append(report.message)


class Hosted:
    """A mounted pane, its application and its pilot."""

    def __init__(self, app: Watched, pilot: Pilot[int]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def pane(self) -> Any:
        """The pane on screen."""
        return self.app._panes[self.app.current]

    @property
    def workspace(self) -> Workspace:
        """What has been chosen."""
        return self.app.workspace

    async def choose(self, **changes: Any) -> None:
        """As another pane would."""
        self.app.choose(replace(self.app.workspace, **changes))
        await self.settled()

    async def press(self, *keys: str) -> None:
        """Keys, then wait until nothing runs."""
        await self.pilot.press(*keys)
        await self.settled()

    async def tap(self, key: str) -> None:
        """A key while a job streams: waits for nothing but the key itself."""
        self.app.simulate_key(key)
        await asyncio.sleep(0.05)

    async def settled(self) -> None:
        """Wait until no job lives and every message has been dealt with."""
        for _ in range(3000):
            await self.pilot.pause()
            if self._quiet:
                await self.pilot.pause(0.02)
                if self._quiet:
                    return
            await asyncio.sleep(0.005)
        raise AssertionError(f"jobs still live: {self.app.jobs.jobs}")

    @property
    def _quiet(self) -> bool:
        # A pane is current when it has been mounted, and has asked for its first jobs.
        shown = bool(self.app._exit or self.app.screen_stack[0].query(".pane.-current"))
        return shown and set(self.app.asked) <= self.app.ended

    async def type(self, text: str) -> None:
        """Replace what stands in the focused line."""
        await self.pilot.press("end", "ctrl+u")
        self.app.focused.insert_text_at_cursor(text)  # type: ignore[union-attr]
        await self.pilot.pause()

    async def answer(self, text: str) -> None:
        """Type into a dialog and press Enter."""
        await self.type(text)
        await self.press("enter")

    def line(self, selector: str) -> str:
        """What a one-line part says."""
        return str(self.app.screen.query_one(selector, Static).content)

    def screen(self) -> str:
        """All that can be read on the screen."""
        return "\n".join(
            "".join(segment.text for segment in strip)
            for strip in self.app.screen._compositor.render_strips()
        )


@asynccontextmanager
async def hosting(
    home: Path, pane: str, *, size: tuple[int, int] = (120, 40), **chosen: Any
) -> AsyncIterator[Hosted]:
    """Show the pane, nothing remembered but what is chosen; at the end the lanes stop."""
    folder = home / "workbench"
    folder.mkdir(parents=True, exist_ok=True)
    save_session(folder / "session.json", Session(pane=pane, tour_done=True))
    async with hosting_session(home, size=size, **chosen) as hosted:
        yield hosted


@asynccontextmanager
async def hosting_session(
    home: Path, *, size: tuple[int, int] = (120, 40), **chosen: Any
) -> AsyncIterator[Hosted]:
    """Start from the session that lies there."""
    app = Watched(home, chosen)
    async with app.run_test(size=size) as pilot:
        hosted = Hosted(app, pilot)
        await hosted.settled()
        try:
            yield hosted
        finally:
            app.close_down(5)


async def until(reached: Callable[[], object]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < end, "it never came"
        await asyncio.sleep(0.005)
