"""Plain questions about the facts of a story, with their answers.

In: an `Appraisal`, two `Person`s and a random generator. Out: sentences such as "Was it as Mara
wished? No." They stand in a part of the training texts only: each answer is one certain word that
can be had from nothing but the facts, which teaches a small model to read them. This file knows no
emotion and no reaction.
"""

from random import Random

from emotui.demo.appraisals import Appraisal
from emotui.demo.premises import Person


def questions(
    facts: Appraisal, focus: Person, other: Person, *, rng: Random
) -> list[tuple[str, str]]:
    """Six pairs of question and answer in free order; two ask about the wishes of both."""
    got = focus if facts.receiver == "self" else other
    me, you = focus.name, other.name
    found = [
        (f"Was it as {me} wished?", _wish(facts.good_self, facts, focus)),
        (f"Was it as {you} wished?", _wish(facts.good_other, facts, other)),
    ]
    rest = [
        (f"Were {me} and {you} friends?", "Yes." if facts.friends else "No."),
        ("Who got it?", _receiver(facts, got)),
        (f"Did {me} want it?", _want(facts.self_wants, focus)),
        (f"Did {you} want it?", _want(facts.other_wants, other)),
    ]
    if facts.status == "settled":
        actor = {"lot": "Nobody's", "self": focus.mine, "other": other.mine}[facts.cause]
        rest.append(("Whose doing was it?", f"{actor[0].upper()}{actor[1:]}."))
        if facts.cause != "lot":
            rest.append(("Was it meant?", "Yes." if facts.meant else "No."))
    found += rng.sample(rest, 4)
    rng.shuffle(found)
    return found


def _wish(good: int, facts: Appraisal, person: Person) -> str:
    if good == 0:
        return f"It was all one to {person.obj}."
    if facts.status in ("unknown", "overdue"):
        return "Nobody could say."
    if facts.status == "likely":
        return "Very likely." if good > 0 else "Hardly."
    return "Yes." if good > 0 else "No."


def _want(wants: int, person: Person) -> str:
    return {1: "Yes.", -1: "No.", 0: f"It was all one to {person.obj}."}[wants]


def _receiver(facts: Appraisal, got: Person) -> str:
    if facts.status in ("unknown", "overdue"):
        return "Nobody yet."
    return f"Very likely {got.obj}." if facts.status == "likely" else f"{got.name}."
