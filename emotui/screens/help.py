"""Help for one pane: what it is for, then its keys, then those that work everywhere."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from emotui.screens.asking import Dialog

WHAT = {
    "data": "Every dataset and its rows: read them, filter them, count them, set rows aside with "
    "a reason, bring in files, and start an extraction.",
    "probes": "Where in the model a label can be read, layer by layer, beside everything that "
    "could explain it away: bag of words, length, shuffled labels, an untrained twin.",
    "vectors": "The directions of a run: how sure they are, how they lie to each other, which "
    "tokens they promote.",
    "tokens": "A text with every token coloured by the emotions you choose, at a layer.",
    "steer": "Push the model along a direction while it writes, beside a baseline and a random "
    "direction of the same size.",
    "audit": "Findings, the controls they have to pass, and the verdict that follows.",
    "jobs": "What runs, what waits, and what each job has said.",
}


class Help(Dialog[None]):
    """Scrolls where it does not fit; Esc, ? or F1 closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1,q,enter", "dismiss(None)", "close"),
    ]
    DEFAULT_CSS = """
    Help > VerticalScroll {
        width: 76; max-width: 96%; height: auto; max-height: 90%; padding: 0 1;
        background: $surface; border: round $primary;
    }
    Help Static { height: auto; }
    """

    def __init__(self, pane: str, rows: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._pane, self._rows = pane, tuple(rows)

    def compose(self) -> ComposeResult:
        """The text, then one line per key."""
        wide = max((len(keys) for keys, _ in self._rows), default=0)
        text = Text(f"{self._pane.capitalize()}\n", style="bold")
        text.append(WHAT.get(self._pane, "") + "\n\n", style="not bold")
        for keys, tip in self._rows:
            text.append(f"{keys:<{wide}}  ", style="bold")
            text.append(tip + "\n", style="not bold")
        text.append("\nEsc leaves a text line or closes a dialog.", style="not bold dim")
        with VerticalScroll(can_focus=True):
            yield Static(text)
