"""What a hook does to the residual stream of every family: what was asked, nowhere else."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from vectors.controls import random_direction
from vectors.errors import DataError, DirectionError, LayerError, ModelError, TextError
from vectors.hooks import residual_hooks
from vectors.models import LanguageModel
from vectors.steering import Intervention, Steering, alpha_table, steered_logits

LAYER = 1
NORM = 4.0
N_POS = 24  # longer than the sliding windows of the tiny models


def ids(n_rows: int = 1, n_pos: int = N_POS, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(3, 350, size=(n_rows, n_pos))


def push(**changes: object) -> Intervention:
    given = {"layer": LAYER, "direction": random_direction(32, seed=5), "residual_norm": NORM}
    return Intervention(**{**given, **changes})  # type: ignore[arg-type]


def residual(model: LanguageModel, layer: int, run: Callable[[], object]) -> Tensor:
    """The residual stream after `layer`, read after every other hook has acted."""
    found: list[Tensor] = []

    def read(h: Tensor, _layer: int) -> None:
        found.append(h.detach().clone())

    # The reader is registered first but must see the steered stream: read the next block's input.
    block = model.blocks[layer + 1]
    handle = block.register_forward_pre_hook(lambda _m, args: read(args[0], layer))
    try:
        run()
    finally:
        handle.remove()
    return found[0]


def plain(model: LanguageModel, token_ids: np.ndarray) -> Tensor:
    """Logits with no hook anywhere, the model called the way steered_logits calls it."""
    n_rows, n_pos = token_ids.shape
    with torch.no_grad():
        out = model.hf(
            input_ids=torch.from_numpy(token_ids),
            attention_mask=torch.ones((n_rows, n_pos), dtype=torch.long),
            position_ids=torch.arange(n_pos).expand(n_rows, -1),
            use_cache=False,
        )
    return out.logits


def test_alpha_zero_is_bit_identical_to_no_hook(family_model: LanguageModel) -> None:
    rows = ids(2)
    bare = plain(family_model, rows)
    for mode in ("add", "project-out"):
        assert torch.equal(steered_logits(family_model, rows, [push(mode=mode)], [0.0, 0.0]), bare)
    assert torch.equal(steered_logits(family_model, rows, [push(mode="clamp")], [None] * 2), bare)
    moved = steered_logits(family_model, rows, [push()], [0.0, 0.5])
    assert torch.allclose(moved[0], bare[0], atol=1e-4)
    assert not torch.allclose(moved[1], bare[1], atol=1e-2)


def test_the_model_is_bit_identical_once_the_hook_is_gone(family_model: LanguageModel) -> None:
    rows = ids()
    bare = plain(family_model, rows)
    steered_logits(family_model, rows, [push()], [0.8])
    assert torch.equal(plain(family_model, rows), bare)
    steering = Steering(family_model, [push()], n_rows=1)
    with pytest.raises(ModelError, match="saw"), steering.hooks():
        plain(family_model, rows)  # nothing was prepared, so the hook refuses
    assert torch.equal(plain(family_model, rows), bare)


@pytest.mark.parametrize(
    ("positions", "chosen"),
    [
        ("all", range(N_POS)),
        ("prompt", range(10)),
        ("generated", range(10, N_POS)),
        ((3, 7), range(3, 7)),
    ],
)
def test_the_dose_arrives_where_asked_and_nowhere_else(
    family_model: LanguageModel, positions: object, chosen: range
) -> None:
    rows, what = ids(2), push(positions=positions)
    before = residual(family_model, LAYER, lambda: plain(family_model, rows))
    after = residual(
        family_model,
        LAYER,
        lambda: steered_logits(family_model, rows, [what], [0.25, -0.5], prompt_length=10),
    )
    moved = (after - before).numpy()
    inside = np.zeros(N_POS, dtype=bool)
    inside[list(chosen)] = True
    for row, alpha in enumerate((0.25, -0.5)):
        want = alpha * NORM * what.direction
        assert np.allclose(moved[row, inside], want, atol=2e-6 * (1 + before.abs().max().item()))
        assert np.all(moved[row, ~inside] == 0)


def test_padding_is_never_moved_and_moves_nothing(family_model: LanguageModel) -> None:
    rows, pad = ids(), 5
    padded = np.concatenate([np.zeros((1, pad), dtype=np.int64), rows], axis=1)
    real = np.arange(N_POS + pad)[None] >= pad
    what = push(positions=(0, 4))
    alone = steered_logits(family_model, rows, [what], [0.5])
    beside = steered_logits(family_model, padded, [what], [0.5], real=real)
    assert torch.allclose(beside[:, pad:], alone, atol=2e-4)

    def steered() -> None:
        steered_logits(family_model, padded, [what], [0.5], real=real)

    def unsteered() -> None:
        steered_logits(family_model, padded, [what], [0.0], real=real)

    gap = residual(family_model, LAYER, steered) - residual(family_model, LAYER, unsteered)
    assert torch.all(gap[0, :pad] == 0)
    assert torch.all(gap[0, pad : pad + 4].norm(dim=-1) > 0.4 * NORM)
    assert torch.all(gap[0, pad + 4 :] == 0)


def test_a_row_of_a_batch_is_the_same_alpha_alone(family_model: LanguageModel) -> None:
    alphas = [-0.6, -0.3, 0.0, 0.3, 0.6]
    together = steered_logits(family_model, ids(), [push()], alphas)
    for row, alpha in enumerate(alphas):
        alone = steered_logits(family_model, ids(), [push()], [alpha])
        assert torch.allclose(together[row], alone[0], atol=2e-4)
    assert not torch.allclose(together[0], together[4], atol=1e-2)


def change(model: LanguageModel, what: Intervention, alpha: float) -> tuple[Tensor, Tensor]:
    """(h before, h after) at the layer of `what`, all positions, in float64."""
    rows = ids()
    before = residual(model, LAYER, lambda: plain(model, rows))
    after = residual(model, LAYER, lambda: steered_logits(model, rows, [what], [alpha]))
    return before[0].double(), after[0].double()


def test_modes_do_what_their_formulas_say(tiny_model: Callable[[str], LanguageModel]) -> None:
    model = tiny_model("llama")
    v = torch.from_numpy(random_direction(32, seed=5)).double()
    other = random_direction(32, seed=6)

    before, after = change(model, push(mode="project-out"), 1.0)
    assert torch.allclose(after @ v, torch.zeros(N_POS).double(), atol=1e-5)
    assert (before @ v).abs().max() > 0.1
    before, after = change(model, push(mode="project-out", target=0.7), 0.5)
    assert torch.allclose(after @ v, 0.5 * (before @ v) + 0.35, atol=1e-5)

    for mode in ("clamp", "replace"):
        before, after = change(model, push(mode=mode), -0.3)
        assert torch.allclose(after @ v, torch.full((N_POS,), -0.3 * NORM).double(), atol=1e-5)
    # What is orthogonal to v stays, in every mode.
    keep = torch.eye(32).double() - torch.outer(v, v)
    assert torch.allclose(after @ keep, before @ keep, atol=1e-5)

    swap = push(mode="replace", remove=np.stack([other, 2 * other, random_direction(32, seed=7)]))
    before, after = change(model, swap, 0.3)
    gone = torch.from_numpy(np.stack([other, random_direction(32, seed=7)])).double()
    without_push = after - 0.3 * NORM * v
    assert torch.allclose(without_push @ gone.T, torch.zeros(N_POS, 2).double(), atol=1e-5)


def test_several_interventions_have_alphas_of_their_own(
    tiny_model: Callable[[str], LanguageModel],
) -> None:
    model, rows = tiny_model("gpt_neox"), ids()
    first, second = push(), push(direction=random_direction(32, seed=8))
    both = steered_logits(model, rows, [first, second], [(0.3, -0.2), (0.3, None), (None, -0.2)])
    assert torch.allclose(both[1], steered_logits(model, rows, [first], [0.3])[0], atol=1e-4)
    assert torch.allclose(both[2], steered_logits(model, rows, [second], [-0.2])[0], atol=1e-4)
    total = 0.3 * first.direction - 0.2 * second.direction
    size = float(np.linalg.norm(total))
    one = push(direction=total / size)
    assert torch.allclose(both[0], steered_logits(model, rows, [one], [size])[0], atol=1e-4)


def test_the_dose_meter_reads_what_a_second_look_reads(
    tiny_model: Callable[[str], LanguageModel],
) -> None:
    model, rows = tiny_model("llama"), ids(3)
    before = residual(model, LAYER, lambda: plain(model, rows))
    steering = Steering(model, [push(positions=(2, 9))], n_rows=3)
    steering.prepare(
        np.tile(np.arange(N_POS), (3, 1)),
        alphas=np.broadcast_to(np.array([0.2, 0.0, np.nan])[:, None, None], (3, N_POS, 1)),
        real=np.ones((3, N_POS), dtype=bool),
        prompt_lengths=np.full(3, N_POS),
    )
    with steering.hooks():
        plain(model, rows)
    doses = steering.doses()
    want = float((0.2 * NORM / before[0, 2:9].norm(dim=-1)).mean())
    assert doses[0].mean == pytest.approx(want, rel=1e-5)
    assert [d.n_positions for d in doses] == [7, 0, 0]
    assert [d.mean for d in doses[1:]] == [0.0, 0.0]
    assert [d.hook_calls for d in doses] == [1, 1, 1]


def test_half_precision_keeps_its_dtype(tiny_model: Callable[[str], LanguageModel]) -> None:
    from copy import deepcopy

    from vectors.models import wrap_model

    hf = deepcopy(tiny_model("llama").hf).to(torch.bfloat16)
    model = wrap_model(hf, tiny_model("llama").tokenizer)
    rows = ids()
    bare = plain(model, rows)
    assert torch.equal(steered_logits(model, rows, [push()], [0.0]), bare)
    after = residual(model, LAYER, lambda: steered_logits(model, rows, [push()], [0.5]))
    before = residual(model, LAYER, lambda: plain(model, rows))
    assert after.dtype == torch.bfloat16
    moved = (after.float() - before.float()).norm(dim=-1)
    assert torch.allclose(moved, torch.full_like(moved, 0.5 * NORM), rtol=0.03)


def test_a_foreign_hook_still_sees_the_model(tiny_model: Callable[[str], LanguageModel]) -> None:
    model, seen = tiny_model("llama"), []

    def look(_h: Tensor, layer: int) -> None:
        seen.append(layer)

    with residual_hooks(model, {0: look, 2: look}):
        steered_logits(model, ids(), [push()], [0.1])
    assert seen == [0, 2]


def test_what_cannot_be_applied_is_refused(tiny_model: Callable[[str], LanguageModel]) -> None:
    model, unit = tiny_model("llama"), random_direction(32, seed=5)
    with pytest.raises(DirectionError, match="norm 2"):
        push(direction=2 * unit)
    with pytest.raises(DirectionError, match="finite"):
        push(direction=unit * np.nan)
    with pytest.raises(DirectionError, match="residual_norm is 0"):
        push(residual_norm=0.0)
    with pytest.raises(DirectionError, match="mode is 'push'"):
        push(mode="push")
    with pytest.raises(TextError, match="positions is 'first'"):
        push(positions="first")
    with pytest.raises(TextError, match="empty"):
        push(positions=(4, 4))
    with pytest.raises(LayerError, match="0 to 2"):
        Steering(model, [push(layer=3)], n_rows=1)
    with pytest.raises(DirectionError, match="width 16, the model 32"):
        Steering(model, [push(direction=random_direction(16))], n_rows=1)
    with pytest.raises(DataError, match="alpha is nan"):
        alpha_table([float("nan")], 1)
    with pytest.raises(DataError, match="2 alphas for 1"):
        alpha_table([(0.1, 0.2)], 1)
    with pytest.raises(DataError, match="no alphas"):
        alpha_table([], 1)
