"""The registry of controls: what each asks, how, against what, and what it cannot tell.

In: nothing. Out: `CONTROLS` by id and which of them a claim requires. docs/audits.md holds the same
entries, and a test keeps the two equal. Knows no computation.
"""

from collections.abc import Mapping
from types import MappingProxyType

from .badges import STEP_1
from .claims import Claim, Kind
from .entries_causation import CAUSATION
from .entries_engine import ENGINE
from .entries_general import GENERALISATION, REPORTING
from .entries_geometry import GEOMETRY
from .entries_probe import PROBE
from .entry import Control

GROUPS: Mapping[str, tuple[Control, ...]] = MappingProxyType(
    {
        "Engine": ENGINE,
        "Correlation": PROBE,
        "Geometry": GEOMETRY,
        "Causation": CAUSATION,
        "Generalisation": GENERALISATION,
        "Reporting": REPORTING,
    }
)
CONTROLS: Mapping[str, Control] = MappingProxyType(
    {control.id: control for group in GROUPS.values() for control in group}
)


def required(claim: Claim) -> tuple[str, ...]:
    """The controls a claim cannot do without, in registry order.

    A probe claim that names layers also needs P7; a claim that nothing is there also needs R6.
    """
    need = {c.id for c in CONTROLS.values() if claim.kind in c.hard_for}
    if claim.kind == "probe" and claim.layers:
        need.add("P7")
    if claim.direction == "none":
        need.add("R6")
    return tuple(c for c in CONTROLS if c in need)


def computed_for(kind: Kind) -> tuple[str, ...]:
    """Every control that can be run for a kind of claim, required or not, in registry order.

    P7 is among a probe claim's whether or not it names layers. A causal claim can also have the
    controls of step 1, because no badge is given without those before it.
    """
    first = STEP_1 if kind in ("steering", "ablation") else ()
    return tuple(
        c.id for c in CONTROLS.values() if kind in c.hard_for or kind in c.also or c.id in first
    )


def default_on(control: str) -> bool:
    """Whether dropping the control needs a visible waiver."""
    return CONTROLS[control].default == "on"
