"""Findings and controls as rows: the list's cells, the checklist's lines, the paint of a state.

In: `FindingView`s. Out: cells, rows and styles. A state has a glyph and a word, so that it can be
read without colour. Computes no verdict and knows no widget's keys.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.style import Style
from textual.widget import Widget

from emotui.auditview import STATE_GLYPHS, WORDS, control_numbers
from emotui.sanitize import one_line
from emotui.widgets.look import look_of

if TYPE_CHECKING:
    from emotui.jobs.audit_browse import FindingView
    from vectors.audits.result import Cost

STALE, QUEUED, RUNNING = "stale", "queued", "running"
GLYPHS = {**STATE_GLYPHS, STALE: "~", QUEUED: "…", RUNNING: "▸"}
"""Of every state a row can show: those of a control, and what the pane knows beside them."""
CHANGED = "changed input"
"""The fault that is no sign of tampering: data were imported again, rows excluded, claims added."""
BROKEN = "✗"
"""Glyph of a finding whose record is gone or cannot be read."""
REQUIRED = "Required for the verdict"
GOOD = ("SUPPORTED", "SUPPORTED-EXPLORATORY")


@dataclass(frozen=True)
class Row:
    """One line of the checklist."""

    control: str
    """Its id; "" for the heading of a group."""
    state: str = ""
    """One of GLYPHS."""
    text: str = ""
    """The heading; or a control's question, and what it found once it has run."""
    cost: str = ""


@dataclass(frozen=True)
class Paint:
    """Rich styles by what they say; without colours, only bold and dim are left."""

    good: Style
    warn: Style
    bad: Style
    dim: Style
    strong: Style
    head: Style

    def state(self, state: str) -> Style:
        """Of a control's state."""
        if state == "pass":
            return self.good
        if state in ("warn", "limited", STALE, "waived"):
            return self.warn
        return self.bad if state == "fail" else self.dim if state == "n/a" else Style()

    def verdict(self, word: str) -> Style:
        """Of a verdict."""
        if word in GOOD:
            return self.good
        if word in ("REFUTED-AS-WORDED", ""):
            return self.bad
        return self.warn if word in ("QUALIFIED", "INCONCLUSIVE") else Style()


def paint_of(widget: Widget) -> Paint:
    """The paint for a widget under the theme of now."""
    look, theme = look_of(widget), widget.app.current_theme
    dim = Style(color=look.dim.color) if look.colored else Style(dim=True)
    strong = Style(bold=True)
    if not look.colored:
        return Paint(strong, strong, strong, dim, strong, Style(bold=True, underline=True))
    good, warn, bad = (Style(color=c, bold=True) for c in
                       (theme.success, theme.warning, theme.error))  # fmt: skip
    return Paint(good, warn, bad, dim, strong, Style(color=theme.primary, bold=True))


def finding_cells(view: "FindingView") -> list[str]:
    """One row of the list: verdict, id, claim, required controls that have run, stale or broken."""
    if view.record is None or view.verdict is None:
        return [BROKEN, view.id, "the record cannot be read", "", "!"]
    done = f"{hard_done(view)}/{len(view.required)}"
    wrong = any(p.fault != CHANGED for p in view.problems)
    mark = "!" if wrong else "~" if view.problems or view.stale else ""
    return [view.verdict.glyph, view.id, one_line(view.record["title"]), done, mark]


def hard_done(view: "FindingView") -> int:
    """Required controls with a result that is not stale."""
    controls = {} if view.record is None else view.record["controls"]
    return sum(c in controls and c not in view.stale for c in view.required)


def state_of(view: "FindingView", control: str) -> str:
    """Of one control, as its row shows it."""
    if view.record is None:
        return "not_run"
    if control in view.stale:
        return STALE
    if control in view.record["controls"]:
        return str(view.record["controls"][control]["state"])
    waived = any(w["control"] == control for w in view.record["waivers"])
    return "waived" if waived else "not_run"


def checklist(
    view: "FindingView", *, queued: Collection[str] = (), running: str = ""
) -> tuple[Row, ...]:
    """Every control in its group, the required ones first."""
    return tuple(_rows(view, queued, running))


def _rows(view: "FindingView", queued: Collection[str], running: str) -> Iterator[Row]:
    from vectors.audits.registry import GROUPS

    groups: list[tuple[str, Sequence[str]]] = [(REQUIRED, view.required)]
    for name, entries in GROUPS.items():
        groups.append((name, [c.id for c in entries if c.id in view.further]))
    for name, controls in groups:
        if not controls:
            continue
        done = sum(state_of(view, c) not in ("not_run", STALE, "waived") for c in controls)
        yield Row("", text=f"{name}  {done} of {len(controls)} have run")
        for control in controls:
            state = state_of(view, control)
            if control == running:
                state = RUNNING
            elif control in queued:
                state = QUEUED
            yield _row(view, control, state)


def _row(view: "FindingView", control: str, state: str) -> Row:
    from vectors.audits.registry import CONTROLS

    record: dict[str, Any] = dict(view.record or {"controls": {}, "waivers": [], "evidence": []})
    found = record["controls"].get(control)
    question = CONTROLS[control].question
    if found is None:
        reasons = [w["reason"] for w in record["waivers"] if w["control"] == control]
        text = f"{question} waived: {reasons[-1]}" if reasons else question
        return Row(control, state, one_line(text), cost_text(view.costs.get(control), control))
    numbers = control_numbers({**found, "numbers": ordered(record, found)}, most=2)
    said = "; ".join(found["reasons"]) or numbers or question
    if control in view.stale:
        said = f"was {found['state']}: {said}"
    return Row(control, state, one_line(said))


def ordered(record: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """A control's numbers, the one that stands as its evidence first: JSON keeps no order."""
    first = [e["statistic"] for e in record["evidence"] if e["control"] == found["id"]]
    names = sorted(found["numbers"], key=lambda name: name not in first)
    return {name: found["numbers"][name] for name in names}


def cost_text(cost: "Cost | None", control: str) -> str:
    """`4,800 fwd`, else `80 texts`, else `CPU`; one that was not counted is named by its kind."""
    from vectors.audits.registry import CONTROLS

    if cost is None:
        kind = CONTROLS[control].cost
        return "" if kind == "none" else kind
    if cost.forwards:
        return f"{cost.forwards:,} fwd"
    return f"{cost.generations:,} texts" if cost.generations else "CPU"


def state_text(state: str) -> str:
    """`✓ pass`."""
    return f"{GLYPHS[state]} {WORDS.get(state, state)}"
