"""Texts to token ids and back to characters: encoding, batches, span masks.

In: texts and a LanguageModel (its tokenizer and BOS rule). Out: numpy ids with character offsets,
and padded torch batches with explicit positions. Texts are encoded raw: a chat template is never
applied, and the beginning-of-text token is added here, once, by the model's stated rule. Knows
nothing about hooks, layers or pooling.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from jaxtyping import Bool, Int, Int32, Int64
from numpy import ndarray
from torch import Tensor

from .errors import TextError

if TYPE_CHECKING:
    from .models import LanguageModel


@dataclass(frozen=True)
class Encoding:
    """One text as the model sees it."""

    ids: Int32[ndarray, " pos"]  # token ids, BOS first where the model's rule adds one
    offsets: Int32[ndarray, "pos 2"]  # first and past-the-end character of each; (0, 0) for BOS
    is_special: Bool[ndarray, " pos"]  # BOS and other control tokens: never pooled
    truncated: bool  # True if the text was longer than the limit and its end was cut off


@dataclass(frozen=True)
class TokenBatch:
    """Encodings padded to one length, on the device where the model takes its ids."""

    ids: Int64[Tensor, "text pos"]  # pad_id where mask is 0
    mask: Int64[Tensor, "text pos"]  # 1 on tokens, 0 on padding
    positions: Int64[Tensor, "text pos"]  # counted over tokens only, 0 on padding
    lengths: tuple[int, ...]  # tokens of each text


def encode(
    model: "LanguageModel", texts: Sequence[str], *, max_length: int | None = None
) -> list[Encoding]:
    """Encode raw texts by `model.info.bos_rule`, cut to `max_length` or the context.

    The BOS counts towards the length. An empty text gives no tokens but BOS. Unpaired surrogates
    become `?`, one for one, so that offsets still hold.
    """
    if not texts:
        return []
    limit = min(max_length or model.info.context_length, model.info.context_length)
    coded = model.tokenizer(
        [_encodable(text) for text in texts],
        add_special_tokens=False,
        return_offsets_mapping=True,
        return_attention_mask=False,
        return_token_type_ids=False,
        padding=False,
        truncation=False,
        verbose=False,
    )
    return [
        _finish(model, ids, offsets, limit)
        for ids, offsets in zip(coded["input_ids"], coded["offset_mapping"], strict=True)
    ]


def _finish(
    model: "LanguageModel", ids: list[int], offsets: list[tuple[int, int]], limit: int
) -> Encoding:
    """Add the BOS once, cut, and mark the control tokens."""
    bos = model.bos_id
    if bos is not None and (not ids or ids[0] != bos):
        ids, offsets = [bos, *ids], [(0, 0), *offsets]
    elif bos is not None:  # the text itself begins with it
        offsets = [(0, 0), *offsets[1:]]
    truncated = len(ids) > limit
    array = np.asarray(ids[:limit], dtype=np.int32)
    return Encoding(
        ids=array,
        offsets=np.asarray(offsets[:limit], dtype=np.int32).reshape(-1, 2),
        is_special=np.isin(array, model.special_ids),
        truncated=truncated,
    )


def _encodable(text: str) -> str:
    """The text itself, or, if it holds unpaired surrogates, with `?` in their place."""
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def collate(
    encodings: Sequence[Encoding],
    *,
    pad_id: int,
    device: torch.device | str,
    side: Literal["left", "right"] = "right",
) -> TokenBatch:
    """Pad to the longest; positions count tokens, so that the side changes no token's position."""
    if side not in ("left", "right"):
        raise TextError(f"padding side {side!r} is unknown; use 'left' or 'right'")
    lengths = tuple(len(e.ids) for e in encodings)
    width = max(lengths, default=0)
    ids = np.full((len(lengths), width), pad_id, dtype=np.int64)
    mask = np.zeros((len(lengths), width), dtype=np.int64)
    for row, (encoding, n) in enumerate(zip(encodings, lengths, strict=True)):
        place = slice(width - n, width) if side == "left" else slice(0, n)
        ids[row, place] = encoding.ids
        mask[row, place] = 1
    positions = (mask.cumsum(axis=1) - 1).clip(min=0) * mask
    return TokenBatch(
        ids=torch.from_numpy(ids).to(device),
        mask=torch.from_numpy(mask).to(device),
        positions=torch.from_numpy(positions).to(device),
        lengths=lengths,
    )


def batches_by_length(lengths: Sequence[int], *, token_budget: int) -> list[Int[ndarray, " text"]]:
    """Group texts of like length so that texts x longest of each batch fits `token_budget`.

    Longest first: a batch that does not fit in memory shows at once. Returns indices into
    `lengths`; every text is in exactly one batch, one longer than the budget alone in its own.
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
    batches: list[Int[ndarray, " text"]] = []
    start = 0
    while start < len(order):
        longest = max(1, int(lengths[int(order[start])]))
        count = max(1, token_budget // longest)
        batches.append(order[start : start + count])
        start += count
    return batches


def span_mask(encoding: Encoding, spans: Sequence[tuple[int, int]]) -> Bool[ndarray, " pos"]:
    """Tokens that share a character with a span; control tokens never do.

    Spans are (first, past-the-end) characters of the text. A token that reaches past the end of a
    span with only its first character inside (the blank before the next word, where a span ends in
    that blank) is not in it: one speaker's mean must not hold the other's first word.
    """
    mask = np.zeros(len(encoding.ids), dtype=bool)
    first, stop = encoding.offsets[:, 0], encoding.offsets[:, 1]
    for low, high in spans:
        if not 0 <= low < high:
            raise TextError(
                f"span ({low}, {high}) is no range of characters; need 0 <= first < end"
            )
        mask |= (first < high) & (stop > low) & ((first < high - 1) | (stop <= high))
    return mask & ~encoding.is_special


def pieces(model: "LanguageModel", encoding: Encoding, text: str) -> list[str]:
    """What each token shows: its slice of the text, or the name of a control token.

    A blank that no token's offsets hold goes to the token after it, and a character that several
    tokens share (the bytes of an emoji) to the first, so that the pieces of text tokens join to
    the text.
    """
    shown: list[str] = []
    reached = 0
    for token, (_, stop), special in zip(
        encoding.ids.tolist(), encoding.offsets.tolist(), encoding.is_special.tolist(), strict=True
    ):
        if special:
            shown.append(str(model.tokenizer.convert_ids_to_tokens(token)))
        else:
            shown.append(text[reached:stop])
        reached = max(reached, stop)
    return shown


def token_text(model: "LanguageModel", token: int) -> str:
    """What a token shows within a text: the blank before it too, which many tokenizers leave out
    where a text begins; a control token shows its name.
    """
    before = model.tokenizer("a", add_special_tokens=False)["input_ids"][-1:]
    alone, both = (
        str(model.tokenizer.decode(ids, clean_up_tokenization_spaces=False))
        for ids in (before, [*before, token])
    )
    if alone and both.startswith(alone):
        return both[len(alone) :]
    return str(model.tokenizer.decode([token]))
