"""C4, C5, C11 and C14: does the sign decide, is it graded, for every prompt, from which tokens?

With D(a) the change of the outcome at alpha a: odd part S = (D(a) - D(-a)) / 2, even part
E = (D(a) + D(-a)) / 2. Damage and read-only directions move the outcome evenly at both signs, so
|S| > 2 |E| tells a direction that is used from one that is in the way (simulated). Doses are
multiples of the claim's alpha; slopes are ordinary least squares per prompt (Tan et al.
2407.12404), and a prompt is anti-steerable where its slope is below 0.
"""

import numpy as np
from jaxtyping import Float

from vectors.stats import Interval, wilson

from .bench import Bench, Scope, mean_interval, median_interval
from .result import ControlResult, Cost, State, exact, worst
from .settings import AuditSettings

DOSES = (-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0)
SCOPES: tuple[Scope, ...] = ("all", "prompt", "last")


def planned_doses(n_prompts: int) -> dict[str, Cost]:
    """Forward passes, counted before the start (C11 reads what C5 read)."""
    return {
        "C4": Cost(forwards=3 * n_prompts),
        "C5": Cost(forwards=len(DOSES) * n_prompts),
        "C11": Cost(),
        "C14": Cost(forwards=2 * len(SCOPES) * n_prompts),
    }


def sign_flip(bench: Bench, settings: AuditSettings) -> ControlResult:
    """C4: odd against even part at the claim's alpha."""
    before = bench.forwards
    up, down = bench.effect(bench.alpha), bench.effect(-bench.alpha)
    odd = mean_interval((up - down) / 2, settings, "C4")
    even = mean_interval((up + down) / 2, settings, "C4")
    opposite = up.mean() * down.mean() < 0
    ratio = abs(odd.value) / max(abs(even.value), 1e-12)
    state: State = settings.rule("C4").state(ratio)
    if not opposite or not odd.excludes(0.0):
        state = "fail"
    said = (
        f"+alpha moves the outcome by {up.mean():.2f}, -alpha by {down.mean():.2f}: odd part "
        f"{odd.value:.2f}, even part {even.value:.2f}"
    )
    numbers = {"odd": odd, "even": even, "ratio": exact(ratio, n=len(up))}
    reasons = () if state == "pass" else (said,)
    return ControlResult("C4", state, numbers, reasons=reasons, cost=bench.spent(before))


def dose_effects(bench: Bench) -> Float[np.ndarray, "dose prompt"]:
    """Change of the outcome at every dose."""
    return np.stack([bench.effect(dose * bench.alpha) for dose in DOSES])


def slopes(effects: Float[np.ndarray, "dose prompt"]) -> Float[np.ndarray, "prompt"]:
    """Least-squares slope per prompt, outcome per claimed alpha."""
    x = np.array(DOSES) - np.mean(DOSES)
    return np.asarray(x @ (effects - effects.mean(axis=0)) / (x @ x))


def dose_response(
    effects: Float[np.ndarray, "dose prompt"], settings: AuditSettings, *, cost: Cost | None = None
) -> ControlResult:
    """C5: median slope and order of the mean outcome over seven doses."""
    from scipy.stats import spearmanr

    mean = effects.mean(axis=1)
    rho = float(spearmanr(DOSES, mean).statistic) if np.ptp(mean) > 0 else 0.0
    slope = median_interval(slopes(effects), settings, "C5")
    # A claim may be about lowering the outcome; the order counts, not its direction.
    state: State = settings.rule("C5.rho").state(abs(rho))
    if not slope.excludes(0.0) or np.sign(slope.value) != np.sign(rho):
        state = "fail"
    said = (
        f"median slope {slope.value:.2f} [{slope.low:.2f}, {slope.high:.2f}], rho {rho:.2f} over "
        f"{len(DOSES)} doses"
    )
    numbers = {"slope": slope, "rho": Interval(rho, np.nan, np.nan, len(DOSES), effects.shape[1])}
    return ControlResult(
        "C5", state, numbers, reasons=() if state == "pass" else (said,), cost=cost or Cost(),
        table={"dose": DOSES, "outcome": tuple(float(m) for m in mean)},
    )  # fmt: skip


def per_prompt(effects: Float[np.ndarray, "dose prompt"], settings: AuditSettings) -> ControlResult:
    """C11: share of prompts whose slope goes against the median."""
    slope = slopes(effects)
    against = int((slope * np.sign(np.median(slope)) <= 0).sum())
    share = wilson(against, len(slope))
    state = settings.rule("C11").state(share.high)
    said = f"{against} of {len(slope)} prompts go the other way (up to {share.high:.0%})"
    low, high = np.quantile(slope, [0.25, 0.75])
    numbers = {
        "anti-steerable": share,
        "quartiles": Interval(float(np.median(slope)), low, high, len(slope), len(slope)),
    }
    return ControlResult("C11", state, numbers, reasons=() if state == "pass" else (said,))


def position_scope(bench: Bench, settings: AuditSettings, *, declared: bool) -> ControlResult:
    """C14: odd effect with all positions, all but the last, and the last alone.

    `declared` says whether the claim names its positions. Generated positions are those read after
    the prompt; at the first token the last prompt position stands for them.
    """
    before = bench.forwards
    found: dict[str, Interval] = {
        scope: mean_interval(bench.odd(scope=scope), settings, f"C14.{scope}") for scope in SCOPES
    }
    values = np.array([found[s].value for s in ("all", "last")])
    ratio = float(np.abs(values).max() / max(np.abs(values).min(), 1e-12))
    state: State = settings.rule("C14").state(ratio)
    state = "warn" if state == "fail" else state
    if values[0] * values[1] < 0 and all(found[s].excludes(0.0) for s in ("all", "last")):
        state = "fail"
    if not declared:
        state = worst(state, "warn")
    listed = ", ".join(f"{s} {i.value:.2f}" for s, i in found.items())
    said = f"odd effect by positions: {listed}" + ("" if declared else "; none was declared")
    return ControlResult(
        "C14", state, {**found, "ratio": exact(ratio, n=len(bench.prompts))},
        reasons=() if state == "pass" else (said,), cost=bench.spent(before),
    )  # fmt: skip
