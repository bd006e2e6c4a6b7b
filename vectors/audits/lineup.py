"""R10: can an eye tell the real layer curve from curves of shuffled labels? The line-up test.

In: activations by layer, labels, topics. Out: eight curves, one of them real, and the exact p of
the picks. After Buja et al. 2009: one who has not seen the curve picks the real one of eight by
chance with probability 1/8, twice with 1/64 = .016. Knows no screen.

A curve is the held-out AUROC of the closed-form probe by layer, folds by topic. The seven others
are the same pipeline on labels permuted within topics. Every round reads another half of the
topics (rounds 1 and 2 complementary halves), because a real curve that came back among new
permutations would give itself away.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vectors.errors import DataError
from vectors.stats import shuffles, wilson

from .closed_form import fold_kernels, held_out, macro_auroc
from .data import MIN_TOPICS, AuditData, halves_by_group
from .probe_scores import split_of
from .result import ControlResult, Null, State
from .settings import AuditSettings

CURVES = 8
LETTERS = "ABCDEFGH"
LayerOf = Callable[[int], Float[np.ndarray, "text d_model"]]


@dataclass(frozen=True, eq=False)
class LineUp:
    """Eight curves in the order in which they are shown."""

    round: int
    """Counted from 1."""
    layers: tuple[int, ...]
    curves: Float[np.ndarray, "curve layer"]
    """Held-out macro AUROC."""
    real: int
    """Index of the real one."""


def line_up(
    data: AuditData,
    layer_of: LayerOf,
    layers: Sequence[int],
    settings: AuditSettings,
    *,
    round: int,
    order_seed: int,
    on_layer: Callable[[int], None] = lambda done: None,  # noqa: ARG005
) -> LineUp:
    """The curves of one round; `order_seed` alone decides where the real one stands.

    DataError where half of the topics are too few for folds.
    """
    if data.n_groups < 2 * MIN_TOPICS:
        raise DataError(
            f"{data.n_groups} topics; a line-up reads half of them per round and needs "
            f"{2 * MIN_TOPICS} or more"
        )
    pair, second = divmod(round - 1, 2)
    half = halves_by_group(data.groups, settings.rng("R10", pair))
    keep = half == second
    part = data.take(keep)
    fold = split_of(part, settings).fold[0]
    drawn, _ = shuffles(
        part.codes, part.groups, count=CURVES - 1, seed=settings.seed("R10", 1000 + round)
    )
    codes = np.concatenate([part.codes[None], drawn])
    columns = []
    for layer in layers:
        kernels = fold_kernels(layer_of(layer)[keep], fold)
        scores = held_out(kernels, codes, n_labels=part.n_labels)
        columns.append(macro_auroc(scores, codes, kernels))
        on_layer(len(columns))
    order = np.random.default_rng(order_seed).permutation(CURVES)
    curves = np.stack(columns, axis=1)[order]
    return LineUp(round, tuple(layers), curves, int(np.flatnonzero(order == 0)[0]))


def picks_p(hits: int, rounds: int) -> float:
    """P(as many right picks or more) by one who cannot tell; exact."""
    from scipy.stats import binom

    if rounds < 1 or not 0 <= hits <= rounds:
        raise DataError(f"{hits} right picks of {rounds} rounds is not possible")
    return float(binom.sf(hits - 1, rounds, 1 / CURVES))


def judge_picks(hits: Sequence[bool], settings: AuditSettings) -> ControlResult:
    """R10 over every round that was ever played; one round alone cannot reach .05."""
    n, right = len(hits), sum(hits)
    p = picks_p(right, n)
    chance = 1 / CURVES
    null = Null(
        "a pick by chance", chance, float(np.sqrt(chance * (1 - chance) / n)), CURVES**n - 1, p
    )
    state: State = settings.rule("R10").state(p)
    if picks_p(n, n) > settings.rule("R10").passes:
        state = "limited"
    said = f"the real curve was picked in {right} of {n} rounds, p={p:.3g}"
    if state == "limited":
        said += "; one round cannot tell, play another"
    reasons = () if state == "pass" else (said,)
    return ControlResult("R10", state, {"real curve picked": wilson(right, n)}, (null,), reasons)
