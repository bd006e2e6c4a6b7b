"""The controls of a probe claim as steps: those that run unasked, cheapest first, then the others.

In: stored activations and what else the claim was given. Out: steps for `emotui.jobs.audit`. An
untrained twin is extracted into runs of its own (P8). Computes no control; `vectors.audits` does.
"""

from collections.abc import Generator
from contextlib import closing

import numpy as np

from emotui.events import Event, Note
from emotui.jobs.audit_data import (
    ACTIVATIONS,
    CLAIMS,
    FIRST,
    LABELS,
    LAYERS,
    LENGTHS,
    POOLINGS,
    SETTINGS,
    TEXTS,
    Means,
    Source,
    Step,
    further_of,
    two_sides,
)
from emotui.jobs.audit_further import KEYWORD_FREE, REGISTERS, SECOND, Further
from emotui.jobs.audit_record import Audit
from emotui.jobs.twin import twin_run
from store.runs import Run
from vectors.audits.codelength import code_length
from vectors.audits.data import AuditData
from vectors.audits.leakage import lexical_leakage
from vectors.audits.nullspace import null_space
from vectors.audits.peak import layer_peak
from vectors.audits.permutation import label_noise
from vectors.audits.positions import pooling_spread
from vectors.audits.probe_scores import probe_auroc, split_of
from vectors.audits.registers import probe_registers
from vectors.audits.reliability import cross_seed
from vectors.audits.result import ControlResult, Cost
from vectors.audits.second_run import other_model, other_precision
from vectors.audits.selectivity import selectivity
from vectors.audits.surface import surface_features
from vectors.audits.topics import unseen_topics
from vectors.audits.transfer import OtherSet, held_out_topics, without_keywords
from vectors.audits.untrained import untrained_gain

ESTIMATOR = "logistic regression on rows of unit length"
TWINS = 3
"""Untrained twins at most: one of them may be lucky."""
ROWS = (ACTIVATIONS, LABELS, SETTINGS)


def probe_steps(source: Source, audit: Audit, means: Means) -> list[Step]:
    """P2, P10, P1, X1, X2, X3, P4, P5, P7 where the claim names a layer; on demand the others."""
    data, settings, m = two_sides(source.data, audit.subject), audit.settings, audit.family_size
    further = further_of(source, audit, means)
    peak = _peak(source, audit)
    steps = [
        Step("P2", Cost(), (*ROWS, CLAIMS), lambda: label_noise(data, settings, family_size=m)),
        Step("P10", Cost(), (*ROWS, TEXTS), lambda: lexical_leakage(data, settings)),
        Step("P1", Cost(), ROWS, lambda: unseen_topics(data, settings)),
        Step("X1", Cost(), ROWS, lambda: cross_seed(data, settings)),
        Step("X2", Cost(), ROWS, lambda: held_out_topics(data, settings)),
        Step("X3", Cost(), (*ROWS, KEYWORD_FREE), lambda: _keywords(data, audit, further)),
        Step("P4", Cost(), (*ROWS, TEXTS, LENGTHS, FIRST),
             lambda: surface_features(data, settings, first_layer=_first(source, audit))),
        Step("P5", Cost(), ROWS, lambda: null_space(data, settings)),
    ]  # fmt: skip
    return [*steps, *([peak] if audit.claim.layers else []), *_on_demand(source, audit, means)]


def _on_demand(source: Source, audit: Audit, means: Means) -> list[Step]:
    data, settings = two_sides(source.data, audit.subject), audit.settings
    subject, whole, further = audit.subject, source.data, further_of(source, audit, means)
    steps = [
        Step("P3", Cost(), ROWS, lambda: selectivity(data, settings), True),
        Step("X4", Cost(), (*ROWS, REGISTERS),
             lambda: probe_registers(
                 whole, subject.emotion, subject.other, further.registers(), settings), True),
        Step("X5", Cost(), (*ROWS, SECOND),
             lambda: other_model(whole, further.second(same_model=False), settings), True),
        Step("X6", Cost(), (*ROWS, SECOND), lambda: _precision(source, audit, further), True),
        Step("P9", Cost(), (*ROWS, POOLINGS), lambda: _poolings(source, audit), True),
        Step("P6", Cost(), ROWS, lambda: code_length(data, settings), True),
    ]  # fmt: skip
    if not audit.claim.layers:
        steps.append(_peak(source, audit))
    return [*steps, _untrained(source, audit, means)]


