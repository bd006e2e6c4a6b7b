"""What the Steer pane says in words: meters, settings, what a run rests on; and what users type.

In: results and settings. Out: single lines, safe to show; parsed settings. Numbers come from jobs.
"""

import math
from collections.abc import Mapping

from emotui.jobs.live_spec import BASELINE, RANDOM, LiveRequest, LiveResult, LiveText
from emotui.sanitize import one_line, shorten
from emotui.widgets.cells import signed
from emotui.widgets.slider import alpha_text
from emotui.workspace import SamplingChoice


def short(value: float, places: int = 2) -> str:
    """A number without its leading zero; a dash for NaN."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:.{places}f}"
    return text[1:] if text.startswith("0.") else text


def alphas_text(emotions: tuple[str, ...], alphas: tuple[float, ...]) -> str:
    """`α joyful +.06 · sad −.02`; only the number where there is one emotion."""
    if len(emotions) == 1:
        return f"α {alpha_text(alphas[0])}"
    return "α " + " · ".join(
        f"{one_line(e)} {alpha_text(a)}" for e, a in zip(emotions, alphas, strict=True)
    )


def pushes_text(emotions: tuple[str, ...], alphas: tuple[float, ...]) -> str:
    """The same without the emotions that are left alone, where others are not."""
    pushed = [(e, a) for e, a in zip(emotions, alphas, strict=True) if a]
    if not pushed or len(emotions) == 1:
        return alphas_text(emotions, alphas)
    return "α " + " · ".join(f"{one_line(e)} {alpha_text(a)}" for e, a in pushed)


def output_title(request: LiveRequest, name: str, *, moved: bool = False) -> str:
    """`baseline α 0`, `steered α +.06`, `random 3  α +.06`; `from α +.06` where alpha moved."""
    row = next(row for row in request.rows if row.name == name)
    if name == BASELINE or not row.alphas:
        return "baseline  α 0"
    shown = ("from " if moved else "") + pushes_text(request.emotions, row.alphas)
    if row.control_seed is not None:
        return f"random {row.control_seed}  {shown}"
    return f"{name}  {shown}"


def text_title(request: LiveRequest, text: LiveText) -> str:
    """`furious α +.20, seed 0`: a generated text away from its pane.

    `LIVE: furious from α +.20, seed 0` where alpha moved while it streamed.
    """
    if not text.alphas:
        return f"baseline, seed {request.seed}"
    what = f"random direction {text.control_seed} " if text.control_seed is not None else ""
    if len(request.emotions) == 1 and not what:
        what = f"{one_line(request.emotions[0])} "
    live, begun = ("LIVE: ", "from ") if text.live else ("", "")
    pushed = pushes_text(request.emotions, text.alphas)
    return f"{live}{what}{begun}{pushed}, seed {request.seed}"


def meters(request: LiveRequest, text: LiveText, *, room: int) -> tuple[str, ...]:
    """`NLL 2.44`, `rep .03`, `KL₁ .18`, `dose .060`, `hooks 64/64`, ...: none to be torn apart.

    `room` is the width of a line in cells: a longer name is cut, its number is not.
    """
    most = max(room - len("reads  −.000"), 8)
    parts = [f"NLL {short(text.nll)}", f"rep {short(text.repetition4)}"]
    if text.name != BASELINE:
        parts += [f"KL₁ {short(text.kl_first)}", f"dose {short(text.dose, 3)}"]
    missed = " !" if text.hook_calls != text.hook_calls_due else ""
    parts += [
        f"hooks {text.hook_calls}/{text.hook_calls_due}{missed}",
        f"{len(text.token_ids)} tokens, {text.stopped}",
    ]
    if text.scores:
        parts += [
            f"reads {shorten(one_line(e), most)} {signed(s, places=3)}"
            for e, s in zip(request.emotions, text.scores, strict=True)
        ]
        parts.append(f"most like {shorten(one_line(text.reads_as), most)}")
    return tuple(parts)


def rests_on(result: LiveResult) -> tuple[str, ...]:
    """What a run is, and what has not been controlled, in parts."""
    request = result.request
    parts = []
    if result.live:
        parts.append("LIVE: alpha moved while text streamed, not evidence")
    n = len(result.texts)
    of = " of the sweep" if request.sweep else ""
    parts.append(f"n {n} text{'s' if n > 1 else ''}{of}, one prompt, seed {request.seed}")
    if any(row.control_seed is not None for row in request.rows):
        parts.append("beside a random direction of the same size")
    elif any(row.alphas for row in request.rows):
        parts.append("no control: r runs a random direction")
    parts.append("read with the same vectors: no independent judge")
    return tuple(parts)


def positions_text(positions: str | tuple[int, int]) -> str:
    """`all` or `3:9`."""
    if isinstance(positions, str):
        return positions
    return f"{positions[0]}:{positions[1]}"


def settings_line(sampling: SamplingChoice, seed: int) -> str:
    """The same to look at: what leaves the model's own distribution alone is not mentioned."""
    parts = [f"seed {seed}", f"{sampling.max_new_tokens} tokens"]
    parts.append(f"temperature {sampling.temperature:g}" if sampling.temperature else "greedy")
    if sampling.top_k:
        parts.append(f"top k {sampling.top_k}")
    if sampling.top_p < 1:
        parts.append(f"top p {sampling.top_p:g}")
    return " · ".join(parts)


def sampling_text(sampling: SamplingChoice, seed: int) -> str:
    """As it is typed."""
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


def _ends(alphas: list[str]) -> str:
    """`±.24`, or `−.10 to +.24`."""
    low, high = alphas[0], alphas[-1]
    same = low.startswith("−") and low[1:] == high[1:]
    return f"±{high[1:]}" if same else f"{low} to {high}"


def history_row(number: int, result: LiveResult) -> tuple[str, str, str, str, str, str]:
    """The cells of one run in the history."""
    request = result.request
    row = next((r for r in request.rows if r.alphas and r.control_seed is None), None)
    steered = next((t for t in result.texts if t.name not in (BASELINE, RANDOM)), result.texts[0])
    shown = steered.text
    if request.sweep:
        what = f"sweep {request.sweep}"
        swept = [alpha_text(r.alphas[0]) for r in request.rows if r.alphas]
        shown = f"{len(request.rows)} alphas, {_ends(swept)}" if swept else ""
    elif row is None:
        what = BASELINE
    else:
        what = pushes_text(request.emotions, row.alphas).removeprefix("α ")
        if len(request.emotions) == 1:
            what = f"{request.emotions[0]} {what}"
    marks = ("live " if result.live else "") + (
        "control" if any(r.control_seed is not None for r in request.rows) else ""
    )
    return (str(number), what, str(request.layer), request.prompt, shown, marks.strip())
