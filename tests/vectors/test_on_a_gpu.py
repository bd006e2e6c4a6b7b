"""The engine on a CUDA device: what the CPU gives, no waiting inside a pass, memory given back."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import vectors.batch_pass as batch_pass
import vectors.hooks as hook_module
from tests.vectors.conftest import FAMILY_LIST, PROSE, tiny_hf, tokenizer_for
from tests.vectors.test_scoring import make
from vectors import ModelError, encode, extract, load_model, plan_extraction
from vectors.controls import random_direction
from vectors.extraction import PooledBatch
from vectors.generation import Generation, Step, generate
from vectors.lens import direction_logits
from vectors.models import LanguageModel, untrained_twin
from vectors.pooling import Choice, pool, pool_weights
from vectors.sampling import Sampling
from vectors.scoring import score_text
from vectors.solver import solve_logistic
from vectors.steering import MODES, Intervention, steered_logits
from vectors.token_lens import token_lens

DEVICE = "cuda"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
DTYPES = ("float32", "bfloat16", "float16")
SHARE = {"float32": 1e-4, "bfloat16": 0.02, "float16": 2e-3}
"""Largest |mean h - that of the CPU in float32| of a text, as a share of its residual norm."""
TOKEN_SHARE = {"float32": 1e-4, "bfloat16": 0.15, "float16": 0.03}
"""The same of a single token, whose rounding nothing averages; twice what a CPU gives."""
UNIT = {"float32": 2.0**-23, "bfloat16": 2.0**-8, "float16": 2.0**-11}
"""Largest relative rounding error of one number."""
LAYER, NORM, N_POS = 1, 4.0, 24
ALPHAS = [-0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4]
Load = Callable[..., LanguageModel]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """`load("llama", dtype="bfloat16", device="cuda")`: a tiny model read from disk, once each."""

    @cache
    def saved(family: str) -> Path:
        folder = tmp_path_factory.mktemp(family)
        tiny_hf(family).save_pretrained(folder)
        tokenizer_for(family).save_pretrained(folder)
        return folder

    @cache
    def made(family: str, dtype: str = "float32", device: str = DEVICE) -> LanguageModel:
        return load_model(saved(family), dtype=dtype, device=device)

    made.folder = saved  # type: ignore[attr-defined]
    return made


def texts(n: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.permutation(PROSE)[: rng.integers(1, 6)]) for _ in range(n)]


def push(**changes: object) -> Intervention:
    given = {"layer": LAYER, "direction": random_direction(32, seed=5), "residual_norm": NORM}
    return Intervention(**{**given, **changes})  # type: ignore[arg-type]


def ids(n_rows: int = 1, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(3, 350, size=(n_rows, N_POS))


def whole(model: LanguageModel, n: int = 30, **options: object) -> PooledBatch:
    plan = plan_extraction(
        model, poolings=("mean", "last", "mean50"), token_layers=(0, 2), stored_dtype="float32",
        skip_tokens=5,
    )  # fmt: skip
    (batch,) = extract(model, texts(n), plan, **options)  # type: ignore[arg-type]
    return batch


def after_block(model: LanguageModel, layer: int, run: Callable[[], object]) -> Tensor:
    """The residual stream after `layer`, read at the next block, when every hook has acted."""
    found: list[Tensor] = []
    block = model.blocks[layer + 1]
    handle = block.register_forward_pre_hook(lambda _m, args: found.append(args[0].clone()))
    try:
        run()
    finally:
        handle.remove()
    return found[0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", FAMILY_LIST)
def test_extraction_gives_what_float32_on_the_cpu_gives(
    load: Load, family: str, dtype: str
) -> None:
    want = whole(load(family, device="cpu"))
    model = load(family, dtype)
    assert next(model.hf.parameters()).device.type == DEVICE
    got = whole(model)
    assert not got.failures
    assert got.n_tokens.tolist() == want.n_tokens.tolist()
    for pooling, values in want.values.items():
        error = np.linalg.norm(got.values[pooling] - values, axis=-1) / want.norm
        assert error.max() <= (TOKEN_SHARE if pooling == "last" else SHARE)[dtype], pooling
    assert np.abs(got.norm / want.norm - 1).max() <= SHARE[dtype]
    assert got.tokens is not None
    assert want.tokens is not None
    assert np.array_equal(got.tokens.token_id, want.tokens.token_id)
    size = np.linalg.norm(want.tokens.values, axis=-1)
    error = np.linalg.norm(got.tokens.values - want.tokens.values, axis=-1) / size
    assert np.quantile(error, 0.99) <= TOKEN_SHARE[dtype]


def test_batches_change_nothing(load: Load) -> None:
    model = load("llama")
    together, alone = whole(model), whole(model, token_budget=1)
    for pooling, values in alone.values.items():
        error = np.linalg.norm(together.values[pooling] - values, axis=-1) / alone.norm
        assert error.max() <= SHARE["float32"]


@pytest.mark.parametrize("n_poolings", [1, 3])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_summed_in_float32(dtype: torch.dtype, n_poolings: int) -> None:
    rng = np.random.default_rng(0)
    choices = []
    for width in (37, 301, 8):
        takes = rng.random((n_poolings, width)) < 0.7
        choices.append(Choice(takes, np.ones(width, dtype=bool), None))
    device = torch.device(DEVICE)
    h = (30 * torch.randn((3, 301, 72), device=device)).to(dtype)
    with torch.inference_mode():
        sums, norm = pool(h, pool_weights(choices, device, dtype))
        want, want_norm = pool(h.float(), pool_weights(choices, device))
        scale = torch.linalg.vector_norm(want, dim=-1, keepdim=True)
        assert sums.dtype == norm.dtype == torch.float32
        assert float(((sums - want) / scale).abs().max()) < 1e-5
        assert float((norm / want_norm - 1).abs().max()) < 1e-5


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", MODES)
def test_the_change_arrives_where_asked_and_nowhere_else(load: Load, mode: str, dtype: str) -> None:
    model, alpha = load("llama", dtype), 0.25
    what = push(mode=mode, positions=(3, 9))
    before = after_block(model, LAYER, lambda: steered_logits(model, ids(), [what], [None]))
    after = after_block(model, LAYER, lambda: steered_logits(model, ids(), [what], [alpha]))
    assert after.dtype == getattr(torch, dtype)
    assert after.device.type == DEVICE
    inside = torch.zeros(N_POS, dtype=torch.bool, device=after.device)
    inside[3:9] = True
    assert torch.equal(after[0, ~inside], before[0, ~inside])
    h = before[0, inside].double()
    v = torch.from_numpy(what.direction).double().to(h.device)
    along = (h @ v)[:, None]
    want = {
        "add": h + alpha * NORM * v,
        "project-out": h - alpha * along * v,
        "clamp": h + (alpha * NORM - along) * v,
        "replace": h + (alpha * NORM - along) * v,
    }[mode]
    largest = float(want.abs().max())
    assert float((after[0, inside].double() - want).abs().max()) <= 4 * UNIT[dtype] * largest
    assert float((want - h).norm(dim=-1).max()) > 16 * UNIT[dtype] * largest


def test_logits_are_the_cpus_and_a_row_of_a_batch_is_the_same_alone(load: Load) -> None:
    model, cpu = load("gpt_neox"), load("gpt_neox", device="cpu")
    together = steered_logits(model, ids(), [push()], ALPHAS)
    want = steered_logits(cpu, ids(), [push()], ALPHAS)
    assert torch.allclose(together.cpu(), want, atol=2e-4)
    for row, alpha in enumerate(ALPHAS):
        alone = steered_logits(model, ids(), [push()], [alpha])
        assert torch.allclose(together[row], alone[0], atol=2e-4)
    assert not torch.allclose(together[0], together[8], atol=1e-2)


def said(model: LanguageModel, alphas: list[float], **options: object) -> Generation:
    sampling = Sampling(max_new_tokens=24, seed=3, temperature=0.9, top_k=50, top_p=0.95)
    return generate(
        model, PROSE[0], interventions=[push()], alphas=alphas, sampling=sampling,
        **options,  # type: ignore[arg-type]
    )  # fmt: skip


def test_nine_alphas_in_a_batch_say_what_nine_runs_say_and_what_the_cpu_says(load: Load) -> None:
    together = said(load("llama"), ALPHAS)
    on_cpu = said(load("llama", device="cpu"), ALPHAS)
    for row, (alpha, cpu) in enumerate(zip(ALPHAS, on_cpu.rows, strict=True)):
        found = together.rows[row]
        (alone,) = said(load("llama"), [alpha]).rows
        assert found.token_ids == alone.token_ids == cpu.token_ids
        assert found.nll == pytest.approx(cpu.nll, abs=1e-4)
        assert found.kl_first == pytest.approx(cpu.kl_first, abs=1e-4)
        assert found.dose == pytest.approx(cpu.dose, abs=1e-5)
        assert (found.n_moved, found.hook_calls) == (cpu.n_moved, cpu.hook_calls_due)
    assert len({row.token_ids for row in together.rows}) > 1


@pytest.mark.parametrize("dtype", DTYPES[1:])
def test_half_precision_generates_with_its_meters_right(load: Load, dtype: str) -> None:
    run = said(load("llama", dtype), [0.0, 0.4])
    base, moved = run.rows
    assert base.kl_first < 1e-2 < moved.kl_first
    assert np.isfinite([base.nll, moved.nll]).all()
    assert moved.n_moved > 0 == base.n_moved
    want = said(load("llama", device="cpu"), [0.4]).rows[0]
    assert moved.dose == pytest.approx(want.dose, rel=0.2)


def test_a_run_is_stopped_between_tokens(load: Load) -> None:
    model, steps, passes = load("llama"), list[Step](), list[int]()
    handle = model.blocks[0].register_forward_hook(lambda *_: passes.append(len(steps)))
    try:
        run = said(model, [0.0, 0.3], on_step=steps.append, cancelled=lambda: len(steps) == 3)
    finally:
        handle.remove()
    assert not run.finished
    assert [len(row.token_ids) for row in run.rows] == [3, 3]
    assert all(np.isfinite(row.nll) for row in run.rows)
    assert passes == [0, 1, 2, 3]  # three to draw, one to read the texts without steering


@contextmanager
def no_waiting() -> Iterator[None]:
    """Any call that makes the CPU wait for the device raises."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_no_hook_waits_for_the_device(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    model, real, entered = load("llama"), hook_module._block_hook, list[int]()

    def strict(function: hook_module.ResidualFunction, layer: int) -> object:
        def watched(h: Tensor, at: int) -> Tensor | None:
            entered.append(at)
            with no_waiting():
                return function(h, at)

        return real(watched, layer)

    def look() -> tuple[PooledBatch, tuple[int, ...], np.ndarray]:
        for mode in MODES:
            steered_logits(model, ids(), [push(mode=mode)], [0.3])
        scores = score_text(model, make(), PROSE[0]).scores
        return whole(model), said(model, [0.0, 0.4]).rows[1].token_ids, scores

    want = look()
    monkeypatch.setattr(hook_module, "_block_hook", strict)
    got = look()
    assert np.array_equal(got[0].values["mean"], want[0].values["mean"])
    assert got[1] == want[1]
    assert np.array_equal(got[2], want[2])
    assert len(entered) >= len(MODES) + 2 + 3 + len(got[1])
    with pytest.raises(RuntimeError, match="synchroniz"), no_waiting():
        torch.ones(1, device=DEVICE).item()


