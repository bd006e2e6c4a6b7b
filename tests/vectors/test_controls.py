"""Control directions have the distribution they claim and nothing else."""

import numpy as np
import pytest

from vectors.controls import (
    covariance_matched,
    mean_difference,
    permute_within,
    random_direction,
    shuffled_label,
)
from vectors.errors import DataError

D = 12


def test_directions_are_unit_and_a_function_of_their_seed() -> None:
    rows = np.random.default_rng(0).standard_normal((40, D)).astype(np.float32)
    codes = np.arange(40) % 4
    for make in (
        lambda seed: random_direction(D, seed=seed),
        lambda seed: covariance_matched(rows, seed=seed),
        lambda seed: covariance_matched(covariance=np.cov(rows.T), seed=seed),
        lambda seed: shuffled_label(rows, codes, label=1, seed=seed),
    ):
        v = make(3)
        assert v.dtype == np.float32
        assert np.linalg.norm(v) == pytest.approx(1, abs=1e-6)
        assert np.array_equal(v, make(3))
        assert not np.allclose(v, make(4))


def test_random_directions_have_no_preferred_axis() -> None:
    many = np.stack([random_direction(D, seed=s) for s in range(3000)])
    assert np.allclose(many.T @ many / len(many), np.eye(D) / D, atol=0.012)
    assert np.abs(many.mean(axis=0)).max() < 0.02


def test_covariance_matched_follows_the_covariance_and_isotropic_does_not() -> None:
    rng = np.random.default_rng(1)
    mix = np.diag(np.linspace(0.3, 3, D)) @ np.linalg.qr(rng.standard_normal((D, D)))[0]
    rows = (rng.standard_normal((500, D)) @ mix + 20).astype(np.float32)  # a large mean: no effect
    _, axes = np.linalg.eigh(np.cov(rows.T))
    top, bottom = axes[:, -1], axes[:, 0]

    def ratio(directions: np.ndarray) -> float:
        return float(np.mean((directions @ top) ** 2) / np.mean((directions @ bottom) ** 2))

    # The oracle: N(0, S) by another road, made unit afterwards as the controls are.
    plain = rng.multivariate_normal(np.zeros(D), np.cov(rows.T), size=20_000)
    want = ratio(plain / np.linalg.norm(plain, axis=1, keepdims=True))
    by_rows = np.stack([covariance_matched(rows, seed=s) for s in range(2000)])
    by_matrix = [covariance_matched(covariance=np.cov(rows.T), seed=s) for s in range(2000)]
    isotropic = np.stack([random_direction(D, seed=s) for s in range(2000)])
    assert ratio(by_rows) == pytest.approx(want, rel=0.25)
    assert ratio(np.stack(by_matrix)) == pytest.approx(want, rel=0.25)
    assert ratio(isotropic) == pytest.approx(1, rel=0.25)
    assert want > 20
    assert np.abs(by_rows.mean(axis=0)).max() < 0.06


def test_shuffled_labels_keep_topic_and_counts_and_lose_the_label() -> None:
    rng = np.random.default_rng(2)
    codes = np.tile(np.arange(4), 50)
    topics = np.repeat(np.arange(10), 20)
    axis, topic_axis = np.eye(D)[0], np.eye(D)[1]
    rows = rng.standard_normal((200, D)) + 3 * np.outer(codes == 2, axis)
    rows = (rows + 5 * np.outer(topics, topic_axis)).astype(np.float32)
    real = mean_difference(rows, codes, 2)
    real = real / np.linalg.norm(real)
    assert real @ axis > 0.9
    for seed in range(5):
        permuted = permute_within(codes, topics, seed=seed)
        assert not np.array_equal(permuted, codes)
        for topic in range(10):
            at = topics == topic
            assert np.array_equal(np.sort(permuted[at]), np.sort(codes[at]))
    # Averaged over seeds the label's axis is gone, and topics are balanced, so theirs never came.
    shuffled = np.stack(
        [shuffled_label(rows, codes, label=2, groups=topics, seed=s) for s in range(100)]
    )
    assert abs(np.mean(shuffled @ axis)) < 0.15
    assert np.abs(shuffled @ topic_axis).max() < 0.9


def test_the_pipeline_given_is_the_one_that_runs() -> None:
    seen = []

    def build(rows: np.ndarray, codes: np.ndarray, label: int) -> np.ndarray:
        seen.append((rows.shape, label, np.bincount(codes).tolist()))
        return np.arange(1, D + 1, dtype=np.float64)

    v = shuffled_label(np.zeros((8, D)), np.arange(8) % 2, label=1, build=build)
    assert seen == [((8, D), 1, [4, 4])]
    assert v[1] == pytest.approx(2 * v[0])


def test_what_cannot_make_a_direction_is_refused() -> None:
    rows = np.ones((4, D), dtype=np.float32)
    with pytest.raises(DataError, match="exactly one"):
        covariance_matched()
    with pytest.raises(DataError, match="two or more"):
        covariance_matched(rows[:1])
    with pytest.raises(DataError, match="must vary"):
        shuffled_label(rows, np.arange(4) % 2, label=0)
    with pytest.raises(DataError, match="label 7 has no rows"):
        shuffled_label(rows, np.arange(4) % 2, label=7)
