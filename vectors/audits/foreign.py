"""G1, G2, G3 and X1 of a cosine between two vectors that came without the texts behind them.

Somebody reports "anger and sadness have a cosine of .71" and hands over two vectors. What noise
alone would have given depends on what was subtracted from both: the same neutral mean (.50), the
grand mean of K emotions (-1 / (K - 1)), or nothing common (0). None of that can be read off the
vectors, so every control that the claim needs is limited, and says what is missing. Knows no run.
"""

import numpy as np
from jaxtyping import Float

from .data import cosine
from .result import ControlResult, exact
from .settings import AuditSettings

Vector = Float[np.ndarray, "d_model"]


def construction_unknown(
    a: Vector, b: Vector, *, n_labels: int, settings: AuditSettings
) -> dict[str, ControlResult]:
    """By control; `n_labels` vectors came together, which fixes the grand mean's expectation."""
    found = cosine(a, b)
    rng = settings.rng("G1.context")
    pairs = rng.standard_normal((2, settings.preset.b, len(a)))
    drawn = np.einsum("nd,nd->n", *pairs) / np.prod(np.linalg.norm(pairs, axis=2), axis=0)
    around = -1 / (n_labels - 1) if n_labels > 1 else float("nan")
    said = {
        "G1": "how the two vectors were made is not recorded: noise alone gives .50 where both had "
        f"the same neutral mean subtracted, {around:.2f} around the grand mean of {n_labels}, 0 "
        f"with independent references; the cosine {found:.2f} cannot be judged before one is named",
        "G2": "without the texts length cannot be controlled; scaling finished vectors changes no "
        "cosine, so a 'length-normalised' one must have been made otherwise",
        "G3": "without texts there are no halves, so what noise did to the cosine is unknown",
        "X1": "without texts there are no halves of topics: whether the vectors repeat is unknown",
    }
    # No null: isotropic directions are not what noise would have given here.
    numbers = {"cosine": exact(found), "sd of isotropic directions": exact(float(drawn.std()))}
    return {
        control: ControlResult(
            control,
            "limited",
            numbers if control == "G1" else {},
            reasons=(reason,),
        )
        for control, reason in said.items()
    }
