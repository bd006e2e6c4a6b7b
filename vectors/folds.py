"""Who is held out when: folds that keep topics together, per seed, and the rows that can be used.

In: label codes, topic codes, finite rows. Out: `Split` with a fold number per seed and row. Knows
no model and no probe. Texts of one topic share more than their emotion, so a random split lets a
probe read the topic instead (a planted leak scores .79 at random and .46 by topic); with topics,
folds are StratifiedGroupKFold's, without them each label is dealt out evenly and the result says
so.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from .errors import DataError

Codes = Int[np.ndarray, "text"]


@dataclass(frozen=True, eq=False)
class Split:
    """Folds for some rows of a run; row numbers refer to the whole run."""

    rows: Int[np.ndarray, "text"]
    """The usable rows: they have a label and, where topics are given, a topic."""
    codes: Int[np.ndarray, "text"]
    """Label code of each usable row, 0 to n_labels - 1 without gaps."""
    labels: tuple[str, ...]
    """The labels that occur, in the order of their codes here."""
    clusters: Int[np.ndarray, "text"]
    """Topic of each usable row; its own number where there are no topics."""
    fold: Int[np.ndarray, "seed text"]
    """The fold in which a row is held out."""
    grouping: str
    """"topic" (whole topics are held out), "random" (asked for), "none" (there are no topics)."""
    n_folds: int
    n_groups: int
    """Topics; 0 without."""
    n_dropped: int
    """Rows left out: no label, no topic, or values that are not finite."""


def lone_codes(codes: Codes) -> Codes:
    """Codes that one row alone has: nothing about such a label can be both learnt and checked."""
    found, counts = np.unique(codes[codes >= 0], return_counts=True)
    return np.asarray(found[counts == 1])


def without_lone(codes: Codes) -> Codes:
    """-1 in place of those codes."""
    return np.where(np.isin(codes, lone_codes(codes)), -1, codes)


def make_split(
    codes: Codes,
    labels: Sequence[str],
    groups: Codes | None,
    *,
    usable: Bool[np.ndarray, "text"] | None = None,
    folds: int = 5,
    seeds: int = 5,
    seed: int = 0,
    split: str = "grouped",
) -> Split:
    """Folds over the rows that have a label (code >= 0), values, and a topic where topics are.

    `split` "grouped" holds out whole topics; "random" ignores them in the folds only (clusters stay
    topics). Raises DataError for one label only, a label with one row, or fewer topics than folds.
    """
    if split not in ("grouped", "random"):
        raise DataError(f"unknown split {split!r}; allowed: grouped, random")
    if folds < 2 or seeds < 1:
        raise DataError(f"folds={folds}, seeds={seeds}; give two or more folds, one or more seeds")
    if groups is not None and len(groups) != len(codes):
        raise DataError(f"{len(codes)} labels but {len(groups)} topics; give one per row")
    keep = codes >= 0
    if usable is not None:
        keep &= usable
    if groups is not None:
        keep &= groups >= 0
    rows = np.flatnonzero(keep)
    occurring, own = np.unique(codes[rows], return_inverse=True)
    names = tuple(labels[code] for code in occurring)
    _check_counts(own, names, rows=len(rows), total=len(codes))
    if groups is None:
        clusters, n_groups = np.arange(len(rows)), 0
    else:
        _, clusters = np.unique(groups[rows], return_inverse=True)
        n_groups = int(clusters.max()) + 1
    grouped = groups is not None and split == "grouped"
    if grouped and n_groups < folds:
        raise DataError(
            f"{n_groups} topics cannot be held out in {folds} folds; use at most {n_groups} folds "
            "or data with more topics"
        )
    if grouped:
        fold = np.stack([_by_topic(own, clusters, folds, seed + s) for s in range(seeds)])
        _check_trainable(own, fold, names, folds)
    else:
        fold = np.stack([_at_random(own, folds, seed + s) for s in range(seeds)])
    grouping = "topic" if grouped else "none" if groups is None else "random"
    dropped = len(codes) - len(rows)
    return Split(rows, own, names, clusters, fold, grouping, folds, n_groups, dropped)


def _check_counts(codes: Codes, labels: tuple[str, ...], *, rows: int, total: int) -> None:
    if len(labels) == 0:
        raise DataError(f"none of the {total} rows has both a label and values; nothing to fit")
    if len(labels) == 1:
        raise DataError(f"all {rows} usable rows have the label {labels[0]!r}; two are needed")
    counts = np.bincount(codes)
    if counts.min() < 2:
        name = labels[int(counts.argmin())]
        raise DataError(
            f"label {name!r} has one usable row; give it two or more, or leave the label out"
        )


def _check_trainable(
    codes: Codes, fold: Int[np.ndarray, "seed text"], labels: tuple[str, ...], folds: int
) -> None:
    """Every fold's training rows must hold two labels at least."""
    for row in fold:
        for held_out in range(folds):
            left = np.unique(codes[row != held_out])
            if len(left) < 2:
                name = labels[int(left[0])] if len(left) else "none"
                raise DataError(
                    f"holding out one fold of topics leaves only the label {name!r} to train on; "
                    "each label needs two or more topics"
                )


def _by_topic(codes: Codes, clusters: Codes, folds: int, seed: int) -> Codes:
    from sklearn.model_selection import StratifiedGroupKFold

    out = np.empty(len(codes), dtype=np.int64)
    with warnings.catch_warnings():
        # A label of few topics cannot be in every fold; scores skip a label a fold does not hold.
        warnings.simplefilter("ignore", UserWarning)
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        for number, (_, test) in enumerate(splitter.split(codes[:, None], codes, clusters)):
            out[test] = number
    return out


def _at_random(codes: Codes, folds: int, seed: int) -> Codes:
    """Each label's rows dealt out in random order, the deal going on from label to label."""
    rng = np.random.default_rng([seed, 21])
    out = np.empty(len(codes), dtype=np.int64)
    order = np.lexsort((rng.random(len(codes)), codes))
    out[order] = np.arange(len(codes)) % folds
    return out
