"""The controls of an axis claim as steps: those that run unasked, cheapest first, then the others.

The axis is a principal component of the unit mean-difference vectors of the emotions that have
norms; the others of the run are left out. Computes nothing.
"""

import numpy as np

from emotui.jobs.audit_data import (
    ACTIVATIONS,
    LABELS,
    LENGTHS,
    SETTINGS,
    Means,
    Source,
    Step,
    further_of,
)
from emotui.jobs.audit_further import NEUTRAL, NORMS, SECOND, rated
from emotui.jobs.audit_record import Audit
from vectors.audits.axis import axis_claim, components, pick
from vectors.audits.axis_checks import (
    axis_anisotropy,
    axis_denoise,
    axis_length,
    axis_reliability,
)
from vectors.audits.data import AuditData
from vectors.audits.result import Cost
from vectors.audits.second_run import other_model, other_precision

ESTIMATOR = "principal component of unit mean differences"
ROWS = (ACTIVATIONS, LABELS, SETTINGS, NORMS)


def axis_steps(source: Source, audit: Audit, means: Means) -> list[Step]:
    """X1, G2, G6; on demand G4, G5, X5, X6."""
    data, norms = rated(source.data, audit.subject)
    settings, k = audit.settings, audit.subject.component or None
    further = further_of(source, audit, means)
    by_name = dict(zip(data.labels, norms, strict=True))

    def statistic(found: AuditData) -> float:
        own = np.array([by_name[e] for e in found.labels])
        return pick(components(found.rows, found.codes, found.n_labels), own, k).r

    return [
        Step("X1", Cost(), ROWS, lambda: axis_reliability(data, norms, settings, component=k)),
        Step("G2", Cost(), (*ROWS, LENGTHS),
             lambda: axis_length(data, norms, settings, component=k)),
        Step("G6", Cost(), ROWS, lambda: axis_claim(data, norms, settings, component=k)),
        Step("G4", Cost(), ROWS,
             lambda: axis_anisotropy(data, norms, settings, component=k), True),
        Step("G5", Cost(), (*ROWS, NEUTRAL),
             lambda: axis_denoise(data, norms, further.neutral(), settings, component=k), True),
        Step("X5", Cost(), (*ROWS, SECOND),
             lambda: other_model(data, further.second(same_model=False), settings), True),
        Step("X6", Cost(), (*ROWS, SECOND),
             lambda: other_precision(
                 data, data.labels, further.second(same_model=True), statistic, settings), True),
    ]  # fmt: skip


def claimed_axis(source: Source, audit: Audit) -> bytes:
    """The axis itself, for its hash."""
    data, norms = rated(source.data, audit.subject)
    found = components(data.rows, data.codes, data.n_labels)
    axis = pick(found, norms, audit.subject.component or None)
    return axis.direction.astype(np.float32).tobytes()
