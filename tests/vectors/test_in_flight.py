"""Extraction with a batch in flight, forced on the CPU: what it gives and how it ends."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np
import pytest
import torch

import vectors.batch_pass as batch_pass
import vectors.extraction as extraction
from tests.vectors.conftest import PROSE, tiny_hf, tokenizer_for
from vectors import Cancelled, PooledBatch, encode, extract, plan_extraction, wrap_model
from vectors.extraction import ExtractionPlan
from vectors.models import LanguageModel
from vectors.pooling import PoolWeights

WINDOW, BUDGET = 8, 200
"""Rows, and tokens of a batch: several batches in each window."""
Depth = Callable[[int], None]


@pytest.fixture
def depth(monkeypatch: pytest.MonkeyPatch) -> Depth:
    """`depth(1)`: that many batches are in flight on the CPU."""
    return lambda n: monkeypatch.setitem(extraction._DEPTH, "cpu", n)


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    """However a run ends, its thread ends with it."""
    yield
    assert not [t.name for t in threading.enumerate() if t.name.startswith("ahead")]


@pytest.fixture
def model() -> LanguageModel:
    return wrap_model(tiny_hf("llama"), tokenizer_for("llama"))


def texts(n: int = 30) -> list[str]:
    rng = np.random.default_rng(3)
    return [" ".join(rng.permutation(PROSE)[: rng.integers(1, 6)]) for _ in range(n)]


def the_plan(model: LanguageModel) -> ExtractionPlan:
    return plan_extraction(model, poolings=("mean", "last", "mean50"), token_layers=(0, 2))


def run(model: LanguageModel, given: list[str], **options: object) -> Iterator[PooledBatch]:
    settings = {"window": WINDOW, "token_budget": BUDGET, **options}
    return extract(model, given, the_plan(model), **settings)  # type: ignore[arg-type]


def assert_same(got: list[PooledBatch], want: list[PooledBatch]) -> None:
    """Bit for bit."""
    assert [(b.start, b.stop) for b in got] == [(b.start, b.stop) for b in want]
    for a, b in zip(got, want, strict=True):
        assert a.failures == b.failures
        assert a.token_budget == b.token_budget
        assert a.tokens is not None
        assert b.tokens is not None
        pairs = [(a.norm, b.norm), (a.n_tokens, b.n_tokens), (a.truncated, b.truncated)]
        pairs += [(a.tokens.values, b.tokens.values), (a.tokens.token_id, b.tokens.token_id)]
        pairs += [(a.values[p], b.values[p]) for p in b.values]
        for x, y in pairs:
            assert np.array_equal(x, y, equal_nan=x.dtype.kind == "f")


def launches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens, in order: "launch" and "land"."""
    seen, real, land = list[str](), batch_pass.launch, batch_pass.InFlight.land

    def launch(*given: object) -> batch_pass.InFlight:
        seen.append("launch")
        return real(*given)  # type: ignore[arg-type]

    def landed(self: batch_pass.InFlight) -> batch_pass.BatchResult:
        seen.append("land")
        return land(self)

    monkeypatch.setattr(batch_pass, "launch", launch)
    monkeypatch.setattr(batch_pass.InFlight, "land", landed)
    return seen


@pytest.mark.parametrize("n", [1, 2])
def test_the_values_are_those_of_one_batch_after_the_other(
    model: LanguageModel, depth: Depth, n: int
) -> None:
    given = [*texts(), "", *texts(3), *[""] * 20, "One.", ""]
    depth(0)
    want = list(run(model, given))
    depth(n)
    assert_same(list(run(model, given)), want)
    assert_same(list(run(model, given, start=WINDOW)), want[1:])
    assert list(run(model, [])) == []


