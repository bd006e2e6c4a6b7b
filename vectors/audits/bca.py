"""Bias-corrected and accelerated bootstrap interval over independent units (Efron 1987).

In: a statistic of resampled units. Out: `Interval`. With fewer than 20 units the bootstrap is too
narrow, and Fisher's z interval takes its place for a correlation.

z0 = Phi^-1(share of draws below the estimate), a = sum (m - j)^3 / (6 (sum (m - j)^2)^1.5) over the
leave-one-out values j with mean m; ends at Phi(z0 + (z0 + z) / (1 - a (z0 + z))) of the draws.
"""

from statistics import NormalDist

import numpy as np
from jaxtyping import Float, Int

from vectors.stats import Interval, correlation

MIN_UNITS = 20


def correlation_interval(
    x: Float[np.ndarray, "unit"], y: Float[np.ndarray, "unit"], *, resamples: int, seed: int
) -> Interval:
    """Pearson's r with its 95 % interval over units: BCa from 20 units on, Fisher's z below."""
    plain = correlation(x.tolist(), y.tolist())
    n = len(x)
    if n < MIN_UNITS:
        return plain
    drawn = np.random.default_rng([seed, 41]).integers(n, size=(resamples, n))
    leave = np.array([np.delete(np.arange(n), i) for i in range(n)])
    low, high = _ends(plain.value, _rs(x, y, drawn), _rs(x, y, leave))
    return Interval(plain.value, low, high, n, n)


def _rs(
    x: Float[np.ndarray, "unit"], y: Float[np.ndarray, "unit"], at: Int[np.ndarray, "draw unit"]
) -> Float[np.ndarray, "draw"]:
    a, b = x[at], y[at]
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    below = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    found = np.divide((a * b).sum(axis=1), below, out=np.full(len(a), np.nan), where=below > 0)
    return np.asarray(found[np.isfinite(found)])


def _ends(
    value: float, samples: Float[np.ndarray, "draw"], left_out: Float[np.ndarray, "unit"]
) -> tuple[float, float]:
    normal = NormalDist()
    # A share of 0 or 1 would send the correction to infinity.
    below = np.clip(np.mean(samples < value), 0.5 / len(samples), 1 - 0.5 / len(samples))
    z0 = normal.inv_cdf(float(below))
    gap = left_out.mean() - left_out
    size = float((gap**2).sum()) ** 1.5
    a = float((gap**3).sum()) / (6 * size) if size > 0 else 0.0
    at = []
    for z in (normal.inv_cdf(0.025), normal.inv_cdf(0.975)):
        moved = z0 + (z0 + z) / (1 - a * (z0 + z))
        at.append(normal.cdf(moved))
    low, high = np.quantile(samples, at)
    return float(low), float(high)
