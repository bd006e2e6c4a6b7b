"""The vector logit lens: which tokens a direction pushes up and down, read off the unembedding.

In: a model, a `DirectionSet`, a label, a layer. Out: `LensTokens`. Knows no texts.

logits = W_U (g * v): the final norm's gain, then the unembedding (nostalgebraist 2020; as in
Sofroniew et al. 2026). The gain is taken from the norm module itself, as the odd part of its
output, so that LayerNorm's bias drops out, its mean subtraction stays, and Gemma's 1 + weight needs
no special case. v has unit norm and the norm's own rescaling is undone, so logits are per unit of
residual stream after a final norm of gain g.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from .directionset import DirectionSet
from .errors import DataError, DirectionError
from .tokens import token_text

if TYPE_CHECKING:
    from .models import LanguageModel


@dataclass(frozen=True)
class LensToken:
    """One token of the vocabulary."""

    token: str
    """What it shows within a text, a blank before it included; untrusted."""
    token_id: int
    logit: float
    """Of the direction at unit norm."""
    z: float
    """(logit - mean over the vocabulary) / its standard deviation."""


@dataclass(frozen=True)
class LensWord:
    """One word asked for."""

    word: str
    token: str
    """The token that stands for it; untrusted."""
    token_id: int
    logit: float
    z: float
    rank: int
    """1 = the most promoted token of the vocabulary."""
    n_tokens: int
    """Tokens that the word takes."""
    first_only: bool
    """True where the word takes several tokens, so that the figures are of its first one only."""


@dataclass(frozen=True)
class LensTokens:
    """The tokens one direction promotes and suppresses most, strongest first."""

    label: str
    layer: int
    promoted: tuple[LensToken, ...]
    suppressed: tuple[LensToken, ...]
    words: tuple[LensWord, ...]
    """The words asked for, e.g. the labels themselves; empty where none were."""


def vector_lens(
    model: "LanguageModel",
    directions: DirectionSet,
    label: str,
    layer: int,
    *,
    top: int = 10,
    words: Sequence[str] = (),
) -> LensTokens:
    """The `top` tokens that `label`'s direction at `layer` promotes and suppresses, and `words`.

    A word is looked up as it stands within a text, after a blank. Raises DirectionError where the
    direction's width is not the model's, DataError for top < 1.
    """
    if top < 1:
        raise DataError(f"top is {top}; ask for one token or more")
    logits = direction_logits(model, directions.at(label, layer))
    mean, sd = logits.mean(), logits.std()
    order = logits.argsort()
    count = min(top, len(order))

    def shown(ids: np.ndarray) -> tuple[LensToken, ...]:
        return tuple(
            LensToken(
                token_text(model, int(i)),
                int(i),
                float(logits[i]),
                float((logits[i] - mean) / sd),
            )
            for i in ids
        )

    rank = np.empty(len(order), dtype=np.int64)
    rank[order[::-1]] = np.arange(1, len(order) + 1)
    found = []
    for word in words:
        ids = _word_ids(model, word)
        first = shown(np.array(ids[:1]))[0]
        found.append(
            LensWord(
                word,
                first.token,
                first.token_id,
                first.logit,
                first.z,
                int(rank[ids[0]]),
                len(ids),
                len(ids) > 1,
            )
        )
    return LensTokens(label, layer, shown(order[::-1][:count]), shown(order[:count]), tuple(found))


@torch.no_grad()
def direction_logits(
    model: "LanguageModel", direction: Float32[np.ndarray, "d_model"]
) -> Float32[np.ndarray, "d_vocab"]:
    """W_U (g * v) for every token, v the direction at unit norm."""
    d_model = model.info.d_model
    if direction.shape != (d_model,):
        raise DirectionError(
            f"the direction has width {direction.shape[-1]}, the model {d_model}; "
            "use vectors made with this model"
        )
    weight = next(model.final_norm.parameters(), None)
    device = model.device if weight is None else weight.device
    dtype = torch.float32 if weight is None else weight.dtype
    # Entries of about 1, so that the norm's epsilon counts for nothing.
    v = torch.as_tensor(direction / np.linalg.norm(direction)) * d_model**0.5
    v = v.to(device=device, dtype=dtype)[None, None]
    gained: Tensor = (model.final_norm(v) - model.final_norm(-v)) / 2
    out = (model.unembed(gained) - model.unembed(-gained)) / 2  # odd part: no bias
    # Rows beyond the tokenizer pad the matrix to a round size and stand for nothing.
    logits = out[0, 0, : len(model.tokenizer)].float().cpu().numpy() / d_model**0.5
    return np.asarray(logits, dtype=np.float32)


def _word_ids(model: "LanguageModel", word: str) -> list[int]:
    """The tokens of a word after a blank, without special ones."""
    ids = model.tokenizer(f" {word.strip()}", add_special_tokens=False)["input_ids"]
    # Some tokenizers give the blank a token of its own, which stands for no word.
    while len(ids) > 1 and not str(model.tokenizer.decode([ids[0]])).strip():
        ids = ids[1:]
    if not ids:
        raise DataError(f"the word {word!r} has no tokens; give a word with letters")
    return [int(i) for i in ids]
