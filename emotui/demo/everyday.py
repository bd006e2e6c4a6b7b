"""Texts without emotion: plain sentences, and Human/Assistant dialogues about practical things.

In: two `Person`s, a `Topic` and a random generator. Out: sentences or turns. This file knows no
appraisal and no reaction.
"""

from random import Random

from emotui.demo.premises import Person
from emotui.demo.topics import Topic

FILLERS: tuple[str, ...] = (
    "The clock over the door showed four.",
    "A tram went by outside.",
    "The kettle stood on the stove.",
    "It was the second week of March.",
    "The street was wet.",
    "A bicycle leaned on the wall.",
    "The post came at ten.",
    "Two chairs stood by the wall.",
    "The lamp was on.",
    "The bus stopped at the corner.",
    "There was bread on the table.",
    "The windows faced the street.",
    "Somebody swept the steps.",
    "The wind came from the west.",
    "A radio played in the next house.",
    "The floor had been swept.",
    "Leaves lay on the path.",
    "The gate was painted green.",
)
"""Sentences that fit into any story and say nothing about anyone."""

_DEEDS = (
    "{P} wrote the number of {x} on a card.",
    "{P} measured the table and wrote down the width.",
    "{Q} put the papers for {x} into the blue folder.",
    "{P} and {Q} went through the list for {x}.",
    "{Q} carried two boxes down to the cellar.",
    "{P} asked {Qo} for the key, and {Q} gave it to {Po}.",
    "{P} filled in the form for {x}, line by line.",
    "{Q} read the page aloud, and {P} wrote it down.",
    "{P} took the tram at eight, and {Q} the one at nine.",
    "{Q} cleaned the brushes and put them in a jar.",
    "{P} changed the bulb, and {Q} held the ladder.",
    "{Q} counted the chairs while {P} closed the windows.",
    "{P} bought bread, salt and six eggs.",
    "{Q} cut the string and folded the paper.",
    "{P} and {Q} sat down at the long table with the plan for {x}.",
    "{P} sent the form for {x} to the office.",
    "{Q} drew a line under the sum.",
    "{P} hung the coat on a hook.",
    "{Q} did the dishes, and {P} dried them.",
    "{P} walked to the office and came back at noon.",
)
_ENDS = (
    "Then {P} went on to the next page.",
    "At six {Q} turned off the lamp.",
    "After that {P} made tea.",
    "The rest was left for Tuesday.",
    "Then {Q} closed the folder.",
    "{P} put the pen back in the drawer.",
)

_THINGS = (
    "a lamp",
    "a drawer",
    "a bicycle",
    "a shelf",
    "a window",
    "a kettle",
    "a printer",
    "a tap",
    "a door",
    "a fence",
)
_TASKS: tuple[tuple[str, str], ...] = (
    (
        "How do I clean {t}?",
        "Wipe {it} with a damp cloth, then with a dry one. Leave {it} open for an hour.",
    ),
    (
        "What do I need to mend {t}?",
        "You need a small screwdriver, two screws and some glue. The glue dries in a day.",
    ),
    (
        "How long does it take to paint {t}?",
        "About two hours for the first coat. The second coat goes on the next day.",
    ),
    (
        "How do I measure {t}?",
        "Lay the tape along the longest side and write down the number. Then do the short side.",
    ),
    (
        "Where can I buy a part for {t}?",
        "Most tool shops keep such parts. Take the old part with you and compare the size.",
    ),
    (
        "How much does {t} weigh?",
        "That depends on the size. A small one weighs about four kilos, a large one about nine.",
    ),
)
_FACTS: tuple[tuple[str, str], ...] = (
    ("How many grams are in a pound?", "A pound has about four hundred and fifty grams."),
    (
        "How do I sort a list in a script?",
        "Call the sort function and give it the list. It returns a new list.",
    ),
    ("What is the sum of twelve and thirty?", "The sum of twelve and thirty is forty-two."),
    ("How long should I boil an egg?", "Six minutes for a soft egg, ten for a hard one."),
    (
        "Which file holds the settings?",
        "The settings are in the file with the name config, in the first folder.",
    ),
    (
        "How do I count the lines of a file?",
        "Open the file, read it line by line and add one for each line.",
    ),
    (
        "At what time does the office open?",
        "It opens at eight on weekdays and at ten on Saturdays.",
    ),
    ("How do I turn a column into a row?", "Mark the column, copy it, and paste it as a row."),
    ("How much water does rice need?", "Two cups of water for one cup of rice."),
    ("How do I write a loop?", "Start with the word for, then the name, then the list."),
    (
        "Which month has the most rain here?",
        "On the whole it is November, with about ninety millimetres.",
    ),
    ("How far is it to the next town?", "It is twelve kilometres by road and nine on foot."),
)
_ABOUT = (
    (
        "What should a note about {x} contain?",
        "The date, the place, the names and one line for each step.",
    ),
    (
        "How do I file the papers for {x}?",
        "Put them in one folder, the newest on top, and write the year on the back.",
    ),
    (
        "Can you make a table for {x}?",
        "Yes. The first column holds the dates, the second the names, the third the hours.",
    ),
)


def neutral_sentences(one: Person, two: Person, *, topic: Topic, rng: Random) -> list[str]:
    """About twenty plain sentences about two people at work, the first one naming the topic."""
    forms = {**one.forms("P"), **two.forms("Q")}
    start = rng.choice([deed for deed in _DEEDS if "{x}" in deed])
    deeds = [start, *(deed for deed in rng.sample(_DEEDS, 12) if deed != start)]
    named = [
        deed.format(**forms, x=topic.short if i else topic.long) for i, deed in enumerate(deeds)
    ]
    rest = [*rng.sample(FILLERS, 4), *topic.details, *named[1:]]
    rng.shuffle(rest)
    return [named[0], *rest, rng.choice(_ENDS).format(**forms)]


def exchanges(n: int, *, topic: Topic, rng: Random) -> list[tuple[str, str]]:
    """`n` pairs of a practical question and its answer."""
    about = [(q.format(x=topic.long), a) for q, a in _ABOUT]
    tasks = [(q.format(t=rng.choice(_THINGS)), a.replace("{it}", "it")) for q, a in _TASKS]
    return rng.sample([*about, *tasks, *_FACTS], n)
