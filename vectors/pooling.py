"""Which tokens each pooling takes, and the pooling of one block's output on its device.

In: encodings and a plan's rules, then the residual stream of one padded batch. Out: sums over the
chosen tokens divided by their number, in float32. Rules (Sofroniew et al. 2026, with the
convention that BOS and other control tokens are neither counted nor pooled):

    mean    h averaged over all text tokens
    mean50  h averaged over the text tokens from the 50th on, counted from 1
    last    h at the last text token
    spans   h averaged over the text tokens inside the given character spans

Tokens are counted by the mask, never by position in the padded row, so the padding side cannot
matter. Knows nothing about models or layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from numpy import ndarray
from torch import Tensor

from .errors import TextError
from .tokens import Encoding, span_mask

POOLINGS = ("mean50", "mean", "last", "spans")
MASK_RULE = "text tokens by mask, BOS and control tokens out; mean50 from the {skip}th, from 1"


@dataclass(frozen=True)
class Choice:
    """The tokens of one text that each pooling takes."""

    takes: Bool[ndarray, "pooling pos"]  # one row per pooling, in the plan's order
    text_tokens: Bool[ndarray, " pos"]  # every token but control tokens
    bad_span: str | None  # why the spans cannot be used, or None


def choose_tokens(
    encoding: Encoding,
    poolings: Sequence[str],
    *,
    skip_tokens: int,
    spans: Sequence[tuple[int, int]] | None = None,
) -> Choice:
    """The tokens of one text under each pooling."""
    real = ~encoding.is_special
    rank = np.cumsum(real)  # 1 at the first text token
    rows, bad_span = [], None
    for pooling in poolings:
        if pooling == "mean":
            rows.append(real)
        elif pooling == "mean50":
            rows.append(real & (rank >= skip_tokens))
        elif pooling == "last":
            rows.append(real & (rank == rank[-1:]))
        else:
            try:
                rows.append(span_mask(encoding, spans or ()))
            except TextError as error:
                bad_span = str(error)
                rows.append(np.zeros_like(real))
    takes = np.stack(rows) if rows else np.zeros((0, len(real)), dtype=bool)
    return Choice(takes, real, bad_span)


@dataclass(frozen=True)
class PoolWeights:
    """The choices of one right-padded batch; the last row of `takes` is all text tokens."""

    takes: Float[Tensor, "text pooling_1 pos"]  # 1 where taken, else 0
    counts: Float[Tensor, "text pooling_1"]  # tokens taken, at least 1
    text_tokens: Bool[Tensor, "text pos"]

    def to(self, device: torch.device) -> "PoolWeights":
        """The same on another device (blocks of a device map lie on several)."""
        return PoolWeights(
            self.takes.to(device), self.counts.to(device), self.text_tokens.to(device)
        )


def pool_weights(choices: Sequence[Choice], device: torch.device) -> PoolWeights:
    """Pad the choices of one batch to a common width."""
    width = max(choice.text_tokens.size for choice in choices)
    takes = np.zeros((len(choices), len(choices[0].takes) + 1, width), dtype=np.float32)
    for row, choice in enumerate(choices):
        takes[row, :-1, : choice.text_tokens.size] = choice.takes
        takes[row, -1, : choice.text_tokens.size] = choice.text_tokens
    weights = torch.from_numpy(takes)
    counts = weights.sum(-1).clamp(min=1)
    return PoolWeights(weights, counts, weights[:, -1] > 0).to(device)


def pool(
    h: Float[Tensor, "text pos d_model"], weights: PoolWeights
) -> tuple[Float32[Tensor, "text pooling d_model"], Float32[Tensor, " text"]]:
    """Means over the taken tokens, and the mean of |h| over all text tokens, in float32.

    Sums with weights 0 and 1 and divides after, so that reduced-precision matrix units cannot
    round 1/n.
    """
    sums = torch.bmm(weights.takes[:, :-1], h.float())
    norms = torch.linalg.vector_norm(h, dim=-1, dtype=torch.float32)
    norm = (norms * weights.takes[:, -1]).sum(-1) / weights.counts[:, -1]
    return sums / weights.counts[:, :-1, None], norm


def counts_taken(choices: Sequence[Choice]) -> Int[ndarray, "text pooling"]:
    """How many tokens each pooling takes of each text."""
    return np.stack([choice.takes.sum(axis=1) for choice in choices])
