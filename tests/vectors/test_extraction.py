"""Extraction held to a naive reference, one text at a time; order, limits, failures, memory."""

from collections.abc import Callable, Iterator, Sequence
from typing import overload

import numpy as np
import pytest
import torch
from numpy import ndarray

import vectors.batch_pass as batch_pass
from tests.vectors.conftest import PROSE, tiny_hf, tokenizer_for
from vectors import (
    Cancelled,
    ExtractionPlan,
    LayerError,
    PooledBatch,
    TextError,
    encode,
    extract,
    plan_extraction,
    span_mask,
    wrap_model,
)
from vectors.models import LanguageModel

Build = Callable[[str], LanguageModel]
ALL = ("mean50", "mean", "last", "spans")


def _texts(n: int, seed: int = 0) -> list[str]:
    """n texts of one to five sentences, in no order of length."""
    rng = np.random.default_rng(seed)
    return [" ".join(rng.permutation(PROSE)[: rng.integers(1, 6)]) for _ in range(n)]


def _spans(texts: list[str]) -> list[list[tuple[int, int]]]:
    return [[(3, 20), (30, len(text) - 4)] for text in texts]


def _reference(
    model: LanguageModel, text: str, spans: list[tuple[int, int]], skip: int = 50
) -> tuple[dict[str, ndarray], ndarray, ndarray]:
    """Each pooling by a plain loop over one text: {pooling: [layer d]}, [layer], [pos layer d]."""
    encoding = encode(model, [text])[0]
    caught: list[torch.Tensor] = []
    handles = [
        block.register_forward_hook(
            lambda _m, _i, out: caught.append(out[0] if isinstance(out, tuple) else out)
        )
        for block in model.blocks
    ]
    with torch.inference_mode():
        model.hf(input_ids=torch.from_numpy(encoding.ids).long()[None])
    for handle in handles:
        handle.remove()
    h = torch.stack([c[0] for c in caught], dim=1).float().numpy().astype(np.float64)
    real = [i for i in range(len(encoding.ids)) if not encoding.is_special[i]]
    in_span = np.flatnonzero(span_mask(encoding, spans))
    pooled = {
        "mean": h[real].mean(0),
        "mean50": h[real[skip - 1 :]].mean(0),
        "last": h[real[-1]],
        "spans": h[in_span].mean(0),
    }
    return pooled, np.linalg.norm(h[real], axis=-1).mean(0), h[real]


def _collect(
    model: LanguageModel, texts: Sequence[str], plan: ExtractionPlan, **options: object
) -> tuple[dict[str, ndarray], list[PooledBatch]]:
    batches = list(extract(model, texts, plan, **options))  # type: ignore[arg-type]
    values = {p: np.concatenate([b.values[p] for b in batches]) for p in plan.poolings}
    return values, batches


