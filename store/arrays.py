"""Which arrays a run has on disk, and the row norms that are kept beside its activations.

In: a run's identity. Out: the description of every array below activations.zarr:

    pooled/<pooling>        [text, layer, d_model]   the activations
    pooled_norm/<pooling>   [text, layer]            |pooled activation|, NaN where set aside
    n_pooled/<pooling>      [text]                   tokens the pooling took
    n_tokens, truncated     [text]                   tokens of the text; whether it was cut
    norm                    [text, layer]            mean |h| over the text's tokens
    tokens/values           [token, layer, d_model]  every token, for chosen layers
    tokens/token_id         [token]
    tokens/offsets          [text + 1]               first token of each text, and the end

All with a text axis share one number of rows per file, so that a commit at the end of a file leaves
no partly filled one.
"""

from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from store.activations import ArraySpec
from store.identity import STORED_DTYPES, RunIdentity
from store.shards import MOST_ROWS, choose_grid, decode_bfloat16

_NORM_PIECE = 2**18  # numbers decoded at a time: they stay in the cache


def run_arrays(
    identity: RunIdentity, *, total_tokens: int | None = None, most_rows: int = MOST_ROWS
) -> list[ArraySpec]:
    """The arrays of a run, at most `most_rows` rows per file.

    Without `total_tokens` the token axis gets its upper bound.
    """
    rows, layers, width = identity.rows, len(identity.layers), identity.d_model
    dtype = STORED_DTYPES[identity.stored_dtype]
    stored = "bfloat16" if identity.stored_dtype == "bfloat16" else ""
    grid = choose_grid(
        rows,
        layers,
        width=width,
        dtype=dtype,
        arrays=len(identity.poolings),
        most_rows=most_rows,
    )
    per_file = grid.shard_rows

    def small(
        path: str, kind: str, *rest: int, length: int = rows, axis: str = "text"
    ) -> ArraySpec:
        axes = (axis, "layer") if rest else (axis,)
        return ArraySpec(path, (length, *rest), kind, per_file, 0, axes)

    specs = [
        small("n_tokens", "int32"),
        small("truncated", "bool"),
        small("norm", "float32", layers),
    ]
    for pooling in identity.poolings:
        shape, axes = (rows, layers, width), ("text", "layer", "d_model")
        path = f"pooled/{pooling}"
        specs += [
            ArraySpec(path, shape, dtype, per_file, grid.inner_rows, axes, stored),
            small(f"n_pooled/{pooling}", "int32"),
            small(f"pooled_norm/{pooling}", "float32", layers),
        ]
    if identity.token_layers:
        bound = rows * identity.max_length if total_tokens is None else max(total_tokens, 1)
        kept = len(identity.token_layers)
        grid = choose_grid(bound, kept, width=width, dtype=dtype, most_rows=most_rows)
        shape, axes = (bound, kept, width), ("token", "layer", "d_model")
        specs += [
            ArraySpec(
                "tokens/values", shape, dtype, grid.shard_rows, grid.inner_rows, axes, stored
            ),
            ArraySpec("tokens/token_id", (bound,), "int32", grid.shard_rows, 0, ("token",)),
            small("tokens/offsets", "int64", length=rows + 1),
        ]
    return specs


def pooled_norms(values: NDArray[Any]) -> Float32[np.ndarray, "text layer"]:
    """Length of every activation vector; values `[text, layer, d_model]`, uint16 for bfloat16."""
    texts, layers, width = values.shape
    norms = np.empty((texts, layers), np.float32)
    step = max(1, _NORM_PIECE // max(1, layers * width))
    scratch = np.empty((step, layers, width), np.float32)
    for at in range(0, texts, step):
        piece = values[at : at + step]
        numbers = scratch[: len(piece)]
        if values.dtype == np.uint16:
            decode_bfloat16(piece, numbers)
        else:
            numbers[...] = piece
        with np.errstate(over="ignore", invalid="ignore"):  # such rows are set aside
            np.vecdot(numbers, numbers, out=norms[at : at + step])
    return np.sqrt(norms, out=norms)
