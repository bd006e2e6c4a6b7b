"""Keys in the order they were typed, however fast they come.

A key that is bound travels from the focused widget up to the application before its action runs,
and a focus or a dialog it asks for comes later still. Keys that arrive in one piece, as they do
over a slow line, would overtake it: of Ctrl+U and a word the word was erased, and a word after `/`
was taken for commands. So a key waits until the one before has had its whole effect: a mark is sent
the same way behind each key, once more behind what its action has sent, and again from wherever the
focus has gone meanwhile.
"""

import time
from collections import deque
from dataclasses import dataclass
from functools import partial

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.widget import Widget

GIVE_UP_S = 0.5
"""A mark that has not come back by then counts as lost."""
MOST_WAYS = 5
"""So often at most; two are the rule."""


@dataclass(frozen=True)
class Mark:
    """Follows a key from `target` to the application; `ways` times so far."""

    turn: int
    target: Widget
    ways: int = 1


class InOrder(App[int], inherit_bindings=False):
    """An application that takes keys and pasted text one after another."""

    last_key: float = 0.0
    """When a key was pressed last, on the monotonic clock."""

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._held: deque[events.Key | events.Paste] = deque()
        self._turn = 0
        self._busy = False

    async def on_event(self, event: events.Event) -> None:
        """Holds a key back while another is at work."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self.last_key = time.monotonic()
        if not self._busy:
            await self._take(event)
            return
        self._held.append(event)
        if len(self._held) == 1:
            self._wait_no_longer()

    async def _take(self, event: events.Key | events.Paste) -> None:
        target = self.focused or self.screen
        plain = isinstance(event, events.Paste) or target.check_consume_key(
            event.key, event.character
        )
        await super().on_event(event)
        if plain:
            return  # it goes no further than the widget, and what comes behind it comes there later
        self._turn += 1
        self._busy = True
        if self._held:
            self._wait_no_longer()
        self._follow(Mark(self._turn, target))

    def _follow(self, mark: Mark) -> None:
        self._climb(mark, (mark.target, *mark.target.ancestors))

    def _climb(self, mark: Mark, path: tuple[DOMNode, ...]) -> None:
        """One step after another as a bubbling key does; a widget on its way out is left out."""
        for i, node in enumerate(path[:-1]):
            if node.call_later(self._climb, mark, path[i + 1 :]):
                return
        # What was asked for on the way, a focus or a pane, is done before this.
        self.call_later(self.call_next, self._after, mark)

    async def _after(self, mark: Mark) -> None:
        if mark.turn != self._turn:
            return
        target = self.focused or self.screen
        if mark.ways == 1 or (target is not mark.target and mark.ways < MOST_WAYS):
            self._follow(Mark(mark.turn, target, mark.ways + 1))
        else:
            await self._go_on()

    def _wait_no_longer(self) -> None:
        self.set_timer(GIVE_UP_S, partial(self._lost, self._turn))

    async def _lost(self, turn: int) -> None:
        if self._busy and turn == self._turn:
            await self._go_on()

    async def _go_on(self) -> None:
        self._busy = False
        while self._held and not self._busy:
            await self._take(self._held.popleft())
