"""What every model must show before anything is read from it: the self-check at load.

In: a LanguageModel. Out: one `Check` per property, from three forward passes over a dozen tokens.
ModelError where a property fails that every later number rests on: hooks that fire once per block,
with the residual stream's shape and transformers' own values, finite logits, and right padding
that changes nothing. Left padding and the unembedding are recorded only: generation and the lens
say so where they need them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from .errors import ModelError
from .families import soft_cap, text_config
from .hooks import residual_hooks
from .tokens import TokenBatch, collate, encode

if TYPE_CHECKING:
    from .models import LanguageModel

_PROMPTS = ("The door was open when she came home, and the lamp still burned.", "A cup of tea.")
# Largest difference allowed between two ways to the same logits, as a share of their spread.
_TOLERANCE = {torch.float32: 1e-3, torch.float16: 2e-2, torch.bfloat16: 1e-1}


@dataclass(frozen=True)
class Check:
    """One property of the loaded model, looked at on the spot."""

    name: str
    ok: bool
    detail: str  # what was seen, with numbers


def self_check(model: "LanguageModel") -> tuple[Check, ...]:
    """All checks; ModelError with the first one that nothing may be built on."""
    encodings = encode(model, _PROMPTS)
    alone = collate(encodings[:1], pad_id=model.pad_id, device=model.device)
    right = collate(encodings, pad_id=model.pad_id, device=model.device)
    left = collate(encodings, pad_id=model.pad_id, device=model.device, side="left")
    seen: dict[int, list[Tensor]] = {layer: [] for layer in range(len(model.blocks))}

    def keep(h: Tensor, layer: int) -> None:
        seen[layer].append(h.clone())

    with torch.inference_mode(), residual_hooks(model, dict.fromkeys(seen, keep)):
        out = _forward(model, alone, output_hidden_states=True)
    logits = out.logits[0].float().cpu()
    fatal = [
        _fired(seen, tuple(alone.ids.shape), int(text_config(model.hf).hidden_size)),
        _equal_to_hidden_states(seen, out.hidden_states),
        _finite(logits, model.info.dtype),
    ]
    _refuse(fatal)
    short = collate(encodings[1:], pad_id=model.pad_id, device=model.device)
    with torch.inference_mode():
        want = _forward(model, short).logits[0].float().cpu()
        n = len(want)
        by_right = _forward(model, right).logits[1, :n].float().cpu()
        by_left = _forward(model, left).logits[1, -n:].float().cpu()
        through = unembed_residual(model, seen[len(model.blocks) - 1][0][0]).float().cpu()
    limit = _TOLERANCE.get(model.hf.dtype, 1e-1) if model.info.quantisation == "none" else 0.3
    padded = _close("right padding", by_right, want, limit)
    _refuse([padded])
    return (
        *fatal,
        padded,
        _close("left padding", by_left, want, limit),
        _close("unembedding", through, logits, limit),
    )


def unembed_residual(
    model: "LanguageModel", h: Float[Tensor, "pos d_model"]
) -> Float[Tensor, "pos d_vocab"]:
    """Logits of a residual stream: final norm, unembedding, the family's soft cap."""
    normed = model.final_norm(h.unsqueeze(0))
    logits: Tensor = model.unembed(normed)[0]
    cap = soft_cap(model.hf)
    return logits if cap is None else cap * torch.tanh(logits / cap)


def _forward(
    model: "LanguageModel", batch: TokenBatch, *, output_hidden_states: bool = False
) -> Any:
    return model.hf(
        input_ids=batch.ids,
        attention_mask=batch.mask,
        position_ids=batch.positions,
        use_cache=False,
        output_hidden_states=output_hidden_states,
    )


def _refuse(checks: list[Check]) -> None:
    for check in checks:
        if not check.ok:
            raise ModelError(f"self-check failed, {check.name}: {check.detail}")


def _fired(seen: dict[int, list[Tensor]], shape: tuple[int, ...], d_model: int) -> Check:
    name, want = "hooks fire once per block", (*shape, d_model)
    for layer, captured in seen.items():
        if len(captured) != 1:
            return Check(name, False, f"block {layer} fired {len(captured)} times")
        if tuple(captured[0].shape) != want:
            got = tuple(captured[0].shape)
            return Check(name, False, f"block {layer} gave {got}, not (batch, pos, d_model) {want}")
    return Check(name, True, f"{len(seen)} blocks, (batch, pos, d_model) = {want}")


def _equal_to_hidden_states(seen: dict[int, list[Tensor]], states: Any) -> Check:
    """hidden_states[l + 1] is block l's output, but for the last: that one is after the norm."""
    name = "hooks equal hidden_states"
    if states is None or len(states) != len(seen) + 1:
        count = None if states is None else len(states)
        return Check(name, False, f"the model gave {count} hidden states for {len(seen)} blocks")
    for layer in range(len(seen) - 1):
        state = states[layer + 1].to(seen[layer][0].device)
        if not torch.equal(seen[layer][0], state):
            worst = float((seen[layer][0].float() - state.float()).abs().max())
            return Check(name, False, f"block {layer} differs by up to {worst:.3g}")
    return Check(name, True, f"bit-equal at {len(seen) - 1} blocks; the last is after the norm")


def _finite(logits: Tensor, dtype: str) -> Check:
    bad = int((~torch.isfinite(logits)).sum())
    advice = "; try dtype bfloat16 or float32" if dtype == "float16" else ""
    detail = f"{bad} of {logits.numel()} not finite{advice}" if bad else f"{logits.numel()} values"
    return Check("logits finite", not bad, detail)


def _close(name: str, got: Tensor, want: Tensor, limit: float) -> Check:
    """The largest difference as a share of the wanted logits' standard deviation."""
    spread = float(want.std())
    worst = float((got - want).abs().max()) / spread if spread > 0 else 0.0
    ok = worst <= limit  # False for NaN too
    return Check(name, ok, f"logits within {worst:.2g} of their spread (limit {limit:g})")
