"""G4: do a few rogue dimensions or a narrow cone make the cosine?

The cosine again after every dimension is centred and scaled to unit variance over all texts; beside
it the mean cosine of random texts, d_eff = tr(S)^2 / tr(S^2), and the share of |v|^2 in its three
largest coordinates (Ethayarajh 2019; Timkey and van Schijndel 2109.04404: one to three dimensions
can dominate).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from vectors.stats import Interval

from .data import AuditData, unit_rows
from .pairs import Pair, pair_cosine
from .result import ControlResult, exact
from .settings import AuditSettings

SAMPLE = 2000  # random pairs of texts


def anisotropy(data: AuditData, pair: Pair, settings: AuditSettings) -> ControlResult:
    """Change of the pair's cosine when no dimension is louder than another."""
    rows = data.rows.astype(np.float64)
    w = pair.weights(data.codes)
    raw, even = pair_cosine(rows, w), pair_cosine(scaled_alike(rows), w)
    beside = cone(rows, [v @ rows for v in w], settings)
    state = settings.rule("G4").state(abs(raw - even))
    reasons = (
        ()
        if state == "pass"
        else (
            f"cosine {raw:.2f}, with dimensions scaled alike {even:.2f}; three coordinates hold "
            f"{beside['share of three coordinates'].value:.0%} of a vector",
        )
    )
    numbers = {
        "cosine": exact(raw, n=data.n),
        "dimensions scaled": exact(even, n=data.n),
        **beside,
    }
    return ControlResult("G4", state, numbers, reasons=reasons)


def scaled_alike(rows: Float[np.ndarray, "text d_model"]) -> Float[np.ndarray, "text d_model"]:
    """Every dimension centred and at unit variance; one that is constant stays at 0."""
    centred = rows - rows.mean(axis=0)
    scale = centred.std(axis=0)
    return np.asarray(centred / np.where(scale > 0, scale, 1))


def cone(
    rows: Float[np.ndarray, "text d_model"],
    vectors: Sequence[Float[np.ndarray, "d_model"]],
    settings: AuditSettings,
) -> dict[str, Interval]:
    """How narrow the cone is and how few coordinates hold a vector; reported, not judged."""
    rng = settings.rng("G4")
    one, two = rng.integers(len(rows), size=(2, SAMPLE))
    unit = unit_rows(rows)
    mean = float(np.mean(np.einsum("id,id->i", unit[one], unit[two])[one != two]))
    values = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False) ** 2
    return {
        "cosine of random texts": exact(mean, n=SAMPLE),
        "effective dimensions": exact(values.sum() ** 2 / (values**2).sum(), n=len(rows)),
        "share of three coordinates": exact(max(map(_top_share, vectors)), n=len(rows)),
    }


def _top_share(vector: Float[np.ndarray, "d_model"]) -> float:
    square = np.sort(vector**2)
    return float(square[-3:].sum() / square.sum())
