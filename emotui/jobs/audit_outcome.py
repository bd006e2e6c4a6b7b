"""The outcome of a causal claim: which tokens' odds it is about, and the texts around it.

The outcome is the log-odds of the emotion's words against neutral ones at the next token. Unless
words are given, they are taken from the run's own texts: target = tokens that mark the emotion's
texts (log-odds with a Dirichlet prior, z > 3; Monroe, Colaresi and Quinn 2008), neutral = tokens as
frequent that mark nothing. Computes no control.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np

from emotui.errors import OptionError
from emotui.jobs.audit_data import Source
from emotui.jobs.audit_record import Audit
from emotui.sanitize import one_line
from store.datasets import Dataset
from store.layout import Home
from vectors.audits.data import AuditData
from vectors.directionset import DirectionSet
from vectors.models import LanguageModel
from vectors.tokens import encode

WORDS, MIN_Z, PLAIN_Z = 20, 3.0, 1.96
MAX_TEXTS = 600  # of each side, for counting tokens


def neutral_texts(
    home: Home, directions: DirectionSet, source: Source, *, seed: int, count: int
) -> tuple[list[str], str]:
    """Texts without emotion and what they are: the set's neutral ones, else a mix of the run's."""
    name = directions.recipe.neutral
    pool: Sequence[str] = source.data.texts or ()
    what = "texts of all emotions (the set has no neutral ones)"
    if name and (home.datasets / name).is_dir():
        dataset = Dataset.open(home, name)
        if directions.recipe.neutral_hash in ("", dataset.info.hash):
            pool, what = dataset.texts, f"texts of {name}"
    order = np.random.default_rng(seed).permutation(len(pool))
    texts = (pool[int(i)].strip() for i in order[: 4 * count])
    return [t for t in texts if t][:count], what


def name_tokens(model: LanguageModel, emotion: str) -> tuple[int, ...]:
    """The tokens of the emotion's own name, with a blank and a capital or without."""
    forms = {form for name in (emotion, emotion.capitalize()) for form in (name, " " + name)}
    found = [model.tokenizer(form, add_special_tokens=False)["input_ids"] for form in forms]
    return tuple(sorted({int(i) for ids in found for i in ids}))


def lexicons(
    model: LanguageModel, data: AuditData, audit: Audit
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Token ids of the target and of the neutral words of a claim."""
    subject = audit.subject
    target = _first_tokens(model, subject.target_words)
    neutral = _first_tokens(model, subject.neutral_words)
    if not target or not neutral:
        own_target, own_neutral = marking_tokens(model, data, subject.emotion, audit.seed)
        target = target or tuple(t for t in own_target if t not in neutral)
        neutral = neutral or tuple(t for t in own_neutral if t not in target)
    both = set(target) & set(neutral)
    if both:
        shown = ", ".join(one_line(repr(model.tokenizer.decode([t]))) for t in sorted(both)[:4])
        raise OptionError(f"--target-words and --neutral-words begin with the same tokens: {shown}")
    return target, neutral


def _first_tokens(model: LanguageModel, words: Sequence[str]) -> tuple[int, ...]:
    """The first token of every word as it stands inside a text."""
    found = []
    for word in words:
        ids = model.tokenizer(" " + word, add_special_tokens=False)["input_ids"]
        kept = [i for i in ids if model.tokenizer.decode([i]).strip()]
        found += [int(i) for i in kept[:1]]
    return tuple(dict.fromkeys(found))


def marking_tokens(
    model: LanguageModel, data: AuditData, emotion: str, seed: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Tokens that mark the emotion's texts, and as many as frequent ones that mark nothing."""
    if data.texts is None:
        raise OptionError("the run has no texts to take words from; give --target-words and "
                          "--neutral-words")  # fmt: skip
    mine = data.codes == data.code(emotion)
    counts = np.stack([_counts(model, data, side, seed) for side in (mine, ~mine)])
    prior = counts.sum(axis=0) * (500 / counts.sum()) + 0.01
    total, spread = counts.sum(axis=1), prior.sum()
    a, b = counts + prior
    gap = np.log(a / (total[0] + spread - a)) - np.log(b / (total[1] + spread - b))
    z = gap / np.sqrt(1 / a + 1 / b)
    letters = np.array(
        [sum(c.isalpha() for c in cast(str, model.tokenizer.decode([i]))) >= 2
         for i in range(len(z))]
    )  # fmt: skip
    order = np.argsort(-np.where(letters, z, -np.inf))
    target = [int(i) for i in order[:WORDS] if z[i] > MIN_Z]
    if len(target) < 2:
        raise OptionError(
            f"fewer than two tokens mark the texts of {one_line(emotion)}; give --target-words and "
            "--neutral-words"
        )
    seen = counts.sum(axis=0)
    plain = [int(i) for i in np.flatnonzero(letters & (np.abs(z) < PLAIN_Z) & (seen > 0))]
    if not plain:
        raise OptionError("no token is as frequent in both; give --neutral-words")
    middle = np.median(np.log(seen[target]))
    plain.sort(key=lambda i: abs(float(np.log(seen[i])) - middle))
    return tuple(target), tuple(plain[: len(target)])


def _counts(model: LanguageModel, data: AuditData, side: np.ndarray, seed: int) -> np.ndarray:
    """How often every token stands in texts of one side."""
    assert data.texts is not None
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(side))[:MAX_TEXTS]
    counts = np.zeros(model.info.d_vocab)
    for encoding in encode(model, [data.texts[i] for i in rows]):
        counts += np.bincount(encoding.ids[~encoding.is_special], minlength=len(counts))
    return counts
