"""The first half of a story: the facts of an appraisal as sentences.

In: an `Appraisal`, two `Person`s, a `Topic` and a random generator. Out: a list of sentences, the
last of which turns to the person the story is about. Both people are named in nearly every
sentence and most facts are said beside their opposite ("on purpose, not by mistake"), so that the
order of the words carries the meaning. This file knows no emotion and no reaction.
"""

from dataclasses import dataclass
from random import Random

from emotui.demo.appraisals import Appraisal
from emotui.demo.topics import Topic


@dataclass(frozen=True)
class Person:
    """The forms of one person in a sentence."""

    name: str
    """As subject: a name, or "I"."""
    obj: str
    """As object: the name, or "me"."""
    own: str
    """Before a noun: "Mara's", or "my"."""
    mine: str
    """Standing alone: "Mara's", or "mine"."""
    he: str
    him: str
    his: str

    def forms(self, letter: str) -> dict[str, str]:
        """The forms under the keys that the sentence patterns use, such as `F`, `Fo`, `f`."""
        small = letter.lower()
        return {
            letter: self.name,
            f"{letter}o": self.obj,
            f"{letter}p": self.own,
            f"{letter}m": self.mine,
            small: self.he,
            f"{small}o": self.him,
            f"{small}p": self.his,
        }


FIRST_PERSON = Person("I", "me", "my", "mine", "I", "me", "my")
_WOMEN = (
    "Mara",
    "Ines",
    "Clara",
    "Nora",
    "Ruth",
    "Alma",
    "Vera",
    "Lena",
    "Edith",
    "Hanna",
    "Irma",
    "Paula",
)
_MEN = (
    "Tom",
    "Jonas",
    "Karl",
    "Peter",
    "Milo",
    "Oscar",
    "Ben",
    "Hugo",
    "Anton",
    "Felix",
    "Simon",
    "Emil",
)
PEOPLE: tuple[Person, ...] = (
    *(Person(n, n, f"{n}'s", f"{n}'s", "she", "her", "her") for n in _WOMEN),
    *(Person(n, n, f"{n}'s", f"{n}'s", "he", "him", "his") for n in _MEN),
)

_FRIENDS = (
    "{F} and {O} were friends, never rivals.",
    "{F} and {O} had been friends since school.",
    "{F} and {O} had stopped being rivals long ago and were friends.",
    "{O} and {F} were close friends.",
    "{F} and {O} trusted each other, as friends do.",
)
_RIVALS = (
    "{F} and {O} were rivals, never friends.",
    "{F} and {O} had been rivals since school.",
    "{F} and {O} had stopped being friends long ago and were rivals.",
    "{O} and {F} were old rivals.",
    "{F} and {O} did not trust each other, as friends would.",
)
_WANTS = {
    1: (
        "{P} wanted {x}",
        "{P} had asked for {x}",
        "{P} had set {pp} heart on {x}",
        "{P} wished to get {x}",
    ),
    -1: (
        "{P} did not want {x}",
        "{P} had asked to be spared {x}",
        "{P} wanted nothing to do with {x}",
        "{P} wished not to get {x}",
    ),
    0: ("{P} did not mind who got {x}", "{P} did not care about {x} either way"),
}
_BOTH = {
    1: (
        "Both {P} and {Q} wanted {x}.",
        "{P} wanted {x}, and so did {Q}.",
        "{P} wished to get {x}, just as {Q} did.",
    ),
    -1: (
        "Neither {P} nor {Q} wanted {x}.",
        "{P} did not want {x}, and nor did {Q}.",
        "{P} wished not to get {x}, and nor did {Q}.",
    ),
}
_ONE = (
    "{P} wanted {x}, and {Q} did not.",
    "{Q} did not want {x}, but {P} did.",
    "Of the two it was {P} who wanted {x}, not {Q}.",
    "It was not {Q} who wanted {x}, it was {P}.",
)
_OUTCOME = {
    "settled": (
        "On Friday it went to {Ro}.",
        "On Friday it went to {Ro} and not to {No}.",
        "In the end {R} got it, and {N} did not.",
        "In the end {N} did not get it; {R} did.",
        "It passed {No} by and went to {Ro}.",
        "When the list was read, {R} had it and {N} had not.",
    ),
    "certain": (
        "It was certain by now: on Monday it would go to {Ro}, not to {No}.",
        "On Monday {R} would get it and {N} would not; that was certain.",
        "The list for Monday was signed, and beyond any doubt {N} would not get it; {R} would.",
    ),
    "likely": (
        "Nothing was certain yet, but it would very likely go to {Ro}, not to {No}.",
        "It was still open, but as things stood {R} would get it and {N} would not.",
        "The list was not signed yet, but in all likelihood {N} would not get it; {R} would.",
    ),
    "unknown": (
        "Nothing was certain yet; it could go to {Ro} or to {No}, and nobody could say which.",
        "It was still open whether {R} would get it or {N}.",
        "The list would be read on Monday, and it could as well be {N} as {R}.",
    ),
    "overdue": (
        "The list was to be read weeks ago, and still nobody would say whether {R} got it or {N}.",
        "It should have gone to {Ro} or to {No} a month ago, and day after day nothing was signed.",
        "Again the answer for {Ro} and {No} was put off, for the fifth time now.",
    ),
    "past": (
        "Years ago it had gone to {Ro}, not to {No}, for one long summer; by now it was no more.",
        "As a child {R} had got it, and {N} had not; that was long ago, and it was no more.",
        "For one year, long ago, {N} did not get it; {R} did. By now it was no more.",
    ),
}
_LOT = (
    "The lot had decided; neither {P} nor {Q} had a hand in it.",
    "Nobody had arranged it, neither {P} nor {Q}; that was how the lot fell.",
    "It was neither {Pp} doing nor {Qm}, on purpose or by mistake, but the lot's.",
)
_LOT_OPEN = (
    "The lot decided such things; neither {P} nor {Q} had a hand in it.",
    "Nobody could arrange it, neither {P} nor {Q}.",
)
_MEANT = (
    "{A} had arranged it, not {B}, and on purpose, not by mistake.",
    "It was {Ap} doing, not {Bm}, and {a} had meant it to be so.",
    "{A} had changed the list on purpose; {B} had known nothing of it.",
    "{B} had no hand in it; {A} had, and {a} had planned it so.",
    "It was no mistake: not {B} but {A} had arranged it.",
)
_NOT_MEANT = (
    "{A} had arranged it, not {B}, and by mistake, not on purpose.",
    "It was {Ap} doing, not {Bm}, and {a} had not meant it to be so.",
    "{A} had changed the list by mistake; {B} had known nothing of it.",
    "{B} had no hand in it; {A} had, and {a} had not planned it so.",
    "It was a mistake: not {B} but {A} had arranged it.",
)
_PIVOT = (
    "{F} thought about it on the way home.",
    "That evening {F} sat at the kitchen table.",
    "Now {F} stood by the window.",
    "After supper {F} thought it over.",
    "Then {F} went out into the yard.",
    "{F} was still in the corridor.",
    "Later {F} met a cousin at the door.",
)


