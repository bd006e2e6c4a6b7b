"""Steered text: our own decode loop, streaming, cancellable, alpha movable while it runs.

In: a model, one prompt or one per row, interventions, an alpha per row. Out: `Generation`, with the
meters of every row beside its text. Knows no files and no screen.

All rows go in one batch over one KV cache: a baseline row and sweep rows share the sampling noise
(`vectors.sampling`), so what differs between them is the steering. A cache is never reused under
another alpha, except live: a `Dial` moved while text streams acts from the next token on, every
token records its alpha, and `live` marks such a run as no evidence.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float64, Int
from torch import Tensor

from .decoding import Decoder, TextStream
from .errors import DataError, TextError
from .meters import distinct, repetition, under_unsteered
from .sampling import Sampling, sample_tokens
from .steering import Alpha, Intervention, Steering, alpha_table, checked_alpha
from .tokens import encode

if TYPE_CHECKING:
    from .models import LanguageModel

Alphas = tuple[Alpha, ...]


@dataclass(frozen=True)
class DialChange:
    """One move of the dial while text streamed."""

    token: int
    """Index of the first generated token that was drawn under the new alpha."""
    row: int
    intervention: int
    alpha: Alpha


class Dial:
    """Alphas that another thread may set while `generate` runs: each acts from the next token.

    One dial serves one run.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._table: Float64[np.ndarray, "row intervention"] | None = None
        self._pending: list[tuple[int, int, Alpha]] = []
        self._history: list[DialChange] = []

    @property
    def history(self) -> tuple[DialChange, ...]:
        """Every move that took effect after the first token, in order."""
        with self._lock:
            return tuple(self._history)

    def set(self, alpha: Alpha, *, row: int, intervention: int = 0) -> None:
        """Ask for another alpha in one row (None = leave the row alone). Safe from any thread."""
        value = None if alpha is None else checked_alpha(alpha)
        with self._lock:
            if self._table is not None:
                self._check(row, intervention)
            self._pending.append((row, intervention, value))

    def start(self, table: Float64[np.ndarray, "row intervention"]) -> None:
        """`generate` calls this: the alphas a run begins with; moves made before it still count."""
        with self._lock:
            if self._table is not None:
                raise DataError("this dial has served a run already; make a new one for each run")
            self._table = table.copy()
            for row, intervention, _ in self._pending:
                self._check(row, intervention)

    def read(self, token: int) -> Float64[np.ndarray, "row intervention"]:
        """`generate` calls this before each forward pass: the alphas for the token it will draw."""
        with self._lock:
            if self._table is None:
                raise DataError("the dial was read before a run started it")
            for row, intervention, alpha in self._pending:
                value = np.nan if alpha is None else alpha
                same = np.array_equal(self._table[row, intervention], value, equal_nan=True)
                if token > 0 and not same:
                    self._history.append(DialChange(token, row, intervention, alpha))
                self._table[row, intervention] = value
            self._pending.clear()
            return self._table.copy()

    def _check(self, row: int, intervention: int) -> None:
        assert self._table is not None
        rows, interventions = self._table.shape
        if not (0 <= row < rows and 0 <= intervention < interventions):
            raise DataError(
                f"the dial has no row {row}, intervention {intervention}; this run has {rows} rows "
                f"and {interventions} interventions, counted from 0"
            )


@dataclass(frozen=True)
class Step:
    """One token of every row, as it is drawn."""

    index: int
    """Counts generated tokens from 0."""
    token_ids: tuple[int, ...]
    """Per row; the padding id where the row had ended before."""
    pieces: tuple[str, ...]
    """Per row, the text that became readable with this token; untrusted, may be empty."""
    alphas: tuple[Alphas, ...]
    """Per row and intervention, as this token was drawn."""
    done: tuple[bool, ...]
    """Per row, whether the row has ended with or before this token."""


