"""Small statistics that every verdict rests on: intervals, permutation p, several tests at once.

In: numpy arrays. Out: floats and `Interval`. Knows nothing of models, layers or emotions.

- Cluster bootstrap: whole clusters (topics) are drawn with replacement, because texts of one topic
  are no independent evidence. A draw is a row of multiplicities m[cluster], so any statistic that
  is a ratio of sums over clusters costs one matrix product for all draws (Field and Welsh 2007).
- Permutation p = (1 + #{null >= observed}) / (1 + B): never zero (Phipson and Smyth 2010).
- Wilson 1927 for a share; Fisher's z for a correlation; Holm 1979 and Benjamini-Hochberg 1995.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Float, Int

from .errors import DataError

# More clusters than this are bundled at random into this many before they are drawn: the interval
# stays valid (bundles of independent clusters are independent) and the cost stays bounded.
MAX_CLUSTERS = 100

Codes = Int[np.ndarray, "text"]


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    """The estimate on all the data; NaN where it cannot be computed."""
    low: float
    """Lower end; NaN where there are fewer than two clusters."""
    high: float
    """Upper end."""
    n: int
    """Rows (texts, draws, emotions) behind the value."""
    n_clusters: int
    """Independent units behind the interval, e.g. topics; n where every row is its own unit."""

    def excludes(self, value: float) -> bool:
        """True when `value` lies outside the interval; False where the interval is unknown."""
        return bool(value < self.low or value > self.high)

    @property
    def standard_error(self) -> float:
        """The interval's half width in units of a normal's 1.96."""
        return (self.high - self.low) / (2 * NormalDist().inv_cdf(0.975))

    def to_json(self) -> dict[str, float | int | None]:
        """Plain values; a NaN becomes None, because JSON has none."""
        return {k: None if v != v else v for k, v in asdict(self).items()}


def bundle(clusters: Codes, *, limit: int = MAX_CLUSTERS, seed: int = 0) -> Codes:
    """Clusters numbered 0.. without gaps, bundled at random into `limit` where there are more."""
    _, codes = np.unique(clusters, return_inverse=True)
    n = int(codes.max()) + 1 if codes.size else 0
    if n <= limit:
        return np.asarray(codes)
    shuffled = np.random.default_rng([seed, 11]).permutation(n) % limit
    return np.asarray(shuffled[codes])


def draws(n_clusters: int, *, resamples: int, seed: int = 0) -> Float[np.ndarray, "draw cluster"]:
    """How often each cluster was drawn: rows of a multinomial that sum to `n_clusters`."""
    rng = np.random.default_rng([seed, 12])
    shares = np.full(n_clusters, 1 / n_clusters)
    return rng.multinomial(n_clusters, shares, size=resamples).astype(np.float64)


def percentile_interval(
    value: float,
    samples: Float[np.ndarray, "draw"],
    *,
    n: int,
    n_clusters: int,
    level: float = 0.95,
) -> Interval:
    """The middle `level` of bootstrap samples; NaN ends for fewer than two clusters."""
    finite = samples[np.isfinite(samples)]
    if n_clusters < 2 or finite.size == 0:
        return Interval(float(value), float("nan"), float("nan"), n, n_clusters)
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(value), float(low), float(high), n, n_clusters)


def cluster_bootstrap(
    statistic: Callable[[Float[np.ndarray, "draw cluster"]], Float[np.ndarray, "draw"]],
    *,
    n: int,
    n_clusters: int,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """95 % percentile interval of a statistic that takes multiplicities of clusters.

    `statistic` maps multiplicities [draw, cluster] to values [draw]; all ones give the estimate.
    """
    value = float(statistic(np.ones((1, n_clusters)))[0])
    if n_clusters < 2:
        return Interval(value, float("nan"), float("nan"), n, n_clusters)
    samples = statistic(draws(n_clusters, resamples=resamples, seed=seed))
    return percentile_interval(value, samples, n=n, n_clusters=n_clusters, level=level)


def wilson(hits: int, n: int, *, level: float = 0.95) -> Interval:
    """Wilson's interval for a share of independent trials."""
    if n < 1 or not 0 <= hits <= n:
        raise DataError(f"{hits} of {n} is no share; give 0 <= hits <= n and n >= 1")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    low = 0.0 if hits == 0 else middle - half
    high = 1.0 if hits == n else middle + half
    return Interval(share, low, high, n, n)


