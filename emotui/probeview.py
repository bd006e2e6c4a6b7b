"""Shows a probe report: a table by layer beside the baselines, a chart, CSV.

In: a ProbeReport. Out: lines, SVG, CSV text. The last line says what the numbers rest on and what
has not been controlled. Computes nothing.
"""

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

from emotui.charts import Line, Panel, chart_page, thinned
from emotui.drawing import Page, svg
from emotui.jobs.probe import ProbeReport
from emotui.sanitize import one_line
from emotui.terminal import table

NAMED = 3
"""Labels that the last line names before it counts the rest."""
FLAT = ("bag of words", "length only")
BY_LAYER = ("norm only", "untrained twin")
COLORS = {
    "probe": "#0072b2",
    "untrained twin": "#888888",
    "norm only": "#cc79a7",
    "bag of words": "#d55e00",
    "length only": "#009e73",
    "random split": "#56b4e9",
}


def curves_of(report: ProbeReport) -> dict[str, dict[str, Any]]:
    """Curve by name, the random split among them."""
    found = {curve["name"]: curve for curve in report.result["curves"]}
    if report.result["random_split"] is not None:
        found["random split"] = report.result["random_split"]
    return found


def number(value: float | None) -> str:
    """`.873`, or a dash where it is not known."""
    if value is None or not math.isfinite(value):
        return "-"
    text = f"{value:.3f}"
    return text[1:] if text.startswith("0.") else text


def interval(value: dict[str, Any]) -> str:
    """`.871 [.852 .889]`."""
    return f"{number(value['value'])} [{number(value['low'])} {number(value['high'])}]"


def probe_lines(report: ProbeReport) -> list[str]:
    """The whole report for a terminal."""
    r, curves = report.result, curves_of(report)
    lines = [
        f"{r['target']} from {one_line(report.model)} over {one_line(report.dataset)}, pooling "
        f"{report.pooling}: {len(r['labels'])} {r['target']}s, chance {number(r['chance'])}",
        "balanced accuracy and AUROC on held-out folds [95 % interval]",
        *table(_head(report), table_rows(report)),
    ]
    for name in FLAT:
        if name in curves:
            accuracy, auroc = curves[name]["accuracy"][0], curves[name]["auroc"][0]
            lines.append(f"{name}: {interval(accuracy)}, AUROC {number(auroc['value'])}")
    if "random split" in curves:
        lines.append("random: the probe on folds that ignore topics")
    return [*lines, best_line(report), *rests_on(report)]


def _head(report: ProbeReport) -> list[str]:
    curves = curves_of(report)
    head = ["layer", "probe", "AUROC"]
    short = {"norm only": "norm", "random split": "random"}
    head += [short.get(n, n) for n in (*BY_LAYER, "random split") if n in curves]
    return head + (["shuffled"] if report.result["shuffled_band"] else [])


def table_rows(report: ProbeReport) -> list[list[str]]:
    """One row per layer, the columns of the table's head; the best layer carries a mark."""
    r, curves = report.result, curves_of(report)
    rows = []
    for i, layer in enumerate(r["layers"]):
        mark = "*" if layer == r["best_layer"] else ""
        probe = curves["probe"]
        row = [
            f"{layer}{mark}",
            interval(probe["accuracy"][i]),
            number(probe["auroc"][i]["value"]),
        ]
        row += [
            interval(curves[n]["accuracy"][i]) if n == "untrained twin"
            else number(curves[n]["accuracy"][i]["value"])
            for n in (*BY_LAYER, "random split")
            if n in curves
        ]  # fmt: skip
        if r["shuffled_band"]:
            low, high = r["shuffled_band"][i]
            row.append(f"{number(low)}-{number(high)}")
        rows.append(row)
    return rows


def best_line(report: ProbeReport) -> str:
    """The best layer and those that cannot be told from it."""
    r = report.result
    probe = curves_of(report)["probe"]
    at = r["layers"].index(r["best_layer"])
    over = over_words(report, r["best_layer"])
    over = f"{over}; " if over else ""
    return (
        f"* layer {r['best_layer']}: {interval(probe['accuracy'][at])}; {over}"
        f"within one standard error: {ranges(r['within_one_se'])}; chosen and scored on the same "
        "data, so a little too high"
    )


def over_words(report: ProbeReport, layer: int) -> str:
    """`over words +.09 [+.07 +.11]`; "" where bag of words was not run or not compared."""
    r = report.result
    found = r.get("over_words") or []
    if layer not in r["layers"] or not found:
        return ""
    over = found[r["layers"].index(layer)]
    return f"over words {signed(over['value'])} [{signed(over['low'])} {signed(over['high'])}]"


def signed(value: float | None) -> str:
    """`+.09`, `-.03`, or a dash where it is not known."""
    if value is None or not math.isfinite(value):
        return "-"
    digits = f"{abs(value):.2f}"
    sign = "-" if value < 0 and float(digits) else "+"
    return sign + (digits[1:] if digits.startswith("0.") else digits)


