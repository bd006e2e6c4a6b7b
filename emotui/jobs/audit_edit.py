"""What a person may add to a finding: a note, a waiver, a deviation from the plan, the plan's seal.

In: a finding's id and words. Out: its record. Each is an event in the append-only history first and
then part of the record; none of them can change a number or a verdict but through what the
controls and the waiver say. A finding that was edited by hand is refused: saving it again would
vouch for the edit. Runs no control.
"""

from dataclasses import asdict, replace
from typing import Any

from emotui.errors import OptionError, UserError
from emotui.events import Done, Job
from emotui.jobs.audit_record import Audit, now, open_audit
from emotui.sanitize import one_line
from store.canonical import digest
from store.finding_check import check_finding
from store.findings import add_event, events, load_finding, seal_plan
from store.layout import Home
from vectors.audits.claims import Deviation, Plan, Prereg, seal
from vectors.audits.finding import Note
from vectors.audits.registry import CONTROLS, default_on, required
from vectors.audits.settings import RULES
from vectors.audits.verdict import Waiver

SPOILT = ("edited record", "broken chain", "backdated preregistration", "other history")
"""Faults after which nothing more is written to a finding."""
STOP_RULE = "all required controls; the first that fails settles the verdict"


def add_note(home: Home, finding: str, *, controlled: str, not_controlled: str) -> dict[str, Any]:
    """The two questions every finding answers in words; both are needed."""
    audit = _open(home, finding)
    note = Note(controlled.strip(), not_controlled.strip())
    if not note.controlled or not note.not_controlled:
        raise OptionError("a note answers two questions, what is controlled and what is not; "
                          "write a sentence for each")  # fmt: skip
    body = {"controlled": note.controlled, "not_controlled": note.not_controlled}
    add_event(home, audit.id, "note", body)
    audit.notes = (*audit.notes, note)
    return _saved(home, audit)


def waive(
    home: Home, finding: str, control: str, *, reason: str, by: str = "the user"
) -> dict[str, Any]:
    """Leave a control out on purpose; the verdict is QUALIFIED at best from then on."""
    audit = _open(home, finding)
    log_waiver(home, audit, checked_waiver(audit, control, reason=reason, by=by))
    return _saved(home, audit)


def checked_waiver(audit: Audit, control: str, *, reason: str, by: str) -> Waiver:
    """The waiver that may be taken; OptionError or DataError where it may not."""
    if control not in CONTROLS:
        raise OptionError(f"no control {one_line(control)!r}; emotui audit show {audit.id} lists "
                          "this finding's")  # fmt: skip
    if control in audit.results:
        raise OptionError(f"{control} has been run ({audit.results[control].state}); only a "
                          "control that was not run can be waived")  # fmt: skip
    need = required(audit.claim)
    if control not in need and not default_on(control):
        raise OptionError(f"{control} is not required for {audit.claim.named}, so there is "
                          f"nothing to waive; required: {', '.join(need)}")  # fmt: skip
    return Waiver(control, " ".join(reason.split()), by.strip() or "the user")


def log_waiver(home: Home, audit: Audit, waiver: Waiver) -> None:
    """Into the history and the audit; the caller saves the record."""
    add_event(home, audit.id, "waiver", asdict(waiver))
    audit.waivers[waiver.control] = waiver


def deviate(home: Home, finding: str, *, what: str, why: str) -> dict[str, Any]:
    """A departure from the sealed plan, with its reason; the plan's hash stays."""
    audit = _open(home, finding)
    if audit.prereg is None:
        raise OptionError(f"{audit.id} has no sealed plan, so there is nothing to deviate from; "
                          f"emotui audit seal {audit.id} seals one")  # fmt: skip
    if not what.strip() or not why.strip():
        raise OptionError("a deviation says what was done otherwise and why; write both")
    log_deviation(home, audit, what=" ".join(what.split()), why=" ".join(why.split()))
    return _saved(home, audit)


