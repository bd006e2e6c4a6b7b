"""What the stories are about: things that can go to one person or to another.

In: nothing. Out: `TOPICS`, each with a long and a short name and plain sentences about it, and
`HELD_OUT_TOPICS`, which the model sees in neutral text only. Every topic is something one person
may want and the next may wish to be spared, so a topic says nothing about an emotion. This file
knows no emotion, no person and no text layout.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """One thing to be handed out."""

    key: str
    """Short identifier, unique; the `topic` column of the corpus."""
    long: str
    """The thing as it is first named, such as "the post at the library"."""
    short: str
    """The thing when it is named again, such as "the post"."""
    details: tuple[str, ...]
    """Plain sentences that fit any story about it."""


def _topic(key: str, long: str, short: str, *details: str) -> Topic:
    return Topic(key, long, short, details)


_ALL = (
    _topic(
        "library",
        "the post at the library",
        "the post",
        "The library opened at nine.",
        "The new shelves were made of oak.",
    ),
    _topic(
        "bakery",
        "the night shift at the bakery",
        "the shift",
        "The ovens were lit at two.",
        "The flour came on Tuesdays.",
    ),
    _topic(
        "play",
        "the narrator's part in the play",
        "the part",
        "The play had four acts.",
        "The curtain was made of green cloth.",
    ),
    _topic(
        "stairs",
        "the room by the stairs",
        "the room",
        "The stairs had been painted white.",
        "The room had one window.",
    ),
    _topic(
        "council",
        "the seat on the council",
        "the seat",
        "The council met on Mondays.",
        "The minutes were kept in a blue folder.",
    ),
    _topic(
        "choir",
        "the solo in the choir",
        "the solo",
        "The choir sang in the old chapel.",
        "The organ had been tuned in spring.",
    ),
    _topic(
        "ferry",
        "the early watch on the ferry",
        "the watch",
        "The ferry crossed six times a day.",
        "The ropes lay coiled on the deck.",
    ),
    _topic(
        "market",
        "the stall by the market gate",
        "the stall",
        "The market opened at six.",
        "The awnings were striped.",
    ),
    _topic(
        "north",
        "the trip to the north",
        "the trip",
        "The train to the north took nine hours.",
        "The map hung beside the door.",
    ),
    _topic(
        "dog",
        "the dog from the shelter",
        "the dog",
        "The dog had brown ears.",
        "The shelter stood behind the mill.",
    ),
    _topic(
        "tower",
        "the office on the top floor",
        "the office",
        "The lift stopped at every floor.",
        "The carpets were grey.",
    ),
    _topic(
        "van",
        "the old van of the firm",
        "the van",
        "The van stood in the yard.",
        "The engine had been changed in May.",
    ),
    _topic(
        "museum",
        "the talk at the museum",
        "the talk",
        "The museum had two wings.",
        "The talk was set for eight.",
    ),
    _topic(
        "beginners",
        "the class of beginners",
        "the class",
        "The class met in room twelve.",
        "The benches stood in three rows.",
    ),
    _topic(
        "desk",
        "the desk by the door",
        "the desk",
        "The desk had four drawers.",
        "The lamp came from the cellar.",
    ),
    _topic(
        "plot",
        "the garden plot by the river",
        "the plot",
        "The river was low.",
        "The beds were edged with stone.",
    ),
    _topic(
        "boat",
        "the place in the first boat",
        "the place",
        "The boats lay upside down on the bank.",
        "The oars had been counted.",
    ),
    _topic(
        "mail",
        "the mail route through the hills",
        "the route",
        "The route had forty houses.",
        "The bags were sorted at five.",
    ),
    _topic(
        "hall",
        "the keys to the village hall",
        "the keys",
        "The hall held two hundred chairs.",
        "The keys hung on a brass ring.",
    ),
    _topic(
        "piano",
        "the piano of the old aunt",
        "the piano",
        "The piano stood in the front room.",
        "The lid had a scratch.",
    ),
    _topic(
        "flat",
        "the flat above the shop",
        "the flat",
        "The shop sold paper and ink.",
        "The flat had a narrow kitchen.",
    ),
    _topic(
        "island",
        "the lighthouse job on the island",
        "the job",
        "The boat to the island ran on Sundays.",
        "The lamp was cleaned each morning.",
    ),
    _topic(
        "paper",
        "the interview with the newspaper",
        "the interview",
        "The newspaper came out on Thursdays.",
        "The page had three columns.",
    ),
    _topic(
        "goal",
        "the keeper's place in the team",
        "the place",
        "The team trained behind the school.",
        "The nets were new.",
    ),
    _topic(
        "report",
        "the long report for the bank",
        "the report",
        "The report had nine chapters.",
        "The bank stood on the corner.",
    ),
    _topic(
        "bees",
        "the bees from the orchard",
        "the bees",
        "The hives were painted yellow.",
        "The orchard had eighty trees.",
    ),
    _topic(
        "tables",
        "the tables on the terrace",
        "the tables",
        "The terrace looked over the square.",
        "The menus were printed on card.",
    ),
    _topic(
        "letters",
        "the translation of the letters",
        "the translation",
        "The letters were kept in a tin.",
        "The ink had turned brown.",
    ),
    _topic(
        "wedding",
        "the camera at the wedding",
        "the camera",
        "The wedding was in June.",
        "The tent had white poles.",
    ),
    _topic(
        "bunk",
        "the upper bunk in the hut",
        "the bunk",
        "The hut had one stove.",
        "The blankets were folded on the bench.",
    ),
    _topic(
        "coast",
        "the transfer to the coast",
        "the transfer",
        "The coast was four hours away.",
        "The harbour office had a flat roof.",
    ),
    _topic(
        "club",
        "the chair of the chess club",
        "the chair",
        "The club met in the cellar.",
        "The boards were numbered.",
    ),
    _topic(
        "farm",
        "the harvest week at the farm",
        "the week",
        "The farm had two barns.",
        "The tractor was red.",
    ),
    _topic(
        "loom",
        "the big loom in the workshop",
        "the loom",
        "The workshop faced the canal.",
        "The wool lay sorted by colour.",
    ),
    _topic(
        "ward",
        "the ward on the second floor",
        "the ward",
        "The ward had sixteen beds.",
        "The charts were changed at noon.",
    ),
    _topic(
        "tour",
        "the morning tour of the castle",
        "the tour",
        "The castle had a dry moat.",
        "The tour took an hour.",
    ),
    _topic(
        "crane",
        "the crane on the east dock",
        "the crane",
        "The dock was paved with stone.",
        "The crane had a glass cabin.",
    ),
    _topic(
        "cat",
        "the cat of the neighbours",
        "the cat",
        "The cat had a white paw.",
        "The neighbours had a low fence.",
    ),
    _topic(
        "horse",
        "the young horse in the stable",
        "the horse",
        "The stable had six boxes.",
        "The saddle hung on a hook.",
    ),
    _topic(
        "relay",
        "the last leg of the relay",
        "the last leg",
        "The track had eight lanes.",
        "The relay was run on Saturday.",
    ),
    _topic(
        "lights",
        "the stage lights for the show",
        "the lights",
        "The show ran for five nights.",
        "The cables were marked with tape.",
    ),
    _topic(
        "watch",
        "the fire watch in the forest",
        "the watch",
        "The forest began behind the road.",
        "The cabin had a radio.",
    ),
    _topic(
        "records",
        "the box of old records",
        "the box",
        "The box stood under the bed.",
        "The covers were made of card.",
    ),
    _topic(
        "radio",
        "the evening hour on the radio",
        "the hour",
        "The studio had no window.",
        "The hour began at seven.",
    ),
    _topic(
        "exam",
        "the desk duty at the exam",
        "the duty",
        "The exam lasted three hours.",
        "The papers were handed out in rows.",
    ),
    _topic(
        "bridge",
        "the survey of the bridge",
        "the survey",
        "The bridge had five arches.",
        "The traffic was counted by hand.",
    ),
    _topic(
        "kitchen",
        "the big kitchen of the inn",
        "the kitchen",
        "The inn had a slate roof.",
        "The pots hung over the stove.",
    ),
    _topic(
        "clock",
        "the care of the tower clock",
        "the clock",
        "The clock struck every quarter.",
        "The weights were wound on Fridays.",
    ),
)

TOPICS: tuple[str, ...] = tuple(topic.key for topic in _ALL)
"""All topic keys, 48 of them."""

BY_KEY: dict[str, Topic] = {topic.key: topic for topic in _ALL}

HELD_OUT_TOPICS: tuple[str, ...] = (
    "ferry",
    "dog",
    "piano",
    "paper",
    "letters",
    "club",
    "horse",
    "bridge",
)
"""Topics that the model met in neutral text only, never beside an emotion."""

TRAIN_TOPICS: tuple[str, ...] = tuple(key for key in TOPICS if key not in HELD_OUT_TOPICS)
