"""One padded batch through the model's body, pooled inside the hooks.

In: a model, a plan, the encodings and token choices of one batch. Out: numpy arrays in the stored
dtype, and which texts came out finite. Nothing of the size [text pos d_model] outlives its block
but the token rows that were asked for. Knows nothing about windows, order or failures.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float32
from numpy import ndarray
from torch import Tensor

from .hooks import residual_hooks, stop_after
from .pooling import Choice, pool, pool_weights
from .tokens import Encoding, collate

if TYPE_CHECKING:
    from .extraction import ExtractionPlan
    from .models import LanguageModel


@dataclass(frozen=True)
class BatchResult:
    """One padded batch, in its own order."""

    values: ndarray  # [text pooling layer d_model] in the stored dtype
    norm: Float32[ndarray, "text layer"]
    tokens: list[ndarray]  # per text [pos token_layer d_model] in the stored dtype
    finite: Bool[ndarray, " text"]


def try_batch(
    model: "LanguageModel", plan: "ExtractionPlan", rows: list[tuple[Encoding, Choice]]
) -> BatchResult | None:
    """One batch through the body, or None where memory ran out (and is free again)."""
    try:
        return run_batch(model, plan, rows)
    except torch.OutOfMemoryError:
        pass
    except RuntimeError as error:  # the CPU allocator has no class of its own
        if "can't allocate memory" not in str(error):
            raise
    # Outside the except blocks: the exception's frames hold the tensors that did not fit.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


def run_batch(
    model: "LanguageModel", plan: "ExtractionPlan", rows: list[tuple[Encoding, Choice]]
) -> BatchResult:
    """One forward pass up to the last wanted block."""
    batch = collate([e for e, _ in rows], pad_id=model.pad_id, device=model.device)
    choices = [choice for _, choice in rows]
    weights = pool_weights(choices, model.device, getattr(torch, model.info.dtype))
    stored = getattr(torch, plan.stored_dtype)
    pooled: dict[int, tuple[Tensor, Tensor]] = {}
    kept: dict[int, Tensor] = {}
    pooled_layers, token_layers = frozenset(plan.layers), frozenset(plan.token_layers)

    def read(h: Tensor, layer: int) -> None:
        here = weights if h.device == model.device else weights.to(h.device)
        if layer in pooled_layers:
            pooled[layer] = pool(h, here)
        if layer in token_layers:
            kept[layer] = h[here.text_at[0], here.text_at[1]].to(stored)

    wanted = sorted(pooled_layers | token_layers)
    with (
        torch.inference_mode(),
        residual_hooks(model, dict.fromkeys(wanted, read)),
        stop_after(model, wanted[-1]),
    ):
        model.body(
            input_ids=batch.ids,
            attention_mask=batch.mask,
            position_ids=batch.positions,
            use_cache=False,
        )
    values = torch.stack([pooled[layer][0].to(model.device) for layer in plan.layers], dim=2)
    norm = torch.stack([pooled[layer][1].to(model.device) for layer in plan.layers], dim=1)
    values = values.to(stored)
    finite = torch.isfinite(values).flatten(1).all(1) & torch.isfinite(norm).all(1)
    counts = [int(choice.text_tokens.sum()) for choice in choices]
    tokens: list[ndarray] = []
    if plan.token_layers:
        stacked = torch.stack([kept[layer].to(model.device) for layer in plan.token_layers], dim=1)
        parts = torch.split(stacked, counts)
        finite &= torch.stack([torch.isfinite(part).all() for part in parts])
        tokens = [_to_numpy(part) for part in parts]
    return BatchResult(_to_numpy(values), norm.cpu().numpy(), tokens, finite.cpu().numpy())


def _to_numpy(tensor: Tensor) -> ndarray:
    """bfloat16, which numpy lacks, as its bits in uint16."""
    tensor = tensor.cpu()
    array: ndarray = (
        tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor
    ).numpy()
    return array
