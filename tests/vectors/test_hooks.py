"""Hooks read and change the stream, stop early, and leave the model bit-identical behind them."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.vectors.conftest import PROSE
from vectors import LayerError, encode
from vectors.hooks import residual_hooks, stop_after
from vectors.models import LanguageModel
from vectors.tokens import TokenBatch, collate

Build = Callable[[str], LanguageModel]


def _batch(model: LanguageModel) -> TokenBatch:
    return collate(encode(model, PROSE[:3]), pad_id=model.pad_id, device=model.device)


def _logits(model: LanguageModel) -> Tensor:
    batch = _batch(model)
    with torch.inference_mode():
        logits: Tensor = model.hf(
            input_ids=batch.ids, attention_mask=batch.mask, position_ids=batch.positions
        ).logits
    return logits


def _n_hooks(model: LanguageModel) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.hf.modules())


def test_hook_at_layer_l_is_hidden_state_l_plus_1(family_model: LanguageModel) -> None:
    model, batch, seen = family_model, _batch(family_model), {}

    def keep(h: Tensor, layer: int) -> None:
        seen[layer] = h.clone()

    n = model.info.n_layers
    with torch.inference_mode(), residual_hooks(model, dict.fromkeys(range(n), keep)):
        states = model.hf(
            input_ids=batch.ids, attention_mask=batch.mask, output_hidden_states=True
        ).hidden_states
    for layer in range(n - 1):
        assert torch.equal(seen[layer], states[layer + 1])
    # The last hidden state is after the final norm: the stream is not, so it comes from the hook.
    assert not torch.equal(seen[n - 1], states[n])
    torch.testing.assert_close(model.final_norm(seen[n - 1]), states[n])


def test_a_returned_tensor_replaces_the_stream_and_removal_is_bit_exact(
    family_model: LanguageModel,
) -> None:
    model, hooks = family_model, _n_hooks(family_model)
    plain = _logits(model)
    with residual_hooks(model, {1: lambda h, _: h + 0.5}):
        changed = _logits(model)
    with residual_hooks(model, {1: lambda h, _: h + 0.0}):
        same = _logits(model)
    assert not torch.equal(changed, plain)
    assert torch.equal(same, plain)
    assert torch.equal(_logits(model), plain)
    assert _n_hooks(model) == hooks


def test_an_exception_inside_a_hook_leaves_the_model_as_it_was(
    family_model: LanguageModel,
) -> None:
    model, hooks, plain = family_model, _n_hooks(family_model), _logits(family_model)

    def fail(_h: Tensor, layer: int) -> None:
        raise RuntimeError(f"at {layer}")

    with (
        pytest.raises(RuntimeError, match="at 1"),
        residual_hooks(model, {0: lambda h, _: h * 2, 1: fail}),
    ):
        _logits(model)
    assert _n_hooks(model) == hooks
    assert torch.equal(_logits(model), plain)


def test_registration_that_fails_half_way_removes_what_it_did(tiny_model: Build) -> None:
    model = tiny_model("llama")
    hooks, block = _n_hooks(model), model.blocks[2]
    register = block.register_forward_hook

    def refuse(*_args: object) -> None:
        raise RuntimeError("no more hooks")

    block.register_forward_hook = refuse
    try:
        with (
            pytest.raises(RuntimeError, match="no more hooks"),
            residual_hooks(model, dict.fromkeys(range(3), lambda _h, _l: None)),
        ):
            pytest.fail("the context must not open")
    finally:
        del block.register_forward_hook
    assert block.register_forward_hook == register
    assert _n_hooks(model) == hooks


def test_a_layer_outside_is_refused_before_anything_is_registered(tiny_model: Build) -> None:
    model = tiny_model("gpt2")
    hooks = _n_hooks(model)
    with (
        pytest.raises(LayerError, match="layer 7 is outside"),
        residual_hooks(model, {0: lambda h, _: h, 7: lambda h, _: h}),
    ):
        pytest.fail("the context must not open")
    with pytest.raises(LayerError), stop_after(model, 3):
        pytest.fail("the context must not open")
    assert _n_hooks(model) == hooks


def test_blocks_that_return_a_tuple_are_read_and_changed_too(tiny_model: Build) -> None:
    model = tiny_model("llama")
    block = model.blocks[1]
    forward = block.forward
    plain = _logits(model)
    with residual_hooks(model, {1: lambda h, _: h * 2}):
        want = _logits(model)
    block.forward = lambda *a, **o: (forward(*a, **o), "cache")
    seen = {}
    following = model.blocks[2].register_forward_pre_hook(
        lambda _m, inputs: (inputs[0][0], *inputs[1:])
    )
    try:
        with residual_hooks(model, {1: lambda h, _: seen.setdefault(1, h) * 2}):
            assert torch.equal(_logits(model), want)
    finally:
        following.remove()
        del block.forward
    assert isinstance(seen[1], Tensor)
    assert torch.equal(_logits(model), plain)


def test_stop_after_runs_the_blocks_up_to_it_and_no_further(family_model: LanguageModel) -> None:
    model, batch, ran = family_model, _batch(family_model), []

    def note(_h: Tensor, layer: int) -> None:
        ran.append(layer)

    n = model.info.n_layers
    with (
        torch.inference_mode(),
        residual_hooks(model, dict.fromkeys(range(n), note)),
        stop_after(model, 1),
    ):
        model.body(input_ids=batch.ids, attention_mask=batch.mask)
        pytest.fail("the pass must end inside the call")
    assert ran == [0, 1]
    ran.clear()
    with torch.inference_mode(), residual_hooks(model, dict.fromkeys(range(n), note)):
        model.body(input_ids=batch.ids, attention_mask=batch.mask)
    assert ran == list(range(n))
