"""The Steer pane's second part: a sweep's grid, the history of runs, or two outputs compared.

In: a sweep's request, steps and result; finished runs; texts. Out: `Chosen` for a row. Shows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Static

from emotui.jobs.live_spec import (
    BASELINE,
    RANDOM,
    STEERED,
    LiveRequest,
    LiveResult,
    LiveStep,
    LiveText,
)
from emotui.panes.steer_words import history_row, meters, short
from emotui.sanitize import one_line, shorten, visible
from emotui.widgets.cells import signed, wrapped
from emotui.widgets.slider import alpha_text
from emotui.widgets.table import Column, VirtualTable
from emotui.widgets.text_diff import diff_text, same_beginning

Kind = Literal["", "sweep", "history", "diff"]


class Extra(Vertical):
    """A title, a table or a text, and a line about the row under the cursor."""

    SCOPED_CSS: ClassVar[bool] = False
    DEFAULT_CSS = """
    Extra { width: 1fr; }
    Extra #extra-title {
        height: 1; text-style: bold; text-wrap: nowrap; text-overflow: ellipsis;
    }
    Extra VirtualTable { height: 1fr; display: none; }
    Extra #extra-sweep { max-height: 10; }
    Extra #extra-row { height: auto; max-height: 9; display: none; color: $text; }
    .-narrow Extra #extra-row { max-height: 4; }
    .-tall Extra #extra-row { max-height: 60%; }
    .-wide.-tall Extra #extra-row { max-height: 80%; }
    Extra #extra-diff { height: 1fr; display: none; }
    Extra.-sweep #extra-sweep, Extra.-sweep #extra-row { display: block; }
    Extra.-history #extra-history, Extra.-history #extra-row { display: block; }
    Extra.-diff #extra-diff { display: block; }
    """

    @dataclass
    class Chosen(Message):
        """Enter on a row."""

        kind: Kind
        index: int

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.kind: Kind = ""
        self._request: LiveRequest | None = None
        self._result: LiveResult | None = None
        self._texts: list[str] = []
        self._done: tuple[bool, ...] = ()
        self._fresh = self._stale = False
        self._runs: Sequence[LiveResult] = ()
        self._pair = 0

    def compose(self) -> ComposeResult:
        """All three; one is shown."""
        yield Static(id="extra-title", markup=False)
        yield VirtualTable(
            [
                Column("α", 6, "right"),
                Column("text"),
                Column("read", 6, "right"),
                Column("NLL", 5, "right"),
                Column("rep", 4, "right"),
                Column("KL₁", 5, "right"),
                Column("dose", 5, "right"),
                Column("hooks", 7, "right"),
            ],
            id="extra-sweep",
        )
        yield VirtualTable(
            [
                Column("#", 3, "right"),
                Column("steering", 18),
                Column("layer", 5, "right"),
                Column("prompt"),
                Column("text"),
                Column("marks", 12),
            ],
            empty="no runs yet: Ctrl+J",
            id="extra-history",
        )
        yield Static(id="extra-row", markup=False)
        with VerticalScroll(id="extra-diff"):
            yield Static(id="extra-diff-text", markup=False)

    @property
    def row(self) -> int:
        """The sweep's row under the cursor."""
        return self.query_one("#extra-sweep", VirtualTable).cursor

    @property
    def sweep_text(self) -> tuple[LiveRequest, LiveText] | None:
        """The finished text of the row under the cursor, while a sweep is shown."""
        if self.kind != "sweep" or self._result is None:
            return None
        return self._result.request, self._result.texts[min(self.row, len(self._texts) - 1)]

    def _become(self, kind: Kind) -> None:
        if self.kind:
            self.remove_class(f"-{self.kind}")
        self.kind = kind
        self.add_class(f"-{kind}")

    def _title(self, text: str) -> None:
        self.query_one("#extra-title", Static).update(Text(text))

    # Sweep

    def begin_sweep(self, request: LiveRequest) -> None:
        """A sweep starts: one row per alpha, texts to come."""
        self._become("sweep")
        self._request, self._result, self._stale = request, None, False
        self._texts = [""] * len(request.rows)
        self._done = (False,) * len(request.rows)
        middle = next((i for i, row in enumerate(request.rows) if not row.alphas), 0)
        table = self.query_one("#extra-sweep", VirtualTable)
        table.set_rows(len(request.rows), self._sweep_rows, cursor=middle)
        table.focus()
        self._sweep_title()

    def push(self, step: LiveStep) -> None:
        """One token of every alpha."""
        before = self._done
        for i, piece in enumerate(step.pieces):
            if not before[i]:
                self._texts[i] += piece
        self._done = step.done
        self._fresh = True

    def flush(self) -> None:
        """Show what has come since the last flush."""
        if self._fresh:
            self._fresh = False
            self.query_one("#extra-sweep", VirtualTable).update_rows()
            self._row_text()

    def show_sweep(self, result: LiveResult) -> None:
        """A finished sweep: texts with their meters."""
        fresh = self._request is not result.request or self.kind != "sweep"
        self._become("sweep")
        self._request, self._result = result.request, result
        self._texts = [text.text for text in result.texts]
        self._fresh = self._stale = False
        table = self.query_one("#extra-sweep", VirtualTable)
        if fresh or table.count != len(result.texts):
            table.set_rows(len(result.texts), self._sweep_rows, cursor=table.cursor)
        else:
            table.update_rows()
        self._sweep_title()
        self._row_text()

    def cut(self) -> None:
        """The sweep was stopped."""
        self.flush()
        if self.kind == "sweep" and self._result is None:
            self._title("sweep stopped: no meters")

    def set_stale(self, stale: bool) -> None:
        """The settings have changed since."""
        if stale != self._stale:
            self._stale = stale
            if self.kind == "sweep":
                self._sweep_title()

    def _sweep_title(self) -> None:
        if self._request is None:
            return
        text = f"sweep of {one_line(self._request.sweep)}, layer {self._request.layer}"
        result = self._result
        if result is None:
            text += " · generating ..."
        elif result.window is None:
            text += " · coherent window not known"
        elif result.window == (0.0, 0.0):
            text += " · no alpha tried was coherent"
        else:
            low, high = result.window
            text += f" · coherent {alpha_text(low)} … {alpha_text(high)} of the alphas tried"
        if self._stale:
            text += "  (stale)"
        self._title(text)

    def _sweep_rows(self, start: int, stop: int) -> list[list[str]]:
        assert self._request is not None
        out = []
        for i in range(start, stop):
            row = self._request.rows[i]
            alpha = signed(row.alphas[0], places=3) if row.alphas else "0"
            cells = [alpha, self._texts[i], "", "", "", "", "", ""]
            if self._result is not None:
                text = self._result.texts[i]
                cells[2:] = [
                    signed(text.scores[0], places=3) if text.scores else "–",
                    short(text.nll),
                    short(text.repetition4),
                    short(text.kl_first) if row.alphas else "",
                    short(text.dose, 3) if row.alphas else "",
                    f"{text.hook_calls}/{text.hook_calls_due}",
                ]
            out.append(cells)
        return out

    # History and diff

    def show_history(self, runs: Sequence[LiveResult]) -> None:
        """Runs, newest first."""
        self._become("history")
        self._runs = tuple(runs)
        table = self.query_one("#extra-history", VirtualTable)
        table.set_rows(len(self._runs), self._history_rows)
        table.focus()
        self._title(f"{len(self._runs)} runs · Enter brings one back with its settings")
        self._row_text()

    def _history_rows(self, start: int, stop: int) -> list[tuple[str, ...]]:
        n = len(self._runs)
        return [history_row(n - i, self._runs[i]) for i in range(start, stop)]

    def show_diff(self, texts: Sequence[tuple[str, str]]) -> None:
        """Two of the texts; asked for again, the next two."""
        pairs = [(a, b) for i, a in enumerate(texts) for b in texts[i + 1 :]]
        self._pair = (self._pair + 1) % len(pairs) if self.kind == "diff" else 0
        (one, first), (two, second) = pairs[self._pair]
        self._become("diff")
        same = same_beginning(first, second)
        self._title(
            f"[-{one}-] {{+{two}+}} · same for the first {same} words"
            + (" · D for the next pair" if len(pairs) > 1 else "")
        )
        self.query_one("#extra-diff-text", Static).update(diff_text(first, second))

    # The row under the cursor

    def on_resize(self) -> None:
        """Other rows hold another part of the texts."""
        self.call_after_refresh(self._row_text)

    def on_virtual_table_cursor_moved(self, message: VirtualTable.CursorMoved) -> None:
        """Its whole text."""
        message.stop()
        self._row_text()

    def on_virtual_table_opened(self, message: VirtualTable.Opened) -> None:
        """Enter."""
        message.stop()
        self.post_message(self.Chosen(self.kind, message.row))

    def _row_text(self) -> None:
        shown = Text()
        if self.kind == "sweep" and self._texts and self._request is not None:
            shown = self._sweep_texts()
        elif self.kind == "history" and self._runs:
            table = self.query_one("#extra-history", VirtualTable)
            run = self._runs[min(table.cursor, len(self._runs) - 1)]
            rows = self._text_rows
            texts = run.texts[:rows]
            for text in texts:
                named = f"{_name(text.name, text.alphas)}: "
                lines = self._cut(named + one_line(text.text), rows // len(texts))
                shown.append(lines[: len(named)], "bold").append(lines[len(named) :] + "\n")
        self.query_one("#extra-row", Static).update(shown)

    def _sweep_texts(self) -> Text:
        """The text under the cursor with its meters; on a tall screen all others after it."""
        assert self._request is not None
        shown = Text()
        at = min(self.row, len(self._texts) - 1)
        tall, rows = self.screen.has_class("-tall"), self._text_rows
        if self._result is not None:
            parts = meters(self._request, self._result.texts[at], room=self._text_width)
            said = wrapped(parts, self._text_width)
            shown.append(said + "\n", "dim")
            rows -= said.count("\n") + 1
        text = self._cut(
            visible(self._texts[at].strip(), newlines=True), rows // 2 if tall else rows
        )
        shown.append(text)
        if tall:
            shown.append("\n")
            each = (rows - text.count("\n") - 2) // len(self._texts)
            for ask, other in zip(self._request.rows, self._texts, strict=True):
                named = f"{_name(ask.name, ask.alphas):>8}  "
                lines = self._cut(named + one_line(other), each)
                shown.append("\n" + lines[: len(named)], "bold").append(lines[len(named) :])
        return shown

    @property
    def _text_width(self) -> int:
        return self.query_one("#extra-row", Static).size.width or self.size.width or 80

    @property
    def _text_rows(self) -> int:
        """Rows for texts under the table: the style sheet's `max-height` of them."""
        if self.screen.has_class("-tall"):
            share = 0.8 if self.screen.has_class("-wide") else 0.6
            return max(int(share * (self.size.height or 40)), 9)
        return 4 if self.screen.has_class("-narrow") else 9

    def _cut(self, text: str, rows: int) -> str:
        """The text on so many rows, one or more; an ellipsis says that it goes on."""
        rows, width = max(rows, 1), self._text_width
        lines = Text(text[: (rows + 1) * width]).wrap(self.app.console, width)
        plain = [line.plain.rstrip() for line in lines[:rows]]
        if len(lines) > rows:
            plain[-1] = shorten(plain[-1], width - 1).removesuffix("…") + "…"
        return "\n".join(plain)


def _name(name: str, alphas: Sequence[float]) -> str:
    """A text's name where it has one, else its alpha."""
    named = name in (BASELINE, STEERED, RANDOM)
    return name if named else alpha_text(alphas[0]) if alphas else "0"
