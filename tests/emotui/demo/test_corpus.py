"""The corpus grammar: what it promises about names, lengths, offsets, and independence."""

import json
import re
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline

from emotui.demo.appraisals import CELLS, EMOTIONS, NEGATIVE, NEUTRAL_VALENCE, POSITIVE, emotion_of
from emotui.demo.corpus import (
    HELD_OUT_TOPICS,
    TOPICS,
    TRAIN_TOPICS,
    Story,
    deflections,
    dialogues,
    glimpses,
    neutral,
    stories,
    write_corpus,
)
from emotui.demo.premises import PEOPLE, premise
from emotui.demo.reactions import REACTIONS, reaction_words
from emotui.demo.topics import BY_KEY

STEMS = (
    *("amus", "ang(er|ry)", "asham", "shame", "bitter", "bor(ed|ing)", "envi", "envy", "exasp"),
    *("excit", "grat(e|i)", "guilt", "happ(y|i)", "hope", "hopi", "hurt", "impatien", "nervous"),
    *("nostal", "lov(e|ing)", "proud", "pride", "puzzl", "regret", "reliev", "relief", "resign"),
    *("sadd?(ly|ness|er|est)?\\b", "smug", "suspect", "suspici", "sympath", "triumph", "worr"),
)
NAMED = re.compile(r"\b(" + "|".join(STEMS) + r")", re.IGNORECASE)


@pytest.fixture(scope="module")
def sample() -> list[Story]:
    return stories(5000, seed=11)


def named(text: str) -> list[str]:
    return [match.group(0) for match in NAMED.finditer(text)]


def count(text: str) -> int:
    return len(re.findall(r"\w+|[^\w\s]", text))


def test_enough_emotions_and_topics() -> None:
    assert len(EMOTIONS) >= 24
    assert len(TOPICS) >= 40
    assert set(REACTIONS) == set(EMOTIONS)
    assert set(EMOTIONS) == POSITIVE | NEGATIVE | NEUTRAL_VALENCE
    assert set(TRAIN_TOPICS).isdisjoint(HELD_OUT_TOPICS)
    assert set(TRAIN_TOPICS) | set(HELD_OUT_TOPICS) == set(TOPICS)


def test_no_text_names_an_emotion(sample: list[Story]) -> None:
    everything = [*sample, *deflections(600), *neutral(300), *dialogues(300), *glimpses(300)]
    assert not Counter(word for story in everything for word in named(story.text))


def test_the_name_check_can_fail() -> None:
    assert named("He was angry and Sad, full of regrets; hopeful, lovingly.") != []
    assert named("The saddle was on the crusade.") == []


def test_lengths(sample: list[Story]) -> None:
    for story in (*sample, *neutral(300), *dialogues(300), *glimpses(300)):
        assert 40 <= count(story.text) <= 150, story.text
    for story in deflections(300):
        assert 40 <= count(story.text) <= 180, story.text


def test_premise_end_splits_facts_from_reaction(sample: list[Story]) -> None:
    for story in sample[:500]:
        facts, shown = story.text[: story.premise_end], story.text[story.premise_end :]
        assert re.search(r"(\. |^)[A-Z][a-z ]+ ([A-Z][a-z]+|I) $", facts), facts
        assert shown[0].islower()
        assert count(facts) >= 30
        assert count(shown) >= 5


def test_both_persons_occur(sample: list[Story]) -> None:
    share = np.mean([story.person == "first" for story in sample])
    assert 0.4 < share < 0.5
    for story in sample[:300]:
        first = bool(re.search(r"\b(I|me|my)\b", story.text[: story.premise_end]))
        assert first == (story.person == "first"), story.text


def test_spans_cover_the_turns() -> None:
    for story in (*dialogues(100), *deflections(100)):
        assert len(story.spans) >= 2
        for speaker, start, end in story.spans:
            turn = story.text[start:end]
            assert story.text[:start].endswith(f"{speaker}: ")
            assert turn == turn.strip()
            assert turn[-1] in ".?!"
            assert story.text[end : end + 1] in ("", "\n")


def test_deflections_show_another_emotion() -> None:
    pairs = [("angry", "happy"), ("sad", "proud")]
    for story in deflections(60, pairs=pairs):
        assert (story.emotion, story.displayed) in pairs
        speaker = story.spans[1][0]
        assert story.spans[0][0] != speaker
        lines = {line.split("{")[0][:12] for line in REACTIONS[str(story.displayed)].says}
        for name, start, end in story.spans:
            if name == speaker:
                assert any(story.text[start:end].startswith(line) for line in lines)


def test_deterministic_by_seed() -> None:
    assert stories(50, seed=3) == stories(50, seed=3)
    assert stories(50, seed=3) != stories(50, seed=4)
    assert deflections(20, seed=3) == deflections(20, seed=3)
    assert neutral(20, seed=3) == neutral(20, seed=3)
    assert dialogues(20, seed=3) == dialogues(20, seed=3)


