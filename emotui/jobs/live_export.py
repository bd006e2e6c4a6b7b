"""Job: write a run of the steering console to a file, as JSON or as Markdown to read.

In: a LiveResult and a path. Out: the path. Texts of models are fenced in Markdown, hidden
characters shown as symbols; in JSON they are as they were. Needs no model.
"""

import json
import math
from pathlib import Path

from emotui.errors import OptionError
from emotui.events import Done, Job
from emotui.jobs.live_spec import LiveResult, LiveText
from emotui.sanitize import one_line, visible
from emotui.terminal import plain
from store.atomic import write_bytes


def export_live_job(result: LiveResult, path: Path) -> Job:
    """Done holds the path; OptionError for a folder that is not there or another ending."""
    path = path.expanduser().absolute()
    if not path.parent.is_dir():
        raise OptionError(f"{one_line(str(path.parent))} is no folder; make it first")
    kind = path.suffix.lower()
    if kind == ".json":
        text = json.dumps(plain(result.to_json()), ensure_ascii=False, indent=2) + "\n"
    elif kind in (".md", ".markdown"):
        text = markdown(result)
    else:
        raise OptionError(f"{one_line(path.name)} ends in {kind or 'nothing'}; use .json or .md")
    write_bytes(path, text.encode("utf-8", "replace"))
    yield Done(path)


def markdown(result: LiveResult) -> str:
    """Settings, a table of meters, the texts."""
    request = result.request
    lines = [
        "# Steering run",
        "",
        f"- model: {one_line(result.model)} ({one_line(result.revision)})",
        f"- vectors: {one_line(request.vectors)}, emotions {', '.join(request.emotions)}",
        f"- layer {request.layer}, {request.mode}, positions {request.positions}",
        f"- seed {request.seed}, {request.max_new_tokens} tokens at most, temperature "
        f"{request.temperature:g}, top k {request.top_k}, top p {request.top_p:g}",
    ]
    if result.live:
        lines.append("- **live**: alpha was moved while text streamed; this is not evidence")
    if result.window is not None:
        low, high = result.window
        lines.append(
            f"- coherent window {low:+g} to {high:+g} of the alphas tried ({result.budget})"
        )
    lines += [
        "- alpha is in mean residual norms of the layer; read back: the unsteered model scores the "
        "text with the same vectors, which is no independent judge",
        "",
        "prompt:",
        "",
        *_fenced(request.prompt),
        "",
        "| text | alpha | NLL | repetition | KL first | dose | hooks | read back | most like |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_row(text) for text in result.texts),
        "",
    ]
    for text in result.texts:
        lines += [f"## {one_line(text.name)}", "", *_fenced(text.text), ""]
    return "\n".join(lines)


def _row(text: LiveText) -> str:
    def number(value: float) -> str:
        return f"{value:.3f}" if math.isfinite(value) else "-"

    alphas = ", ".join(f"{a:+g}" for a in text.alphas) or "0"
    control = "" if text.control_seed is None else f" (random direction {text.control_seed})"
    cells = [
        one_line(text.name) + control,
        alphas,
        number(text.nll),
        number(text.repetition4),
        number(text.kl_first),
        number(text.dose),
        f"{text.hook_calls}/{text.hook_calls_due}",
        ", ".join(number(s) for s in text.scores) or "-",
        one_line(text.reads_as) or "-",
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _fenced(text: str) -> list[str]:
    """A code block whose fence is longer than any in the text."""
    shown = visible(text, newlines=True)
    fence = "```"
    while fence in shown:
        fence += "`"
    return [fence, shown, fence]