def test_lack_of_memory_halves_the_batch_and_goes_on(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load("llama")
    many = texts(1500, seed=7)
    plan = plan_extraction(model, poolings=("mean", "last"), stored_dtype="float32")

    def run(budget: int) -> PooledBatch:
        (batch,) = extract(model, many, plan, window=len(many), token_budget=budget)
        return batch

    want = run(8192)
    settled()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    n_all = 10**7
    assert run(n_all).token_budget == n_all
    need = torch.cuda.max_memory_allocated() - before
    settled()
    tried, real = list[bool](), batch_pass.run_batch

    def counted(*given: object) -> object:
        tried.append(False)
        result = real(*given)  # type: ignore[arg-type]
        tried[-1] = True
        return result

    monkeypatch.setattr(batch_pass, "run_batch", counted)
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + need / 2) / total)
    try:
        got = run(n_all)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert not tried[0]
    assert tried[-1]
    assert not got.failures
    assert got.token_budget < sum(got.n_tokens)
    for pooling, values in want.values.items():
        error = np.linalg.norm(got.values[pooling] - values, axis=-1) / want.norm
        assert error.max() <= SHARE["float32"]


def settled() -> None:
    """Nothing waits to be freed or computed."""
    gc.collect()
    torch.cuda.synchronize()
    torch.cuda.empty_cache()


