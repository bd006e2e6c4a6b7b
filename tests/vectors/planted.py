"""Synthetic activations of known truth: planted directions, topic effects, rogue dimensions."""

from dataclasses import dataclass

import numpy as np

from vectors.directionset import Recipe

NAMES = [
    "joyful",
    "sad",
    "calm",
    "angry",
    "afraid",
    "proud",
    "bored",
    "hopeful",
    "guilty",
    "at_ease",
    "lonely",
    "amused",
    "tender",
    "jealous",
    "grateful",
    "weary",
    "curious",
    "ashamed",
    "startled",
    "serene",
]


@dataclass(frozen=True)
class Planted:
    """Rows with a known direction per label."""

    rows: np.ndarray  # [text, d_model] float32
    codes: np.ndarray
    groups: np.ndarray
    labels: tuple[str, ...]
    truth: np.ndarray  # [emotion, d_model], centred over labels, unit norm

    def layer_of(self, _layer: int) -> np.ndarray:
        return self.rows


def planted(
    *,
    n_labels: int = 4,
    topics: int = 20,
    per_cell: int = 3,
    d_model: int = 64,
    effect: float = 1.0,
    topic_effect: float = 0.5,
    seed: int = 0,
) -> Planted:
    """Every label `per_cell` times in every topic; `effect` is the length of a label's push."""
    rng = np.random.default_rng([seed, 5])
    codes, groups = (
        grid.ravel()
        for grid in np.meshgrid(np.arange(n_labels), np.repeat(np.arange(topics), per_cell))
    )
    push = _unit(rng.normal(size=(n_labels, d_model)))
    topic = topic_effect * _unit(rng.normal(size=(topics, d_model)))
    # A large shared mean with rogue dimensions, as residual streams have.
    mean = 3 * rng.normal(size=d_model)
    mean[:2] += 20
    noise = rng.normal(size=(len(codes), d_model)) * 0.3
    rows = mean + effect * push[codes] + topic[groups] + noise
    truth = _unit(push - push.mean(axis=0))
    return Planted(rows.astype(np.float32), codes, groups, tuple(NAMES[:n_labels]), truth)


def recipe(**changes: object) -> Recipe:
    """A recipe for synthetic sets."""
    made: dict[str, object] = {
        "kind": "expression",
        "method": "mean-difference",
        "centring": "mean over emotions, each with equal weight",
        "normalisation": "unit norm per emotion and layer",
        "model": "planted",
        "revision": "r1",
        "dtype": "float32",
        "quantisation": "none",
        "hook_point": "blocks.{l}.hook_resid_post",
        "pooling": "mean",
        "dataset": "planted",
        "dataset_hash": "0",
        "run": "planted-0",
        "neutral": "",
        "neutral_hash": "",
        "variance_removed": 0.0,
        "seed": 0,
        "notes": (),
    }
    return Recipe(**(made | changes))  # type: ignore[arg-type]


def _unit(values: np.ndarray) -> np.ndarray:
    return np.asarray(values / np.linalg.norm(values, axis=-1, keepdims=True))
