"""How a text comes into the Tokens pane: pasted, from a file, or a row of a dataset.

In: what the user picks or types. Out: a `ShownText`. Files are read here, since one text is small;
dataset rows come from a job. Knows no scores.
"""

from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from emotui.screens.asking import Dialog
from emotui.widgets.text_field import TextField
from emotui.workspace import ShownText

LARGEST_FILE = 1_000_000
"""Bytes; a longer text fits no model's context."""


class PasteText(Dialog[str]):
    """Several lines of text; Ctrl+J takes them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+j", "take", "take", priority=True),
    ]
    DEFAULT_CSS = """
    PasteText TextField { height: 12; border: none; background: $panel; padding: 0; margin: 1 0; }
    """

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._given = text

    def compose(self) -> ComposeResult:
        """Question, area, hint."""
        with Vertical():
            yield Static(Text("Paste or type a text"), classes="question")
            yield TextField(self._given, id="text")
            yield Static(Text("Ctrl+J colours it · Esc leaves"), classes="hint")

    def on_mount(self) -> None:
        """Ready to type."""
        self.query_one(TextField).focus()

    def action_take(self) -> None:
        """The text, unless there is none."""
        text = self.query_one(TextField).value
        self.dismiss(text if text.strip() else None)


def read_text_file(name: str) -> ShownText | str:
    """The file's text, or one line that says why it cannot be shown."""
    path = Path(name).expanduser()
    try:
        if not path.is_file():
            return f"{path} is not a file"
        if path.stat().st_size > LARGEST_FILE:
            return f"{path.name} has more than {LARGEST_FILE:,} bytes; give a shorter text"
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return f"{path.name} is not UTF-8 text"
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"
    if not text.strip():
        return f"{path.name} is empty"
    return ShownText(text, path.name)


def parse_row(text: str, dataset: str) -> tuple[str, int] | str:
    """`12` of the given dataset, or `NAME 12`; else one line that says what is wrong."""
    *name, number = text.split() or [""]
    if not number.isdecimal() or len(name) > 1 or not (name or dataset):
        return "write a row number" + ("" if dataset else " after the dataset's name")
    return (name[0] if name else dataset), int(number)
