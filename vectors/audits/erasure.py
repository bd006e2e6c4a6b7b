"""Removing a concept's linear information: LEACE, mean difference, and a direction that is given.

In: rows and labels. Out: `Eraser`, which maps rows to rows. Knows no probe and no split: an eraser
judged on the rows that made it scores chance whatever is left.

LEACE (Belrose et al. 2306.03819): x - W+ P W (x - mean), W = S^-1/2 (the whitening), P the
orthogonal projection on the columns of W S_xz. Of all maps after which no linear probe on these
rows beats the constant one, it changes x least. The mean-difference projection x - V V' (x - mean)
with V spanning the differences of class means does the same in two classes but moves x more where S
is anisotropic.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from vectors.errors import DataError

Rows = Float[np.ndarray, "text d_model"]


@dataclass(frozen=True, eq=False)
class Eraser:
    """x -> x - (x - mean) out' into', of low rank."""

    mean: Float[np.ndarray, "d_model"]
    read: Float[np.ndarray, "d_model rank"]
    """What is read off x - mean."""
    write: Float[np.ndarray, "d_model rank"]
    """What is subtracted for each unit that was read."""

    @property
    def rank(self) -> int:
        """Directions removed."""
        return int(self.read.shape[1])

    def __call__(self, rows: Rows) -> Rows:
        """The rows without what this eraser knows."""
        return np.asarray(rows - ((rows - self.mean) @ self.read) @ self.write.T)


def leace(rows: Rows, codes: Int[np.ndarray, "text"], *, n_labels: int) -> Eraser:
    """The least-squares concept eraser of these labels."""
    x = rows.astype(np.float64)
    mean = x.mean(axis=0)
    x = x - mean
    z = np.eye(n_labels)[codes]
    z = z - z.mean(axis=0)
    values, axes = np.linalg.eigh(x.T @ x / len(x))
    # Directions without variance hold nothing to erase, and inverting them would blow up noise.
    keep = values > 1e-9 * values[-1]
    root = np.sqrt(values[keep])
    whiten, unwhiten = axes[:, keep] / root, axes[:, keep] * root
    left, sizes, _ = np.linalg.svd(whiten.T @ (x.T @ z / len(x)), full_matrices=False)
    left = left[:, sizes > 1e-9 * sizes[0]][:, : n_labels - 1]
    return Eraser(mean, whiten @ left, unwhiten @ left)


def mean_difference(rows: Rows, codes: Int[np.ndarray, "text"], *, n_labels: int) -> Eraser:
    """Projects out the span of the differences of class means."""
    means = np.stack(
        [
            rows[codes == k].mean(axis=0, dtype=np.float64)
            for k in range(n_labels)
            if (codes == k).any()
        ]
    )
    _, sizes, axes = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    return project_out(axes[: n_labels - 1][sizes[: n_labels - 1] > 1e-9 * sizes[0]], rows)


def project_out(directions: Float[np.ndarray, "rank d_model"], rows: Rows) -> Eraser:
    """Projects out the span of given directions, around the rows' mean."""
    _, sizes, axes = np.linalg.svd(
        np.atleast_2d(directions).astype(np.float64), full_matrices=False
    )
    if not sizes[0] > 0:
        raise DataError("the direction to remove is all zeros; give one that is not")
    basis = axes[sizes > 1e-9 * sizes[0]].T
    return Eraser(rows.mean(axis=0, dtype=np.float64), basis, basis)
