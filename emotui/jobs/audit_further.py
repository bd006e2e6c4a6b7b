"""What a claim may be given beside its own run: other texts, a second run, neutral texts, norms.

In: a `Subject` whose fields name them. Out: their rows as the controls take them, and a hash of
each by name ("none" where none was given, so that giving one makes the control stale). Computes no
control.
"""

from contextlib import closing
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from emotui.errors import UserError
from emotui.jobs.audit_record import Subject, digest
from emotui.jobs.rundata import RunData, open_run, run_data
from emotui.sanitize import one_line
from store.identity import RunIdentity
from store.layout import Home
from store.runs import Run
from vectors.audits.data import MIN_TOPICS, AuditData

KEYWORD_FREE, REGISTERS = "keyword-free run", "runs of other registers"
SECOND, NEUTRAL, NORMS = "second run", "neutral run", "norms"
NONE = "none"


@dataclass(frozen=True, eq=False)
class Further:
    """Opens what the subject names, when a control wants it."""

    home: Home
    subject: Subject
    labels: tuple[str, ...]
    """Of the claim's run; texts with other labels are left out."""
    own: RunIdentity

    def keyword_free(self) -> tuple[str, AuditData] | None:
        """X3's texts; None where none were given."""
        return self._open(self.subject.keyword_free) if self.subject.keyword_free else None

    def registers(self) -> list[tuple[str, AuditData]]:
        """X4's sets."""
        return [self._open(name) for name in self.subject.registers]

    def second(self, *, same_model: bool) -> tuple[str, AuditData] | None:
        """The second run where it is of the same model (X6) or of another one (X5); else None."""
        name = self.subject.second_run
        if not name:
            return None
        with closing(open_run(self.home, name)) as run:
            same = is_same_model(self.own, run.identity)
        return self._open(name) if same == same_model else None

    def neutral(self) -> Float[np.ndarray, "neutral d_model"] | None:
        """G5's rows; None where no neutral run was given."""
        name, subject = self.subject.neutral, self.subject
        if not name:
            return None
        with closing(open_run(self.home, name)) as run:
            _readable(run, subject.pooling, subject.layer, what=name)
            rows = run.layer(subject.pooling, subject.layer)
        return np.asarray(rows[np.isfinite(rows).all(axis=1)], dtype=np.float64)

    def norms(self) -> Float[np.ndarray, "label norm"] | None:
        """Valence and arousal of every label, NaN where it has none; None without norms."""
        if not self.subject.norms:
            return None
        by_name = {row[0]: (row[1], row[2]) for row in self.subject.norms}
        nothing = (np.nan, np.nan)
        return np.array([by_name.get(e, nothing) for e in self.labels], dtype=np.float64)

    def _open(self, name: str) -> tuple[str, AuditData]:
        return name, other_texts(self.home, name, self.subject, self.labels, self.own)


def other_texts(
    home: Home, name: str, subject: Subject, labels: tuple[str, ...], own: RunIdentity
) -> AuditData:
    """The texts of a run that have one of `labels`, at the claim's layer and pooling.

    Another model is read at the same share of its depth. Texts without topics, or with too few, are
    each their own unit. UserError where layer, pooling or labels are not there.
    """
    joined = run_data(home, name)
    with closing(joined.run):
        rows = joined.run.layer(subject.pooling, _layer(home, joined.run, subject, own, name))
        return _labelled(joined, rows, labels, name)


def _labelled(
    joined: RunData, rows: Float[np.ndarray, "text d_model"], labels: tuple[str, ...], name: str
) -> AuditData:
    code_of = np.array([labels.index(e) if e in labels else -1 for e in joined.labels])
    codes = np.where(joined.codes >= 0, code_of[joined.codes], -1)
    kept = np.isfinite(rows).all(axis=1) & (codes >= 0)
    found = {labels[k] for k in np.unique(codes[kept])}
    if len(found) < 2:
        shown = ", ".join(one_line(e) for e in joined.labels[:8])
        raise UserError(
            f"run {one_line(name)} shares {len(found)} labels with the claim's run, a control "
            f"needs two or more; it has: {shown}"
        )
    groups = np.arange(len(rows))
    if joined.groups is not None and len(np.unique(joined.groups[kept])) >= MIN_TOPICS:
        kept &= joined.groups >= 0
        groups = joined.groups
    return AuditData(
        rows=rows[kept].astype(np.float64),
        codes=codes[kept].astype(np.int64),
        labels=labels,
        groups=groups[kept].astype(np.int64),
        lengths=np.asarray(joined.run.n_tokens)[kept].astype(np.int64),
    )


def rated(data: AuditData, subject: Subject) -> tuple[AuditData, Float[np.ndarray, "label"]]:
    """The emotions that have norms, and the norms an axis claim names (valence or arousal)."""
    column = 2 if subject.emotion == "arousal" else 1
    by_name = {row[0]: float(row[column]) for row in subject.norms}
    labels = tuple(e for e in data.labels if e in by_name)
    return data.only(labels), np.array([by_name[e] for e in labels])


def further_hashes(home: Home, subject: Subject, own: RunIdentity) -> dict[str, str]:
    """A hash of each further input by name; "none" where it was not given."""

    def rows_of(name: str) -> str:
        return _hash_of(home, name, subject, own) if name else NONE

    registers = [rows_of(name) for name in subject.registers]
    return {
        KEYWORD_FREE: rows_of(subject.keyword_free),
        REGISTERS: digest(registers) if registers else NONE,
        SECOND: rows_of(subject.second_run),
        NEUTRAL: rows_of(subject.neutral),
        NORMS: digest([list(row) for row in subject.norms]) if subject.norms else NONE,
    }


def _hash_of(home: Home, name: str, subject: Subject, own: RunIdentity) -> str:
    """Rows, labels and topics of another run as a control would read them."""
    joined = run_data(home, name)
    with closing(joined.run):
        layer = _layer(home, joined.run, subject, own, name)
        rows = joined.run.layer(subject.pooling, layer)
        groups = b"" if joined.groups is None else joined.groups.tobytes()
        return digest(layer, rows.tobytes(), list(joined.labels), joined.codes.tobytes(), groups)


def is_same_model(one: RunIdentity, two: RunIdentity) -> bool:
    """The same model, in whatever precision it ran."""
    return (one.model, one.d_model) == (two.model, two.d_model)


def _layer(home: Home, run: Run, subject: Subject, own: RunIdentity, name: str) -> int:
    """The claim's layer, or that at its share of another model's depth; UserError if not kept."""
    layer = subject.layer
    if not is_same_model(own, run.identity):
        with closing(open_run(home, subject.run)) as claimed:
            share = (layer + 1) / _depth(claimed)
        layer = min(run.identity.layers, key=lambda n: (abs((n + 1) / _depth(run) - share), n))
    _readable(run, subject.pooling, layer, what=name)
    return layer


def _depth(run: Run) -> int:
    return int(run.info.get("n_layers") or max(run.identity.layers) + 1)


def _readable(run: Run, pooling: str, layer: int, *, what: str) -> None:
    if pooling not in run.identity.poolings:
        have = ", ".join(run.identity.poolings)
        raise UserError(
            f"run {one_line(what)} has the poolings {have}, the claim reads {pooling}; extract it "
            f"again with --pool {pooling}"
        )
    if layer not in run.identity.layers:
        shown = ", ".join(map(str, run.identity.layers))
        raise UserError(
            f"run {one_line(what)} keeps the layers {shown}, the claim is about layer {layer}; "
            "extract it again with that layer"
        )
