"""What went wrong in a job that should not have: one line, and the file with the traceback."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from emotui.sanitize import one_line
from emotui.screens.asking import Dialog


class Failure(Dialog[None]):
    """Esc or Enter closes it; the session goes on."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "dismiss(None)", "close")]
    DEFAULT_CSS = """
    Failure > Vertical { border: round $error; }
    Failure Static { height: auto; }
    """

    def __init__(self, title: str, message: str, traceback: str) -> None:
        super().__init__()
        self._title, self._message, self._file = title, message, traceback

    @property
    def text(self) -> str:
        """What the dialog says."""
        lines = [f"{one_line(self._title)} failed", "", one_line(self._message)]
        if self._file:
            lines += ["", "The traceback is in", self._file]
        return "\n".join([*lines, "", "What was finished is kept. Esc closes this."])

    def compose(self) -> ComposeResult:
        """The lines."""
        with Vertical():
            yield Static(Text(self.text))
