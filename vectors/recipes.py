"""Four ways from one layer's labelled rows to one raw vector per label.

In: rows [text, d_model], codes 0 .. n_labels-1. Out: raw vectors [emotion, d_model], not yet at
unit norm and with nothing removed. Knows no layers and no neutral texts.

- mean-difference: mean of the label's rows minus the mean over labels, each label weighing the same
  (Sofroniew et al. 2026; "DiffMean" in AxBench 2025, the best detector there).
- logistic: weights of a one-against-rest logistic regression on standardised rows, divided by the
  scale, each side weighing the same. What separates best, which correlated noise tilts away from
  the label's own direction (Haufe et al. 2014).
- lda: S^-1 (mean of label - mean over labels), S the covariance within labels, shrunk by Ledoit and
  Wolf 2004.
- pca-difference: first principal axis of differences between the label's texts and others of the
  same topic (RepE, Zou et al. 2023), with the sign and length of the mean difference along it.
"""

from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Float32, Float64, Int

from .errors import DataError
from .folds import without_lone

if TYPE_CHECKING:
    from collections.abc import Sequence

Rows = Float32[np.ndarray, "text d_model"]
Codes = Int[np.ndarray, "text"]
Raw = Float64[np.ndarray, "emotion d_model"]
# rows, codes, topics (None without), seed -> raw vectors
Method = Callable[[Rows, Codes, Codes | None, int], Raw]

PAIRS = 2000  # differences drawn per label for pca-difference


def label_means(rows: Rows, codes: Codes, n_labels: int) -> Raw:
    """Mean row of each label, in double precision; NaN for a label without rows."""
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes, minlength=n_labels)
    out = np.full((n_labels, rows.shape[1]), np.nan)
    ends = np.cumsum(counts)
    for label in np.flatnonzero(counts):
        at = order[ends[label] - counts[label] : ends[label]]
        out[label] = rows[at].mean(axis=0, dtype=np.float64)
    return out


def centred(means: Raw) -> Raw:
    """Minus the mean over labels, each label with equal weight."""
    return means - np.nanmean(means, axis=0)


def mean_difference(rows: Rows, codes: Codes, _groups: Codes | None, _seed: int) -> Raw:
    return centred(label_means(rows, codes, int(codes.max()) + 1))


def logistic(rows: Rows, codes: Codes, _groups: Codes | None, _seed: int) -> Raw:
    from .solver import solve_logistic

    n_labels = int(codes.max()) + 1
    mine = codes[None, :] == np.arange(n_labels)[:, None]
    share = mine.mean(axis=1, keepdims=True)
    weights = np.where(mine, 0.5 / share, 0.5 / (1 - share))
    fit = solve_logistic(rows, mine.astype(np.int64), weights, n_labels=2, c=0.1)
    return np.asarray(fit.weights[:, 1] - fit.weights[:, 0], dtype=np.float64)


def lda(rows: Rows, codes: Codes, _groups: Codes | None, _seed: int) -> Raw:
    from sklearn.covariance import ledoit_wolf

    means = label_means(rows, codes, int(codes.max()) + 1)
    within = rows - means[codes]
    scale = within.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    # Shrinking towards a multiple of the identity is fair only between features of equal scale.
    covariance, _ = ledoit_wolf(within / scale, assume_centered=True)
    return np.asarray(np.linalg.solve(covariance, (centred(means) / scale).T).T / scale)


def pca_difference(rows: Rows, codes: Codes, groups: Codes | None, seed: int) -> Raw:
    n_labels = int(codes.max()) + 1
    towards = mean_difference(rows, codes, groups, seed)
    out = np.empty_like(towards)
    for label in range(n_labels):
        rng = np.random.default_rng([seed, 31, label])
        mine, other = _pairs(codes, groups, label, rng)
        differences = rows[mine].astype(np.float64) - rows[other]
        # The first axis of differences taken in either order: not centred, so the mean counts.
        _, _, axes = np.linalg.svd(differences, full_matrices=False)
        out[label] = axes[0] * float(axes[0] @ towards[label])
    return out


def _pairs(
    codes: Codes, groups: Codes | None, label: int, rng: np.random.Generator
) -> tuple[Codes, Codes]:
    """Up to PAIRS pairs (a text of the label, a text of another), of one topic where possible."""
    mine = rng.choice(
        np.flatnonzero(codes == label), size=min(PAIRS, 4 * int((codes == label).sum()))
    )
    elsewhere = np.flatnonzero(codes != label)
    other = rng.choice(elsewhere, size=len(mine))
    if groups is not None:
        for topic in np.unique(groups[mine]):
            at = np.flatnonzero(groups[mine] == topic)
            same = elsewhere[groups[elsewhere] == topic]
            if len(same):
                other[at] = rng.choice(same, size=len(at))
    return mine, other


METHODS: dict[str, Method] = {
    "mean-difference": mean_difference,
    "logistic": logistic,
    "lda": lda,
    "pca-difference": pca_difference,
}


def method_named(name: str) -> Method:
    """The method of this name; DataError lists those there are."""
    if name not in METHODS:
        raise DataError(f"unknown method {name!r}; allowed: {', '.join(METHODS)}")
    return METHODS[name]


def label_index(labels: "Sequence[str]", wanted: str) -> int:
    """Position of a label; DataError offers the nearest name."""
    if wanted in labels:
        return list(labels).index(wanted)
    near = get_close_matches(wanted, labels, n=1, cutoff=0.0)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise DataError(f"no label {wanted!r} among {len(labels)}{hint}")


def usable_rows(
    finite: np.ndarray, codes: Codes, labels: "Sequence[str]"
) -> tuple[Codes, tuple[str, ...], Codes, int]:
    """Rows with a label and values; labels that occur; their codes without gaps; rows dropped.

    A label of one row is dropped. Raises DataError naming a label of more that is left with fewer
    than two, or for one label only.
    """
    codes = without_lone(codes)
    asked, counts = np.unique(codes[codes >= 0], return_counts=True)
    rows = np.flatnonzero((codes >= 0) & finite)
    left = np.bincount(codes[rows], minlength=len(labels)) if len(rows) else np.zeros(len(labels))
    for code, given in zip(asked, counts, strict=True):
        if left[code] < 2:
            lost = (
                f" ({given - int(left[code])} of {given} set aside)" if given > left[code] else ""
            )
            raise DataError(
                f"label {labels[code]!r} has {int(left[code])} usable rows{lost}; "
                "give it two or more, or leave the label out"
            )
    if len(asked) < 2:
        name = f"{labels[asked[0]]!r} only" if len(asked) else "none"
        raise DataError(f"the rows have one label at most ({name}); directions need two or more")
    own = np.searchsorted(asked, codes[rows])
    return rows, tuple(labels[code] for code in asked), own, len(codes) - len(rows)


def unit(raw: Float[np.ndarray, "... d_model"]) -> Float[np.ndarray, "... d_model"]:
    """Each vector at length 1; a zero vector stays zero."""
    norm = np.linalg.norm(raw, axis=-1, keepdims=True)
    return raw / np.where(norm > 0, norm, 1)
