"""What the Audit pane says of one finding: verdict, licensed sentence, plan, family, what is wrong.

In: a `FindingView`. Out: styled text. Everything foreign is made safe here. Computes no verdict:
the view brings the one that its results give.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.style import Style
from rich.table import Table
from rich.text import Text

from emotui.auditview import about
from emotui.panes.audit_rows import CHANGED, Paint
from emotui.sanitize import one_line

if TYPE_CHECKING:
    from emotui.jobs.audit_browse import FindingView
    from vectors.audits.verdict import Verdict

EXPLAINED = """\
A finding is a claim in words, the controls its kind has to
pass, and a verdict. The verdict is computed, never typed.

  n   enter a claim; f in Probes, Vectors or Steer starts
      one from what you are looking at

  ✓ supported      every required control passed
  ≈ qualified      a control warns; the sentence says so
  ✗ refuted        as worded: a required control failed
  ? inconclusive   not enough data to tell
  ◌ untested       a required control has not been run;
                   that never counts as passed
"""
LABEL = 7
STEPS = ("associated", "causal", "graded")
LEVEL = 0.05
"""Of Holm's correction, for the draws that a family needs."""


def summary(view: "FindingView", paint: Paint) -> Table:
    """The finding above its checklist, the most important first."""
    out = Table.grid(padding=(0, 1, 0, 0))
    out.add_column(width=LABEL, style=paint.dim)
    out.add_column(overflow="fold")

    def line(label: str, text: str, style: Style | str = "") -> None:
        out.add_row(Text(label), Text(one_line(text), style=style))

    for problem in view.problems:
        if problem.fault != CHANGED:
            line("WRONG", f"{problem.fault}: {problem.what}", paint.bad)
    if view.record is None or view.verdict is None:
        line("", "what it said cannot be shown; its history is beside it in findings/")
        return out
    record, verdict = view.record, view.verdict
    out.add_row(Text("verdict"), _verdict(view, paint))
    line("claim", record["title"], paint.strong)
    line("may say", verdict.sentence)
    for i, reason in enumerate(because(verdict)):
        line("because" if i == 0 else "", reason)
    for problem in view.problems:
        if problem.fault == CHANGED:
            line("changed", changed_text(problem.what), paint.warn)
    line("plan", plan_text(record))
    line("family", family_text(record))
    line("tried", tried_text(record))
    line("badges", badges_text(verdict.badges))
    for hit in record["wording"]:
        line("wording", f"“{hit['word']}”: {hit['why']}; write {hit['instead']}", paint.warn)
    for note in record["notes"]:
        line("note", f"controlled: {note['controlled']}")
        line("", f"not controlled: {note['not_controlled']}")
    if not record["notes"]:
        line("note", "what is controlled, what is not? N writes it down", paint.dim)
    line("about", about(record["subject"]), paint.dim)
    return out


def _verdict(view: "FindingView", paint: Paint) -> Text:
    """Today's, and the recorded one where it differs."""
    assert view.verdict is not None
    assert view.record is not None
    verdict, before = view.verdict, str(view.record["verdict"].get("word"))
    text = Text(f"{verdict.glyph} {verdict.word}", style=paint.verdict(verdict.word))
    if before != verdict.word:
        text.append(f"  recorded {one_line(before)}, inputs have changed since", paint.dim)
    return text


def because(verdict: "Verdict") -> list[str]:
    """The verdict's reasons; controls that were not run share a line, and stale ones."""
    shared = {
        "their inputs changed since they ran, a runs them again": " since its inputs changed",
        "not run": "",
    }
    lines, rest = [], list(verdict.reasons)
    for said, ending in shared.items():
        single = {f"{c} was not run{ending}": c for c in verdict.missing}
        found = [single[reason] for reason in rest if reason in single]
        rest = [reason for reason in rest if reason not in single]
        lines += [f"{said}: {', '.join(found)}"] if found else []
    decided = [r for r in rest if " failed: " in r]
    return [*decided, *lines, *(r for r in rest if r not in decided)]


def changed_text(what: str) -> str:
    """Which input was what; the controls it makes stale are named elsewhere."""
    return what.partition("; stale: ")[0]


def plan_text(record: Any) -> str:
    """Sealed or not, when against the first evidence, and the deviations."""
    sealed = record["prereg"]
    if not sealed:
        late = "evidence was read, too late for p" if record["evidence"] else "p seals it"
        return f"none sealed, so at best exploratory ({late})"
    first = first_evidence(record)
    order = "no evidence yet"
    if first:
        early = datetime.fromisoformat(sealed["sealed_at"]) < datetime.fromisoformat(first)
        order = "before the first evidence" if early else "AFTER the first evidence: exploratory"
    text = f"sealed {sealed['sha256'][:12]}… {sealed['sealed_at'][:16]}, {order}"
    for deviation in sealed["deviations"]:
        text += f"; deviation: {deviation['what']} ({deviation['why']})"
    return text


def first_evidence(record: Any) -> str:
    """When the first outcome was read; "" for never."""
    return min((str(e["at"]) for e in record["evidence"]), default="")


def family_text(record: Any) -> str:
    """How many claims share the data, how many draws that takes and how many there are."""
    from vectors.audits.multiplicity import draws_needed
    from vectors.audits.settings import PRESETS

    m, preset = record["family_size"], PRESETS[record["preset"]]
    needed = draws_needed(m, LEVEL)
    steered = record["kind"] in ("steering", "ablation")
    had, what = (preset.r, "R") if steered else (preset.b, "B")
    enough = "✓" if had >= needed else "✗ too few: no p can pass, whatever the effect"
    claims = f"{m} claim{'s' if m != 1 else ''}"
    return (
        f"{claims} on {record['family']}; Holm at {LEVEL:g} needs {what} ≥ {needed:,}, "
        f"{record['preset']} has {had:,} {enough}"
    )


def tried_text(record: Any) -> str:
    """The forking paths before the claim."""
    n = record["forks"]
    return f"{n:,} setting{'s' if n != 1 else ''} looked at on these data before the claim"


def badges_text(badges: Any) -> str:
    """The three steps, earned or not."""
    earned = {b.name: b.detail for b in badges}
    return "  ".join(
        f"✓ {name}" + (f" ({earned[name]})" if earned[name] else "")
        if name in earned else f"· {name}"
        for name in STEPS
    )  # fmt: skip
