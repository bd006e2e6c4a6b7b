"""R1-R8: what the record itself must show. Computed from the parts of a finding, no activations.

R6 uses normal approximations: the smallest effect found with power .8 at two-sided .05 is
(1.960 + 0.842) sd / sqrt(n); "no effect" needs the 90 % interval (two one-sided tests, Schuirmann
1987) inside plus or minus the smallest effect of interest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from statistics import NormalDist

import numpy as np

from vectors.stats import Interval

from .claims import Claim, Prereg
from .finding import Provenance
from .multiplicity import Family
from .result import ControlResult, State, exact
from .settings import AuditSettings
from .wording import lint

MANY_FORKS = 20  # convention: above it the count is a warning


def preregistered(prereg: Prereg | None, evidence_at: str | None) -> ControlResult:
    """R1: was the plan sealed, unbroken, before the first evidence?"""
    if prereg is None:
        return ControlResult("R1", "warn", reasons=("exploratory: no plan was sealed",))
    broken = prereg.problems()
    if broken:
        return ControlResult("R1", "fail", reasons=broken)
    if evidence_at is None:
        return ControlResult("R1", "pass", {"deviations": exact(len(prereg.deviations))})
    if not prereg.before(evidence_at):
        said = f"sealed at {prereg.sealed_at}, first evidence at {evidence_at}"
        return ControlResult("R1", "warn", reasons=(f"exploratory: {said}",))
    state: State = "warn" if prereg.deviations else "pass"
    return ControlResult(
        "R1", state, {"deviations": exact(len(prereg.deviations))},
        reasons=tuple(f"deviation: {d.what} ({d.why})" for d in prereg.deviations),
    )  # fmt: skip


def multiplicity(family: Family, claim: str) -> ControlResult:
    """R2: what is left once all claims on the data are counted."""
    found = family.of(claim)
    numbers = {
        "p adjusted": exact(found.p_adjusted, n=family.m),
        "claims": exact(family.m),
        "draws needed": exact(family.b_needed),
    }
    state: State = {"significant": "pass", "resolution-limited": "limited"}.get(found.word, "fail")  # type: ignore[assignment]
    said = (
        f"{found.word}: p={found.p:.3g}, {family.method} over {family.m} claims "
        f"{found.p_adjusted:.3g}; B >= {family.b_needed:,} is needed"
    )
    return ControlResult("R2", state, numbers, reasons=() if state == "pass" else (said,))


def complete_numbers(results: Sequence[ControlResult]) -> ControlResult:
    """R3: every control that was judged has numbers with n, and every p a null."""
    bad = []
    for result in results:
        if result.state not in ("pass", "warn", "fail") or result.id.startswith("R"):
            continue
        if not result.numbers:
            bad.append(f"{result.id} was judged without a number")
        bad += [f"{result.id}: {name} has no n" for name, i in result.numbers.items() if i.n < 1]
        bad += [f"{result.id}: a null without draws" for n in result.nulls if n.b < 1]
    return ControlResult("R3", "fail" if bad else "pass", reasons=tuple(bad))


def provenance(record: Provenance) -> ControlResult:
    """R4: empty fields warn; an estimator that is not the one described fails."""
    if record.estimator_described and record.estimator_described != record.estimator:
        said = f"the text says {record.estimator_described!r}, the code used {record.estimator!r}"
        return ControlResult("R4", "fail", reasons=(said,))
    empty = [
        f.name for f in fields(record)
        if f.name != "estimator_described" and not getattr(record, f.name)
    ]  # fmt: skip
    if empty:
        return ControlResult("R4", "warn", reasons=(f"not recorded: {', '.join(empty)}",))
    return ControlResult("R4", "pass")


def forking_paths(forks: int) -> ControlResult:
    """R5: reported; many settings tried without a sealed plan warn."""
    state: State = "warn" if forks > MANY_FORKS else "pass"
    reasons = (f"{forks} settings were evaluated before this claim",) if state == "warn" else ()
    return ControlResult("R5", state, {"settings tried": exact(forks)}, reasons=reasons)


def power(
    claim: Claim, effect: Interval, units: np.ndarray, settings: AuditSettings
) -> ControlResult:
    """R6: could the effect of interest have been seen, or, for "none", is a larger one excluded?

    `units` are the effects of the independent units (prompts, topics) behind `effect`.
    """
    n, normal = len(units), NormalDist()
    if n < 2:
        return ControlResult("R6", "limited", reasons=("one unit has no spread",))
    error = float(np.std(units, ddof=1)) / np.sqrt(n)
    smallest = (normal.inv_cdf(0.975) + normal.inv_cdf(0.8)) * error
    reach = normal.cdf(claim.effect_min / error - normal.inv_cdf(0.975)) if error else 1.0
    numbers = {
        "smallest effect at power .8": exact(smallest, n=n),
        "power at the effect of interest": exact(reach, n=n),
        "effect": effect,
    }
    if claim.direction == "none":
        half = normal.inv_cdf(0.95) * error
        low, high = effect.value - half, effect.value + half
        inside = -claim.effect_min < low and high < claim.effect_min
        said = f"90 % interval [{low:.3g}, {high:.3g}] against ±{claim.effect_min:g}"
        if inside:
            return ControlResult("R6", "pass", numbers)
        outside = low > claim.effect_min or high < -claim.effect_min
        return ControlResult("R6", "fail" if outside else "limited", numbers, reasons=(said,))
    state: State = "pass" if settings.rule("R6").state(reach) == "pass" else "limited"
    said = f"power {reach:.0%} for an effect of {claim.effect_min:g} with {n} units"
    return ControlResult("R6", state, numbers, reasons=() if state == "pass" else (said,))


def wording(claim: Claim, results: Mapping[str, ControlResult]) -> ControlResult:
    """R7: words that say more than the controls carry."""
    from .badges import badges

    hits = lint(claim.text, earned=badges(results))
    lines = tuple(f"{h.word!r}: {h.why}; write {h.instead}" for h in hits)
    return ControlResult("R7", "warn" if hits else "pass", reasons=lines)


def own_controls(planted: ControlResult, sham: ControlResult) -> ControlResult:
    """R8: a planted effect must pass and a sham label must not, in this run, on these texts."""
    bad = []
    if planted.state not in ("pass", "warn"):
        bad.append(f"the planted effect was not found ({planted.id}: {planted.state})")
    if sham.state not in ("fail", "limited"):
        bad.append(f"a sham label was found ({sham.id}: {sham.state})")
    return ControlResult("R8", "fail" if bad else "pass", reasons=tuple(bad))
