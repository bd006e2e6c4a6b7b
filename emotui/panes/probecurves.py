"""The curves of a probe as the Probes pane keeps them: filled layer by layer, or from a report.

In: parts as a running probe says them, or the result of a finished one. Out: series for the chart,
rows for the table, and the end of the y axis. Computes no statistic. Knows no widget but the
chart's `Series`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from emotui.widgets.cells import signed
from emotui.widgets.chart_grid import Series

Metric = Literal["accuracy", "auroc"]
NAMES: dict[Metric, str] = {"accuracy": "balanced accuracy", "auroc": "AUROC"}
LOOKS = {
    "probe": "solid",
    "untrained twin": "dashed",
    "norm only": "dash-dot",
    "bag of words": "dotted",
    "length only": "fine",
}
"""Curves in the order of the chart, and their dashes."""
HUES = {
    "untrained twin": "#9a9a9a",
    "norm only": "#cc79a7",
    "bag of words": "#d55e00",
    "length only": "#009e73",
}
"""Colours of Okabe and Ito, told apart by the colour-blind; the dashes do it without colours."""
SHUFFLED = "shuffled labels"
COLUMNS = {"untrained twin": "twin", "norm only": "norm", "random split": "random"}
"""Controls with a value per layer that have a column, and its title."""
BANDED = ("probe", "untrained twin")
"""Curves drawn with their interval."""


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

    @property
    def difference(self) -> str:
        """`+.090 [+.071 +.112]`."""
        value, low, high = (signed(v, places=3) for v in (self.value, self.low, self.high))
        return f"{value} [{low} {high}]"


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
        self._over: dict[int, Value] = {}

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
        for layer, (low, high) in zip(result["layers"], result["shuffled_band"], strict=False):
            ends = {"value": (low + high) / 2, "low": low, "high": high}
            curves.add(SHUFFLED, layer, ends, dict.fromkeys(ends))
        # Results of before over_words was computed do not have it.
        over = result.get("over_words") or ()
        curves._over = dict(zip(result["layers"], map(Value.of, over), strict=False))
        return curves

    def over_words(self, layer: int) -> Value | None:
        """How far the probe's balanced accuracy lies above bag of words, if that is known."""
        return self._over.get(layer)

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
        shuffled = self._values.get(SHUFFLED, {})
        if metric == "accuracy" and shuffled:
            band = Series("shuffled", is_band=True)
            for layer, values in shuffled.items():
                assert layer is not None
                band.low[layer], band.high[layer] = values[metric].low, values[metric].high
            out.append(band)
        for name, dash in LOOKS.items():
            points = self._values.get(name)
            if points is None:
                continue
            one = Series(name, dash, main=name == "probe", color=HUES.get(name, ""))
            for layer, values in points.items():
                value = values[metric]
                if layer is None:
                    one.flat = value.value
                    continue
                one.points[layer] = value.value
                if name in BANDED:
                    one.low[layer], one.high[layer] = value.low, value.high
            out.append(one)
        return out

    def rows(
        self, metric: Metric, *, best: int | None, pinned: int | None, running: bool = True
    ) -> list[list[str]]:
        """One row per layer: both metrics of the probe, what it is above words, its controls."""
        out, unknown = [], "…" if running else "–"
        for layer in self.layers:
            mark = ("*" if layer == best else "") + ("▲" if layer == pinned else "")
            accuracy, auroc = (self.at("probe", layer, m) for m in ("accuracy", "auroc"))
            over = self.over_words(layer)
            row = [
                f"{layer}{mark}",
                accuracy.text if accuracy is not None else unknown,
                short(auroc.value) if auroc is not None else unknown,
                signed(over.value, places=3) if over is not None else "",
            ]
            for name in COLUMNS:
                value = self.at(name, layer, metric)
                row.append("" if value is None else short(value.value))
            band = self.at(SHUFFLED, layer, "accuracy")
            row.append("" if band is None else f"{short(band.low)}–{short(band.high)}")
            out.append(row)
        return out
