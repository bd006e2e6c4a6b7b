"""Directions that come from elsewhere, as a `DirectionSet` that says what it does not know.

In: vectors per label and layer as another tool wrote them, and a `Recipe` of kind "imported". Out:
a `DirectionSet` with unknown figures as NaN, 0 or None. Knows no file formats.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from .directionset import DirectionSet, Recipe
from .errors import DirectionError
from .recipes import unit


def imported_directions(
    vectors: Float[np.ndarray, "emotion layer d_model"],
    labels: Sequence[str],
    layers: Sequence[int],
    *,
    recipe: Recipe,
    residual_norm: Float[np.ndarray, "layer"] | None = None,
    center: Float[np.ndarray, "layer d_model"] | None = None,
) -> DirectionSet:
    """Foreign vectors brought to unit norm; their own lengths stay in `norm` and `raw`.

    `residual_norm` (of a run of the same model) makes them usable for steering; without `center`
    scores are not centred (zeros). DirectionError for wrong shapes, NaN, a zero vector or a label
    given twice.
    """
    values = np.asarray(vectors, dtype=np.float64)
    if values.ndim != 3 or values.shape[:2] != (len(labels), len(layers)):
        raise DirectionError(
            f"vectors have shape {values.shape}; {len(labels)} labels and {len(layers)} layers "
            "need [label, layer, width]"
        )
    if len(set(labels)) != len(labels) or len(set(layers)) != len(layers):
        raise DirectionError("a label or a layer occurs twice; rename or drop one")
    length = np.linalg.norm(values, axis=-1)
    if not np.isfinite(length).all() or not (length > 0).all():
        row, column = np.argwhere(~(np.isfinite(length) & (length > 0)))[0]
        raise DirectionError(
            f"the vector of {labels[row]!r} at layer {layers[column]} has length "
            f"{length[row, column]}; leave it out"
        )
    n_layers, d_model = values.shape[1:]
    unknown = np.full(n_layers, np.nan, dtype=np.float32)
    return DirectionSet(
        labels=tuple(labels),
        layers=tuple(layers),
        recipe=recipe,
        unit=unit(values).astype(np.float32),
        raw=values.astype(np.float32),
        norm=length.astype(np.float32),
        kept=np.ones(length.shape, dtype=np.float32),
        n=np.zeros(len(labels), dtype=np.int64),
        n_neutral=0,
        k_removed=np.zeros(n_layers, dtype=np.int64),
        center=np.zeros((n_layers, d_model), np.float32)
        if center is None
        else np.asarray(center, dtype=np.float32),
        residual_norm=unknown
        if residual_norm is None
        else np.asarray(residual_norm, dtype=np.float32),
        neutral_mean=None,
        neutral_sd=None,
        split_half=None,
    )
