"""C8 and C10: through its own vocabulary, along a path the model uses?

C8   share of the effect that is left when target tokens among the top of W_U (g * v), g the final
     norm's gain, do not count: tokens the vector promotes by itself (2604.03147).
C10  v = a + b, a its part in the principal components that hold 95 % of the variance of natural
     activations; effect of each at its own share of the dose. A dormant path is one where b does
     the work (2311.17030). z is the shift of the projection in sds of natural projections.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32

from .bench import Bench, mean_interval
from .data import cosine
from .result import ControlResult, Cost, exact, worst
from .settings import AuditSettings

TOP, TOP_SHARE = 200, 0.01
"""Tokens that count as promoted directly: so many, or that share of a smaller vocabulary."""
VARIANCE = 0.95
ROWS_PER_DIM = 4
"""Natural activations per dimension below which C10 is limited: a direction that few rows never
reached would look dormant for want of data."""


def planned_mechanism(n_prompts: int) -> dict[str, Cost]:
    """Forward passes, counted before the start."""
    return {
        "C8": Cost(forwards=2 * n_prompts),
        "C10": Cost(forwards=7 * n_prompts),
    }


def direct_tokens(bench: Bench, *, top: int | None = None) -> set[int]:
    """The tokens that v promotes by itself: top of W_U (gain * v), 200 or 1 % of the vocabulary."""
    count = min(TOP, round(TOP_SHARE * bench.model.info.d_vocab)) if top is None else top
    norm = bench.model.final_norm
    gain = getattr(norm, "weight", None)
    v = bench.intervention.direction.astype(np.float64)
    if gain is not None:
        v = v * gain.detach().double().cpu().numpy()
    weight = bench.model.hf.get_output_embeddings().weight.detach().double().cpu().numpy()
    scores = weight @ (v * np.sign(bench.alpha))
    return set(np.argsort(-scores)[:count].tolist())


def beyond_vocabulary(
    bench: Bench, settings: AuditSettings, *, lexicon: Sequence[int] = (), top: int | None = None
) -> ControlResult:
    """C8. `lexicon` are the emotion's own words as token ids; they do not count either."""
    before = bench.forwards
    direct = direct_tokens(bench, top=top) | set(lexicon)
    left = tuple(t for t in bench.target if t not in direct)
    moved, base = bench.steered(bench.alpha), bench.base()
    whole = mean_interval(bench.outcome(moved) - bench.outcome(base), settings, "C8")
    if not left:
        said = f"all {len(bench.target)} target tokens are promoted by the vector directly"
        numbers = {"effect": whole, "share": exact(0.0, n=len(bench.prompts))}
        return ControlResult("C8", "fail", numbers, reasons=(said,), cost=bench.spent(before))
    beyond = bench.outcome(moved, target=left) - bench.outcome(base, target=left)
    rest = mean_interval(beyond, settings, "C8")
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
