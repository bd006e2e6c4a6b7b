"""From one layer's raw vectors to a whole set: removal, measurements, stacking over layers.

In: a function that makes one layer's vectors. Out: a `DirectionSet`. Knows no method by name; what
`vectors.directions` and `vectors.deflection` share.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from .directionset import DirectionSet, Recipe
from .errors import DataError
from .folds import lone_codes
from .neutral import Components, neutral_components, neutral_scores, no_components
from .recipes import Codes, Method, Rows, label_means, unit, usable_rows
from .splithalf import split_half

LayerOf = Callable[[int], Rows]
Progress = Callable[[int, int], None]  # layers done, layers in all


@dataclass(frozen=True, eq=False)
class LayerVectors:
    """What one layer yields on the way to a set."""

    raw: Float[np.ndarray, "emotion d_model"]
    final: Float[np.ndarray, "emotion d_model"]
    """After removal, at its own length."""
    kept: Float[np.ndarray, "emotion"]
    k: int
    n_neutral: int
    center: Float[np.ndarray, "d_model"]
    neutral: tuple[np.ndarray, np.ndarray] | None
    split_half: Float[np.ndarray, "emotion"]
    kept_expression: Float[np.ndarray, "emotion"] | None = None
    k_expression: int | None = None


def components_of(neutral: Rows | None, d_model: int, variance: float) -> Components:
    """The components to remove; none without neutral texts. DataError where widths differ."""
    if neutral is None:
        return no_components(d_model)
    if neutral.shape[1] != d_model:
        raise DataError(
            f"neutral activations have width {neutral.shape[1]}, the labelled ones {d_model}; "
            "take both from one model"
        )
    return neutral_components(neutral, variance=variance)


def finish_layer(
    raw: Float[np.ndarray, "emotion d_model"],
    rows: Rows,
    codes: Codes,
    groups: Codes | None,
    components: Components,
    neutral: Rows | None,
    *,
    method: Method,
    halvings: int,
    seed: int,
) -> LayerVectors:
    """Remove components, then measure what the set must carry with it."""
    final = components.removed_from(raw)
    before, after = np.linalg.norm(raw, axis=1), np.linalg.norm(final, axis=1)
    center = label_means(rows, codes, len(raw)).mean(axis=0)
    return LayerVectors(
        raw=raw,
        final=final,
        kept=after / np.where(before > 0, before, 1),
        k=components.k,
        n_neutral=components.n,
        center=center,
        neutral=None if neutral is None else neutral_scores(neutral, unit(final), center),
        split_half=split_half(
            rows, codes, groups, method=method, components=components, halvings=halvings, seed=seed
        ),
    )


def assemble(
    layer_of: LayerOf,
    layers: Sequence[int],
    codes: Codes,
    labels: Sequence[str],
    groups: Codes | None,
    one: Callable[[int, Rows, Codes, Codes | None], LayerVectors],
    *,
    recipe: Recipe,
    residual_norm: Float[np.ndarray, "layer"],
    progress: Progress | None,
) -> DirectionSet:
    """Run `one` on each layer's usable rows and stack the results; one layer is held at a time."""
    _check_shapes(layers, codes, groups, residual_norm)
    done: list[LayerVectors] = []
    names: tuple[str, ...] = ()
    counts = np.zeros(0, dtype=np.int64)
    most_dropped = 0
    for number, layer in enumerate(layers):
        rows = np.asarray(layer_of(layer), dtype=np.float32)
        if len(rows) != len(codes):
            raise DataError(f"layer {layer} has {len(rows)} rows but there are {len(codes)} labels")
        at, names, own, dropped = usable_rows(_finite(rows), codes, labels)
        most_dropped = max(most_dropped, dropped)
        counts = np.bincount(own, minlength=len(names))
        found = one(layer, rows[at], own, None if groups is None else groups[at])
        _check_lengths(found, names, layer)
        done.append(found)
        if progress is not None:
            progress(number + 1, len(layers))
    lone = [labels[code] for code in lone_codes(codes)]
    noted = _noted(recipe, most_dropped, lone)
    return _stacked(done, tuple(layers), names, counts, noted, residual_norm)


def _finite(rows: Rows) -> Bool[np.ndarray, "text"]:
    return np.asarray(np.isfinite(rows).all(axis=1))


def _check_shapes(
    layers: Sequence[int], codes: Codes, groups: Codes | None, residual_norm: np.ndarray
) -> None:
    if len(layers) == 0:
        raise DataError("no layers given; name one or more")
    if groups is not None and len(groups) != len(codes):
        raise DataError(f"{len(codes)} labels but {len(groups)} topics; give one per row")
    if np.shape(residual_norm) != (len(layers),):
        raise DataError(
            f"residual_norm has shape {np.shape(residual_norm)}; give one value per layer, "
            f"({len(layers)},)"
        )


def _check_lengths(found: LayerVectors, names: tuple[str, ...], layer: int) -> None:
    length = np.linalg.norm(found.final, axis=1)
    scale = np.linalg.norm(found.raw, axis=1).max()
    for name, value in zip(names, length, strict=True):
        if not value > 1e-9 * scale:
            raise DataError(
                f"the direction of {name!r} vanishes at layer {layer}: nothing is left after "
                f"{found.k} neutral components were removed; remove less variance"
            )


def _noted(recipe: Recipe, dropped: int, lone: Sequence[str]) -> Recipe:
    notes = []
    if dropped > len(lone):
        rows = dropped - len(lone)
        notes.append(f"{rows} rows left out: no label, or values that are not finite")
    if lone:
        notes.append(f"labels of one text left out: {', '.join(lone)}")
    return replace(recipe, notes=(*recipe.notes, *notes))


def _stacked(
    done: list[LayerVectors],
    layers: tuple[int, ...],
    labels: tuple[str, ...],
    counts: np.ndarray,
    recipe: Recipe,
    residual_norm: np.ndarray,
) -> DirectionSet:
    def columns(values: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack(values, axis=1).astype(np.float32)

    neutral = [found.neutral for found in done if found.neutral is not None]
    shares = [found.kept_expression for found in done if found.kept_expression is not None]
    removed = [found.k_expression for found in done if found.k_expression is not None]
    return DirectionSet(
        labels=labels,
        layers=layers,
        recipe=recipe,
        unit=columns([unit(found.final) for found in done]),
        raw=columns([found.raw for found in done]),
        norm=columns([np.linalg.norm(found.final, axis=1) for found in done]),
        kept=columns([found.kept for found in done]),
        n=counts,
        n_neutral=max(found.n_neutral for found in done),
        k_removed=np.array([found.k for found in done], dtype=np.int64),
        center=np.stack([found.center for found in done]).astype(np.float32),
        residual_norm=np.asarray(residual_norm, dtype=np.float32),
        neutral_mean=columns([mean for mean, _ in neutral]) if neutral else None,
        neutral_sd=columns([sd for _, sd in neutral]) if neutral else None,
        split_half=columns([found.split_half for found in done]),
        kept_expression=columns(shares) if shares else None,
        k_expression=np.array(removed, dtype=np.int64) if removed else None,
    )
