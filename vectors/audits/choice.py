"""C12 and C7: chosen on other prompts, and what else moved?

C12 compares the prompts on which alpha and layer were chosen with those of the test. C7 tests each
off-target measure for equivalence: the 90 % interval of the paired change inside +- its margin (two
one-sided tests at .05; Schuirmann 1987). Knows no model.
"""

from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

from vectors.stats import Interval

from .result import ControlResult, State, exact
from .settings import AuditSettings


def chosen_elsewhere(
    tuning: Sequence[str] | None, test: Sequence[str], *, n_tried: int
) -> ControlResult:
    """C12. `tuning` None = alpha and layer were fixed in advance; then one setting was tried."""
    numbers = {"settings tried": exact(n_tried)}
    if tuning is None:
        if n_tried <= 1:
            return ControlResult("C12", "n/a", numbers, reasons=("one setting, fixed in advance",))
        said = f"{n_tried} settings were tried, on which prompts is not recorded"
        return ControlResult("C12", "fail", numbers, reasons=(said,))
    shared = set(tuning) & set(test)
    numbers["shared prompts"] = exact(len(shared), n=len(test))
    if shared:
        said = f"{len(shared)} of {len(test)} test prompts served the choice of {n_tried} settings"
        return ControlResult("C12", "fail", numbers, reasons=(said,))
    return ControlResult("C12", "pass", numbers)


def off_target(
    changes: Mapping[str, Float[np.ndarray, "prompt"]],
    margins: Mapping[str, float],
    settings: AuditSettings,
    *,
    target_effect: float | None = None,
) -> ControlResult:
    """C7. `changes` are paired differences per measure, `margins` what would not matter.

    `target_effect` in units of its own margin: a target that moves less than an off-target measure
    fails.
    """
    if not changes:
        return ControlResult("C7", "not_run", reasons=("no off-target measure was given",))
    z = NormalDist().inv_cdf(0.95)
    numbers, out, largest = {}, [], 0.0
    for name, change in changes.items():
        mean = float(np.mean(change))
        half = z * float(np.std(change, ddof=1)) / np.sqrt(len(change))
        numbers[name] = Interval(mean, mean - half, mean + half, len(change), len(change))
        largest = max(largest, abs(mean) / margins[name])
        if not -margins[name] < mean - half or not mean + half < margins[name]:
            out.append(f"{name} {mean:+.3g} [{mean - half:.3g}, {mean + half:.3g}]")
    state: State = settings.rule("C7").state(len(out))
    reasons = [f"not equivalent to no change: {'; '.join(out)}"] if out else []
    if target_effect is not None and abs(target_effect) < largest:
        state = "fail"
        reasons.append("an off-target measure moves more than the target")
    return ControlResult("C7", state, numbers, reasons=tuple(reasons))
