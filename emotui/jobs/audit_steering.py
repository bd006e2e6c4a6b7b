"""The controls of a steering claim as steps, cheapest first, and the outcome they read.

In: a set of vectors, its model, prompts. Out: steps. The outcome is the log-odds of the emotion's
words against neutral ones at the next token. Unless words are given, they are taken from the run's
own texts: target = tokens that mark the emotion's texts (log-odds with a Dirichlet prior, z > 3;
Monroe, Colaresi and Quinn 2008), neutral = tokens as frequent that mark nothing. Computes no
control.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import cast

import numpy as np
import torch
from jaxtyping import Float

from emotui.errors import OptionError, UserError
from emotui.events import Cancelled
from emotui.jobs.audit_data import ACTIVATIONS, LABELS, SETTINGS, VECTORS, Source, Step
from emotui.jobs.audit_direction import on_the_claimed_side
from emotui.jobs.audit_record import Audit
from emotui.jobs.sets import residual_norm
from emotui.sanitize import one_line
from store.forks import prompt_hashes
from vectors.audits.arms import planned_arms, random_directions, shuffled_directions
from vectors.audits.bench import Bench
from vectors.audits.choice import chosen_elsewhere
from vectors.audits.data import AuditData
from vectors.audits.dose import dose_effects, dose_response, per_prompt, planned_doses, sign_flip
from vectors.audits.integrity import (
    PROMPTS,
    alpha_zero,
    backends,
    cache_parity,
    dose_delivered,
    downstream,
    exact_null,
    padding,
    planned_gate,
)
from vectors.audits.language import coherence_budget
from vectors.audits.mechanism import active_path, planned_mechanism
from vectors.audits.reliability import cross_seed
from vectors.audits.result import ControlResult, Cost
from vectors.directionset import DirectionSet
from vectors.errors import Cancelled as CancelledError
from vectors.generation import generate
from vectors.models import LanguageModel
from vectors.sampling import Sampling
from vectors.steering import Intervention
from vectors.tokens import encode

WORDS, MIN_Z, PLAIN_Z = 20, 3.0, 1.96
MAX_TEXTS = 600  # of each side, for counting tokens
NEW_TOKENS = 32


@dataclass(eq=False)
class WatchedBench(Bench):
    """A bench that tells how many forward passes were made, and can be stopped between batches."""

    watch: Callable[[int], None] = field(default=lambda _n: None)
    cancelled: Cancelled = field(default=lambda: False)

    def logits(
        self, interventions: Sequence[Intervention], alphas: Sequence[float]
    ) -> Float[torch.Tensor, "prompt d_vocab"]:
        """As `Bench.logits`."""
        if self.cancelled():
            raise CancelledError("the audit was cancelled; finished controls are kept")
        found = super().logits(interventions, alphas)
        self.watch(self.forwards)
        return found


def steering_bench(
    model: LanguageModel, directions: DirectionSet, source: Source, audit: Audit
) -> WatchedBench:
    """The claim's intervention with its prompts and the two lists of tokens."""
    subject = audit.subject
    assert subject.alpha is not None
    target, neutral = _lexicons(model, source.data, audit)
    intervention = Intervention(
        layer=subject.layer,
        direction=directions.at(subject.emotion, subject.layer),
        residual_norm=residual_norm(directions, subject.layer),
        label=subject.emotion,
    )
    return WatchedBench(model, subject.prompts, intervention, subject.alpha, target, neutral)


def steering_steps(bench: WatchedBench, source: Source, audit: Audit) -> list[Step]:
    """C12, I1-I7, X1, C6, C4, C5, C11, C10, C2, C1."""
    settings, data, label = audit.settings, source.data, audit.subject.emotion
    model, what, n = bench.model, bench.intervention, len(bench.prompts)
    some, alpha = list(bench.prompts[:PROMPTS]), bench.alpha
    gate, arms = planned_gate(len(some)), planned_arms(n, settings)
    doses, path = planned_doses(n), planned_mechanism(n, settings)
    effects = cache(lambda: dose_effects(bench))
    natural = cache(bench.residuals)
    steered, rows = (VECTORS, SETTINGS), (ACTIVATIONS, LABELS, SETTINGS)
    two = data.one_against_rest(label)
    checks: dict[str, Callable[[], ControlResult]] = {
        "I1": lambda: alpha_zero(model, what, some, settings),
        "I2": lambda: dose_delivered(model, what, some, settings, alpha=alpha),
        "I3": lambda: cache_parity(model, what, some[:4], settings, alpha=alpha),
        "I4": lambda: padding(model, some, settings),
        "I5": lambda: backends(model, some, settings),
        "I6": lambda: exact_null(model, what, some, settings, alpha=alpha),
        "I7": lambda: downstream(model, what, some, settings),
    }
    return [
        Step("C12", Cost(), steered,
             lambda: _choice(audit)),
        *(Step(name, gate[name], steered, work) for name, work in checks.items()),
        Step("X1", Cost(), rows, lambda: cross_seed(two, settings, labels=(label,))),
        Step("C6", Cost(generations=2 * n), steered, lambda: _coherence(bench, audit)),
        Step("C4", doses["C4"], steered, lambda: _sign(bench, audit)),
        Step("C5", doses["C5"], steered, lambda: dose_response(effects(), settings)),
        Step("C11", doses["C11"], steered, lambda: per_prompt(effects(), settings)),
        Step("C10", path["C10"], steered, lambda: active_path(bench, natural(), settings)),
        Step("C2", arms["C2"], (*steered, *rows),
             lambda: shuffled_directions(bench, data, label, settings)),
        Step("C1", arms["C1"], steered, lambda: random_directions(bench, natural(), settings)),
    ]  # fmt: skip


