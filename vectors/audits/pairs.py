"""A pair of emotion vectors as item weights, so that any relabelling or reweighting is one product.

In: `AuditData`, two labels, and what was subtracted from their means. Out: weights [text] for each
vector; vector = weights @ rows. Knows no thresholds. The reference matters: noise alone gives a
cosine of .5 with a shared neutral mean, -1 / (K - 1) with the grand mean of K labels, 0 with
references that share nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from vectors.errors import DataError

from .data import AuditData

Reference = Literal["shared", "grand mean", "independent"]
Weights = Float[np.ndarray, "text"]
# Given the weight of each item inside its class (before normalising), which vectors come out.
Codes = Int[np.ndarray, "text"]


@dataclass(frozen=True, eq=False)
class Pair:
    """Two labels and how their vectors are made."""

    a: int
    b: int
    reference: Reference
    neutral: int | None = None
    """The label whose mean is subtracted; needed unless the reference is the grand mean."""
    half: Int[np.ndarray, "text"] | None = None
    """0 or 1 inside every topic: which neutral items serve a and which b; for "independent"."""

    def involved(self, codes: Codes) -> Int[np.ndarray, "text"]:
        """Texts that enter either vector."""
        if self.reference == "grand mean":
            return np.arange(len(codes))
        own = [c for c in (self.a, self.b, self.neutral) if c is not None]
        return np.flatnonzero(np.isin(codes, own))

    def pools(self, codes: Codes) -> tuple[tuple[int, ...], ...]:
        """Labels of a, of b and of what is subtracted (for the grand mean: all others)."""
        if self.reference == "grand mean":
            rest = tuple(int(c) for c in np.unique(codes) if c not in (self.a, self.b))
            return ((self.a,), (self.b,), rest) if rest else ((self.a,), (self.b,))
        assert self.neutral is not None
        return (self.a,), (self.b,), (self.neutral,)

    def weights(self, codes: Codes, item: Weights | None = None) -> tuple[Weights, Weights]:
        """Item weights of both vectors; `item` reweights texts inside their class."""
        base = np.ones(len(codes)) if item is None else item
        if self.reference == "grand mean":
            every = [class_weights(codes == c, base) for c in np.unique(codes)]
            grand = np.mean(every, axis=0)
            return (
                class_weights(codes == self.a, base) - grand,
                class_weights(codes == self.b, base) - grand,
            )
        neutral = codes == self.neutral
        for_a, for_b = neutral, neutral
        if self.half is not None:
            for_a, for_b = neutral & (self.half == 0), neutral & (self.half == 1)
        return (
            class_weights(codes == self.a, base) - class_weights(for_a, base),
            class_weights(codes == self.b, base) - class_weights(for_b, base),
        )

    def expected(self, codes: Codes) -> float:
        """The cosine that noise gives on average."""
        if self.reference == "grand mean":
            return -1 / (len(np.unique(codes)) - 1)
        if self.reference == "independent":
            return 0.0
        n_a, n_b, n_0 = (int((codes == c).sum()) for c in (self.a, self.b, self.neutral))
        return float((1 / n_0) / np.sqrt((1 / n_a + 1 / n_0) * (1 / n_b + 1 / n_0)))


def make_pair(
    data: AuditData,
    a: str,
    b: str,
    *,
    reference: Reference,
    neutral: str | None = None,
    seed: int = 0,
) -> Pair:
    """A pair by names; DataError when the reference needs a neutral label and has none."""
    if reference not in ("shared", "grand mean", "independent"):
        raise DataError(
            f"unknown reference {reference!r}; allowed: shared, grand mean, independent"
        )
    if (neutral is None) != (reference == "grand mean"):
        raise DataError(f"reference {reference!r} with neutral label {neutral!r}: shared and "
                        "independent need one, the grand mean takes none")  # fmt: skip
    half = None
    if reference == "independent":
        half = _halves_within(data.groups, np.random.default_rng([seed, 31]))
    code = None if neutral is None else data.code(neutral)
    return Pair(data.code(a), data.code(b), reference, code, half)


def _halves_within(groups: Codes, rng: np.random.Generator) -> Codes:
    """Half of every topic's texts: halves of topics would differ by their topics' own means."""
    half = np.empty(len(groups), dtype=np.int64)
    for group in np.unique(groups):
        at = np.flatnonzero(groups == group)
        half[at] = rng.permutation(len(at)) % 2
    return half


def class_weights(mine: np.ndarray, base: Weights) -> Weights:
    """Weights that average the texts of one class."""
    own = np.where(mine, base, 0.0)
    total = own.sum()
    return own / total if total > 0 else own


def pair_cosine(rows: Float[np.ndarray, "text d_model"], w: tuple[Weights, Weights]) -> float:
    """Cosine of the two vectors; NaN where one is zero."""
    from .data import cosine

    return cosine(w[0] @ rows, w[1] @ rows)


def topic_interval(
    data: AuditData,
    statistic: Callable[[Weights], float],
    *,
    resamples: int,
    seed: int,
) -> tuple[float, Float[np.ndarray, "draw"]]:
    """A statistic of item multiplicities on all data, and under resamples of topics."""
    from vectors.stats import draws

    own = np.unique(data.groups, return_inverse=True)[1]
    m = draws(int(own.max()) + 1, resamples=resamples, seed=seed)
    return statistic(np.ones(data.n)), np.array([statistic(row[own]) for row in m])
