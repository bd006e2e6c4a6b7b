"""How good held-out predictions are: balanced accuracy and macro AUROC with their intervals.

In: scores of every row under every problem (seed by seed, fold by fold), and a `Split`. Out: two
`Interval`s and the accuracy of each fold. Knows no activations and fits nothing.

- Balanced accuracy: the mean over labels of the share of a label's rows that are predicted right.
- AUROC of a label against the rest, averaged over labels. Only rows held out in the same fold are
  compared: scores of two probes share no scale, and pooling them pulls a null below .5.
- The interval is a cluster bootstrap over topics (over texts where there are no topics), without
  refitting, so by itself it covers only which topics were drawn for testing. Folds share training
  rows, which scatters the estimate further: on planted noise the plain interval left out chance in
  8-20 % of sets instead of 5. Its width is therefore multiplied by sqrt(1 + F / (F - 1)) for F
  folds (1.5 for five), the correction of Nadeau and Bengio 2003 for other training sets; measured
  need was 1.1-1.45. It now covers test and training topics, drawn from the same population.
- Both statistics are ratios of forms in the multiplicities m of topics,

      recall_k = sum_g m_g hits_gk / sum_g m_g count_gk
      auroc_k  = sum_gh m_g m_h wins_kgh / sum_gh m_g m_h pairs_kgh,

  with wins_kgh how often a text of label k in topic g outscores one of another label in topic h
  (half for a tie), so all resamples together cost two matrix products per label.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from .folds import Split
from .stats import Interval, bundle, draws, percentile_interval

Counts = Float[np.ndarray, "cluster label"]
Pairs = Float[np.ndarray, "label cluster cluster"]


@dataclass(frozen=True, eq=False)
class Held:
    """Held-out performance of one probe at one layer."""

    accuracy: Interval
    """Balanced accuracy, 0 to 1; chance is 1 / labels."""
    auroc: Interval
    """Macro one-against-rest AUROC; chance is .5."""
    fold_accuracy: Float[np.ndarray, "seed fold"]
    """Balanced over the labels a fold holds; NaN for a fold without rows."""
    accuracy_draws: Float[np.ndarray, "draw"]
    """Balanced accuracy on all the data, then on each resample of the topics, not widened."""
    n_folds: int


def above(first: Held, second: Held) -> Interval:
    """How far the first's balanced accuracy lies above the second's, with the interval of that.

    Both must be of one `Split`, assessed with the same resamples and seed: then each resample drew
    the same topics for both, and what makes a topic easy or hard for both of them cancels. NaN
    where a layer's dropped rows took whole topics away, so that the resamples do not match.
    """
    a, b = first.accuracy, second.accuracy
    n, n_clusters = min(a.n, b.n), min(a.n_clusters, b.n_clusters)
    if a.n_clusters != b.n_clusters or first.accuracy_draws.shape != second.accuracy_draws.shape:
        return Interval(a.value - b.value, np.nan, np.nan, n, n_clusters)
    difference = first.accuracy_draws - second.accuracy_draws
    return _interval(difference, first.n_folds, n=n, n_clusters=n_clusters, lowest=-1.0)


def assess(
    scores: Float[np.ndarray, "seed label text"],
    split: Split,
    *,
    codes: Int[np.ndarray, "text"] | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> Held:
    """Score held-out predictions: `scores[s, :, i]` are of the probe that did not see row i.

    Rows are those of `split`; a row whose scores are NaN was dropped at this layer and counts for
    nothing. `codes` replaces the split's labels (shuffled labels).
    """
    labels = split.codes if codes is None else codes
    n_labels = len(split.labels)
    present = np.isfinite(scores).all(axis=(0, 1))
    scores, labels = scores[:, :, present], labels[present]
    fold, own = split.fold[:, present], split.clusters[present]
    n_own = len(np.unique(own))
    clusters = bundle(own, seed=seed)
    n_clusters = int(clusters.max()) + 1
    right = scores.argmax(axis=1) == labels
    hits, counts = _recalls(right, labels, clusters, n_labels, n_clusters)
    wins, pairs = pair_wins(scores, labels, fold, clusters, n_clusters, split.n_folds)
    m = np.concatenate(
        [np.ones((1, n_clusters)), draws(n_clusters, resamples=resamples, seed=seed)]
    )
    accuracy = _mean_over_labels(m @ hits, m @ counts)
    won = np.stack([np.einsum("bg,bg->b", m @ w, m) for w in wins], axis=1)
    compared = np.stack([np.einsum("bg,bg->b", m @ p, m) for p in pairs], axis=1)
    auroc = _mean_over_labels(won, compared)
    return Held(
        _interval(accuracy, split.n_folds, n=len(labels), n_clusters=n_own),
        _interval(auroc, split.n_folds, n=len(labels), n_clusters=n_own),
        _by_fold(right, labels, fold, n_labels, split.n_folds),
        accuracy,
        split.n_folds,
    )


def _interval(
    values: Float[np.ndarray, "draw"],
    n_folds: int,
    *,
    n: int,
    n_clusters: int,
    lowest: float = 0.0,
) -> Interval:
    """Of the estimate and its resamples, widened for shared training rows, `lowest` to 1."""
    wider = np.sqrt(1 + n_folds / (n_folds - 1))
    samples = np.clip(values[0] + wider * (values[1:] - values[0]), lowest, 1)
    return percentile_interval(values[0], samples, n=n, n_clusters=n_clusters)


def _mean_over_labels(
    above: Float[np.ndarray, "draw label"], below: Float[np.ndarray, "draw label"]
) -> Float[np.ndarray, "draw"]:
    """Mean of above / below over the labels that a resample holds."""
    held = below > 0
    ratio = np.divide(above, below, out=np.zeros_like(above), where=held)
    n_held = held.sum(axis=1)
    out = np.full(len(above), np.nan)
    return np.divide(ratio.sum(axis=1), n_held, out=out, where=n_held > 0)


def _recalls(
    right: np.ndarray, labels: np.ndarray, clusters: np.ndarray, n_labels: int, n_clusters: int
) -> tuple[Counts, Counts]:
    """Rows predicted right (mean over seeds) and rows, per cluster and label."""
    cell = clusters * n_labels + labels
    size = n_clusters * n_labels
    hits = np.bincount(cell, right.mean(axis=0), size).reshape(n_clusters, n_labels)
    return hits, np.bincount(cell, minlength=size).reshape(n_clusters, n_labels).astype(np.float64)


def _by_fold(
    right: np.ndarray, labels: np.ndarray, fold: np.ndarray, n_labels: int, n_folds: int
) -> Float[np.ndarray, "seed fold"]:
    out = np.full((len(fold), n_folds), np.nan)
    for s, row in enumerate(fold):
        cell = row * n_labels + labels
        size = n_folds * n_labels
        hits = np.bincount(cell, right[s], size).reshape(n_folds, n_labels)
        counts = np.bincount(cell, minlength=size).reshape(n_folds, n_labels).astype(np.float64)
        out[s] = _mean_over_labels(hits, counts)
    return out


def pair_wins(
    scores: Float[np.ndarray, "seed label text"],
    labels: Int[np.ndarray, "text"],
    fold: Int[np.ndarray, "seed text"],
    clusters: Int[np.ndarray, "text"],
    n_clusters: int,
    n_folds: int,
) -> tuple[Pairs, Pairs]:
    """wins[k, g, h] and pairs[k, g, h], summed over seeds and folds; O(rows x clusters) per label.

    The score compared is a label's z minus the log of the sum over the others (the log odds).
    """
    n_labels = scores.shape[1]
    odds = _log_odds(torch.from_numpy(np.ascontiguousarray(scores)))
    wins = torch.zeros(n_labels, n_clusters, n_clusters, dtype=torch.float64)
    pairs = torch.zeros_like(wins)
    member = torch.nn.functional.one_hot(torch.from_numpy(clusters), n_clusters).float()
    is_label = torch.nn.functional.one_hot(torch.from_numpy(labels), n_labels).T.float()
    for s in range(scores.shape[0]):
        for number in range(n_folds):
            at = torch.from_numpy(np.flatnonzero(fold[s] == number))
            if len(at) == 0:
                continue
            here = torch.nonzero(member[at].any(dim=0)).flatten()
            local = member[at][:, here]
            grid = (here[:, None], here[None, :])
            for k in range(n_labels):
                mine = is_label[k, at] > 0
                won = _wins(odds[s, k, at], mine, local)
                positive, negative = local[mine].sum(dim=0), local[~mine].sum(dim=0)
                wins[k][grid] += won.double()
                pairs[k][grid] += torch.outer(positive, negative).double()
    return wins.numpy(), pairs.numpy()


def _wins(
    score: Float[torch.Tensor, "text"],
    mine: torch.Tensor,
    member: Float[torch.Tensor, "text cluster"],
) -> Float[torch.Tensor, "cluster cluster"]:
    """Between clusters: positives above negatives, half for ties."""
    negative, order = score[~mine].sort()
    below = torch.zeros(len(negative) + 1, member.shape[1])
    torch.cumsum(member[~mine][order], dim=0, out=below[1:])
    left = torch.searchsorted(negative, score[mine])
    right = torch.searchsorted(negative, score[mine], right=True)
    return member[mine].T @ (0.5 * (below[left] + below[right]))


def _log_odds(scores: Float[torch.Tensor, "seed label text"]) -> Float[torch.Tensor, "..."]:
    """log p / (1 - p) of softmax, computed without 1 - p."""
    if scores.shape[1] == 2:
        return scores - scores.flip(1)
    top2 = scores.topk(2, dim=1)
    peak, winner = top2.values[:, :1], top2.indices[:, :1]
    mass = torch.exp(scores - peak)
    rest = mass.sum(dim=1, keepdim=True) - mass
    # For the winner the difference cancels, so its rest is summed anew against the runner-up.
    others = mass.scatter(1, winner, 0.0).sum(dim=1, keepdim=True)
    rest = rest.scatter(1, winner, others)
    return scores - peak - torch.log(rest.clamp(min=1e-30))
