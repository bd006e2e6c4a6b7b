"""Activations that can be told from their row number: what tests and kill rounds write and expect.

In: a run identity and a range of rows. Out: the arguments of `RunWriter.append`. Row r of any array
is a function of r alone, so a row that was lost, doubled or moved cannot go unnoticed. Every 50th
row (from 7) is set aside.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from store.identity import RunIdentity

SMALL = RunIdentity(
    model="someone/tiny-model",
    revision="sha256:0123456789abcdef",
    weights_dtype="float32",
    quantisation="none",
    attention="eager",
    tokenizer_hash="t0",
    bos_rule="tokenizer",
    dataset="planted",
    dataset_hash="d0",
    dataset_order="",
    hook_point="blocks.{layer}.hook_resid_post",
    layers=(0, 2, 5),
    d_model=32,
    poolings=("mean50", "last"),
    token_layers=(2, 5),
    mask_rule="mean over positions from 50",
    max_length=16,
    truncation="right",
    stored_dtype="bfloat16",
    rows=1000,
)


def plain(identity: RunIdentity = SMALL, **changes: Any) -> RunIdentity:
    """The identity with one pooling and no token level, and other changes."""
    return replace(identity, poolings=("mean50",), token_layers=(), **changes)


def set_aside(row: int) -> bool:
    return row % 50 == 7


def bits(
    rows: NDArray[np.int64], layers: tuple[int, ...], *, width: int, salt: int
) -> NDArray[np.uint16]:
    """bfloat16 patterns of finite numbers, `[row, layer, width]`."""
    mixed = (
        rows[:, None, None] * 40503
        + np.array(layers)[None, :, None] * 7919
        + np.arange(width)[None, None, :] * 97
        + salt * 31337
    )
    return (mixed & 0xBFFF).astype(np.uint16)


def pooled(identity: RunIdentity, start: int, stop: int) -> dict[str, NDArray[np.uint16]]:
    rows = np.arange(start, stop, dtype=np.int64)
    made = {}
    for salt, pooling in enumerate(identity.poolings):
        values = bits(rows, identity.layers, width=identity.d_model, salt=salt)
        values[[set_aside(int(row)) for row in rows]] = 0x7FC0
        made[pooling] = values
    return made


def token_counts(start: int, stop: int) -> NDArray[np.int64]:
    return 1 + np.arange(start, stop, dtype=np.int64) * 7 % 13


def token_rows(identity: RunIdentity, row: int) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    count = int(token_counts(row, row + 1)[0])
    ids = (row * 16 + np.arange(count)).astype(np.int32)
    return bits(ids.astype(np.int64), identity.token_layers, width=identity.d_model, salt=9), ids


def arguments(identity: RunIdentity, start: int, stop: int) -> dict[str, Any]:
    """What `append(start, **arguments)` takes for these rows."""
    counts = token_counts(start, stop)
    tokens = None
    if identity.token_layers:
        parts = [token_rows(identity, row) for row in range(start, stop)]
        offsets = np.concatenate([[0], np.cumsum(counts)])
        tokens = (
            np.concatenate([values for values, _ in parts]),
            offsets,
            np.concatenate([ids for _, ids in parts]),
        )
    return {
        "values": pooled(identity, start, stop),
        "n_tokens": counts.astype(np.int32),
        "n_pooled": {p: (counts // 2).astype(np.int32) for p in identity.poolings},
        "norm": (counts[:, None] + np.array(identity.layers)[None, :]).astype(np.float32),
        "truncated": np.arange(start, stop) % 11 == 3,
        "tokens": tokens,
        "failures": [(row, "*", "too short") for row in range(start, stop) if set_aside(row)],
    }
