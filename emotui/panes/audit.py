"""The Audit pane: findings with their verdicts, the checklist of each, and what a person may add.

In: the findings on disk. Out: audit jobs, edits as events in the history, new claims from what the
user is looking at, the report. The verdict is computed elsewhere and only shown here.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from emotui.actions import bindings
from emotui.events import Job
from emotui.lanes import JobFactory, Tools
from emotui.panes.audit_dialogs import (
    PlanQuestion,
    deviation_form,
    note_form,
    plan_lines,
    waiver_question,
)
from emotui.panes.audit_rows import state_of
from emotui.panes.audit_runs import AuditRuns
from emotui.panes.audit_suggest import suggestion, suggestions
from emotui.panes.audit_wizard import (
    claim_form,
    new_request,
    supplies_of,
    supply_form,
)
from emotui.sanitize import one_line
from emotui.screens.asking import AskText, PickOne
from emotui.screens.form import Form

Answers = dict[str, str]
"""What was typed into a form, by field."""


class AuditPane(AuditRuns):
    """All of it."""

    SCOPED_CSS = False
    pane_id = "audit"
    BINDINGS = bindings("audit")

    def on_workspace(self, changed: frozenset[str]) -> None:
        """Another pane may have asked for a finding from what it shows."""
        super().on_workspace(changed)
        if "claim" in changed and self.workspace.claim:
            kind = self.workspace.claim
            self.choose(replace(self.workspace, claim=""))
            self.open_form(kind)

    # A new finding

    def action_new_finding(self) -> None:
        """Which kind of claim, then its form."""
        options = [(s.kind, s.line) for s in suggestions(self.workspace)]
        self.ask(PickOne("What kind of claim?", options), self.open_form)

    def open_form(self, kind: str) -> None:
        """The form of a kind, filled from what the user is looking at."""
        given = suggestion(self.workspace, kind)
        self.ask_for_job(
            lambda: claim_form(kind, given), lambda answers: self._enter(kind, answers)
        )

    def _enter(self, kind: str, answers: Answers) -> int:
        def start(tools: Tools) -> Job:
            from emotui.jobs.audit_browse import new_job

            return new_job(tools.home, new_request(kind, answers))

        return self.submit(start, f"enter a {kind} claim", lane="desk", then=self._entered)

    def _entered(self, record: dict[str, Any]) -> None:
        sealed = "its plan is sealed" if record["prereg"] else "no plan is sealed; p seals one"
        self.toast(f"{record['id']} entered, {sealed}; a runs what its verdict needs")
        self.read_all(at=record["id"])

    # What a person may add

    def action_preregister(self) -> None:
        """Show the plan, ask, seal it."""
        view = self.ready()
        if view is None or view.record is None or self.busy(view.id):
            return
        if view.record["prereg"]:
            at = view.record["prereg"]["sealed_at"][:16]
            self.toast(f"the plan was sealed at {at}; D logs a deviation from it")
            return
        if view.record["evidence"]:
            self.toast("evidence was read already; a plan sealed now is no plan: n enters the "
                       "claim anew", severity="warning")  # fmt: skip
            return
        name = view.id

        def show(prereg: Any) -> None:
            def seal(yes: bool) -> None:
                if yes:
                    self._edit(name, f"seal the plan of {name}", _sealing(name))

            self.ask(PlanQuestion(name, plan_lines(prereg)), seal)

        def start(tools: Tools) -> Job:
            from emotui.jobs.audit_edit import plan_job

            return plan_job(tools.home, name)

        self.submit(start, f"plan of {name}", lane="desk", subject="plan", then=show, quiet=True)

    def action_waive(self) -> None:
        """Leave out the control under the cursor; asks why."""
        self.waive(self.control)

    def waive(self, control: str) -> None:
        """Leave out one control of the finding that is shown."""
        view = self.ready()
        if view is None or not control or self.busy(view.id):
            return
        if state_of(view, control) not in ("not_run", "waived"):
            self.toast(f"{control} has been run; only a control that was not run can be waived")
            return
        from vectors.audits.registry import CONTROLS, default_on

        if control not in view.required and not default_on(control):
            self.toast(f"{control} is not required for this claim, so there is nothing to waive")
            return
        name = view.id

        def take(reason: str) -> int:
            def start(tools: Tools) -> Job:
                from emotui.jobs.audit_edit import waive_job

                return waive_job(tools.home, name, control, reason)

            return self._edit(name, f"waive {control} of {name}", start)

        self.ask_for_job(lambda: waiver_question(control, CONTROLS[control].question), take)

    def action_deviate(self) -> None:
        """A departure from the sealed plan."""
        view = self.ready()
        if view is None or view.record is None or self.busy(view.id):
            return
        if not view.record["prereg"]:
            self.toast("no plan is sealed, so there is nothing to deviate from; p seals one")
            return
        name = view.id

        def start(tools: Tools, answers: Answers) -> Job:
            from emotui.jobs.audit_edit import deviate_job

            return deviate_job(tools.home, name, answers["what"], answers["why"])

        self._fill_in(deviation_form, name, f"deviation of {name}", start)

    def action_supply(self) -> None:
        """Other texts, a second run, norms: what further controls need."""
        view = self.ready()
        if view is None or self.busy(view.id):
            return
        name = view.id

        def start(tools: Tools, answers: Answers) -> Job:
            from emotui.jobs.audit_browse import supply_job

            return supply_job(tools.home, name, supplies_of(answers))

        self._fill_in(supply_form, name, f"more for {name}", start)

    def action_note(self) -> None:
        """What is controlled, what is not."""
        view = self.ready()
        if view is None or self.busy(view.id):
            return
        name = view.id

        def start(tools: Tools, answers: Answers) -> Job:
            from emotui.jobs.audit_edit import note_job

            return note_job(tools.home, name, answers["controlled"], answers["not_controlled"])

        self._fill_in(note_form, name, f"note on {name}", start)

    def _fill_in(
        self,
        form: Callable[[str], Form],
        name: str,
        title: str,
        start: Callable[[Tools, Answers], Job],
    ) -> None:
        """Ask with a form; what was answered is written to the finding."""

        def take(answers: Answers) -> int:
            return self._edit(name, title, lambda tools: start(tools, answers))

        self.ask_for_job(lambda: form(name), take)

    def _edit(self, name: str, title: str, start: JobFactory) -> int:
        def done(record: dict[str, Any]) -> None:
            word = record["verdict"]["word"]
            self.toast(f"{title}: written; the verdict is {word}")
            self.read_one(name, check=True)

        return self.submit(start, title, lane="desk", then=done)

    # What goes out

    def action_copy_sentence(self) -> None:
        """The licensed sentence to the clipboard."""
        view = self.finding
        if view is None or view.verdict is None:
            self.toast(self.empty_hint, severity="warning")
            return
        self.shell.copy_out(one_line(view.verdict.sentence))

    def action_export(self) -> None:
        """AUDIT.md and audit.html of every finding."""
        if self.finding is None:
            self.toast(self.empty_hint, severity="warning")
            return

        def take(folder: str) -> int:
            def start(tools: Tools) -> Job:
                from emotui.jobs.audit_browse import report_job

                return report_job(tools.home, folder.strip())

            return self.submit(start, "write the audit's report", lane="desk", then=self._exported)

        hint = "AUDIT.md and audit.html; empty: the data directory's reports"
        self.ask_for_job(lambda: AskText("Folder of the report", hint=hint), take)

    def _exported(self, paths: tuple[str, ...]) -> None:
        self.toast("written: " + ", ".join(one_line(path) for path in paths))

    # Blinded rating

    def action_blind(self) -> None:
        """Rate coded texts of a steering claim; pick the real curve of a probe's line-up."""
        record = self._rated(("steering", "probe"), "only texts of a steering claim and the curves "
                             "of a probe claim are rated blind")  # fmt: skip
        if record is not None:
            from emotui.panes.audit_blind import begin_blind

            begin_blind(self, record)

    def action_unblind(self) -> None:
        """Open the key of a blinded rating, once, logged."""
        record = self._rated(("steering",), "there is nothing to unblind, only a steering claim "
                             "has a key")  # fmt: skip
        if record is not None:
            from emotui.panes.audit_blind import end_blind

            end_blind(self, record)

    def _rated(self, kinds: tuple[str, ...], otherwise: str) -> dict[str, Any] | None:
        """The record of the finding if it is of such a kind; else says why not."""
        view = self.ready()
        if view is None or view.record is None or self.busy(view.id):
            return None
        if view.kind not in kinds:
            kind = f"an {view.kind}" if view.kind[0] in "ae" else f"a {view.kind}"
            self.toast(f"{view.id} is {kind} claim; {otherwise}", severity="warning")
            return None
        return dict(view.record)

    # The dialog of a control

    def answered(self, answer: tuple[str, str]) -> None:
        """Run or waive what was open."""
        super().answered(answer)
        what, control = answer
        if what == "run":
            self.run_one(control)
        else:
            self.waive(control)


def _sealing(name: str) -> JobFactory:
    def start(tools: Tools) -> Job:
        from emotui.jobs.audit_edit import seal_job

        return seal_job(tools.home, name)

    return start