def test_the_next_batch_is_launched_before_the_one_before_lands(
    model: LanguageModel, depth: Depth, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = launches(monkeypatch)
    depth(0)
    list(run(model, texts()))
    assert seen == ["launch", "land"] * (len(seen) // 2)
    n, per_window = len(seen) // 2, list[int]()
    assert n > 8
    seen.clear()
    depth(1)
    for _ in run(model, texts()):
        per_window.append(seen.count("launch") - seen.count("land"))
    assert seen == ["launch", *["launch", "land"] * (n - 1), "land"]
    assert per_window == [1, 1, 1, 0]  # the consumer has the device at work, but for the last


def test_cancelling_drops_what_is_in_flight(
    model: LanguageModel, depth: Depth, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, hooks = launches(monkeypatch), [len(block._forward_hooks) for block in model.blocks]
    depth(1)
    with pytest.raises(Cancelled, match="rows 0 on"):
        list(run(model, texts(), cancelled=lambda: seen.count("launch") == 3))
    assert seen == ["launch", "launch", "land", "launch", "land"]
    assert [len(block._forward_hooks) for block in model.blocks] == hooks


def test_a_consumer_that_leaves_ends_the_run(model: LanguageModel, depth: Depth) -> None:
    depth(1)
    with closing(run(model, texts())) as batches:  # type: ignore[type-var]
        next(batches)
        assert [t.name for t in threading.enumerate() if t.name.startswith("ahead")]


def test_a_text_that_is_not_finite_is_run_again_alone(model: LanguageModel, depth: Depth) -> None:
    poison = int(encode(model, ["Z"])[0].ids[-1])
    given = texts()
    for row in (0, 7, 8, 15, 29):
        given[row] += " Z"
    model.hf.model.embed_tokens.weight.data[poison] = float("nan")
    depth(0)
    want = list(run(model, given))
    assert [f.row for b in want for f in b.failures if f.pooling == "*"] == [0, 7, 8, 15, 29]
    depth(1)
    assert_same(list(run(model, given)), want)


def test_lack_of_memory_regroups_what_is_left(
    model: LanguageModel, depth: Depth, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, body = type(model.body).forward, type(model.body)

    def limited(self: object, *args: object, **given: torch.Tensor) -> object:
        if given["input_ids"].numel() > 120 and len(given["input_ids"]) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, *args, **given)

    monkeypatch.setattr(body, "forward", limited)
    depth(0)
    want = list(run(model, texts()))
    assert want[0].token_budget == want[-1].token_budget < BUDGET
    assert not any(f.pooling == "*" for b in want for f in b.failures)
    depth(1)
    assert_same(list(run(model, texts())), want)


def test_memory_that_a_batch_in_flight_holds_halves_nothing(
    model: LanguageModel, depth: Depth, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, tried = launches(monkeypatch), list[int]()
    counted = batch_pass.launch

    def limited(model: LanguageModel, plan: ExtractionPlan, rows: list) -> batch_pass.InFlight:
        tried.append(len(rows))
        if seen.count("launch") > seen.count("land"):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return counted(model, plan, rows)

    depth(0)
    want = list(run(model, texts()))
    n, _ = len(seen) // 2, seen.clear()
    monkeypatch.setattr(batch_pass, "launch", limited)
    depth(1)
    assert_same(list(run(model, texts())), want)
    assert seen == ["launch", "land"] * n
    assert len(tried) == 2 * n - 1  # each but the first was tried once in vain


class Breaking(list[str]):
    """Texts whose third window cannot be read; remembers in which thread each slice was read."""

    def __init__(self, given: list[str]) -> None:
        super().__init__(given)
        self.read: list[tuple[int, int]] = []

    def __getitem__(self, at):  # type: ignore[no-untyped-def]
        self.read.append((at.start, threading.get_ident()))
        if at.start == 2 * WINDOW:
            raise OSError("the disk is gone")
        return list(self)[at]


@pytest.mark.parametrize("n", [0, 1])
def test_an_error_in_reading_comes_after_the_windows_before_it(
    model: LanguageModel, depth: Depth, n: int
) -> None:
    depth(n)
    given, stops, ahead = Breaking(texts()), list[int](), list[int]()
    batches = run(model, given)
    for _ in range(2):
        stops.append(next(batches).stop)
        ahead.append(len(given.read))
    with pytest.raises(OSError, match="the disk is gone"):
        next(batches)
    assert stops == [WINDOW, 2 * WINDOW]
    assert given.read == [(i * WINDOW, threading.get_ident()) for i in range(3)]
    assert ahead == [1 + 2 * n, 2 + n]


@pytest.mark.parametrize("n", [0, 1])
def test_an_error_in_encoding_comes_after_the_windows_before_it(
    model: LanguageModel, depth: Depth, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    depth(n)
    real, threads = extraction.encode, set[int]()

    def breaking(model: LanguageModel, given: list[str], **options: int) -> list:
        threads.add(threading.get_ident())
        if "bad" in given:
            raise ZeroDivisionError
        return real(model, given, **options)

    monkeypatch.setattr(extraction, "encode", breaking)
    given = texts()
    given[2 * WINDOW] = "bad"
    batches = run(model, given)
    assert [next(batches).stop for _ in range(2)] == [WINDOW, 2 * WINDOW]
    with pytest.raises(ZeroDivisionError):
        next(batches)
    assert (threading.get_ident() in threads) == (n == 0)


def test_an_error_in_a_pass_is_the_callers(
    model: LanguageModel, depth: Depth, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes, real = list[int](), batch_pass.pool

    def broken(h: torch.Tensor, weights: PoolWeights) -> object:
        passes.append(len(h))
        if len(passes) > 40:
            raise ZeroDivisionError
        return real(h, weights)

    monkeypatch.setattr(batch_pass, "pool", broken)
    hooks = [len(block._forward_hooks) for block in model.blocks]
    depth(1)
    with pytest.raises(ZeroDivisionError):
        list(run(model, texts()))
    assert len(passes) == 41
    assert [len(block._forward_hooks) for block in model.blocks] == hooks