def test_memory_is_given_back_after_every_run(load: Load) -> None:
    model, directions = load("llama"), make()

    def work() -> None:
        whole(model)
        said(model, [0.0, 0.4], cancelled=lambda: False)
        score_text(model, directions, PROSE[0])
        list(token_lens(model, encode(model, [PROSE[0]])[0], 1))

    work()
    settled()
    before = torch.cuda.memory_allocated()
    for _ in range(20):
        work()
    settled()
    assert torch.cuda.memory_allocated() == before


def test_scores_and_lenses_are_the_cpus(load: Load) -> None:
    model, cpu, directions = load("gemma3"), load("gemma3", device="cpu"), make()
    for readout, limit in (("cosine", 1e-4), ("projection", 1e-3)):
        want = score_text(cpu, directions, PROSE[1], readout=readout)
        got = score_text(model, directions, PROSE[1], readout=readout)
        np.testing.assert_allclose(got.scores, want.scores, atol=limit)
        assert got.pieces == want.pieces
    half = score_text(load("gemma3", "bfloat16"), directions, PROSE[1])
    want = score_text(cpu, directions, PROSE[1])
    assert np.abs(half.scores - want.scores).max() < 0.05
    v = random_direction(32, seed=5)
    np.testing.assert_allclose(direction_logits(model, v), direction_logits(cpu, v), atol=1e-4)
    encoding = encode(model, [PROSE[2]])[0]
    ((_, seen),), ((_, want_seen),) = (
        list(token_lens(m, encoding, 1, top=2)) for m in (model, cpu)
    )
    for found, wanted in zip(seen, want_seen, strict=True):
        assert found[0].probability == pytest.approx(wanted[0].probability, abs=1e-4)


