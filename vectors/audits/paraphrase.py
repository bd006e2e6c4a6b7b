"""X7: is the effect brittle to the wording of prompts?

In: a bench, wordings with {} for the prompt. Out: correlation over prompts of their slopes as given
("in") with their mean slope under other wordings ("out"), and the smallest mean slope beside the
one as given. The slope of a prompt is its odd effect at the claim's alpha. The built-in wordings
are 3 openings x 3 templates, all with the prompt last, where the outcome is read (Tan et al.
2407.12404 vary system prompts and templates alike).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from vectors.errors import DataError
from vectors.stats import Interval, percentile_interval

from .bench import Bench, mean_interval
from .result import ControlResult, Cost, State, exact
from .settings import AuditSettings

OPENINGS = ("", "You are a careful writer. ", "Please go on with this. ")
TEMPLATES = ("{}", "Here is how it begins: {}", "Somebody told me this. {}")
WORDINGS = tuple(opening + template for opening in OPENINGS for template in TEMPLATES)
"""The first is the prompt as it is."""


def planned_wordings(n_prompts: int, wordings: Sequence[str] = WORDINGS) -> Cost:
    """Forward passes, counted before the start."""
    return Cost(forwards=2 * n_prompts * (1 + len([w for w in wordings if w != "{}"])))


def other_wordings(
    bench: Bench, settings: AuditSettings, *, wordings: Sequence[str] = WORDINGS
) -> ControlResult:
    """X7. DataError for a wording without exactly one {}."""
    before = bench.forwards
    others = [w for w in dict.fromkeys(wordings) if w != "{}"]
    for wording in others:
        if wording.count("{}") != 1:
            raise DataError(f"the wording {wording!r} needs one {{}} where the prompt goes")
    if not others:
        raise DataError("X7 needs a wording other than {} itself")
    own = bench.odd()
    out = np.stack([_slopes(bench, wording) for wording in others])
    r = _correlation(own, out.mean(axis=0), settings)
    means = out.mean(axis=1)
    ratio = float(np.min(means * np.sign(own.mean())) / max(abs(own.mean()), 1e-12))
    state: State = settings.rule("X7").state(r.value)
    if ratio < 0:
        state = "fail"
    said = (
        f"slopes in and out correlate at r {r.value:.2f} [{r.low:.2f}, {r.high:.2f}] over "
        f"{len(own)} prompts; under {others[int(np.argmin(means * np.sign(own.mean())))]!r} the "
        f"mean slope is {ratio:.0%} of that as given"
    )
    numbers = {
        "r": r,
        "slope as given": mean_interval(own, settings, "X7"),
        "slope reworded": mean_interval(out.mean(axis=0), settings, "X7"),
        "smallest share": exact(ratio, n=len(others)),
    }
    return ControlResult(
        "X7", state, numbers, reasons=() if state == "pass" else (said,), cost=bench.spent(before),
        table={"wording": tuple(float(k) for k in range(len(others))),
               "mean slope": tuple(float(m) for m in means)},
    )  # fmt: skip


def _slopes(bench: Bench, wording: str) -> Float[np.ndarray, "prompt"]:
    """Odd effect per prompt under one wording, counted on the claim's own bench."""
    reworded = tuple(wording.replace("{}", prompt) for prompt in bench.prompts)
    made = bench.forwards
    part = replace(
        bench, prompts=reworded, forwards=0, _base=None, tick=lambda n: bench.tick(made + n)
    )
    found = part.odd()
    bench.forwards += part.forwards
    return found


def _correlation(
    a: Float[np.ndarray, "prompt"], b: Float[np.ndarray, "prompt"], settings: AuditSettings
) -> Interval:
    """Pearson's r with its bootstrap interval over prompts; 0 where either does not vary."""

    def r(x: Float[np.ndarray, "... prompt"], y: Float[np.ndarray, "... prompt"]) -> np.ndarray:
        x, y = (v - v.mean(axis=-1, keepdims=True) for v in (x, y))
        size = np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1))
        flat = size <= 1e-9 * max(float(np.abs(a).max() * np.abs(b).max()), 1e-12)
        return np.where(flat, 0.0, (x * y).sum(axis=-1) / np.where(flat, 1.0, size))

    n = len(a)
    drawn = settings.rng("X7").integers(n, size=(settings.preset.bootstrap, n))
    return percentile_interval(float(r(a, b)), r(a[drawn], b[drawn]), n=n, n_clusters=n)
