"""Textual's list of options, which can be paged before it has been drawn.

In and out: as OptionList. A page key that came before the first layout would raise KeyError there
and end the application; here it does nothing.
"""

from typing import Literal

from textual.widgets import OptionList


class Options(OptionList):
    """An OptionList that knows no lines yet has no pages yet."""

    def _move_page(self, direction: Literal[-1, 1]) -> None:
        if self.scrollable_content_region.height:
            super()._move_page(direction)