def test_held_out_topics_are_kept_apart() -> None:
    assert {story.topic for story in stories(400, topics="train")} <= set(TRAIN_TOPICS)
    assert {story.topic for story in stories(400, topics="held-out")} == set(HELD_OUT_TOPICS)


def test_emotion_topic_and_length_are_independent(sample: list[Story]) -> None:
    assert abs(topic_z(sample)) < 3
    assert length_share(sample) < 0.03


def test_planted_confounds_are_there() -> None:
    leaky = stories(5000, seed=11, topic_leak=0.5)
    assert topic_z(leaky) > 20
    long = stories(5000, seed=11, length_confound=0.9)
    assert length_share(long) > 0.5
    assert {story.emotion for story in leaky} == set(EMOTIONS)


def topic_z(sample: list[Story]) -> float:
    """Chi-square of the emotion x topic table, as a z score."""
    rows = {name: i for i, name in enumerate(EMOTIONS)}
    columns = {name: i for i, name in enumerate(TOPICS)}
    table = np.zeros((len(rows), len(columns)))
    for story in sample:
        table[rows[story.emotion], columns[story.topic]] += 1
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / table.sum()
    freedom = (len(rows) - 1) * (len(columns) - 1)
    return float((((table - expected) ** 2 / expected).sum() - freedom) / np.sqrt(2 * freedom))


def length_share(sample: list[Story]) -> float:
    """Share of the variance of length that the emotion explains (eta squared)."""
    sizes = np.array([count(story.text) for story in sample], dtype=float)
    labels = np.array([story.emotion for story in sample])
    means = np.array([sizes[labels == label].mean() for label in labels])
    return float(means.var() / sizes.var())


def test_same_words_in_another_order_mean_another_emotion() -> None:
    mara, tom = (next(p for p in PEOPLE if p.name == name) for name in ("Mara", "Tom"))
    topic, rng = BY_KEY["library"], Random(0)
    seen: dict[tuple[str, ...], set[str]] = {}
    for _ in range(6000):
        emotion = rng.choice(EMOTIONS)
        facts = premise(rng.choice(CELLS[emotion]), mara, tom, topic=topic, rng=rng)
        words = tuple(sorted(re.findall(r"\w+|[^\w\s]", " ".join(facts).lower())))
        seen.setdefault(words, set()).add(emotion)
    twins = [emotions for emotions in seen.values() if len(emotions) > 1]
    assert len(twins) > 20


def test_swapping_the_roles_changes_the_emotion() -> None:
    changed = total = 0
    for emotion, cells in CELLS.items():
        for facts in cells:
            turned = type(facts)(
                facts.other_wants,
                facts.self_wants,
                facts.receiver,
                facts.cause,
                facts.meant,
                facts.friends,
                facts.status,
            )
            total += 1
            changed += emotion_of(turned) != emotion
    assert changed / total > 0.4


def test_words_of_the_facts_tell_little_of_the_emotion(sample: list[Story]) -> None:
    facts = [story.text[: story.premise_end] for story in sample[:2500]]
    labels = [story.emotion for story in sample[:2500]]
    groups = [story.topic for story in sample[:2500]]
    probe = make_pipeline(CountVectorizer(min_df=3), LogisticRegression(C=0.05, max_iter=2000))
    score = cross_val_score(probe, facts, labels, groups=groups, cv=GroupKFold(3)).mean()
    assert 2 / len(EMOTIONS) < score < 0.5


def test_words_of_the_reaction_tell_the_emotion(sample: list[Story]) -> None:
    right = 0
    for story in sample[:300]:
        words = set(re.findall(r"[a-z]{3,}", story.text[story.premise_end :].lower()))
        scores = {name: len(words & reaction_words(name)) for name in EMOTIONS}
        right += max(scores, key=lambda name: scores[name]) == story.emotion
    assert right / 300 > 0.9


def test_written_corpus_holds_everything(tmp_path: Path) -> None:
    paths = write_corpus(tmp_path / "corpus", n=80, seed=2)
    assert [path.stem for path in paths] == ["stories", "neutral", "dialogues", "deflections"]
    rows = [json.loads(line) for line in paths[0].read_text("utf-8").splitlines()]
    assert [row["text"] for row in rows] == [story.text for story in stories(80, seed=2)]
    assert set(rows[0]) == {
        "text", "label", "topic", "person", "kind", "displayed", "premise_end", "spans",
    }  # fmt: skip
    turns = [json.loads(line) for line in paths[3].read_text("utf-8").splitlines()]
    made = deflections(len(turns), seed=2)
    for turn, story in zip(turns, made, strict=True):
        assert {name for name, _, _ in turn["spans"]} == {"guest", "masking"}
        masking = {start for name, start, _ in turn["spans"] if name == "masking"}
        assert masking == {start for _, start, _ in story.spans[1::2]}
        assert len({name for name, _, _ in story.spans[1::2]}) == 1
