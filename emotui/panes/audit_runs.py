"""The second part of the Audit pane: running controls, one or all, stopping and going on.

In: keys. Out: audit jobs on the engine's lane. What a run will cost is said and, where it is much,
asked first. A control that ends is on disk before it is shown; a stopped audit goes on where it
was. Computes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from emotui.events import Job, Partial, Progress
from emotui.jobs.spec import ModelSpec
from emotui.lanes import Tools
from emotui.panes.audit_list import AuditList
from emotui.panes.audit_rows import STALE, state_of
from emotui.sanitize import one_line
from emotui.screens.asking import Confirm
from emotui.worker import JobCancelled, JobEvent, JobFailed, JobFinished, Report

if TYPE_CHECKING:
    from emotui.jobs.audit_browse import FindingView

EXPENSIVE = 200
"""Forward passes from which on a start is asked about; generated texts always are."""
OPEN = ("not_run", STALE, "waived")
"""States of controls that a run would compute."""


@dataclass
class Running:
    """An audit job that is queued or at work."""

    finding: str
    left: list[str] = field(default_factory=list)
    """Controls it has still to run, in no particular order."""
    now: str = ""
    """The control at work."""
    last: str = ""
    """The control that ended last."""
    stopped: bool = False


class AuditRuns(AuditList):
    """Runs controls."""

    def __init__(self) -> None:
        super().__init__()
        self._audits: dict[int, Running] = {}

    def queued(self, finding: str) -> tuple[frozenset[str], str]:
        """Controls of a finding that wait, and the one at work."""
        mine = [a for a in self._audits.values() if a.finding == finding]
        waiting = frozenset(c for a in mine if not a.stopped for c in a.left)
        return waiting, next((a.now for a in mine if a.now), "")

    def busy(self, finding: str) -> bool:
        """Whether an audit of the finding is queued or at work; says so if it is."""
        busy = any(a.finding == finding for a in self._audits.values())
        if busy:
            self.toast(f"an audit of {finding} is running; x stops it, then this can be done",
                       severity="warning")  # fmt: skip
        return busy

    def ready(self) -> "FindingView | None":
        """The finding under the cursor if something can be done with it; else says why not."""
        view = self.finding
        if view is None:
            self.toast(self.empty_hint, severity="warning")
            return None
        refused = view.refused
        if view.record is None:
            refused = "; ".join(f"{p.fault}: {p.what}" for p in view.problems)
        if refused:
            self.toast(one_line(f"{view.id}: {refused}"), severity="error")
            return None
        return view

    # Starting

    def action_run_control(self) -> None:
        """The control under the cursor."""
        self.run_one(self.control)

    def run_one(self, control: str) -> None:
        """One control of the finding that is shown."""
        view = self.ready()
        if view is None or not control:
            return
        state = state_of(view, control)
        from vectors.audits.registry import CONTROLS

        if CONTROLS[control].cost == "people":
            self.toast(f"{control} takes a person's eyes: b begins the blinded rating")
        elif control.startswith("R"):
            self.toast(f"{control} is computed from the record itself whenever a control has run")
        elif state not in OPEN:
            self.toast(f"{control} has run ({state}) and its inputs have not changed since")
        else:
            self._ask_and_start(view, (control,), thorough=False)

    def action_run_all(self) -> None:
        """What the verdict still needs, cheapest first; the first that fails ends it."""
        view = self.ready()
        if view is None:
            return
        failed = [c for c in view.required if state_of(view, c) == "fail"]
        if failed:
            self.toast(f"{failed[0]} has failed, so the verdict is settled; A runs the rest too")
            return
        todo = self._todo(view, view.required)
        if not todo:
            self.toast("every required control has run; A runs the others too")
            return
        self._ask_and_start(view, todo, thorough=False)

    def action_run_thorough(self) -> None:
        """Every control that can be computed, also after one that settles the verdict."""
        view = self.ready()
        if view is None:
            return
        todo = self._todo(view, view.controls)
        if not todo:
            self.toast("every control that can be computed has run")
            return
        self._ask_and_start(view, todo, thorough=True)

    def _todo(self, view: "FindingView", controls: Sequence[str]) -> tuple[str, ...]:
        waiting, now = self.queued(view.id)
        return tuple(
            c
            for c in controls
            if state_of(view, c) in (OPEN[:2]) and not c.startswith("R")
            and c not in waiting and c != now
        )  # fmt: skip

    def _ask_and_start(
        self, view: "FindingView", controls: tuple[str, ...], *, thorough: bool
    ) -> None:
        if view.kind in ("steering", "ablation") and not view.costs:
            self.toast("its forward passes are being counted; press again in a moment")
            return
        known = [view.costs[c] for c in controls if c in view.costs]
        forwards = sum(cost.forwards for cost in known)
        texts = sum(cost.generations for cost in known)
        what = controls[0] if len(controls) == 1 else f"{len(controls)} controls"
        said = f"{what}: {forwards:,} forward passes and {texts:,} generated texts at most"
        preset = view.record["preset"] if view.record else ""

        def start(yes: bool = True) -> None:
            if yes:
                self.start_audit(view.id, controls, thorough=thorough)

        if forwards >= EXPENSIVE or texts:
            self.ask(Confirm(f"{said}, preset {preset}. Start?", yes="start", no="not now"), start)
            return
        self.toast(f"{said}, preset {preset}")
        start()

    def start_audit(self, finding: str, controls: Sequence[str], *, thorough: bool) -> None:
        """Queue the job."""
        device = self.workspace.settings.text("device")
        dtype = self.workspace.settings.text("dtype")
        loaded = self.workspace.model
        asked = tuple(controls)

        def start(tools: Tools) -> Job:
            from emotui.jobs.audit import AuditRequest, audit_job

            spec = _model(tools, finding, loaded, ModelSpec("", dtype=dtype, device=device))
            request = AuditRequest(finding, controls=asked, thorough=thorough, model=spec)
            return audit_job(tools.home, request, engine=tools.engine, cancelled=tools.cancelled)

        shown = ", ".join(asked[:3]) + (f" and {len(asked) - 3} more" if len(asked) > 3 else "")
        job = self.submit(
            start,
            f"audit {finding}: {shown}",
            resume={"finding": finding, "controls": list(asked), "thorough": thorough},
        )
        self._audits[job] = Running(finding, list(asked))
        self.draw_checks()

    def resume_job(self, record: dict[str, Any]) -> None:
        """An audit that the last session left unfinished; what had ended is kept."""
        if "finding" in record:
            self.start_audit(
                str(record["finding"]),
                [str(c) for c in record.get("controls", ())],
                thorough=bool(record.get("thorough")),
            )

    # While it runs

    def on_job(self, report: Report) -> None:
        """Which control is at work, which has ended, and the end of all."""
        super().on_job(report)
        audit = self._audits.get(report.job_id)
        if audit is None:
            return
        if isinstance(report, JobEvent):
            self._heard(audit, report.event)
        elif isinstance(report, JobFinished | JobCancelled | JobFailed):
            del self._audits[report.job_id]
            self.read_one(audit.finding, check=True)
            if isinstance(report, JobCancelled):
                self.toast(f"{audit.finding}: stopped; finished controls are kept, a goes on")
            elif isinstance(report, JobFinished) and audit.left:
                left = ", ".join(audit.left)
                self.toast(f"{audit.last} settles the verdict; not run: {left}. A runs them too")
            self.draw_checks()

    def _heard(self, audit: Running, event: object) -> None:
        if isinstance(event, Progress):
            control = event.note.rpartition(" ")[2]
            if control in audit.left and control != audit.now:
                audit.now = control
                self.draw_checks()
        elif isinstance(event, Partial) and event.kind == "control":
            done = str(getattr(event.value, "id", ""))
            audit.left = [c for c in audit.left if c != done]
            audit.now, audit.last = "", done
            self.read_one(audit.finding, check=False)

    def action_cancel_audit(self) -> None:
        """Stop the audit of this finding, or whichever runs."""
        live = [(i, a) for i, a in self._audits.items() if not a.stopped]
        mine = [(i, a) for i, a in live if a.finding == self._at]
        if not live:
            self.toast("no audit runs")
            return
        for job, audit in mine or live[:1]:
            audit.stopped = True
            now = f" once {audit.now} has ended" if audit.now else ""
            self.cancel(job)
            self.toast(f"{audit.finding}: stops{now}; finished controls are kept")
        self.draw_checks()


def _model(
    tools: Tools, finding: str, loaded: ModelSpec | None, plain: ModelSpec
) -> ModelSpec | None:
    """The workspace's model where the finding's vectors were made with it, so that it is loaded
    once; else the one they name."""
    from emotui.jobs.audit_record import open_audit

    vectors = open_audit(tools.home, finding).subject.vectors
    if not vectors:
        return None
    from emotui.jobs.sets import open_set

    made_with = open_set(tools.home, vectors).recipe.model
    if loaded is not None and loaded.source == made_with:
        return loaded
    return replace(plain, source=made_with) if made_with else plain
