"""Emotion vectors: a set of directions, one per label and layer, with every choice that made it.

In: one layer's pooled activations at a time, labels, topics, neutral texts. Out: `DirectionSet`.
Knows no store, no model and no file.

After Sofroniew et al. 2026, "Emotion Concepts and their Function in a Large Language Model": per
label the mean over texts minus the mean over labels (equal weight each); the components that hold
half of neutral texts' variance projected out; unit norm. Layer l is the residual stream after block
l. Other methods stand in `vectors.recipes`. What one does with a set (algebra, geometry, deflection
vectors) stands in files of its own and is found here too.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from .algebra import combine
from .assembly import LayerOf, LayerVectors, Progress, assemble, components_of, finish_layer
from .deflection import deflection_directions
from .directionset import DirectionSet, Recipe
from .geometry import Scatter, cluster_order, cosine_matrix, pca, rating_correlation
from .recipes import Codes, Rows, method_named
from .splithalf import FITTED_HALVINGS, HALVINGS

__all__ = [
    "DirectionSet",
    "Recipe",
    "Scatter",
    "build_directions",
    "cluster_order",
    "combine",
    "cosine_matrix",
    "deflection_directions",
    "pca",
    "rating_correlation",
]


def build_directions(
    layer_of: LayerOf,
    layers: Sequence[int],
    codes: Codes,
    labels: Sequence[str],
    *,
    recipe: Recipe,
    groups: Codes | None = None,
    neutral_of: LayerOf | None = None,
    variance: float = 0.5,
    residual_norm: Float[np.ndarray, "layer"],
    seed: int = 0,
    method: str = "mean-difference",
    halvings: int | None = None,
    progress: Progress | None = None,
) -> DirectionSet:
    """Directions of every label that occurs in `codes` (-1 = no label), at every layer given.

    `layer_of(layer)` gives [text, d_model] over all rows, `neutral_of` the same over neutral texts;
    rows with NaN are dropped and counted in the recipe's notes. `residual_norm` is mean |h| per
    layer given. Raises DataError for a label with fewer than two rows, one label only, or a
    direction that vanishes.
    """
    make = method_named(method)
    count = (
        (HALVINGS if method == "mean-difference" else FITTED_HALVINGS)
        if halvings is None
        else (halvings)
    )

    def one(layer: int, rows: Rows, own: Codes, topics: Codes | None) -> LayerVectors:
        raw = make(rows, own, topics, seed)
        neutral = None if neutral_of is None else neutral_of(layer)
        components = components_of(neutral, rows.shape[1], variance)
        return finish_layer(
            raw, rows, own, topics, components, neutral, method=make, halvings=count, seed=seed
        )

    return assemble(
        layer_of,
        layers,
        codes,
        labels,
        groups,
        one,
        recipe=recipe,
        residual_norm=residual_norm,
        progress=progress,
    )
