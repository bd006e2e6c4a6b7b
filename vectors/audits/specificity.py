"""C3: this emotion, or emotion as such?

Effects matrix: row = steered direction, column = outcome (each emotion's own lexicon against the
neutral one). The own outcome is compared, prompt by prompt, with the mean over other emotions of
the same valence and of the opposite one, and with what a topic's direction does to it.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from vectors.stats import Interval

from .bench import Bench, Direction, mean_interval
from .result import ControlResult, Cost, State, exact, worst
from .settings import AuditSettings

MIN_EMOTIONS = 3


def planned_specificity(n_prompts: int, n_emotions: int) -> Cost:
    """Forward passes of the emotions and one topic, counted before the start."""
    return Cost(forwards=n_prompts * (2 + n_emotions))


def specificity(
    bench: Bench,
    label: str,
    directions: Mapping[str, Direction],
    lexicons: Mapping[str, tuple[int, ...]],
    valence: Mapping[str, float],
    settings: AuditSettings,
    *,
    topic: Direction | None = None,
) -> ControlResult:
    """Own effect of `label` against the others'; `valence` decides who is of the same side.

    Without norms of valence the result is limited: the numbers are there, "the same valence" is
    not. `topic` is a direction of some subject matter at the same strength.
    """
    before = bench.forwards
    names = [n for n in directions if n in lexicons]
    if label not in names or len(names) < MIN_EMOTIONS:
        said = f"{len(names)} emotions with direction and lexicon; {MIN_EMOTIONS} are needed"
        return ControlResult("C3", "limited", reasons=(said,))
    matrix = _matrix(bench, names, directions, lexicons)
    at = names.index(label)
    own = matrix[at, at]
    numbers = {"own": mean_interval(own, settings, "C3")}
    state = _against_emotions(matrix, names, at, valence, numbers, settings)
    if topic is not None:
        read = replace_target(bench, lexicons[label])
        moved = read.outcome(bench.steered(bench.alpha, direction=topic))
        gap = own - (moved - read.outcome(bench.base()))
        numbers["above a topic"] = mean_interval(gap, settings, "C3.topic")
        state = worst(state, "pass" if numbers["above a topic"].low > 0 else "warn")
    shown = ", ".join(f"{n} {i.value:.2f} [{i.low:.2f}, {i.high:.2f}]" for n, i in numbers.items())
    if state == "limited":
        shown += "; no norms of valence were given for these emotions"
    elif "above same valence" not in numbers:
        shown += "; no other emotion of the same valence was given"
    return ControlResult(
        "C3", state, numbers, reasons=() if state == "pass" else (shown,),
        cost=bench.spent(before),
    )  # fmt: skip


def _matrix(
    bench: Bench,
    names: list[str],
    directions: Mapping[str, Direction],
    lexicons: Mapping[str, tuple[int, ...]],
) -> Float[np.ndarray, "steered read prompt"]:
    """Change of every emotion's outcome under every emotion's direction."""
    base = bench.base()
    benches = [replace_target(bench, lexicons[name]) for name in names]
    matrix = np.empty((len(names), len(names), len(bench.prompts)))
    for i, name in enumerate(names):
        logits = bench.steered(bench.alpha, direction=directions[name])
        for j, read in enumerate(benches):
            matrix[i, j] = read.outcome(logits) - read.outcome(base)
    return matrix


def _against_emotions(
    matrix: Float[np.ndarray, "steered read prompt"],
    names: list[str],
    at: int,
    valence: Mapping[str, float],
    numbers: dict[str, Interval],
    settings: AuditSettings,
) -> State:
    """Fills `numbers`; pass above the same valence, warn above the opposite one only."""
    diagonal = np.mean(
        [matrix[i, i].mean() >= matrix[i].mean(axis=1).max() for i in range(len(names))]
    )
    numbers["diagonal dominance"] = exact(float(diagonal), n=len(names))
    others = [j for j in range(len(names)) if j != at]
    known = {n: valence[n] for n in names if n in valence}
    own = known.get(names[at], 0.0)
    sides = {
        "same valence": [j for j in others if known.get(names[j], 0.0) * own > 0],
        "opposite valence": [j for j in others if known.get(names[j], 0.0) * own < 0],
    }
    if not any(sides.values()):
        gap = matrix[at, at] - matrix[at, others].mean(axis=0)
        numbers["above all others"] = mean_interval(gap, settings, "C3.all")
        return "limited" if numbers["above all others"].low > 0 else "fail"
    beats = {}
    for name, columns in sides.items():
        if columns:
            gap = matrix[at, at] - matrix[at, columns].mean(axis=0)
            numbers[f"above {name}"] = mean_interval(gap, settings, f"C3.{name}")
            beats[name] = numbers[f"above {name}"].low > 0
    if beats.get("same valence"):
        return "pass"
    return "warn" if beats.get("opposite valence") else "fail"


def replace_target(bench: Bench, target: tuple[int, ...]) -> Bench:
    """The same bench asking for another lexicon (tokens shared with the neutral one drop out)."""
    left = tuple(t for t in target if t not in bench.neutral)
    return replace(bench, target=left)