_OPENING = (
    "On the way home {F}",
    "That evening {F}",
    "By the window {F}",
    "After supper {F}",
    "In the yard {F}",
    "Later in the corridor {F}",
    "At the kitchen table {F}",
)


def premise(
    facts: Appraisal, focus: Person, other: Person, *, topic: Topic, rng: Random
) -> list[str]:
    """Sentences that state the facts; the last one is a `pivot` to `focus`."""
    forms = {**focus.forms("F"), **other.forms("O")}
    pool = _FRIENDS if facts.friends else _RIVALS
    relation = rng.choice(pool).format(**forms)
    relation = relation.replace(f"I and {other.name}", f"{other.name} and I")
    wants = _wants(facts, focus, other, topic=topic, rng=rng)
    body = [*wants, *_events(facts, focus, other, rng=rng)]
    place = 0 if rng.random() < 0.6 else rng.choice((len(wants), len(body)))
    body.insert(place, relation)
    return [*body, pivot(focus, rng=rng)]


def pivot(focus: Person, *, rng: Random) -> str:
    """A plain sentence that turns to `focus`."""
    return rng.choice(_PIVOT).format(**focus.forms("F"))


def opening(focus: Person, *, rng: Random) -> str:
    """The beginning of a sentence about `focus`, whose verb begins the reaction."""
    return rng.choice(_OPENING).format(**focus.forms("F"))


def _wants(
    facts: Appraisal, focus: Person, other: Person, *, topic: Topic, rng: Random
) -> list[str]:
    first, second = (focus, facts.self_wants), (other, facts.other_wants)
    if rng.random() < 0.5:
        first, second = second, first
    forms = {**first[0].forms("P"), **second[0].forms("Q"), "x": topic.long}
    alike = first[1] == second[1]
    if alike and first[1] and rng.random() < 0.6:
        return [rng.choice(_BOTH[first[1]]).format(**forms)]
    if not alike and first[1] + second[1] == 0 and rng.random() < 0.5:
        if first[1] < 0:
            forms = {**second[0].forms("P"), **first[0].forms("Q"), "x": topic.long}
        return [rng.choice(_ONE).format(**forms)]
    one = rng.choice(_WANTS[first[1]]).format(**forms)
    two = rng.choice(_WANTS[second[1]]).format(**second[0].forms("P"), x="it")
    link = rng.choice(("; ", ", and ", ". ") if alike else ("; ", ", but ", ", while ", ". "))
    if link == ". ":
        return [one + ".", two + "."]
    return [one + link + two + "."]


def _events(facts: Appraisal, focus: Person, other: Person, *, rng: Random) -> list[str]:
    got, missed = (focus, other) if facts.receiver == "self" else (other, focus)
    ends = {**got.forms("R"), **missed.forms("N")}
    sentences = [rng.choice(_OUTCOME[facts.status]).format(**ends)]
    if facts.cause == "lot":
        one, two = (focus, other) if rng.random() < 0.5 else (other, focus)
        open_ended = facts.status != "settled"
        if not open_ended or rng.random() < 0.5:
            pool = _LOT_OPEN if open_ended else _LOT
            sentences.append(rng.choice(pool).format(**one.forms("P"), **two.forms("Q")))
        return sentences
    actor, idle = (focus, other) if facts.cause == "self" else (other, focus)
    causes = _MEANT if facts.meant else _NOT_MEANT
    sentences.append(rng.choice(causes).format(**actor.forms("A"), **idle.forms("B")))
    return sentences
