"""What the Tokens pane says in words: the token's line, the span's line, the legend.

In: a Coloured and what is chosen. Out: single lines, safe to show. Scores come from the job.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emotui.emotion_groups import name_of
from emotui.jobs.colour_spec import Coloured, ScaleRule
from emotui.sanitize import visible
from emotui.widgets.cells import signed

if TYPE_CHECKING:
    from vectors.scoring import SpanRank

Guesses = Sequence[tuple[str, float]]


def quoted(piece: str) -> str:
    """A token in quotes with nothing hidden."""
    return f'"{visible(piece)}"'


def token_line(
    coloured: Coloured,
    token: int,
    emotions: Sequence[str],
    layer: int,
    guesses: Guesses | None,
) -> str:
    """`"gate" joyful −.12 · sad +.31 z +1.2 · layer 21 · next: " and" " behind"`."""
    parts = []
    for emotion in emotions[:6]:
        score = coloured.at(token, emotion, layer)
        z = coloured.z_at(token, emotion, layer)
        against = "" if z is None or len(emotions) > 2 else f" z {signed(z, places=1)}"
        parts.append(f"{visible(emotion)} {signed(score, places=3)}{against}")
    if len(emotions) > 6:
        parts.append(f"{len(emotions) - 6} more")
    if guesses is None:
        following = "next: …"
    else:
        following = "next: " + " ".join(f"{quoted(t)} {p:.2f}".replace("0.", ".")
                                        for t, p in guesses)  # fmt: skip
    return " · ".join(
        [f"{token} {quoted(coloured.pieces[token])} " + " · ".join(parts), f"layer {layer}",
         following]
    )  # fmt: skip


def span_line(ranks: "Sequence[SpanRank]", *, marked: bool, most: int = 6) -> str:
    """The highest and the lowest emotions of the span, with the n of tokens."""
    if not ranks:
        return "this span holds special tokens only"
    what = "span" if marked else "text"
    shown = [f"{visible(r.label)} {signed(r.mean, places=3)}" for r in ranks[:most]]
    lowest = ranks[-1] if len(ranks) > most else None
    tail = f" … {visible(lowest.label)} {signed(lowest.mean, places=3)}" if lowest else ""
    return f"{what}, {ranks[0].n_tokens} tokens: " + " · ".join(shown) + tail


def rank_title(ranks: "Sequence[SpanRank]", n_neutral: int, *, marked: bool) -> str:
    """What a ranking rests on."""
    n = ranks[0].n_tokens if ranks else 0
    z = f"z: {n_neutral} neutral texts" if n_neutral else "no z: no neutral texts"
    return f"{'span' if marked else 'text'}, {n} tokens · {z}"


def legend_line(
    coloured: Coloured,
    emotions: Sequence[str],
    layer: int,
    rule: ScaleRule | float,
) -> str:
    """Which number is coloured and where the scale's end comes from."""
    name = name_of(emotions, coloured.labels)
    mean = "mean of " if len(emotions) > 1 else ""
    if isinstance(rule, float):
        end = "scale typed"
    else:
        where = f"layer {layer}" if rule == "layer" else "all layers"
        end = f"p99 of |score|, {len(coloured.labels)} emotions, {where}"
    readout = "centred cosine" if coloured.scores.readout == "cosine" else "projection"
    return f"{mean}{visible(name)} · {readout} · {end}"


def parse_scale(text: str) -> ScaleRule | float | None:
    """`layer`, `all` or a number above 0; None for anything else."""
    word = text.strip().casefold()
    if word in ("layer", "auto"):
        return "layer"
    if word in ("all", "all layers"):
        return "all layers"
    try:
        value = float(word)
    except ValueError:
        return None
    return value if 0 < value < float("inf") else None
