"""What every control returns: a state, the numbers behind it with intervals, its nulls, its cost.

In: numbers. Out: frozen dataclasses that go to JSON and back. Knows no control by name.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float

from vectors.errors import DataError
from vectors.stats import Interval, permutation_p

State = Literal["pass", "warn", "fail", "not_run", "waived", "n/a", "limited"]
STATES: tuple[str, ...] = get_args(State)
# From best to worst among the states that a computation can end in.
_ORDER: tuple[State, ...] = ("pass", "warn", "limited", "fail")


@dataclass(frozen=True)
class Null:
    """What the statistic does when nothing is there."""

    kind: str
    """How the null was made, e.g. "labels permuted within topics"."""
    mean: float
    """Mean of the draws."""
    sd: float
    """Standard deviation of the draws."""
    b: int
    """Draws; p can never be below 1 / (1 + b)."""
    p: float
    """Share of draws as extreme as the value, the value counted in."""
    p_adjusted: float | None = None
    """After the multiplicity correction of the family; None = not corrected yet."""

    @property
    def floor(self) -> float:
        """The smallest p that this many draws can give."""
        return 1 / (1 + self.b)


@dataclass(frozen=True)
class Cost:
    """What a control takes, counted before it starts and again when it has run."""

    forwards: int = 0
    """Forward passes of one text or prompt each (a batch of 8 counts 8)."""
    generations: int = 0
    """Texts generated."""
    seconds: float = 0.0
    """Seconds; 0 where they were not counted."""

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.forwards + other.forwards,
            self.generations + other.generations,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True)
class ControlResult:
    """The outcome of one control."""

    id: str
    """The control's id in the registry."""
    state: State
    """How it ended."""
    numbers: Mapping[str, Interval] = field(default_factory=dict)
    """By name; every value carries n, clusters and interval (NaN ends = not computable)."""
    nulls: tuple[Null, ...] = ()
    """What the number was held against; the first decides."""
    reasons: tuple[str, ...] = ()
    """Why this state, one sentence each; never empty unless the state is pass."""
    cost: Cost = Cost()
    """What it took."""
    table: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Columns for a plot or table, e.g. "layer" and "accuracy"."""

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise DataError(f"unknown state {self.state!r}; allowed: {', '.join(STATES)}")

    @property
    def null(self) -> Null | None:
        """The first null, which is the one that decides; None where there is none."""
        return self.nulls[0] if self.nulls else None

    def adjusted(self, p_adjusted: float) -> "ControlResult":
        """The same with the deciding null's p corrected for the family."""
        if not self.nulls:
            raise DataError(f"{self.id} has no null, so there is no p to adjust")
        first = replace(self.nulls[0], p_adjusted=p_adjusted)
        return replace(self, nulls=(first, *self.nulls[1:]))

    def to_json(self) -> dict[str, Any]:
        """Plain values; NaN becomes None."""
        return {
            "id": self.id,
            "state": self.state,
            "numbers": {name: i.to_json() for name, i in self.numbers.items()},
            "nulls": [plain(asdict(null)) for null in self.nulls],
            "reasons": list(self.reasons),
            "cost": asdict(self.cost),
            "table": {name: plain(list(column)) for name, column in self.table.items()},
        }

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "ControlResult":
        """The inverse of `to_json`."""
        return ControlResult(
            id=value["id"],
            state=value["state"],
            numbers={name: Interval(**_nan(i)) for name, i in value["numbers"].items()},
            nulls=tuple(
                Null(**{**_nan(null), "p_adjusted": null["p_adjusted"]}) for null in value["nulls"]
            ),
            reasons=tuple(value["reasons"]),
            cost=Cost(**value["cost"]),
            table={
                name: tuple(float("nan") if x is None else x for x in column)
                for name, column in value["table"].items()
            },
        )


def plain(value: Any) -> Any:
    """NaN and infinities as None, all the way down, because JSON has none."""
    if isinstance(value, dict):
        return {key: plain(x) for key, x in value.items()}
    if isinstance(value, list | tuple):
        return [plain(x) for x in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _nan(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: float("nan") if x is None else x for key, x in value.items()}


def worst(*states: State) -> State:
    """The worst of several computed states: fail, then limited, warn, pass."""
    return max(states, key=_ORDER.index)


def exact(value: float, *, n: int = 1) -> Interval:
    """A number without sampling error of its own (a count, a difference of logits)."""
    return Interval(float(value), float(value), float(value), n, n)


def null_of(
    kind: str, observed: float, draws: Float[np.ndarray, "draw"], *, tail: str = "high"
) -> Null:
    """A null from its draws, with the permutation p of what was observed."""
    return Null(
        kind,
        float(np.mean(draws)),
        float(np.std(draws, ddof=1)) if len(draws) > 1 else float("nan"),
        len(draws),
        permutation_p(observed, draws, tail=tail),
    )
