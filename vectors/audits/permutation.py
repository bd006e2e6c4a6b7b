"""P2: better than label noise when every topic keeps its labels?

The whole closed-form pipeline is refitted under every permutation of labels within topics; p is
(1 + #{null >= observed}) / (1 + B), never zero (Phipson and Smyth 2010).
"""

import numpy as np

from vectors.stats import Interval, shuffles

from .closed_form import fold_kernels, held_out, macro_auroc
from .data import AuditData
from .multiplicity import draws_needed
from .probe_scores import split_of
from .result import ControlResult, Null, State, null_of
from .settings import AuditSettings

CHUNK = 250  # permutations held at once


def label_noise(data: AuditData, settings: AuditSettings, *, family_size: int = 1) -> ControlResult:
    """Permutation p of the held-out AUROC; `family_size` = claims on this data set.

    State: pass where p x family_size < .05 (Holm's first step, so a family can only relax it),
    warn where p alone is below, limited where B cannot carry the family.
    """
    fold = split_of(data, settings).fold[0]
    kernels = fold_kernels(data.rows, fold)
    drawn, how = shuffles(
        data.codes, data.groups, count=settings.preset.b, seed=settings.seed("P2")
    )
    every = np.concatenate([data.codes[None], drawn])
    values = np.concatenate(
        [
            macro_auroc(held_out(kernels, part, n_labels=data.n_labels), part, kernels)
            for part in np.array_split(every, max(1, len(every) // CHUNK))
        ]
    )
    null = null_of(f"labels permuted {how}", float(values[0]), values[1:])
    state, reasons = judge_p(null, settings, "P2", family_size=family_size)
    observed = Interval(float(values[0]), float("nan"), float("nan"), data.n, data.n_groups)
    return ControlResult("P2", state, {"auroc": observed}, (null,), reasons)


def judge_p(
    null: Null, settings: AuditSettings, key: str, *, family_size: int
) -> tuple[State, tuple[str, ...]]:
    """pass, warn, fail or limited from a permutation p within a family of claims."""
    level = settings.rule(key).passes
    needed = draws_needed(family_size, level)
    said = f"p={null.p:.3g} of B={null.b} ({null.kind}; null {null.mean:.3f} ± {null.sd:.3f})"
    if null.p * family_size <= level:
        return "pass", ()
    if null.p > level:
        return "fail", (said,)
    if null.b < needed:
        return "limited", (f"{said}: {family_size} claims need B >= {needed:,}",)
    return "warn", (f"{said}: above {level:g} once {family_size} claims are counted",)
