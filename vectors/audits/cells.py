"""Sums of rows per topic and label, so that vectors under any resample of topics cost one product.

In: `AuditData`. Out: `Cells`; means and mean-difference vectors of every label under multiplicities
of topics. Knows no control.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from .data import AuditData

Multiplicity = Float[np.ndarray, "topic"]


@dataclass(frozen=True, eq=False)
class Cells:
    """What every resample of topics is made of."""

    sums: Float[np.ndarray, "topic label d_model"]
    counts: Float[np.ndarray, "topic label"]

    @property
    def n_topics(self) -> int:
        """Topics."""
        return len(self.counts)

    def means(self, m: Multiplicity | None = None) -> Float[np.ndarray, "label d_model"]:
        """Mean row of every label; NaN for a label that the resample lacks."""
        times = np.ones(self.n_topics) if m is None else m
        below = times @ self.counts
        above = np.tensordot(times, self.sums, axes=1)
        return np.asarray(above / np.where(below > 0, below, np.nan)[:, None])

    def vectors(self, m: Multiplicity | None = None) -> Float[np.ndarray, "label d_model"]:
        """Mean of every label minus the mean over labels."""
        means = self.means(m)
        return np.asarray(means - means.mean(axis=0))


def cells(data: AuditData, rows: Float[np.ndarray, "text d_model"] | None = None) -> Cells:
    """Sums over the data's rows, or over others of the same texts."""
    used = np.asarray(data.rows if rows is None else rows, dtype=np.float64)
    own = np.unique(data.groups, return_inverse=True)[1]
    cell = own * data.n_labels + data.codes
    n = (int(own.max()) + 1) * data.n_labels
    order = np.argsort(cell, kind="stable")
    found, first = np.unique(cell[order], return_index=True)
    sums = np.zeros((n, used.shape[1]))
    sums[found] = np.add.reduceat(used[order], first, axis=0)
    shape = (-1, data.n_labels)
    counts = np.bincount(cell, minlength=n).astype(np.float64)
    return Cells(sums.reshape(*shape, used.shape[1]), counts.reshape(shape))
