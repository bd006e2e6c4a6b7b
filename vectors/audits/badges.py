"""The three-step protocol's badges: associated, causal, graded.

In: control results. Out: the badges that are earned, in order: a later one is given only with the
earlier ones, however well its own controls did. Knows no claim text.

1 associated   AUROC interval above .70, gain over surface features above 0, and P1 P2 P4 P5 P10 X2
               not failed (X3 too unless there is no keyword-free set)
2 causal       "sufficient": I1-I3 I7 C1 C2 C4 C6 C12 hold; "necessary": I1-I3 hold and C9 passes
               (a warning is not enough). Two words, never merged; either one gives the badge
3 graded       C5 and C11 hold
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .result import ControlResult

STEP_1 = ("P1", "P2", "P4", "P5", "P10", "X2")
SUFFICIENT = ("I1", "I2", "I3", "I7", "C1", "C2", "C4", "C6", "C12")
NECESSARY = ("I1", "I2", "I3", "C9")
STEP_3 = ("C5", "C11")
ASSOCIATED_AUROC = 0.70  # convention: lower end of the AUROC interval


@dataclass(frozen=True)
class Badge:
    """One step that is earned."""

    step: int
    """1, 2 or 3."""
    name: str
    """"associated", "causal" or "graded"."""
    detail: str
    """For causal: "sufficient", "necessary" or "sufficient and necessary"."""


def badges(results: Mapping[str, ControlResult], *, stale: Sequence[str] = ()) -> tuple[Badge, ...]:
    """The badges in order; stale results count as not run."""
    fresh = {name: r for name, r in results.items() if name not in stale}
    if not _associated(fresh):
        return ()
    out = [Badge(1, "associated", "")]
    detail = " and ".join(
        name
        for name, need in (("sufficient", SUFFICIENT), ("necessary", NECESSARY))
        if _hold(fresh, need) and (name == "sufficient" or fresh["C9"].state == "pass")
    )
    if not detail:
        return tuple(out)
    out.append(Badge(2, "causal", detail))
    if _hold(fresh, STEP_3):
        out.append(Badge(3, "graded", ""))
    return tuple(out)


def _hold(results: Mapping[str, ControlResult], need: Sequence[str]) -> bool:
    return all(name in results and results[name].state in ("pass", "warn", "n/a") for name in need)


def _associated(results: Mapping[str, ControlResult]) -> bool:
    if not _hold(results, STEP_1):
        return False
    if "X3" in results and results["X3"].state not in ("pass", "warn", "n/a"):
        return False
    auroc = results["P1"].numbers.get("auroc by topic")
    gain = results["P4"].numbers.get("gain")
    return auroc is not None and gain is not None and auroc.low >= ASSOCIATED_AUROC and gain.low > 0