def test_every_pooling_equals_the_naive_reference(family_model: LanguageModel) -> None:
    model, texts = family_model, _texts(14)
    spans = _spans(texts)
    plan = plan_extraction(
        model, poolings=ALL, token_layers=(1,), stored_dtype="float32", min_pooled=1, skip_tokens=12
    )
    values, batches = _collect(model, texts, plan, spans=spans, window=8, token_budget=600)
    assert [(b.start, b.stop) for b in batches] == [(0, 8), (8, 14)]
    norm = np.concatenate([b.norm for b in batches])
    for i, text in enumerate(texts):
        pooled, want_norm, tokens = _reference(model, text, spans[i], skip=12)
        for pooling in ALL:
            np.testing.assert_allclose(values[pooling][i], pooled[pooling], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(norm[i], want_norm, rtol=1e-4)
        batch = batches[i // 8]
        assert batch.tokens is not None
        at = i - batch.start
        rows = slice(*batch.tokens.offsets[at : at + 2])
        np.testing.assert_allclose(batch.tokens.values[rows, 0], tokens[:, 1], rtol=1e-3, atol=1e-4)
        encoding = encode(model, [text])[0]
        assert batch.tokens.token_id[rows].tolist() == encoding.ids[~encoding.is_special].tolist()
        assert batch.n_tokens[at] == len(tokens) == batch.n_pooled["mean"][at]
        assert batch.n_pooled["mean50"][at] == len(tokens) - 11
        assert batch.n_pooled["last"][at] == 1
    assert not any(b.failures for b in batches)


def test_batch_size_window_and_padding_change_nothing(family_model: LanguageModel) -> None:
    model, texts = family_model, _texts(12, seed=1)
    plan = plan_extraction(model, poolings=("mean", "last"), stored_dtype="float32", layers=(0, 2))
    alone, _ = _collect(model, texts, plan, token_budget=1)
    for options in ({"token_budget": 10**6}, {"token_budget": 400, "window": 5}):
        together, _ = _collect(model, texts, plan, **options)
        for pooling in plan.poolings:
            np.testing.assert_allclose(together[pooling], alone[pooling], rtol=1e-3, atol=1e-4)


def test_left_padding_gives_the_same_streams(
    family_model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine pads right; a mask that counted positions would show here."""
    model, texts = family_model, _texts(6, seed=2)
    plan = plan_extraction(
        model, poolings=("mean", "last", "mean50"), token_layers=(1,), stored_dtype="float32"
    )
    right, (right_batch,) = _collect(model, texts, plan)
    collate, weigh = batch_pass.collate, batch_pass.pool_weights

    def left_collate(encodings: list, **options: object) -> object:
        return collate(encodings, side="left", **options)  # type: ignore[arg-type]

    def left_weights(choices: list, *given: object) -> object:
        weights = weigh(choices, *given)  # type: ignore[arg-type]
        for row, choice in enumerate(choices):
            by = weights.takes.shape[-1] - choice.text_tokens.size
            weights.takes[row] = weights.takes[row].roll(by, -1)
            weights.is_text[row] = weights.is_text[row].roll(by, -1)
            weights.text_at[1, weights.text_at[0] == row] += by
        return weights

    monkeypatch.setattr(batch_pass, "collate", left_collate)
    monkeypatch.setattr(batch_pass, "pool_weights", left_weights)
    left, (left_batch,) = _collect(model, texts, plan)
    for pooling in plan.poolings:
        np.testing.assert_allclose(left[pooling], right[pooling], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(left_batch.norm, right_batch.norm, rtol=1e-3)
    assert left_batch.tokens is not None
    assert right_batch.tokens is not None
    np.testing.assert_allclose(
        left_batch.tokens.values, right_batch.tokens.values, rtol=1e-3, atol=1e-4
    )


def test_early_stop_gives_the_same_values_and_runs_no_later_block(
    family_model: LanguageModel,
) -> None:
    model, texts = family_model, _texts(5)
    every, _ = _collect(model, texts, plan_extraction(model, poolings=("mean",)))
    ran: list[int] = []
    handles = [
        block.register_forward_hook(lambda *_, i=i: ran.append(i))
        for i, block in enumerate(model.blocks)
    ]
    try:
        early, _ = _collect(model, texts, plan_extraction(model, poolings=("mean",), layers=(1, 0)))
    finally:
        for handle in handles:
            handle.remove()
    assert set(ran) == {0, 1}
    assert np.array_equal(early["mean"], every["mean"][:, :2])  # layers in ascending order


def test_the_model_is_bit_identical_after_extraction_and_after_its_failure(
    family_model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = family_model
    ids = torch.from_numpy(encode(model, [PROSE[0]])[0].ids).long()[None]
    with torch.inference_mode():
        before = model.hf(input_ids=ids).logits
    hooks = [len(block._forward_hooks) for block in model.blocks]
    plan = plan_extraction(model, poolings=("mean",))
    _collect(model, _texts(3), plan)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(batch_pass, "pool", broken)
    with pytest.raises(ZeroDivisionError):
        _collect(model, _texts(3), plan)
    assert [len(block._forward_hooks) for block in model.blocks] == hooks
    with torch.inference_mode():
        assert torch.equal(model.hf(input_ids=ids).logits, before)


def test_bfloat16_is_kept_as_bits_and_set_aside_rows_are_nan(tiny_model: Build) -> None:
    model, texts = tiny_model("llama"), [*_texts(4), ""]
    exact, _ = _collect(
        model, texts, plan_extraction(model, poolings=ALL[:2], stored_dtype="float32")
    )
    for stored, dtype in (("bfloat16", np.uint16), ("float16", np.float16)):
        plan = plan_extraction(model, poolings=ALL[:2], stored_dtype=stored)
        values, _ = _collect(model, texts, plan)
        for pooling in plan.poolings:
            assert values[pooling].dtype == dtype
            got = torch.from_numpy(values[pooling])
            got = (got.view(torch.bfloat16) if dtype is np.uint16 else got).float().numpy()
            want = torch.from_numpy(exact[pooling]).to(getattr(torch, stored)).float().numpy()
            np.testing.assert_array_equal(got, want)
            assert np.isnan(got[4]).all()


def test_texts_that_cannot_be_used_are_set_aside_and_named(tiny_model: Build) -> None:
    model = tiny_model("llama")
    long = " ".join(PROSE[:4])
    texts = [long, "", "One.", long * 9, "Two words"]
    spans = [[(0, 9)], [(0, 1)], [(2, 1)], [(0, 30)], [(500, 600)]]
    plan = plan_extraction(model, poolings=ALL, stored_dtype="float32")
    values, (batch,) = _collect(model, texts, plan, spans=spans)
    named = {(f.row, f.pooling): f.reason for f in batch.failures}
    assert set(named) == {(1, "*"), (2, "mean50"), (2, "spans"), (4, "mean50"), (4, "spans")}
    assert named[1, "*"] == "no tokens: the text is empty"
    assert named[2, "mean50"].startswith("0 tokens from text token 50 on; 10 are needed")
    assert "is no range of characters" in named[2, "spans"]
    assert named[4, "spans"] == "no token lies in its spans"
    for pooling in ALL:
        empty = np.isnan(values[pooling]).all(axis=(1, 2))
        assert empty.tolist() == [(row, pooling) in named or row == 1 for row in range(5)]
        assert np.isfinite(values[pooling][~empty]).all()
    assert batch.truncated.tolist() == [False, False, False, True, False]
    assert batch.n_tokens.tolist()[1] == 0
    assert batch.n_tokens.tolist()[3] == 255  # the context of 256 less the BOS
    assert np.isnan(batch.norm[1]).all()


def test_min_pooled_is_the_edge(tiny_model: Build) -> None:
    model = tiny_model("gpt2")
    n = len(encode(model, [PROSE[0]])[0].ids)
    for least, fails in ((n - 9, 0), (n - 8, 1)):
        plan = plan_extraction(model, skip_tokens=10, min_pooled=least)
        (batch,) = extract(model, [PROSE[0]], plan)
        assert batch.n_pooled["mean50"].tolist() == [n - 9]
        assert len(batch.failures) == fails


def test_a_text_that_is_not_finite_is_set_aside_and_its_neighbours_are_kept() -> None:
    model = wrap_model(tiny_hf("llama"), tokenizer_for("llama"))
    poison = int(encode(model, ["Z"])[0].ids[-1])
    texts = [PROSE[0], PROSE[1] + " Z", PROSE[2], "Z"]
    plan = plan_extraction(model, poolings=("mean",), token_layers=(0,), stored_dtype="float32")
    want, _ = _collect(model, texts, plan)
    model.hf.model.embed_tokens.weight.data[poison] = float("nan")
    values, (batch,) = _collect(model, texts, plan)
    assert [(f.row, f.pooling) for f in batch.failures] == [(1, "*"), (3, "*")]
    assert "not finite in float32" in batch.failures[0].reason
    assert np.isnan(values["mean"][[1, 3]]).all()
    np.testing.assert_allclose(values["mean"][[0, 2]], want["mean"][[0, 2]], rtol=1e-4, atol=1e-5)
    assert batch.tokens is not None
    assert len(batch.tokens.values) == batch.tokens.offsets[-1] == batch.n_tokens.sum()
    assert np.isnan(batch.tokens.values[slice(*batch.tokens.offsets[1:3])]).all()


def test_padding_that_is_not_finite_spoils_no_text() -> None:
    model = wrap_model(tiny_hf("llama"), tokenizer_for("llama"))
    texts = [PROSE[0], "Short."]
    plan = plan_extraction(model, poolings=("mean", "last"), stored_dtype="float32")
    want, _ = _collect(model, texts, plan)
    model.hf.model.embed_tokens.weight.data[model.pad_id] = float("nan")
    values, (batch,) = _collect(model, texts, plan)
    assert batch.failures == ()
    for pooling in plan.poolings:
        np.testing.assert_allclose(values[pooling], want[pooling], rtol=1e-4, atol=1e-5)


def test_values_beyond_float16_are_set_aside_not_stored_as_infinity() -> None:
    model = wrap_model(tiny_hf("llama"), tokenizer_for("llama"))
    model.hf.model.embed_tokens.weight.data *= 1e6
    plan = plan_extraction(model, poolings=("mean",), stored_dtype="float16")
    values, (batch,) = _collect(model, [PROSE[0]], plan)
    assert "beyond what the stored float16 holds" in batch.failures[0].reason
    assert np.isnan(values["mean"]).all()
    safe = plan_extraction(model, poolings=("mean",), stored_dtype="bfloat16")
    assert _collect(model, [PROSE[0]], safe)[1][0].failures == ()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"),
    ],
)
def test_out_of_memory_halves_the_budget_and_goes_on(
    tiny_model: Build, monkeypatch: pytest.MonkeyPatch, error: RuntimeError
) -> None:
    model, texts = tiny_model("llama"), _texts(30)
    plan = plan_extraction(model, poolings=("mean",), stored_dtype="float32")
    want, _ = _collect(model, texts, plan, token_budget=2000)
    run, sizes = batch_pass.run_batch, []

    def limited(model: LanguageModel, plan: ExtractionPlan, rows: list) -> object:
        sizes.append(len(rows) * max(len(e.ids) for e, _ in rows))
        if sizes[-1] > 600:
            raise error
        return run(model, plan, rows)

    monkeypatch.setattr(batch_pass, "run_batch", limited)
    got, batches = _collect(model, texts, plan, token_budget=2000, window=20)
    np.testing.assert_allclose(got["mean"], want["mean"], rtol=1e-3, atol=1e-4)
    assert not any(b.failures for b in batches)
    assert sum(size > 600 for size in sizes) <= 3
    assert all(b.token_budget <= 600 for b in batches)


def test_a_text_too_large_alone_is_set_aside(
    tiny_model: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, texts = tiny_model("llama"), ["A door.", " ".join(PROSE), "A lamp."]
    run = batch_pass.run_batch

    def limited(model: LanguageModel, plan: ExtractionPlan, rows: list) -> object:
        if max(len(e.ids) for e, _ in rows) > 100:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return run(model, plan, rows)

    monkeypatch.setattr(batch_pass, "run_batch", limited)
    values, (batch,) = _collect(model, texts, plan_extraction(model, poolings=("mean",)))
    assert [(f.row, f.pooling) for f in batch.failures] == [(1, "*")]
    assert "out of memory with its" in batch.failures[0].reason
    assert (values["mean"][1] == 0x7FC0).all()
    assert (values["mean"][[0, 2]] != 0x7FC0).any(axis=(1, 2)).all()


def test_another_runtime_error_is_not_taken_for_lack_of_memory(
    tiny_model: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(batch_pass, "run_batch", broken)
    model = tiny_model("llama")
    with pytest.raises(RuntimeError, match="shapes do not match"):
        list(extract(model, ["A door."], plan_extraction(model)))


class _Lazy(Sequence[str]):
    """A sequence that counts what is held at once."""

    def __init__(self, texts: list[str]) -> None:
        self.texts, self.slices = texts, list[slice]()

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            self.slices.append(at)
        return self.texts[at]

    def __iter__(self) -> Iterator[str]:
        pytest.fail("the whole sequence was read")


def test_texts_are_read_one_window_at_a_time_and_a_resumed_run_gives_the_same_bits(
    tiny_model: Build,
) -> None:
    model, texts = tiny_model("gpt_neox"), _Lazy(_texts(25, seed=4))
    plan = plan_extraction(model, poolings=("mean", "last"))
    batches = extract(model, texts, plan, window=10)
    first = next(batches)
    assert texts.slices == [slice(0, 10, None)]
    rest = list(batches)
    resumed = list(extract(model, texts, plan, window=10, start=first.stop))
    assert [(b.start, b.stop) for b in resumed] == [(10, 20), (20, 25)]
    for a, b in zip(rest, resumed, strict=True):
        for pooling in plan.poolings:
            assert np.array_equal(a.values[pooling], b.values[pooling])
    odd = list(extract(model, texts, plan, window=10, start=13))
    assert [(b.start, b.stop) for b in odd] == [(13, 20), (20, 25)]
    assert list(extract(model, texts, plan, start=25)) == []


def test_cancelling_stops_between_batches(tiny_model: Build) -> None:
    model, texts = tiny_model("llama"), _texts(20)
    asked: list[bool] = []

    def cancelled() -> bool:
        asked.append(True)
        return len(asked) > 3

    plan = plan_extraction(model, poolings=("mean",))
    with pytest.raises(Cancelled, match="rows 0 on"):
        list(extract(model, texts, plan, token_budget=100, cancelled=cancelled))
    assert len(asked) == 4


def test_a_plan_refuses_what_cannot_be(tiny_model: Build) -> None:
    model = tiny_model("llama")
    for options, error, message in (
        ({"poolings": ("mean51",)}, TextError, "pooling 'mean51' is unknown; use mean50, mean"),
        ({"poolings": ()}, TextError, "nothing to extract"),
        ({"layers": (3,)}, LayerError, "layers 0 to 2"),
        ({"layers": ()}, LayerError, "no layers given"),
        ({"token_layers": (-1,)}, LayerError, "layer -1"),
        ({"stored_dtype": "int8"}, TextError, "stored dtype 'int8' is unknown"),
        ({"max_length": 257}, TextError, "outside 2 to 256, the model's context"),
        ({"max_length": 1}, TextError, "outside 2 to 256"),
        ({"skip_tokens": 0}, TextError, "at least 1"),
    ):
        with pytest.raises(error, match=message):
            plan_extraction(model, **options)  # type: ignore[arg-type]
    with pytest.raises(TextError, match="needs the texts' character spans"):
        list(extract(model, ["a"], plan_extraction(model, poolings=("spans",))))


def test_the_mask_rule_is_said_in_words(tiny_model: Build) -> None:
    plan = plan_extraction(tiny_model("llama"), skip_tokens=7)
    assert "from the 7th" in plan.mask_rule


def test_tokens_without_any_pooling(tiny_model: Build) -> None:
    model = tiny_model("qwen3")
    plan = plan_extraction(model, poolings=(), layers=(0,), token_layers=(2, 0))
    (batch,) = extract(model, PROSE[:2], plan)
    assert batch.values == {}
    assert batch.tokens is not None
    assert batch.tokens.values.shape == (int(batch.n_tokens.sum()), 2, 32)
    assert plan.token_layers == (0, 2)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_what_the_cpu_gives() -> None:
    texts = _texts(40)
    results = []
    for device in ("cpu", "cuda"):
        model = wrap_model(tiny_hf("llama").to(device), tokenizer_for("llama"))
        plan = plan_extraction(model, poolings=("mean", "last"), stored_dtype="float32")
        results.append(_collect(model, texts, plan)[0])
    for pooling in ("mean", "last"):
        np.testing.assert_allclose(results[1][pooling], results[0][pooling], rtol=1e-2, atol=1e-3)
