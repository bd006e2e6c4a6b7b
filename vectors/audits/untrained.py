"""P8: do untrained weights do it too? The dead-salmon check (2512.18792).

In: activations of the same texts from models of the same config with fresh weights (and, where
given, from token-shuffled texts). Out: the gain over the best of them, paired over topics.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from .data import AuditData
from .probe_scores import probe_auroc, split_of
from .result import ControlResult
from .settings import AuditSettings


def untrained_gain(
    data: AuditData,
    twins: Mapping[str, Float[np.ndarray, "text d_model"]],
    settings: AuditSettings,
) -> ControlResult:
    """Gain over each twin by name, e.g. "untrained, seed 0" or "tokens shuffled"."""
    if not twins:
        return ControlResult("P8", "not_run", reasons=("no untrained twin was extracted",))
    split = split_of(data, settings)
    trained = probe_auroc(data, split, settings)
    found = {
        name: probe_auroc(data.with_rows(rows), split, settings) for name, rows in twins.items()
    }
    best = max(found, key=lambda name: found[name].interval.value)
    gain = trained.minus(found[best])
    state = settings.rule("P8").state(gain.low)
    numbers = {
        "trained": trained.interval,
        "gain": gain,
        **{name: a.interval for name, a in found.items()},
    }
    reasons = (
        ()
        if state == "pass"
        else (
            f"{best} reaches {found[best].interval.value:.2f}, the trained model "
            f"{trained.interval.value:.2f}",
        )
    )
    return ControlResult("P8", state, numbers, reasons=reasons)