@dataclass(frozen=True)
class RowResult:
    """One row's text, its settings and its meters."""

    prompt: str
    text: str
    """What was generated, without the prompt and without special tokens; untrusted."""
    token_ids: tuple[int, ...]
    """Generated ids, the end-of-sequence id included where it was drawn."""
    pieces: tuple[str, ...]
    """Per token, the text it completed; joined they are `text`."""
    alphas: tuple[Alphas, ...]
    """Per token and intervention; None = the row was left alone."""
    stopped: str
    """"eos", "length" or "cancelled"; only "eos" is a completed text."""
    nll: float
    """Nats per generated token under the unsteered model; NaN where there is no token."""
    repetition4: float
    """Share of 4-grams that occurred before; NaN under 4 tokens."""
    distinct2: float
    """Distinct bigrams / bigrams; NaN under 2 tokens."""
    kl_first: float
    """KL(steered || unsteered) of the first token, nats; 0 up to rounding in a baseline row."""
    dose: float
    """Mean |h' - h| / |h| over the moved positions: the dose that arrived; 0 in a baseline row."""
    n_moved: int
    """(layer, position) pairs that were moved."""
    hook_calls: int
    """How often a hook saw this row; `hook_calls_due` where all is well."""
    hook_calls_due: int
    """Forward passes of this row x steered layers."""
    live: bool
    """True where an alpha of the run was moved while text streamed: never evidence."""
    control: str | None
    """Which control directions acted in this row ("isotropic", ...); None = none."""


@dataclass(frozen=True, eq=False)
class Generation:
    """All rows of one run and what made them."""

    prompts: tuple[str, ...]
    """Per row."""
    rows: tuple[RowResult, ...]
    sampling: Sampling
    seeds: tuple[int, ...]
    """Per row; all equal where the noise is shared."""
    interventions: tuple[Intervention, ...]
    finished: bool
    """False when the run was cancelled."""
    elapsed_s: float
    """Wall time, meters included."""

    @property
    def prompt(self) -> str:
        """The first row's prompt, which is every row's unless several were given."""
        return self.prompts[0]

    @property
    def live(self) -> bool:
        """Whether an alpha was moved while text streamed."""
        return any(row.live for row in self.rows)


