"""Two directions held against each other, layer by layer.

In: two `DirectionSet`s and a label of each. Out: cosines. Knows no model. The yardstick is the
cosine of two independent random directions in d dimensions: mean 0, standard deviation 1/sqrt(d).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from .directionset import DirectionSet, check_same_space
from .errors import DirectionError


@dataclass(frozen=True, eq=False)
class Compared:
    """Two labels at every layer both sets have."""

    layers: tuple[int, ...]
    cosine: Float[np.ndarray, "layer"]
    """Of the unit directions."""
    cosine_raw: Float[np.ndarray, "layer"]
    """Of the directions before anything was removed."""
    norm_ratio: Float[np.ndarray, "layer"]
    """Length before unit norm, first / second; NaN where the second has none."""
    null_sd: float
    """1/sqrt(d_model)."""


def compare(first: DirectionSet, label: str, second: DirectionSet, other: str) -> Compared:
    """DirectionError for sets of different spaces or without a common layer."""
    if first.d_model != second.d_model:
        raise DirectionError(
            f"the two sets differ in width: {first.d_model} against {second.d_model}; "
            "compare sets made from one model"
        )
    check_same_space(first.recipe, second.recipe)
    layers = tuple(layer for layer in first.layers if layer in second.layers)
    if not layers:
        raise DirectionError(
            f"the two sets share no layer: {first.layers} against {second.layers}; "
            "build both at the same layers"
        )
    a, b = first.label_index(label), second.label_index(other)
    at = [first.layer_index(layer) for layer in layers]
    there = [second.layer_index(layer) for layer in layers]
    return Compared(
        layers,
        _cosine(first.unit[a, at], second.unit[b, there]),
        _cosine(first.raw[a, at], second.raw[b, there]),
        _ratio(first.norm[a, at], second.norm[b, there]),
        float(first.d_model**-0.5),
    )


def _cosine(
    x: Float[np.ndarray, "layer d_model"], y: Float[np.ndarray, "layer d_model"]
) -> Float[np.ndarray, "layer"]:
    x, y = x.astype(np.float64), y.astype(np.float64)
    lengths = np.linalg.norm(x, axis=-1) * np.linalg.norm(y, axis=-1)
    return np.asarray(_ratio((x * y).sum(axis=-1), lengths))


def _ratio(
    x: Float[np.ndarray, "layer"], y: Float[np.ndarray, "layer"]
) -> Float[np.ndarray, "layer"]:
    out = np.full(len(x), np.nan)
    np.divide(x, y, out=out, where=y > 0)
    return out
