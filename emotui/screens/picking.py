"""A dialog that marks several of a long list, one by one or a named group at a time.

In: (value, what is shown) pairs, groups of values, what is marked. Out: the marked values in the
list's order, so that the same choice is always the same tuple; None when closed with Esc. Marks are
written, `[x]`, and need no colour. Knows no pane.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from emotui.sanitize import one_line, shorten
from emotui.screens.asking import NO_MATCH, Dialog
from emotui.widgets.options import Options

_GROUP = "group:"
HINT = "Space marks · a all · n none · / narrows · Enter takes"
WIDE = 66
"""Cells of a row; a group with more members than fit ends in an ellipsis."""


class PickMany(Dialog[tuple[str, ...]]):
    """Groups first, then the values; typing after `/` narrows both."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "take", priority=True),
        Binding("space", "mark", "mark"),
        Binding("a", "all", "all"),
        Binding("n", "none", "none"),
        Binding("slash", "narrow", "narrow"),
    ]
    DEFAULT_CSS = """
    PickMany OptionList { max-height: 14; scrollbar-size-vertical: 1; }
    PickMany OptionList:focus { border: none; }
    PickMany Input { margin: 0; }
    """

    def __init__(
        self,
        question: str,
        options: Sequence[tuple[str, str]],
        *,
        chosen: Sequence[str] = (),
        groups: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__()
        self._question, self._options = question, tuple(options)
        self._marked = set(chosen)
        self._groups = {name: tuple(members) for name, members in (groups or {}).items()}

    def compose(self) -> ComposeResult:
        """Question, line to narrow with, list, how many are marked."""
        with Vertical():
            yield Static(Text(one_line(self._question)), classes="question")
            yield Input(placeholder="/ narrows the list", id="narrow", compact=True)
            yield Options(id="options")
            yield Static(id="hint", classes="hint", markup=False)

    def on_mount(self) -> None:
        """The list has the focus, at the first marked value."""
        self._fill()
        values = [str(o.id) for o in self._list.options]
        first = next((i for i, v in enumerate(values) if v in self._marked), 0)
        self._list.highlighted = first if values else None
        self._list.focus()

    @property
    def _list(self) -> OptionList:
        return self.query_one("#options", OptionList)

    @property
    def marked(self) -> tuple[str, ...]:
        """Values marked now, in the list's order."""
        return tuple(value for value, _ in self._options if value in self._marked)

    def _fill(self) -> None:
        """Show what the line lets through; the cursor stays where it was."""
        needle = self.query_one("#narrow", Input).value.casefold()
        rows = [(_GROUP + name, self._group_text(name)) for name in self._groups]
        rows += [
            (value, f"{'[x]' if value in self._marked else '[ ]'} {text}")
            for value, text in self._options
        ]
        shown = [(value, text) for value, text in rows if needle in text.casefold()]
        at = self._list.highlighted
        self._list.clear_options()
        self._list.add_options(
            Option(Text(shorten(one_line(text), WIDE)), id=value) for value, text in shown
        )
        if not shown:
            self._list.add_option(Option(Text(NO_MATCH), disabled=True))
        if shown:
            self._list.highlighted = min(at or 0, len(shown) - 1)
        n = len(self.marked)
        self.query_one("#hint", Static).update(Text(f"{n} marked · {HINT}"))

    def _group_text(self, name: str) -> str:
        members = self._groups[name]
        n = sum(member in self._marked for member in members)
        mark = "[x]" if n == len(members) else "[-]" if n else "[ ]"
        return f"{mark} ▸ {name}: {', '.join(members)}"

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list."""
        event.stop()
        self._fill()

    def action_narrow(self) -> None:
        """Into the line; Down or Enter leaves it."""
        self.query_one("#narrow", Input).focus()

    def key_down(self) -> None:
        """From the line into the list."""
        if isinstance(self.focused, Input):
            self._list.focus()

    def action_take(self) -> None:
        """All that are marked; from the line back into the list first."""
        if isinstance(self.focused, Input):
            self._list.focus()
        else:
            self.dismiss(self.marked)

    def action_mark(self) -> None:
        """The value under the cursor, or all of its group."""
        at = self._list.highlighted
        if at is not None:
            self._toggle(str(self._list.get_option_at_index(at).id))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click marks too."""
        event.stop()
        self._toggle(str(event.option_id))

    def _toggle(self, value: str) -> None:
        name = value.removeprefix(_GROUP)
        members = set(self._groups[name]) if value.startswith(_GROUP) else {value}
        if members <= self._marked:
            self._marked -= members
        else:
            self._marked |= members
        self._fill()

    def action_all(self) -> None:
        """Mark every value that the line lets through."""
        shown = {str(option.id) for option in self._list.options}
        self._marked |= {value for value, _ in self._options if value in shown}
        self._fill()

    def action_none(self) -> None:
        """Mark none."""
        self._marked.clear()
        self._fill()
