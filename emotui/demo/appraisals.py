"""Which emotion follows from what happened: the table of appraisals behind every story.

In: an `Appraisal` (who wanted the thing, to whom it went, who brought that about, whether it was
meant, whether the two are friends, how far it is settled). Out: the emotion of the person the
story is about. The values are crossed: to receive a thing is good or bad only beside what was
wanted, so no single fact settles the emotion. After Ortony, Clore & Collins 1988 (own and others'
fortunes, praise and blame, prospects) and Roseman 1984. This file knows no words of any story.
"""

from dataclasses import dataclass
from itertools import product
from typing import Literal

Who = Literal["self", "other"]
Cause = Literal["lot", "self", "other"]
Status = Literal["settled", "certain", "likely", "unknown", "overdue", "past"]


@dataclass(frozen=True)
class Appraisal:
    """The facts of one story, seen from the person it is about (self) beside the other one."""

    self_wants: int
    """+1 wants the thing, -1 wishes to be spared it, 0 does not mind."""
    other_wants: int
    """The same for the other person."""
    receiver: Who
    """To whom it went, or will go as far as one knows."""
    cause: Cause
    """Who brought it about; "lot" is nobody."""
    meant: bool
    """Whether that was on purpose; True for the lot, where it says nothing."""
    friends: bool
    """True for friends, False for rivals."""
    status: Status
    """Settled, or still open and how sure, or long past."""

    @property
    def good_self(self) -> int:
        """+1 where it turned out as self wished, -1 where not, 0 where self does not mind."""
        return self.self_wants * (1 if self.receiver == "self" else -1)

    @property
    def good_other(self) -> int:
        """The same for the other person."""
        return self.other_wants * (1 if self.receiver == "other" else -1)


def emotion_of(facts: Appraisal) -> str | None:
    """The emotion of self, or None where the facts leave it open."""
    if facts.self_wants == 0:
        return "bored"
    if facts.status == "settled":
        return _pleasant(facts) if facts.good_self > 0 else _unpleasant(facts)
    if facts.status == "past":
        return "nostalgic" if facts.self_wants > 0 and facts.receiver == "self" else None
    if facts.status == "unknown":
        return "nervous"
    if facts.status == "overdue":
        return "impatient" if facts.self_wants > 0 else None
    if facts.good_self < 0:
        return "worried" if facts.status == "likely" else "resigned"
    if facts.status == "likely":
        return "hopeful"
    return "excited" if facts.self_wants > 0 else "relieved"


def _pleasant(facts: Appraisal) -> str | None:
    others_loss = facts.good_other < 0
    if facts.cause == "other" and facts.meant:
        return "grateful" if facts.friends else "suspicious"
    if facts.cause == "self" and facts.meant:
        if not others_loss:
            return "proud"
        return "ashamed" if facts.friends else "triumphant"
    if facts.cause == "self" and others_loss:
        return "guilty" if facts.friends else None
    if others_loss:
        return "sympathetic" if facts.friends else "smug"
    if facts.cause == "lot":
        return "happy" if facts.self_wants > 0 else "relieved"
    return "amused"


def _unpleasant(facts: Appraisal) -> str | None:
    if facts.cause == "self":
        if not facts.meant:
            return "regretful"
        return "loving" if facts.friends and facts.good_other > 0 else None
    if facts.cause == "other":
        if not facts.meant:
            return "exasperated"
        if facts.good_other < 0:
            return "puzzled"
        return "hurt" if facts.friends else "angry"
    if facts.good_other < 0:
        return "bitter"
    return "envious" if facts.good_other > 0 and facts.self_wants > 0 else "sad"


def _all_facts() -> list[Appraisal]:
    found: list[Appraisal] = []
    wants, whos = (1, -1, 0), ("self", "other")
    for mine, theirs, receiver, friends in product(wants, wants, whos, (True, False)):
        for status in ("certain", "likely", "unknown", "overdue", "past"):
            found.append(Appraisal(mine, theirs, receiver, "lot", True, friends, status))  # type: ignore[arg-type]
        found.append(Appraisal(mine, theirs, receiver, "lot", True, friends, "settled"))  # type: ignore[arg-type]
        for cause, meant in product(whos, (True, False)):
            found.append(Appraisal(mine, theirs, receiver, cause, meant, friends, "settled"))  # type: ignore[arg-type]
    return found


def _cells() -> dict[str, tuple[Appraisal, ...]]:
    cells: dict[str, list[Appraisal]] = {}
    for facts in _all_facts():
        emotion = emotion_of(facts)
        # Two people who both do not mind make no story.
        if emotion and not (facts.self_wants == 0 and facts.other_wants == 0):
            cells.setdefault(emotion, []).append(facts)
    return {emotion: tuple(cells[emotion]) for emotion in sorted(cells)}


CELLS: dict[str, tuple[Appraisal, ...]] = _cells()
"""For every emotion, all the facts that lead to it."""

EMOTIONS: tuple[str, ...] = tuple(CELLS)
"""The emotions of the corpus, in alphabetical order."""

POSITIVE: frozenset[str] = frozenset(
    (
        "amused",
        "excited",
        "grateful",
        "happy",
        "hopeful",
        "loving",
        "proud",
        "relieved",
        "smug",
        "triumphant",
    )
)
NEUTRAL_VALENCE: frozenset[str] = frozenset(("bored", "nostalgic", "puzzled", "suspicious"))
NEGATIVE: frozenset[str] = frozenset(EMOTIONS) - POSITIVE - NEUTRAL_VALENCE
