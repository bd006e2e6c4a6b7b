"""A linear probe in closed form, so that thousands of relabellings cost one matrix product.

In: rows, folds, many label vectors at once. Out: held-out scores and AUROC per label vector. Knows
no control.

Rows are whitened with the *total* covariance of the training rows plus a ridge, which does not
depend on the labels; the score of label k is (mean_k - mean of the other labels' means) . x in that
space. For two labels this is Fisher's linear discriminant: the within-class and the total
covariance give the same direction (Sherman-Morrison). Scores are linear in the labels, so one
kernel [train, test] per fold serves every permutation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from .data import unit_rows

RIDGE = 0.1
"""Added to the covariance, in units of its mean eigenvalue: as much as a probe at C = 0.1 needs."""

ROUNDING = 1e-10
"""Share of the summed sizes below which a sum has cancelled to nothing."""

Draws = Int[np.ndarray, "draw text"]


@dataclass(frozen=True, eq=False)
class FoldKernel:
    """One fold: which rows train, which are held out, and their products in whitened space."""

    train: Int[np.ndarray, "train"]
    test: Int[np.ndarray, "test"]
    products: Float[np.ndarray, "train test"]


def fold_kernels(
    rows: Float[np.ndarray, "text d_model"],
    fold: Int[np.ndarray, "text"],
    *,
    unit: bool = True,
    ridge: float = RIDGE,
) -> list[FoldKernel]:
    """One kernel per fold number; `unit` scales every row to length 1 first."""
    used = (unit_rows(rows) if unit else rows).astype(np.float64)
    out = []
    for number in np.unique(fold):
        train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        out.append(FoldKernel(train, test, whitened_products(used[train], used[test], ridge=ridge)))
    return out


def whitened_products(
    train: Float[np.ndarray, "train d_model"],
    test: Float[np.ndarray, "test d_model"],
    *,
    ridge: float = RIDGE,
) -> Float[np.ndarray, "train test"]:
    """x' (S + r I)^-1 y for centred rows, through whichever of the two Gram matrices is smaller."""
    mean = train.mean(axis=0)
    x, y = train - mean, test - mean
    n, d = x.shape
    mean_value = float(np.sum(x * x)) / (n * d)
    load = ridge * mean_value + 1e-12
    if d <= n:
        solved = np.linalg.solve(x.T @ x / n + load * np.eye(d), y.T)
        return np.asarray(x @ solved)
    # (X'X/n + r)^-1 y = (y - X'(XX'/n + r)^-1 X y / n) / r
    gram, cross = x @ x.T, x @ y.T
    inner = gram @ np.linalg.solve(gram / n + load * np.eye(n), cross) / n
    return np.asarray((cross - inner) / load)


def held_out(
    kernels: Sequence[FoldKernel], codes: Draws, *, n_labels: int
) -> Float[np.ndarray, "draw label text"]:
    """Scores of every row by the fold that did not see it, for every label vector."""
    out = np.empty((len(codes), n_labels, codes.shape[1]))
    for kernel in kernels:
        weights = contrast(codes[:, kernel.train], n_labels)
        flat = weights.reshape(-1, len(kernel.train)) @ kernel.products
        out[:, :, kernel.test] = flat.reshape(len(codes), n_labels, -1)
    return out


def contrast(codes: Draws, n_labels: int) -> Float[np.ndarray, "draw label text"]:
    """Item weights whose sum with rows is mean_k - mean of the other labels' means."""
    hot = (codes[:, None, :] == np.arange(n_labels)[None, :, None]).astype(np.float64)
    counts = hot.sum(axis=2, keepdims=True)
    means = np.divide(hot, counts, out=np.zeros_like(hot), where=counts > 0)
    present = (counts > 0).sum(axis=1, keepdims=True)
    others = (means.sum(axis=1, keepdims=True) - means) / np.maximum(present - 1, 1)
    return np.asarray(means - others)


def macro_auroc(
    scores: Float[np.ndarray, "draw label text"], codes: Draws, kernels: Sequence[FoldKernel]
) -> Float[np.ndarray, "draw"]:
    """One label against the rest, pairs within a fold only, mean over labels; NaN where no pair."""
    from scipy.stats import rankdata

    n_draws, n_labels, _ = scores.shape
    wins, pairs = np.zeros((n_draws, n_labels)), np.zeros((n_draws, n_labels))
    labels = np.arange(n_labels)[None, :, None]
    for kernel in kernels:
        mine = codes[:, None, kernel.test] == labels
        ranks = rankdata(scores[:, :, kernel.test], axis=2)
        n_mine = mine.sum(axis=2)
        wins += (ranks * mine).sum(axis=2) - n_mine * (n_mine + 1) / 2
        pairs += n_mine * (len(kernel.test) - n_mine)
    held = pairs > 0
    share = np.divide(wins, pairs, out=np.zeros_like(wins), where=held)
    count = held.sum(axis=1)
    return np.divide(share.sum(axis=1), count, out=np.full(n_draws, np.nan), where=count > 0)


def auroc(scores: Float[np.ndarray, "text"], positive: np.ndarray) -> float:
    """Share of (positive, negative) pairs that are ranked right; ties count half."""
    from scipy.stats import rankdata

    n = int(positive.sum())
    m = len(positive) - n
    if n == 0 or m == 0:
        return float("nan")
    return float((rankdata(scores)[positive].sum() - n * (n + 1) / 2) / (n * m))


def fresh_probe_auroc(
    train: Float[np.ndarray, "train d_model"],
    train_codes: Int[np.ndarray, "train"],
    test: Float[np.ndarray, "test d_model"],
    test_codes: Int[np.ndarray, "test"],
    *,
    n_labels: int,
) -> float:
    """Macro AUROC on `test` of the closed-form probe fitted on `train`.

    Where the means of the labels are equal up to rounding (rows erased by themselves), scores are
    nothing but rounding and count as ties: 0.5 on any machine.
    """
    weights = contrast(train_codes[None], n_labels)[0]
    products = whitened_products(train.astype(np.float64), test.astype(np.float64))
    scores = weights @ products
    scores = np.where(np.abs(scores) > ROUNDING * (np.abs(weights) @ np.abs(products)), scores, 0)
    used = range(1, 2) if n_labels == 2 else range(n_labels)
    return float(np.nanmean([auroc(scores[k], test_codes == k) for k in used]))
