"""A dialog with several fields: lines of text and choices. The last answer is checked as a whole.

In: fields. Out: a dict of answers by field name, or None after Esc. Knows no pane.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Select, Static

from emotui.sanitize import one_line
from emotui.screens.asking import Question

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


@dataclass(frozen=True)
class Wrong:
    """What is wrong with the answers, and the name of the field that has to change."""

    field: str
    why: str


Check = Callable[[Mapping[str, str]], Wrong | None]
"""Returns the first thing that is wrong; None for nothing."""


def fine(answers: Mapping[str, str]) -> None:
    """A check that finds nothing wrong."""
    del answers


class Form(Question[dict[str, str]]):
    """Tab, Up and Down move, Enter in a line or Ctrl+J anywhere takes all."""

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
        self._begin_at = ""
        """The field that has the focus first; "" for the first one."""

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

    def on_mount(self) -> None:
        """To the field that was refused."""
        if self._begin_at:
            self.query_one(f"#field-{self._begin_at}").focus()

    def refused(self, answer: dict[str, str], why: str) -> Self:
        """Filled in as it was; the reason in place of the hint, the focus where it belongs."""
        self._fields = [replace(f, value=answer.get(f.name, f.value)) for f in self._fields]
        self._hint = f"! {why}"
        self._begin_at = blamed(why, self._fields)
        return self

    def on_key(self, event: events.Key) -> None:
        """Up and Down go from a line to the field before and after; in a choice they open it."""
        if event.key in ("up", "down") and isinstance(self.focused, Input):
            event.stop()
            if event.key == "up":
                self.focus_previous()
            else:
                self.focus_next()

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
        """Close with the answers; where something is wrong, say it and go to its field."""
        wrong = self._check(self.answers)
        if wrong is None:
            self.dismiss(self.answers)
            return
        self.query_one("#wrong", Static).update(Text("! " + one_line(wrong.why)))
        self.query_one(f"#field-{wrong.field}").focus()


OTHERWISE = {"with": "other", "register": "registers"}
"""Options of the commands whose field has another name."""


def blamed(why: str, fields: Sequence[Field]) -> str:
    """The field that a job's refusal is about: whose option it names or whose value; else ""."""
    names = {field.name for field in fields}
    for option in re.findall(r"--([a-z-]+)", why):
        name = OTHERWISE.get(option, option.replace("-", "_"))
        if name in names:
            return name
    given = [(field.name, one_line(field.value)) for field in fields if field.value]
    quoted = [name for name, value in given if repr(value) in why]
    named = [name for name, value in given if len(value) > 2 and value in why]
    return next(iter(quoted + named), "")