def _first(source: Source, audit: Audit) -> np.ndarray | None:
    """Layer 0 over the claim's texts, where the run keeps it and the claim is about another."""
    subject = audit.subject
    if 0 not in source.layers or subject.layer == 0:
        return None
    rows = source.layer_of(subject.pooling)(0)
    return two_sides(source.data.with_rows(rows), subject).rows


def _peak(source: Source, audit: Audit) -> Step:
    """P7 over every layer of the run; about the subject's layer where the claim names none."""
    data, subject = two_sides(source.data, audit.subject), audit.subject
    whole, read = source.data, source.layer_of(audit.subject.pooling)
    claimed = audit.claim.layers or (subject.layer,)

    def layer_of(layer: int) -> np.ndarray:
        rows = read(layer)
        return rows if not subject.other else two_sides(whole.with_rows(rows), subject).rows

    return Step(
        "P7",
        Cost(),
        (LAYERS, LABELS, SETTINGS),
        lambda: layer_peak(data, layer_of, source.layers, claimed, audit.settings),
        optional=not audit.claim.layers,
    )


def _keywords(data: AuditData, audit: Audit, further: Further) -> ControlResult:
    """X3 on the run without emotion words."""
    subject, found = audit.subject, further.keyword_free()
    if found is None:
        return without_keywords(data, None, audit.settings)
    name, texts = found
    lacks = [e for e in (subject.emotion, subject.other) if e and e not in texts.present]
    if lacks:
        said = f"{name} has no texts of {' and '.join(lacks)}"
        return ControlResult("X3", "limited", reasons=(said,))
    two = two_sides(texts, subject)
    other = OtherSet(name, two.rows, two.codes, two.groups)
    return without_keywords(data, other, audit.settings)


def _precision(source: Source, audit: Audit, further: Further) -> ControlResult:
    """X6, with the AUROC of the same probe in both runs."""
    subject, settings = audit.subject, audit.settings

    def statistic(data: AuditData) -> float:
        two = two_sides(data, subject)
        return probe_auroc(two, split_of(two, settings), settings).interval.value

    names = tuple(e for e in (subject.emotion, subject.other) if e)
    second = further.second(same_model=True)
    return other_precision(source.data, names, second, statistic, settings)


def _poolings(source: Source, audit: Audit) -> ControlResult:
    """P9 over the texts that are usable under every pooling."""
    subject = audit.subject
    names = source.other_poolings(subject.pooling)
    rows = {name: source.layer_of(name)(subject.layer) for name in names}
    usable = np.ones(source.data.n, dtype=bool)
    for found in rows.values():
        usable &= np.isfinite(found).all(axis=1)
    whole = source.data.take(usable)
    others = {
        name: two_sides(whole.with_rows(found[usable].astype(np.float64)), subject).rows
        for name, found in rows.items()
    }
    return pooling_spread(two_sides(whole, subject), others, audit.settings)


def _untrained(source: Source, audit: Audit, means: Means) -> Step:
    """P8: untrained twins are extracted first, and kept."""
    run, subject = source.joined.run, audit.subject
    seeds = range(min(TWINS, audit.settings.preset.seeds))
    rows: dict[str, np.ndarray] = {}

    def prepare() -> Generator[Event, None, None]:
        for seed in seeds:
            twin = yield from twin_run(
                means.home, run, seed=seed, device=means.device, engine=means.engine,
                cancelled=means.cancelled,
            )  # fmt: skip
            if not isinstance(twin, Run):
                yield Note(f"no untrained twin: {twin}", "warn")
                return
            with closing(twin):
                found = twin.layer(subject.pooling, subject.layer)
                rows[f"untrained, seed {seed}"] = found[source.kept].astype(np.float64)

    def work() -> ControlResult:
        usable = np.ones(source.data.n, dtype=bool)
        for found in rows.values():
            usable &= np.isfinite(found).all(axis=1)
        whole = source.data.take(usable)
        twins = {
            name: two_sides(whole.with_rows(found[usable]), subject).rows
            for name, found in rows.items()
        }
        return untrained_gain(two_sides(whole, subject), twins, audit.settings)

    cost = Cost(forwards=run.identity.rows * len(seeds))
    return Step("P8", cost, ROWS, work, optional=True, prepare=prepare)
