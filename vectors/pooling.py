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
from jaxtyping import Bool, Float, Float32, Int, Int64
from numpy import ndarray
from torch import Tensor

from .errors import TextError
from .tokens import Encoding, span_mask

POOLINGS = ("mean50", "mean", "last", "spans")
_HALF = (torch.bfloat16, torch.float16)
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
    """The choices of one padded batch, on the device that pools."""

    takes: Float[Tensor, "text pooling_0 pos"]  # 1 where taken, else 0; rows past the poolings: 0
    counts: Float32[Tensor, "text pooling"]  # tokens taken, at least 1
    is_text: Float32[Tensor, "text pos"]  # 1 on text tokens, else 0
    n_text: Float32[Tensor, " text"]  # text tokens, at least 1
    text_at: Int64[Tensor, "2 T"]  # text and pos of every text token, text by text

    def to(self, device: torch.device) -> "PoolWeights":
        """The same on another device (blocks of a device map lie on several)."""
        return PoolWeights(**{name: value.to(device) for name, value in vars(self).items()})


def pool_weights(
    choices: Sequence[Choice], device: torch.device, dtype: torch.dtype = torch.float32
) -> PoolWeights:
    """Pad the choices of one batch to a common width; `dtype` is that of the residual stream.

    In half precision on a CUDA device the poolings are padded to eights and lie last in memory:
    its matrix units read rows of eight, whatever the number of tokens.
    """
    n, n_poolings = len(choices), len(choices[0].takes)
    width = max(choice.text_tokens.size for choice in choices)
    takes = np.zeros((n, n_poolings, width), dtype=np.float32)
    is_text = np.zeros((n, width), dtype=np.float32)
    for row, choice in enumerate(choices):
        takes[row, :, : choice.text_tokens.size] = choice.takes
        is_text[row, : choice.text_tokens.size] = choice.text_tokens
    counts = torch.from_numpy(takes.sum(-1).clip(min=1))
    weights = torch.from_numpy(takes)
    if device.type == "cuda" and dtype in _HALF:
        wide = torch.zeros((n, width, -(-n_poolings // 8) * 8), dtype=dtype)
        wide[:, :, :n_poolings] = weights.transpose(1, 2)
        weights = wide.transpose(1, 2)
    n_text = torch.from_numpy(is_text.sum(-1).clip(min=1))
    text_at = torch.from_numpy(np.stack(is_text.nonzero()))
    parts = (weights, counts, torch.from_numpy(is_text), n_text, text_at)
    return PoolWeights(*(part.to(device) for part in parts))


def pool(
    h: Float[Tensor, "text pos d_model"], weights: PoolWeights
) -> tuple[Float32[Tensor, "text pooling d_model"], Float32[Tensor, " text"]]:
    """Means over the taken tokens, and the mean of |h| over all text tokens, in float32.

    Sums with weights 0 and 1 and divides after, so that reduced-precision matrix units cannot
    round 1/n. A CUDA device sums half precision in float32 as it reads it; elsewhere it is cast.
    """
    if h.device.type == "cuda" and h.dtype in _HALF:
        sums = torch.bmm(weights.takes.to(h.dtype), h, out_dtype=torch.float32)
    else:
        sums = torch.bmm(weights.takes.float(), h.float())
    norms = torch.linalg.vector_norm(h, dim=-1, dtype=torch.float32)
    norm = (norms * weights.is_text).sum(-1) / weights.n_text
    return sums[:, : weights.counts.shape[1]] / weights.counts[..., None], norm


def counts_taken(choices: Sequence[Choice]) -> Int[ndarray, "text pooling"]:
    """How many tokens each pooling takes of each text."""
    return np.stack([choice.takes.sum(axis=1) for choice in choices])
