"""A dialog with several fields: lines of text and choices. The last answer is checked as a whole.

In: fields. Out: a dict of answers by field name, or None after Esc. Knows no pane.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Select, Static

from emotui.sanitize import one_line
from emotui.screens.asking import Dialog

NONE = "(none)"
"""What a choice without a value shows."""


@dataclass(frozen=True)
class Field:
    """One line of the form."""

    name: str
    label: str
    value: str = ""
    hint: str = ""
    choices: tuple[str, ...] = ()
    """Given: one of these or none; empty: a line of text."""
    required: bool = False
    """Whether one of the choices has to be taken; `value` is one of them then."""


Check = Callable[[Mapping[str, str]], str]
"""Returns "" or what is wrong."""


def fine(answers: Mapping[str, str]) -> str:
    """A check that finds nothing wrong."""
    del answers
    return ""


class Form(Dialog[dict[str, str]]):
    """Tab moves, Enter in a line or Ctrl+J anywhere takes all."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+j", "take", "take", priority=True)]
    DEFAULT_CSS = """
    Form .field { height: 1; margin: 0; }
    Form .field > Static { width: 18; color: $text-muted; }
    Form .field:focus-within > Static { color: $text; text-style: bold reverse; }
    Form .field > Input { width: 1fr; margin: 0; }
    Form .field > Select { width: 1fr; height: 1; }
    Form #wrong { height: auto; margin: 1 0 0 0; }
    Form .first { margin: 1 0 0 0; }
    """

    def __init__(
        self, question: str, fields: Sequence[Field], *, hint: str = "", check: Check = fine
    ) -> None:
        super().__init__()
        self._question, self._fields, self._hint, self._check = question, fields, hint, check

    def compose(self) -> ComposeResult:
        """A row per field."""
        with Vertical():
            yield Static(Text(one_line(self._question)), classes="question")
            for i, field in enumerate(self._fields):
                with Horizontal(classes="field first" if i == 0 else "field"):
                    yield Static(Text(field.label))
                    if field.choices:
                        yield Select(
                            [(Text(one_line(c)), c) for c in field.choices],
                            prompt=NONE,
                            allow_blank=not field.required,
                            value=field.value if field.value in field.choices else Select.NULL,
                            id=f"field-{field.name}",
                            compact=True,
                        )
                    else:
                        yield Input(
                            field.value,
                            placeholder=field.hint,
                            id=f"field-{field.name}",
                            compact=True,
                        )
            hint = "\n".join(one_line(line) for line in self._hint.split("\n"))
            yield Static(Text(hint), classes="hint", id="wrong")

    @property
    def answers(self) -> dict[str, str]:
        """What stands in the fields now."""
        out: dict[str, str] = {}
        for field in self._fields:
            widget = self.query_one(f"#field-{field.name}")
            if isinstance(widget, Input):
                out[field.name] = widget.value.strip()
            elif isinstance(widget, Select):
                blank = widget.value is Select.NULL
                out[field.name] = "" if blank else str(widget.value)
        return out

    def on_input_submitted(self) -> None:
        """Enter in a line."""
        self.action_take()

    def action_take(self) -> None:
        """Close with the answers, unless something is wrong with them."""
        wrong = self._check(self.answers)
        if wrong:
            self.query_one("#wrong", Static).update(Text("! " + one_line(wrong)))
        else:
            self.dismiss(self.answers)
