"""The workbench on a screen of a known size, for tests: keys, waiting, what is on the screen."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from textual import events
from textual.pilot import Pilot

from emotui.app import Workbench
from emotui.config import load_settings
from emotui.events import Done, Event, Job, Progress
from emotui.lanes import JobFactory, Tools
from emotui.panes.base import Pane
from store.layout import Home
from vectors.errors import Cancelled

WAIT_S = 20.0


@dataclass
class Stage:
    """A running workbench."""

    app: Workbench
    pilot: Pilot[int]

    async def press(self, *keys: str) -> None:
        """Press keys and let everything settle."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def leave(self, *keys: str) -> None:
        """Press keys that end the application: nothing can settle after them."""
        for key in keys:
            self.app.post_message(events.Key(key, key if len(key) == 1 else None))
            await asyncio.sleep(0.05)
        await self.until(lambda: self.app._exit, "left")

    async def type(self, text: str) -> None:
        """Type a line."""
        names = {" ": "space", "/": "slash", "-": "minus", ".": "full_stop", "_": "underscore"}
        await self.press(*(names.get(c, c) for c in text))

    async def until(self, true: Callable[[], object], what: str = "") -> None:
        """Wait until something is so."""
        for _ in range(int(WAIT_S / 0.02)):
            if true():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"not within {WAIT_S} s: {what}\n{self.text}")

    @property
    def lines(self) -> list[str]:
        """What stands on the screen."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip) for strip in strips]

    @property
    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines)

    @property
    def pane(self) -> Pane:
        """The pane that is shown."""
        return self.app._panes[self.app.current]

    @property
    def toasts(self) -> str:
        """Every toast so far."""
        return "\n".join(str(n.message) for n in self.app._notifications)

    async def idle(self) -> None:
        """Wait until no job is left and every report has been read."""

        def done() -> bool:
            mailbox, lanes = self.app._mailbox, self.app.lanes
            waiting = mailbox is None or bool(mailbox._waiting)
            live = any(j.live for j in self.app.jobs.jobs.values())
            return not (waiting or live or lanes is None or lanes.busy)

        await self.until(done, "idle")
        await self.pilot.pause()


Scenario = Callable[[Stage], Awaitable[None]]


def play(
    home: Path,
    scenario: Scenario,
    *,
    size: tuple[int, int] = (120, 40),
    pane: str = "data",
    first_start: bool = False,
) -> Workbench:
    """Run the scenario; the application that is returned has ended."""

    async def run() -> Workbench:
        settings = load_settings({"home": str(home)}, env={})
        app = Workbench(settings, Home(home).ensure(), first_start=first_start)
        if app.session.pane == "data":
            app.current = pane
        async with app.run_test(size=size) as pilot:
            stage = Stage(app, pilot)
            # It is current when it has been mounted, and has asked for its first jobs.
            await stage.until(lambda: app.query(".pane.-current"), "first pane")
            await (pilot.pause() if first_start else stage.idle())
            await scenario(stage)
        assert app.close_down(WAIT_S)
        return app

    return asyncio.run(run())


@dataclass
class Gate:
    """A job that works until it is let through or cancelled."""

    open: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)
    """Set when the job has been left, whichever way."""

    def factory(self, value: object = None) -> JobFactory:
        """For `Pane.submit`."""

        def start(tools: Tools) -> Job:
            return self._work(tools, value)

        return start

    def _work(self, tools: Tools, value: object) -> Iterator[Event]:
        try:
            done = 0
            while not self.open.wait(0.005):
                if tools.cancelled():
                    raise Cancelled("stopped")
                done += 1
                yield Progress(done, 10_000, "steps", 200.0)
            yield Done(value)
        finally:
            self.closed.set()
