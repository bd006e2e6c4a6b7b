"""Intervals cover at the stated rate, p values keep their floor, adjustments equal the textbook."""

import numpy as np
import pytest

from vectors.errors import DataError
from vectors.stats import (
    Interval,
    benjamini_hochberg,
    bundle,
    cluster_bootstrap,
    correlation,
    draws,
    holm,
    permutation_p,
    shuffles,
    wilson,
)


def test_wilson_is_the_published_interval() -> None:
    """0.83 at n = 100 is [0.745, 0.891], a figure printed in the literature on layer curves."""
    found = wilson(83, 100)
    assert (round(found.low, 3), round(found.high, 3)) == (0.745, 0.891)
    assert wilson(0, 10).low == 0.0
    assert wilson(0, 10).high > 0.25
    with pytest.raises(DataError, match="11 of 10"):
        wilson(11, 10)


def _mean_interval(values: np.ndarray, clusters: np.ndarray, seed: int) -> Interval:
    codes = bundle(clusters)
    k = int(codes.max()) + 1
    sums, counts = np.bincount(codes, values, k), np.bincount(codes, minlength=k)
    return cluster_bootstrap(
        lambda m: (m @ sums) / (m @ counts), n=len(values), n_clusters=k, resamples=400, seed=seed
    )


@pytest.mark.parametrize("clustered", [True, False])
def test_the_cluster_bootstrap_covers_and_the_row_bootstrap_does_not(clustered: bool) -> None:
    """Rows that share a topic effect: topics as clusters cover the mean, rows do not."""
    missed = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        topics = np.repeat(np.arange(40), 10)
        values = rng.normal(size=40)[topics] + 0.3 * rng.normal(size=400)
        clusters = topics if clustered else np.arange(400)
        missed += _mean_interval(values, clusters, seed).excludes(0.0)
    # 5 % is stated; 40 clusters give a little more. The row bootstrap misses about half.
    assert missed / 150 < 0.12 if clustered else missed / 150 > 0.3


def test_many_clusters_are_bundled_and_the_width_stays() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=20_000)
    found = _mean_interval(values, np.arange(20_000), 0)
    assert found.n_clusters == 100
    assert found.high - found.low == pytest.approx(2 * 1.96 / np.sqrt(20_000), rel=0.25)


def test_one_cluster_has_no_interval() -> None:
    found = _mean_interval(np.arange(5.0), np.zeros(5, dtype=int), 0)
    assert found.value == 2.0
    assert np.isnan(found.low)
    assert not found.excludes(100.0)
    assert found.to_json()["low"] is None


def test_draws_are_resamples() -> None:
    m = draws(7, resamples=50, seed=1)
    assert np.all(m.sum(axis=1) == 7)
    assert np.array_equal(m, draws(7, resamples=50, seed=1))


def test_permutation_p_has_its_floor_and_counts_ties() -> None:
    null = np.linspace(0, 1, 99)
    assert permutation_p(2.0, null) == 0.01
    assert permutation_p(-1.0, null) == 1.0
    assert permutation_p(1.0, null) == 0.02
    assert permutation_p(-1.0, null, tail="two") == 0.02
    assert permutation_p(0.0, null, tail="low") == 0.02
    with pytest.raises(DataError, match="finite"):
        permutation_p(1.0, np.array([np.nan]))


def test_permutation_p_is_uniform_under_the_null() -> None:
    rng = np.random.default_rng(3)
    p = [permutation_p(rng.normal(), rng.normal(size=99)) for _ in range(2000)]
    assert np.mean(np.asarray(p) <= 0.05) == pytest.approx(0.05, abs=0.015)


def test_holm_and_benjamini_hochberg_equal_the_worked_example() -> None:
    p = [0.04, 0.01, 0.03, 0.005]
    assert holm(p) == pytest.approx([0.06, 0.03, 0.06, 0.02])
    assert benjamini_hochberg(p) == pytest.approx([0.04, 0.02, 0.04, 0.02])


def test_correlation_has_fishers_interval() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=50)
    found = correlation(x, x + rng.normal(size=50))
    assert found.low < 0.71 < found.high
    assert found.n == 50
    with pytest.raises(DataError, match="constant"):
        correlation([1, 2, 3, 4], [1, 1, 1, 1])


def test_shuffles_keep_each_topics_labels() -> None:
    rng = np.random.default_rng(0)
    groups, codes = rng.integers(0, 6, 200), rng.integers(0, 4, 200)
    found, how = shuffles(codes, groups, count=5)
    assert how == "within topics"
    for draw in found:
        assert not np.array_equal(draw, codes)
        for group in range(6):
            at = groups == group
            assert np.array_equal(np.sort(draw[at]), np.sort(codes[at]))


def test_shuffles_swap_whole_topics_where_a_topic_has_one_label() -> None:
    groups = np.repeat(np.arange(10), 4)
    codes = groups % 2
    found, how = shuffles(codes, groups, count=20)
    assert how.startswith("whole topics")
    assert any(not np.array_equal(draw, codes) for draw in found)
    assert all(len(np.unique(draw[groups == g])) == 1 for draw in found for g in range(10))
