"""Residual streams of many texts, pooled on the device in one pass and given in dataset order.

In: a LanguageModel, any sequence of texts, a plan. Out: one PooledBatch per window of consecutive
rows, as numpy arrays. Runs the body alone (no unembedding), with forward hooks that pool as the
blocks run, and ends each pass after the last wanted block. Inside a window texts are grouped by
length under a token budget; a batch that does not fit in memory halves the budget and is run
again. Texts that cannot be used are set aside as NaN rows and named. Knows nothing about files,
labels or directions.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64
from numpy import ndarray

from .batch_pass import BatchResult, try_batch
from .errors import Cancelled, LayerError, TextError
from .pooling import MASK_RULE, POOLINGS, Choice, choose_tokens, counts_taken
from .tokens import Encoding, batches_by_length, encode

if TYPE_CHECKING:
    from .models import LanguageModel

STORED_DTYPES = ("bfloat16", "float16", "float32")
_NUMPY_DTYPE = {"bfloat16": np.uint16, "float16": np.float16, "float32": np.float32}
_BF16_NAN = np.uint16(0x7FC0)
# Tokens of one batch, padding included. Where even one text is too much, that text is set aside.
_BUDGET = {"cpu": 2048, "mps": 8192, "cuda": 32768}


def never() -> bool:
    """The `cancelled` of a caller that never cancels."""
    return False


@dataclass(frozen=True)
class Failure:
    """One text, or one pooling of it, that was set aside."""

    row: int  # of the dataset
    pooling: str  # "*" = the whole text
    reason: str


@dataclass(frozen=True)
class ExtractionPlan:
    """What to read from every text; with the model and the dataset it fixes every value."""

    layers: tuple[int, ...]  # pooled, in the order of the values' layer axis
    poolings: tuple[str, ...]  # of "mean50", "mean", "last", "spans"
    token_layers: tuple[int, ...]  # every text token's residual stream is kept at these
    max_length: int  # tokens, BOS included; longer texts are cut and flagged
    min_pooled: int  # mean50 of fewer tokens is set aside; other poolings need one
    stored_dtype: str  # "bfloat16" (as uint16 bits), "float16" or "float32"
    skip_tokens: int  # mean50 begins at this text token, counted from 1

    @property
    def mask_rule(self) -> str:
        """Which tokens count, in words, for a run's identity."""
        return MASK_RULE.format(skip=self.skip_tokens)


@dataclass(frozen=True)
class TokenRows:
    """The residual stream of every text token of one window (control tokens left out)."""

    values: ndarray  # [T token_layer d_model], dtype as PooledBatch.values
    offsets: Int64[ndarray, " text_1"]  # text i has rows offsets[i] to offsets[i + 1]
    token_id: Int32[ndarray, " T"]


@dataclass(frozen=True)
class PooledBatch:
    """One window of consecutive rows, in dataset order."""

    start: int  # first row
    stop: int  # past the last row
    values: dict[str, ndarray]  # pooling -> [text layer d_model]; NaN rows where set aside
    n_tokens: Int32[ndarray, " text"]  # text tokens (no BOS), after truncation
    n_pooled: dict[str, Int32[ndarray, " text"]]  # pooling -> tokens its rule takes
    norm: Float32[ndarray, "text layer"]  # mean over text tokens of |h|; NaN where set aside
    tokens: TokenRows | None  # None where the plan has no token_layers
    failures: tuple[Failure, ...]  # by row
    truncated: Bool[ndarray, " text"]  # True where the text's end was cut off
    token_budget: int  # in force at the end of the window; halved by each lack of memory


