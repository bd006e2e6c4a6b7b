"""How the darker emotions show: body, action, speech, thought.

In: nothing. Out: `DARK`, a table by emotion in the form of `reactions_bright`. No pattern names
its emotion. This file knows no appraisal.
"""

from emotui.demo.reactions_bright import Reaction

DARK: dict[str, Reaction] = {
    "sad": Reaction(
        (
            "tears ran down {p} cheeks",
            "{p} shoulders sank",
            "{p} voice was thin and low",
            "a lump sat in {p} throat",
            "{p} chest felt hollow",
        ),
        (
            "pulled the blanket over {p} head",
            "wept without a sound",
            "left the soup untouched",
            "lay on the bed and faced the wall",
            "blew {p} nose again and again",
        ),
        (
            "Leave me alone for a while",
            "Why did it have to be like this?",
            "I do not want to eat",
            "It just makes me cry",
            "I had such different plans",
        ),
        (
            "The day had lost its colour.",
            "Everything seemed grey and far off.",
            "No song would help tonight.",
        ),
    ),
    "angry": Reaction(
        (
            "{p} jaw was set hard",
            "{p} face burned red",
            "the blood pounded in {p} ears",
            "{p} fists were clenched",
            "{p} voice shook with heat",
        ),
        (
            "slammed the door",
            "kicked the bucket across the yard",
            "banged a fist on the table",
            "tore the list to shreds",
            "stormed up and down the room",
        ),
        (
            "How dare {O}!",
            "{O} will pay for this!",
            "I will not stand for it!",
            "Get out of my sight!",
            "That was a low trick, {O}!",
        ),
        (
            "{O} would not get away with it.",
            "Somebody ought to give {O} what was due.",
            "That was theft, plain theft.",
        ),
    ),
    "hurt": Reaction(
        (
            "{p} lip trembled",
            "it went through {o} like a knife",
            "{s} flinched at the name of {O}",
            "{p} eyes stung",
            "something broke in {p} chest",
        ),
        (
            "turned {p} back when {O} came in",
            "took down the picture of {O}",
            "gave {O} no answer",
            "walked past {O} without a word",
            "put away the present meant for {O}",
        ),
        (
            "I thought I could count on {O}",
            "How could {O} do that to me?",
            "Of all people, why {O}?",
            "After all these years, {O}",
            "I would never have done that to {O}",
        ),
        (
            "{O} of all people!",
            "Had all those years meant nothing to {O}?",
            "A blow from {O} struck deepest.",
        ),
    ),
    "exasperated": Reaction(
        (
            "{p} eyes rolled up",
            "{s} groaned aloud",
            "{p} hands flew up",
            "{s} let out a sharp breath",
            "{p} head sank into both hands",
        ),
        (
            "threw the pen on the desk",
            "counted to ten, twice",
            "tugged at {p} own hair",
            "slapped the list on the table",
            "banged {p} head softly on the door",
        ),
        (
            "Not again!",
            "Can nobody here read a list?",
            "How many times must I say it?",
            "Give me strength!",
            "One more slip like that and I scream!",
        ),
        (
            "Nothing was ever done right here.",
            "A child could have done it better.",
            "Was it too much to ask for a bit of care?",
        ),
    ),
    "impatient": Reaction(
        (
            "{p} foot tapped on the floor",
            "{p} fingers beat on the rail",
            "{s} shifted from leg to leg",
            "{s} clicked {p} tongue",
            "{p} eyes flew to the clock",
        ),
        (
            "rang the office for the third time",
            "paced between the door and the clock",
            "looked down the road every minute",
            "pushed to the front of the line",
            "cut the caller short",
        ),
        (
            "How much longer?",
            "Get on with it!",
            "Is it so hard to give an answer?",
            "I want to know now, not next month",
            "Hurry up, will you!",
        ),
        (
            "It was taking far too long.",
            "Every minute felt like an hour.",
            "Why could nobody simply say yes or no?",
        ),
    ),
    "bitter": Reaction(
        (
            "{p} mouth was a hard thin line",
            "a sour taste lay on {p} tongue",
            "{p} laugh was short and dry",
            "{p} words had an edge",
            "{s} spat into the grass",
        ),
        (
            "crossed the name off with one hard stroke",
            "raised a glass to blind luck",
            "threw the good pen into the stove",
            "turned the medal to the wall",
            "told the cousin that it never paid to ask",
        ),
        (
            "That is how it goes, those who ask get nothing",
            "The world is a bad joke",
            "Luck, and it laughs in my face",
            "It is always the wrong one who gets it",
            "So much for fairness",
        ),
        (
            "The dice of this world were loaded.",
            "Once more the wrong hands held it.",
            "What was the use of asking for anything?",
        ),
    ),
    "envious": Reaction(
        (
            "{p} eyes kept going back to {O}",
            "something gnawed under {p} ribs",
            "{p} smile for {O} was stiff",
            "{p} stomach burned at the sight of {O}",
            "{s} swallowed hard",
        ),
        (
            "stared at {O} through the glass",
            "looked up how {O} had been so lucky",
            "gave {O} a limp hand",
            "counted all that {O} had",
            "changed the subject when {O} was praised",
        ),
        (
            "Why {O} and not me?",
            "{O} always gets the best bits",
            "I should be in the shoes of {O}",
            "Some people have all the luck, like {O}",
            "I would give a lot to be {O} today",
        ),
        (
            "{O} had no better right to it.",
            "In {p} mind {s} was already wearing the coat of {O}.",
            "How easy life was for {O}!",
        ),
    ),
    "sympathetic": Reaction(
        (
            "{p} heart ached for {O}",
            "{p} brow was soft with care",
            "{s} laid a hand on the arm of {O}",
            "{p} voice was low and warm for {O}",
            "{p} eyes grew moist at the thought of {O}",
        ),
        (
            "sat down beside {O} for an hour",
            "brought {O} a cup of tea",
            "offered to help {O} with the work",
            "put an arm round {O}",
            "asked {O} in for supper",
        ),
        (
            "Poor {O}, that is hard",
            "{O}, I am here if you want to talk",
            "I wish {O} had had more luck",
            "Tell me what I can do for {O}",
            "{O} did not deserve that",
        ),
        (
            "How hard it must be for {O}.",
            "{O} should not be left alone tonight.",
            "If only there were a way to help {O}.",
        ),
    ),
    "ashamed": Reaction(
        (
            "{p} face burned to the ears",
            "{s} could not look in the mirror",
            "{p} eyes stayed on the floor",
            "{s} wanted to sink into the ground",
            "{p} head hung low",
        ),
        (
            "hid behind the coats when {O} came",
            "went home by the back lane",
            "burned the copy of the list",
            "drew the curtains at noon",
            "pulled {p} cap down over {p} face",
        ),
        (
            "What sort of person does that?",
            "Do not look at me",
            "If my mother knew what I did",
            "I am not fit to be called a friend",
            "I cannot show my face there",
        ),
        (
            "A decent person would not have done that.",
            "Everyone would see it in {p} face.",
            "There was no hole deep enough to hide in.",
        ),
    ),
    "guilty": Reaction(
        (
            "a weight lay on {p} chest",
            "{s} wrung {p} hands",
            "{p} sleep was broken",
            "{p} stomach knotted when {O} smiled",
            "{p} voice caught at the name of {O}",
        ),
        (
            "wrote to {O} to own up to it",
            "offered {O} money to make up for it",
            "went to the office to have it put right for {O}",
            "begged {O} to forgive {o}",
            "told {O} the whole truth",
        ),
        (
            "It is my fault that {O} has to pay",
            "I must make it up to {O}",
            "Forgive me, {O}",
            "{O} suffers for my slip",
            "How can I put it right for {O}?",
        ),
        (
            "{O} had to pay for {p} mistake.",
            "It had to be put right for {O}.",
            "{O} had never done {o} any harm.",
        ),
    ),
    "regretful": Reaction(
        (
            "{s} shook {p} head again and again",
            "{s} bit {p} lip",
            "{p} hand struck {p} forehead",
            "{s} shut {p} eyes and winced",
            "{p} breath came out in a low groan",
        ),
        (
            "went over each step once more",
            "looked for the old list in the bin",
            "tried to take it back at the office",
            "wrote down what to do next time",
            "tore a leaf in small pieces",
        ),
        (
            "If only I had looked twice",
            "I wish I could turn back the clock",
            "How could I be such a fool?",
            "One careless minute, and now this",
            "I should have read it again",
        ),
        (
            "One more look would have been enough.",
            "It could not be undone now.",
            "Why had {s} not been more careful?",
        ),
    ),
    "worried": Reaction(
        (
            "a crease stood between {p} brows",
            "{p} stomach was in a knot",
            "{s} chewed {p} nails",
            "{s} lay awake till three",
            "cold crept up {p} back",
        ),
        (
            "asked everyone for news",
            "made a list of all that could go wrong",
            "tossed and turned in bed",
            "rang {p} sister at midnight",
            "looked for a way out in the papers",
        ),
        (
            "It looks bad for me",
            "What shall I do if it comes to that?",
            "I fear the worst",
            "This will not end well",
            "I keep seeing how it goes wrong",
        ),
        (
            "It was all going the wrong way.",
            "What would become of the plans then?",
            "There was trouble coming, step by step.",
        ),
    ),
    "nervous": Reaction(
        (
            "{p} hands were damp",
            "{p} mouth was dry",
            "{p} heart fluttered",
            "{p} fingers would not keep still",
            "{p} voice came out too high",
        ),
        (
            "dropped the spoon, then the cup",
            "straightened the cups again and again",
            "jumped when the telephone rang",
            "folded and unfolded the note",
            "tied {p} shoes a second time",
        ),
        (
            "What if it is yes, what if it is no?",
            "Do you think they have read it by now?",
            "I cannot get a bite down",
            "Was that the telephone?",
            "It may go this way or that",
        ),
        (
            "It could go either way.",
            "Not to know was the worst of it.",
            "At every sound {p} heart jumped.",
        ),
    ),
    "resigned": Reaction(
        (
            "{s} shrugged slowly",
            "{p} arms hung at {p} sides",
            "{p} face gave nothing away",
            "{s} nodded without a word",
            "{p} hands lay flat on {p} knees",
        ),
        (
            "folded the papers and put them away",
            "stopped asking",
            "did the dishes as on any other day",
            "crossed the day off and turned the page",
            "took off {p} coat and stayed in",
        ),
        (
            "So be it",
            "There is nothing to be done",
            "What must come will come",
            "It is no use fighting it",
            "I have given up on that",
        ),
        (
            "It was no use to struggle.",
            "One could only take it as it came.",
            "Things were as they were.",
        ),
    ),
}
