"""What is claimed, and what was fixed before anyone looked.

In: words and plain values. Out: `Claim`, `Prereg` with the SHA-256 of its canonical JSON. Knows no
control's computation. Canonical JSON: keys sorted, no blanks, ASCII, no NaN, so that the same plan
gives the same hash on any machine.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from vectors.errors import DataError

Kind = Literal["probe", "cosine", "axis", "steering", "ablation"]
KINDS: tuple[str, ...] = get_args(Kind)
DIRECTIONS = ("greater", "less", "two-sided", "none")


@dataclass(frozen=True)
class Claim:
    """One sentence and everything needed to test it."""

    text: str
    """The sentence that is tested."""
    kind: Kind
    """What sort of claim it is; decides which controls are required."""
    statistic: str
    """The number the claim is about, e.g. "macro AUROC" or "cosine"."""
    direction: str
    """"greater", "less" or "two-sided" than the null; "none" = the claim is that nothing is."""
    effect_min: float
    """Smallest effect of interest, in the statistic's units."""
    population: str
    """Texts or prompts that the sentence speaks about."""
    models: tuple[str, ...] = ()
    """Models that the sentence speaks about."""
    layers: tuple[int, ...] = ()
    """Layers the sentence names; empty = it names none."""
    emotions: tuple[str, ...] = ()
    """Emotions that the sentence names; empty for an axis."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DataError(f"unknown kind {self.kind!r}; allowed: {', '.join(KINDS)}")
        if self.direction not in DIRECTIONS:
            raise DataError(
                f"unknown direction {self.direction!r}; allowed: {', '.join(DIRECTIONS)}"
            )
        if not self.text.strip():
            raise DataError("the claim has no text; write the sentence that is to be tested")
        if not self.effect_min > 0:
            raise DataError(f"effect_min is {self.effect_min}; give the smallest effect (> 0)")

    @property
    def named(self) -> str:
        """The kind with its article, e.g. "an axis claim"."""
        return f"{'an' if self.kind[0] in 'aeiou' else 'a'} {self.kind} claim"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return json.loads(canonical_json(asdict(self)))


@dataclass(frozen=True)
class Plan:
    """What a preregistration freezes; nothing in it may depend on an outcome."""

    claim: Claim
    """The claim as it stood when the plan was sealed."""
    n: int
    """Texts or prompts to be read."""
    controls: tuple[str, ...]
    """Ids of the controls that will be run."""
    thresholds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Rule key to (passes, warns)."""
    alpha: float | None = None
    """Steering strength in mean residual norms; None where nothing is steered."""
    layer: int | None = None
    """The layer that will be read or written; None = not fixed."""
    preset: str = "standard"
    """How much is drawn: quick, standard or full."""
    stop_rule: str = "fixed n"
    """When the audit ends."""

    def sha256(self) -> str:
        """Over the canonical JSON of every field."""
        return hashlib.sha256(canonical_json(asdict(self)).encode()).hexdigest()


@dataclass(frozen=True)
class Deviation:
    """A later departure from the plan; it never changes the plan's hash."""

    at: str
    """ISO 8601 with a time zone."""
    what: str
    """What was done otherwise."""
    why: str
    """The reason given."""


@dataclass(frozen=True)
class Prereg:
    """A sealed plan."""

    plan: Plan
    """What was fixed."""
    sha256: str
    """Hash of the plan's canonical JSON."""
    sealed_at: str
    """ISO 8601 with a time zone."""
    commit: str
    """Commit of the code at that time; "" where unknown."""
    deviations: tuple[Deviation, ...] = ()
    """Departures logged later, the oldest first."""

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the seal itself; empty when it is intact."""
        found = []
        actual = self.plan.sha256()
        if actual != self.sha256:
            found.append(f"the plan hashes to {actual[:12]}, its seal says {self.sha256[:12]}")
        moment(self.sealed_at)
        return tuple(found)

    def before(self, evidence_at: str) -> bool:
        """Whether the seal is older than the first evidence."""
        return moment(self.sealed_at) < moment(evidence_at)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return json.loads(canonical_json(asdict(self)))


def seal(plan: Plan, *, at: str, commit: str = "") -> Prereg:
    """Freeze a plan."""
    moment(at)
    return Prereg(plan, plan.sha256(), at, commit)


def canonical_json(value: Any) -> str:
    """The one JSON text of a plain value; DataError for NaN, which JSON lacks."""
    try:
        return json.dumps(
            value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
        )
    except ValueError as error:
        raise DataError(f"a plan holds a number that JSON lacks ({error}); use None") from error


def moment(text: str) -> datetime:
    """An ISO 8601 time with a zone; DataError otherwise."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise DataError(f"{text!r} is no ISO 8601 time, e.g. 2026-01-31T12:00:00+00:00") from None
    if found.tzinfo is None:
        raise DataError(f"{text!r} has no time zone; add one, e.g. +00:00")
    return found
