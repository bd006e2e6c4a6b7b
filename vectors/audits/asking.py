"""C13: is it better than asking? An instruction that names the emotion, against one that does not.

In: a bench, the emotion's name. Out: the effect of asking and of steering on the same outcome. The
two instructions are of equal length in tokens where the list below has one that is; the difference
is reported. With a chat template the instruction is the user's message and the prompt begins the
answer; without one it stands before the prompt. Steering is measured under the neutral
instruction, so that the arms differ in the vector or in the word only. Asking often wins
(AxBench), so this control never fails.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np

from vectors.generation import RowResult
from vectors.stats import wilson
from vectors.tokens import encode

from .bench import Bench, mean_interval
from .result import ControlResult, Cost, State, exact
from .settings import AuditSettings

if TYPE_CHECKING:
    from vectors.models import LanguageModel

ASKING = "You feel {}."
PLAIN = (
    "You write.", "You write this.", "You write this text.", "You write this text now.",
    "You go on with this text.", "You go on with this text now.",
    "You go on with this text as it is.", "You go on with this text as it is for now.",
)  # fmt: skip
Texts = Callable[[Sequence[str], float | None], Sequence[RowResult]]
"""Prompts and an alpha (None = unsteered) to generated rows."""


def planned_asking(n_prompts: int, *, texts: bool = True) -> Cost:
    """Passes and texts, counted before the start."""
    return Cost(forwards=3 * n_prompts, generations=3 * n_prompts if texts else 0)


def better_than_asking(
    bench: Bench, emotion: str, settings: AuditSettings, *, texts: Texts | None = None
) -> ControlResult:
    """C13: "pass" where steering moves the outcome more than asking does, "warn" otherwise.

    `texts` generates (tier "text"): the share of generated tokens that are target tokens, per arm.
    """
    before = bench.forwards
    asking = ASKING.format(emotion)
    plain = neutral_instruction(bench.model, asking)
    asked, steered = (
        replace(bench, prompts=instructed(bench.model, bench.prompts, words), forwards=0,
                _base=None, tick=lambda n: bench.tick(before + n))
        for words in (asking, plain)
    )  # fmt: skip
    base = steered.outcome(steered.base())
    by_asking = asked.outcome(asked.base()) - base
    by_steering = steered.outcome(steered.steered(bench.alpha)) - base
    sign = np.sign(by_steering.mean()) or 1.0
    numbers = {
        "asking": mean_interval(by_asking, settings, "C13"),
        "steering": mean_interval(by_steering, settings, "C13"),
        "steering above asking": mean_interval(sign * (by_steering - by_asking), settings, "C13"),
        "tokens longer": exact(
            _tokens(bench.model, asking) - _tokens(bench.model, plain), n=len(by_asking)
        ),
    }
    bench.forwards += asked.forwards + steered.forwards
    if texts is not None:
        arms = {"asked": (asked.prompts, None), "steered": (steered.prompts, bench.alpha),
                "plain": (steered.prompts, None)}  # fmt: skip
        for name, (prompts, alpha) in arms.items():
            written = [t for row in texts(prompts, alpha) for t in row.token_ids]
            hits = sum(t in set(bench.target) for t in written)
            numbers[f"target words, {name}"] = wilson(hits, max(1, len(written)))
    above = numbers["steering above asking"]
    state: State = "pass" if above.low > 0 else "warn"
    said = (
        f"{asking!r} moves the outcome by {by_asking.mean():.2f}, steering by "
        f"{by_steering.mean():.2f}"
    )
    cost = bench.spent(before) + Cost(generations=0 if texts is None else 3 * len(bench.prompts))
    return ControlResult(
        "C13", state, numbers, reasons=() if state == "pass" else (said,), cost=cost
    )


def neutral_instruction(model: "LanguageModel", asking: str) -> str:
    """The neutral instruction whose length in tokens is nearest."""
    wanted = _tokens(model, asking)
    return min(PLAIN, key=lambda words: abs(_tokens(model, words) - wanted))


def instructed(model: "LanguageModel", prompts: Sequence[str], instruction: str) -> tuple[str, ...]:
    """Every prompt after the instruction, by the chat template where the tokenizer has one."""
    if not getattr(model.tokenizer, "chat_template", None):
        return tuple(f"{instruction} {prompt}" for prompt in prompts)
    message = [{"role": "user", "content": instruction}]
    before = model.tokenizer.apply_chat_template(
        message, tokenize=False, add_generation_prompt=True
    )
    return tuple(cast(str, before) + prompt for prompt in prompts)


def _tokens(model: "LanguageModel", text: str) -> int:
    return len(encode(model, [text])[0].ids)
