"""The panes of the workbench, one per file, and how the shell finds them by name.

A pane's module is imported when it is first shown.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from emotui.actions import PANES

if TYPE_CHECKING:
    from emotui.panes.base import Pane

TITLES = {name: name.capitalize() for name in PANES}
"""What the tab strip says."""


def make_pane(name: str) -> "Pane":
    """A new pane by name: `data` is `emotui.panes.data.DataPane`. KeyError for an unknown one."""
    if name not in PANES:
        raise KeyError(f"no pane {name!r}; there are {', '.join(PANES)}")
    module = import_module(f"emotui.panes.{name}")
    pane: Pane = getattr(module, f"{name.capitalize()}Pane")()
    return pane
