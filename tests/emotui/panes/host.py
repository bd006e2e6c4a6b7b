"""A shell for one pane: the real lanes, job book and workspace, without the rest of the workbench.

`async with hosting(home, "steer", vectors="both") as host:` mounts the pane, runs its jobs on real
threads with a tiny real model, and `await host.settled()` waits until nothing runs.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Static

from emotui.config import load_settings
from emotui.jobbook import JobBook
from emotui.lanes import JobFactory, Lane, Lanes
from emotui.messages import JobMessage, post_reports
from emotui.panes import make_pane
from emotui.panes.base import Pane, PaneReport, WorkspaceChanged
from emotui.session import Session
from emotui.worker import JobFailed, Report
from emotui.workspace import Workspace, differences
from store.layout import Home


class Host(App[None]):
    """What `Shell` asks for, and nothing more."""

    CSS = "Screen { layout: vertical; } .pane { height: 1fr; }"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (160, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (40, "-high")]  # noqa: RUF012

    def __init__(self, home: Path, pane: str, chosen: dict[str, Any]) -> None:
        super().__init__()
        place = Home(home)
        settings = load_settings({"home": home}, env={})
        self.workspace = Workspace(place, settings, **chosen)
        self.session = Session()
        self.jobs = JobBook()
        self.name_of_pane = pane
        self.copied: list[str] = []
        self.shown: list[str] = []
        self.said: list[str] = []
        self.failed: list[str] = []
        self.reports: list[Report] = []
        """What the pane was given."""
        self.lanes = Lanes(
            post_reports(self), home=place, threads=1, traceback_folder=home / "errors"
        )
        self._owners: dict[int, str] = {}

    def compose(self) -> ComposeResult:
        """The pane alone."""
        yield make_pane(self.name_of_pane)
        yield Static("", id="below")

    @property
    def pane(self) -> Any:
        """The pane under test."""
        return self.query_one(Pane)

    def choose(self, workspace: Workspace) -> None:
        changed = differences(self.workspace, workspace)
        self.workspace = workspace
        if changed:
            self.pane.post_message(WorkspaceChanged(changed))

    def submit_job(
        self, start: JobFactory, title: str, *, owner: str, lane: Lane, subject: str
    ) -> int:
        del owner
        if subject:
            for old, about in list(self._owners.items()):
                if about == subject and self.lives(old):
                    self.cancel_job(old)
        job = self.lanes.submit(start, title, lane=lane)
        self._owners[job] = subject
        if subject:
            self.jobs.expect(subject, job)
        return job

    def lives(self, job_id: int) -> bool:
        """Whether the job has been asked for and not ended."""
        state = self.jobs.jobs.get(job_id)
        return state is None or state.ended is None

    @property
    def busy(self) -> bool:
        """Whether any job lives."""
        return any(self.lives(job) for job in self._owners)

    def cancel_job(self, job_id: int) -> None:
        if self.lanes.cancel(job_id):
            self.jobs.drop(job_id)

    def go_to(self, pane: str) -> None:
        self.shown.append(pane)

    def copy_out(self, text: str) -> None:
        self.copied.append(text)

    def update_session(self, session: Session) -> None:
        self.session = session

    def notify(self, message: str, **options: Any) -> None:  # type: ignore[override]
        self.said.append(message)
        super().notify(message, **options)

    def on_job_message(self, message: JobMessage) -> None:
        report = message.report
        fresh = self.jobs.take(report)
        if isinstance(report, JobFailed):
            self.failed.append(report.message)
        subject = self._owners.get(report.job_id, "")
        if fresh and (not subject or self.jobs.current(subject, report.job_id)):
            self.reports.append(report)
            self.pane.post_message(PaneReport(report))


class Hosted:
    """A mounted pane, its host and its pilot."""

    def __init__(self, app: Host, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def pane(self) -> Any:
        """The pane."""
        return self.app.pane

    @property
    def workspace(self) -> Workspace:
        """What the pane has chosen."""
        return self.app.workspace

    async def choose(self, **changes: Any) -> None:
        """As another pane would."""
        self.app.choose(replace(self.app.workspace, **changes))
        await self.settled()

    async def press(self, *keys: str) -> None:
        """Keys, then wait until nothing runs."""
        await self.pilot.press(*keys)
        await self.settled()

    async def settled(self) -> None:
        """Wait until no job lives and every message has been dealt with."""
        for _ in range(2000):
            await self.pilot.pause()
            if not self.app.busy:
                await self.pilot.pause(0.02)
                if not self.app.busy:
                    return
            await asyncio.sleep(0.01)
        raise AssertionError(f"jobs still live: {self.app.jobs.jobs}")

    async def type(self, text: str) -> None:
        """Replace what stands in the focused line."""
        await self.pilot.press("ctrl+u")
        for character in text:
            await self.pilot.press(_KEYS.get(character, character))

    def line(self, selector: str) -> str:
        """What a one-line part says."""
        return str(self.app.screen.query_one(selector, Static).content)

    def screen(self) -> str:
        """All that can be read on the screen."""
        return "\n".join(
            "".join(segment.text for segment in strip)
            for strip in self.app.screen._compositor.render_strips()
        )


_KEYS = {
    " ": "space",
    ".": "full_stop",
    "-": "minus",
    "/": "slash",
    "=": "equals_sign",
    "_": "underscore",
    ":": "colon",
    "+": "plus",
    ",": "comma",
    "*": "asterisk",
}


@asynccontextmanager
async def hosting(
    home: Path, pane: str, *, size: tuple[int, int] = (120, 40), **chosen: Any
) -> AsyncIterator[Hosted]:
    """Mount the pane; at the end the lanes stop."""
    app = Host(home, pane, chosen)
    async with app.run_test(size=size) as pilot:
        hosted = Hosted(app, pilot)
        await hosted.settled()
        app.pane.focus_first()
        await pilot.pause()
        try:
            yield hosted
        finally:
            app.lanes.stop(5)
