"""One entry of the registry of controls."""

from dataclasses import dataclass

from .claims import Kind


@dataclass(frozen=True)
class Control:
    """What a reader must know of a control before believing its state."""

    id: str
    question: str
    formula: str
    default: str
    """"on" (dropping it needs a waiver), "optional" or "report" (never fails)."""
    rules: tuple[str, ...]
    """Keys of `settings.RULES`: the thresholds and where each comes from."""
    source: str
    cannot_tell: str
    cost: str
    """"none", "CPU", "forwards", "generations" or "people", cheapest first."""
    hard_for: tuple[Kind, ...] = ()
    instrument: bool = False
    """True where a failure speaks against the engine or the audit, not against the claim."""
    qualifier: str = ""
    """What must stay in the sentence when this control only warns."""
    also: tuple[Kind, ...] = ()
    """Kinds of claim for which it can be computed on demand, beside those that require it."""
