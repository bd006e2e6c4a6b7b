"""Directions that should do nothing in particular, to set beside one that should.

In: a width, activations, labels. Out: unit vectors of one layer, each a function of its seed only.
Knows no model and no steering. Three questions, three controls (all at the real vector's norm):

- `random_direction`: is it more than any push at all? v ~ N(0, I).
- `covariance_matched`: more than a push along axes the model really uses? v ~ N(0, S) with S the
  covariance of activations at that layer; v = X' z / sqrt(n) over centred rows X and z ~ N(0, I_n)
  has exactly that covariance, without forming it.
- `shuffled_label`: more than what the same pipeline yields without the label? The labels are
  permuted within each topic, so topic, length and label counts stay as they were (whole topics swap
  labels where each has one only).
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Float32, Int

from .errors import DataError
from .stats import shuffles

Rows = Float[np.ndarray, "text d_model"]
Codes = Int[np.ndarray, "text"]
Direction = Float32[np.ndarray, "d_model"]


def random_direction(d_model: int, *, seed: int = 0) -> Direction:
    """An isotropic unit vector: every direction is equally likely."""
    return _unit(np.random.default_rng([seed, 1]).standard_normal(d_model))


def covariance_matched(
    samples: Rows | None = None,
    *,
    covariance: Float[np.ndarray, "d_model d_model"] | None = None,
    seed: int = 0,
) -> Direction:
    """A unit vector drawn with the covariance of activations at the layer.

    Give either `samples` (rows of activations; cheap, never forms the covariance) or `covariance`.
    Raises DataError when neither or both are given, or fewer than two rows.
    """
    if (samples is None) == (covariance is None):
        raise DataError("covariance_matched takes either samples or covariance: give exactly one")
    rng = np.random.default_rng([seed, 2])
    if samples is not None:
        rows = np.asarray(samples, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[0] < 2:
            raise DataError(f"samples has shape {rows.shape}; it needs two or more rows [n, d]")
        # z minus its mean times X equals z times the centred X: no centred copy is made.
        z = np.asarray(rng.standard_normal(rows.shape[0]))
        return _unit((z - z.mean()).astype(np.float32) @ rows)
    matrix = np.asarray(covariance, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise DataError(f"covariance has shape {matrix.shape}; it must be square [d, d]")
    values, axes = np.linalg.eigh(matrix)
    scale = np.sqrt(np.clip(values, 0, None))
    return _unit(axes @ (scale * rng.standard_normal(matrix.shape[0])))


def mean_difference(rows: Rows, codes: Codes, label: int) -> Float[np.ndarray, "d_model"]:
    """Mean of the label's rows minus the mean over labels, each label weighing the same."""
    means = [rows[codes == code].mean(axis=0, dtype=np.float64) for code in np.unique(codes)]
    wanted = rows[codes == label].mean(axis=0, dtype=np.float64)
    return np.asarray(wanted - np.mean(means, axis=0))


def shuffled_label(
    layer: Rows,
    codes: Codes,
    *,
    label: int,
    groups: Codes | None = None,
    seed: int = 0,
    build: Callable[[Rows, Codes, int], Float[np.ndarray, "d_model"]] = mean_difference,
) -> Direction:
    """The direction that the pipeline `build` yields for `label` once labels are permuted.

    `layer` are the pooled activations of one layer, `codes` their labels, `groups` their topics
    (None = one group). Pass as `build` the very pipeline that made the real vector: any step left
    out would make the control weaker than what it controls.
    """
    if layer.shape[0] != codes.shape[0]:
        raise DataError(f"{layer.shape[0]} rows but {codes.shape[0]} labels; give one per row")
    if not np.any(codes == label):
        raise DataError(f"label {label} has no rows; its direction cannot be shuffled")
    return _unit(build(layer, permute_within(codes, groups, seed=seed), label))


def permute_within(codes: Codes, groups: Codes | None, *, seed: int = 0) -> Codes:
    """One shuffle of `stats.shuffles`: labels move within their topic, so topics keep their counts.

    Where every topic has one label that would move nothing, and whole topics swap labels instead.
    """
    if groups is not None and groups.shape != codes.shape:
        raise DataError(f"{codes.shape[0]} labels but {groups.shape[0]} groups; give one per row")
    return np.asarray(shuffles(codes, groups, count=1, seed=seed)[0][0])


def _unit(vector: Float[np.ndarray, "d_model"]) -> Direction:
    wide = np.asarray(vector, dtype=np.float64)
    norm = float(np.linalg.norm(wide))
    if not norm > 0 or not np.isfinite(norm):
        raise DataError(f"the control direction has norm {norm}; the rows must vary and be finite")
    return (wide / norm).astype(np.float32)
