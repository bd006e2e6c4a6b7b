"""Does the number lie on the side that the claim names?

In: a claim, a control's result. Out: the result, failed where the effect goes the other way. The
nulls of G1 and C4 are two-sided, so a strong effect of the wrong sign would otherwise pass.
"""

from dataclasses import replace

from vectors.audits.claims import Claim
from vectors.audits.result import ControlResult


def on_the_claimed_side(
    claim: Claim, result: ControlResult, *, number: str, null: float
) -> ControlResult:
    """`number` minus `null` must be above 0 for "greater", below for "less"."""
    if claim.direction not in ("greater", "less") or number not in result.numbers:
        return result
    value = result.numbers[number].value
    wanted = 1 if claim.direction == "greater" else -1
    if (value - null) * wanted > 0:
        return result
    said = f"the claim says {claim.direction} than {null:.2f}, the {number} is {value:.2f}"
    return replace(result, state="fail", reasons=(said, *result.reasons))
