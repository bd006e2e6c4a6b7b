"""The controls of an ablation claim as steps, cheapest first.

In: a set of vectors, its model, prompts that evoke the emotion. Out: steps. What is removed is the
claimed layer's direction at every layer of the model, down to its mean on neutral texts. Computes
no control.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from emotui.jobs.audit_bench import ROWS, STEERED, Workbench
from emotui.jobs.audit_costs import NEUTRAL_TEXTS, model_costs
from emotui.jobs.audit_data import TEXTS, Source, Step
from emotui.jobs.audit_gate import gate_steps
from emotui.jobs.audit_outcome import lexicons, neutral_texts
from emotui.jobs.audit_record import Audit
from emotui.jobs.sets import residual_norm
from store.layout import Home
from vectors.audits.bench import Bench
from vectors.audits.erasure import Eraser, leace
from vectors.audits.necessity import necessity
from vectors.audits.reliability import cross_seed
from vectors.audits.removal import RemovalBench
from vectors.audits.result import ControlResult, Cost
from vectors.directionset import DirectionSet
from vectors.errors import DataError
from vectors.extraction import extract, plan_extraction
from vectors.models import LanguageModel
from vectors.steering import Intervention

LEACE_WIDTH = 1024
"""Widest residual stream for which LEACE is fitted beside C9; its cost grows with the cube."""
SIDES: Mapping[str, int] = {"greater": 1, "less": -1}


def ablation_bench(
    home: Home, model: LanguageModel, directions: DirectionSet, source: Source, audit: Audit
) -> RemovalBench:
    """The claim's direction with its prompts, and the mean activations of neutral texts."""
    subject = audit.subject
    target, neutral = lexicons(model, source.data, audit)
    texts, _ = neutral_texts(home, directions, source, seed=audit.seed, count=NEUTRAL_TEXTS)
    intervention = Intervention(
        layer=subject.layer,
        direction=directions.at(subject.emotion, subject.layer),
        residual_norm=residual_norm(directions, subject.layer),
        label=subject.emotion,
    )
    bench = RemovalBench(
        model, subject.prompts, intervention, 1.0, target, neutral,
        neutral_rows=_means(model, texts),
    )  # fmt: skip
    bench.forwards += len(texts)
    return bench


def ablation_steps(work: Workbench) -> list[Step]:
    """C12, I1-I6, X1, C6, C9; the shared ones when asked for."""
    bench, audit, data = work.bench, work.audit, work.source.data
    settings, label = audit.settings, audit.subject.emotion
    cost = model_costs(audit, len(bench.prompts))
    two = data.one_against_rest(label)
    return [
        Step("C12", Cost(), STEERED, work.choice),
        *gate_steps(work),
        Step("X1", Cost(), ROWS, lambda: cross_seed(two, settings, labels=(label,))),
        Step("C6", cost["C6"], STEERED, work.coherence),
        Step("C9", cost["C9"], (*STEERED, *ROWS, TEXTS), lambda: _needed(work)),
        *work.optional(),
    ]  # fmt: skip


def _needed(work: Workbench) -> ControlResult:
    """C9 on the side that the claim names, its share of what the prompts evoke."""
    bench, audit = work.bench, work.audit
    assert isinstance(bench, RemovalBench)
    return necessity(
        bench,
        work.natural,
        audit.settings,
        side=SIDES.get(audit.claim.direction, 0),
        plain=_plain(bench, work.neutral),
        erasers=_erasers(work),
    )


def _plain(bench: RemovalBench, texts: list[str]) -> Float[np.ndarray, "prompt"]:
    """The outcome on neutral beginnings, cut like the evoking ones."""
    words = int(np.median([len(p.split()) for p in bench.prompts]))
    cut = tuple(" ".join(t.split()[:words]) for t in texts[: len(bench.prompts)])
    before = bench.forwards
    made = Bench(
        bench.model, cut, bench.intervention, bench.alpha, bench.target, bench.neutral,
        tick=lambda n: bench.tick(before + n),
    )  # fmt: skip
    found = made.outcome(made.base())
    bench.forwards += made.forwards
    return found


def _erasers(work: Workbench) -> dict[int, Eraser]:
    """LEACE of the emotion against the rest at every layer of the run; none where it costs much."""
    if work.bench.model.info.d_model > LEACE_WIDTH:
        return {}
    subject, read = work.audit.subject, work.source.layer_of(work.audit.subject.pooling)
    codes = work.source.data.one_against_rest(subject.emotion).codes
    return {
        layer: leace(read(layer), codes, n_labels=2)
        for layer in work.source.joined.run.identity.layers
    }


def _means(model: LanguageModel, texts: list[str]) -> dict[int, Float[np.ndarray, "text d_model"]]:
    """Mean activation of every neutral text at every layer, in one pass each."""
    if not texts:
        raise DataError("there are no neutral texts and the run has none of its own; build the "
                        "vectors with --neutral DATASET")  # fmt: skip
    plan = plan_extraction(
        model, poolings=("mean",), min_pooled=1, stored_dtype="float32", skip_tokens=1
    )
    rows = np.concatenate([batch.values["mean"] for batch in extract(model, texts, plan)])
    rows = rows[np.isfinite(rows).all(axis=(1, 2))]
    return {layer: rows[:, at] for at, layer in enumerate(plan.layers)}
