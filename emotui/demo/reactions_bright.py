"""How the brighter emotions show: body, action, speech, thought (positive and in-between ones).

In: nothing. Out: `BRIGHT`, a table by emotion. Patterns use {s} he/she/I, {p} his/her/my, {o}
him/her/me, {O} the other person. No pattern names its emotion. This file knows no appraisal.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reaction:
    """The ways one emotion shows."""

    body: tuple[str, ...]
    """Clauses about the body, without a full stop."""
    acts: tuple[str, ...]
    """What the person does: verb phrases in the past tense, without the subject."""
    says: tuple[str, ...]
    """What the person says, without quotation marks; ends in ! or ? or nothing."""
    thoughts: tuple[str, ...]
    """Whole sentences of thought."""


BRIGHT: dict[str, Reaction] = {
    "happy": Reaction(
        (
            "{p} whole face lit up",
            "{s} could not stop smiling",
            "{p} feet felt light",
            "warmth ran through {p} chest",
            "{p} cheeks ached from smiling",
        ),
        (
            "danced once round the table",
            "bought cake for the whole house",
            "sang in the bath",
            "put flowers in every jar",
            "hugged the first person who came by",
        ),
        (
            "What a fine day this is",
            "There is cake for everyone",
            "It could not be better",
            "Come in and have a glass with me",
            "I could kiss the whole street",
        ),
        (
            "Everything was just as it should be.",
            "There had never been a finer week.",
            "Even the rain looked pretty today.",
        ),
    ),
    "proud": Reaction(
        (
            "{p} back was very straight",
            "{p} chin was held high",
            "{p} chest swelled",
            "{s} stood taller than before",
            "{p} eyes shone with quiet strength",
        ),
        (
            "hung the signed list in a frame",
            "told the whole story to {p} parents",
            "polished {p} shoes for the day",
            "wrote the date in the big album",
            "shook every hand in the room",
        ),
        (
            "I did that with my own two hands",
            "Look what I managed",
            "That took skill, and I have it",
            "Write down who did this",
            "My parents should see me now",
        ),
        (
            "All that work had been worth it.",
            "Not many people could have managed that.",
            "It was a job well done from start to end.",
        ),
    ),
    "triumphant": Reaction(
        (
            "{p} fist shot into the air",
            "{s} threw back {p} head and laughed",
            "{p} arms were raised high",
            "{p} blood sang",
            "{s} grinned from ear to ear at the window",
        ),
        (
            "ran a lap round the yard",
            "opened the bottle kept for this day",
            "beat the drum on the table",
            "shouted it from the balcony",
            "jumped over the low wall",
        ),
        (
            "I won, I won!",
            "Beaten, at last and for good!",
            "Victory is mine!",
            "Nobody takes this from me!",
            "Let {O} see who came first!",
        ),
        (
            "{O} had been beaten in a fair fight.",
            "The long fight was won.",
            "This was the crown of the whole year.",
        ),
    ),
    "grateful": Reaction(
        (
            "{p} eyes filled with warm tears",
            "{p} hand went to {p} heart",
            "{s} bowed {p} head to {O}",
            "{p} throat was full",
            "a soft warmth rose in {p} chest",
        ),
        (
            "wrote a long card to {O}",
            "took a basket of fruit to {O}",
            "pressed {O} by both hands",
            "baked a pie for {O}",
            "knocked at the house of {O} with flowers",
        ),
        (
            "I will never forget what {O} did for me",
            "Bless {O} for this",
            "How can I ever repay {O}?",
            "I owe {O} so much",
            "{O} did this for me, think of that",
        ),
        (
            "Few people would do such a thing for another.",
            "Some day {s} would do as much for {O}.",
            "This gift would not be forgotten.",
        ),
    ),
    "relieved": Reaction(
        (
            "a long breath went out of {p} chest",
            "{p} shoulders came down at last",
            "{p} knees went soft",
            "the weight fell from {p} back",
            "{p} hands opened again",
        ),
        (
            "sank into the nearest chair",
            "wiped {p} forehead",
            "slept through the whole night",
            "leaned on the wall and shut {p} eyes",
            "let out a long breath",
        ),
        (
            "That was close",
            "Thank heaven, it passed me by",
            "Now I can breathe again",
            "A stone has dropped from my heart",
            "So it is over, at last",
        ),
        (
            "The danger was past.",
            "It could have gone so badly.",
            "Nothing stood in the way of sleep any more.",
        ),
    ),
    "amused": Reaction(
        (
            "the corners of {p} mouth twitched",
            "{p} belly shook with laughter",
            "{s} snorted into {p} cup",
            "{p} eyes crinkled",
            "{s} had to hold {p} sides",
        ),
        (
            "giggled behind a sleeve",
            "told it as a joke at the bar",
            "drew a funny picture of it",
            "winked at the cousin",
            "acted out the mix-up for the others",
        ),
        (
            "What a comedy",
            "You could not make this up",
            "Tell me that again, it is too funny",
            "Best joke of the year",
            "Of all the silly slips!",
        ),
        (
            "It was like a scene from a farce.",
            "The whole thing was too droll for words.",
            "Somebody ought to put it on the stage.",
        ),
    ),
    "smug": Reaction(
        (
            "a thin smile sat on {p} lips",
            "{s} leaned back with folded arms",
            "{p} eyebrows went up a little",
            "{s} purred like a cat",
            "{p} smile was small and sleek",
        ),
        (
            "took a slow sip and looked at {O}",
            "rubbed {p} hands",
            "stretched out {p} legs in front of {O}",
            "hummed a tune as {O} went by",
            "watched {O} with half-shut eyes",
        ),
        (
            "Well, well, poor {O}",
            "It could not have hit a better one than {O}",
            "I told you {O} would come off worse",
            "What a pity for {O}, pass the sugar",
            "Some people have it coming",
        ),
        (
            "It served {O} right.",
            "{O} would have a long face tomorrow.",
            "One only had to sit back and enjoy it.",
        ),
    ),
    "hopeful": Reaction(
        (
            "{p} heart gave a small leap",
            "{p} eyes went to the calendar",
            "{p} fingers were crossed",
            "a little light came into {p} face",
            "{s} looked up at the sky and smiled",
        ),
        (
            "lit a candle in the window",
            "looked in on the letter box",
            "began to make plans on a slip of paper",
            "kept the day free",
            "crossed both fingers under the table",
        ),
        (
            "It may really turn out well",
            "Keep your fingers crossed for me",
            "The signs are good",
            "With a bit of luck it will work out",
            "I think the wind has turned",
        ),
        (
            "It could really come true.",
            "The chances were better than ever.",
            "Perhaps this would be the good year.",
        ),
    ),
    "excited": Reaction(
        (
            "{p} heart was racing with joy",
            "{s} could not sit still",
            "{p} feet would not stop bouncing",
            "{p} cheeks glowed",
            "{p} words tumbled over each other",
        ),
        (
            "packed everything three days early",
            "counted the hours till Monday",
            "ran up the stairs two at a time",
            "hopped from one foot to the other",
            "set out clothes for the big day",
        ),
        (
            "Only a few more days!",
            "I cannot wait for Monday!",
            "It starts so soon!",
            "I will not sleep a wink till then!",
            "Come on, Monday, hurry up!",
        ),
        (
            "Monday could not come soon enough.",
            "It would be the start of a great time.",
            "So much was about to begin!",
        ),
    ),
    "loving": Reaction(
        (
            "{p} heart went out to {O}",
            "{p} smile was soft and warm",
            "{p} eyes rested on {O} with tenderness",
            "{p} voice was gentle",
            "a tender warmth filled {o}",
        ),
        (
            "tucked the blanket round {O}",
            "stroked {O} over the hair",
            "cooked soup the way {O} liked it",
            "carried the bags for {O}",
            "kept the best slice for {O}",
        ),
        (
            "It was for {O}, and I would do it again",
            "If {O} is well, then I am well",
            "Dear {O}, sleep well",
            "{O} means more to me than that",
            "I want {O} to have it good",
        ),
        (
            "It was enough to see {O} smile.",
            "{O} was dearer than any such thing.",
            "Giving it up for {O} cost nothing at all.",
        ),
    ),
    "nostalgic": Reaction(
        (
            "{p} eyes looked far away",
            "a half smile came and went on {p} face",
            "{s} sighed, softly and sweetly",
            "{p} hand stroked the old picture",
            "{p} gaze wandered back over the years",
        ),
        (
            "took the old photographs from the drawer",
            "hummed a song from those days",
            "smelled the old scarf",
            "turned the pages of the album",
            "told the children how it used to be",
        ),
        (
            "Those were the days",
            "Do you remember how it was then?",
            "How young we were",
            "It still smells like that summer",
            "I can see it all before me",
        ),
        (
            "The light had been golden then.",
            "Those days would not come again, and yet how sweet they were.",
            "How the evenings had smelled of hay in those days!",
        ),
    ),
    "bored": Reaction(
        (
            "{s} yawned behind {p} hand",
            "{p} eyelids drooped",
            "{p} chin sank onto {p} fist",
            "{p} eyes wandered over the ceiling",
            "{p} fingers drummed slowly",
        ),
        (
            "counted the tiles on the floor",
            "drew boxes on the edge of a newspaper",
            "looked at the clock for the tenth time",
            "rolled a pencil to and fro",
            "picked at a thread on the sleeve",
        ),
        (
            "Whatever",
            "Is there nothing else to talk about?",
            "Who cares which of us gets it",
            "It is all one to me",
            "Wake me when it is over",
        ),
        (
            "The minutes crept by like snails.",
            "It was the same old stuff again.",
            "Nothing ever happened here.",
        ),
    ),
    "puzzled": Reaction(
        (
            "{p} brow was wrinkled",
            "{s} scratched {p} head",
            "{p} head was tilted to one side",
            "{s} blinked twice",
            "{p} mouth stood a little open",
        ),
        (
            "read the list again from the top",
            "looked it up in the rule book",
            "turned the sheet upside down",
            "drew arrows on a piece of paper",
            "asked three people what it could mean",
        ),
        (
            "I do not get it",
            "Why would {O} do such a thing?",
            "Can someone explain this to me?",
            "That makes no sense at all",
            "What is the point of it?",
        ),
        (
            "It did not add up.",
            "Which reason could {O} have had?",
            "There had to be a piece missing.",
        ),
    ),
    "suspicious": Reaction(
        (
            "{p} eyes grew narrow",
            "{s} looked over {p} shoulder",
            "{p} gaze followed {O} closely",
            "the hairs rose on {p} neck",
            "{s} listened at the door",
        ),
        (
            "locked the drawer twice",
            "made a copy of every sheet",
            "asked around about what {O} was up to",
            "kept a close eye on {O}",
            "searched the bag for a hidden note",
        ),
        (
            "What is {O} up to?",
            "There must be a catch",
            "{O} never gives anything for free",
            "Something is wrong here",
            "I would like to know what is behind this",
        ),
        (
            "There was a trick in it somewhere.",
            "{O} had to be hiding something.",
            "Gifts from {O} came with a hook.",
        ),
    ),
}
