"""The curves of a probe as the Probes pane keeps them: filled layer by layer, or from a report.

In: parts as a running probe says them, or the result of a finished one. Out: series for the chart,
rows for the table, and the end of the y axis. Computes no statistic. Knows no widget but the
chart's `Series`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from emotui.widgets.chart_grid import Series

Metric = Literal["accuracy", "auroc"]
NAMES: dict[Metric, str] = {"accuracy": "balanced accuracy", "auroc": "AUROC"}
LOOKS = {
    "probe": "solid",
    "untrained twin": "dashed",
    "norm only": "dash-dot",
    "random split": "fine",
    "bag of words": "dotted",
    "length only": "fine",
}
"""Curves in the order of the chart, and their dashes."""
SHUFFLED = "shuffled labels"
COLUMNS = ("untrained twin", "norm only", "random split")


@dataclass(frozen=True)
class Value:
    """A number with its 95 % interval; NaN where it is not known."""

    value: float
    low: float
    high: float

    @staticmethod
    def of(found: Any) -> "Value":
        """From an Interval, or from one as JSON."""
        names = ("value", "low", "high")
        given = [found[n] if isinstance(found, Mapping) else getattr(found, n) for n in names]
        return Value(*(math.nan if v is None else float(v) for v in given))

    @property
    def text(self) -> str:
        """`.871 [.852 .889]`."""
        return f"{short(self.value)} [{short(self.low)} {short(self.high)}]"


def short(value: float) -> str:
    """`.871`, or a dash."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:.3f}"
    return text[1:] if text.startswith("0.") else text


class Curves:
    """Values by curve, layer and metric; the layer None is a flat baseline."""

    def __init__(self, layers: Sequence[int] = ()) -> None:
        self.layers = tuple(layers)
        self._values: dict[str, dict[int | None, dict[Metric, Value]]] = {}
        self._band: tuple[tuple[float, float], ...] = ()

    def add(self, name: str, layer: int | None, accuracy: Any, auroc: Any) -> None:
        """One more point."""
        if layer is not None and layer not in self.layers:
            self.layers = tuple(sorted({*self.layers, layer}))
        known = self._values.setdefault(name, {})
        known[layer] = {"accuracy": Value.of(accuracy), "auroc": Value.of(auroc)}

    @staticmethod
    def of(result: Mapping[str, Any]) -> "Curves":
        """All of a finished probe: `ProbeReport.result`."""
        curves = Curves(result["layers"])
        every = [*result["curves"], *([result["random_split"]] if result["random_split"] else [])]
        for curve in every:
            for i, layer in enumerate(curve["layers"] or [None]):
                curves.add(curve["name"], layer, curve["accuracy"][i], curve["auroc"][i])
        curves._band = tuple((low, high) for low, high in result["shuffled_band"])
        return curves

    def at(self, name: str, layer: int | None, metric: Metric) -> Value | None:
        """One value, if it is there."""
        return self._values.get(name, {}).get(layer, {}).get(metric)

    @property
    def empty(self) -> bool:
        """Whether nothing has come yet."""
        return not self._values

    def top(self, metric: Metric) -> float:
        """The end of the y axis: a tenth above everything shown, at most 1."""
        highest = [
            v[metric].high if math.isfinite(v[metric].high) else v[metric].value
            for points in self._values.values()
            for v in points.values()
        ]
        most = max((h for h in highest if math.isfinite(h)), default=1.0)
        return min(1.0, math.ceil((most + 0.02) * 10) / 10)

    def series(self, metric: Metric) -> list[Series]:
        """What the chart draws."""
        out = []
        if metric == "accuracy" and self._band:
            lows, highs = zip(*self._band, strict=True)
            out.append(Series(SHUFFLED, flat_band=(min(lows), max(highs))))
        for name, dash in LOOKS.items():
            points = self._values.get(name)
            if points is None:
                continue
            one = Series(name, dash, main=name == "probe")
            for layer, values in points.items():
                value = values[metric]
                if layer is None:
                    one.flat = value.value
                    continue
                one.points[layer] = value.value
                if name == "probe":
                    one.low[layer], one.high[layer] = value.low, value.high
            out.append(one)
        return out

    def rows(self, *, best: int | None, pinned: int | None) -> list[list[str]]:
        """One row per layer: both metrics of the probe, then its controls."""
        out = []
        for i, layer in enumerate(self.layers):
            mark = ("*" if layer == best else "") + ("▲" if layer == pinned else "")
            accuracy, auroc = (self.at("probe", layer, m) for m in ("accuracy", "auroc"))
            row = [
                f"{layer}{mark}",
                accuracy.text if accuracy is not None else "…",
                short(auroc.value) if auroc is not None else "…",
            ]
            for name in COLUMNS:
                value = self.at(name, layer, "accuracy")
                row.append("" if value is None else short(value.value))
            band = self._band[i] if i < len(self._band) else None
            row.append("" if band is None else f"{short(band[0])}–{short(band[1])}")
            out.append(row)
        return out