def generate(
    model: "LanguageModel",
    prompt: str | Sequence[str],
    *,
    interventions: Sequence[Intervention],
    alphas: Sequence[Alpha | Sequence[Alpha]],
    sampling: Sampling | None = None,
    seeds: Sequence[int] | None = None,
    dial: Dial | None = None,
    on_step: Callable[[Step], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    use_cache: bool = True,
) -> Generation:
    """Generate one text per row of `alphas`, all in one batch.

    `prompt`: one for all rows, or one per row. `alphas`: per row a number (for every intervention)
    or one per intervention; None = leave alone. `seeds`: per row, where rows should not share
    their noise. A run that `cancelled` stops between tokens returns what there is, `finished`
    False. Raises TextError when prompt and text would not fit the context, LayerError,
    DirectionError or DataError when an intervention or alpha cannot be used with this model.
    """
    started = time.perf_counter()
    settings = sampling or Sampling()
    table = alpha_table(alphas, len(interventions))
    prompts = (prompt,) * len(table) if isinstance(prompt, str) else tuple(prompt)
    row_seeds = (settings.seed,) * len(table) if seeds is None else tuple(seeds)
    if len(prompts) != len(table) or len(row_seeds) != len(table):
        raise DataError(
            f"{len(table)} alphas for {len(prompts)} prompts and {len(row_seeds)} seeds; "
            "give one prompt for all rows or one per row, and one seed per row"
        )
    ids = _prompt_ids(model, prompts, settings.max_new_tokens)
    steering = Steering(model, interventions, n_rows=len(table))
    knob = dial or Dial()
    knob.start(table)
    run = _Run(model, ids, steering, settings, row_seeds)
    with steering.hooks():
        finished = run.decode(knob, on_step, cancelled, use_cache)
    rows = run.results(prompts, ids, live=bool(knob.history))
    return Generation(
        prompts, rows, settings, row_seeds, tuple(interventions), finished,
        time.perf_counter() - started,
    )  # fmt: skip


def _prompt_ids(
    model: "LanguageModel", prompts: Sequence[str], max_new_tokens: int
) -> list[Int[np.ndarray, "pos"]]:
    different = {text: i for i, text in enumerate(dict.fromkeys(prompts))}
    encodings = encode(model, list(different))
    for text, encoding in zip(different, encodings, strict=True):
        room = model.info.context_length - max_new_tokens
        if len(encoding.ids) == 0:
            raise TextError("the prompt has no tokens and this model has no BOS; give some text")
        if encoding.truncated or len(encoding.ids) > room:
            count = f"over {len(encoding.ids)}" if encoding.truncated else str(len(encoding.ids))
            raise TextError(
                f"the prompt {text[:30]!r} has {count} tokens and {max_new_tokens} more are "
                f"wanted, but the context is {model.info.context_length}; shorten one of them"
            )
    return [encodings[different[text]].ids for text in prompts]


class _Run:
    """What one call of `generate` gathers."""

    def __init__(
        self,
        model: "LanguageModel",
        prompts: Sequence[Int[np.ndarray, "pos"]],
        steering: Steering,
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> None:
        n = len(prompts)
        self.model, self.steering, self.sampling, self.seeds = model, steering, sampling, seeds
        self.prompts = prompts
        self.streams = [TextStream(model.tokenizer, p) for p in prompts]
        self.tokens: list[list[int]] = [[] for _ in range(n)]
        self.pieces: list[list[str]] = [[] for _ in range(n)]
        self.alphas: list[list[Alphas]] = [[] for _ in range(n)]
        self.stopped = ["cancelled"] * n
        self.passes = np.zeros(n, dtype=np.int64)
        self.first: Tensor | None = None

    def decode(
        self,
        dial: Dial,
        on_step: Callable[[Step], None] | None,
        cancelled: Callable[[], bool],
        use_cache: bool,
    ) -> bool:
        """Draw tokens until every row has ended; False when cancelled."""
        decoder = Decoder(self.model, self.prompts, steering=self.steering, use_cache=use_cache)
        active = self.steering.active
        chosen = np.full(len(self.prompts), self.model.pad_id)
        for index in range(self.sampling.max_new_tokens):
            if cancelled():
                return False
            alphas = dial.read(index)
            self.passes += active
            logits = decoder.step(chosen, alphas) if index else decoder.prefill(alphas)
            if self.first is None:
                self.first = logits
            drawn = sample_tokens(logits, self.sampling, step=index, seeds=self.seeds)
            chosen = np.where(active, drawn.cpu().numpy(), self.model.pad_id)
            step = self._record(index, chosen, alphas, active)
            if on_step is not None:
                on_step(step)
            if not active.any():
                return True
        return True

    def _record(
        self,
        index: int,
        chosen: Int[np.ndarray, "row"],
        alphas: Float64[np.ndarray, "row intervention"],
        active: Bool[np.ndarray, "row"],
    ) -> Step:
        said = [""] * len(chosen)
        shown = tuple(tuple(None if np.isnan(a) else float(a) for a in row) for row in alphas)
        last = index + 1 == self.sampling.max_new_tokens
        for row in np.flatnonzero(active):
            token = int(chosen[row])
            ended = token in self.model.eos_ids
            said[row] = self.streams[row].push(token)
            if ended or last:
                said[row] += self.streams[row].rest()
                self.stopped[row] = "eos" if ended else "length"
            self.tokens[row].append(token)
            self.pieces[row].append(said[row])
            self.alphas[row].append(shown[row])
            active[row] = not (ended or last)
        return Step(index, tuple(int(t) for t in chosen), tuple(said), shown, tuple(~active))

    def results(
        self, prompts: Sequence[str], ids: Sequence[Int[np.ndarray, "pos"]], *, live: bool
    ) -> tuple[RowResult, ...]:
        """Every row with its meters; the hooks must be off by now."""
        if self.first is None:
            read = [(float("nan"), float("nan"))] * len(prompts)
        else:
            seen = under_unsteered(self.model, ids, self.tokens, first_logits=self.first)
            read = [(u.nll, u.kl_first) for u in seen]
        layers = len(self.steering.by_layer)
        return tuple(
            RowResult(
                prompt=prompts[row],
                text="".join(self.pieces[row]),
                token_ids=tuple(self.tokens[row]),
                pieces=tuple(self.pieces[row]),
                alphas=tuple(self.alphas[row]),
                stopped=self.stopped[row],
                nll=read[row][0],
                repetition4=repetition(self.tokens[row]),
                distinct2=distinct(self.tokens[row]),
                kl_first=read[row][1],
                dose=dose.mean,
                n_moved=dose.n_positions,
                hook_calls=dose.hook_calls,
                hook_calls_due=int(self.passes[row]) * layers,
                live=live,
                control=self._control(row),
            )
            for row, dose in enumerate(self.steering.doses())
        )

    def _control(self, row: int) -> str | None:
        names = [
            i.control
            for index, i in enumerate(self.steering.interventions)
            if i.control is not None
            and any(alphas[index] not in (None, 0.0) for alphas in self.alphas[row])
        ]
        return ", ".join(dict.fromkeys(names)) or None
