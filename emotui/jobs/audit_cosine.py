"""The controls of a cosine claim as steps: those that run unasked, cheapest first, then the others.

The two vectors are differences from the mean over all emotions of the run, as `emotui vectors
build` makes them, so the null is the one of that construction. Computes nothing.
"""

from emotui.errors import UserError
from emotui.jobs.audit_data import (
    ACTIVATIONS,
    CLAIMS,
    LABELS,
    LENGTHS,
    SETTINGS,
    Means,
    Source,
    Step,
    further_of,
)
from emotui.jobs.audit_direction import on_the_claimed_side
from emotui.jobs.audit_further import NEUTRAL, NORMS, REGISTERS, SECOND, Further
from emotui.jobs.audit_record import Audit
from vectors.audits.anisotropy import anisotropy
from vectors.audits.data import AuditData
from vectors.audits.denoise import denoise_sensitivity
from vectors.audits.estimators import pair_agreement
from vectors.audits.length import length_norm
from vectors.audits.pairs import make_pair, pair_cosine
from vectors.audits.pipeline_null import pipeline_null
from vectors.audits.registers import cosine_registers
from vectors.audits.reliability import cross_seed, noise_free_cosine
from vectors.audits.result import ControlResult, Cost
from vectors.audits.second_run import other_model, other_precision
from vectors.audits.valence import valence_partial

ESTIMATOR = "mean-difference"
MIN_LABELS = 3
ROWS = (ACTIVATIONS, LABELS, SETTINGS)


def cosine_steps(source: Source, audit: Audit, means: Means) -> list[Step]:
    """G1, G3, X1, G2; on demand G7, G8, G4, G5, X4, X5, X6."""
    data, settings, subject = source.data, audit.settings, audit.subject
    if data.n_labels < MIN_LABELS:
        raise UserError(
            f"the run has {data.n_labels} labels; around their common mean two vectors always have "
            f"the cosine -1, so a cosine claim needs {MIN_LABELS} labels or more"
        )
    pair = make_pair(data, subject.emotion, subject.other, reference="grand mean")
    further = further_of(source, audit, means)
    a, b, m = subject.emotion, subject.other, audit.family_size
    return [
        Step(
            "G1", Cost(), (*ROWS, CLAIMS),
            lambda: _null(audit, pipeline_null(data, pair, settings, family_size=m)),
        ),
        Step("G3", Cost(), ROWS, lambda: noise_free_cosine(data, pair, settings)),
        Step("X1", Cost(), ROWS, lambda: cross_seed(data, settings, labels=(a, b))),
        Step("G2", Cost(), (*ROWS, LENGTHS), lambda: length_norm(data, pair, settings)),
        Step("G4", Cost(), ROWS, lambda: anisotropy(data, pair, settings), True),
        Step("G5", Cost(), (*ROWS, NEUTRAL),
             lambda: denoise_sensitivity(data, pair, further.neutral(), settings), True),
        Step("G7", Cost(), ROWS, lambda: pair_agreement(data, a, b, settings), True),
        Step("G8", Cost(), (*ROWS, NORMS),
             lambda: valence_partial(data, a, b, further.norms(), settings), True),
        Step("X4", Cost(), (*ROWS, REGISTERS),
             lambda: cosine_registers(data, a, b, further.registers(), settings), True),
        Step("X5", Cost(), (*ROWS, SECOND),
             lambda: other_model(data, further.second(same_model=False), settings), True),
        Step("X6", Cost(), (*ROWS, SECOND), lambda: _precision(data, audit, further), True),
    ]  # fmt: skip


def _null(audit: Audit, result: ControlResult) -> ControlResult:
    """G1, on the side of the null that the claim names."""
    null = result.null
    assert null is not None
    return on_the_claimed_side(audit.claim, result, number="cosine", null=null.mean)


def _precision(data: AuditData, audit: Audit, further: Further) -> ControlResult:
    """X6, with the cosine in both runs."""
    a, b = audit.subject.emotion, audit.subject.other

    def statistic(found: AuditData) -> float:
        weights = make_pair(found, a, b, reference="grand mean").weights(found.codes)
        return pair_cosine(found.rows, weights)

    second = further.second(same_model=True)
    return other_precision(data, (a, b), second, statistic, audit.settings)
