"""C3: this emotion, or emotion as such?

Effects matrix: row = steered direction, column = outcome (each emotion's own lexicon against the
neutral one). The own outcome is compared, prompt by prompt, with the mean over other emotions of
the same valence and of the opposite one.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from .bench import Bench, Direction, mean_interval
from .result import ControlResult, Cost, State, exact
from .settings import AuditSettings

MIN_EMOTIONS = 3


def planned_specificity(n_prompts: int, n_emotions: int) -> Cost:
    """Forward passes, counted before the start."""
    return Cost(forwards=n_prompts * (1 + n_emotions))


def specificity(
    bench: Bench,
    label: str,
    directions: Mapping[str, Direction],
    lexicons: Mapping[str, tuple[int, ...]],
    valence: Mapping[str, float],
    settings: AuditSettings,
) -> ControlResult:
    """Own effect of `label` against the others'; `valence` decides who is of the same side."""
    before = bench.forwards
    names = [n for n in directions if n in lexicons]
    if label not in names or len(names) < MIN_EMOTIONS:
        said = f"{len(names)} emotions with direction and lexicon; {MIN_EMOTIONS} are needed"
        return ControlResult("C3", "limited", reasons=(said,))
    base = bench.base()
    matrix = np.empty((len(names), len(names), len(bench.prompts)))
    for i, steered in enumerate(names):
        logits = bench.steered(bench.alpha, direction=directions[steered])
        for j, read in enumerate(names):
            own = replace_target(bench, lexicons[read])
            matrix[i, j] = own.outcome(logits) - own.outcome(base)
    at = names.index(label)
    same = [j for j, n in enumerate(names) if j != at and valence[n] * valence[label] > 0]
    other = [j for j, n in enumerate(names) if valence[n] * valence[label] < 0]
    numbers = {"own": mean_interval(matrix[at, at], settings, "C3")}
    beats = {}
    for name, columns in (("same valence", same), ("opposite valence", other)):
        if columns:
            gap = matrix[at, at] - matrix[at, columns].mean(axis=0)
            numbers[f"above {name}"] = mean_interval(gap, settings, f"C3.{name}")
            beats[name] = numbers[f"above {name}"].low > 0
    diagonal = np.mean(
        [matrix[i, i].mean() >= matrix[i].mean(axis=1).max() for i in range(len(names))]
    )
    numbers["diagonal dominance"] = exact(float(diagonal), n=len(names))
    state: State = "fail"
    if beats.get("same valence"):
        state = "pass"
    elif beats.get("opposite valence"):
        state = "warn"
    shown = ", ".join(f"{n} {i.value:.2f} [{i.low:.2f}, {i.high:.2f}]" for n, i in numbers.items())
    if not same and state != "pass":
        shown += "; no other emotion of the same valence was given"
    return ControlResult(
        "C3", state, numbers, reasons=() if state == "pass" else (shown,),
        cost=bench.spent(before),
    )  # fmt: skip


def replace_target(bench: Bench, target: tuple[int, ...]) -> Bench:
    """The same bench asking for another lexicon (tokens shared with the neutral one drop out)."""
    left = tuple(t for t in target if t not in bench.neutral)
    return replace(bench, target=left)
