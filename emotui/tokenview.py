"""Shows a scored text: coloured tokens for a terminal, and a self-contained HTML page.

In: a ScoreResult. Out: lines, or HTML. Every piece of text is untrusted: made visible for the
terminal, escaped for the page. Computes no score.
"""

from collections.abc import Sequence
from html import escape

from emotui.colors import Mode, bin_of, css, paint
from emotui.jobs.score import ScoreResult
from emotui.sanitize import symbol, visible
from emotui.terminal import fixed, table


def show_piece(piece: str) -> str:
    """A token's text with nothing hidden; a line end is shown by its symbol and kept."""
    shown = visible(piece, newlines=True)
    return shown.replace("\n", symbol("\n") + "\n")


def gaps(result: ScoreResult) -> list[str]:
    """Per token, the text between the token before and this one that belongs to no token."""
    found, end = [], 0
    for start, stop in result.scores.offsets:
        found.append(result.scores.text[end:start] if start > end else "")
        end = max(end, int(stop))
    return found


def colored_text(result: ScoreResult, emotion: str, mode: Mode) -> str:
    """The text with every token in the colour of its score for the emotion."""
    s, at = result.scores, result.scores.layer_index(result.layer)
    column, scale = s.labels.index(emotion), float(s.scale[at])
    between = gaps(result)
    out = []
    for i, piece in enumerate(s.pieces):
        if s.is_special[i]:
            continue
        painted = [
            paint(part, bin_of(float(s.scores[i, at, column]), scale), mode) if part else ""
            for part in show_piece(piece).split("\n")
        ]
        out.append(visible(between[i], newlines=True) + "\n".join(painted))
    return "".join(out)


def legend(result: ScoreResult, mode: Mode) -> list[str]:
    """Two lines: what the colours mean, and the scale they share."""
    s, at = result.scores, result.scores.layer_index(result.layer)
    scale = float(s.scale[at])
    marks = {
        "plain": "no colours here; see the values below or --html",
        "attributes": paint("dim", -4, mode) + " below, " + paint("underlined", 4, mode) + " above",
    }.get(mode)
    if marks is None:
        marks = "".join(paint("  ", b, mode) if b else " 0 " for b in range(-4, 5))
        marks = f"-{fixed(scale)} {marks} +{fixed(scale)}"
    unit = "centred cosine" if s.readout == "cosine" else "projection, units of the residual stream"
    return [
        marks,
        f"{unit}, layer {result.layer}; ±{fixed(scale)} is the 99th percentile of |score| over all "
        f"{len(s.labels)} emotions on this text",
    ]


def rank_lines(result: ScoreResult, *, most: int = 10) -> list[str]:
    """The emotions ranked over the span, with n and z, and what the ranking rests on."""
    rows = [(r.label, r.mean, r.z, r.n_tokens) for r in result.ranks[:most]]
    more = len(result.ranks) - most
    z = (
        f"z against {result.n_neutral} neutral texts"
        if result.ranks and result.ranks[0].z is not None
        else "no z: the set was built without neutral texts"
    )
    rest = f"; {more} more with --json" if more > 0 else ""
    n = result.ranks[0].n_tokens if result.ranks else 0
    return [
        *table(("emotion", "mean score", "z", "tokens"), rows),
        f"ranked over {n} tokens; {z}; not controlled for what else these directions carry{rest}",
    ]


def html_page(results: Sequence[ScoreResult]) -> str:
    """One page with every shown emotion of every result; no scripts, nothing loaded."""
    blocks = [_html_block(result, emotion) for result in results for emotion in result.shown]
    ranks = [_html_ranks(result) for result in results]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        "<title>emotui: scored text</title>\n<style>"
        "body{font:16px/1.7 Georgia,serif;max-width:50em;margin:2em auto;padding:0 1em;color:#111;"
        "background:#fff}h2{font:600 16px sans-serif;margin:1.6em 0 .3em}"
        ".t{white-space:pre-wrap}.t span{border-radius:2px}"
        "p.n,td,th{font:13px sans-serif;color:#444}td,th{padding:.1em .8em .1em 0;text-align:right}"
        "td:first-child,th:first-child{text-align:left}"
        "</style></head><body>\n" + "\n".join(blocks + ranks) + "\n</body></html>\n"
    )


def _html_block(result: ScoreResult, emotion: str) -> str:
    s, at = result.scores, result.scores.layer_index(result.layer)
    column, scale = s.labels.index(emotion), float(s.scale[at])
    between, spans = gaps(result), []
    for i, piece in enumerate(s.pieces):
        if s.is_special[i]:
            continue
        score = float(s.scores[i, at, column])
        look = css(bin_of(score, scale))
        style = f' style="{look}"' if look else ""
        text = escape(show_piece(piece))
        spans.append(
            escape(visible(between[i], newlines=True))
            + f'<span title="{score:+.3f}"{style}>{text}</span>'
        )
    swatches = "".join(
        f'<span style="{css(b)}">&nbsp;&nbsp;&nbsp;</span>' if b else " 0 " for b in range(-4, 5)
    )
    return (
        f"<h2>{escape(visible(emotion))}</h2>\n"
        f'<div class="t">{"".join(spans)}</div>\n'
        f'<p class="n">&minus;{fixed(scale)} {swatches} +{fixed(scale)} '
        f"({escape(s.readout)}, layer {result.layer}; the scale is the 99th percentile of |score| "
        f"over all {len(s.labels)} emotions on this text; vectors {escape(result.vectors)})</p>"
    )


def _html_ranks(result: ScoreResult) -> str:
    rows = "".join(
        f"<tr><td>{escape(visible(r.label))}</td><td>{r.mean:+.3f}</td>"
        f"<td>{'-' if r.z is None else f'{r.z:+.2f}'}</td><td>{r.n_tokens}</td></tr>"
        for r in result.ranks
    )
    return (
        "<table><tr><th>emotion</th><th>mean score</th><th>z</th><th>tokens</th></tr>"
        f"{rows}</table>\n<p class='n'>z against {result.n_neutral} neutral texts</p>"
        if result.n_neutral
        else "<table><tr><th>emotion</th><th>mean score</th><th>z</th><th>tokens</th></tr>"
        f"{rows}</table>"
    )
