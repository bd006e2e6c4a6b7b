"""C9: is the direction needed? Removed on prompts that evoke the emotion, against random ones.

In: a `RemovalBench` on evoking prompts. Out: the drop of the outcome (positive = removal lowers it)
beside two nulls of R removals each, isotropic and covariance-matched, and beside the drop with
zero, with resampled neutral projections and with LEACE. The share is drop / (outcome on evoking
prompts - outcome on neutral prompts), its interval over prompts of both kinds; where that excess is
not above 0 there is no share, and a missing drop is limited instead of failed. The claim names a
side: +1 = removal lowers the outcome, -1 = it raises it (the direction inhibits), 0 = either.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from vectors.controls import covariance_matched, random_direction
from vectors.stats import Interval, draws, percentile_interval

from .bench import Direction, Effects, mean_interval
from .erasure import Eraser
from .removal import RemovalBench
from .result import ControlResult, Cost, Null, State, null_of
from .settings import AuditSettings

RESAMPLES = 5
"""Neutral texts whose projections take the place of the prompt's own."""
EDGE = 0.95


def planned_necessity(n_prompts: int, settings: AuditSettings) -> Cost:
    """Forward passes, counted before the start."""
    return Cost(forwards=(5 + RESAMPLES + 2 * settings.preset.r) * n_prompts)


def necessity(
    bench: RemovalBench,
    natural: Float[np.ndarray, "row d_model"],
    settings: AuditSettings,
    *,
    side: int = 1,
    plain: Effects | None = None,
    erasers: Mapping[int, Eraser] | None = None,
) -> ControlResult:
    """C9. `natural` are activations at the claimed layer (for the covariance).

    `plain`: the outcome on neutral prompts, for the share (None = no share).
    """
    before = bench.forwards
    base = bench.outcome(bench.base())
    drop = base - bench.outcome(bench.steered(1.0))
    nulls = _nulls(bench, natural, base, float(drop.mean()), settings)
    found = mean_interval(drop, settings, "C9")
    numbers = {"drop": found} | _beside(bench, base, erasers, settings)
    state, edges = _judge(found, nulls, side or (1 if found.value >= 0 else -1))
    beyond = all(null.p <= 1 - EDGE for null, _ in nulls)
    said = _said(found, edges, side, beyond=beyond)
    if plain is not None:
        evoked, share = _evoked(drop, base, plain, settings)
        numbers["evoked above neutral"] = evoked
        if evoked.low > 0:
            numbers["drop share"] = share
        elif state == "fail":
            # What is not there cannot be removed: such prompts say nothing about need.
            state = "limited"
            said = (
                f"the prompts raise the outcome by {evoked.value:.2f} [{evoked.low:.2f}, "
                f"{evoked.high:.2f}] above neutral ones, so they may not evoke it; {said}"
            )
    return ControlResult(
        "C9", state, numbers, tuple(null for null, _ in nulls),
        () if state == "pass" else (said,), bench.spent(before),
    )  # fmt: skip


def _nulls(
    bench: RemovalBench,
    natural: Float[np.ndarray, "row d_model"],
    base: Effects,
    drop: float,
    settings: AuditSettings,
) -> list[tuple[Null, Float[np.ndarray, "draw"]]]:
    """Both kinds of random removal, with their draws."""
    seeds = [settings.seed("C9", k) for k in range(settings.preset.r)]
    d = bench.model.info.d_model
    kinds: dict[str, Sequence[Direction]] = {
        "random directions removed alike": [random_direction(d, seed=s) for s in seeds],
        "covariance-matched ones": [covariance_matched(natural, seed=s) for s in seeds],
    }
    out = []
    for kind, directions in kinds.items():
        sham = np.array(
            [float((base - bench.outcome(bench.steered(1.0, direction=v))).mean())
             for v in directions]
        )  # fmt: skip
        out.append((null_of(kind, drop, sham, tail="two"), sham))
    return out


def _judge(
    found: Interval,
    nulls: Sequence[tuple[Null, Float[np.ndarray, "draw"]]],
    side: int,
) -> tuple[State, list[float]]:
    """pass: the interval beyond 95 % of both kinds. warn: above 0, the mean beyond isotropic ones.

    A drop that random removals give as well is none.
    """
    low = found.low if side > 0 else -found.high
    edges = [float(np.quantile(side * sham, EDGE)) for _, sham in nulls]
    if not low > 0:
        return "fail", edges
    if nulls[0][0].floor > 1 - EDGE:
        # Fewer than 19 removals: their 95 % point is their largest, which says little.
        return "limited", edges
    if low > max(edges):
        return "pass", edges
    return ("warn" if side * found.value > edges[0] else "fail"), edges


def _said(found: Interval, edges: Sequence[float], side: int, *, beyond: bool) -> str:
    if side > 0 and found.high < 0 and beyond:
        return f"removal raises the outcome by {-found.value:.2f}: the direction inhibits it"
    verb = "lowers" if found.value >= 0 else "raises"
    return (
        f"removal {verb} the outcome by {abs(found.value):.2f} (drop {found.low:.2f} to "
        f"{found.high:.2f}); 95 % of random removals by at most {edges[0]:.2f}, of "
        f"covariance-matched ones by {edges[1]:.2f}"
    )


def _beside(
    bench: RemovalBench,
    base: Effects,
    erasers: Mapping[int, Eraser] | None,
    settings: AuditSettings,
) -> dict[str, Interval]:
    """The same drop by other ways of removing: shown, not judged."""
    zero = base - bench.outcome(bench.logits(*bench.removal(towards="zero")))
    rng = settings.rng("C9.texts")
    texts = rng.integers(2**31, size=RESAMPLES)
    drawn = [
        base - bench.outcome(bench.logits(*bench.removal(towards="text", text=int(t))))
        for t in texts
    ]
    out = {
        "drop with zero": mean_interval(zero, settings, "C9"),
        "drop with resampling": mean_interval(np.mean(drawn, axis=0), settings, "C9"),
    }
    if erasers:
        leace = base - bench.outcome(bench.erased(erasers))
        out["drop with LEACE"] = mean_interval(leace, settings, "C9")
    return out


def _evoked(
    drop: Effects, base: Effects, plain: Effects, settings: AuditSettings
) -> tuple[Interval, Interval]:
    """What the prompts evoke above neutral ones, and the drop over it.

    Both kinds of prompt are drawn anew in the bootstrap.
    """
    n, m, b = len(drop), len(plain), settings.preset.bootstrap
    one, two = (draws(k, resamples=b, seed=settings.seed("C9.share", k)) for k in (n, m))
    above = one @ base / n - two @ plain / m
    share = np.where(np.abs(above) > 1e-9, (one @ drop / n) / above, np.nan)
    whole = float(base.mean() - plain.mean())
    value = float(drop.mean()) / whole if abs(whole) > 1e-9 else float("nan")
    return (
        percentile_interval(whole, above, n=n + m, n_clusters=n + m),
        percentile_interval(value, share, n=n, n_clusters=n),
    )