def ranges(layers: Sequence[int]) -> str:
    """`17-24`, `3, 5-7`: neighbouring layers together."""
    parts: list[list[int]] = []
    for layer in layers:
        if parts and layer == parts[-1][-1] + 1:
            parts[-1].append(layer)
        else:
            parts.append([layer])
    return ", ".join(f"{p[0]}-{p[-1]}" if len(p) > 1 else str(p[0]) for p in parts)


def rests_on(report: ProbeReport) -> list[str]:
    """What the numbers rest on, and last what has not been controlled."""
    r = report.result
    unit = "topics" if r["grouping"] == "topic" else "texts"
    groups = f"{r['n_groups']} topics held out whole" if r["n_groups"] else "folds over texts"
    first = (
        f"n {r['n']:,} texts ({r['n_dropped']:,} left out{_lone(r)}), {groups}, "
        f"{r['folds']} folds x {r['seeds']} seeds, intervals by bootstrap over {unit}"
    )
    missing = "; ".join(one_line(why) for why in report.not_run)
    more = "synonyms, style and what else goes with the label"
    last = f"not controlled: {more}" + (f"; not run: {missing}" if missing else "")
    return [first, last]


def _lone(result: dict[str, Any]) -> str:
    """Labels that are not in the result because one text alone has them; reports before lack it."""
    lone = [one_line(label) for label in result.get("left_out", ())]
    if not lone:
        return ""
    more = f" and {len(lone) - NAMED} more" if len(lone) > NAMED else ""
    return f", among them the only text of {', '.join(lone[:NAMED])}{more}"


def probe_chart(report: ProbeReport) -> str:
    """Balanced accuracy by layer with its baselines, as SVG."""
    return svg(probe_page(report))


def probe_page(report: ProbeReport) -> Page:
    """The same as a page."""
    r, curves = report.result, curves_of(report)
    layers = tuple(float(layer) for layer in r["layers"])
    lines: list[Line] = []
    if r["shuffled_band"]:
        lows = tuple(band[0] for band in r["shuffled_band"])
        highs = tuple(band[1] for band in r["shuffled_band"])
        middle = tuple((a + b) / 2 for a, b in zip(lows, highs, strict=True))
        lines.append(
            Line("shuffled labels, 95 %", layers, middle, "#999999", lows, highs, "dotted")
        )
    for name in ("length only", "norm only", "bag of words", "untrained twin", "probe"):
        if name in curves:
            lines.append(_line(name, curves[name], layers))
    lines.append(Line("chance", layers, (r["chance"],) * len(layers), "#333333", look="dotted"))
    highest = max(max(v for v in (*line.y, *line.high) if math.isfinite(v)) for line in lines)
    panel = Panel(
        title=f"balanced accuracy by layer, {len(r['labels'])} {r['target']}s",
        x_name="layer",
        y_name="balanced accuracy",
        lines=tuple(reversed(lines)),
        x_ticks=thinned(layers),
        y_from=0.0,
        y_to=min(1.0, highest * 1.08),
    )
    title = f"{report.model} over {report.dataset}, pooling {report.pooling}"
    return chart_page([panel], title=title, rests_on="\n".join(rests_on(report)))


def _line(name: str, curve: dict[str, Any], layers: tuple[float, ...]) -> Line:
    def of(key: str) -> tuple[float, ...]:
        found = [math.nan if a[key] is None else float(a[key]) for a in curve["accuracy"]]
        return tuple(found * len(layers) if len(found) == 1 and len(layers) > 1 else found)

    banded = name in ("probe", "untrained twin")
    look = "solid" if name == "probe" else "dashed"
    return Line(
        name,
        layers,
        of("value"),
        COLORS[name],
        of("low") if banded else (),
        of("high") if banded else (),
        "dotted" if name in ("norm only", "length only") else look,  # type: ignore[arg-type]
        points=name == "probe",
    )


def csv_text(report: ProbeReport) -> str:
    """One line per curve and layer; flat baselines have an empty layer."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ("curve", "layer", "accuracy", "low", "high", "auroc", "auroc_low", "auroc_high", "n")
    )
    for name, curve in curves_of(report).items():
        for i, layer in enumerate(curve["layers"] or [""]):
            a, u = curve["accuracy"][i], curve["auroc"][i]
            writer.writerow(
                (name, layer, a["value"], a["low"], a["high"], u["value"], u["low"], u["high"],
                 a["n"])
            )  # fmt: skip
    for layer, (low, high) in zip(
        report.result["layers"], report.result["shuffled_band"], strict=False
    ):
        writer.writerow(("shuffled labels", layer, "", low, high, "", "", "", report.result["n"]))
    return out.getvalue()
