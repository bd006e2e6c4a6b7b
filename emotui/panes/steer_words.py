"""What the Steer pane says in words: meters, settings, what a run rests on; and what users type.

In: results and settings. Out: single lines, safe to show; parsed settings. Numbers come from jobs.
"""

import math
from collections.abc import Mapping

from emotui.jobs.live_spec import BASELINE, RANDOM, LiveRequest, LiveResult, LiveText
from emotui.sanitize import one_line, visible
from emotui.widgets.cells import signed
from emotui.workspace import SamplingChoice


def short(value: float, places: int = 2) -> str:
    """A number without its leading zero; a dash for NaN."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:.{places}f}"
    return text[1:] if text.startswith("0.") else text


def alphas_text(emotions: tuple[str, ...], alphas: tuple[float, ...]) -> str:
    """`joyful +.06 · sad −.02`; only the number where there is one emotion."""
    if len(emotions) == 1:
        return f"α {signed(alphas[0], places=3)}"
    return "α " + " · ".join(
        f"{visible(e)} {signed(a, places=3)}" for e, a in zip(emotions, alphas, strict=True)
    )


def output_title(request: LiveRequest, name: str) -> str:
    """`baseline α 0`, `steered α +.060`, `random 3  α +.060`."""
    row = next(row for row in request.rows if row.name == name)
    if name == BASELINE or not row.alphas:
        return "baseline  α 0"
    shown = alphas_text(request.emotions, row.alphas)
    if row.control_seed is not None:
        return f"random {row.control_seed}  {shown}"
    return f"{name}  {shown}"


def meters(request: LiveRequest, text: LiveText) -> str:
    """`NLL 2.44 rep .03 KL₁ .18 dose .060 hooks 64/64 · joyful +.12 · reads as joyful`."""
    hooks = f"hooks {text.hook_calls}/{text.hook_calls_due}"
    if text.hook_calls != text.hook_calls_due:
        hooks += " !"
    parts = [f"NLL {short(text.nll)}", f"rep {short(text.repetition4)}"]
    if text.name != BASELINE:
        parts += [f"KL₁ {short(text.kl_first)}", f"dose {short(text.dose, 3)}"]
    parts += [hooks, f"{len(text.token_ids)} tokens, {text.stopped}"]
    line = "  ".join(parts)
    if text.scores:
        scores = ", ".join(
            f"{visible(e)} {signed(s, places=3)}"
            for e, s in zip(request.emotions, text.scores, strict=True)
        )
        line += f"\nread back: {scores} · most like {visible(text.reads_as)}"
    return line


def rests_on(result: LiveResult) -> str:
    """What a run is, and what has not been controlled."""
    request = result.request
    parts = []
    if result.live:
        parts.append("LIVE: alpha moved while text streamed, not evidence")
    n = len(result.texts)
    parts.append(f"n {n} text{'s' if n > 1 else ''}, one prompt, seed {request.seed}")
    parts.append(f"layer {request.layer}, {request.mode} at {positions_text(request.positions)}")
    if any(row.control_seed is not None for row in request.rows):
        parts.append("beside a random direction of the same size")
    elif any(row.alphas for row in request.rows):
        parts.append("no control: r runs a random direction")
    parts.append("read back with the same vectors: no independent judge")
    return " · ".join(parts)


def positions_text(positions: str | tuple[int, int]) -> str:
    """`all` or `3:9`."""
    if isinstance(positions, str):
        return positions
    return f"{positions[0]}:{positions[1]}"


def sampling_text(sampling: SamplingChoice, seed: int) -> str:
    """As it is shown and as it is typed."""
    return (
        f"seed={seed} tokens={sampling.max_new_tokens} temperature={sampling.temperature:g} "
        f"top_k={sampling.top_k} top_p={sampling.top_p:g}"
    )


def parse_sampling(text: str) -> tuple[SamplingChoice, int] | str:
    """What `sampling_text` writes, in any order; else one line that says what is wrong."""
    values = {"seed": "0", "tokens": "64", "temperature": "1", "top_k": "0", "top_p": "1"}
    for part in text.replace(",", " ").split():
        name, sign, value = part.partition("=")
        if name not in values or not sign:
            return f"{one_line(part)!r} is not understood; write e.g. seed=1 tokens=64"
        values[name] = value
    return _checked(values)


def _checked(values: Mapping[str, str]) -> tuple[SamplingChoice, int] | str:
    try:
        seed, tokens, top_k = (int(values[k]) for k in ("seed", "tokens", "top_k"))
        temperature, top_p = float(values["temperature"]), float(values["top_p"])
    except ValueError:
        return "seed, tokens and top_k are whole numbers, temperature and top_p numbers"
    if not (0 <= seed < 2**64 and tokens >= 1 and top_k >= 0):
        return "seed and top_k are 0 or more, tokens 1 or more"
    if not (0 <= temperature < math.inf and 0 < top_p <= 1):
        return "temperature is 0 or more, top_p above 0 and at most 1"
    return SamplingChoice(tokens, temperature, top_k, top_p), seed


def sweep_alphas(value: float, *, high: float) -> tuple[float, ...]:
    """Nine alphas around 0, out to twice the slider's value where that fits, else to 0.12."""
    top = min(2 * abs(value) or 0.12, high)
    return tuple(round(top * step / 4, 4) for step in range(-4, 5))


def history_row(number: int, result: LiveResult) -> tuple[str, str, str, str, str, str]:
    """The cells of one run in the history."""
    request = result.request
    row = next((r for r in request.rows if r.alphas and r.control_seed is None), None)
    if request.sweep:
        what = f"sweep {request.sweep}"
    elif row is None:
        what = BASELINE
    else:
        what = " ".join(
            f"{e} {signed(a)}" for e, a in zip(request.emotions, row.alphas, strict=True)
        )
    steered = next((t for t in result.texts if t.name not in (BASELINE, RANDOM)), None)
    steered = steered or result.texts[0]
    marks = ("live " if result.live else "") + (
        "control" if any(r.control_seed is not None for r in request.rows) else ""
    )
    return (str(number), what, str(request.layer), request.prompt, steered.text, marks.strip())
