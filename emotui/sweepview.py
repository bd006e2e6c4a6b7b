"""Shows a steering sweep: texts, a table of meters per alpha beside the controls, a chart.

In: a SteerResult. Out: lines or SVG. Averages over samples are taken by `rows_by_alpha`, which also
gives the spread; nothing else is computed here.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from emotui.charts import Line, Panel, chart, nice_ticks
from emotui.jobs.steer import BASELINE, SteeredText, SteerResult
from emotui.sanitize import one_line, visible
from emotui.terminal import fixed, table


@dataclass(frozen=True)
class SweepRow:
    """One alpha of one kind of direction, over its texts."""

    direction: str
    """The emotion, "baseline", or "control" for all control directions together."""
    alpha: float
    n: int
    """Texts."""
    score: float
    """Mean read-back score; NaN where no text has one."""
    score_se: float
    """Standard error of that mean; NaN for a single text."""
    reads_as: float
    """Share of texts whose highest-scoring emotion is the steered one."""
    nll: float
    repetition4: float
    distinct2: float
    kl_first: float
    dose: float
    hooks: str
    """Hook calls seen / due, over all texts."""


def rows_by_alpha(result: SteerResult) -> list[SweepRow]:
    """The emotion's rows with the baseline in place, then those of the controls, ascending."""
    kinds: dict[tuple[int, float], list[SteeredText]] = {}
    for text in result.texts:
        control = text.direction.startswith("control ")
        kinds.setdefault((int(control), text.alpha), []).append(text)
    return [_row(result, texts, bool(key[0])) for key, texts in sorted(kinds.items())]


def _row(result: SteerResult, texts: Sequence[SteeredText], control: bool) -> SweepRow:
    scores = [t.score for t in texts if t.score is not None]
    rows = [t.row for t in texts]
    spread = statistics.stdev(scores) / math.sqrt(len(scores)) if len(scores) > 1 else math.nan
    seen, due = sum(r.hook_calls for r in rows), sum(r.hook_calls_due for r in rows)
    return SweepRow(
        direction="control" if control else texts[0].direction,
        alpha=texts[0].alpha,
        n=len(texts),
        score=_mean(scores),
        score_se=spread,
        reads_as=sum(t.reads_as == result.emotion for t in texts) / len(texts),
        nll=_mean([r.nll for r in rows]),
        repetition4=_mean([r.repetition4 for r in rows]),
        distinct2=_mean([r.distinct2 for r in rows]),
        kl_first=_mean([r.kl_first for r in rows]),
        dose=_mean([r.dose for r in rows]),
        hooks=f"{seen}/{due}",
    )


def _mean(values: Sequence[float]) -> float:
    known = [v for v in values if math.isfinite(v)]
    return sum(known) / len(known) if known else math.nan


HEAD = ("direction", "alpha", "n", "score", "±se", "reads as", "nll", "rep4", "dist2", "KL1",
        "dose", "hooks")  # fmt: skip


def meter_cells(result: SteerResult) -> list[tuple[str, str, int, str, str, str, str, str, str,
                                                   str, str, str]]:  # fmt: skip
    """The table's cells, one row per alpha and kind of direction."""
    return [
        (
            one_line(r.direction),
            f"{r.alpha:+g}" if r.alpha else "0",
            r.n,
            fixed(r.score),
            fixed(r.score_se),
            f"{r.reads_as:.0%}",
            fixed(r.nll, 2),
            fixed(r.repetition4, 2),
            fixed(r.distinct2, 2),
            fixed(r.kl_first, 2),
            fixed(r.dose, 3),
            r.hooks,
        )
        for r in rows_by_alpha(result)
    ]


def meter_lines(result: SteerResult) -> list[str]:
    """The table, the coherent window, and what both rest on."""
    out = table(HEAD, meter_cells(result), flexible=0)
    out.append(window_line(result))
    out += rests_on(result)
    return out


def window_line(result: SteerResult) -> str:
    """Up to which alpha the text stays language."""
    window = result.window
    if window is None:
        return "coherent window: not computed, since alpha 0 acts in this mode"
    reach = f"{window.low:+g} to {window.high:+g}" if window.low or window.high else "none"
    return (
        f"coherent window: {reach} of the alphas tried (perplexity "
        f"under the unsteered model at most {window.max_perplexity_ratio:g} times the baseline's, "
        f"repeated 4-grams at most {window.max_repetition_rise:g} above it)"
    )


