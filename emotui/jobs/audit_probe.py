"""The controls of a probe claim as steps, cheapest first.

In: stored activations. Out: steps for `emotui.jobs.audit`. Computes nothing; `vectors.audits` does.
"""

from emotui.jobs.audit_data import (
    ACTIVATIONS,
    CLAIMS,
    LABELS,
    LAYERS,
    LENGTHS,
    SETTINGS,
    TEXTS,
    Source,
    Step,
    two_sides,
)
from emotui.jobs.audit_record import Audit
from vectors.audits.leakage import lexical_leakage
from vectors.audits.nullspace import null_space
from vectors.audits.peak import layer_peak
from vectors.audits.permutation import label_noise
from vectors.audits.reliability import cross_seed
from vectors.audits.result import Cost
from vectors.audits.surface import surface_features
from vectors.audits.topics import unseen_topics
from vectors.audits.transfer import held_out_topics, without_keywords

ESTIMATOR = "logistic regression on rows of unit length"


def probe_steps(source: Source, audit: Audit) -> list[Step]:
    """P2, P10, P1, X1, X2, X3, P4, P5 and, where the claim names a layer, P7."""
    data, settings, m = two_sides(source.data, audit.subject), audit.settings, audit.family_size
    rows = (ACTIVATIONS, LABELS, SETTINGS)
    steps = [
        Step("P2", Cost(), (*rows, CLAIMS), lambda: label_noise(data, settings, family_size=m)),
        Step("P10", Cost(), (*rows, TEXTS), lambda: lexical_leakage(data, settings)),
        Step("P1", Cost(), rows, lambda: unseen_topics(data, settings)),
        Step("X1", Cost(), rows, lambda: cross_seed(data, settings)),
        Step("X2", Cost(), rows, lambda: held_out_topics(data, settings)),
        Step("X3", Cost(), rows, lambda: without_keywords(data, None, settings)),
        Step("P4", Cost(), (*rows, TEXTS, LENGTHS), lambda: surface_features(data, settings)),
        Step("P5", Cost(), rows, lambda: null_space(data, settings)),
    ]
    if audit.claim.layers:
        steps.append(_peak(source, audit))
    return steps


def _peak(source: Source, audit: Audit) -> Step:
    """P7 over every layer of the run."""
    data, subject = two_sides(source.data, audit.subject), audit.subject
    whole, read = source.data, source.layer_of(audit.subject.pooling)

    def layer_of(layer: int):  # type: ignore[no-untyped-def]
        rows = read(layer)
        return rows if not subject.other else two_sides(whole.with_rows(rows), subject).rows

    layers = source.joined.run.identity.layers
    return Step(
        "P7",
        Cost(),
        (LAYERS, LABELS, SETTINGS),
        lambda: layer_peak(data, layer_of, layers, audit.claim.layers, audit.settings),
    )
