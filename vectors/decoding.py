"""One decode loop's two halves: forward passes over a KV cache, and text that grows by tokens.

In: prompts as token ids (of any lengths), a `Steering`, alphas per step. Out: next-token logits;
pieces of text. Knows no sampling, no seeds and no meters.

Rows are padded on the left and carry explicit positions and an attention mask, so each row is what
it would be alone. Without the cache every step reads the whole sequence again, each position under
the alpha it was first read with: the same numbers, for tests and for models without a cache.
"""

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from .steering import Steering

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from .models import LanguageModel

Ids = Int[np.ndarray, "pos"]
AlphaTable = Float64[np.ndarray, "row intervention"]


def keep_last(model: "LanguageModel", n: int) -> dict[str, int]:
    """The argument that spares the unembedding of all but the last n positions, if there is one."""
    parameters = inspect.signature(model.hf.forward).parameters
    return {"logits_to_keep": n} if "logits_to_keep" in parameters else {}


class Decoder:
    """Forward passes of a batch that grows by one token per row and step.

    The caller holds `steering.hooks()` open around every call.
    """

    def __init__(
        self,
        model: "LanguageModel",
        prompts: Sequence[Ids],
        *,
        steering: Steering,
        use_cache: bool = True,
    ) -> None:
        self.model = model
        self.steering = steering
        self.use_cache = use_cache
        self.lengths = np.array([len(p) for p in prompts])
        width = int(self.lengths.max())
        self._ids = np.full((len(prompts), width), model.pad_id, dtype=np.int64)
        for row, prompt in enumerate(prompts):
            self._ids[row, width - len(prompt) :] = prompt
        self._real = np.arange(width) >= (width - self.lengths)[:, None]
        self._alphas = np.zeros((len(prompts), 0, len(steering.interventions)))
        self._cache: object | None = None
        self.passes = 0

    def prefill(self, alphas: AlphaTable) -> Float[Tensor, "row d_vocab"]:
        """Read the prompts; logits of the first token."""
        return self._forward(self._ids.shape[1], alphas)

    def step(
        self, tokens: Int[np.ndarray, "row"], alphas: AlphaTable
    ) -> Float[Tensor, "row vocab"]:
        """Read one more token per row; logits of the next."""
        self._ids = np.concatenate([self._ids, tokens[:, None].astype(np.int64)], axis=1)
        self._real = np.concatenate([self._real, np.ones((len(tokens), 1), dtype=bool)], axis=1)
        return self._forward(1, alphas)

    @torch.inference_mode()
    def _forward(self, new: int, alphas: AlphaTable) -> Float[Tensor, "row d_vocab"]:
        fresh = np.broadcast_to(alphas[:, None, :], (len(alphas), new, alphas.shape[1]))
        positions = np.maximum(self._real.cumsum(axis=1) - 1, 0)
        if self.use_cache:
            window, of_window = slice(-new, None), fresh
        else:
            self._alphas = np.concatenate([self._alphas, fresh], axis=1)
            window, of_window = slice(None), self._alphas
        self.steering.prepare(
            positions[:, window],
            alphas=of_window,
            real=self._real[:, window],
            prompt_lengths=self.lengths,
        )
        out = self.model.hf(
            input_ids=self._on_device(self._ids[:, window]),
            attention_mask=self._on_device(self._real.astype(np.int64)),
            position_ids=self._on_device(positions[:, window]),
            past_key_values=self._cache,
            use_cache=self.use_cache,
            **keep_last(self.model, 1),
        )
        self._cache = out.past_key_values if self.use_cache else None
        self.passes += 1
        logits: Tensor = out.logits[:, -1]
        return logits

    def _on_device(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.model.device)


class TextStream:
    """Text of one row, piece by piece: characters come out once all their bytes are there.

    A few prompt tokens are decoded along, because tokenizers treat a text's first token (leading
    space) unlike the same token further on.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", prompt: Ids) -> None:
        self._tokenizer = tokenizer
        self._ids = [int(i) for i in prompt[-4:]]
        self._from = 0
        self._said = self._decode(self._ids)

    def push(self, token: int) -> str:
        """The text that this token completes; "" while a character still lacks bytes."""
        self._ids.append(token)
        whole = self._decode(self._ids[self._from :])
        if whole.endswith("\ufffd"):
            return ""
        piece = whole[len(self._said) :]
        # From here on only the last few tokens are decoded again, so a step costs the same always.
        if len(self._ids) - self._from > 12:
            self._from = len(self._ids) - 6
            whole = self._decode(self._ids[self._from :])
        self._said = whole
        return piece

    def rest(self) -> str:
        """What was held back at the end: bytes that never became a character show as \ufffd."""
        return self._decode(self._ids[self._from :])[len(self._said) :]

    def _decode(self, ids: list[int]) -> str:
        text = self._tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text if isinstance(text, str) else "".join(text)
