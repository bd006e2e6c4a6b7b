"""All controls that a kind of claim needs, cheapest first, as one call.

In: data or a bench and settings. Out: results by id, ready for `verdict.decide`. A failed required
control ends the suite unless `thorough`, because the verdict is then settled; what was not run
stays absent and never counts as passed.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float

from vectors.generation import RowResult

from .arms import random_directions, shuffled_directions
from .bench import Bench, Effects
from .choice import chosen_elsewhere
from .data import AuditData
from .dose import dose_effects, dose_response, per_prompt, sign_flip
from .integrity import integrity_gate
from .language import coherence_budget
from .leakage import lexical_leakage
from .length import length_norm
from .mechanism import active_path
from .necessity import necessity
from .nullspace import null_space
from .pairs import Pair
from .permutation import label_noise
from .pipeline_null import pipeline_null
from .reliability import cross_seed, noise_free_cosine
from .removal import RemovalBench
from .result import ControlResult
from .settings import AuditSettings
from .surface import surface_features
from .topics import unseen_topics
from .transfer import OtherSet, held_out_topics, without_keywords

Step = Callable[[], ControlResult]
Results = dict[str, ControlResult]


def probe_controls(
    data: AuditData,
    settings: AuditSettings,
    *,
    family_size: int = 1,
    synonyms: Mapping[str, Sequence[str]] | None = None,
    keyword_free: OtherSet | None = None,
    direction: Float[np.ndarray, "d_model"] | None = None,
    thorough: bool = False,
) -> Results:
    """P2, P10, P1, P5, X1, X2, X3, P4 of a probe claim about `data`'s labels."""
    return run(
        (
            lambda: label_noise(data, settings, family_size=family_size),
            lambda: lexical_leakage(data, settings, synonyms=synonyms),
            lambda: unseen_topics(data, settings),
            lambda: null_space(data, settings, direction=direction),
            lambda: cross_seed(data, settings),
            lambda: held_out_topics(data, settings),
            lambda: without_keywords(data, keyword_free, settings),
            lambda: surface_features(data, settings),
        ),
        thorough=thorough,
    )


def cosine_controls(
    data: AuditData,
    pair: Pair,
    settings: AuditSettings,
    *,
    family_size: int = 1,
    thorough: bool = False,
) -> Results:
    """G1, G3, X1, G2 of a cosine claim."""
    names = (data.labels[pair.a], data.labels[pair.b])
    return run(
        (
            lambda: pipeline_null(data, pair, settings, family_size=family_size),
            lambda: noise_free_cosine(data, pair, settings),
            lambda: cross_seed(data, settings, labels=names),
            lambda: length_norm(data, pair, settings),
        ),
        thorough=thorough,
    )


def steering_controls(
    bench: Bench,
    data: AuditData,
    label: str,
    settings: AuditSettings,
    *,
    texts: tuple[Sequence[RowResult], Sequence[RowResult]],
    natural: Float[np.ndarray, "row d_model"] | None = None,
    gate: Sequence[ControlResult] | None = None,
    tuning: Sequence[str] | None = None,
    n_tried: int = 1,
    thorough: bool = False,
) -> Results:
    """I1-I7, C12, X1, C6, C4, C5, C11, C10, C2, C1 of a steering claim.

    `data` made the vector; `natural` are activations of tokens at the layer (None = those of the
    prompts, one more forward pass each; means over texts vary too little to judge a push by).
    `texts` are generated rows at the claim's alpha and at 0. `gate`: cached integrity results.
    """
    checks = gate or integrity_gate(
        bench.model, bench.intervention, bench.prompts, settings, alpha=bench.alpha
    )
    results: Results = {r.id: r for r in checks}
    if not thorough and any(r.state == "fail" for r in checks):
        return results
    two = data.one_against_rest(label)
    results |= run(
        (
            lambda: chosen_elsewhere(tuning, bench.prompts, n_tried=n_tried),
            lambda: cross_seed(two, settings, labels=(label,)),
            lambda: coherence_budget(*texts, settings),
            lambda: sign_flip(bench, settings),
        ),
        thorough=thorough,
    )
    if not thorough and any(r.state == "fail" for r in results.values()):
        return results
    before = bench.forwards
    effects = dose_effects(bench)
    cost = bench.spent(before)
    space = bench.residuals() if natural is None else natural
    return results | run(
        (
            lambda: dose_response(effects, settings, cost=cost),
            lambda: per_prompt(effects, settings),
            lambda: active_path(bench, space, settings),
            lambda: shuffled_directions(bench, data, label, settings),
            lambda: random_directions(bench, space, settings),
        ),
        thorough=thorough,
    )


def ablation_controls(
    bench: RemovalBench,
    data: AuditData,
    label: str,
    settings: AuditSettings,
    *,
    texts: tuple[Sequence[RowResult], Sequence[RowResult]],
    natural: Float[np.ndarray, "row d_model"],
    gate: Sequence[ControlResult] | None = None,
    tuning: Sequence[str] | None = None,
    n_tried: int = 1,
    side: int = 1,
    plain: Effects | None = None,
    thorough: bool = False,
) -> Results:
    """I1-I6, C12, X1, C6, C9 of an ablation claim.

    `texts` are rows with the direction removed and without; `plain` the outcome on neutral prompts;
    `side` is what is claimed: +1 that removal lowers the outcome, -1 that it raises it.
    """
    checks = gate or integrity_gate(bench.model, bench.intervention, bench.prompts, settings)
    results: Results = {r.id: r for r in checks if r.id != "I7"}
    if not thorough and any(r.state == "fail" for r in results.values()):
        return results
    two = data.one_against_rest(label)
    return results | run(
        (
            lambda: chosen_elsewhere(tuning, bench.prompts, n_tried=n_tried),
            lambda: cross_seed(two, settings, labels=(label,)),
            lambda: coherence_budget(*texts, settings),
            lambda: necessity(bench, natural, settings, side=side, plain=plain),
        ),
        thorough=thorough,
    )


def run(steps: Sequence[Step], *, thorough: bool) -> Results:
    """Run the steps in order, up to the first failure unless `thorough`."""
    found: Results = {}
    for step in steps:
        result = step()
        found[result.id] = result
        if result.state == "fail" and not thorough:
            break
    return found
