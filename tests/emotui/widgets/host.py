"""One widget in an app of its own, for tests: its messages, and its screen as text."""

import asyncio
from collections.abc import Awaitable, Callable

from rich.color import ColorSystem
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget


class Host(App[None]):
    """Holds the widget and keeps every message the widget's own module defines."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget
        self.heard: list[Message] = []
        self.pilot: Pilot[None]
        """Presses keys; there once the app runs."""

    def compose(self) -> ComposeResult:
        yield self.widget

    async def _on_message(self, message: Message) -> None:
        if type(message).__module__ == type(self.widget).__module__:
            self.heard.append(message)
        await super()._on_message(message)

    def last(self, kind: type[Message]) -> Message:
        """The newest message of a kind."""
        return [m for m in self.heard if isinstance(m, kind)][-1]


Scenario = Callable[[Host], Awaitable[None]]


def play(
    widget: Widget, scenario: Scenario, *, size: tuple[int, int] = (60, 10), colors: bool = True
) -> None:
    """Run the scenario with the widget focused on a screen of this size."""

    async def run() -> None:
        app = Host(widget)
        app.console._color_system = ColorSystem.TRUECOLOR if colors else ColorSystem.STANDARD
        app.animation_level = "none"
        async with app.run_test(size=size) as pilot:
            if widget.can_focus:
                widget.focus()
            await pilot.pause()
            app.pilot = pilot
            await scenario(app)

    asyncio.run(run())


def segments(widget: Widget, y: int) -> list[Segment]:
    """The segments of one line of the widget."""
    return list(widget.render_line(y))


def lines(widget: Widget) -> list[str]:
    """The widget's lines as text, blanks at the end cut."""
    return [
        "".join(s.text for s in widget.render_line(y)).rstrip() for y in range(widget.size.height)
    ]
