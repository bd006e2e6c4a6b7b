"""Deflection vectors: an emotion that is felt by a speaker who displays another one.

In: activations pooled over the masking speaker's own turns only (never the preamble, which names
the emotion), labelled by the felt emotion, and the expression set. Out: a `DirectionSet` whose
directions lie outside what the expression vectors span. Knows no texts and no spans.

Sofroniew et al. 2026: same centring and neutral removal; then the leading components that hold
99 % of the expression vectors' sum of squares are projected out. About 80 % of the length should
remain; `kept_expression` says what did.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from .assembly import LayerOf, LayerVectors, Progress, assemble, components_of, finish_layer
from .directionset import DirectionSet, Recipe, check_same_space
from .errors import DirectionError
from .neutral import Components, neutral_scores, principal
from .recipes import Codes, Rows, method_named, unit
from .splithalf import HALVINGS


def deflection_directions(
    layer_of: LayerOf,
    layers: Sequence[int],
    codes: Codes,
    labels: Sequence[str],
    *,
    expression: DirectionSet,
    recipe: Recipe,
    groups: Codes | None = None,
    neutral_of: LayerOf | None = None,
    variance: float = 0.99,
    neutral_variance: float = 0.5,
    residual_norm: Float[np.ndarray, "layer"],
    seed: int = 0,
    halvings: int = HALVINGS,
    progress: Progress | None = None,
) -> DirectionSet:
    """As `build_directions`, then orthogonal to the expression components at each layer.

    `variance` is the share of the expression vectors' sum of squares to project out. Raises
    DirectionError where the expression set is of another model or lacks a layer.
    """
    check_same_space(expression.recipe, recipe)
    missing = [layer for layer in layers if layer not in expression.layers]
    if missing:
        raise DirectionError(
            f"the expression set has layers {expression.layers}, not {missing[0]}; build it at the "
            "layers of the deflection set"
        )
    make = method_named("mean-difference")

    def one(layer: int, rows: Rows, own: Codes, topics: Codes | None) -> LayerVectors:
        if rows.shape[1] != expression.d_model:
            raise DirectionError(
                f"activations have width {rows.shape[1]}, the expression set {expression.d_model}; "
                "take both from one model"
            )
        neutral = None if neutral_of is None else neutral_of(layer)
        components = components_of(neutral, rows.shape[1], neutral_variance)
        displayed = expression_components(expression, layer, variance)
        raw = make(rows, own, topics, seed)
        found = finish_layer(
            raw,
            rows,
            own,
            topics,
            joined(components, displayed),
            None,
            method=make,
            halvings=halvings,
            seed=seed,
        )
        # Neutral removal first, then what the expression vectors span, as in the paper.
        middle = components.removed_from(raw)
        final = displayed.removed_from(middle)
        before = np.linalg.norm(middle, axis=1)
        after = np.linalg.norm(final, axis=1)
        scored = None if neutral is None else neutral_scores(neutral, unit(final), found.center)
        return replace(
            found,
            final=final,
            kept=after / np.maximum(np.linalg.norm(raw, axis=1), 1e-30),
            k=components.k,
            n_neutral=components.n,
            neutral=scored,
            kept_expression=after / np.maximum(before, 1e-30),
            k_expression=displayed.k,
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


def expression_components(expression: DirectionSet, layer: int, variance: float) -> Components:
    """Leading components of the unit expression vectors at a layer (not centred: they span)."""
    vectors = expression.unit[:, expression.layer_index(layer)].astype(np.float64)
    return principal(vectors, variance=variance, n=len(vectors))


def joined(first: Components, second: Components) -> Components:
    """Both spans in one orthonormal basis, for measuring halves of the data."""
    both = np.concatenate([first.axes, second.axes])
    if len(both) == 0:
        return first
    _, size, axes = np.linalg.svd(both, full_matrices=False)
    return Components(axes[size > 1e-9], first.share, first.n)
