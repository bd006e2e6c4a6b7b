"""The command palette over the one table of actions; the focused pane's commands come first."""

from collections.abc import Callable
from functools import partial
from typing import Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from emotui.actions import Action, palette, shown_keys


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

    def _help(self, action: Action) -> str:
        keys = shown_keys(self._commands.keys_of(action))
        return f"{action.tip}  {keys}" if keys else action.tip

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for action in palette(self._commands.current):
            yield DiscoveryHit(action.command, self._run(action), help=self._help(action))

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for action in palette(self._commands.current):
            score = matcher.match(action.command)
            if score > 0:
                shown = matcher.highlight(action.command)
                yield Hit(score, shown, self._run(action), help=self._help(action))
