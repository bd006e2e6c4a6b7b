"""P3: does the probe read a representation, or does it memorise?

Control task: every unit (topic, or word type for token probes) gets one fixed random label with the
task's own marginals; selectivity is accuracy on the task minus accuracy on the control, both under
random folds (Hewitt and Liang 2019). Under topic folds the control cannot be learnt by design, so
there P2 is the control; for whole texts the number is reported and not judged.
"""

import numpy as np
from jaxtyping import Int

from vectors.stats import Interval

from .closed_form import fold_kernels, held_out
from .data import AuditData
from .probe_scores import split_of
from .result import ControlResult
from .settings import AuditSettings


def selectivity(
    data: AuditData, settings: AuditSettings, *, units: Int[np.ndarray, "text"] | None = None
) -> ControlResult:
    """Selectivity over `units` (word type of each row); None = topics, reported only."""
    own = np.unique(data.groups if units is None else units, return_inverse=True)[1]
    fold = split_of(data, settings, split="random").fold[0]
    kernels = fold_kernels(data.rows, fold)
    marginal = np.bincount(data.codes, minlength=data.n_labels) / data.n
    codes = [data.codes]
    for replicate in range(settings.preset.seeds):
        rng = settings.rng("P3", replicate)
        codes.append(rng.choice(data.n_labels, size=own.max() + 1, p=marginal)[own])
    every = np.stack(codes)
    right = held_out(kernels, every, n_labels=data.n_labels).argmax(axis=1) == every
    task, control = float(right[0].mean()), right[1:].mean(axis=1)
    gap = task - control
    numbers = {
        "task": Interval(task, float("nan"), float("nan"), data.n, data.n_groups),
        "control": _over_seeds(control, data),
        "selectivity": _over_seeds(gap, data),
    }
    if units is None:
        said = f"reported only: topics are memorised under random folds ({control.mean():.2f})"
        return ControlResult("P3", "n/a", numbers, reasons=(said,))
    state = settings.rule("P3").state(float(gap.mean()))
    reasons = (
        ()
        if state == "pass"
        else (f"task {task:.2f}, random labels per word {control.mean():.2f}",)
    )
    return ControlResult("P3", state, numbers, reasons=reasons)


def _over_seeds(values: np.ndarray, data: AuditData) -> Interval:
    return Interval(
        float(values.mean()), float(values.min()), float(values.max()), data.n, len(values)
    )