def _sign(bench: WatchedBench, audit: Audit) -> ControlResult:
    """C4, on the side that the claim names at its alpha."""
    found = sign_flip(bench, audit.settings)
    return on_the_claimed_side(audit.claim, found, number="odd", null=0.0)


def _choice(audit: Audit) -> ControlResult:
    """C12 on hashes of prompts, from the ledger of what was steered before."""
    subject = audit.subject
    tuning = subject.tuned_on if subject.tuned_on else None
    return chosen_elsewhere(tuning, prompt_hashes(subject.prompts), n_tried=subject.tried)


def _coherence(bench: WatchedBench, audit: Audit) -> ControlResult:
    """C6 on texts at the claim's alpha and at none, one pair per prompt."""
    longest = max(len(e.ids) for e in encode(bench.model, list(bench.prompts)))
    room = min(NEW_TOKENS, bench.model.info.context_length - longest)
    if room < 1:
        raise UserError("the prompts fill the model's context; give shorter ones with --prompts")
    n = len(bench.prompts)
    made = generate(
        bench.model,
        [*bench.prompts, *bench.prompts],
        interventions=[bench.intervention],
        alphas=[*[bench.alpha] * n, *[None] * n],
        sampling=Sampling(max_new_tokens=room, seed=audit.seed),
        cancelled=bench.cancelled,
    )
    if not made.finished:
        raise CancelledError("the audit was cancelled; finished controls are kept")
    return coherence_budget(made.rows[:n], made.rows[n:], audit.settings)


def _lexicons(
    model: LanguageModel, data: AuditData, audit: Audit
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    subject = audit.subject
    target = _first_tokens(model, subject.target_words)
    neutral = _first_tokens(model, subject.neutral_words)
    if not target or not neutral:
        own_target, own_neutral = _marking_tokens(model, data, subject.emotion, audit.seed)
        target = target or tuple(t for t in own_target if t not in neutral)
        neutral = neutral or tuple(t for t in own_neutral if t not in target)
    both = set(target) & set(neutral)
    if both:
        shown = ", ".join(one_line(repr(model.tokenizer.decode([t]))) for t in sorted(both)[:4])
        raise OptionError(f"--target-words and --neutral-words begin with the same tokens: {shown}")
    return target, neutral


def _first_tokens(model: LanguageModel, words: Sequence[str]) -> tuple[int, ...]:
    """The first token of every word as it stands inside a text."""
    found = []
    for word in words:
        ids = model.tokenizer(" " + word, add_special_tokens=False)["input_ids"]
        kept = [i for i in ids if model.tokenizer.decode([i]).strip()]
        found += [int(i) for i in kept[:1]]
    return tuple(dict.fromkeys(found))


def _marking_tokens(
    model: LanguageModel, data: AuditData, emotion: str, seed: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if data.texts is None:
        raise OptionError("the run has no texts to take words from; give --target-words and "
                          "--neutral-words")  # fmt: skip
    mine = data.codes == data.code(emotion)
    counts = np.stack([_counts(model, data, side, seed) for side in (mine, ~mine)])
    prior = counts.sum(axis=0) * (500 / counts.sum()) + 0.01
    total, spread = counts.sum(axis=1), prior.sum()
    a, b = counts + prior
    gap = np.log(a / (total[0] + spread - a)) - np.log(b / (total[1] + spread - b))
    z = gap / np.sqrt(1 / a + 1 / b)
    letters = np.array(
        [sum(c.isalpha() for c in cast(str, model.tokenizer.decode([i]))) >= 2
         for i in range(len(z))]
    )  # fmt: skip
    order = np.argsort(-np.where(letters, z, -np.inf))
    target = [int(i) for i in order[:WORDS] if z[i] > MIN_Z]
    if len(target) < 2:
        raise OptionError(
            f"fewer than two tokens mark the texts of {one_line(emotion)}; give --target-words and "
            "--neutral-words"
        )
    seen = counts.sum(axis=0)
    plain = [int(i) for i in np.flatnonzero(letters & (np.abs(z) < PLAIN_Z) & (seen > 0))]
    if not plain:
        raise OptionError("no token is as frequent in both; give --neutral-words")
    middle = np.median(np.log(seen[target]))
    plain.sort(key=lambda i: abs(float(np.log(seen[i])) - middle))
    return tuple(target), tuple(plain[: len(target)])


def _counts(model: LanguageModel, data: AuditData, side: np.ndarray, seed: int) -> np.ndarray:
    """How often every token stands in texts of one side."""
    assert data.texts is not None
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(side))[:MAX_TEXTS]
    counts = np.zeros(model.info.d_vocab)
    for encoding in encode(model, [data.texts[i] for i in rows]):
        counts += np.bincount(encoding.ids[~encoding.is_special], minlength=len(counts))
    return counts
