"""Drawn tokens follow the softmax, and the noise is a function of seed and step only."""

import numpy as np
import pytest
import torch
from scipy import stats

from vectors.errors import DataError
from vectors.sampling import Sampling, filter_logits, gumbel_noise, sample_tokens

LOGITS = torch.tensor([1.0, 0.0, -1.0, 2.0, 0.5, -0.5, 0.2, 1.4])
N = 20_000


def drawn(sampling: Sampling, n: int = N) -> np.ndarray:
    """n draws over steps, each row of a batch with a seed of its own."""
    batch = 100
    rows = LOGITS.expand(batch, -1)
    seeds = range(batch)
    draws = [sample_tokens(rows, sampling, step=s, seeds=seeds) for s in range(n // batch)]
    return torch.cat(draws).numpy()


def p_value(counts: np.ndarray, expected: np.ndarray) -> float:
    kept = expected > 0
    assert counts[~kept].sum() == 0
    return float(stats.chisquare(counts[kept], expected[kept] * counts.sum()).pvalue)


@pytest.mark.parametrize(
    ("sampling", "temperature", "kept"),
    [
        (Sampling(), 1.0, 8),
        (Sampling(temperature=0.5), 0.5, 8),
        (Sampling(temperature=2.0), 2.0, 8),
        (Sampling(top_k=3), 1.0, 3),
        (Sampling(top_p=0.6), 1.0, 2),
    ],
)
def test_draws_follow_the_softmax(sampling: Sampling, temperature: float, kept: int) -> None:
    counts = np.bincount(drawn(sampling), minlength=8)
    p = torch.softmax(LOGITS.double() / temperature, dim=0).numpy()
    p[np.argsort(-p)[kept:]] = 0
    assert p_value(counts, p / p.sum()) > 1e-3


def test_the_same_check_finds_a_wrong_distribution() -> None:
    counts = np.bincount(drawn(Sampling(temperature=1.1)), minlength=8)
    assert p_value(counts, torch.softmax(LOGITS.double(), dim=0).numpy()) < 1e-6


def test_noise_depends_on_seed_and_step_only() -> None:
    assert np.array_equal(gumbel_noise(3, 7, d_vocab=50), gumbel_noise(3, 7, d_vocab=50))
    assert not np.array_equal(gumbel_noise(3, 7, d_vocab=50), gumbel_noise(3, 8, d_vocab=50))
    assert not np.array_equal(gumbel_noise(3, 7, d_vocab=50), gumbel_noise(4, 7, d_vocab=50))
    # (seed, step) and (step, seed) are different streams too.
    assert not np.array_equal(gumbel_noise(3, 7, d_vocab=50), gumbel_noise(7, 3, d_vocab=50))
    torch.manual_seed(1)
    rows = torch.randn(5, 300)
    torch.manual_seed(2)
    together = sample_tokens(rows, Sampling(seed=9), step=4)
    alone = torch.cat([sample_tokens(r[None], Sampling(seed=9), step=4) for r in rows])
    assert torch.equal(together, alone)


def test_rows_with_equal_logits_draw_equal_tokens_unless_given_seeds() -> None:
    rows = torch.zeros(6, 300)
    for step in range(5):
        assert len(set(sample_tokens(rows, Sampling(), step=step).tolist())) == 1
    apart = sample_tokens(rows, Sampling(), step=0, seeds=range(6))
    assert len(set(apart.tolist())) > 1


def test_greedy_and_filters() -> None:
    assert sample_tokens(LOGITS[None], Sampling(temperature=0), step=0).item() == 3
    left = filter_logits(LOGITS[None], Sampling(top_p=1e-9)).isfinite()
    assert left.sum() == 1
    assert left[0, 3]
    assert filter_logits(LOGITS[None], Sampling(top_k=99)).isfinite().all()


def test_settings_that_mean_nothing_are_refused() -> None:
    for wrong in ({"max_new_tokens": 0}, {"temperature": -1.0}, {"temperature": float("nan")}):
        with pytest.raises(DataError):
            Sampling(**wrong)  # type: ignore[arg-type]
    for wrong in ({"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.5}, {"seed": -1}):
        with pytest.raises(DataError):
            Sampling(**wrong)  # type: ignore[arg-type]
