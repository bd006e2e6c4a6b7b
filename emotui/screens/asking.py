"""Dialogs that ask one thing: a line of text, yes or no, one of a list.

Each is a ModalScreen whose answer is None when it is closed with Esc. An answer to a `Question` can
be refused after it has closed; it is asked again as it was answered. Options are text, made safe
here. Knows no pane.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Self, TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from emotui.sanitize import one_line
from emotui.widgets.options import Options

T = TypeVar("T")
NO_MATCH = "nothing has these letters"


class Dialog(ModalScreen[T]):
    """A box in the middle; Esc closes it without an answer."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "close")]
    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 60%; }
    Dialog > Vertical {
        width: 72; max-width: 96%; height: auto; max-height: 90%; padding: 0 1;
        background: $surface; border: round $primary;
    }
    Dialog.-low > Vertical { max-height: 100%; }
    Dialog .question { text-style: bold; height: auto; }
    Dialog .hint { color: $text-muted; height: auto; }
    Dialog Input { border: none; height: 1; padding: 0; background: $panel; margin: 1 0; }
    Dialog OptionList, Dialog OptionList:focus {
        height: auto; max-height: 16; border: none; padding: 0; background: $surface;
    }
    Dialog OptionList:ansi > .option-list--option-highlighted { text-style: reverse bold; }
    """


class Question(Dialog[T]):
    """A dialog whose answer a job may refuse."""

    @abstractmethod
    def refused(self, answer: T, why: str) -> Self:
        """Itself, not yet shown, with the answer that was refused filled in and the reason."""


class AskText(Question[str]):
    """One line of text; `check` returns "" or what is wrong with it."""

    def __init__(
        self,
        question: str,
        *,
        value: str = "",
        hint: str = "",
        check: Callable[[str], str] = lambda text: "",  # noqa: ARG005
    ) -> None:
        super().__init__()
        self._question, self._value, self._hint, self._check = question, value, hint, check

    def compose(self) -> ComposeResult:
        """Question, line, hint."""
        with Vertical():
            yield Static(Text(one_line(self._question)), classes="question")
            yield Input(self._value, id="answer", compact=True, select_on_focus=False)
            yield Static(Text(one_line(self._hint)), classes="hint", id="hint")

    def refused(self, answer: str, why: str) -> Self:
        """The line as it was typed; the reason in place of the hint."""
        self._value, self._hint = answer, f"! {why}"
        return self

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter answers, unless something is wrong with it."""
        wrong = self._check(event.value)
        if wrong:
            self.query_one("#hint", Static).update(Text("! " + one_line(wrong)))
        else:
            self.dismiss(event.value)


class Confirm(Dialog[bool]):
    """Yes or no: y, n or Enter on one of them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "yes"),
        Binding("n", "dismiss(False)", "no"),
    ]

    def __init__(self, question: str, *, yes: str = "Yes", no: str = "No") -> None:
        super().__init__()
        self._question, self._yes, self._no = question, yes, no

    def compose(self) -> ComposeResult:
        """Question and the two answers; no comes first."""
        with Vertical():
            yield Static(Text(one_line(self._question)), classes="question")
            yield Options(
                Option(Text(f"n  {self._no}"), id="no"), Option(Text(f"y  {self._yes}"), id="yes")
            )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter on an answer."""
        self.dismiss(event.option_id == "yes")


class PickOne(Dialog[str]):
    """One of a list of (value, what is shown); typing narrows it."""

    DEFAULT_CSS = "PickOne Input { margin: 0; }"

    def __init__(
        self, question: str, options: Sequence[tuple[str, str]], *, current: str = ""
    ) -> None:
        super().__init__()
        self._question, self._options, self._current = question, tuple(options), current

    def compose(self) -> ComposeResult:
        """Question, filter, list."""
        with Vertical():
            yield Static(Text(one_line(self._question)), classes="question")
            yield Input(placeholder="type to narrow", id="narrow", compact=True)
            yield Options(id="options")

    def on_mount(self) -> None:
        """All of them, the current one marked."""
        self._fill("")

    def _fill(self, needle: str) -> None:
        shown = [o for o in self._options if needle.casefold() in o[1].casefold()]
        options = self.query_one("#options", OptionList)
        options.clear_options()
        options.add_options(Option(Text(one_line(text)), id=value) for value, text in shown)
        values = [value for value, _ in shown]
        if not values:
            options.add_option(Option(Text(NO_MATCH), disabled=True))
        if values:
            options.highlighted = values.index(self._current) if self._current in values else 0

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list."""
        self._fill(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter takes the marked one."""
        del event
        options = self.query_one("#options", OptionList)
        if options.highlighted is not None:
            self.dismiss(options.get_option_at_index(options.highlighted).id)

    def key_down(self) -> None:
        """Arrows move in the list while the line has the focus."""
        self.query_one("#options", OptionList).action_cursor_down()

    def key_up(self) -> None:
        """The same, upwards."""
        self.query_one("#options", OptionList).action_cursor_up()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click in the list."""
        self.dismiss(event.option_id)
