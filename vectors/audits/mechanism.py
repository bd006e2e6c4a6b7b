"""C8, C9 and C10: through its own vocabulary, needed at all, along a path the model uses?

C8   share of the effect that is left when target tokens among the top of W_U (g * v), g the final
     norm's gain, do not count: tokens the vector promotes by itself (2604.03147).
C9   h <- h - (h.v - m) v at every layer and position, m the projection of the mean activation on
     neutral texts (zero is not "off"); against R random directions treated alike (2404.15255).
C10  v = a + b, a its part in the principal components that hold 95 % of the variance of natural
     activations; effect of each at its own share of the dose. A dormant path is one where b does
     the work (2311.17030). z is the shift of the projection in sds of natural projections.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Float32

from vectors.controls import random_direction
from vectors.errors import DataError

from .bench import Bench, Direction, Logits, mean_interval
from .data import cosine
from .result import ControlResult, Cost, State, exact, null_of, worst
from .settings import AuditSettings

TOP = 200
VARIANCE = 0.95
ROWS_PER_DIM = 4
"""Natural activations per dimension below which C10 is limited: a direction that few rows never
reached would look dormant for want of data."""


def planned_mechanism(n_prompts: int, settings: AuditSettings) -> dict[str, Cost]:
    """Forward passes, counted before the start."""
    return {
        "C8": Cost(forwards=2 * n_prompts),
        "C9": Cost(forwards=(3 + settings.preset.r) * n_prompts),
        "C10": Cost(forwards=7 * n_prompts),
    }


def direct_tokens(bench: Bench, *, top: int = TOP) -> set[int]:
    """The tokens that v promotes by itself: top of W_U (gain * v)."""
    norm = bench.model.final_norm
    gain = getattr(norm, "weight", None)
    v = bench.intervention.direction.astype(np.float64)
    if gain is not None:
        v = v * gain.detach().double().cpu().numpy()
    weight = bench.model.hf.get_output_embeddings().weight.detach().double().cpu().numpy()
    scores = weight @ (v * np.sign(bench.alpha))
    return set(np.argsort(-scores)[:top].tolist())


def beyond_vocabulary(
    bench: Bench, settings: AuditSettings, *, lexicon: Sequence[int] = (), top: int = TOP
) -> ControlResult:
    """C8. `lexicon` are the emotion's own words as token ids; they do not count either."""
    before = bench.forwards
    direct = direct_tokens(bench, top=top) | set(lexicon)
    left = tuple(t for t in bench.target if t not in direct)
    whole = mean_interval(bench.effect(bench.alpha), settings, "C8")
    if not left:
        said = f"all {len(bench.target)} target tokens are promoted by the vector directly"
        numbers = {"effect": whole, "share": exact(0.0, n=len(bench.prompts))}
        return ControlResult("C8", "fail", numbers, reasons=(said,), cost=bench.spent(before))
    rest = mean_interval(bench.effect(bench.alpha, target=left), settings, "C8")
    share = rest.value / whole.value if whole.value else float("nan")
    state = settings.rule("C8").state(share)
    said = (
        f"without {len(bench.target) - len(left)} direct tokens {rest.value:.2f} of "
        f"{whole.value:.2f} is left: a vocabulary boost"
    )
    numbers = {"effect": whole, "beyond": rest, "share": exact(share, n=len(bench.prompts))}
    return ControlResult(
        "C8", state, numbers, reasons=() if state == "pass" else (said,), cost=bench.spent(before)
    )


