"""The controls of a steering claim as steps, cheapest first.

In: a set of vectors, its model, prompts. Out: steps. The outcome they read is in
`emotui.jobs.audit_outcome`. Computes no control.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import cache

import numpy as np

from emotui.errors import OptionError
from emotui.jobs.audit_bench import ROWS, STEERED, Workbench, on_demand, valence_of
from emotui.jobs.audit_costs import EMOTIONS, model_costs
from emotui.jobs.audit_data import TEXTS, Source, Step
from emotui.jobs.audit_direction import on_the_claimed_side
from emotui.jobs.audit_gate import gate_steps
from emotui.jobs.audit_outcome import lexicons, marking_tokens
from emotui.jobs.audit_record import Audit
from emotui.jobs.sets import residual_norm
from vectors.audits.arms import random_directions, shuffled_directions
from vectors.audits.asking import better_than_asking
from vectors.audits.bench import Bench
from vectors.audits.dose import dose_effects, dose_response, per_prompt, sign_flip
from vectors.audits.mechanism import active_path
from vectors.audits.reliability import cross_seed
from vectors.audits.result import ControlResult, Cost
from vectors.audits.specificity import specificity
from vectors.controls import mean_difference
from vectors.directionset import DirectionSet
from vectors.models import LanguageModel
from vectors.steering import Intervention


def steering_bench(
    model: LanguageModel, directions: DirectionSet, source: Source, audit: Audit
) -> Bench:
    """The claim's intervention with its prompts and the two lists of tokens."""
    subject = audit.subject
    assert subject.alpha is not None
    target, neutral = lexicons(model, source.data, audit)
    intervention = Intervention(
        layer=subject.layer,
        direction=directions.at(subject.emotion, subject.layer),
        residual_norm=residual_norm(directions, subject.layer),
        label=subject.emotion,
    )
    return Bench(model, subject.prompts, intervention, subject.alpha, target, neutral)


def steering_steps(work: Workbench) -> list[Step]:
    """C12, I1-I7, X1, C6, C4, C5, C11, C10, C2, C1; C13, C3 and the shared ones when asked for."""
    bench, audit, data = work.bench, work.audit, work.source.data
    settings, label = audit.settings, audit.subject.emotion
    cost = model_costs(audit, len(bench.prompts))
    effects = cache(lambda: dose_effects(bench))
    two = data.one_against_rest(label)
    return [
        Step("C12", Cost(), STEERED, work.choice),
        *gate_steps(work),
        Step("X1", Cost(), ROWS, lambda: cross_seed(two, settings, labels=(label,))),
        Step("C6", cost["C6"], STEERED, work.coherence),
        Step("C4", cost["C4"], STEERED, lambda: _sign(bench, audit)),
        Step("C5", cost["C5"], STEERED, lambda: dose_response(effects(), settings)),
        Step("C11", cost["C11"], STEERED, lambda: per_prompt(effects(), settings)),
        Step("C10", cost["C10"], (*STEERED, TEXTS),
             lambda: active_path(bench, work.natural, settings)),
        Step("C2", cost["C2"], (*STEERED, *ROWS),
             lambda: shuffled_directions(bench, data, label, settings)),
        Step("C1", cost["C1"], (*STEERED, TEXTS),
             lambda: random_directions(bench, work.natural, settings)),
        *on_demand([
            Step("C13", cost["C13"], STEERED,
                 lambda: better_than_asking(bench, label, settings, texts=work.written)),
            Step("C3", cost["C3"], (*STEERED, *ROWS, TEXTS),
                 lambda: _specific(work)),
        ], unasked=("C3",) if audit.subject.norms else ()),
        *work.optional(),
    ]  # fmt: skip


def _sign(bench: Bench, audit: Audit) -> ControlResult:
    """C4, on the side that the claim names at its alpha."""
    found = sign_flip(bench, audit.settings)
    return on_the_claimed_side(audit.claim, found, number="odd", null=0.0)


def _specific(work: Workbench) -> ControlResult:
    """C3 on emotions of the set, words from their own texts, and on the largest topic."""
    audit, data, bench = work.audit, work.source.data, work.bench
    subject, valence = audit.subject, valence_of(audit)
    names = _chosen([n for n in work.directions.labels if n in data.labels], audit, valence)
    directions = {n: work.directions.at(n, subject.layer) for n in names}
    words = {subject.emotion: bench.target}
    for name in names[1:]:
        # An emotion whose texts no token marks has no outcome of its own, so no row.
        with suppress(OptionError):
            words[name] = marking_tokens(bench.model, data, name, audit.seed)[0]
    topic = mean_difference(data.rows, data.groups, int(np.bincount(data.groups).argmax()))
    return specificity(
        bench, subject.emotion, directions, words, valence, audit.settings,
        topic=(topic / np.linalg.norm(topic)).astype(np.float32),
    )  # fmt: skip


def _chosen(names: list[str], audit: Audit, valence: Mapping[str, float]) -> list[str]:
    """The claimed emotion and others: as many of its own side as of the other, else by name."""
    own = audit.subject.emotion
    others = [n for n in names if n != own]
    if own in valence:
        sides = [
            [n for n in others if n in valence and sign * valence[n] * valence[own] > 0]
            for sign in (1, -1)
        ]
        half = (EMOTIONS - 1) // 2
        others = [*sides[0][: EMOTIONS - 1 - half], *sides[1][:half]] or others
    return [own, *others[: EMOTIONS - 1]]