def rests_on(result: SteerResult) -> list[str]:
    """Two lines: what the numbers are, and what has not been controlled."""
    settings = result.settings
    n = settings["samples"]
    layers = ", ".join(str(layer) for layer in result.layers)
    prompts = "one prompt" if len(result.prompts) == 1 else f"{len(result.prompts)} prompts"
    control = (
        f"beside {result.n_controls} {result.control} direction"
        f"{'s' if result.n_controls > 1 else ''} of the same norm"
        if result.control
        else "no control direction was run (add --control random:3)"
    )
    return [
        f"layer {layers}, {settings['mode']} at {settings['positions']}, n {n} text"
        f"{'' if n == 1 else 's'} per alpha and prompt, {prompts}, seeds from {settings['seed']}; "
        f"{control}",
        "score: the unsteered model reads the text back at layer "
        f"{result.layers[-1]} with the same "
        "vectors, so it is not an independent judge of the emotion",
    ]


def text_lines(result: SteerResult, *, most: int = 1) -> list[str]:
    """The texts of the first prompt's first sample(s), each under its alpha."""
    out: list[str] = []
    seeds = sorted({t.seed for t in result.texts})[:most]
    for text in result.texts:
        if text.seed not in seeds or text.row.prompt != result.prompts[0]:
            continue
        alpha = "0" if text.direction == BASELINE else f"{text.alpha:+g}"
        out.append(f"--- {one_line(text.direction)}, alpha {alpha}, seed {text.seed}")
        shown = visible(text.row.prompt, newlines=True) + visible(text.row.text, newlines=True)
        out += [line for line in shown.split("\n") if line.strip()] or [""]
    return out


def sweep_chart(result: SteerResult) -> str:
    """Score and perplexity cost over alpha, the emotion beside its controls, as SVG."""
    rows = rows_by_alpha(result)
    own = sorted((r for r in rows if r.direction != "control"), key=lambda r: r.alpha)
    base = [r for r in own if r.alpha == 0]
    other = sorted([r for r in rows if r.direction == "control"] + base, key=lambda r: r.alpha)
    lines_score = [_line(own, result.emotion, "#d55e00", score=True)]
    lines_nll = [_line(own, result.emotion, "#d55e00", score=False)]
    if result.control:
        name = f"{result.control}, n {result.n_controls}"
        lines_score.append(_line(other, name, "#555555", score=True))
        lines_nll.append(_line(other, name, "#555555", score=False))
    alphas = tuple(r.alpha for r in own)
    title = f"Steering along {result.emotion}"
    return chart(
        [
            _panel("mean score of the generated text", "score", lines_score, alphas),
            _panel("NLL under the unsteered model", "nats per token", lines_nll, alphas),
        ],
        title=title,
        rests_on=rests_on(result)[0],
    )


def _line(rows: Sequence[SweepRow], name: str, color: str, *, score: bool) -> Line:
    y = tuple(r.score if score else r.nll for r in rows)
    band = score and all(math.isfinite(r.score_se) for r in rows)
    return Line(
        name=name,
        x=tuple(r.alpha for r in rows),
        y=y,
        color=color,
        low=tuple(r.score - 1.96 * r.score_se for r in rows) if band else (),
        high=tuple(r.score + 1.96 * r.score_se for r in rows) if band else (),
        look="solid" if color == "#d55e00" else "dashed",
        points=True,
    )


def _panel(title: str, y_name: str, lines: Sequence[Line], alphas: tuple[float, ...]) -> Panel:
    values = [v for line in lines for v in (*line.y, *line.low, *line.high) if math.isfinite(v)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    pad = (high - low) * 0.08 or 0.1
    ticks = nice_ticks(low - pad, high + pad)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    return Panel(
        title=title,
        x_name="alpha (mean residual norms)",
        y_name=y_name,
        lines=tuple(lines),
        x_ticks=alphas,
        y_from=low - pad,
        y_to=high + pad,
        places=max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 2,
    )
