"""Does every finding still hold? Verdicts, stale controls, and signs of tampering, each by name.

In: a home. Out: one `Checked` per finding. Reads the inputs again and hashes them; computes no
control. The verdict is computed anew from the record's own results, so a typed one is found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emotui.errors import UserError
from emotui.jobs.audit_data import current_inputs
from emotui.jobs.audit_record import from_record
from emotui.sanitize import one_line
from store.errors import StoreError
from store.findings import FindingProblem, check_finding, events, head, stale_controls
from store.layout import Home
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


def check_audits(home: Home, heads: Mapping[str, str]) -> list[Checked]:
    """Every finding that has a history, by id."""
    names = sorted(p.name.removesuffix(".events.jsonl")
                   for p in home.findings.glob("*.events.jsonl"))  # fmt: skip
    for name in heads:
        if name not in names:
            raise UserError(f"--head names the finding {one_line(name)!r}, which is not there")
    return [check_audit(home, name, heads.get(name)) for name in names]


def check_audit(home: Home, name: str, expected: str | None = None) -> Checked:
    """One finding; `expected` is a hash of its history noted earlier."""
    record = _record(home, name)
    current: dict[str, str] = {}
    extra: list[FindingProblem] = []
    stale: tuple[str, ...] = ()
    if record is not None:
        try:
            audit = from_record(record)
        except (KeyError, TypeError, ValueError, VectorsError) as error:
            said = f"{name}.json is no finding ({type(error).__name__}: {one_line(str(error))})"
            return _broken(home, name, expected, said)
        if audit.to_json()["verdict"] != record["verdict"]:
            computed = audit.to_json()["verdict"]["word"]
            extra.append(FindingProblem(
                name, "edited record",
                f"its controls give {computed}, the record says {record['verdict'].get('word')}",
            ))  # fmt: skip
        if audit.inputs:
            try:
                current = current_inputs(home, audit)
            except NO_RECORD as error:
                said = f"an input is gone: {one_line(str(error))}"
                extra.append(FindingProblem(name, "changed input", said))
                stale = tuple(audit.results)
        stale = stale or stale_controls(record, current)
    problems = [*check_finding(home, name, current=current, expected_head=expected), *extra]
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


def _broken(home: Home, name: str, expected: str | None, said: str) -> Checked:
    found = check_finding(home, name, expected_head=expected)
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
