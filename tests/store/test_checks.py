"""The dataset check finds what was planted and nothing where nothing was."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from store.checks import check_dataset, cramers_v, eta_squared
from store.datasets import Dataset
from store.duplicates import Groups, NearFinder, jaccard, normalise, same_groups, text_keys
from store.importers import import_dataset
from store.layout import Home
from store.leaks import LeakFinder, label_words
from store.words import split_words

Make = Callable[[list[dict[str, Any]]], Dataset]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def build(rows: list[dict[str, Any]]) -> Dataset:
        source = tmp_path / "rows.jsonl"
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        home = Home(tmp_path / "home")
        keys = rows[0].keys()
        import_dataset(
            home, source, name="d", replace=True,
            label="label" if "label" in keys else None,
            topic="topic" if "topic" in keys else None,
        )  # fmt: skip
        return Dataset.open(home, "d")

    return build


def random_texts(n: int, *, words: int = 40, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(f"w{i}" for i in rng.integers(0, 5000, words)) for _ in range(n)]


def balanced(texts: list[str]) -> list[dict[str, Any]]:
    """Four labels and five topics, each pair equally often."""
    labels = ("sad", "calm", "proud", "bored")
    return [
        {"text": t, "label": labels[i % 4], "topic": f"t{i // 4 % 5}"} for i, t in enumerate(texts)
    ]


def test_clean_data_raises_no_warning(make: Make):
    check = check_dataset(make(balanced(random_texts(2000))))
    assert check.rows == 2000
    assert set(check.labels.values()) == {500}
    assert (check.topics, check.rows_per_topic) == (5, (400, 400))
    assert check.label_topic_v == 0.0
    assert check.empty_cells == 0.0
    assert check.length_eta2 is not None
    # Null: eta squared of unrelated groups is near (labels - 1) / (n - 1).
    assert check.length_eta2 < 0.01
    assert check.near.groups == check.same.groups == 0
    assert check.leak_rate == 0
    assert check.warnings == ()
    json.dumps(check.to_json())


def test_planted_length_confound_and_topic_dependence(make: Make):
    rows = [
        {"text": " ".join(["word"] * (20 + 40 * (i % 2)) + [str(i)]), "label": "ab"[i % 2],
         "topic": f"t{i % 2}"}
        for i in range(400)
    ]  # fmt: skip
    check = check_dataset(make(rows))
    assert check.length_eta2 is not None
    assert check.length_eta2 > 0.95
    assert check.label_topic_v == pytest.approx(1.0, abs=0.01)
    assert any("length" in line for line in check.warnings)
    assert any("Cramer" in line for line in check.warnings)


def test_planted_duplicates(make: Make):
    texts = random_texts(1000)
    texts[500] = "  " + texts[0].upper() + "!!"  # the same but for case and signs
    words = texts[1].split()
    words[20] = "changed"
    texts[501] = " ".join(words)  # one word of forty
    rows = balanced(texts)
    rows[500] |= {"label": rows[0]["label"], "topic": "other"}
    rows[501] |= {"label": "changed", "topic": rows[1]["topic"]}
    check = check_dataset(make(rows))
    assert check.same.examples == ((0, 500),)
    assert (check.same.across_topics, check.same.across_labels) == (2, 0)
    assert set(check.near.examples) == {(0, 500), (1, 501)}
    assert (check.near.redundant, check.near.across_labels) == (2, 2)
    data = make(rows)
    data.exclude([500, 501], reason="duplicate")
    again = check_dataset(data)
    assert (again.rows, again.excluded, again.near.groups) == (998, 2, 0)


@pytest.mark.parametrize(("changed", "found"), [(1, 1.0), (2, 0.97), (12, 0.0)])
def test_near_duplicates_are_found_by_similarity(changed: int, found: float):
    """Of 300 pairs with some of 60 words replaced: nearly all above 0.7, none far below."""
    rng = np.random.default_rng(1)
    texts = random_texts(300, words=60, seed=2)
    copies = []
    for i, text in enumerate(texts):
        words = text.split()
        for at in rng.choice(np.arange(5, 55, 4), changed, replace=False):
            words[at] = f"new{i}x{at}"
        copies.append(" ".join(words))
    everything = texts + copies
    similar = np.mean([jaccard(a, b) >= 0.7 for a, b in zip(texts, copies, strict=True)])
    assert similar == (1.0 if found else 0.0)
    finder = NearFinder()
    for start in range(0, 600, 250):
        finder.add(split_words(pa.array(everything[start : start + 250], pa.large_string())))
    groups, capped = finder.find(everything.__getitem__, Groups((), 0), threshold=0.7)
    pairs = {g for g in groups.groups if len(g) == 2 and g[1] == g[0] + 300}
    assert len(groups.groups) == len(pairs)
    assert len(pairs) / 300 >= found
    assert not capped


def test_batches_do_not_leak_into_each_other():
    """Texts of none, one, two and three words between long ones change no signature."""
    texts = ["", "one", "one two", "one two three", "a b c d e", "", "x y", "one two three"]
    whole, parts = NearFinder(), NearFinder()
    whole.add(split_words(pa.array(texts, pa.large_string())))
    for text in texts:
        parts.add(split_words(pa.array([text], pa.large_string())))
    assert np.array_equal(np.concatenate(whole._parts), np.concatenate(parts._parts))
    groups, _ = whole.find(texts.__getitem__, Groups((), 0), threshold=0.7)
    assert groups.groups == ((3, 7),)


def test_texts_of_signs_only_are_not_all_the_same():
    assert normalise("Héllo,  WORLD!") == "héllo world"
    assert same_groups(text_keys(["😀", "😡", "😀 "])).groups == ((0, 2),)


@pytest.mark.parametrize(
    ("label", "forms"),
    [
        ("furious", "fury furiously"),
        ("proud", "pride proudly"),
        ("depressed", "depression depressing depress"),
        ("panicked", "panic panicking panicky panics"),
        ("anxious", "anxiety anxiously"),
        ("sad", "sadness sadder sadly saddened"),
        ("terrified", "terror terrifying terrify"),
        ("joyful", "joy joyous joyfully"),
        ("frustrated", "frustration frustrating"),
        ("patient", "patience patiently"),
        ("happy", "happiness happily happier"),
        ("disappointment", "disappointed disappointing"),
        ("curiosity", "curious"),
        ("admiration", "admire admired"),
        ("grief-stricken", "grief grieving stricken"),
        ("bored", "boredom boring"),
    ],
)
def test_forms_of_a_label(label: str, forms: str):
    assert set(forms.split()) <= label_words(label)[1]


def test_forms_leave_other_words_alone():
    for label, other in (
        ("hateful", "hat"), ("listless", "list"), ("restless", "rest"), ("grateful", "grate"),
        ("bored", "bor"), ("sad", "saddle"), ("mad", "made"), ("calm", "clam"), ("scared", "scar"),
        ("on edge", "edge"),
    ):  # fmt: skip
        assert other not in label_words(label)[1]
    assert label_words("42") == label_words("😀") == (frozenset(), frozenset())


def test_leaks_are_found_as_words_only():
    labels = ("sad", "at ease", "joyful")
    texts = [
        "She was SAD, then left.", "a saddle", "quite at  ease now", "ease", "joy is near",
        "so much sadness", "at", "", "sad",
    ]  # fmt: skip
    codes = np.array([0, 0, 1, 1, 2, 0, 1, 0, 2])
    words = split_words(pa.array(texts, pa.large_string()))
    named, derived, anyone = LeakFinder(labels).find(words, codes)
    assert np.flatnonzero(named).tolist() == [0, 2]
    assert np.flatnonzero(derived).tolist() == [0, 2, 4, 5]
    assert np.flatnonzero(anyone).tolist() == [0, 2, 4, 5, 8]


def test_planted_leak_rate_and_control_characters(make: Make):
    rows = balanced(random_texts(400))
    for i in (0, 4, 8, 12, 16):  # rows of the label "sad"
        rows[i]["text"] += " with sadness"
    rows[0]["text"] += " sad"
    rows[7]["text"] += "\x1b[31m"
    rows[8]["text"] += "\ttab\nline"
    rows[9]["text"] += "\u202e"
    rows[10]["text"] = "two words"
    check = check_dataset(make(rows))
    (leak,) = (leak for leak in check.leaks if leak.label == "sad")
    assert (leak.n, leak.named, leak.derived, leak.rate) == (100, 1, 5, 0.05)
    assert check.leak_rate == 5 / 400
    assert check.control_examples == (7, 9)
    assert check.very_short == 1
    assert any("1.2% of texts name their own label" in line for line in check.warnings)


def test_unlabelled_data_is_checked_too(make: Make):
    check = check_dataset(make([{"text": t} for t in random_texts(20)]))
    assert (check.unlabelled, check.leaks, check.length_eta2) == (20, (), None)
    assert check.label_topic_v is None
    one = check_dataset(make([{"text": "so it goes", "label": "calm"}]))
    assert any("one label only" in line for line in one.warnings)


def test_balance_statistics_against_known_values():
    assert cramers_v(np.array([[50, 0], [0, 50]])) == pytest.approx(1.0, abs=1e-9)
    assert cramers_v(np.array([[25, 25], [25, 25]])) == 0.0
    rng = np.random.default_rng(0)
    null = [cramers_v(rng.multinomial(300, np.ones(200) / 200).reshape(20, 10)) for _ in range(50)]
    assert np.median([v for v in null if v is not None]) < 0.1  # uncorrected it would be near 0.26
    assert eta_squared(np.array([1, 1, 5, 5]), np.array([0, 0, 3, 3])) == pytest.approx(1.0)
    assert eta_squared(np.array([1, 5, 1, 5]), np.array([0, 0, 1, 1])) == pytest.approx(0.0)
    assert eta_squared(np.array([2, 2]), np.array([0, 1])) is None


@pytest.mark.data
def test_the_real_stories(tmp_path: Path, data_root: Path):
    """Balanced by design; the label's word stands in one text of 3,000; length differs by label."""
    home = Home(tmp_path)
    source = data_root / "emotion_vector_bench" / "corpus" / "stories"
    import_dataset(home, source, name="d", label="emotion", topic="topic")
    check = check_dataset(Dataset.open(home, "d"))
    assert (check.label_topic_v, check.near.groups) == (0.0, 0)
    assert sum(leak.derived for leak in check.leaks) == 1
    assert check.length_eta2 == pytest.approx(0.547, abs=0.001)
