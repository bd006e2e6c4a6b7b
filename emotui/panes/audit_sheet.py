"""One control of a finding, whole, as text: formula, numbers, nulls, plot, thresholds, inputs.

In: a `FindingView` and a control's id. Out: styled text for a width. Every number is the record's;
nothing is computed. Everything foreign is made safe here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from emotui.auditview import about, number
from emotui.panes.audit_plot import interval_rows, table_plot
from emotui.panes.audit_rows import Paint, cost_text, ordered, state_of, state_text
from emotui.panes.audit_summary import changed_text
from emotui.sanitize import one_line
from emotui.terminal import table

if TYPE_CHECKING:
    from emotui.jobs.audit_browse import FindingView
    from vectors.audits.settings import Rule

DIGITS = 12
"""Of a hash, as shown."""


def sheet(view: "FindingView", control: str, width: int, paint: Paint) -> Text:
    """The control from its question to its artefact."""
    from vectors.audits.registry import CONTROLS

    entry = CONTROLS[control]
    record: Mapping[str, Any] = view.record or {}
    found = record.get("controls", {}).get(control)
    if found:
        found = {**found, "numbers": ordered(record, found)}
    state = state_of(view, control)
    out = Text()
    out.append(state_text(state), paint.state(state))
    out.append(f"  {control}  {entry.question}\n", paint.strong)
    need = "required for the verdict" if control in view.required else "not required"
    if entry.instrument:
        need += "; a failure speaks against the engine, not against the claim"
    out.append(f"{need}\n", paint.dim)
    for reason in found["reasons"] if found else _why_not(view, control):
        out.append(one_line(reason) + "\n")
    _part(out, "Formula", [entry.formula], paint)
    _part(out, "Numbers", _numbers(found, width), paint)
    _part(out, "Nulls", _nulls(found, width), paint)
    _part(out, "Plot", _plot(found, width), paint)
    _part(out, "Why this threshold", _thresholds(view, control), paint)
    _part(out, "Inputs", _inputs(view, control), paint)
    _part(out, "What it cannot tell", [entry.cannot_tell], paint)
    _part(out, "Cost", _cost(view, control, found), paint)
    _part(out, "Artefact", _artefact(record, control), paint)
    _part(out, "Source of the control", [entry.source], paint)
    out.rstrip()
    return out


def _part(out: Text, title: str, lines: Iterable[str], paint: Paint) -> None:
    lines = list(lines)
    if lines:
        out.append(f"\n{title}\n", paint.head)
        # Foreign text in a column of a table or under a plot keeps its blanks, so that it aligns.
        out.append("\n".join(lines) + "\n")


def _why_not(view: "FindingView", control: str) -> list[str]:
    waived = [w for w in (view.record or {}).get("waivers", ()) if w["control"] == control]
    if waived:
        return [f"waived by {w['by']}: {w['reason']}" for w in waived]
    return ["it has not been run: Space runs it; that never counts as passed"]


def _numbers(found: Mapping[str, Any] | None, width: int) -> list[str]:
    if not found or not found["numbers"]:
        return []
    rows = []
    for name, value in found["numbers"].items():
        text, _, n = number(value).rpartition("n ")
        n, _, clusters = n.partition("/")
        rows.append((one_line(name), text.strip() or "-", n, clusters))
    return table(("", "value [95 %]", "n", "clusters"), rows, flexible=0, columns=width)


def _nulls(found: Mapping[str, Any] | None, width: int) -> list[str]:
    if not found or not found["nulls"]:
        return []
    rows = []
    for null in found["nulls"]:
        mean, sd, adjusted = null["mean"], null["sd"], null["p_adjusted"]
        rows.append((
            one_line(null["kind"]),
            "-" if mean is None else f"{mean:.3g}",
            "-" if sd is None else f"{sd:.2g}",
            f"{null['b']:,}",
            f"{null['p']:.3g}",
            "-" if adjusted is None else f"{adjusted:.3g}",
            f"{1 / (1 + null['b']):.2g}",
        ))  # fmt: skip
    head = ("made by", "mean", "sd", "B", "p", "p adjusted", "floor 1/(1+B)")
    return table(head, rows, flexible=0, columns=width)


def _plot(found: Mapping[str, Any] | None, width: int) -> list[str]:
    if not found:
        return []
    lines = table_plot(found["table"], width)
    spans = interval_rows(found["numbers"], found["nulls"], width)
    return [*lines, *([""] if lines and spans else []), *spans]


def _thresholds(view: "FindingView", control: str) -> list[str]:
    from vectors.audits.registry import CONTROLS
    from vectors.audits.settings import PRESET_SOURCE, RULES

    sealed: Mapping[str, Sequence[float]] = {}
    if view.record and view.record["prereg"]:
        sealed = view.record["prereg"]["plan"]["thresholds"]
    lines = [_rule(key, RULES[key], sealed.get(key)) for key in CONTROLS[control].rules]
    if not lines:
        lines = ["no number of its own is held against a cut-off; its state follows from the words "
                 "of the formula"]  # fmt: skip
    return [*lines, f"draws: {PRESET_SOURCE}"] if view.record else lines


def _rule(key: str, rule: "Rule", sealed: Sequence[float] | None) -> str:
    """`P4.gain: lower end of the gain: passes ≥ 0.05, warns ≥ 0 (convention)`."""
    sign = "≤" if rule.better == "low" else "≥"
    passes, warns = (rule.passes, rule.warns) if sealed is None else sealed
    cuts = f"passes {sign} {passes:g}"
    if warns != passes:
        cuts += f", warns {sign} {warns:g}"
    changed = sealed is not None and (passes, warns) != (rule.passes, rule.warns)
    where = f"sealed in the plan; the table has {rule.passes:g}, {rule.warns:g}" if changed else (
        rule.source + ("; sealed in the plan" if sealed is not None else "")
    )  # fmt: skip
    return f"{key}: {rule.what}: {cuts} ({where})"


def _inputs(view: "FindingView", control: str) -> list[str]:
    if not view.record:
        return []
    record = view.record
    lines = [about(record["subject"]), f"preset {record['preset']}, seed {record['seed']}"]
    uses = record["control_inputs"].get(control, ())
    hashes = record["inputs"]
    for name in uses:
        shown = str(hashes.get(name, ""))
        shown = f"{shown[:DIGITS]}…" if len(shown) > DIGITS else shown
        lines.append(f"{one_line(name):<13} {shown or 'not recorded'}")
    if control in view.stale:
        changed = [p.what for p in view.problems if p.fault == "changed input"]
        lines += [f"~ stale: {one_line(changed_text(what))}" for what in changed]
    elif uses and view.checked:
        lines.append("none of them has changed since")
    return lines


def _cost(view: "FindingView", control: str, found: Mapping[str, Any] | None) -> list[str]:
    lines = []
    planned = view.costs.get(control)
    if planned is not None:
        lines.append(
            f"planned: {planned.forwards:,} forward passes, {planned.generations:,} texts at most"
        )
    elif not found:
        lines.append(cost_text(None, control) or "nothing: it reads what others computed")
    if found:
        took = found["cost"]
        own = next((e for e in _evidence(view.record, control)), None)
        wall = "" if own is None else f", {own['wall_s']:.1f} s"
        lines.append(
            f"took: {took['forwards']:,} forward passes, {took['generations']:,} texts{wall}"
        )
    return lines


def _artefact(record: Mapping[str, Any], control: str) -> list[str]:
    return [
        f"{one_line(e['artefact'])}  SHA-256 {e['artefact_sha256'][:DIGITS]}…  "
        f"read {e['at'][:19]}, seed {e['seed']}"
        for e in _evidence(record, control)
    ]


def _evidence(record: Mapping[str, Any] | None, control: str) -> list[Mapping[str, Any]]:
    return [e for e in (record or {}).get("evidence", ()) if e["control"] == control]
