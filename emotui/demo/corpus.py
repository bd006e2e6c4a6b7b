"""The corpus grammar: stories, neutral texts and dialogues with known truth, drawn by seed.

In: how many texts, a seed, which topics, and how strongly to plant a confound. Out: `Story`
objects, or JSONL files. Emotion, topic, person and length are drawn independently;
`length_confound` and `topic_leak` break that on purpose, as a positive control for audits. This
file knows no model; it counts tokens as words and marks, which the package's tokenizer follows
closely.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

from emotui.demo.appraisals import CELLS, EMOTIONS
from emotui.demo.everyday import FILLERS, exchanges, neutral_sentences
from emotui.demo.premises import FIRST_PERSON, PEOPLE, Person, opening, pivot, premise
from emotui.demo.questions import questions
from emotui.demo.reactions import capital, line_of, opened_reaction, reaction
from emotui.demo.topics import BY_KEY, HELD_OUT_TOPICS, TOPICS, TRAIN_TOPICS, Topic

__all__ = [
    "EMOTIONS", "HELD_OUT_TOPICS", "TOPICS", "TRAIN_TOPICS", "Story",
    "deflections", "dialogues", "glimpses", "neutral", "stories", "write_corpus",
]  # fmt: skip

TopicChoice = Literal["all", "train", "held-out"]
NEUTRAL = "neutral"
NO_TOPIC = "none"
_TOKENS = re.compile(r"\w+|[^\w\s]")
_LENGTHS = (80, 138)
"""Range of the length drawn for a text, in words and marks."""


@dataclass(frozen=True)
class Story:
    """One text and everything that is known about it."""

    text: str
    emotion: str
    """One of `EMOTIONS`, or "neutral"."""
    topic: str
    """One of `TOPICS`, or "none" in a glimpse."""
    person: str
    """ "first" or "third"."""
    premise_end: int
    """Character offset where the facts end and the reaction begins; 0 in neutral texts."""
    spans: tuple[tuple[str, int, int], ...]
    """Speaker, first and last (exclusive) character of each turn; in a lesson, of each answer."""
    kind: str
    """ "story", "glimpse", "lesson", "neutral", "dialogue" or "deflection"."""
    displayed: str | None
    """In a deflection, the emotion that is shown in place of `emotion`; otherwise None."""


def stories(
    n: int,
    *,
    seed: int = 0,
    topics: TopicChoice = "all",
    length_confound: float = 0.0,
    topic_leak: float = 0.0,
    long: Sequence[str] = (),
    opened: bool = True,
) -> list[Story]:
    """`n` stories.

    The facts end in the middle of a sentence ("That evening Mara") and the reaction begins with
    its verb, so that whatever shows must be settled there; without `opened` they end with a whole
    sentence.

    With probability `length_confound` a text's length follows its emotion's place in the alphabet,
    or, where emotions are named as `long`, theirs are long and all others short; with probability
    `topic_leak` its topic comes from the two topics tied to its emotion.
    """
    rng, pool = Random(f"stories-{seed}"), _pool(topics)
    found = []
    for _ in range(n):
        emotion = rng.choice(EMOTIONS)
        rank = EMOTIONS.index(emotion)
        topic, target = rng.choice(pool), rng.randint(*_LENGTHS)
        if rng.random() < topic_leak:
            topic = pool[(2 * rank + rng.randrange(2)) % len(pool)]
        if rng.random() < length_confound:
            target = _tied_length(emotion, long)
        found.append(_story(emotion, BY_KEY[topic], target=target, opened=opened, rng=rng))
    return found


def _tied_length(emotion: str, long: Sequence[str]) -> int:
    low, high = _LENGTHS
    if long:
        return high if emotion in long else low
    return low + round((high - low) * EMOTIONS.index(emotion) / (len(EMOTIONS) - 1))


def lessons(n: int, *, seed: int = 0, topics: TopicChoice = "all") -> list[Story]:
    """`n` stories with questions about the facts, and their answers, before the reaction."""
    rng, pool = Random(f"lessons-{seed}"), _pool(topics)
    found = []
    for _ in range(n):
        emotion, topic = rng.choice(EMOTIONS), BY_KEY[rng.choice(pool)]
        focus, other, person = _people(rng)
        facts = rng.choice(CELLS[emotion])
        told = premise(facts, focus, other, topic=topic, rng=rng)
        start = " ".join(capital(sentence) for sentence in told)
        text, spans = start, []
        for question, answer in questions(facts, focus, other, rng=rng):
            text += f" {question} {answer}"
            spans.append(("answer", len(text) - len(answer), len(text)))
        text = " ".join((text, *reaction(emotion, focus, other, rng=rng)[: rng.randint(0, 1)]))
        found.append(
            Story(text, emotion, topic.key, person, len(start) + 1, tuple(spans), "lesson", None)
        )
    return found


def glimpses(n: int, *, seed: int = 0, opened: bool = True) -> list[Story]:
    """`n` short texts that show an emotion whose reason is not told: starts to steer from."""
    rng = Random(f"glimpses-{seed}")
    found = []
    for _ in range(n):
        emotion, target = rng.choice(EMOTIONS), rng.randint(48, 100)
        focus, other, person = _people(rng)
        turn = opening if opened else pivot
        react = opened_reaction if opened else reaction
        start = f"{other.name} and {focus.name} knew each other. {turn(focus, rng=rng)}"
        rest = _fit(react(emotion, focus, other, rng=rng), target - _count(start))
        text = " ".join((start, *rest))
        found.append(Story(text, emotion, NO_TOPIC, person, len(start) + 1, (), "glimpse", None))
    return found


def neutral(n: int, *, seed: int = 0, topics: TopicChoice = "all") -> list[Story]:
    """`n` neutral stories: the same people and topics, nothing wanted and nothing felt."""
    rng, pool = Random(f"neutral-{seed}"), _pool(topics)
    found = []
    for _ in range(n):
        topic, target = BY_KEY[rng.choice(pool)], rng.randint(*_LENGTHS)
        one, two, person = _people(rng)
        if rng.random() < 0.5:
            one, two = two, one
        sentences = neutral_sentences(one, two, topic=topic, rng=rng)
        kept = [sentences[0], *_fit(sentences[1:], target - _count(sentences[0]))]
        text = " ".join(capital(sentence) for sentence in kept)
        found.append(Story(text, NEUTRAL, topic.key, person, 0, (), "neutral", None))
    return found


def dialogues(n: int, *, seed: int = 0, topics: TopicChoice = "all") -> list[Story]:
    """`n` neutral Human/Assistant dialogues of two to five exchanges on practical subjects."""
    rng, pool = Random(f"dialogues-{seed}"), _pool(topics)
    found = []
    for _ in range(n):
        topic = BY_KEY[rng.choice(pool)]
        turns = []
        for question, answer in exchanges(rng.randint(2, 5), topic=topic, rng=rng):
            turns += [("Human", question), ("Assistant", answer)]
        while sum(_count(line) + 2 for _, line in turns) > _LENGTHS[1]:
            turns = turns[:-2]
        text, spans = _script("", turns)
        found.append(Story(text, NEUTRAL, topic.key, "third", 0, spans, "dialogue", None))
    return [story for story in found if _count(story.text) >= 40] or found


def deflections(
    n: int,
    *,
    seed: int = 0,
    topics: TopicChoice = "all",
    pairs: Sequence[tuple[str, str]] | None = None,
) -> list[Story]:
    """`n` dialogues whose first speaker feels one emotion and shows another.

    The facts are told first (up to `premise_end`), then come the turns, then what shows when nobody
    looks. `pairs` restricts the (felt, displayed) pairs; by default both are drawn freely.
    """
    rng, pool = Random(f"deflections-{seed}"), _pool(topics)
    found = []
    for _ in range(n):
        felt, shown = rng.choice(pairs) if pairs else rng.sample(EMOTIONS, 2)
        found.append(_deflection(felt, shown, BY_KEY[rng.choice(pool)], rng=rng))
    return found


def write_corpus(
    folder: Path,
    *,
    n: int = 2000,
    seed: int = 0,
    topics: TopicChoice = "all",
    length_confound: float = 0.0,
    topic_leak: float = 0.0,
    long: Sequence[str] = (),
) -> list[Path]:
    """Write stories, neutral texts, dialogues and deflections as JSONL; returns the four paths."""
    folder.mkdir(parents=True, exist_ok=True)
    sets = {
        "stories": stories(
            n,
            seed=seed,
            topics=topics,
            length_confound=length_confound,
            topic_leak=topic_leak,
            long=long,
        ),
        "neutral": neutral(max(1, n // 8), seed=seed, topics=topics),
        "dialogues": dialogues(max(1, n // 8), seed=seed, topics=topics),
        "deflections": deflections(max(1, n // 4), seed=seed, topics=topics),
    }
    paths = []
    for name, rows in sets.items():
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row(story)) + "\n" for story in rows), encoding="utf-8")
        paths.append(path)
    return paths


def row(story: Story) -> dict[str, object]:
    """One line of a corpus file."""
    return {
        "text": story.text,
        "label": story.emotion,
        "topic": story.topic,
        "person": story.person,
        "kind": story.kind,
        "displayed": story.displayed,
        "premise_end": story.premise_end,
        "spans": [[name, start, stop] for name, start, stop in _by_role(story)],
    }


def _by_role(story: Story) -> Iterator[tuple[str, int, int]]:
    """The spans; in a deflection called "guest" (who speaks first) and "masking" by role.

    Names change from text to text; deflection vectors are means over the masking speaker's turns.
    """
    for name, start, stop in story.spans:
        if story.kind == "deflection":
            name = "guest" if name == story.spans[0][0] else "masking"
        yield name, start, stop


def _story(emotion: str, topic: Topic, *, target: int, opened: bool, rng: Random) -> Story:
    focus, other, person = _people(rng)
    facts = premise(rng.choice(CELLS[emotion]), focus, other, topic=topic, rng=rng)
    if rng.random() < 0.3:
        facts.insert(rng.randrange(len(facts)), rng.choice((*topic.details, *FILLERS)))
    if opened:
        facts[-1] = opening(focus, rng=rng)
    start = " ".join(capital(sentence) for sentence in facts)
    react = opened_reaction if opened else reaction
    shown = react(emotion, focus, other, rng=rng)
    shown[2:2] = rng.sample(FILLERS, rng.randint(0, 1))
    rest = _fit(shown, max(12, target - _count(start)))
    return Story(
        " ".join((start, *rest)), emotion, topic.key, person, len(start) + 1, (), "story", None
    )


def _deflection(felt: str, shown: str, topic: Topic, *, rng: Random) -> Story:
    focus = rng.choice(PEOPLE)
    other, guest = rng.sample([one for one in PEOPLE if one is not focus], 2)
    facts = premise(rng.choice(CELLS[felt]), focus, other, topic=topic, rng=rng)
    arrival = rng.choice(_ARRIVALS).format(G=guest.name, F=focus.name, f=focus.he, fp=focus.his)
    start = " ".join(capital(sentence) for sentence in (*facts, arrival)) + "\n"
    turns = []
    for question in rng.sample(_QUESTIONS, rng.randint(1, 2)):
        turns.append((guest.name, question.format(O=other.obj)))
        turns.append((focus.name, line_of(shown, other, rng=rng)))
    text, spans = _script(start, turns)
    alone = rng.choice(_ALONE).format(G=guest.name)
    truth = [s for s in reaction(felt, focus, other, rng=rng) if '"' not in s][:2]
    text += "\n" + " ".join((alone, *truth))
    return Story(text, felt, topic.key, "third", len(start), spans, "deflection", shown)


_ARRIVALS = (
    "{G} came in and asked about it, and {F} let nothing show.",
    "When {G} came by, {F} kept {fp} feelings to {fp} own heart.",
    "{G} was at the door, and {F} put on another face.",
)
_QUESTIONS = (
    "Have you heard about the list?",
    "And what do you say to it?",
    "How are you and {O} these days?",
    "What is new?",
)
_ALONE = (
    "Then {G} left.",
    "When {G} was gone, the house was quiet.",
    "Then the door closed behind {G}.",
)


def _script(
    start: str, turns: Sequence[tuple[str, str]]
) -> tuple[str, tuple[tuple[str, int, int], ...]]:
    text, spans = start, []
    for i, (speaker, line) in enumerate(turns):
        text += ("\n" if i else "") + f"{speaker}: "
        spans.append((speaker, len(text), len(text) + len(line)))
        text += line
    return text, tuple(spans)


def _people(rng: Random) -> tuple[Person, Person, str]:
    if rng.random() < 0.45:
        return FIRST_PERSON, rng.choice(PEOPLE), "first"
    focus, other = rng.sample(PEOPLE, 2)
    return focus, other, "third"


def _fit(sentences: Sequence[str], budget: int) -> Iterator[str]:
    """The first sentences whose total comes nearest to `budget` tokens, at least one."""
    total = 0
    for i, sentence in enumerate(sentences):
        size = _count(sentence)
        if i and total + size / 2 > budget:
            return
        total += size
        yield sentence


def _count(text: str) -> int:
    return len(_TOKENS.findall(text))


def _pool(topics: TopicChoice) -> tuple[str, ...]:
    return {"all": TOPICS, "train": TRAIN_TOPICS, "held-out": HELD_OUT_TOPICS}[topics]
