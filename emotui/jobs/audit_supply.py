"""Gives a claim what its controls may need beside its run: other texts, a second run, norms.

In: names of runs, norms, templates. Out: a `Subject` that names them, each held against the claim's
run first; for a finding that exists, its record with the event in its history. Computes no control:
those that read what changed are stale until the next run.
"""

from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from emotui.errors import OptionError, UserError
from emotui.jobs.audit_edit import log_deviation, refuse_spoilt
from emotui.jobs.audit_further import Further, is_same_model, other_texts
from emotui.jobs.audit_record import Subject, open_audit
from emotui.jobs.rundata import open_run, run_data
from emotui.norms import NormTable
from emotui.sanitize import one_line
from store.findings import add_event
from store.identity import RunIdentity
from store.layout import Home
from vectors.audits.axis import MIN_EMOTIONS


@dataclass(frozen=True)
class Supplies:
    """What is given; empty = not given, what was there before stays."""

    keyword_free: str = ""
    """Run over texts without emotion words (X3)."""
    registers: tuple[str, ...] = ()
    """Runs over texts of other registers (X4)."""
    second_run: str = ""
    """Run of another model (X5) or of the same one in another precision (X6)."""
    neutral_run: str = ""
    """Run over neutral texts (G5)."""
    norms: NormTable | None = None
    """Valence and arousal per emotion (axis claims, G8, C3)."""
    paraphrases: tuple[str, ...] = ()
    """Templates with {} for the prompt (X7)."""

    def __bool__(self) -> bool:
        return self != Supplies()


def supplied(home: Home, subject: Subject, supplies: Supplies, *, axis: bool) -> Subject:
    """The subject with what was given; UserError or OptionError for what does not fit its run."""
    with closing(run_data(home, subject.run).run) as run:
        own = run.identity
    labels = _labels_of(home, subject.run)
    found = subject
    if supplies.keyword_free:
        name = _texts(home, supplies.keyword_free, "--keyword-free", subject, labels, own)
        found = replace(found, keyword_free=name)
    if supplies.registers:
        names = [_texts(home, r, "--register", subject, labels, own) for r in supplies.registers]
        found = replace(found, registers=tuple(dict.fromkeys(names)))
    if supplies.second_run:
        name = _second(home, supplies.second_run, subject, labels, own)
        found = replace(found, second_run=name)
    if supplies.neutral_run:
        found = replace(found, neutral=_neutral(home, supplies.neutral_run, subject, labels, own))
    if supplies.norms is not None:
        found = _with_norms(found, supplies.norms, labels, axis=axis)
    if supplies.paraphrases:
        found = replace(found, paraphrases=_templates(supplies.paraphrases))
    return found


def supply_audit(home: Home, finding: str, supplies: Supplies) -> dict[str, Any]:
    """Gives a finding that exists more to be held against; its record afterwards."""
    if not supplies:
        raise OptionError(
            "nothing is given; name one or more of --keyword-free, --register, --second-run, "
            "--neutral-run, --norms, --paraphrases"
        )
    audit = open_audit(home, finding)
    refuse_spoilt(home, audit.id)
    axis = audit.claim.kind == "axis"
    before, after = audit.subject, supplied(home, audit.subject, supplies, axis=axis)
    body = {
        field: getattr(after, field)
        for field in ("keyword_free", "registers", "second_run", "neutral", "norms_source",
                      "paraphrases")
        if getattr(after, field) != getattr(before, field)
    }  # fmt: skip
    audit.subject = after
    if audit.prereg is not None and axis and before.norms != after.norms:
        what = f"other norms: {after.norms_source}"
        log_deviation(home, audit, what=what, why="given with audit supply")
    add_event(home, audit.id, "supplied", body)
    audit.save(home)
    return audit.to_json()


def _labels_of(home: Home, run: str) -> tuple[str, ...]:
    """The labels of a run."""
    joined = run_data(home, run)
    with closing(joined.run):
        return joined.labels


def _texts(
    home: Home,
    name: str,
    option: str,
    subject: Subject,
    labels: tuple[str, ...],
    own: RunIdentity,
) -> str:
    """The run's id; it must be of the same model and hold texts of the claim's emotions."""
    found, identity = _run_named(home, name)
    if found == subject.run:
        raise OptionError(f"{option} names the claim's own run {found}; give a run of other texts")
    if not is_same_model(own, identity) or own.revision != identity.revision:
        raise OptionError(
            f"{option} {found} is of the model {one_line(identity.model)}, the claim of "
            f"{one_line(own.model)}; extract the texts with that one"
        )
    texts = other_texts(home, found, subject, labels, own)
    lacks = [e for e in (subject.emotion, subject.other) if e in labels and e not in texts.present]
    if lacks:
        raise OptionError(f"{option} {found} has no texts labelled {one_line(' or '.join(lacks))}")
    return found


def _run_named(home: Home, name: str) -> tuple[str, RunIdentity]:
    """Id and identity of the run that is meant."""
    with closing(open_run(home, name)) as run:
        return run.run_id, run.identity


def _second(
    home: Home, name: str, subject: Subject, labels: tuple[str, ...], own: RunIdentity
) -> str:
    found, identity = _run_named(home, name)
    if found == subject.run:
        raise OptionError(f"--second-run names the claim's own run {found}; give another one")
    other_texts(home, found, subject, labels, own)
    if is_same_model(own, identity) and own.dataset_order != identity.dataset_order:
        raise OptionError(
            f"--second-run {found} is of the same model over other texts; extract the claim's "
            "texts in another precision, or give texts of another register as --register"
        )
    return found


def _neutral(
    home: Home, name: str, subject: Subject, labels: tuple[str, ...], own: RunIdentity
) -> str:
    found, identity = _run_named(home, name)
    if not is_same_model(own, identity) or own.revision != identity.revision:
        raise OptionError(
            f"--neutral-run {found} is of the model {one_line(identity.model)}, the claim of "
            f"{one_line(own.model)}; extract the neutral texts with that one"
        )
    Further(home, replace(subject, neutral=found), labels, own).neutral()
    return found


def _with_norms(
    subject: Subject, table: NormTable, labels: tuple[str, ...], *, axis: bool
) -> Subject:
    """The norms of the run's emotions; names are compared without case."""
    by_name = {row[0].lower(): row for row in table.rows}
    rows = tuple((e, *by_name[e.lower()][1:]) for e in labels if e.lower() in by_name)
    if not rows:
        shown = ", ".join(one_line(row[0]) for row in table.rows[:6])
        raise OptionError(f"--norms names none of the run's emotions; it has {shown}, ...")
    if axis and len(rows) < MIN_EMOTIONS:
        raise UserError(
            f"--norms has {len(rows)} of the run's {len(labels)} emotions; an axis claim needs "
            f"{MIN_EMOTIONS} or more"
        )
    return replace(subject, norms=rows, norms_source=table.source)


def _templates(given: tuple[str, ...]) -> tuple[str, ...]:
    bad = [t for t in given if t.count("{}") != 1]
    if bad:
        raise OptionError(
            f"the template {one_line(bad[0])!r} does not hold {{}} once; write the place of the "
            "prompt as {} in every line of --paraphrases"
        )
    return tuple(dict.fromkeys(given))
