"""The controls of a cosine claim as steps, cheapest first.

The two vectors are differences from the mean over all emotions of the run, as `emotui vectors
build` makes them, so the null is the one of that construction. Computes nothing.
"""

from emotui.errors import UserError
from emotui.jobs.audit_data import ACTIVATIONS, CLAIMS, LABELS, LENGTHS, SETTINGS, Source, Step
from emotui.jobs.audit_direction import on_the_claimed_side
from emotui.jobs.audit_record import Audit
from vectors.audits.length import length_norm
from vectors.audits.pairs import make_pair
from vectors.audits.pipeline_null import pipeline_null
from vectors.audits.reliability import cross_seed, noise_free_cosine
from vectors.audits.result import ControlResult, Cost

ESTIMATOR = "mean-difference"
MIN_LABELS = 3


def cosine_steps(source: Source, audit: Audit) -> list[Step]:
    """G1, G3, X1, G2."""
    data, settings, subject = source.data, audit.settings, audit.subject
    if data.n_labels < MIN_LABELS:
        raise UserError(
            f"the run has {data.n_labels} labels; around their common mean two vectors always have "
            f"the cosine -1, so a cosine claim needs {MIN_LABELS} labels or more"
        )
    pair = make_pair(data, subject.emotion, subject.other, reference="grand mean")
    rows, m = (ACTIVATIONS, LABELS, SETTINGS), audit.family_size
    names = (subject.emotion, subject.other)
    return [
        Step(
            "G1", Cost(), (*rows, CLAIMS),
            lambda: _null(audit, pipeline_null(data, pair, settings, family_size=m)),
        ),
        Step("G3", Cost(), rows, lambda: noise_free_cosine(data, pair, settings)),
        Step("X1", Cost(), rows, lambda: cross_seed(data, settings, labels=names)),
        Step("G2", Cost(), (*rows, LENGTHS), lambda: length_norm(data, pair, settings)),
    ]  # fmt: skip


def _null(audit: Audit, result: ControlResult) -> ControlResult:
    """G1, on the side of the null that the claim names."""
    null = result.null
    assert null is not None
    return on_the_claimed_side(audit.claim, result, number="cosine", null=null.mean)
