"""The registry as Markdown: the reference part of docs/audits.md. Knows no computation."""

from .entry import Control
from .registry import GROUPS
from .settings import PRESET_SOURCE, PRESETS, RULES

BEGIN = "<!-- controls: made from the registry -->"


def markdown() -> str:
    """Presets, thresholds and every control, in registry order."""
    lines = [BEGIN, "", "## Presets", "", PRESET_SOURCE[:1].upper() + PRESET_SOURCE[1:] + ".", ""]
    lines += ["| preset | permutations | random directions | seeds | halves | resamples |"]
    lines += ["|---|---|---|---|---|---|"]
    for p in PRESETS.values():
        lines.append(f"| {p.name} | {p.b:,} | {p.r} | {p.seeds} | {p.splits} | {p.bootstrap:,} |")
    for group, controls in GROUPS.items():
        lines += ["", f"## {group}"]
        for control in controls:
            lines += ["", *_entry(control)]
    return "\n".join(lines) + "\n"


def _demand(control: Control) -> str:
    return f"; on demand for: {', '.join(control.also)}" if control.also else ""


def _entry(control: Control) -> list[str]:
    lines = [
        f"### {control.id}. {control.question}",
        "",
        f"- **Formula.** {control.formula}",
        f"- **Default.** {control.default}; cost: {control.cost}; required for: "
        f"{', '.join(control.hard_for) or 'no kind of claim by itself'}{_demand(control)}",
    ]
    if control.instrument:
        lines.append("- A failure makes the verdict INCONCLUSIVE: the instrument is at fault.")
    for key in control.rules:
        rule = RULES[key]
        sign = "<=" if rule.better == "low" else ">="
        lines.append(
            f"- **Threshold {key}.** {rule.what}: pass {sign} {rule.passes:g}, "
            f"warn {sign} {rule.warns:g} ({rule.source})"
        )
    if not control.rules:
        lines.append("- **Threshold.** none on a single number; see the formula")
    lines += [
        f"- **Source.** {control.source}",
        f"- **Cannot tell.** {control.cannot_tell}",
    ]
    return lines
