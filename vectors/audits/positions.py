"""P9: is it an artefact of which tokens are pooled?

In: the same texts under several poolings. Out: spread of AUROC, and the smallest cosine of the
mean-difference direction to that of the default pooling (the smallest over labels).
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from vectors.stats import Interval

from .closed_form import contrast
from .data import AuditData, cosine, unit_rows
from .probe_scores import probe_auroc, split_of
from .result import ControlResult, worst
from .settings import AuditSettings


def pooling_spread(
    data: AuditData,
    poolings: Mapping[str, Float[np.ndarray, "text d_model"]],
    settings: AuditSettings,
) -> ControlResult:
    """`data.rows` is the default pooling; `poolings` are the others by name."""
    if not poolings:
        return ControlResult("P9", "not_run", reasons=("no other pooling was stored",))
    split = split_of(data, settings)
    found = {"default": probe_auroc(data, split, settings).interval}
    own, cosines = _directions(data), {}
    for name, rows in poolings.items():
        other = data.with_rows(rows)
        found[name] = probe_auroc(other, split, settings).interval
        cosines[name] = min(cosine(a, b) for a, b in zip(own, _directions(other), strict=True))
    values = [i.value for i in found.values()]
    spread, lowest = max(values) - min(values), min(cosines.values())
    state = worst(settings.rule("P9.spread").state(spread), settings.rule("P9.cos").state(lowest))
    reasons = (
        ()
        if state == "pass"
        else (
            f"AUROC {min(values):.2f} to {max(values):.2f} over poolings; cosine to the default "
            f"down to {lowest:.2f} ({min(cosines, key=lambda name: cosines[name])})",
        )
    )
    numbers = {
        **found,
        "spread": Interval(spread, np.nan, np.nan, data.n, data.n_groups),
        "smallest cosine": Interval(lowest, np.nan, np.nan, data.n, data.n_groups),
    }
    return ControlResult("P9", state, numbers, reasons=reasons)


def _directions(data: AuditData) -> Float[np.ndarray, "label d_model"]:
    return np.asarray(contrast(data.codes[None], data.n_labels)[0] @ unit_rows(data.rows))
