"""Jobs: every finding as the Audit pane looks at it, one finding again, and the report.

In: a home. Out: one frozen `FindingView` per finding: its record, the verdict of today (a stale
control counts as not run), which controls it needs and can have with what each will cost, and
what is wrong with it by name. Records come first; whether inputs have changed takes reading them,
and comes after. Runs no control.
"""

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotui.errors import UserError
from emotui.events import Cancelled, Done, Job, Partial, Progress, never
from emotui.jobs.audit_record import Audit, from_record
from emotui.sanitize import one_line
from store.errors import StoreError
from store.finding_check import FindingProblem, check_ledger
from store.findings import load_finding
from store.layout import Home
from store.ledger import LEDGER, LedgerState, read_ledger
from vectors.audits.registry import computed_for, required
from vectors.audits.result import Cost
from vectors.audits.verdict import Verdict, decide
from vectors.errors import Cancelled as CancelledError
from vectors.errors import VectorsError

if TYPE_CHECKING:
    from emotui.jobs.audit_new import NewRequest
    from emotui.jobs.audit_supply import Supplies

FINDINGS = "findings"
"""Kind of the Partial with every finding, its inputs not looked at yet."""


@dataclass(frozen=True)
class FindingView:
    """One finding as it stands on disk now."""

    id: str
    record: Mapping[str, Any] | None
    """The JSON of the finding; None where it is gone or cannot be read."""
    verdict: Verdict | None = None
    """Computed from the record's own results; None without a record."""
    required: tuple[str, ...] = ()
    """Controls the verdict cannot do without, in registry order."""
    further: tuple[str, ...] = ()
    """Other controls that can be computed for this kind of claim, or that have been."""
    costs: Mapping[str, Cost] = field(default_factory=dict)
    """What a control will take, as far as it is known; only after `checked`."""
    stale: tuple[str, ...] = ()
    """Controls whose inputs have changed since they ran."""
    problems: tuple[FindingProblem, ...] = ()
    """Signs of tampering and lost inputs, each with its name."""
    checked: bool = False
    """Whether inputs and artefacts were held against the record; until then `stale` is empty."""
    refused: str = ""
    """Why nothing may be run on it or added to it; "" where that is fine or was not checked."""
    head: str = ""
    """Hash of the last event; "" before it was checked."""

    @property
    def kind(self) -> str:
        """The kind of claim; "" without a record."""
        return "" if self.record is None else str(self.record["kind"])

    @property
    def controls(self) -> tuple[str, ...]:
        """All of them, required ones first."""
        return self.required + self.further


def findings_job(home: Home, *, cancelled: Cancelled = never) -> Job:
    """All findings by id: the records at once as a Partial, then Done with their inputs checked."""
    from emotui.jobs.audit_check import finding_names

    ledger = read_ledger(home)
    names = finding_names(home, ledger)
    yield Partial(FINDINGS, tuple(view(home, name) for name in names))
    wrong = check_ledger(ledger)
    out = [FindingView(LEDGER, None, problems=tuple(wrong), checked=True)] if wrong else []
    for place, name in enumerate(names):
        if cancelled():
            raise CancelledError("the look at the findings was cancelled")
        yield Progress(place, len(names), "findings", note="hold against inputs")
        out.append(checked(home, name, ledger))
    yield Done(tuple(out))


def finding_job(home: Home, name: str) -> Job:
    """One finding's record again, its inputs not looked at: what a control that ended changed."""
    yield Done(view(home, name))


def checked_job(home: Home, name: str) -> Job:
    """One finding, its inputs looked at."""
    yield Done(checked(home, name))


def new_job(home: Home, request: "NewRequest") -> Job:
    """A claim entered; Done holds its record."""
    from emotui.jobs.audit_new import new_audit

    yield Done(new_audit(home, request))


def supply_job(home: Home, name: str, given: "Supplies") -> Job:
    """A finding given more to be held against; Done holds its record."""
    from emotui.jobs.audit_supply import supply_audit

    yield Done(supply_audit(home, name, given))


def report_job(home: Home, folder: str = "") -> Job:
    """AUDIT.md and audit.html of all findings; Done holds their paths.

    Without a folder they go to the home's reports, under the time.
    """
    from emotui.auditreport import write_report
    from emotui.jobs.audit_check import check_audits

    home.ensure()
    stamp = time.strftime("%Y%m%d-%H%M%S")
    out = Path(folder).expanduser() if folder else home.reports / f"audit-{stamp}"
    yield Done(tuple(write_report(home, check_audits(home, {}), out)))


def view(home: Home, name: str) -> FindingView:
    """The record and what follows from it alone."""
    try:
        record = load_finding(home, name)
        audit = from_record(record)
    except StoreError as error:
        return _broken(name, one_line(str(error)))
    except (KeyError, TypeError, ValueError, VectorsError) as error:
        return _broken(name, f"{name}.json is no finding ({type(error).__name__}: {error})")
    return _view(audit, record)


def checked(home: Home, name: str, ledger: LedgerState | None = None) -> FindingView:
    """The same, held against inputs, artefacts and history as they are today."""
    from emotui.jobs.audit_check import check_audit

    found = check_audit(home, name, ledger=ledger)
    try:
        record = load_finding(home, name)
        audit = from_record(record)
    except (StoreError, UserError, KeyError, TypeError, ValueError, VectorsError):
        return FindingView(
            name, None, problems=found.problems, stale=found.stale, checked=True, head=found.head
        )
    return _view(
        audit,
        record,
        stale=found.stale,
        problems=found.problems,
        checked=True,
        costs=planned_costs(home, audit),
        refused=_refused(home, name),
        head=found.head,
    )


def _refused(home: Home, name: str) -> str:
    from emotui.jobs.audit_edit import refuse_spoilt

    try:
        refuse_spoilt(home, name)
    except UserError as error:
        return one_line(str(error))
    return ""


def planned_costs(home: Home, audit: Audit) -> dict[str, Cost]:
    """Forward passes and texts per control that runs a model, counted before anything starts."""
    n = len(audit.subject.prompts)
    if not n:
        return _twins(home, audit) if audit.claim.kind == "probe" else {}
    from emotui.jobs.audit_costs import model_costs

    return model_costs(audit, n)


def _twins(home: Home, audit: Audit) -> dict[str, Cost]:
    """P8: every text through an untrained twin per seed; {} where the run is gone."""
    from emotui.jobs.audit_probe import TWINS
    from emotui.jobs.rundata import open_run

    try:
        with closing(open_run(home, audit.subject.run)) as run:
            rows = run.identity.rows
    except (StoreError, UserError):
        return {}
    return {"P8": Cost(forwards=rows * min(TWINS, audit.settings.preset.seeds))}


def _view(audit: Audit, record: Mapping[str, Any], **known: Any) -> FindingView:
    need = required(audit.claim)
    can = (*computed_for(audit.claim.kind), *audit.results)
    stale = known.get("stale", ())
    return FindingView(
        audit.id,
        record,
        verdict=decide(
            audit.claim,
            audit.results,
            waivers=list(audit.waivers.values()),
            prereg=audit.prereg,
            evidence_at=min((e.at for e in audit.evidence.values()), default=None),
            stale=stale,
            forks=audit.forks,
        ),
        required=need,
        further=tuple(c for c in dict.fromkeys(can) if c not in need),
        **known,
    )


def _broken(name: str, said: str) -> FindingView:
    return FindingView(name, None, problems=(FindingProblem(name, "edited record", said),))
