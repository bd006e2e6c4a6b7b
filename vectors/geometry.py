"""How directions lie to each other: cosines, principal axes, an order that puts like by like.

In: a `DirectionSet` and a layer. Out: arrays over labels. Knows no human ratings; give them as
numbers. All of it is on unit directions: one public "18 times cleaner" axis was vector length. A
cosine matrix has its own null: minus the mean over K labels, pure noise gives -1/(K-1) on average,
not 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from .directionset import DirectionSet
from .errors import DataError
from .stats import Interval, correlation


@dataclass(frozen=True, eq=False)
class Scatter:
    """Labels along the principal axes of their unit directions at one layer."""

    labels: tuple[str, ...]
    layer: int
    coordinates: Float[np.ndarray, "emotion component"]
    share: Float[np.ndarray, "component"]
    """Share of variance over labels, 0 to 1."""
    axes: Float32[np.ndarray, "component d_model"]
    """Unit rows; the sign of an axis is arbitrary (here: its largest coordinate is positive)."""


def cosine_matrix(directions: DirectionSet, layer: int) -> Float[np.ndarray, "emotion emotion"]:
    """Cosines between all directions of a layer; exactly symmetric, 1 on the diagonal."""
    vectors = directions.unit[:, directions.layer_index(layer)].astype(np.float64)
    out = vectors @ vectors.T
    out = np.clip((out + out.T) / 2, -1, 1)
    np.fill_diagonal(out, 1.0)
    return out


def pca(directions: DirectionSet, layer: int, *, components: int = 2) -> Scatter:
    """Principal axes over labels (centred). DataError for more components than labels allow."""
    vectors = directions.unit[:, directions.layer_index(layer)].astype(np.float64)
    most = min(len(vectors) - 1, vectors.shape[1])
    if not 1 <= components <= most:
        raise DataError(f"{components} components of {len(vectors)} labels; give 1 to {most}")
    left, size, axes = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    coordinates = (left * size)[:, :components]
    sign = np.sign(coordinates[np.abs(coordinates).argmax(axis=0), np.arange(components)])
    return Scatter(
        directions.labels,
        layer,
        coordinates * sign,
        (size**2 / (size**2).sum())[:components],
        (axes[:components] * sign[:, None]).astype(np.float32),
    )


def rating_correlation(scatter: Scatter, component: int, ratings: Mapping[str, float]) -> Interval:
    """Pearson's r of one axis (0 = the first) with ratings by label, with n and Fisher's interval.

    Only labels with a rating count. The sign is as arbitrary as the axis's. DataError for fewer
    than four rated labels.
    """
    if not 0 <= component < scatter.coordinates.shape[1]:
        raise DataError(
            f"component {component} is not there; this scatter has 0 to "
            f"{scatter.coordinates.shape[1] - 1}"
        )
    rated = [i for i, label in enumerate(scatter.labels) if label in ratings]
    return correlation(
        [float(scatter.coordinates[i, component]) for i in rated],
        [float(ratings[scatter.labels[i]]) for i in rated],
    )


def cluster_order(cosines: Float[np.ndarray, "emotion emotion"]) -> list[int]:
    """An order of labels that puts similar ones next to each other.

    Average linkage on 1 - cosine with optimal leaf ordering (Bar-Joseph et al. 2001).
    """
    if len(cosines) < 3:
        return list(range(len(cosines)))
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    distance = np.clip(1 - (cosines + cosines.T) / 2, 0, None)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
    return [int(i) for i in leaves_list(tree)]
