"""Dialogs of the Audit pane: the plan before it is sealed, a note, a deviation, a waiver's reason.

In: what is to be asked about. Out: answers, or None after Esc. Writes nothing.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from emotui.sanitize import one_line
from emotui.screens.asking import AskText, Dialog
from emotui.screens.form import Field, Form, Wrong

if TYPE_CHECKING:
    from vectors.audits.claims import Prereg


class PlanQuestion(Dialog[bool]):
    """A plan to read, and whether to seal it: y or n."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "seal"),
        Binding("n", "dismiss(None)", "not now"),
    ]
    DEFAULT_CSS = """
    PlanQuestion > Vertical { width: 100; }
    PlanQuestion VerticalScroll { height: auto; max-height: 24; scrollbar-size-vertical: 1; }
    PlanQuestion Static { height: auto; }
    """

    def __init__(self, finding: str, lines: list[str]) -> None:
        super().__init__()
        self._finding, self._lines = finding, lines

    def compose(self) -> ComposeResult:
        """The plan, then the question."""
        with Vertical():
            yield Static(Text(f"Seal this plan of {self._finding}?"), classes="question")
            with VerticalScroll(can_focus=True):
                yield Static(Text("\n".join(self._lines)))
            hint = "y seals it for ever: a later change is a deviation · n or Esc leaves it open"
            yield Static(Text(hint), classes="hint")


def plan_lines(prereg: "Prereg") -> list[str]:
    """What a plan fixes, one thing a line."""
    plan = prereg.plan
    claim = plan.claim
    where = ["" if plan.layer is None else f"layer {plan.layer}",
             "" if plan.alpha is None else f"alpha {plan.alpha:+g}"]  # fmt: skip
    lines = [
        f"claim       {one_line(claim.text)}",
        f"statistic   {one_line(claim.statistic)}, {claim.direction}, smallest effect of interest "
        f"{claim.effect_min:g}",
        f"over        {plan.n:,} {one_line(claim.population)}",
        f"where       {', '.join(w for w in where if w) or 'no layer named'}",
        f"preset      {plan.preset}",
        f"controls    {' '.join(plan.controls)}",
        f"stop        {plan.stop_rule}",
        "thresholds  passes, warns",
    ]
    lines += [f"  {key:<12} {passes:g}, {warns:g}"
              for key, (passes, warns) in plan.thresholds.items()]  # fmt: skip
    return lines


def note_form(finding: str) -> Form:
    """The two questions."""

    def check(answers: Mapping[str, str]) -> Wrong | None:
        why = "both are needed: what is controlled, and what is not"
        return _first_empty(answers, ("controlled", "not_controlled"), why)

    return Form(
        f"A note on {finding}",
        (
            Field("controlled", "what is controlled", hint="e.g. topic and length"),
            Field("not_controlled", "what is not", hint="e.g. the register of the texts"),
        ),
        hint="It stands in the record for ever and changes no verdict. Ctrl+J writes it",
        check=check,
    )


def deviation_form(finding: str) -> Form:
    """What was done otherwise than planned, and why."""

    def check(answers: Mapping[str, str]) -> Wrong | None:
        return _first_empty(answers, ("what", "why"), "say what was done otherwise and why")

    return Form(
        f"A deviation from the sealed plan of {finding}",
        (
            Field("what", "what?", hint="e.g. 40 prompts in place of 60"),
            Field("why", "why?", hint="e.g. the file held no more"),
        ),
        hint="The plan's hash stays as it is; R1 warns from now on. Ctrl+J logs it",
        check=check,
    )


def _first_empty(answers: Mapping[str, str], names: Sequence[str], why: str) -> Wrong | None:
    """The first of these fields that holds nothing; None if none does."""
    return next((Wrong(name, why) for name in names if not answers[name]), None)


def waiver_question(control: str, question: str) -> AskText:
    """A reason that is long enough to be one."""
    from vectors.audits.verdict import MIN_REASON

    def check(text: str) -> str:
        n = len(text.strip())
        return "" if n >= MIN_REASON else f"{n} characters; write {MIN_REASON} or more"

    return AskText(
        f"Waive {control} ({question}) because",
        hint=f"{MIN_REASON} characters or more; they stand in the verdict for ever, which is "
        "QUALIFIED at best",
        check=check,
    )
