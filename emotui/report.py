"""Writes REPORT.md of the demo, with its charts and coloured tokens as SVG files beside it.

In: a DemoResult. Out: the same with its headlines, and files in the report's folder. Every number
stands with its n, its interval and its baseline; nothing is computed here but shares of the
independent reader, with Wilson's interval.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from emotui.jobs.demo import DemoRequest, DemoResult
from emotui.jobs.steer import BASELINE, SteerResult
from emotui.probeview import (
    best_line,
    csv_text,
    curves_of,
    interval,
    number,
    probe_chart,
    rests_on,
    table_rows,
)
from emotui.reader import Reader, train_reader
from emotui.sanitize import one_line, visible
from emotui.sweepview import rows_by_alpha, sweep_chart, window_line
from emotui.terminal import fixed, human_time, plain
from emotui.tokensvg import tokens_svg
from store.atomic import write_bytes
from vectors.stats import wilson


def write_report(result: DemoResult, request: DemoRequest) -> DemoResult:
    """Writes every file, REPORT.md last; returns the result with its headlines."""
    out = request.out
    out.mkdir(parents=True, exist_ok=True)
    reader = train_reader()
    headlines = (_probe_headline(result), *(_steer_headline(s, reader) for s in result.sweeps))
    result = replace(result, headlines=headlines)
    _write(out / "accuracy.svg", probe_chart(result.facts))
    _write(out / "accuracy.csv", csv_text(result.facts))
    for emotion in result.score.shown:
        _write(out / f"tokens-{emotion}.svg", tokens_svg(result.score, emotion))
    for sweep in result.sweeps:
        _write(out / f"sweep-{sweep.emotion}.svg", sweep_chart(sweep))
    _write(out / "report.json", json.dumps(plain(result.to_json()), indent=1))
    parts = [
        *_opening(result, request),
        *_probe_part(result),
        *_vector_part(result),
        *_score_part(result),
        *_steer_part(result, reader),
        *_limits(),
    ]
    _write(out / "REPORT.md", "\n".join(parts) + "\n")
    return result


def _write(path: Path, text: str) -> None:
    write_bytes(path, text.encode("utf-8"))


def _row(*cells: str) -> str:
    return "| " + " | ".join(one_line(cell).replace("|", "\\|") for cell in cells) + " |"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    return [_row(*head), _row(*("---" for _ in head)), *(_row(*row) for row in rows), ""]


def _opening(result: DemoResult, request: DemoRequest) -> list[str]:
    return [
        "# emotui: report of the demo",
        "",
        "A small language model trained on texts of a grammar of our own. **It is a teaching model "
        "with known truth**: which emotion a story has follows from stated facts, so it can be "
        "checked what the methods find. Nothing here says anything about other models; real work "
        "uses a real one.",
        "",
        f"{request.texts:,} stories, seed {request.seed}; the whole way took "
        f"{human_time(result.elapsed_s)}.",
        "",
        *(f"- {line}" for line in result.headlines),
        "",
    ]


def _probe_headline(result: DemoResult) -> str:
    r, curves = result.facts.result, curves_of(result.facts)
    at = r["layers"].index(r["best_layer"])
    beside = ", ".join(
        f"{name} {interval(curves[name]['accuracy'][at if curves[name]['layers'] else 0])}"
        for name in ("bag of words", "length only", "norm only", "untrained twin")
        if name in curves
    )
    return (
        f"Before any reaction, the last token's activation at layer {r['best_layer']} tells the "
        f"emotion with balanced accuracy {interval(curves['probe']['accuracy'][at])} "
        f"(n {r['n']:,}, {r['n_groups']} topics held out in turn, chance {number(r['chance'])}); "
        f"{beside}."
    )


def _probe_part(result: DemoResult) -> list[str]:
    report = result.facts
    curves = curves_of(report)
    head = ["layer", "probe", "AUROC"]
    head += [n for n in ("norm only", "untrained twin", "random split") if n in curves]
    head += ["shuffled, 95 %"] if report.result["shuffled_band"] else []
    flat = [
        (name, interval(curves[name]["accuracy"][0]), number(curves[name]["auroc"][0]["value"]))
        for name in ("bag of words", "length only")
        if name in curves
    ]
    return [
        "## Can the emotion be read before it is shown?",
        "",
        "The texts end where the facts end; the activation is that of the last token.",
        "",
        "![Balanced accuracy by layer beside its baselines](accuracy.svg)",
        "",
        *_table(tuple(head), [tuple(row) for row in table_rows(report)]),
        *_table(("without layers", "balanced accuracy", "AUROC"), flat),
        best_line(report).lstrip("* ").capitalize() + ".",
        "",
        *(f"{line}  " for line in rests_on(report)),
        "",
    ]


def _vector_part(result: DemoResult) -> list[str]:
    d = result.build.directions
    at = d.layer_index(result.score.layer)
    rows = []
    for i, label in enumerate(d.labels):
        half = "-" if d.split_half is None else fixed(float(d.split_half[i, at]), 2)
        rows.append((label, f"{int(d.n[i]):,}", fixed(float(d.kept[i, at]), 2), half))
    return [
        "## Vectors",
        "",
        f"Difference of means at layer {result.score.layer}, centred over emotions; "
        f"{int(d.k_removed[at])} components of {d.n_neutral} neutral texts removed; mean residual "
        f"norm {fixed(float(d.residual_norm[at]), 2)}.",
        "",
        *_table(("emotion", "n texts", "norm kept", "split-half cosine"), rows),
        "Split-half: two halves of the topics, centred; without centring it would be near 1 for "
        "any set.",
        "",
    ]


def _score_part(result: DemoResult) -> list[str]:
    s = result.score
    rows = [
        (r.label, f"{r.mean:+.3f}", "-" if r.z is None else f"{r.z:+.1f}", str(r.n_tokens))
        for r in s.ranks[:8]
    ]
    out = [
        "## Coloured tokens",
        "",
        f"One story the vectors were not built from; its emotion is **{result.story.emotion}**. "
        f"Layer {s.layer}, {s.scores.readout}; one scale for all pictures: ±"
        f"{fixed(float(s.scores.scale[0]))}, the 99th percentile of the absolute score over all "
        f"{len(s.scores.labels)} emotions on this text.",
        "",
    ]
    for emotion in s.shown:
        out += [f"![Tokens coloured for {emotion}](tokens-{emotion}.svg)", ""]
    return [
        *out,
        *_table(("emotion", "mean score", f"z (n {s.n_neutral} neutral)", "tokens"), rows),
    ]


def _shares(sweep: SteerResult, reader: Reader) -> dict[tuple[str, float], tuple[int, int]]:
    """Per kind of direction and alpha: texts that the reader calls the emotion, and all texts."""
    found: dict[tuple[str, float], tuple[int, int]] = {}
    names = reader.name([text.row.text for text in sweep.texts])
    for text, name in zip(sweep.texts, names, strict=True):
        kind = "control" if text.direction.startswith("control ") else text.direction
        hits, n = found.get((kind, text.alpha), (0, 0))
        found[kind, text.alpha] = (hits + (name == sweep.emotion), n + 1)
    return found


def _share(hits: int, n: int) -> str:
    w = wilson(hits, n)
    return f"{w.value:.0%} [{w.low:.0%} {w.high:.0%}]"


def _steer_headline(sweep: SteerResult, reader: Reader) -> str:
    shares = _shares(sweep, reader)
    high = sweep.window.high if sweep.window is not None else 0.0
    tried = sorted(alpha for kind, alpha in shares if kind == sweep.emotion and alpha > 0)
    alpha = high if high in tried else tried[0]
    base, own = shares[BASELINE, 0.0], shares[sweep.emotion, alpha]
    other = shares["control", alpha]
    where = "the last alpha in the coherent window" if high in tried else "beyond the window"
    return (
        f"Steering towards {sweep.emotion} at alpha {alpha:+g} ({where}): an independent reader "
        f"calls {_share(*own)} of {own[1]} texts {sweep.emotion}, against {_share(*base)} of "
        f"{base[1]} unsteered and {_share(*other)} of {other[1]} under random directions of the "
        "same norm."
    )


def _steer_part(result: DemoResult, reader: Reader) -> list[str]:
    out = [
        "## Steering",
        "",
        f"The reader knows words only and no activation; it names {reader.accuracy:.0%} of "
        f"{reader.n_test:,} unseen reactions right (chance {reader.chance:.0%}). NLL is under the "
        "unsteered model. The controls are random directions of the same norm at the same alphas. "
        f"{_beginnings(result)}",
        "",
    ]
    for sweep in result.sweeps:
        shares = _shares(sweep, reader)
        rows = []
        for r in rows_by_alpha(sweep):
            share = _share(*shares[r.direction, r.alpha])
            rows.append(
                (r.direction, f"{r.alpha:+g}" if r.alpha else "0", str(r.n), share,
                 f"{r.score:+.3f} ±{r.score_se:.3f}",
                 fixed(r.nll, 2), fixed(r.repetition4, 2), fixed(r.dose, 3), r.hooks)
            )  # fmt: skip
        out += [
            f"### {sweep.emotion}",
            "",
            f"![Alpha sweep beside random directions](sweep-{sweep.emotion}.svg)",
            "",
            *_table(
                ("direction", "alpha", "n", "reader [95 %]", "score ±se", "NLL", "repeated 4-grams",
                 "dose", "hook calls"),
                rows,
            ),
            window_line(sweep).capitalize() + ".",
            "",
            *_example(sweep),
        ]  # fmt: skip
    return out


def _beginnings(result: DemoResult) -> str:
    n = len(result.sweeps[0].prompts) if result.sweeps else 0
    return f"{n} beginnings that tell no reason, the same sampling noise at every alpha."


def _example(sweep: SteerResult) -> list[str]:
    high = sweep.window.high if sweep.window is not None else 0.0
    first = sweep.prompts[0]
    out = []
    for text in sweep.texts:
        if text.row.prompt != first or text.direction.startswith("control "):
            continue
        if text.direction == BASELINE or text.alpha == high:
            shown = visible(" ".join((first + text.row.text).split()))
            out += [f"alpha {text.alpha:+g}:", "", "```", shown, "```", ""]
    return out


def _limits() -> list[str]:
    return [
        "## What these numbers do not say",
        "",
        "- The layer of the headline is chosen and scored on the same texts.",
        "- A probe shows that a label can be read, not that the model uses it; steering shows an "
        "effect of pushing, not that the model pushes itself.",
        "- The score that reads texts back uses the same vectors that were pushed; only the reader "
        "is independent, and it knows the demo's grammar only.",
        "- Two random directions bound the effect of any push loosely; covariance-matched and "
        "shuffled-label controls are there with `emotui steer --control`.",
    ]
