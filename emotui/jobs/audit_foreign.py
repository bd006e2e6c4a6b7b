"""A cosine claim about vectors that somebody else made: what is known of them, and its steps.

In: a saved set that names no run. Out: steps, input hashes, provenance. Computes nothing;
`vectors.audits.foreign` does.
"""

from functools import partial

import numpy as np

from emotui.jobs.audit_data import CLAIMS, SETTINGS, VECTORS, Step, family_size, settings_hash
from emotui.jobs.audit_record import Audit, code_hash, digest, versions
from store.layout import Home
from vectors.audits.finding import Provenance
from vectors.audits.foreign import construction_unknown
from vectors.audits.result import Cost
from vectors.directionset import DirectionSet

ORDER = ("G1", "G3", "X1", "G2")


def foreign_steps(directions: DirectionSet, audit: Audit) -> list[Step]:
    """G1, G3, X1, G2: what two vectors alone can say."""
    a, b = _pair(directions, audit)
    found = construction_unknown(a, b, n_labels=len(directions.labels), settings=audit.settings)

    uses = (VECTORS, SETTINGS, CLAIMS)
    return [Step(control, Cost(), uses, partial(found.__getitem__, control)) for control in ORDER]


def foreign_hashes(home: Home, audit: Audit, directions: DirectionSet) -> dict[str, str]:
    """The two vectors, the claims about the set, the settings."""
    return {
        VECTORS: digest(*(v.tobytes() for v in _pair(directions, audit))),
        CLAIMS: str(family_size(home, audit)),
        SETTINGS: settings_hash(audit),
    }


def foreign_provenance(directions: DirectionSet, audit: Audit) -> Provenance:
    """What the set says of itself; the gaps are R4's to name."""
    recipe = directions.recipe
    return Provenance(
        model=recipe.model,
        revision=recipe.revision,
        dtype=recipe.dtype,
        hook_point=recipe.hook_point,
        pooling=recipe.pooling,
        vector_sha256=digest(*(v.tobytes() for v in _pair(directions, audit))),
        code_commit=code_hash(),
        versions=versions(),
    )


def _pair(directions: DirectionSet, audit: Audit) -> tuple[np.ndarray, np.ndarray]:
    subject = audit.subject
    return (
        np.asarray(directions.at(subject.emotion, subject.layer), np.float32),
        np.asarray(directions.at(subject.other, subject.layer), np.float32),
    )
