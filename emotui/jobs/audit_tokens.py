"""A sample of single tokens from a run that keeps them, for the token-level control task (P3).

In: a run, which of its rows. Out: activations, the text each token is of, token ids. Computes
nothing.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int

from store.runs import Run

MAX_TOKENS, PER_TEXT = 6000, 12


@dataclass(frozen=True, eq=False)
class Tokens:
    """Tokens of many texts."""

    rows: Float32[np.ndarray, "token d_model"]
    text: Int[np.ndarray, "token"]
    """Place of its text among the rows asked for."""
    ids: Int[np.ndarray, "token"]
    """Word type."""


def sampled_tokens(
    run: Run, rows: Int[np.ndarray, "text"], layer: int, *, seed: int
) -> Tokens | None:
    """At most PER_TEXT tokens of each text and MAX_TOKENS in all; None where none are kept.

    The first token of a text is left out: in most models it is the same everywhere.
    """
    if layer not in run.identity.token_layers:
        return None
    place = run.identity.token_layers.index(layer)
    rng = np.random.default_rng([seed, 51])
    values, text, ids = [], [], []
    taken = 0
    for at in rng.permutation(len(rows)):
        found, words = run.tokens(int(rows[at]))
        count = min(PER_TEXT, len(words) - 1, MAX_TOKENS - taken)
        if count < 1:
            continue
        chosen = np.sort(rng.choice(np.arange(1, len(words)), size=count, replace=False))
        values.append(found[chosen, place])
        text.append(np.full(count, at))
        ids.append(words[chosen])
        taken += count
    if not values:
        return None
    return Tokens(np.concatenate(values), np.concatenate(text), np.concatenate(ids))