def plan_extraction(
    model: "LanguageModel",
    *,
    layers: Sequence[int] | None = None,
    poolings: Sequence[str] = ("mean50",),
    token_layers: Sequence[int] = (),
    max_length: int | None = None,
    min_pooled: int = 10,
    stored_dtype: str = "bfloat16",
    skip_tokens: int = 50,
) -> ExtractionPlan:
    """A plan for this model, every choice checked. All layers for None.

    Raises LayerError for a layer outside the model, TextError for an unknown pooling or dtype.
    """
    for pooling in poolings:
        if pooling not in POOLINGS:
            raise TextError(f"pooling {pooling!r} is unknown; use {', '.join(POOLINGS)}")
    if not poolings and not token_layers:
        raise TextError("nothing to extract: give a pooling or a token layer")
    if layers is not None and not layers:
        raise LayerError(
            f"no layers given; use None for all or some of 0 to {model.info.n_layers - 1}"
        )
    if stored_dtype not in STORED_DTYPES:
        raise TextError(f"stored dtype {stored_dtype!r} is unknown; use {', '.join(STORED_DTYPES)}")
    context = model.info.context_length
    length = context if max_length is None else max_length
    if not 2 <= length <= context:
        raise TextError(f"max length {length} is outside 2 to {context}, the model's context")
    if skip_tokens < 1 or min_pooled < 1:
        raise TextError("skip_tokens and min_pooled must be at least 1")
    return ExtractionPlan(
        layers=model.layers(None if layers is None else sorted(set(layers))),
        poolings=tuple(dict.fromkeys(poolings)),
        token_layers=model.layers(sorted(set(token_layers))),
        max_length=length,
        min_pooled=min_pooled,
        stored_dtype=stored_dtype,
        skip_tokens=skip_tokens,
    )


