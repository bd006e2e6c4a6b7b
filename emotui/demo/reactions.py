"""The second half of a story: sentences that show an emotion without naming it.

In: an emotion, two `Person`s and a random generator. Out: sentences of the four kinds (body,
action, speech, thought), mixed freely and now and then with a clause that several neighbouring
emotions share; `reaction_words` gives the words that mark an emotion, for meters of steering.
This file knows no appraisal and no topic.
"""

import re
from collections import Counter
from functools import cache
from random import Random

from emotui.demo.premises import Person
from emotui.demo.reactions_bright import BRIGHT, Reaction
from emotui.demo.reactions_dark import DARK

REACTIONS: dict[str, Reaction] = {**BRIGHT, **DARK}

_SHARED: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = (
    (
        frozenset(("happy", "proud", "triumphant", "excited", "amused", "grateful", "hopeful")),
        ("{p} eyes shone", "{s} smiled", "{p} steps were quick and light"),
    ),
    (
        frozenset(("sad", "resigned", "sympathetic", "regretful", "nostalgic", "hurt", "bitter")),
        ("{s} was silent for a long time", "{p} eyes were on the floor", "{s} spoke slowly"),
    ),
    (
        frozenset(("angry", "exasperated", "impatient", "bitter", "envious")),
        ("{p} lips were pressed together", "{s} breathed hard", "{p} neck was stiff"),
    ),
    (
        frozenset(("worried", "nervous", "suspicious", "guilty", "ashamed", "impatient")),
        ("{s} could find no rest", "{s} turned round at every step", "{p} forehead was damp"),
    ),
    (
        frozenset(("bored", "smug", "puzzled", "relieved", "loving", "resigned")),
        ("{s} sat quite still", "{s} poured a cup of tea", "{s} looked out for a while"),
    ),
)
_TO = ("the cousin", "the man next door", "the woman at the gate", "nobody", "the dark window")
_WHEN = ("", "", "", "at last ", "after a while ", "then ", "without a pause ")


def reaction(emotion: str, focus: Person, other: Person, *, rng: Random) -> list[str]:
    """Eight sentences that show `emotion` in `focus`, without repeats, in free order."""
    table = REACTIONS[emotion]
    forms = {"s": focus.he, "p": focus.his, "o": focus.him, "O": other.obj}
    shared = [clause for group, clauses in _SHARED if emotion in group for clause in clauses]
    body = rng.sample(table.body, 4)
    acts = rng.sample(table.acts, 4)
    says = rng.sample(table.says, 2)
    thoughts = rng.sample(table.thoughts, 1)
    sentences = [
        f"{body[0]}.",
        f"{body[1]}, and {body[2]}." if rng.random() < 0.5 else f"{body[1]}.",
        f"{rng.choice(_WHEN)}{{s}} {acts[0]}.",
        f"{{s}} {acts[1]} and {acts[2]}." if rng.random() < 0.5 else f"{{s}} {acts[1]}.",
        *(_speech(line, rng) for line in says),
        *thoughts,
    ]
    if shared:
        extra = rng.choice(shared)
        sentences.append(f"{extra}, and {body[3]}." if rng.random() < 0.5 else f"{extra}.")
    else:
        sentences.append(f"{{s}} {acts[3]}.")
    rng.shuffle(sentences)
    return [capital(sentence.format(**forms)) for sentence in sentences]


def opened_reaction(emotion: str, focus: Person, other: Person, *, rng: Random) -> list[str]:
    """The same, but the first is an action without its subject, to follow an opening."""
    forms = {"p": focus.his, "o": focus.him, "O": other.obj}
    acts = [act.format(**forms) for act in rng.sample(REACTIONS[emotion].acts, 2)]
    first = f"{acts[0]} and {acts[1]}." if rng.random() < 0.3 else f"{acts[0]}."
    rest = reaction(emotion, focus, other, rng=rng)
    return [first, *(one for one in rest if not any(act in one for act in acts))]


def line_of(emotion: str, other: Person, *, rng: Random) -> str:
    """Something that a person with this emotion says, as one sentence without marks."""
    line = rng.choice(REACTIONS[emotion].says).format(O=other.obj)
    return line if line[-1] in "!?" else line + "."


def capital(sentence: str) -> str:
    """The sentence with a capital at its beginning, behind an opening quotation mark if any."""
    return re.sub(r"^(\"?)([a-z])", lambda m: m[1] + m[2].upper(), sentence)


def _speech(line: str, rng: Random) -> str:
    tag = rng.choice(("said", "told " + rng.choice(_TO)))
    if rng.random() < 0.25:
        return (
            f'{{s}} {tag.replace("told", "said to")}: "{line if line[-1] in "!?" else line + "."}"'
        )
    return f'"{line if line[-1] in "!?" else line + ","}" {{s}} {tag}.'


@cache
def reaction_words(emotion: str) -> frozenset[str]:
    """Words that stand in this emotion's own patterns and in at most one other emotion's."""
    spread: Counter[str] = Counter()
    for name in REACTIONS:
        spread.update(_words(name))
    return frozenset(word for word in _words(emotion) if spread[word] <= 2)


def _words(emotion: str) -> frozenset[str]:
    table = REACTIONS[emotion]
    text = " ".join((*table.body, *table.acts, *table.says, *table.thoughts))
    return frozenset(re.findall(r"[a-z]{3,}", re.sub(r"{\w+}", " ", text).lower()))
