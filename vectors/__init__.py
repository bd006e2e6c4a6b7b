"""The science of emotion vectors, importable in a notebook; knows no paths, screen or zarr.

Public names are resolved on first use, so that `import vectors` loads neither torch nor
transformers: `from vectors import load_model` pays for what it names and no more.
"""

from importlib import import_module

# Where each public name lives. A new public name is one line here.
_HOMES: dict[str, tuple[str, ...]] = {
    "errors": (
        "Cancelled",
        "DataError",
        "DirectionError",
        "LayerError",
        "ModelError",
        "TextError",
        "VectorsError",
    ),
    "models": (
        "Check",
        "LanguageModel",
        "ModelInfo",
        "load_model",
        "untrained_twin",
        "wrap_model",
    ),
    "hooks": ("residual_hooks", "stop_after"),
    "tokens": (
        "Encoding",
        "TokenBatch",
        "batches_by_length",
        "collate",
        "encode",
        "pieces",
        "span_mask",
    ),
    "extraction": (
        "ExtractionPlan",
        "Failure",
        "PooledBatch",
        "TokenRows",
        "extract",
        "plan_extraction",
    ),
    "directions": (
        "DirectionSet",
        "Recipe",
        "build_directions",
        "combine",
        "cosine_matrix",
        "deflection_directions",
        "pca",
    ),
    "lens": ("LensTokens", "vector_lens"),
    "stats": ("Interval",),
    "probes": ("Curve", "ProbeResult", "fit_probes"),
    "solver": ("solve_logistic",),
    "baselines": ("bag_of_words", "length_only", "norm_only", "shuffled_band"),
    "scoring": (
        "NeutralScores",
        "SpanRank",
        "TokenScores",
        "neutral_scores",
        "rank_span",
        "score_text",
    ),
    "sampling": ("Sampling",),
    "steering": ("Intervention", "Steering", "steered_logits"),
    "generation": ("Dial", "Generation", "RowResult", "Step", "generate"),
    "coherence": ("Coherence", "CoherentWindow", "coherent_window"),
    "controls": ("covariance_matched", "random_direction", "shuffled_label"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    """Import the module that owns `name` and keep the value for next time."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'vectors' has no attribute {name!r}")
    value: object = getattr(import_module(f"vectors.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME_OF])
