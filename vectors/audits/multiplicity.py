"""R2, several claims on one data set: who is significant once all of them are counted.

In: raw p values with the number of draws behind each. Out: adjusted p values and a word per claim
that the resolution can carry. Knows no control and no claim text.

A Monte-Carlo p is never below 1 / (1 + B). Holm over m claims at level a needs the smallest p below
a / m, so B >= m / a - 1: 279 draws for 14 claims, 639 for 32 layers, 3,419 for 171 emotions. Below
that nothing can pass *whatever the effect*, so "not significant" would be a statement about B; the
word is then "resolution-limited". Layer curves use the maximum statistic (Westfall and Young
1993): one null for all tests, whose floor does not depend on m.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from vectors.errors import DataError
from vectors.stats import benjamini_hochberg, holm

Word = Literal["significant", "not significant", "resolution-limited"]
METHODS = ("holm", "bh")


@dataclass(frozen=True)
class Member:
    """One claim's test."""

    claim: str
    """Name of the claim or finding."""
    p: float
    b: int
    """Monte-Carlo draws behind p; 0 = p is exact, so there is no floor."""


@dataclass(frozen=True)
class Adjusted:
    """One claim after the correction."""

    claim: str
    p: float
    p_adjusted: float
    word: Word


@dataclass(frozen=True)
class Family:
    """All claims on one data set, not only those shown."""

    method: str
    """"holm" (confirmatory) or "bh" (screens)."""
    alpha: float
    """Level for holm, rate q for bh."""
    m: int
    b_needed: int
    """Draws at which the smallest p can reach alpha / m."""
    members: tuple[Adjusted, ...]

    @property
    def limited(self) -> bool:
        """True when some claim's word is about the draws and not about its effect."""
        return any(member.word == "resolution-limited" for member in self.members)

    def of(self, claim: str) -> Adjusted:
        """One claim's line; DataError when it is no member."""
        for member in self.members:
            if member.claim == claim:
                return member
        raise DataError(f"{claim!r} is not in this family of {self.m} claims")


def draws_needed(m: int, alpha: float = 0.05) -> int:
    """B with 1 / (1 + B) <= alpha / m."""
    if m < 1 or not 0 < alpha < 1:
        raise DataError(f"m={m}, alpha={alpha}; give one or more tests and a level in (0, 1)")
    return math.ceil(round(m / alpha, 9)) - 1


def adjust(members: Sequence[Member], *, method: str = "holm", alpha: float = 0.05) -> Family:
    """Correct the whole family at once."""
    if method not in METHODS:
        raise DataError(f"unknown method {method!r}; allowed: {', '.join(METHODS)}")
    for member in members:
        floor = 1 / (1 + member.b) if member.b else 0.0
        if not floor - 1e-12 <= member.p <= 1:
            raise DataError(
                f"p={member.p:.4g} of {member.claim!r} is below its floor {floor:.4g} "
                f"(B={member.b}) or above 1; compute it as (1 + #) / (1 + B)"
            )
    if not members:
        return Family(method, alpha, 0, 0, ())
    raw = [member.p for member in members]
    corrected = (holm if method == "holm" else benjamini_hochberg)(raw)
    needed = draws_needed(len(members), alpha)
    return Family(
        method,
        alpha,
        len(members),
        needed,
        tuple(
            Adjusted(m.claim, m.p, float(p), _word(float(p), m.b, needed, alpha))
            for m, p in zip(members, corrected, strict=True)
        ),
    )


def _word(p_adjusted: float, b: int, needed: int, alpha: float) -> Word:
    if p_adjusted < alpha or math.isclose(p_adjusted, alpha, rel_tol=1e-9):
        return "significant"
    return "resolution-limited" if 0 < b < needed else "not significant"


def max_statistic(
    observed: Float[np.ndarray, "test"], null: Float[np.ndarray, "draw test"]
) -> Float[np.ndarray, "test"]:
    """Family-wise p per test: (1 + #{max over tests of the null >= observed}) / (1 + B)."""
    if null.ndim != 2 or null.shape[1] != observed.shape[0]:
        raise DataError(f"{observed.shape} tests but a null of {null.shape}; give [draw, test]")
    largest = null.max(axis=1)
    above = (largest[None, :] >= observed[:, None] - 1e-12).sum(axis=1)
    return np.asarray((1 + above) / (1 + len(largest)), dtype=np.float64)


def describe(family: Family) -> str:
    """The line that stands beside every verdict of the family."""
    enough = "no claim is limited by its draws"
    short = [m.claim for m in family.members if m.word == "resolution-limited"]
    if short:
        enough = f"resolution-limited: {', '.join(short)}"
    return f"m={family.m} {family.method} at {family.alpha:g}; B>={family.b_needed:,}: {enough}"