def log_deviation(home: Home, audit: Audit, *, what: str, why: str) -> None:
    """Into the history and the sealed plan's list; the caller saves the record."""
    assert audit.prereg is not None
    deviation = Deviation(now(), what, why)
    add_event(home, audit.id, "deviation", {"what": what, "why": why})
    audit.prereg = replace(audit.prereg, deviations=(*audit.prereg.deviations, deviation))


def seal_audit(home: Home, finding: str) -> dict[str, Any]:
    """Seal the plan of a finding that has no evidence yet; StoreError where it has some."""
    audit = _open(home, finding)
    if audit.prereg is not None:
        at = audit.prereg.sealed_at
        raise OptionError(f"{audit.id} has a sealed plan of {at}; log a deviation instead: "
                          f"emotui audit deviate {audit.id}")  # fmt: skip
    prereg = sealed_plan(home, audit)
    seal_plan(home, audit.id, prereg.to_json(), at=prereg.sealed_at)
    audit.prereg = prereg
    return _saved(home, audit)


def sealed_plan(home: Home, audit: Audit) -> Prereg:
    """The plan as it would be sealed now; nothing is written."""
    need = required(audit.claim)
    keys = [key for control in need for key in CONTROLS[control].rules]
    plan = Plan(
        claim=audit.claim,
        n=len(audit.subject.prompts) or _labelled(home, audit.subject.run),
        controls=need,
        thresholds={key: (RULES[key].passes, RULES[key].warns) for key in keys},
        alpha=audit.subject.alpha,
        layer=audit.subject.layer,
        preset=audit.preset,
        stop_rule=STOP_RULE,
    )
    return seal(plan, at=now())


def note_job(home: Home, finding: str, controlled: str, not_controlled: str) -> Job:
    """`add_note` as a job."""
    yield Done(add_note(home, finding, controlled=controlled, not_controlled=not_controlled))


def waive_job(home: Home, finding: str, control: str, reason: str) -> Job:
    """`waive` as a job."""
    yield Done(waive(home, finding, control, reason=reason))


def deviate_job(home: Home, finding: str, what: str, why: str) -> Job:
    """`deviate` as a job."""
    yield Done(deviate(home, finding, what=what, why=why))


def seal_job(home: Home, finding: str) -> Job:
    """`seal_audit` as a job."""
    yield Done(seal_audit(home, finding))


def plan_job(home: Home, finding: str) -> Job:
    """Done holds the Prereg that `seal_audit` would seal now."""
    yield Done(sealed_plan(home, open_audit(home, finding)))


def refuse_spoilt(home: Home, finding: str) -> None:
    """UserError where the history does not vouch for the record: writing to it would.

    A save that was cut off between its event and its record is no edit: the record is then the one
    of the save before, and going on from it repeats what was lost.
    """
    for problem in check_finding(home, finding):
        cut_off = problem.fault == "edited record" and _is_the_one_before(home, finding)
        if problem.fault in SPOILT and not cut_off:
            raise UserError(
                f"{problem.fault}: {problem.what}; nothing is written to a finding whose history "
                "does not vouch for it: put the record back from a copy, or enter the claim anew"
            )


def _is_the_one_before(home: Home, finding: str) -> bool:
    history = events(home, finding)
    saved = [e.body.get("record") for e in history if e.kind == "saved"]
    last = history[-1].kind == "saved" and len(saved) > 1
    return last and digest(load_finding(home, finding)) == saved[-2]


def _open(home: Home, finding: str) -> Audit:
    audit = open_audit(home, finding)
    refuse_spoilt(home, audit.id)
    return audit


def _saved(home: Home, audit: Audit) -> dict[str, Any]:
    audit.save(home)
    return audit.to_json()


def _labelled(home: Home, run: str) -> int:
    """Texts of the run that have a label."""
    from emotui.jobs.rundata import run_data

    joined = run_data(home, run)
    try:
        return int((joined.codes >= 0).sum())
    finally:
        joined.run.close()
