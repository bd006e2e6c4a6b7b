"""Does every finding still hold? Verdicts, stale controls, and signs of tampering, each by name.

In: a home. Out: one `Checked` per finding. Reads the inputs again and hashes them; computes no
control. The verdict is computed anew from the record's own results, so a typed one is found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emotui.errors import UserError
from emotui.jobs.audit_data import current_inputs
from emotui.jobs.audit_gate import EXTRACTION, OF_MODEL, known_faults
from emotui.jobs.audit_record import Audit, code_hash, from_record
from emotui.sanitize import one_line
from store.errors import StoreError
from store.finding_check import FindingProblem, check_finding, check_ledger, stale_controls
from store.findings import EVENTS, events, head
from store.layout import Home
from store.ledger import LedgerState, read_ledger
from vectors.audits.registry import CONTROLS
from vectors.errors import VectorsError

HOLDS = ("SUPPORTED", "SUPPORTED-EXPLORATORY", "QUALIFIED")
NO_RECORD = (StoreError, UserError, VectorsError)


@dataclass(frozen=True)
class Checked:
    """One finding, held against what is on disk now."""

    id: str
    verdict: str
    """The recorded word; "" where the record is gone."""
    glyph: str
    holds: bool
    """The verdict allows the sentence, nothing is stale and nothing was tampered with."""
    stale: tuple[str, ...]
    problems: tuple[FindingProblem, ...]
    head: str
    """Hash of the last event; keep it elsewhere and give it as --head next time."""
    sentence: str


@dataclass(frozen=True)
class CheckedHome:
    """Every finding of a home, and the ledger that says which there must be."""

    findings: tuple[Checked, ...]
    ledger: tuple[FindingProblem, ...]
    """What is wrong with the ledger itself."""
    ledger_head: str
    """Hash of its last line; keep it elsewhere and give it as --ledger-head next time."""

    @property
    def holds(self) -> bool:
        """Whether every finding and the ledger hold."""
        return not self.ledger and all(c.holds for c in self.findings)


def check_audits(
    home: Home, heads: Mapping[str, str], ledger_head: str | None = None
) -> CheckedHome:
    """Every finding that has a history or stands in the ledger, by id."""
    ledger = read_ledger(home)
    names = finding_names(home, ledger)
    for name in heads:
        if name not in names:
            raise UserError(f"--head names the finding {one_line(name)!r}, which is not there")
    return CheckedHome(
        tuple(check_audit(home, name, heads.get(name), ledger) for name in names),
        tuple(check_ledger(ledger, ledger_head)),
        ledger.head,
    )


def finding_names(home: Home, ledger: LedgerState) -> list[str]:
    """Every finding that has a history or stands in the ledger."""
    there = {path.name.removesuffix(EVENTS) for path in home.findings.glob(f"*{EVENTS}")}
    return sorted(there | set(ledger.events))


def check_audit(
    home: Home, name: str, expected: str | None = None, ledger: LedgerState | None = None
) -> Checked:
    """One finding; `expected` is a hash of its history noted earlier, `ledger` saves reading it."""
    ledger = read_ledger(home) if ledger is None else ledger
    record = _record(home, name)
    current: dict[str, str] = {}
    extra: list[FindingProblem] = []
    stale: tuple[str, ...] = ()
    if record is not None:
        try:
            audit = from_record(record)
        except (KeyError, TypeError, ValueError, VectorsError) as error:
            said = f"{name}.json is no finding ({type(error).__name__}: {one_line(str(error))})"
            return _broken(home, name, expected, said, ledger)
        typed = _typed(audit, record["verdict"])
        if typed:
            extra.append(FindingProblem(name, "edited record", typed))
        if audit.inputs:
            try:
                current = current_inputs(home, audit)
            except NO_RECORD as error:
                said = f"an input is gone: {one_line(str(error))}"
                extra.append(FindingProblem(name, "changed input", said))
                stale = tuple(audit.results)
        extra += _gate(home, audit)
        stale = stale or stale_controls(record, current)
    wrong = check_finding(home, name, current=current, expected_head=expected, ledger=ledger)
    problems = [*wrong, *extra]
    verdict = (record or {}).get("verdict") or {}
    word = str(verdict.get("word", ""))
    return Checked(
        id=name,
        verdict=word,
        glyph=str(verdict.get("glyph", "")),
        holds=word in HOLDS and not problems and not stale,
        stale=stale,
        problems=tuple(problems),
        head=_head(home, name),
        sentence=str(verdict.get("sentence", "")),
    )


def _typed(audit: Audit, verdict: Mapping[str, Any]) -> str:
    """How the verdict differs from the one its controls give; "" where it does not.

    Another version of this program may word reasons differently, so there only the word counts.
    """
    computed = audit.to_json()["verdict"]
    same_code = audit.provenance.code_commit in ("", code_hash())
    parts = list(computed) if same_code else ["word"]
    differ = [part for part in parts if computed[part] != verdict.get(part)]
    if not differ:
        return ""
    if "word" in differ:
        said = one_line(str(verdict.get("word")))
        return f"its controls give {computed['word']}, the record says {said}"
    return f"its controls give another {', '.join(differ)} than the record says"


def _gate(home: Home, audit: Audit) -> list[FindingProblem]:
    """A check of the claim's model that has failed since the claim was audited."""
    steered = audit.claim.kind in CONTROLS["I4"].hard_for
    return [
        FindingProblem(
            audit.id, "changed input",
            f"the integrity gate of its model failed: {fault.id}, {fault.reasons[0]}",
        )
        for fault in known_faults(home, audit.provenance, OF_MODEL if steered else EXTRACTION)
        if fault.id not in audit.results or audit.results[fault.id].state != "fail"
    ]  # fmt: skip


def _broken(home: Home, name: str, expected: str | None, said: str, ledger: LedgerState) -> Checked:
    found = check_finding(home, name, expected_head=expected, ledger=ledger)
    problems = (*found, FindingProblem(name, "edited record", said))
    return Checked(name, "", "", False, (), problems, _head(home, name), "")


def _record(home: Home, name: str) -> dict[str, Any] | None:
    """The record where it can be read; what is wrong otherwise is named by `check_finding`."""
    from store.findings import load_finding

    try:
        return load_finding(home, name)
    except StoreError:
        return None


def _head(home: Home, name: str) -> str:
    try:
        return head(home, name) if events(home, name) else ""
    except StoreError:
        return ""
