"""From next-token logits to token ids, with noise that rows can share.

In: logits of a batch, the settings, the step. Out: one token id per row. Knows no model.

A token is drawn by the Gumbel-max trick: argmax(logit / T + g) with g = -log(-log u) is a draw from
softmax(logit / T) (Gumbel 1954; Maddison, Tarlow & Minka 2014). The noise g of a step depends on
nothing but the seed and the step, so a baseline row and a steered row face the same luck: they
part only where steering moved the logits, whatever the batch size or the device.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from .errors import DataError


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn; part of every result."""

    max_new_tokens: int = 64
    """Tokens generated per row at most; a row ends earlier at an end-of-sequence token."""
    temperature: float = 1.0
    """Divides the logits; 0 = greedy, no noise."""
    top_k: int = 0
    """Only the k likeliest tokens (ties with the k-th stay in); 0 = all."""
    top_p: float = 1.0
    """Only the fewest likeliest tokens whose probability reaches this; 1 = all."""
    seed: int = 0
    """Seed of the noise, 0 or greater."""

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise DataError(f"max_new_tokens is {self.max_new_tokens}; it must be 1 or more")
        if not 0 <= self.temperature < float("inf"):
            raise DataError(
                f"temperature is {self.temperature}; it must be 0 (greedy) or a positive number"
            )
        if self.top_k < 0:
            raise DataError(f"top_k is {self.top_k}; it must be 0 (off) or more")
        if not 0 < self.top_p <= 1:
            raise DataError(f"top_p is {self.top_p}; it must be above 0 and at most 1 (off)")
        if not 0 <= self.seed < 2**64:
            raise DataError(f"seed is {self.seed}; it must be from 0 to 2^64 - 1")


def gumbel_noise(seed: int, step: int, *, d_vocab: int) -> Float32[np.ndarray, "d_vocab"]:
    """Standard Gumbel noise of one step: a function of seed and step only (Philox counter)."""
    key = np.array([seed, step], dtype=np.uint64)
    uniform = np.random.Generator(np.random.Philox(key=key)).random(d_vocab)
    # random() is in [0, 1): half a unit in the last place keeps both logarithms finite.
    return (-np.log(-np.log(uniform + 2.0**-54))).astype(np.float32)


def filter_logits(
    logits: Float[Tensor, "row d_vocab"], sampling: Sampling
) -> Float32[Tensor, "row d_vocab"]:
    """logits / temperature in fp32, with -inf where top_k or top_p shut a token out."""
    scaled = logits.float() / sampling.temperature
    if 0 < sampling.top_k < scaled.shape[-1]:
        kth = scaled.topk(sampling.top_k, dim=-1).values[:, -1:]
        scaled = scaled.masked_fill(scaled < kth, float("-inf"))
    if sampling.top_p < 1:
        ordered, order = scaled.sort(dim=-1, descending=True)
        probability = ordered.softmax(dim=-1)
        # A token stays while the mass before it is below top_p, so the likeliest always stays.
        out = probability.cumsum(dim=-1) - probability >= sampling.top_p
        scaled = scaled.masked_fill(out.scatter(-1, order, out), float("-inf"))
    return scaled


def sample_tokens(
    logits: Float[Tensor, "row d_vocab"],
    sampling: Sampling,
    *,
    step: int,
    seeds: Sequence[int] | None = None,
) -> Int64[Tensor, "row"]:
    """One token id per row. `seeds` gives each row a seed of its own; None = all share one."""
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    wanted = [sampling.seed] * logits.shape[0] if seeds is None else list(seeds)
    noise = {s: gumbel_noise(s, step, d_vocab=logits.shape[-1]) for s in set(wanted)}
    if len(noise) == 1:
        shared = torch.from_numpy(noise[wanted[0]]).to(logits.device)
        return (filter_logits(logits, sampling) + shared).argmax(dim=-1)
    per_row = torch.from_numpy(np.stack([noise[s] for s in wanted])).to(logits.device)
    return (filter_logits(logits, sampling) + per_row).argmax(dim=-1)
