"""The Audit pane: findings at the left, the controls of the one under the cursor at the right.

In: findings as lines, handed to `show_findings`. Out: nothing yet but which command serves. The
verdict is computed elsewhere and only shown here. Runs no control itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.widgets import Static

from emotui.actions import bindings
from emotui.panes.base import Pane
from emotui.sanitize import one_line
from emotui.widgets.table import Column, VirtualTable

VERDICTS = {
    "SUPPORTED": "✓",
    "SUPPORTED_EXPLORATORY": "✓",
    "QUALIFIED": "≈",
    "REFUTED_AS_WORDED": "✗",
    "INCONCLUSIVE": "?",
    "UNTESTED": "◌",
}
"""Glyphs that tell verdicts apart without colour."""
STATES = {
    "pass": "✓",
    "warn": "!",
    "fail": "✗",
    "not_run": "◌",
    "waived": "w",
    "limited": "?",
    "n/a": "–",
}
"""The same for controls."""
EXPLAINED = """\
A finding is a claim in words, the controls its kind has to
pass, and a verdict. The verdict is computed, never typed.

  ✓ supported      every hard control passed
  ≈ qualified      a control warns; the sentence says so
  ✗ refuted        as worded: a hard control failed
  ? inconclusive   not enough data to tell
  ◌ untested       a hard control has not been run;
                   that never counts as passed

Controls: ✓ pass  ! warn  ✗ fail  ◌ not run
          w waived, with a reason  – does not apply
"""


@dataclass(frozen=True)
class ControlLine:
    """One control of a finding."""

    id: str
    state: str
    """One of STATES."""
    evidence: str
    """The number it rests on, in one line."""
    hard: bool
    """Whether the verdict needs it."""


@dataclass(frozen=True)
class FindingLine:
    """One finding as the pane shows it."""

    id: str
    claim: str
    verdict: str
    """One of VERDICTS."""
    sentence: str
    """What may be said, given the verdict."""
    controls: tuple[ControlLine, ...]


class AuditPane(Pane):
    """List and detail."""

    SCOPED_CSS = False
    pane_id = "audit"
    empty_hint = "no finding yet: emotui audit new starts one"
    BINDINGS = bindings("audit")
    DEFAULT_CSS = """
    AuditPane #audit-both { layout: horizontal; height: 1fr; }
    AuditPane #findings { width: 2fr; }
    AuditPane #audit-detail { width: 3fr; border-left: solid $panel; padding: 0 1; }
    AuditPane Static { height: auto; }
    .-narrow AuditPane #audit-both { layout: vertical; }
    .-narrow AuditPane #findings { width: 1fr; height: 6; }
    .-narrow AuditPane #audit-detail {
        width: 1fr; height: 1fr; border-left: none; border-top: solid $panel; padding: 0;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._findings: tuple[FindingLine, ...] = ()

    def compose(self) -> ComposeResult:
        """List, detail."""
        columns = (Column("", 1), Column("id", 6), Column("claim"), Column("hard", 5, "right"))
        with Container(id="audit-both"):
            yield VirtualTable(columns, empty=self.empty_hint, id="findings")
            with VerticalScroll(id="audit-detail", can_focus=True):
                yield Static(Text(EXPLAINED), id="audit-text")

    def show_findings(self, findings: Sequence[FindingLine]) -> None:
        """Show these instead."""
        self._findings = tuple(findings)

        def rows(start: int, stop: int) -> list[list[str]]:
            return [finding_cells(f) for f in self._findings[start:stop]]

        self.query_one("#findings", VirtualTable).set_rows(len(self._findings), rows)
        if not self._findings:
            self.query_one("#audit-text", Static).update(Text(EXPLAINED))
        self.shell.refresh_rows()

    def on_virtual_table_cursor_moved(self, message: VirtualTable.CursorMoved) -> None:
        """Another finding."""
        lines = finding_lines(self._findings[message.row])
        self.query_one("#audit-text", Static).update(Text("\n".join(lines)))

    def _not_yet(self) -> None:
        self.toast(self.empty_hint if not self._findings else "open the finding first: Enter")

    def action_run_control(self) -> None:
        """Run the control under the cursor."""
        self._not_yet()

    def action_run_all(self) -> None:
        """Run all hard controls."""
        self._not_yet()

    def action_new_finding(self) -> None:
        """Start a finding."""
        self._not_yet()

    def action_preregister(self) -> None:
        """Write the claim down first."""
        self._not_yet()

    def action_blind(self) -> None:
        """Rate outputs without their labels."""
        self._not_yet()

    def action_waive(self) -> None:
        """Waive a control."""
        self._not_yet()

    def action_export(self) -> None:
        """Write the audit to a file."""
        self._not_yet()

    @property
    def status_line(self) -> str:
        """How many findings."""
        return f"{len(self._findings)} findings" if self._findings else ""


def finding_cells(finding: FindingLine) -> list[str]:
    """One row of the list."""
    hard = [control for control in finding.controls if control.hard]
    done = sum(control.state not in ("not_run", "waived") for control in hard)
    glyph = VERDICTS.get(finding.verdict, "?")
    return [glyph, finding.id, finding.claim, f"{done}/{len(hard)}"]


def finding_lines(finding: FindingLine) -> list[str]:
    """The detail: claim, verdict, what may be said, every control with its evidence."""
    glyph = VERDICTS.get(finding.verdict, "?")
    lines = [
        one_line(finding.claim),
        f"{glyph} {finding.verdict.replace('_', ' ')}",
        one_line(finding.sentence),
        "",
    ]
    for control in finding.controls:
        mark = STATES.get(control.state, "?")
        kind = "hard" if control.hard else "    "
        lines.append(f"{mark} {control.id:<5} {kind}  {one_line(control.evidence)}")
    return lines
