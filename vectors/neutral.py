"""What is not emotion: components of neutral texts, and what directions score on such texts.

In: one layer's activations over neutral texts. Out: axes to remove, and means and spreads for z.

Centred PCA of the neutral rows; the fewest components whose variance reaches the share asked for
(50 % in Sofroniew et al. 2026) are projected out of the emotion vectors. How many that takes grows
with the number of neutral texts, so both are kept with the set.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64

from .errors import DataError


@dataclass(frozen=True, eq=False)
class Components:
    """Axes that are projected out at one layer."""

    axes: Float64[np.ndarray, "component d_model"]
    """Orthonormal rows; none where nothing is removed."""
    share: float
    """Share of variance that they hold, 0 to 1."""
    n: int
    """Rows they were found on."""

    @property
    def k(self) -> int:
        """How many axes."""
        return len(self.axes)

    def removed_from(self, vectors: Float[np.ndarray, "... d_model"]) -> Float64[np.ndarray, "..."]:
        """The vectors without their part along the axes."""
        return np.asarray(vectors - (vectors @ self.axes.T) @ self.axes, dtype=np.float64)


def no_components(d_model: int) -> Components:
    """Removes nothing."""
    return Components(np.zeros((0, d_model)), 0.0, 0)


def neutral_components(rows: Float32[np.ndarray, "text d_model"], *, variance: float) -> Components:
    """The fewest centred principal components that reach `variance` (0 to 1) of the total."""
    if not 0 <= variance <= 1:
        raise DataError(f"variance to remove is {variance}; give a share from 0 to 1")
    used = finite_rows(rows)
    if len(used) < 3:
        raise DataError(f"{len(used)} usable neutral texts; components need three or more")
    return principal(used - used.mean(axis=0), variance=variance, n=len(used))


def principal(
    centred: Float64[np.ndarray, "text d_model"], *, variance: float, n: int
) -> Components:
    """Leading right singular vectors that hold at least `variance` of the sum of squares."""
    # Of the two Gram matrices the smaller one: many texts or many dimensions, both stay cheap.
    wide = centred.shape[1] > centred.shape[0]
    gram = centred @ centred.T if wide else centred.T @ centred
    values, vectors = np.linalg.eigh(gram)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    total = values.sum()
    if variance == 0 or total <= 0:
        return Components(np.zeros((0, centred.shape[1])), 0.0, n)
    shares = np.cumsum(values) / total
    k = min(int(np.searchsorted(shares, variance - 1e-12)) + 1, int((values > 1e-12 * total).sum()))
    axes = vectors[:, :k].T
    if wide:
        axes = (axes @ centred) / np.sqrt(values[:k])[:, None]
    return Components(np.ascontiguousarray(axes), float(shares[k - 1]), n)


def neutral_scores(
    rows: Float32[np.ndarray, "text d_model"],
    unit: Float[np.ndarray, "emotion d_model"],
    center: Float[np.ndarray, "d_model"],
) -> tuple[Float64[np.ndarray, "emotion"], Float64[np.ndarray, "emotion"]]:
    """Mean and sd over neutral texts of the centred cosine, cos(h - center, unit)."""
    moved = finite_rows(rows) - center
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    cosine = (moved / np.where(length > 0, length, 1)) @ np.asarray(unit, dtype=np.float64).T
    return cosine.mean(axis=0), cosine.std(axis=0, ddof=1)


def finite_rows(rows: Float32[np.ndarray, "text d_model"]) -> Float64[np.ndarray, "text d_model"]:
    """Rows without NaN or infinite values, in double precision."""
    return np.asarray(rows[np.isfinite(rows).all(axis=1)], dtype=np.float64)