def extract(
    model: "LanguageModel",
    texts: Sequence[str],
    plan: ExtractionPlan,
    *,
    spans: Sequence[Sequence[tuple[int, int]]] | None = None,
    start: int = 0,
    window: int = 512,
    token_budget: int | None = None,
    cancelled: Callable[[], bool] = never,
) -> Iterator[PooledBatch]:
    """Yield the pooled residual streams of rows `start` on, one window at a time.

    `texts` and `spans` (characters, per text) may be any lazy sequences: only slices of one window
    are read. Windows end at multiples of `window`, so a run resumed at one groups its batches, and
    gives its values, like an uninterrupted one. Raises Cancelled between batches.
    """
    if "spans" in plan.poolings and spans is None:
        raise TextError("pooling 'spans' needs the texts' character spans; none were given")
    budget = _Budget(token_budget or _BUDGET.get(model.device.type, 2048))
    row = start
    while row < len(texts):
        stop = min(len(texts), (row // window + 1) * window)
        yield _Window(
            model, plan, row, texts[row:stop], None if spans is None else spans[row:stop]
        ).run(budget, cancelled)
        row = stop


@dataclass
class _Budget:
    """Tokens per batch; only ever shrinks."""

    tokens: int


class _Window:
    """Consecutive rows on their way through the model."""

    def __init__(
        self,
        model: "LanguageModel",
        plan: ExtractionPlan,
        start: int,
        texts: Sequence[str],
        spans: Sequence[Sequence[tuple[int, int]]] | None,
    ) -> None:
        self.model, self.plan, self.start = model, plan, start
        self.encodings = encode(model, texts, max_length=plan.max_length)
        self.choices = [
            choose_tokens(
                encoding,
                plan.poolings,
                skip_tokens=plan.skip_tokens,
                spans=None if spans is None else spans[i],
            )
            for i, encoding in enumerate(self.encodings)
        ]
        self.n_tokens = np.array([c.text_tokens.sum() for c in self.choices], dtype=np.int32)
        n, d_model = len(self.encodings), model.info.d_model
        self.values = self._empty(len(plan.poolings), n, len(plan.layers), d_model)
        self.norm = np.full((n, len(plan.layers)), np.nan, dtype=np.float32)
        self.token_offsets = np.concatenate([[0], np.cumsum(self.n_tokens, dtype=np.int64)])
        kept = int(self.token_offsets[-1]) if plan.token_layers else 0
        self.token_values = self._empty(kept, len(plan.token_layers), d_model)
        self.failures: list[Failure] = []

    def _empty(self, *shape: int) -> ndarray:
        """All NaN: a row that is never filled is visibly set aside."""
        dtype = _NUMPY_DTYPE[self.plan.stored_dtype]
        return np.full(shape, _BF16_NAN if dtype is np.uint16 else np.nan, dtype=dtype)

    def run(self, budget: _Budget, cancelled: Callable[[], bool]) -> PooledBatch:
        """Every usable text once, whatever the batches; then the window's result."""
        usable = np.flatnonzero(self.n_tokens)
        for i in np.flatnonzero(self.n_tokens == 0):
            self._set_aside(int(i), "*", "no tokens: the text is empty")
        lengths = [len(self.encodings[i].ids) for i in usable]
        queue = deque(
            usable[batch] for batch in batches_by_length(lengths, token_budget=budget.tokens)
        )
        while queue:
            if cancelled():
                raise Cancelled(f"extraction cancelled in rows {self.start} on")
            batch = queue.popleft()
            result = try_batch(self.model, self.plan, self._rows(batch))
            if result is None:
                queue = self._after_out_of_memory(batch, queue, budget)
            else:
                queue.extendleft(self._keep(batch, result))
        return self._result(budget)

    def _rows(self, batch: ndarray) -> list[tuple[Encoding, Choice]]:
        return [(self.encodings[i], self.choices[i]) for i in batch]

    def _after_out_of_memory(
        self, batch: ndarray, queue: deque[ndarray], budget: _Budget
    ) -> deque[ndarray]:
        """Halve the budget and group again what is left; a text that fails alone is set aside."""
        longest = max(len(self.encodings[i].ids) for i in batch)
        if len(batch) == 1:
            self._set_aside(int(batch[0]), "*", f"out of memory with its {longest} tokens alone")
            return queue
        budget.tokens = max(longest, min(budget.tokens, longest * len(batch)) // 2)
        left = np.concatenate([batch, *queue])
        lengths = [len(self.encodings[i].ids) for i in left]
        return deque(left[b] for b in batches_by_length(lengths, token_budget=budget.tokens))

    def _keep(self, batch: ndarray, result: BatchResult) -> list[ndarray]:
        """Put finite rows in their places; return the texts to run again, each alone.

        A padded neighbour must not decide over a text: only one that is not finite when alone is
        set aside.
        """
        again: list[ndarray] = []
        for at, i in enumerate(batch.tolist()):
            if result.finite[at]:
                self.values[:, i], self.norm[i] = result.values[at], result.norm[at]
                if self.plan.token_layers:
                    first, stop = self.token_offsets[i : i + 2]
                    self.token_values[first:stop] = result.tokens[at]
            elif len(batch) > 1:
                again.append(batch[at : at + 1])
            else:
                reason = f"activations not finite in {self.model.info.dtype}"
                if self.plan.stored_dtype == "float16":
                    reason += ", or beyond what the stored float16 holds"
                self._set_aside(i, "*", reason)
        return again

    def _set_aside(self, i: int, pooling: str, reason: str) -> None:
        self.failures.append(Failure(self.start + i, pooling, reason))

    def _result(self, budget: _Budget) -> PooledBatch:
        plan, n = self.plan, len(self.encodings)
        counts = counts_taken(self.choices)
        set_aside = {failure.row - self.start for failure in self.failures}
        values = {name: self.values[p] for p, name in enumerate(plan.poolings)}
        for p, name in enumerate(plan.poolings):
            least = plan.min_pooled if name == "mean50" else 1
            for i in np.flatnonzero(counts[:, p] < least).tolist():
                values[name][i] = self._empty()
                if i not in set_aside:
                    self._set_aside(i, name, self._too_few(i, name, int(counts[i, p]), least))
        tokens = None
        if plan.token_layers:
            ids = [e.ids[c.text_tokens] for e, c in zip(self.encodings, self.choices, strict=True)]
            tokens = TokenRows(self.token_values, self.token_offsets, np.concatenate(ids))
        return PooledBatch(
            start=self.start,
            stop=self.start + n,
            values=values,
            n_tokens=self.n_tokens,
            n_pooled={name: counts[:, p].astype(np.int32) for p, name in enumerate(plan.poolings)},
            norm=self.norm,
            tokens=tokens,
            failures=tuple(sorted(self.failures, key=lambda f: (f.row, f.pooling))),
            truncated=np.array([e.truncated for e in self.encodings], dtype=bool),
            token_budget=budget.tokens,
        )

    def _too_few(self, i: int, pooling: str, count: int, least: int) -> str:
        if pooling == "mean50":
            return f"{count} tokens from text token {self.plan.skip_tokens} on; {least} are needed"
        return self.choices[i].bad_span or "no token lies in its spans"
