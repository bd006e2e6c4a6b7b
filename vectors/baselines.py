"""What a probe must beat: words, length, norm, and the same probe on shuffled labels.

In: the probe's own `Split`, so that folds and topics are the same, and texts, lengths, norms or
activations. Out: `Held` or a band. Knows no model. None of these sees what a model made of the
text, so a probe no better than them shows nothing about the model (AxBench 2025; Hewitt and Liang
2019 on control tasks; Ojala and Garriga 2010 on permutations).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Float64, Int

from .errors import Cancelled, DataError
from .folds import Split
from .heldout import Held, assess
from .probes import Curve, ProbeSettings, curve_of, held_out_scores, never, row_weights
from .stats import shuffles

EXACT_TEXTS = 6000
"""Up to this many texts, bag-of-words is solved exactly in the space of texts."""
MAX_WORDS = 20_000
"""Above it, the most frequent 1- and 2-grams kept."""
BAG_C = 10.0
"""Inverse penalty of the bag-of-words classifier: its rows have length 1 and are not scaled."""
EXACT_SHUFFLES = 50
"""Up to this many shuffles the probe itself is refitted; above it, ridge in closed form."""


def bag_of_words(
    texts: Sequence[str],
    split: Split,
    settings: ProbeSettings,
    *,
    cancelled: Callable[[], bool] = never,
) -> Curve:
    """`words_held` as a curve of one flat value."""
    return flat_curve("bag of words", *words_held(texts, split, settings, cancelled=cancelled))


def words_held(
    texts: Sequence[str],
    split: Split,
    settings: ProbeSettings,
    *,
    cancelled: Callable[[], bool] = never,
) -> tuple[Held, str]:
    """Logistic regression on 1- and 2-grams, on the probe's folds, and how it was made.

    Counts enter as 1 + log count, each text at unit length, no inverse document frequency: nothing
    but the held-out text's own length depends on words outside the training folds. `texts` are of
    the whole run (any sequence; only the split's rows are read).
    """
    words = _word_counts([texts[int(row)] for row in split.rows], capped=len(split.rows))
    if len(split.rows) <= EXACT_TEXTS:
        rows = _in_text_space(words)
        fixed = ProbeSettings(**(_plain(settings) | {"c": BAG_C, "unit_norm": False, "tol": 1e-4}))
        scores = held_out_scores(rows, split, fixed, standardise=False, cancelled=cancelled)
        note = f"1-2-grams, C {BAG_C:g}"
    else:
        scores = _sparse_scores(words, split, settings, cancelled)
        note = f"the {words.shape[1]} most frequent 1-2-grams, C {BAG_C:g}"
    return assess(scores, split, resamples=settings.bootstrap, seed=settings.seed), note


def length_only(
    lengths: Float[np.ndarray, "text"] | Int[np.ndarray, "text"],
    split: Split,
    settings: ProbeSettings,
) -> Curve:
    """The probe on nothing but a text's length (tokens or characters); one flat value."""
    features = one_number(np.asarray(lengths, dtype=np.float64)[split.rows])
    scores = held_out_scores(features, split, _plain_logistic(settings))
    held = assess(scores, split, resamples=settings.bootstrap, seed=settings.seed)
    return flat_curve("length only", held, "powers 1 to 4 of the standardised log length")


def norm_layer(
    rows: Float32[np.ndarray, "text d_model"], split: Split, settings: ProbeSettings
) -> Held:
    """The probe on nothing but |h| of one layer's pooled activations."""
    used = rows[split.rows].astype(np.float64)
    used[~np.isfinite(used).all(axis=1)] = np.nan
    norms = np.linalg.norm(used, axis=1)
    scores = held_out_scores(one_number(norms), split, _plain_logistic(settings))
    return assess(scores, split, resamples=settings.bootstrap, seed=settings.seed)


def norm_only(
    layer_of: Callable[[int], Float32[np.ndarray, "text d_model"]],
    layers: Sequence[int],
    split: Split,
    settings: ProbeSettings,
) -> Curve:
    """`norm_layer` for each layer."""
    held = [norm_layer(layer_of(layer), split, settings) for layer in layers]
    return curve_of("norm only", layers, held, note="powers 1 to 4 of the standardised log norm")


def one_number(values: Float64[np.ndarray, "text"]) -> Float32[np.ndarray, "text 4"]:
    """Powers 1 to 4 of the standardised log: one number cannot rank many labels linearly."""
    logs = np.log(np.maximum(values, 1e-12))
    z = (logs - np.nanmean(logs)) / (np.nanstd(logs) or 1.0)
    return np.stack([np.clip(z, -4, 4) ** power for power in (1, 2, 3, 4)], axis=1).astype(
        np.float32
    )


def shuffled_layer(
    rows: Float32[np.ndarray, "text d_model"],
    split: Split,
    settings: ProbeSettings,
    *,
    permutations: int = 20,
    cancelled: Callable[[], bool] = never,
) -> tuple[Float64[np.ndarray, "draw"], str]:
    """Balanced accuracy of the pipeline under each shuffle of the labels, and how it was done.

    `rows` are the split's, prepared. Labels are shuffled within topics (`stats.shuffles`) and the
    first seed's folds are refitted. Up to EXACT_SHUFFLES shuffles the logistic probe is refitted;
    above it a ridge classifier in closed form, which is another probe with a null of its own.
    """
    if permutations < 1:
        raise DataError(f"{permutations} shuffles give no band; ask for 20 or more")
    topics = split.clusters if split.n_groups else None
    drawn, how = shuffles(split.codes, topics, count=permutations, seed=settings.seed)
    finite = np.isfinite(rows).all(axis=1)
    fold = split.fold[0, finite]
    rows, drawn = rows[finite], drawn[:, finite]
    exact = permutations <= EXACT_SHUFFLES
    predict = _logistic_predictions if exact else _ridge_predictions
    predicted = np.empty(drawn.shape, dtype=np.int64)
    for start in range(0, permutations, 10):
        if cancelled():
            raise Cancelled("shuffling was cancelled; nothing is wrong")
        part = slice(start, start + 10)
        predicted[part] = predict(rows, drawn[part], fold, split, settings)
    accuracy = np.array(
        [_balanced_accuracy(p, y, len(split.labels)) for p, y in zip(predicted, drawn, strict=True)]
    )
    return (
        accuracy,
        f"labels shuffled {how}, {'logistic' if exact else 'ridge'}, {permutations} times",
    )


def shuffled_band(
    layer_of: Callable[[int], Float32[np.ndarray, "text d_model"]],
    layers: Sequence[int],
    split: Split,
    settings: ProbeSettings,
    *,
    permutations: int = 20,
    cancelled: Callable[[], bool] = never,
) -> tuple[tuple[float, float], ...]:
    """Per layer, the 2.5 and 97.5 % quantiles of balanced accuracy under shuffled labels."""
    from .probes import prepared

    out = []
    for layer in layers:
        rows = prepared(layer_of(layer), split, settings)
        values, _ = shuffled_layer(
            rows, split, settings, permutations=permutations, cancelled=cancelled
        )
        out.append(band(values))
    return tuple(out)


def band(values: Float64[np.ndarray, "draw"]) -> tuple[float, float]:
    """The middle 95 % of the draws."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def flat_curve(name: str, held: Held, note: str) -> Curve:
    """A baseline that knows no layers."""
    return Curve(name, (), (held.accuracy,), (held.auroc,), held.fold_accuracy[None], note)


def _plain(settings: ProbeSettings) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(settings)


def _plain_logistic(settings: ProbeSettings) -> ProbeSettings:
    """The probe's settings with C = 1: four features need no choice of penalty."""
    return ProbeSettings(**(_plain(settings) | {"c": 1.0, "unit_norm": False}))


def _word_counts(texts: Sequence[str], *, capped: int) -> Any:
    """Sparse [text, word] of 1 + log count, rows of length 1."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2),
        sublinear_tf=True,
        use_idf=False,
        token_pattern=r"(?u)\b\w+\b",
        max_features=None if capped <= EXACT_TEXTS else MAX_WORDS,
    )
    try:
        return vectorizer.fit_transform(texts)
    except ValueError as error:  # an empty vocabulary
        raise DataError(f"bag-of-words found no words in {len(texts)} texts: {error}") from error


def _in_text_space(words: Any) -> Float32[np.ndarray, "text text"]:
    """Rows with the same inner products as the texts' word vectors: L of X X' = L L'.

    A penalised linear classifier depends on rows through inner products only, so nothing is lost,
    and words that occur in held-out texts only keep weight 0 by themselves.
    """
    gram = (words @ words.T).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += 1e-6  # equal texts make it singular
    return np.linalg.cholesky(gram).astype(np.float32)


def _sparse_scores(
    words: Any, split: Split, settings: ProbeSettings, cancelled: Callable[[], bool]
) -> Float32[np.ndarray, "seed label text"]:
    """One scikit-learn fit per fold, first seed only: many texts make seeds agree."""
    from sklearn.linear_model import LogisticRegression

    n_labels, n = len(split.labels), len(split.rows)
    out = np.full((n_labels, n), -1e4, dtype=np.float32)
    for number in range(split.n_folds):
        if cancelled():
            raise Cancelled("bag-of-words was cancelled; nothing is wrong")
        test = split.fold[0] == number
        if not test.any():
            continue
        weights = row_weights(~test[None], split.codes, n_labels, settings)[0]
        fit = LogisticRegression(C=BAG_C, tol=1e-3, max_iter=200).fit(
            words[~test], split.codes[~test], sample_weight=weights[~test]
        )
        found = fit.decision_function(words[test])
        if found.ndim == 1:
            found = np.stack([-found / 2, found / 2], axis=1)
        out[np.ix_(fit.classes_, np.flatnonzero(test))] = found.T
    return np.broadcast_to(out, (len(split.fold), n_labels, n))


def _logistic_predictions(
    rows: np.ndarray, drawn: np.ndarray, fold: np.ndarray, split: Split, settings: ProbeSettings
) -> Int[np.ndarray, "draw text"]:
    from .solver import solve_logistic

    n_labels, count = len(split.labels), len(drawn)
    train = fold[None] != np.arange(split.n_folds)[:, None]
    weights = np.concatenate([row_weights(train, y, n_labels, settings) for y in drawn])
    fit = solve_logistic(
        rows,
        np.repeat(drawn, split.n_folds, axis=0),
        weights,
        n_labels=n_labels,
        c=0.1 if settings.c is None else settings.c,
        tol=max(settings.tol, 1e-4),
        device=settings.device,
    )
    predicted = fit.scores.argmax(axis=1).reshape(count, split.n_folds, len(fold))
    return np.take_along_axis(predicted, fold[None, None], axis=1)[:, 0]


def _ridge_predictions(
    rows: np.ndarray, drawn: np.ndarray, fold: np.ndarray, split: Split, _settings: ProbeSettings
) -> Int[np.ndarray, "draw text"]:
    """One factorisation per fold serves every shuffle as further right-hand sides."""
    n_labels, count = len(split.labels), len(drawn)
    out = np.zeros((count, len(fold)), dtype=np.int64)
    for number in range(split.n_folds):
        test = fold == number
        x = rows[~test].astype(np.float64)
        mean, scale = x.mean(axis=0), x.std(axis=0)
        scale = np.where(scale > 0, scale, 1)
        x, held = (x - mean) / scale, (rows[test] - mean) / scale
        target = np.eye(n_labels)[drawn[:, ~test]]  # [draw text label]
        target = target - target.mean(axis=1, keepdims=True)
        sides = target.transpose(1, 0, 2).reshape(len(x), -1)
        penalty = len(x) * 0.1  # a tenth of each feature's own variance
        weights = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ sides)
        scores = (held @ weights).reshape(len(held), count, n_labels)
        out[:, test] = scores.argmax(axis=2).T
    return out


def _balanced_accuracy(predicted: np.ndarray, codes: np.ndarray, n_labels: int) -> float:
    counts = np.bincount(codes, minlength=n_labels)
    hits = np.bincount(codes, predicted == codes, n_labels)
    return float(np.mean(hits[counts > 0] / counts[counts > 0]))
