"""G8: specific, or only "negative"?

Axes of valence and arousal are fitted on the emotions outside the pair (sum over emotions of the
centred norm times the centred vector), projected out of both vectors, and the cosine taken again. A
claim about two emotions must say whether it means with or without valence.
"""

import numpy as np
from jaxtyping import Float

from .closed_form import contrast
from .data import AuditData, cosine
from .result import ControlResult, exact
from .settings import AuditSettings

MIN_OTHERS = 4


def valence_partial(
    data: AuditData,
    a: str,
    b: str,
    norms: Float[np.ndarray, "label norm"],
    settings: AuditSettings,
) -> ControlResult:
    """Cosine of a and b with and without the axes; `norms` are valence (and arousal) per label."""
    vectors = contrast(data.codes[None], data.n_labels)[0] @ data.rows.astype(np.float64)
    one, two = data.code(a), data.code(b)
    others = [k for k in range(data.n_labels) if k not in (one, two)]
    if len(others) < MIN_OTHERS:
        said = f"{len(others)} other emotions; fitting an axis needs {MIN_OTHERS}"
        return ControlResult("G8", "limited", reasons=(said,))
    centred = vectors[others] - vectors[others].mean(axis=0)
    weight = norms[others] - norms[others].mean(axis=0)
    basis = np.linalg.qr((weight.T @ centred).T)[0]
    left = vectors - (vectors @ basis) @ basis.T
    raw, partial = cosine(vectors[one], vectors[two]), cosine(left[one], left[two])
    share = partial / raw if raw else float("nan")
    state = settings.rule("G8").state(share)
    said = f"cosine {raw:.2f}, without valence and arousal {partial:.2f}: name which is meant"
    numbers = {"cosine": exact(raw, n=data.n), "without valence": exact(partial, n=data.n)}
    return ControlResult("G8", state, numbers, reasons=() if state == "pass" else (said,))
