"""The batched solver against scikit-learn's LogisticRegression: every fold, many labels, noise."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vectors.errors import Cancelled, DataError
from vectors.solver import solve_logistic


def _data(n: int, d: int, k: int, effect: float, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Rows of uneven scale with a large mean, and topics with an effect of their own."""
    rng = np.random.default_rng(seed)
    codes, topics = np.arange(n) % k, rng.integers(0, 30, n)
    rows = rng.normal(size=(n, d)) * rng.lognormal(size=d) + 30 * rng.normal(size=d)
    rows += effect * rng.normal(size=(k, d))[codes] + 0.5 * rng.normal(size=(30, d))[topics]
    return rows.astype(np.float32), codes, topics


@pytest.mark.parametrize(
    ("n", "d", "k", "effect", "c"),
    [
        (4000, 64, 20, 0.3, 0.1),
        (4000, 64, 20, 0.0, 0.1),
        (3000, 256, 20, 0.1, 0.1),
        (2000, 256, 2, 0.05, 1.0),
        (2000, 128, 5, 0.1, 1.0),
    ],
)
def test_every_fold_agrees_with_scikit_learn(
    n: int, d: int, k: int, effect: float, c: float
) -> None:
    rows, codes, topics = _data(n, d, k, effect)
    folds = list(StratifiedGroupKFold(5, shuffle=True, random_state=0).split(rows, codes, topics))
    weights = np.zeros((5, n))
    for at, (train, _) in enumerate(folds):
        weights[at, train] = 1
    fit = solve_logistic(rows, codes, weights, n_labels=k, c=c)
    assert fit.converged.all()
    for at, (train, test) in enumerate(folds):
        oracle = make_pipeline(StandardScaler(), LogisticRegression(C=c, tol=1e-6, max_iter=5000))
        oracle.fit(rows[train].astype(np.float64), codes[train])
        theirs = np.mean(oracle.predict(rows[test].astype(np.float64)) == codes[test])
        ours = np.mean(fit.scores[at][:, test].argmax(axis=0) == codes[test])
        assert abs(ours - theirs) <= 0.005
        z = oracle.decision_function(rows[test].astype(np.float64)).T
        mine = fit.scores[at][:, test]
        mine = mine[1] - mine[0] if k == 2 else mine - mine.mean(axis=0)
        z = z if k == 2 else z - z.mean(axis=0)
        assert np.corrcoef(mine.ravel(), z.ravel())[0, 1] > 0.9995


def test_more_dimensions_than_rows() -> None:
    rows, codes, _ = _data(150, 400, 3, 0.3)
    weights = np.ones((1, 150))
    weights[0, :50] = 0
    fit = solve_logistic(rows, codes, weights, n_labels=3, c=0.01)
    train = weights[0] > 0
    oracle = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, tol=1e-8, max_iter=5000))
    z = oracle.fit(rows[train].astype(np.float64), codes[train]).decision_function(rows).T
    mine = fit.scores[0] - fit.scores[0].mean(axis=0)
    assert np.abs(mine - (z - z.mean(axis=0))).max() < 0.02 * z.std()


def test_weights_and_bias_make_the_scores() -> None:
    rows, codes, _ = _data(300, 16, 4, 0.5)
    fit = solve_logistic(rows, codes, np.ones((1, 300)), n_labels=4)
    again = np.einsum("kd,nd->kn", fit.weights[0], rows) + fit.bias[0][:, None]
    assert np.allclose(again, fit.scores[0], atol=2e-3)


def test_row_weights_are_scikit_learns_sample_weights() -> None:
    rows, codes, _ = _data(600, 16, 3, 0.4)
    weight = np.random.default_rng(1).uniform(0.2, 3, 600)
    fit = solve_logistic(rows, codes, weight[None], n_labels=3, c=0.1, standardise=False)
    oracle = LogisticRegression(C=0.1, tol=1e-8, max_iter=20_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle.fit(rows.astype(np.float64), codes, sample_weight=weight)
    z = oracle.decision_function(rows.astype(np.float64)).T
    assert np.corrcoef((fit.scores[0] - fit.scores[0].mean(0)).ravel(), z.ravel())[0, 1] > 0.9999


def test_problems_do_not_touch_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone, in a batch, or in turns for want of memory: the same scores; labels may differ."""
    rows, codes, _ = _data(400, 16, 3, 0.4)
    drawn = np.stack([codes, np.roll(codes, 7), codes[::-1]])
    weights = np.random.default_rng(0).integers(0, 2, (3, 400))
    batch = solve_logistic(rows, drawn, weights, n_labels=3, c=[1.0, 0.1, 0.01])
    alone = [
        solve_logistic(rows, drawn[i], weights[i : i + 1], n_labels=3, c=c).scores[0]
        for i, c in enumerate([1.0, 0.1, 0.01])
    ]
    assert np.allclose(batch.scores, alone, atol=0.01)
    monkeypatch.setattr("vectors.solver.MAX_BYTES", 1)
    turns = solve_logistic(rows, drawn, weights, n_labels=3, c=[1.0, 0.1, 0.01])
    assert np.allclose(batch.scores, turns.scores, atol=0.01)


def test_a_label_without_training_rows_is_never_predicted() -> None:
    rows, codes, _ = _data(300, 8, 3, 1.0)
    weights = (codes != 2).astype(float)[None]
    fit = solve_logistic(rows, codes, weights, n_labels=3)
    assert fit.converged.all()
    assert not np.any(fit.scores[0].argmax(axis=0) == 2)


def test_bad_input_is_named_and_cancelling_stops() -> None:
    rows, codes, _ = _data(50, 4, 2, 1.0)
    with pytest.raises(DataError, match="one label only"):
        solve_logistic(rows, codes, (codes == 0).astype(float)[None], n_labels=2)
    with pytest.raises(Cancelled):
        solve_logistic(rows, codes, np.ones((1, 50)), n_labels=2, cancelled=lambda: True)
    rows[3, 1] = np.nan
    with pytest.raises(DataError, match="NaN"):
        solve_logistic(rows, codes, np.ones((1, 50)), n_labels=2)
