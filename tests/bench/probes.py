"""Batched probes against a loop of scikit-learn fits, interleaved: `python -m tests.bench.probes`.

Prints a Markdown table. Times are process CPU seconds on one thread, so that other work on the
machine counts little; only ratios are worth quoting. "default" is scikit-learn's tolerance 1e-4,
"tight" the tolerance at which its fold accuracies stop moving (1e-6); ours stops at 3e-5.
"""

import time
import warnings

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from vectors.folds import Split, make_split
from vectors.solver import solve_logistic

C = 0.1
ROUNDS = 2
SETS = [
    # texts, d_model, labels, effect
    (3000, 64, 20, 0.1),
    (3000, 256, 20, 0.05),
    (3000, 256, 20, 0.0),
    (3000, 256, 2, 0.03),
]
HEAD = (
    "texts | width | labels | fits | ours, ms per fit | default / ours | tight / ours | "
    "largest fold difference | mean fold accuracy"
)


def main() -> None:
    torch.set_num_threads(1)
    print(f"| {HEAD} |\n|{'---|' * (HEAD.count('|') + 1)}")
    for n, d, k, effect in SETS:
        rng = np.random.default_rng(0)
        codes, topics = np.arange(n) % k, rng.integers(0, 30, n)
        rows = rng.normal(size=(n, d)) * rng.lognormal(size=d) + 10 * rng.normal(size=d)
        rows = (rows + effect * rng.normal(size=(k, d))[codes]).astype(np.float32)
        split = make_split(codes, [str(i) for i in range(k)], topics, seeds=5)
        ours, default, tight = [], [], []
        for _ in range(ROUNDS):
            ours.append(_ours(rows, split))
            default.append(_scikit(rows, split, 1e-4))
            tight.append(_scikit(rows, split, 1e-6))
        best = [min(t for t, _ in runs) for runs in (ours, default, tight)]
        worst = float(np.abs(ours[0][1] - tight[0][1]).max())
        fits = split.fold.shape[0] * split.n_folds
        print(
            f"| {n} | {d} | {k} | {fits} | {1000 * best[0] / fits:.1f} | {best[1] / best[0]:.1f} | "
            f"{best[2] / best[0]:.1f} | {worst:.4f} | {ours[0][1].mean():.3f} |",
            flush=True,
        )


def _ours(rows: np.ndarray, split: Split) -> tuple[float, np.ndarray]:
    start = time.process_time()
    held = split.fold[:, None, :] == np.arange(split.n_folds)[None, :, None]
    flat = held.reshape(-1, len(rows))
    fit = solve_logistic(rows, split.codes, ~flat, n_labels=len(split.labels), c=C)
    spent = time.process_time() - start
    right = fit.scores.argmax(axis=1) == split.codes
    return spent, np.array([r[h].mean() for r, h in zip(right, flat, strict=True)])


def _scikit(rows: np.ndarray, split: Split, tol: float) -> tuple[float, np.ndarray]:
    start = time.process_time()
    accuracy = []
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        for fold in split.fold:
            for number in range(split.n_folds):
                test = fold == number
                model = make_pipeline(
                    StandardScaler(), LogisticRegression(C=C, tol=tol, max_iter=2000)
                ).fit(rows[~test], split.codes[~test])
                accuracy.append(model.score(rows[test], split.codes[test]))
    return time.process_time() - start, np.array(accuracy)


if __name__ == "__main__":
    main()
