"""What a tokenizer does by itself, found out by trying: BOS, padding, control tokens, its hash.

In: a transformers tokenizer and the model's family. Out: plain values and the reason for each.
Knows nothing about models or texts.
"""

import copy
import hashlib
from typing import TYPE_CHECKING

import numpy as np

from .families import NEEDS_BOS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def bos_rule(tokenizer: "PreTrainedTokenizerBase", family: str) -> tuple[str, str]:
    """Find out by trying whether the tokenizer adds a BOS; add one for families that need it."""
    bos = tokenizer.bos_token_id
    if bos is None:
        return "none", "BOS none: the tokenizer has no such token"
    if bos in tokenizer("a", add_special_tokens=True)["input_ids"][:1]:
        return "tokenizer", f"BOS {tokenizer.bos_token!r}: the tokenizer adds it"
    if family.startswith(NEEDS_BOS):
        return (
            "prepended",
            f"BOS {tokenizer.bos_token!r}: {family} needs it, its tokenizer adds none",
        )
    return "none", f"BOS none: the tokenizer does not add {tokenizer.bos_token!r}"


def padding_reason(tokenizer: "PreTrainedTokenizerBase") -> str:
    return (
        "padding right with explicit positions: pooling counts tokens by the mask; the tokenizer's "
        f"own side ({tokenizer.padding_side}) is not used"
    )


def special_ids(tokenizer: "PreTrainedTokenizerBase") -> np.ndarray:
    """Control tokens. An unknown-word token stands for text, so it is not one of them."""
    ends = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}
    ids = {i for i in tokenizer.all_special_ids if i != tokenizer.unk_token_id or i in ends}
    return np.asarray(sorted(ids), dtype=np.int32)


def pad_id(tokenizer: "PreTrainedTokenizerBase", ends: tuple[int, ...]) -> int:
    if tokenizer.pad_token_id is not None:
        return int(tokenizer.pad_token_id)
    return ends[0] if ends else 0


def tokenizer_hash(tokenizer: "PreTrainedTokenizerBase") -> str:
    """Over the vocabulary and rules, without the padding and truncation a call may have set."""
    backend = copy.deepcopy(tokenizer.backend_tokenizer)
    backend.no_padding()
    backend.no_truncation()
    names = sorted((key, str(value)) for key, value in tokenizer.special_tokens_map.items())
    return hashlib.sha256((backend.to_str() + repr(names)).encode()).hexdigest()