def ablation(
    bench: Bench,
    neutral: Mapping[int, Float[np.ndarray, "d_model"]],
    settings: AuditSettings,
) -> ControlResult:
    """C9 on prompts that evoke the emotion; `neutral` is the mean activation per layer.

    The drop is positive where removal lowers the outcome. A rise means the direction inhibits it.
    """
    if not neutral:
        raise DataError("C9 needs the mean neutral activation of one layer or more")
    before = bench.forwards
    base = bench.outcome(bench.base())
    v = bench.intervention.direction
    drop = base - bench.outcome(_without(bench, v, neutral))
    zero = base - bench.outcome(_without(bench, v, {k: 0 * m for k, m in neutral.items()}))
    sham = np.array(
        [
            float((base - bench.outcome(_without(bench, pushed, neutral))).mean())
            for pushed in _shams(bench, settings)
        ]
    )
    null = null_of("random directions removed alike", float(drop.mean()), sham)
    found = mean_interval(drop, settings, "C9")
    edge = float(np.quantile(sham, 0.95))
    state: State = "pass" if found.low > edge and found.low > 0 else "fail"
    if state == "fail" and found.low > 0:
        state = "warn"
    said = (
        f"removal lowers the outcome by {found.value:.2f} [{found.low:.2f}, {found.high:.2f}]; "
        f"95 % of random removals by at most {edge:.2f}"
    )
    if found.high < 0:
        said = f"removal raises the outcome by {-found.value:.2f}: the direction inhibits it"
    numbers = {"drop": found, "drop with zero": mean_interval(zero, settings, "C9")}
    return ControlResult(
        "C9", state, numbers, (null,), () if state == "pass" else (said,), bench.spent(before)
    )


def _shams(bench: Bench, settings: AuditSettings) -> list[Direction]:
    d = bench.model.info.d_model
    return [random_direction(d, seed=settings.seed("C9", k)) for k in range(settings.preset.r)]


def _without(
    bench: Bench, v: Direction, neutral: Mapping[int, Float[np.ndarray, "d_model"]]
) -> Logits:
    removals = [
        replace(
            bench.intervention, layer=layer, direction=v, mode="project-out", positions="all",
            target=float(mean @ v), remove=None,
        )
        for layer, mean in neutral.items()
    ]  # fmt: skip
    return bench.logits(removals, [1.0] * len(removals))


def active_path(
    bench: Bench,
    natural: Float[np.ndarray, "row d_model"],
    settings: AuditSettings,
) -> ControlResult:
    """C10. `natural` are activations at the steered layer, best of tokens."""
    before = bench.forwards
    v = bench.intervention.direction.astype(np.float64)
    centred = natural - natural.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    k = int(np.searchsorted(np.cumsum(sizes**2) / (sizes**2).sum(), VARIANCE) + 1)
    active = axes[:k].T @ (axes[:k] @ v)
    whole = bench.odd()
    parts = {name: _part_effect(bench, p) for name, p in (("active", active), ("rest", v - active))}
    total = float(whole.mean())
    share = float(parts["active"].mean()) / total if total else float("nan")
    sd = float((centred @ v).std())
    z = abs(bench.alpha) * bench.intervention.residual_norm / sd if sd > 0 else np.inf
    state = worst(settings.rule("C10.share").state(share), settings.rule("C10.z").state(z))
    thin = len(natural) < ROWS_PER_DIM * len(v)
    state = "limited" if thin else state
    numbers = {
        "whole": mean_interval(whole, settings, "C10"),
        "active": mean_interval(parts["active"], settings, "C10"),
        "rest": mean_interval(parts["rest"], settings, "C10"),
        "share": exact(share, n=len(bench.prompts)),
        "z": exact(z, n=len(natural)),
        "cos with the active part": exact(cosine(v, active), n=k),
    }
    said = (
        f"the active part ({k} components) carries {share:.0%} of the effect; the steered "
        f"projection lies {z:.1f} sd from natural ones"
    )
    if thin:
        said = f"{len(natural)} natural activations cannot span {len(v)} dimensions; " + said
    return ControlResult(
        "C10", state, numbers, reasons=() if state == "pass" else (said,), cost=bench.spent(before)
    )


def _part_effect(bench: Bench, part: Float[np.ndarray, "d_model"]) -> Float[np.ndarray, "prompt"]:
    """Odd effect of one part of v at its own share of the dose."""
    size = float(np.linalg.norm(part))
    if size < 1e-6:
        return np.zeros(len(bench.prompts))
    unit: Float32[np.ndarray, d_model] = (part / size).astype(np.float32)
    return bench.odd(direction=unit, alpha=bench.alpha * size)
