"""Reads option values that have a little grammar: layers, alphas, pools, positions, names, seeds.

In: the text after an option. Out: plain values. Everything is checked before a model is loaded;
layer numbers against a model's range come later, in `layers_for`. Raises OptionError.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from emotui.config import QUANTISATIONS, near
from emotui.errors import OptionError
from emotui.sanitize import one_line

POOLINGS = ("mean50", "mean", "last", "spans")
POSITIONS = ("all", "prompt", "generated")
MODES = ("add", "project-out", "clamp", "replace")
METHODS = ("mean-difference", "logistic", "lda", "pca-difference")


@dataclass(frozen=True)
class LayerSpec:
    """Layers as asked for, before the model is known: None for all, else numbers and depths."""

    text: str
    items: tuple[int | Fraction | range, ...] | None

    @property
    def is_one(self) -> bool:
        """True when the spec names exactly one layer of any model."""
        return (
            self.items is not None and len(self.items) == 1 and not isinstance(self.items[0], range)
        )


def parse_layers(text: str, *, option: str = "--layers") -> LayerSpec:
    """`all`, or a comma list of numbers from 0, ranges `12-20` and depths such as `2/3`."""
    allowed = "all, numbers from 0, ranges as 12-20 and depths as 2/3, joined by commas"
    if text.strip() == "all":
        return LayerSpec("all", None)
    items: list[int | Fraction | range] = []
    for part in (p.strip() for p in text.split(",")):
        if re.fullmatch(r"\d+", part):
            items.append(int(part))
        elif match := re.fullmatch(r"(\d+)-(\d+)", part):
            low, high = int(match[1]), int(match[2])
            if low > high:
                raise OptionError(f"{option} {one_line(part)!r} runs backwards; write {high}-{low}")
            items.append(range(low, high + 1))
        elif match := re.fullmatch(r"(\d+)/(\d+)", part):
            if int(match[2]) == 0 or int(match[1]) > int(match[2]):
                raise OptionError(f"{option} depth {one_line(part)!r} is not between 0 and 1")
            items.append(Fraction(int(match[1]), int(match[2])))
        else:
            raise OptionError(f"{option} {one_line(text)!r} is not understood; allowed: {allowed}")
    return LayerSpec(text.strip(), tuple(items))


def layers_for(spec: LayerSpec, available: Sequence[int], *, option: str = "--layers") -> list[int]:
    """The spec's layers among those available, ascending; a depth takes the nearest one.

    `available` is what the model, run or vector set has, counted from 0.
    """
    if spec.items is None:
        return sorted(available)
    wanted: set[int] = set()
    have = f"{available[0]}-{available[-1]}" if _gapless(available) else _listed(available)
    for item in spec.items:
        if isinstance(item, Fraction):
            target = float(item) * (max(available) - min(available)) + min(available)
            wanted.add(min(available, key=lambda a: (abs(a - target), a)))
            continue
        for layer in item if isinstance(item, range) else (item,):
            if layer not in available:
                raise OptionError(f"{option}: layer {layer} is not there; layers are {have}")
            wanted.add(layer)
    return sorted(wanted)


def _gapless(numbers: Sequence[int]) -> bool:
    return list(numbers) == list(range(numbers[0], numbers[-1] + 1))


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(str(n) for n in numbers)


def parse_alphas(text: str, *, option: str = "--alpha") -> tuple[float, ...]:
    """A comma list of numbers, each a fraction of the layer's mean residual norm."""
    values: list[float] = []
    for part in text.split(","):
        try:
            value = float(part)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise OptionError(
                f"{option}: {one_line(part)!r} is not a number; write e.g. {option} -0.1,0,0.1"
            )
        values.append(value)
    if len(values) > 64:
        raise OptionError(f"{option} has {len(values)} values; at most 64 fit one batch")
    return tuple(dict.fromkeys(values))


def parse_choices(text: str, *, allowed: Sequence[str], option: str) -> tuple[str, ...]:
    """A comma list of names out of `allowed`, in the order given, without repeats."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not names:
        raise OptionError(f"{option} is empty; allowed: {', '.join(allowed)}")
    for name in names:
        if name not in allowed:
            raise OptionError(f"{option}: unknown {one_line(name)!r}{near(name, list(allowed))}")
    return tuple(dict.fromkeys(names))


def parse_pair(text: str, *, option: str, form: str) -> tuple[str, str]:
    """The two sides of NAME=VALUE; `form` is what the error says to write."""
    name, sign, value = text.partition("=")
    if not sign or not name.strip() or not value.strip():
        raise OptionError(f"{option} {one_line(text)!r} is not understood; write {option} {form}")
    return name.strip(), value.strip()


def parse_positions(text: str) -> str | tuple[int, int]:
    """`all`, `prompt`, `generated`, or `START:STOP` in tokens counted from the prompt's first."""
    if text in POSITIONS:
        return text
    match = re.fullmatch(r"(\d+):(\d+)", text)
    if match is None or int(match[1]) >= int(match[2]):
        raise OptionError(
            f"--positions {one_line(text)!r} is not understood; allowed: all, prompt, generated "
            "or START:STOP with START below STOP"
        )
    return int(match[1]), int(match[2])


def parse_control(text: str) -> tuple[str, int]:
    """`random` or `random:N`: the kind of control direction and how many of them."""
    match = re.fullmatch(r"(random|covariance|shuffled)(?::(\d+))?", text)
    if match is None or (match[2] is not None and not 1 <= int(match[2]) <= 16):
        raise OptionError(
            f"--control {one_line(text)!r} is not understood; allowed: random or random:N, "
            "covariance, shuffled (N from 1 to 16)"
        )
    return match[1], int(match[2] or 1)


def parse_quant(text: str) -> str:
    """`none`, `int8` or `nf4`."""
    return parse_choices(text, allowed=QUANTISATIONS, option="--quant")[0]


def known_name(name: str, known: Sequence[str], *, what: str) -> str:
    """The name itself when it is known, else an OptionError with the nearest one."""
    if name not in known:
        raise OptionError(f"unknown {what} {one_line(name)!r}{near(name, list(known))}")
    return name


def known_names(text: str, known: Sequence[str], *, what: str) -> tuple[str, ...]:
    """A comma list of known names, in the order given."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not names:
        raise OptionError(f"no {what} given; known: {', '.join(known[:12])}")
    return tuple(dict.fromkeys(known_name(n, known, what=what) for n in names))
