"""G4: do a few rogue dimensions or a narrow cone make the cosine?

The cosine again after every dimension is centred and scaled to unit variance over all texts; beside
it the mean cosine of random texts, d_eff = tr(S)^2 / tr(S^2), and the share of |v|^2 in its three
largest coordinates (Ethayarajh 2019; Timkey and van Schijndel 2109.04404: one to three dimensions
can dominate).
"""

import numpy as np

from .data import AuditData, unit_rows
from .pairs import Pair, pair_cosine
from .result import ControlResult, exact
from .settings import AuditSettings

SAMPLE = 2000  # random pairs of texts


def anisotropy(data: AuditData, pair: Pair, settings: AuditSettings) -> ControlResult:
    """Change of the pair's cosine when no dimension is louder than another."""
    rows = data.rows.astype(np.float64)
    centred = rows - rows.mean(axis=0)
    scale = centred.std(axis=0)
    scaled = centred / np.where(scale > 0, scale, 1)
    w = pair.weights(data.codes)
    raw, even = pair_cosine(rows, w), pair_cosine(scaled, w)
    change = abs(raw - even)
    rng = settings.rng("G4")
    one, two = rng.integers(data.n, size=(2, SAMPLE))
    unit = unit_rows(rows)
    cone = float(np.mean(np.einsum("id,id->i", unit[one], unit[two])[one != two]))
    values = np.linalg.svd(centred, compute_uv=False) ** 2
    share = max(_top_share(v @ rows) for v in w)
    state = settings.rule("G4").state(change)
    reasons = (
        ()
        if state == "pass"
        else (
            f"cosine {raw:.2f}, with dimensions scaled alike {even:.2f}; three coordinates hold "
            f"{share:.0%} of a vector",
        )
    )
    numbers = {
        "cosine": exact(raw, n=data.n),
        "dimensions scaled": exact(even, n=data.n),
        "cosine of random texts": exact(cone, n=SAMPLE),
        "effective dimensions": exact(values.sum() ** 2 / (values**2).sum(), n=data.n),
        "share of three coordinates": exact(share, n=data.n),
    }
    return ControlResult("G4", state, numbers, reasons=reasons)


def _top_share(vector: np.ndarray) -> float:
    square = np.sort(vector**2)
    return float(square[-3:].sum() / square.sum())
