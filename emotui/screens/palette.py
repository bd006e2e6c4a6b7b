"""The command palette over the one table of actions; the focused pane's commands come first."""

from collections.abc import Callable
from functools import partial
from typing import Protocol, cast

from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from emotui.actions import ACTIONS, Action, palette, shown_keys

NAME = max(len(action.command) for action in ACTIONS)
KEYS = 8
"""Columns of the name and of the keys: one command is one line."""


class Commands(Protocol):
    """What the palette asks of the application."""

    current: str

    def run_command(self, action: Action) -> None:
        """Do it, in the pane it belongs to."""

    def keys_of(self, action: Action) -> str:
        """Its keys as they are now."""


class ActionProvider(Provider):
    """Every action with a command name."""

    @property
    def _commands(self) -> Commands:
        return cast(Commands, self.app)

    def _run(self, action: Action) -> Callable[[], None]:
        return partial(self._commands.run_command, action)

    def _line(self, action: Action, name: Content) -> Content:
        """Name, keys, what it does: all that the list shows of an action."""
        keys = shown_keys(self._commands.keys_of(action))
        gap = " " * (NAME - len(action.command) + 2)
        return Content.assemble(name, gap, (f"{keys:<{KEYS}} ", "bold"), (action.tip, "not bold"))

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for action in palette(self._commands.current):
            line = self._line(action, Content(action.command))
            yield DiscoveryHit(line, self._run(action), text=action.command)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for action in palette(self._commands.current):
            score = matcher.match(action.command)
            if score > 0:
                line = self._line(action, matcher.highlight(action.command))
                yield Hit(score, line, self._run(action), text=action.command)


class Palette(CommandPalette):
    """Textual's palette, whose list can be paged before it has been drawn (see widgets.options)."""

    def _action_command_list(self, action: str) -> None:
        drawn = self.query_one(CommandList).scrollable_content_region.height > 0
        if drawn or not action.startswith("page_"):
            super()._action_command_list(action)
