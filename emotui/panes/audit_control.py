"""The dialog with one control of a finding: everything it rests on, and what can be done with it.

In: a `FindingView` and the control's id. Out: "run" or "waive" with the control, or nothing. The
keys `[` and `]` go to the control before and after. Runs nothing itself.
"""

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from emotui.panes.audit_rows import paint_of
from emotui.panes.audit_sheet import sheet
from emotui.screens.asking import Dialog

if TYPE_CHECKING:
    from emotui.jobs.audit_browse import FindingView

Answer = tuple[str, str]
""""run" or "waive", and the control."""


class ControlSheet(VerticalScroll, can_focus=True):
    """The text of a control, as wide as there is room; scrolls."""

    DEFAULT_CSS = """
    ControlSheet { height: 1fr; scrollbar-size-vertical: 1; }
    ControlSheet Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "down", show=False),
        Binding("k", "scroll_up", "up", show=False),
        Binding("ctrl+d", "page_down", "page down", show=False),
        Binding("ctrl+u", "page_up", "page up", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[FindingView, str] | None = None

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static()

    def show(self, view: "FindingView", control: str) -> None:
        """Another control, or the same with new numbers."""
        same = self._shown is not None and self._shown[1] == control
        self._shown = view, control
        self._draw()
        if not same:
            self.scroll_home(animate=False)

    def _draw(self) -> None:
        if self._shown is not None and self.size.width > 0:
            # Room for a scrollbar that may only appear once the text is there.
            text = sheet(*self._shown, self.size.width - 2, paint_of(self))
            self.query_one(Static).update(text)

    def on_resize(self, event: events.Resize) -> None:
        """Plots are as wide as there is room."""
        del event
        self._draw()


class ControlDialog(Dialog[Answer]):
    """Nearly the whole screen; Esc closes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket,left", "step(-1)", "control before"),
        Binding("right_square_bracket,right", "step(1)", "next control"),
        Binding("space", "answer('run')", "run"),
        Binding("w", "answer('waive')", "waive"),
        Binding("enter,q", "dismiss(None)", "close"),
    ]
    DEFAULT_CSS = """
    ControlDialog { align: center middle; }
    ControlDialog #control-box {
        width: 120; max-width: 100%; height: 94%; padding: 0 1; layout: vertical;
        background: $surface; border: round $primary;
    }
    ControlDialog .hint { height: 1; }
    """

    def __init__(self, view: "FindingView", control: str) -> None:
        super().__init__()
        self.finding, self.control = view, control

    def compose(self) -> ComposeResult:
        """The sheet, then the keys."""
        with VerticalScroll(id="control-box", can_focus=False):
            yield ControlSheet(id="control-sheet")
            keys = "[ ] other control · Space run · w waive · j k scroll · Esc close"
            yield Static(Text(keys), classes="hint")

    def on_mount(self) -> None:
        """The control that was asked for."""
        self.query_one(ControlSheet).focus()
        self._show()

    def _show(self) -> None:
        self.query_one(ControlSheet).show(self.finding, self.control)

    def take(self, view: "FindingView") -> None:
        """The same finding with new results, while the dialog is open."""
        if view.id == self.finding.id:
            self.finding = view
            if self.is_mounted:  # on the way there it has nothing to draw on, and then draws this
                self._show()

    def action_step(self, by: int) -> None:
        """The control before or after, round and round."""
        every = self.finding.controls
        self.control = every[(every.index(self.control) + by) % len(every)]
        self._show()

    def action_answer(self, what: str) -> None:
        """Close, and have the pane run or waive it."""
        self.dismiss((what, self.control))
