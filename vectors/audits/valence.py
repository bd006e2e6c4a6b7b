"""G8: specific, or only "negative"?

Axes of valence and arousal are fitted on the emotions outside the pair (sum over emotions of the
centred norm times the centred vector), projected out of both vectors, and the cosine taken again. A
claim about two emotions must say whether it means with or without valence. Emotions without norms
stay in the vectors' common mean and fit no axis.
"""

import numpy as np
from jaxtyping import Float

from .closed_form import contrast
from .data import AuditData, cosine
from .result import ControlResult, exact
from .settings import AuditSettings

MIN_OTHERS = 4
MIN_COSINE = 0.05


def valence_partial(
    data: AuditData,
    a: str,
    b: str,
    norms: Float[np.ndarray, "label norm"] | None,
    settings: AuditSettings,
) -> ControlResult:
    """Cosine of a and b with and without the axes; n/a without norms.

    `norms` are valence (and arousal) per label, NaN where a label has none.
    """
    if norms is None:
        said = "no norms were given: whether the cosine is only valence is open"
        return ControlResult("G8", "n/a", reasons=(said,))
    vectors = contrast(data.codes[None], data.n_labels)[0] @ data.rows.astype(np.float64)
    one, two = data.code(a), data.code(b)
    rated = np.isfinite(norms).all(axis=1)
    others = [k for k in range(data.n_labels) if k not in (one, two) and rated[k]]
    if len(others) < MIN_OTHERS:
        said = f"{len(others)} other emotions with norms; fitting an axis needs {MIN_OTHERS}"
        return ControlResult("G8", "limited", reasons=(said,))
    centred = vectors[others] - vectors[others].mean(axis=0)
    weight = norms[others] - norms[others].mean(axis=0)
    basis = np.linalg.qr((weight.T @ centred).T)[0]
    left = vectors - (vectors @ basis) @ basis.T
    raw, partial = cosine(vectors[one], vectors[two]), cosine(left[one], left[two])
    share = partial / raw if raw else float("nan")
    state = settings.rule("G8").state(share)
    # Of a cosine that is nearly 0 no share can be taken.
    if abs(raw) < MIN_COSINE:
        state = "limited"
    said = f"cosine {raw:.2f}, without valence and arousal {partial:.2f}: name which is meant"
    numbers = {"cosine": exact(raw, n=data.n), "without valence": exact(partial, n=data.n)}
    return ControlResult("G8", state, numbers, reasons=() if state == "pass" else (said,))
