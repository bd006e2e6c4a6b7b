"""The logit lens on a text: which tokens each position's residual stream already points to.

In: a model, a text's tokens, a layer. Out: per token the likeliest next tokens as that layer sees
them. Knows no directions and no emotions.

logits = W_U norm(h) with h the residual stream after the block and the model's own final norm
(nostalgebraist 2020). After the last block this is the model's own prediction; before it, a reading
that the model never makes itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .errors import DataError
from .hooks import residual_hooks, stop_after
from .tokens import Encoding, collate, token_text

if TYPE_CHECKING:
    from .models import LanguageModel

LOGIT_BUDGET = 2**25
"""Elements of logits held at once: 128 MB in fp32."""


@dataclass(frozen=True)
class Guess:
    """One token that a position points to."""

    token: str
    """What it shows within a text, a blank before it included; untrusted."""
    probability: float
    """Softmax over the vocabulary, 0 to 1."""


Guesses = tuple[tuple[Guess, ...], ...]


@torch.inference_mode()
def token_lens(
    model: "LanguageModel",
    encoding: Encoding,
    layer: int,
    *,
    top: int = 3,
) -> Iterator[tuple[int, Guesses]]:
    """(first position, the `top` guesses of each position from there on), in order, by chunks.

    One forward pass that stops after `layer`; stop iterating to spare the rest of the unembedding.
    DataError for top < 1, LayerError for a layer that is not there.
    """
    if top < 1:
        raise DataError(f"top is {top}; ask for one token or more")
    (layer,) = model.layers([layer])
    found: list[Tensor] = []

    def keep(h: Tensor, _layer: int) -> None:
        found.append(h[0])

    batch = collate([encoding], pad_id=model.pad_id, device=model.device)
    with residual_hooks(model, {layer: keep}), stop_after(model, layer):
        model.body(
            input_ids=batch.ids,
            attention_mask=batch.mask,
            position_ids=batch.positions,
            use_cache=False,
        )
    (hidden,) = found
    vocabulary = len(model.tokenizer)
    chunk = max(1, LOGIT_BUDGET // max(vocabulary, 1))
    shown: dict[int, str] = {}
    for start in range(0, len(hidden), chunk):
        normed = model.final_norm(hidden[start : start + chunk])
        logits = model.unembed(normed)[:, :vocabulary].float()
        best = logits.softmax(dim=-1).topk(min(top, logits.shape[-1]), dim=-1)
        yield (
            start,
            tuple(
                _guesses(model, ids, values, shown)
                for ids, values in zip(
                    best.indices.cpu().tolist(), best.values.cpu().tolist(), strict=True
                )
            ),
        )


def _guesses(
    model: "LanguageModel", ids: Sequence[int], values: Sequence[float], shown: dict[int, str]
) -> tuple[Guess, ...]:
    for token in ids:
        if token not in shown:
            shown[token] = token_text(model, token)
    return tuple(Guess(shown[t], float(p)) for t, p in zip(ids, values, strict=True))
