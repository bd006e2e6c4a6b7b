"""C1 and C2: do random directions, or directions of shuffled labels, do as much?

The mean effect at the claim's alpha stands among R directions of each kind; p by rank, two-sided:

    isotropic          v ~ N(0, I)
    covariance-matched v ~ N(0, S), S of activations at the layer
    damage-matched     covariance-matched at the alpha that moves the next token as far (mean KL)
    shuffled labels    the pipeline's own direction with labels permuted within topics (C2)
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from vectors.controls import covariance_matched, mean_difference, random_direction, shuffled_label
from vectors.errors import DataError

from .bench import GOOD_PROMPTS, Bench, Direction, mean_interval
from .data import AuditData
from .result import ControlResult, Cost, Null, State, exact, null_of, worst
from .settings import AuditSettings

MATCHING = 3  # rounds of rescaling alpha until the KL agrees
MAX_FACTOR = 8.0  # how far alpha may be rescaled


def planned_arms(n_prompts: int, settings: AuditSettings) -> dict[str, Cost]:
    """Forward passes of C1 and C2, counted before the start."""
    r = settings.preset.r
    return {
        "C1": Cost(forwards=n_prompts * (2 + r * (2 + MATCHING))),
        "C2": Cost(forwards=n_prompts * (2 + r)),
    }


def random_directions(
    bench: Bench,
    samples: Float[np.ndarray, "text d_model"],
    settings: AuditSettings,
) -> ControlResult:
    """C1. `samples` are activations at the steered layer (for the covariance)."""
    before, d, r = bench.forwards, bench.model.info.d_model, settings.preset.r
    moved = bench.steered(bench.alpha)
    effect = bench.outcome(moved) - bench.outcome(bench.base())
    damage = bench.kl(moved)
    seeds = [settings.seed("C1", k) for k in range(r)]
    isotropic = [random_direction(d, seed=s) for s in seeds]
    natural = [covariance_matched(samples, seed=s) for s in seeds]
    matched = [_damage_matched(bench, v, damage) for v in natural]
    nulls = (
        _null("isotropic", bench, isotropic, effect.mean()),
        _null("covariance-matched", bench, natural, effect.mean()),
        null_of("damage-matched", effect.mean(), np.array(matched), tail="two"),
    )
    states = [settings.rule("C1").state(n.p) for n in nulls]
    state: State = worst(*states)
    if state == "fail" and states[0] == "pass":
        state = "warn"
    level = settings.rule("C1").passes
    if nulls[0].floor > level:
        state = "limited"
    reasons = [
        f"{n.kind}: p={n.p:.3g} of R={n.b}, effect {effect.mean():.2f} against {n.mean:.2f} ± "
        f"{n.sd:.2f}"
        for n, s in zip(nulls, states, strict=True)
        if s != "pass" or state == "limited"
    ]
    state, reasons = _few_prompts(bench, state, reasons)
    numbers = {
        "effect": mean_interval(effect, settings, "C1"),
        "z": exact((effect.mean() - nulls[1].mean) / nulls[1].sd, n=r),
        "KL": exact(damage, n=len(bench.prompts)),
    }
    return ControlResult("C1", state, numbers, nulls, tuple(reasons), bench.spent(before))


def shuffled_directions(
    bench: Bench,
    data: AuditData,
    label: str,
    settings: AuditSettings,
    *,
    build: Callable[..., Float[np.ndarray, "d_model"]] = mean_difference,
) -> ControlResult:
    """C2. `data` are the activations that made the vector, `build` the pipeline that made it."""
    before = bench.forwards
    if data.rows.shape[1] != bench.model.info.d_model:
        raise DataError(
            f"activations of width {data.rows.shape[1]}, model of {bench.model.info.d_model}"
        )
    effect = bench.effect(bench.alpha)
    directions = [
        shuffled_label(
            data.rows, data.codes, label=data.code(label), groups=data.groups,
            seed=settings.seed("C2", k), build=build,
        )
        for k in range(settings.preset.r)
    ]  # fmt: skip
    null = _null("labels permuted within topics", bench, directions, effect.mean())
    state: State = settings.rule("C2").state(null.p)
    if null.floor > settings.rule("C2").passes:
        state = "limited"
    said = (
        f"p={null.p:.3g} of R={null.b}: effect {effect.mean():.2f}, shuffled labels "
        f"{null.mean:.2f} ± {null.sd:.2f}"
    )
    numbers = {"effect": mean_interval(effect, settings, "C2")}
    reasons = [] if state == "pass" else [said]
    state, reasons = _few_prompts(bench, state, reasons)
    return ControlResult("C2", state, numbers, (null,), tuple(reasons), bench.spent(before))


def _few_prompts(bench: Bench, state: State, reasons: list[str]) -> tuple[State, list[str]]:
    n = len(bench.prompts)
    if n >= GOOD_PROMPTS:
        return state, reasons
    return worst(state, "warn"), [*reasons, f"{n} prompts, fewer than {GOOD_PROMPTS}"]


def _null(kind: str, bench: Bench, directions: list[Direction], effect: float) -> Null:
    drawn = [float(bench.effect(bench.alpha, direction=v).mean()) for v in directions]
    return null_of(kind, float(effect), np.array(drawn), tail="two")


def _damage_matched(bench: Bench, direction: Direction, damage: float) -> float:
    """Mean effect at the alpha whose KL is `damage`; KL grows about as alpha squared."""
    alpha, best = bench.alpha, (np.inf, 0.0)
    for _ in range(MATCHING):
        logits = bench.steered(alpha, direction=direction)
        found = bench.kl(logits)
        off = abs(np.log(max(found, 1e-12) / max(damage, 1e-12)))
        if off < best[0]:
            effect = bench.outcome(logits) - bench.outcome(bench.base())
            best = (off, float(effect.mean()))
        scaled = alpha * np.sqrt(max(damage, 1e-12) / max(found, 1e-12))
        limit = MAX_FACTOR * abs(bench.alpha)
        alpha = float(np.clip(scaled, -limit, limit))
    return best[1]