def test_a_twin_has_the_same_weights_on_either_device(load: Load) -> None:
    here, there = untrained_twin(load("llama")), untrained_twin(load("llama", device="cpu"))
    assert here.device.type == DEVICE
    for name, weight in there.hf.state_dict().items():
        assert torch.equal(here.hf.state_dict()[name].cpu(), weight)


def test_probes_fit_on_the_device_as_on_the_cpu() -> None:
    rng = np.random.default_rng(0)
    codes = np.arange(400) % 4
    rows = rng.normal(size=(400, 48)).astype(np.float32) + 0.6 * rng.normal(size=(4, 48))[codes]
    weights = rng.random((10, 400)) < 0.8
    rows = rows.astype(np.float32)
    on_cpu, here = (
        solve_logistic(rows, codes, weights, n_labels=4, c=0.1, device=d) for d in ("cpu", DEVICE)
    )
    assert here.converged.all()
    np.testing.assert_allclose(here.scores, on_cpu.scores, atol=5e-3)
    same = here.scores.argmax(axis=1) == on_cpu.scores.argmax(axis=1)
    assert same.mean() > 0.999


def test_devices_are_named_as_they_are(load: Load) -> None:
    folder = load.folder("llama")  # type: ignore[attr-defined]
    auto = load_model(folder)
    assert auto.info.device == f"{DEVICE}:0"
    assert "device cuda: a GPU is there" in auto.info.reasons
    assert load_model(folder, device=f"{DEVICE}:0").info.device == f"{DEVICE}:0"
    there = torch.cuda.device_count()
    with pytest.raises(ModelError, match=f"is not there: {there} CUDA devices"):
        load_model(folder, device=f"{DEVICE}:{there}")
    config = folder / "config.json"
    kept = config.read_text()
    try:
        config.write_text(kept.replace('"float32"', '"bfloat16"'))
        stated = load_model(folder)
    finally:
        config.write_text(kept)
    assert stated.info.dtype == "bfloat16"
    assert "dtype bfloat16: as the config states" in stated.info.reasons


def test_a_device_map_gives_the_same(load: Load) -> None:
    pytest.importorskip("accelerate")
    mapped = load_model(load.folder("llama"), device="map")  # type: ignore[attr-defined]
    assert mapped.device.type == DEVICE
    want, got = (steered_logits(m, ids(), [push()], [0.3]) for m in (load("llama"), mapped))
    assert torch.allclose(got, want, atol=2e-4)


@pytest.mark.parametrize(("quant", "share"), [("int8", 0.1), ("nf4", 0.4)])
def test_quantised_weights_are_read_and_steered(tmp_path: Path, quant: str, share: float) -> None:
    pytest.importorskip("bitsandbytes")
    tiny_hf("llama", hidden_size=128, intermediate_size=256).save_pretrained(tmp_path)
    tokenizer_for("llama").save_pretrained(tmp_path)
    plain = load_model(tmp_path, dtype="bfloat16", device=DEVICE)
    model = load_model(tmp_path, dtype="bfloat16", device=DEVICE, quant=quant)
    assert model.info.quantisation == quant
    plan = plan_extraction(model, poolings=("mean",), stored_dtype="float32")
    (want,), (got,) = (extract(m, texts(10), plan) for m in (plain, model))
    error = np.linalg.norm(got.values["mean"] - want.values["mean"], axis=-1) / want.norm
    assert 0 < error.max() <= share
    what = push(direction=random_direction(128, seed=5))
    before = after_block(model, LAYER, lambda: steered_logits(model, ids(), [what], [None]))
    after = after_block(model, LAYER, lambda: steered_logits(model, ids(), [what], [0.5]))
    moved = (after.double() - before.double())[0]
    v = torch.from_numpy(what.direction).double().to(moved.device)
    assert float((moved @ v / (0.5 * NORM) - 1).abs().max()) < 0.05
