"""The first part of the Audit pane: which findings there are, which one is shown, and how.

In: `FindingView`s from the desk. Out: the list, the summary and the checklist of the finding under
the cursor. Asks for nothing but to read; `audit_runs` runs controls, `audit` edits.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.timer import Timer
from textual.widgets import Static

from emotui.events import Job, Partial
from emotui.lanes import Tools
from emotui.panes.audit_checklist import Checklist, FindingList
from emotui.panes.audit_control import ControlDialog, ControlSheet
from emotui.panes.audit_rows import checklist, paint_of
from emotui.panes.audit_summary import EXPLAINED, summary
from emotui.panes.base import Pane
from emotui.sanitize import one_line
from emotui.screens.asking import AskText
from emotui.widgets.table import VirtualTable
from emotui.worker import JobEvent, Report

if TYPE_CHECKING:
    from emotui.jobs.audit_browse import FindingView


SIDE_AFTER = 0.08
"""Seconds after the last move until the control beside the checklist is drawn."""


class AuditList(Pane):
    """Findings at the left, verdict and checklist at the right; on a wide screen a control."""

    SCOPED_CSS = False
    empty_hint = "no finding yet: n enters a claim"
    DEFAULT_CSS = """
    AuditPane #audit-both { layout: horizontal; height: 1fr; }
    AuditPane #findings { width: 2fr; }
    AuditPane #audit-right { width: 5fr; border-left: solid $panel; padding: 0 0 0 1; }
    AuditPane #audit-top { height: auto; max-height: 50%; scrollbar-size-vertical: 1; }
    AuditPane #audit-text { height: auto; }
    AuditPane #audit-checks { height: 1fr; min-height: 4; border-top: solid $panel; }
    AuditPane #audit-side { width: 5fr; border-left: solid $panel; padding: 0 0 0 1; }
    .-wide AuditPane #audit-both.-some #audit-side { display: block; }
    AuditPane #audit-both.-none #audit-checks, AuditPane #audit-both.-none #audit-side {
        display: none;
    }
    AuditPane #audit-both.-none #audit-top { max-height: 100%; }
    .-narrow AuditPane #audit-both { layout: vertical; }
    .-narrow AuditPane #findings { width: 1fr; height: 4; }
    .-narrow AuditPane #audit-right {
        width: 1fr; height: 1fr; border-left: none; border-top: solid $panel; padding: 0;
    }
    .-narrow AuditPane #audit-top { max-height: 7; }
    .-narrow AuditPane #audit-both.-none #audit-top { max-height: 100%; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._views: dict[str, FindingView] = {}
        self._needle = ""
        self._at = ""
        """Id of the finding that is shown."""
        self._side_due: Timer | None = None

    def compose(self) -> ComposeResult:
        """List, detail, and one control where there is room."""
        with Container(id="audit-both", classes="-none"):
            yield FindingList(id="findings")
            with Vertical(id="audit-right"):
                with VerticalScroll(id="audit-top", can_focus=True):
                    yield Static(Text(EXPLAINED), id="audit-text")
                yield Checklist(id="audit-checks")
            yield ControlSheet(id="audit-side").add_class("only-wide")

    # What is shown

    @property
    def finding(self) -> "FindingView | None":
        """The one under the cursor."""
        return self._views.get(self._at)

    @property
    def control(self) -> str:
        """The control under the checklist's cursor; "" for none."""
        return self.query_one("#audit-checks", Checklist).control

    @property
    def shown(self) -> "list[FindingView]":
        """Those that match the filter."""
        needle = self._needle.casefold()
        return [v for v in self._views.values() if not needle or needle in _words(v)]

    def queued(self, finding: str) -> tuple[frozenset[str], str]:
        """Controls of a finding that wait, and the one at work."""
        del finding
        return frozenset(), ""

    # Reading

    def on_workspace(self, changed: frozenset[str]) -> None:
        """Data, runs or vectors have changed, and with them perhaps what findings rest on."""
        if "datasets_version" in changed:
            self.read_all()

    def read_all(self, at: str = "") -> None:
        """Every finding again; afterwards the one of this id is shown."""
        self._at = at or self._at
        self.submit(
            _findings, "read findings", lane="desk", subject="findings", then=self._take_all,
            quiet=True,
        )  # fmt: skip

    def read_one(self, name: str, *, check: bool) -> None:
        """One finding again, with its inputs or without."""

        def start(tools: Tools) -> Job:
            from emotui.jobs.audit_browse import checked_job, finding_job

            return (checked_job if check else finding_job)(tools.home, name)

        self.submit(
            start, f"read {name}", lane="desk", subject=f"finding.{name}", then=self._take_one,
            quiet=True,
        )  # fmt: skip

    def on_job(self, report: Report) -> None:
        """The records come before their inputs are looked at."""
        if isinstance(report, JobEvent) and isinstance(report.event, Partial):
            value = report.event.value
            if report.event.kind == "findings" and isinstance(value, tuple):
                self._take_all(value)

    def _take_all(self, views: "tuple[FindingView, ...]") -> None:
        self._views = {v.id: self._with_costs(v) for v in views}
        if self._at not in self._views:
            self._at = next(iter(self._views), "")
        self.draw_list()
        self.draw_finding()

    def _take_one(self, view: "FindingView") -> None:
        self._views[view.id] = self._with_costs(view)
        self.draw_list()
        if view.id == self._at:
            self.draw_finding()

    def _with_costs(self, view: "FindingView") -> "FindingView":
        """What was known of the finding before and takes a look at its inputs to know."""
        old = self._views.get(view.id)
        if view.checked or old is None:
            return view
        return replace(
            view, costs=old.costs, problems=view.problems or old.problems, refused=old.refused,
            head=old.head,
        )  # fmt: skip

    # Drawing

    def draw_list(self) -> None:
        """The list, and the line about it."""
        self.query_one("#findings", FindingList).show(self.shown, at=self._at, needle=self._needle)
        self.query_one("#audit-both").set_class(self.finding is None, "-none")
        self.query_one("#audit-both").set_class(self.finding is not None, "-some")
        self.shell.refresh_rows()

    def draw_finding(self, *, keep: bool = True) -> None:
        """Verdict and checklist of the finding under the cursor."""
        view = self.finding
        text = self.query_one("#audit-text", Static)
        if view is None:
            text.update(Text(EXPLAINED))
            return
        text.update(summary(view, paint_of(self)))
        self.draw_checks(keep=keep)

    def draw_checks(self, *, keep: bool = True) -> None:
        """The checklist, and the control that is open."""
        view = self.finding
        if view is None:
            return
        waiting, running = self.queued(view.id)
        rows = checklist(view, queued=waiting, running=running)
        self.query_one("#audit-checks", Checklist).show(rows, keep=keep)
        self._draw_side()
        if isinstance(self.app.screen, ControlDialog):
            self.app.screen.take(view)

    def _draw_side(self) -> None:
        view = self.finding
        if view is not None and self.control:
            self.query_one("#audit-side", ControlSheet).show(view, self.control)

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        if self.is_mounted and self.finding is not None:
            self.draw_finding()

    # What keys do

    def on_virtual_table_cursor_moved(self, message: VirtualTable.CursorMoved) -> None:
        """Another finding, or another control of it."""
        if message.table.id == "findings":
            shown = self.shown
            if message.row < len(shown) and shown[message.row].id != self._at:
                self._at = shown[message.row].id
                self.query_one("#audit-top").scroll_home(animate=False)
                self.draw_finding(keep=False)
        else:
            # Held keys move at once; the sheet follows when they rest.
            if self._side_due is not None:
                self._side_due.stop()
            self._side_due = self.set_timer(SIDE_AFTER, self._draw_side)

    def on_virtual_table_opened(self, message: VirtualTable.Opened) -> None:
        """Enter: from the finding to its checklist, from a control to all it rests on."""
        if message.table.id == "findings":
            if self.finding is not None:
                self.query_one("#audit-checks").focus()
        else:
            self.open_control()

    def open_control(self) -> None:
        """The control under the cursor, whole."""
        view, control = self.finding, self.control
        if view is not None and control:
            self.ask(ControlDialog(view, control), self.answered)

    def answered(self, answer: tuple[str, str]) -> None:
        """What was asked for in the dialog of a control."""
        self.query_one("#audit-checks", Checklist).to_control(answer[1])

    def action_group(self, by: int) -> None:
        """The first control of the group after or before."""
        checks = self.query_one("#audit-checks", Checklist)
        checks.next_group(by)
        checks.focus()

    def action_back(self) -> None:
        """From the checklist to the list."""
        self.query_one("#findings").focus()

    def action_filter(self) -> None:
        """Only findings whose id, claim or verdict has these words."""
        question = AskText("Findings with", value=self._needle, hint="empty shows all")
        self.ask(question, self._filter)

    def _filter(self, needle: str) -> None:
        self._needle = needle.strip()
        shown = self.shown
        if shown and self._at not in {v.id for v in shown}:
            self._at = shown[0].id
        self.draw_list()
        self.draw_finding(keep=False)
        if not shown:
            self.toast(f"no finding matches {one_line(needle)}")

    @property
    def status_line(self) -> str:
        """How many findings, and how many of them hold."""
        every = list(self._views.values())
        if not every:
            return ""
        words = [v.verdict.word for v in every if v.verdict is not None and not v.problems]
        good = sum(w.startswith("SUPPORTED") or w == "QUALIFIED" for w in words)
        part = f" · filter {self._needle}: {len(self.shown)}" if self._needle else ""
        return f"{good} of {len(every)} hold{part}"


def _words(view: "FindingView") -> str:
    title = "" if view.record is None else str(view.record["title"])
    word = "" if view.verdict is None else view.verdict.word
    return f"{view.id} {title} {word}".casefold()


def _findings(tools: Tools) -> Job:
    from emotui.jobs.audit_browse import findings_job

    return findings_job(tools.home, cancelled=tools.cancelled)
