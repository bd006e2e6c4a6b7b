"""What a set of directions is: unit vectors per label and layer, and every choice that made them.

In and out: plain arrays and JSON (`arrays`, `meta`, `from_parts`). Knows no store, no model and
none of the methods that make directions; those are in `vectors.directions` and beside it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from .errors import DirectionError, LayerError
from .recipes import label_index

PerLayer = Float32[np.ndarray, "emotion layer"]


@dataclass(frozen=True)
class Recipe:
    """Every choice that made a set of directions; plain values only."""

    kind: str
    """"expression", "deflection", "imported" or "algebra"."""
    method: str
    """"mean-difference", "logistic", "lda", "pca-difference"; an expression for algebra."""
    centring: str
    """What was subtracted before anything was removed."""
    normalisation: str
    """How long the directions in `unit` are."""
    model: str
    revision: str
    """Commit or content hash of the weights."""
    dtype: str
    """Of the weights when activations were read."""
    quantisation: str
    """"none", "int8" or "nf4"."""
    hook_point: str
    """Where activations were read, e.g. "blocks.{l}.hook_resid_post"."""
    pooling: str
    dataset: str
    dataset_hash: str
    run: str
    """Id of the run of activations."""
    neutral: str
    """Dataset of neutral texts; empty where nothing was removed."""
    neutral_hash: str
    variance_removed: float
    """Share of neutral variance asked to be removed, 0 to 1; 0 = the step was skipped."""
    seed: int
    notes: tuple[str, ...]
    """One line per thing a reader must know."""


@dataclass(frozen=True, eq=False)
class DirectionSet:
    """Directions of several labels at several layers."""

    labels: tuple[str, ...]
    layers: tuple[int, ...]
    recipe: Recipe
    unit: Float32[np.ndarray, "emotion layer d_model"]
    """Unit norm: what is scored and steered with."""
    raw: Float32[np.ndarray, "emotion layer d_model"]
    """Centred, before anything was removed, at its own norm (residual stream units)."""
    norm: PerLayer
    """Length after removal, before unit norm."""
    kept: PerLayer
    """Length after removal / before, 0 to 1; 1 where nothing was removed."""
    n: Int[np.ndarray, "emotion"]
    """Texts behind each label; 0 where unknown."""
    n_neutral: int
    """Neutral texts behind the removal and z; 0 = none."""
    k_removed: Int[np.ndarray, "layer"]
    """Neutral components projected out."""
    center: Float32[np.ndarray, "layer d_model"]
    """Mean over labels of their mean activation; centred scores subtract it."""
    residual_norm: Float32[np.ndarray, "layer"]
    """Mean |h| over tokens: the unit of alpha. NaN where unknown."""
    neutral_mean: PerLayer | None
    """Mean centred cosine of pooled neutral texts; None without neutral texts."""
    neutral_sd: PerLayer | None
    """Its standard deviation over neutral texts."""
    split_half: PerLayer | None
    """Centred cosine between halves by topic; NaN where a half lacks the label, None if not run."""
    kept_expression: PerLayer | None = None
    """Deflection only: the share of length left once expression components were projected out."""
    k_expression: Int[np.ndarray, "layer"] | None = None
    """Deflection only: how many expression components were projected out."""

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return int(self.unit.shape[-1])

    def label_index(self, label: str) -> int:
        """Position of a label; DataError offers the nearest."""
        return label_index(self.labels, label)

    def layer_index(self, layer: int) -> int:
        """Position of a layer; LayerError names those there are."""
        if layer not in self.layers:
            known = ", ".join(map(str, self.layers))
            raise LayerError(f"layer {layer} is not in this set; it has {known}")
        return self.layers.index(layer)

    def at(self, label: str, layer: int) -> Float32[np.ndarray, "d_model"]:
        """One unit direction."""
        return self.unit[self.label_index(label), self.layer_index(layer)]

    def arrays(self) -> dict[str, np.ndarray]:
        """Every array by field name; a field that is None is left out."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in found.items() if isinstance(value, np.ndarray)}

    def meta(self) -> dict[str, Any]:
        """Everything else, ready for JSON."""
        recipe = asdict(self.recipe) | {"notes": list(self.recipe.notes)}
        return {
            "labels": list(self.labels),
            "layers": list(self.layers),
            "n_neutral": self.n_neutral,
            "recipe": recipe,
        }

    @staticmethod
    def from_parts(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> "DirectionSet":
        """The set that `arrays()` and `meta()` came from. DirectionError names what is missing."""
        names = [f.name for f in fields(DirectionSet)]
        required = names[names.index("unit") : names.index("neutral_mean")]
        missing = [name for name in required if name != "n_neutral" and name not in arrays]
        missing += [
            name for name in ("labels", "layers", "n_neutral", "recipe") if name not in meta
        ]
        if missing:
            raise DirectionError(f"the set lacks {', '.join(missing)}; it was not saved by emotui")
        recipe = dict(meta["recipe"])
        wanted = [f.name for f in fields(Recipe)]
        if absent := [name for name in wanted if name not in recipe]:
            raise DirectionError(f"the set's recipe lacks {', '.join(absent)}; build it again")
        made = {name: recipe[name] for name in wanted} | {"notes": tuple(recipe["notes"])}
        found: dict[str, Any] = {
            name: np.asarray(arrays[name]) if name in arrays else None
            for name in names[names.index("unit") :]
            if name != "n_neutral"
        }
        return DirectionSet(
            labels=tuple(meta["labels"]),
            layers=tuple(int(layer) for layer in meta["layers"]),
            recipe=Recipe(**made),
            n_neutral=int(meta["n_neutral"]),
            **found,
        )


def check_same_space(ours: Recipe, theirs: Recipe) -> None:
    """DirectionError naming both sides where two recipes read different spaces."""
    for what in ("model", "revision", "dtype", "quantisation", "hook_point", "normalisation"):
        a, b = getattr(ours, what), getattr(theirs, what)
        # A content hash proves the weights equal wherever their folder has moved to.
        proven = ours.revision == theirs.revision and ours.revision.startswith("sha256:")
        if a != b and not (what == "model" and proven):
            raise DirectionError(
                f"the two sets differ in {what}: {a!r} against {b!r}; "
                "combine sets made from one model in one way"
            )
