"""What the Tokens pane says in words: the token's line, the span's line, the legend.

In: a Coloured and what is chosen. Out: single lines, safe to show. Scores come from the job.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len

from emotui.emotion_groups import name_of
from emotui.jobs.colour_spec import Coloured, ScaleRule
from emotui.sanitize import shorten, visible
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
    *,
    width: int = 1000,
) -> str:
    """`"gate" joyful −.12 · sad +.31 z +1.2 · layer 21 · next: " and" " behind"`.

    Guesses that would not fit into the last line of `width` cells are left out whole.
    """
    parts = []
    for emotion in emotions[:6]:
        score = coloured.at(token, emotion, layer)
        z = coloured.z_at(token, emotion, layer)
        against = "" if z is None or len(emotions) > 2 else f" z {signed(z, places=1)}"
        parts.append(f"{visible(emotion)} {signed(score, places=3)}{against}")
    if len(emotions) > 6:
        parts.append(f"{len(emotions) - 6} more")
    head = f"{token} {quoted(coloured.pieces[token])} " + " · ".join([*parts, f"layer {layer}"])
    if guesses is None:
        return f"{head} · next: …"
    shown = [f"{quoted(t)} {p:.2f}".replace("0.", ".", 1) for t, p in guesses]
    return _with_guesses(head + " · next:", shown, width)


def _with_guesses(head: str, guesses: Sequence[str], width: int) -> str:
    """As many guesses as fit on the line where the head ends, the likeliest at any rate."""
    used = cell_len(head)
    room = max(width, 1) * -(-used // max(width, 1)) - used
    for n in range(len(guesses), 1, -1):
        tail = " " + " ".join(guesses[:n])
        if cell_len(tail) <= room:
            return head + tail
    return head + "".join(f" {guess}" for guess in guesses[:1])


def title_line(parts: Sequence[str], width: int) -> str:
    """The parts that fit, the first ones first; the last one shown is cut where it must be."""
    text = ""
    for part in parts:
        longer = f"{text} · {part}" if text else part
        if text and cell_len(longer) > width:
            break
        text = longer
    return shorten(text, width) if width > 0 else text


def span_line(ranks: "Sequence[SpanRank]", *, marked: bool, width: int = 1000) -> str:
    """The highest and the lowest emotions of the span that fit, with the n of tokens."""
    if not ranks:
        return "this span holds special tokens only"
    head = f"{'span' if marked else 'text'}, {ranks[0].n_tokens} tokens: "
    # A name may be so long that not even one would fit with its number.
    most = max(width - cell_len(head) - len(" −.000"), 8)
    shown = [f"{shorten(visible(r.label), most)} {signed(r.mean, places=3)}" for r in ranks]
    for n in range(min(6, len(ranks)), 0, -1):
        tail = f" … {shown[-1]}" if n < len(ranks) else ""
        line = head + " · ".join(shown[:n]) + tail
        if cell_len(line) <= width:
            break
    return line if cell_len(line) <= width else head + shown[0]


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
        end = f"p99 of |score|, {len(coloured.labels)} emotions · {where}"
    readout = "centred cosine" if coloured.scores.readout == "cosine" else "projection"
    return f"{readout} · {end} · {mean}{visible(name)}"


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