def permutation_p(observed: float, null: Float[np.ndarray, "draw"], *, tail: str = "high") -> float:
    """(1 + #{null at least as extreme}) / (1 + B), for tail "high", "low" or "two" (on |.|)."""
    values = np.asarray(null, dtype=np.float64)
    if values.size == 0 or not np.all(np.isfinite(values)) or not np.isfinite(observed):
        raise DataError("a permutation p needs a finite statistic and one or more finite draws")
    if tail not in ("high", "low", "two"):
        raise DataError(f"unknown tail {tail!r}; allowed: high, low, two")
    if tail == "two":
        values, observed = np.abs(values), abs(observed)
    elif tail == "low":
        values, observed = -values, -observed
    # Equal up to rounding counts as at least as extreme: sums taken in another order must tie.
    slack = 1e-12 * max(1.0, abs(observed))
    return float((1 + np.count_nonzero(values >= observed - slack)) / (1 + values.size))


def holm(p: Sequence[float]) -> Float[np.ndarray, "test"]:
    """Holm's adjusted p values in the order given (family-wise error rate)."""
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    steps = (len(values) - np.arange(len(values))) * values[order]
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return adjusted


def benjamini_hochberg(p: Sequence[float]) -> Float[np.ndarray, "test"]:
    """Benjamini and Hochberg's adjusted p values in the order given (false discovery rate)."""
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(-values, kind="stable")
    m = len(values)
    steps = values[order] * m / (m - np.arange(m))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(steps))
    return adjusted


def correlation(x: Sequence[float], y: Sequence[float], *, level: float = 0.95) -> Interval:
    """Pearson's r with Fisher's z interval; needs four or more pairs that vary."""
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1 or len(a) < 4:
        raise DataError(f"a correlation needs 4 or more pairs; given {a.shape} and {b.shape}")
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        raise DataError("a correlation needs values that differ; one side is constant")
    r = float(np.corrcoef(a, b)[0, 1])
    z = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))
    half = NormalDist().inv_cdf((1 + level) / 2) / np.sqrt(len(a) - 3)
    return Interval(r, float(np.tanh(z - half)), float(np.tanh(z + half)), len(a), len(a))


def shuffles(
    codes: Codes, groups: Codes | None, *, count: int, seed: int = 0
) -> tuple[Int[np.ndarray, "draw text"], str]:
    """`count` shuffles of the labels and the rule that made them, in words.

    Labels move within their topic, so each topic keeps its labels. Where every topic has one label
    only, that would move nothing, so whole topics swap labels instead. Without topics labels move
    freely.
    """
    rng = np.random.default_rng([seed, 13])
    out = np.empty((count, len(codes)), dtype=codes.dtype)
    if groups is None:
        for draw in range(count):
            out[draw] = rng.permutation(codes)
        return out, "over all texts"
    _, group = np.unique(groups, return_inverse=True)
    if _pure(codes, group):
        first = np.unique(group, return_index=True)[1]
        for draw in range(count):
            out[draw] = rng.permutation(codes[first])[group]
        return out, "whole topics (each topic has one label)"
    home = np.argsort(group, kind="stable")
    for draw in range(count):
        # Sorting by (topic, random key) lists every topic's rows in random order.
        source = np.lexsort((rng.random(len(codes)), group))
        out[draw, home] = codes[source]
    return out, "within topics"


def _pure(codes: Codes, group: Codes) -> bool:
    pairs = np.unique(np.stack([group, codes]), axis=1)
    return pairs.shape[1] == int(group.max()) + 1
