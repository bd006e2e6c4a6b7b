"""The verdict algebra: control states in, a verdict with its reasons and licensed sentence out.

In: a claim, the results of its controls, waivers, the preregistration. Out: `Verdict`. It is
computed, never typed: the only thing a person may add is a waiver with a reason, which stands in
the verdict as long as the control is not run and never lets it be better than QUALIFIED.

In this order (the first that holds decides):
    an engine or positive/negative control failed  INCONCLUSIVE: the instrument, not the claim
    a required control failed                      REFUTED-AS-WORDED
    a required control was not run, or is stale    UNTESTED
    resolution, power or identification limited    INCONCLUSIVE
    anything warned, was waived, or failed or was
    limited without being required                 QUALIFIED, with its qualifier
    no plan older than the evidence                SUPPORTED-EXPLORATORY
    else                                           SUPPORTED
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from vectors.errors import DataError

from .badges import Badge, badges
from .claims import Claim, Prereg
from .registry import CONTROLS, required
from .result import ControlResult, State
from .wording import licensed_sentence

Word = Literal[
    "SUPPORTED", "SUPPORTED-EXPLORATORY", "QUALIFIED", "INCONCLUSIVE", "REFUTED-AS-WORDED",
    "UNTESTED",
]  # fmt: skip
GLYPHS: Mapping[str, str] = {
    "SUPPORTED": "✓",
    "SUPPORTED-EXPLORATORY": "✓",
    "QUALIFIED": "≈",
    "REFUTED-AS-WORDED": "✗",
    "INCONCLUSIVE": "?",
    "UNTESTED": "◌",
}
MIN_REASON = 20  # characters of a waiver's reason


@dataclass(frozen=True)
class Waiver:
    """A required control that was not run on purpose."""

    control: str
    """Id of the control."""
    reason: str
    """Why, in 20 characters or more."""
    by: str
    """Who waived it."""

    def __post_init__(self) -> None:
        if self.control not in CONTROLS:
            raise DataError(f"no control {self.control!r}; the registry has {len(CONTROLS)}")
        if len(self.reason.strip()) < MIN_REASON:
            raise DataError(
                f"the waiver of {self.control} gives {len(self.reason.strip())} characters of "
                f"reason; write {MIN_REASON} or more, they are shown with the verdict"
            )


@dataclass(frozen=True)
class Verdict:
    """What the controls allow to be said."""

    word: Word
    """The verdict."""
    reasons: tuple[str, ...]
    """Why, one line per control that mattered, the deciding ones first."""
    sentence: str
    """The licensed sentence, with the qualifiers that must stay in it."""
    qualifiers: tuple[str, ...]
    """What must be said with the sentence, one per warning, waiver or failure beside."""
    badges: tuple[Badge, ...]
    """Steps of the evidence protocol that are earned, in order."""
    waived: tuple[str, ...]
    """Ids of waived controls that were not run."""
    missing: tuple[str, ...]
    """Required controls that were not run or are stale."""
    forks: int
    """Distinct (layer, alpha, emotion, metric, subset) evaluations before the claim."""

    @property
    def glyph(self) -> str:
        """Distinguishes the verdict without colour."""
        return GLYPHS[self.word]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def decide(
    claim: Claim,
    results: Mapping[str, ControlResult],
    *,
    waivers: Sequence[Waiver] = (),
    prereg: Prereg | None = None,
    evidence_at: str | None = None,
    stale: Sequence[str] = (),
    forks: int = 0,
) -> Verdict:
    """The verdict on a claim.

    `stale` names controls whose inputs changed since they ran; they count as not run.
    `evidence_at` is when the first outcome was read (None = no evidence yet). Raises DataError for
    results filed under another control's id or a control that is not in the registry.
    """
    for name, result in results.items():
        if name != result.id or name not in CONTROLS:
            raise DataError(f"the result of {result.id!r} is filed as {name!r}; use registry ids")
    waived = {w.control: w for w in waivers}
    states = _states(claim, results, waived, set(stale))
    need = required(claim)
    failed = [c for c in need if states[c] == "fail" and not CONTROLS[c].instrument]
    broken = [c for c in states if states[c] == "fail" and CONTROLS[c].instrument]
    missing = [c for c in need if states[c] == "not_run"]
    limited = [c for c in need if states[c] == "limited"]
    weak = [
        c
        for c in states
        if states[c] in ("warn", "waived") or (states[c] in ("fail", "limited") and c not in need)
    ]
    early = prereg is not None and evidence_at is not None and prereg.before(evidence_at)
    sealed = prereg is not None and not prereg.problems() and early
    word = _word(failed, broken, missing, limited, weak, sealed)
    qualifiers = tuple(_qualifier(c, states[c], waived) for c in weak if c not in broken)
    reasons = [
        *(line for c in [*failed, *broken] for line in _why(c, results, "failed")),
        *(f"{c} was not run{' since its inputs changed' if c in stale else ''}" for c in missing),
        *(line for c in limited for line in _why(c, results, "is limited")),
        *qualifiers,
    ]
    if not sealed:
        reasons.append(_unsealed(prereg, evidence_at))
    given = badges(results, stale=stale)
    sentence = licensed_sentence(claim, results, word, qualifiers, badges=given)
    return Verdict(
        word, tuple(reasons), sentence, qualifiers, given, tuple(sorted(waived)), tuple(missing),
        forks,
    )  # fmt: skip


def _states(
    claim: Claim,
    results: Mapping[str, ControlResult],
    waived: Mapping[str, Waiver],
    stale: set[str],
) -> dict[str, State]:
    """Every control that was run or is required; a waiver counts only where nothing was run."""
    states: dict[str, State] = dict.fromkeys(required(claim), "not_run")
    # In the registry's order, so that a record read back gives the same verdict word for word.
    for name in CONTROLS:
        if name in results:
            states[name] = "not_run" if name in stale else results[name].state
    for name in waived:
        if states.get(name, "not_run") == "not_run":
            states[name] = "waived"
    # In the registry's order: the same results give the same verdict however they are filed.
    return {name: states[name] for name in CONTROLS if name in states}


def _word(
    failed: Sequence[str],
    broken: Sequence[str],
    missing: Sequence[str],
    limited: Sequence[str],
    weak: Sequence[str],
    sealed: bool,
) -> Word:
    if broken:
        # A claim is not refuted by an instrument that does not work.
        return "INCONCLUSIVE"
    if failed:
        return "REFUTED-AS-WORDED"
    if missing:
        return "UNTESTED"
    if limited:
        return "INCONCLUSIVE"
    if weak:
        return "QUALIFIED"
    return "SUPPORTED" if sealed else "SUPPORTED-EXPLORATORY"


def _why(control: str, results: Mapping[str, ControlResult], what: str) -> list[str]:
    lines = results[control].reasons or ("no reason was recorded",)
    return [f"{control} {what}: {line}" for line in lines]


def _qualifier(control: str, state: State, waived: Mapping[str, Waiver]) -> str:
    if state == "waived":
        return f"{control} was waived by {waived[control].by}: {waived[control].reason.strip()}"
    return f"{control} ({state}): {CONTROLS[control].qualifier}"


def _unsealed(prereg: Prereg | None, evidence_at: str | None) -> str:
    if prereg is None:
        return "exploratory: no plan was sealed"
    if prereg.problems():
        return f"exploratory: {prereg.problems()[0]}"
    if evidence_at is None:
        return "exploratory: no time of evidence is recorded"
    return f"exploratory: the plan was sealed at {prereg.sealed_at}, evidence read at {evidence_at}"
