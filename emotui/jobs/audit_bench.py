"""What steering and ablation claims share: texts under an arm, natural activations, optional steps.

In: a bench (whose arm adds or removes a direction), the claim, the store. Out: steps. Computes no
control.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float

from emotui.errors import UserError
from emotui.jobs.audit_costs import NATURAL_TEXTS, model_costs
from emotui.jobs.audit_data import (
    ACTIVATIONS,
    LABELS,
    SETTINGS,
    TEXTS,
    VECTORS,
    Means,
    Source,
    Step,
)
from emotui.jobs.audit_outcome import name_tokens, neutral_texts
from emotui.jobs.audit_probe import probe_steps
from emotui.jobs.audit_record import Audit
from store.forks import prompt_hashes
from vectors.audits.badges import STEP_1
from vectors.audits.bench import Bench
from vectors.audits.choice import chosen_elsewhere, off_target
from vectors.audits.dose import position_scope
from vectors.audits.language import coherence_budget
from vectors.audits.mechanism import ROWS_PER_DIM, beyond_vocabulary
from vectors.audits.offtarget import (
    MARGINS,
    MAX_TEXTS,
    off_target_changes,
    target_in_margins,
)
from vectors.audits.paraphrase import WORDINGS, other_wordings
from vectors.audits.result import ControlResult, Cost
from vectors.directionset import DirectionSet
from vectors.errors import Cancelled as CancelledError
from vectors.generation import RowResult, generate
from vectors.sampling import Sampling
from vectors.tokens import encode

NEW_TOKENS = 32
STEERED = (VECTORS, SETTINGS)
ROWS = (ACTIVATIONS, LABELS, SETTINGS)


@dataclass(eq=False)
class Workbench:
    """A claim's bench with what its controls draw on; everything costly is read once."""

    means: Means
    bench: Bench
    directions: DirectionSet
    source: Source
    audit: Audit

    @cached_property
    def neutral(self) -> list[str]:
        """Neutral texts, drawn with the claim's seed."""
        return neutral_texts(
            self.means.home, self.directions, self.source, seed=self.audit.seed, count=MAX_TEXTS
        )[0]

    @cached_property
    def natural(self) -> Float[np.ndarray, "token d_model"]:
        """Residual streams of tokens at the layer: prompts, then texts until they span the space.

        Half of the texts are the run's own and half neutral ones.
        """
        rows, wanted = self.bench.residuals(), ROWS_PER_DIM * self.bench.model.info.d_model
        for start in range(0, NATURAL_TEXTS, 16):
            if len(rows) >= wanted:
                break
            rows = np.concatenate([rows, self.bench.residuals(self._around[start : start + 16])])
        return rows

    @cached_property
    def _around(self) -> list[str]:
        own = self.source.data.texts or ()
        order = np.random.default_rng(self.audit.seed).permutation(len(own))[: NATURAL_TEXTS // 2]
        neutral = self.neutral[: NATURAL_TEXTS // 2]
        mixed = [t for pair in zip((own[int(i)] for i in order), neutral, strict=False)
                 for t in pair]  # fmt: skip
        return mixed or list(self.bench.prompts)

    @cached_property
    def texts(self) -> tuple[list[RowResult], list[RowResult]]:
        """Texts under the claimed arm and under none, one pair per prompt, sharing their noise."""
        prompts = self.bench.prompts
        return self.written(prompts, self.bench.alpha), self.written(prompts, None)

    def written(self, prompts: Sequence[str], alpha: float | None) -> list[RowResult]:
        """One text per prompt."""
        model = self.bench.model
        longest = max(len(e.ids) for e in encode(model, list(prompts)))
        room = min(NEW_TOKENS, model.info.context_length - longest)
        if room < 1:
            raise UserError("the prompts fill the model's context; give shorter ones with "
                            "--prompts")  # fmt: skip
        interventions, shares = self.bench.arm(self.bench.alpha if alpha is None else alpha)
        row = [None] * len(shares) if alpha is None else list(shares)
        made = generate(
            model,
            list(prompts),
            interventions=interventions,
            alphas=[row] * len(prompts),
            sampling=Sampling(max_new_tokens=room, seed=self.audit.seed),
            cancelled=self.means.cancelled,
        )
        if not made.finished:
            raise CancelledError("the audit was cancelled; finished controls are kept")
        return list(made.rows)

    def choice(self) -> ControlResult:
        """C12 on hashes of prompts, from the ledger of what was steered before."""
        subject = self.audit.subject
        return chosen_elsewhere(
            subject.tuned_on or None, prompt_hashes(subject.prompts), n_tried=subject.tried
        )

    def coherence(self) -> ControlResult:
        """C6."""
        return coherence_budget(*self.texts, self.audit.settings)

    def off_target(self) -> ControlResult:
        """C7."""
        bench, subject = self.bench, self.audit.subject
        before = bench.forwards
        others = {
            name: self.directions.at(name, subject.layer)
            for name in self.directions.labels
            if name != subject.emotion
        }
        changes = off_target_changes(bench, self.neutral, others, self.texts)
        effect = bench.effect(bench.alpha)
        found = off_target(
            changes, MARGINS, self.audit.settings,
            target_effect=target_in_margins(bench, effect),
        )  # fmt: skip
        return _at_cost(found, bench.spent(before))

    def optional(self) -> list[Step]:
        """Steps that run only when asked for: C8, C14, X7, C7 and those of step 1."""
        bench, settings = self.bench, self.audit.settings
        cost = model_costs(self.audit, len(bench.prompts))
        wordings = self.audit.subject.paraphrases or WORDINGS
        name = name_tokens(bench.model, self.audit.subject.emotion)
        first = probe_steps(self.source, self.audit, self.means)
        steps = [
            *(s for s in first if s.control in STEP_1),
            Step("C8", cost["C8"], STEERED,
                 lambda: beyond_vocabulary(bench, settings, lexicon=name)),
            Step("C14", cost["C14"], STEERED,
                 lambda: position_scope(bench, settings, declared=True)),
            Step("X7", cost["X7"], STEERED,
                 lambda: other_wordings(bench, settings, wordings=wordings)),
            Step("C7", cost["C7"], (*STEERED, TEXTS), self.off_target),
        ]  # fmt: skip
        given = ("X7",) if self.audit.subject.paraphrases else ()
        return on_demand(steps, unasked=given)


def on_demand(steps: Sequence[Step], *, unasked: Sequence[str] = ()) -> list[Step]:
    """The same steps, to be run only when asked for unless the claim was given what they read."""
    return [replace(step, optional=step.control not in unasked) for step in steps]


def _at_cost(result: ControlResult, cost: Cost) -> ControlResult:
    return replace(result, cost=cost)


def valence_of(audit: Audit) -> Mapping[str, float]:
    """Norms of valence, where the claim was given some."""
    return {name: valence for name, valence, _ in audit.subject.norms}
