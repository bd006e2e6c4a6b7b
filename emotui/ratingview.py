"""A blinded rating as lines of text for a terminal: pairs, the guess, the line-up, the status.

In: a `Rating`, a line-up, a status. Out: lines; every foreign text is made safe. No arm, no alpha
and no colour is ever shown. Computes nothing.
"""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float

from emotui.rating import GUESS_KEYS, KEYS, Rating, question
from emotui.sanitize import one_line, visible
from emotui.widgets.braille import Canvas

WIDTH = 80


def rating_lines(rating: Rating, *, width: int = WIDTH) -> list[str]:
    """What is asked now."""
    if rating.stage == "done":
        return [done_line(rating)]
    lines = guess_lines(rating, width) if rating.stage == "guess" else pair_lines(rating, width)
    return [*lines, f"! {rating.line}"] if rating.line else lines


def pair_lines(rating: Rating, width: int) -> list[str]:
    """One pair: question, beginning, two texts, keys."""
    pair = rating.pairs[rating.place]
    return [
        head_line(rating),
        f"beginning: {one_line(pair['prompt'])}",
        "",
        *_text("1", pair["left"], width),
        "",
        *_text("2", pair["right"], width),
        "",
        keys_line(rating),
    ]


def guess_lines(rating: Rating, width: int) -> list[str]:
    """Every arm's text on the same beginnings, by letter."""
    lines = ["Which arm do you think was the real one? Each letter is one arm.", ""]
    for sheet in rating.sheet["sheets"]:
        lines.append(f"beginning: {one_line(sheet['prompt'])}")
        for code, text in sorted(sheet["texts"].items()):
            lines += _text(code, text, width)
        lines.append("")
    return [*lines, GUESS_KEYS]


def head_line(rating: Rating) -> str:
    """`pair 12/72   Which text is more joyful?`."""
    return f"pair {rating.place + 1}/{len(rating.pairs)}   {one_line(question(rating.sheet))}"


def keys_line(rating: Rating) -> str:
    """The keys, or which fluency is being typed."""
    if rating.stage.startswith("fluency"):
        return f"fluency of text {rating.stage[-1]}: 0 broken, 1, 2 fluent"
    given = rating.fluency
    return KEYS if given is None else f"{KEYS}   fluency {given[0]} and {given[1]}"


def done_line(rating: Rating) -> str:
    """All is rated."""
    return f"all {len(rating.pairs)} pairs are rated; unblind with: emotui audit blind unblind"


def _text(mark: str, text: str, width: int) -> list[str]:
    shown = visible(text, newlines=True).strip() or "(empty)"
    lines = [
        part
        for line in shown.splitlines()
        for part in textwrap.wrap(line, max(width - 3, 20), break_on_hyphens=False) or [""]
    ]
    return [f"{mark}  {lines[0]}", *(f"   {line}" for line in lines[1:])]


def status_lines(status: Mapping[str, Any]) -> list[str]:
    """One line per round and one per rater."""
    if not status["rounds"]:
        return [f"{status['finding']} has no blinded rating"]
    lines = []
    for round in status["rounds"]:
        ended = round["unblinded_at"]
        state = f"unblinded {ended}" if ended else "blind"
        held = "held by a second person" if round["key_elsewhere"] else "sealed here"
        lines.append(
            f"round {round['n']}  {state}  sealed {round['sealed_at']}  key "
            f"{round['key_sha256'][:12]} {held}"
        )
        for rater in round["raters"]:
            guess = "guess given" if rater["guessed"] else "no guess yet"
            lines.append(
                f"  {one_line(rater['rater'])}: {rater['rated']}/{round['pairs']} pairs, "
                f"{'a model' if rater['machine'] else guess}"
            )
        if not round["raters"]:
            lines.append(f"  nobody has rated yet; {round['pairs']} pairs")
    return lines


def small_curves(
    curves: Float[np.ndarray, "curve layer"], *, width: int, height: int
) -> list[list[str]]:
    """Each curve as rows of cells, all on one scale."""
    finite = curves[np.isfinite(curves)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    span = max(high - low, 1e-9)
    return [_drawn([(v - low) / span for v in curve], width, height) for curve in curves]


def scale_line(curves: Float[np.ndarray, "curve layer"], layers: Sequence[int]) -> str:
    """What the cells mean."""
    finite = curves[np.isfinite(curves)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return (
        f"AUROC {low:.2f} at the foot to {high:.2f} at the top of each, layers {layers[0]} to "
        f"{layers[-1]}"
    )


def _drawn(heights: Sequence[float], width: int, height: int) -> list[str]:
    canvas = Canvas(width, height)
    columns, rows = canvas.dots
    steps = max(len(heights) - 1, 1)
    points = [
        (round(k / steps * (columns - 1)), round((1 - h) * (rows - 1)))
        for k, h in enumerate(heights)
        if np.isfinite(h)
    ]
    for (x0, y0), (x1, y1) in pairwise(points):
        canvas.line(x0, y0, x1, y1)
    if len(points) == 1:
        canvas.dot(*points[0])
    return [canvas.row(k) for k in range(height)]


def lineup_lines(
    curves: Float[np.ndarray, "curve layer"], layers: Sequence[int], letters: str, *, width: int
) -> list[str]:
    """The curves in a grid, each under its letter."""
    across = 4 if width >= 76 else 2
    cells = max((width - 2 * (across - 1)) // across, 12)
    drawn = small_curves(curves, width=cells, height=5)
    lines = []
    for at in range(0, len(drawn), across):
        part = drawn[at : at + across]
        lines.append("  ".join(letters[at + k].ljust(cells) for k in range(len(part))).rstrip())
        lines += ["  ".join(rows).rstrip() for rows in zip(*part, strict=True)]
        lines.append("")
    return [*lines, scale_line(curves, layers)]
