"""The shipped demo model: it loads offline, writes sentences, and reads more than words."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from transformers import AutoTokenizer, LlamaForCausalLM

from emotui.demo.corpus import Story, deflections, glimpses, stories
from emotui.demo.evaluate import (
    Subject,
    directions,
    facts_of,
    length_accuracy,
    probe_accuracy,
    steering_table,
    words_accuracy,
)
from emotui.demo.reactions import REACTIONS
from emotui.demo.train import MODEL_FOLDER, Plan, train

FILES = (
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "TRAINING.md",
)


@pytest.fixture(scope="session")
def subject() -> Subject:
    torch.set_num_threads(1)
    return Subject.load()


@pytest.fixture(scope="session")
def told(subject: Subject) -> tuple[list[Story], np.ndarray, np.ndarray]:
    """Stories with the last-token states of their facts, in the model and in its twin."""
    texts = stories(1100, seed=31)
    facts = [facts_of(text) for text in texts]
    return texts, subject.states(facts), subject.twin().states(facts)


def test_files_are_there_and_small() -> None:
    assert sum(path.stat().st_size for path in MODEL_FOLDER.iterdir()) <= 12.5e6
    for name in FILES:
        assert (MODEL_FOLDER / name).is_file(), name


def test_weights_are_plain_finite_tensors() -> None:
    with safe_open(str(MODEL_FOLDER / "model.safetensors"), framework="np") as weights:
        for name in weights.keys():  # noqa: SIM118 (safe_open is no mapping)
            assert np.isfinite(weights.get_tensor(name)).all(), name


def test_any_text_has_tokens_with_exact_offsets(subject: Subject) -> None:
    text = "Zoë’s 世界 — I wanted\tthe post.\n"
    encoded = subject.tokenizer(text, return_offsets_mapping=True)
    assert encoded["input_ids"][0] == subject.tokenizer.bos_token_id
    assert subject.tokenizer.decode(encoded["input_ids"], skip_special_tokens=True) == text
    assert max(end for _, end in encoded["offset_mapping"]) == len(text)


def test_texts_have_40_to_150_tokens(subject: Subject) -> None:
    for story in stories(400, seed=9):
        assert 40 <= len(subject.tokenizer(story.text)["input_ids"]) <= 152


def test_words_are_whole_tokens(subject: Subject) -> None:
    texts = [story.text for story in (*stories(200, seed=9), *deflections(50, seed=9))]
    tokens = sum(len(subject.tokenizer(text)["input_ids"]) for text in texts)
    words = sum(len(re.findall(r"\w+|[^\w\s]", text)) for text in texts)
    assert tokens / words < 1.1


def test_it_writes_sentences(subject: Subject) -> None:
    prompts = [facts_of(text) for text in glimpses(12, seed=4)]
    known = {
        word
        for text in (*stories(2500, seed=5), *glimpses(200, seed=5))
        for word in re.findall(r"\w+", text.text)
    }
    good = []
    for ending in subject.continuations(prompts, tokens=30):
        words = re.findall(r"\w+", ending)
        good.append(np.mean([word in known for word in words[:-1]]))
        assert ending.lstrip()[0].islower()
        assert len(set(words)) > 8
    assert np.mean(good) > 0.97


def test_probe_before_the_reaction_beats_words_length_and_twin(
    subject: Subject, told: tuple[list[Story], np.ndarray, np.ndarray]
) -> None:
    texts, states, twin = told
    first, last = (probe_accuracy(states[:, layer], texts) for layer in (0, subject.layers - 2))
    words = words_accuracy(texts)
    assert last > first + 0.1
    assert last > words + 0.05
    assert last > length_accuracy(subject, texts) + 0.3
    assert last > probe_accuracy(twin[:, subject.layers - 2], texts) + 0.2


def test_shuffled_labels_are_not_found(
    told: tuple[list[Story], np.ndarray, np.ndarray],
) -> None:
    texts, states, _ = told
    rng = np.random.default_rng(0)
    order = rng.permutation(len(texts))
    shuffled = [
        Story(t.text, texts[i].emotion, t.topic, t.person, t.premise_end, (), t.kind, None)
        for t, i in zip(texts, order, strict=True)
    ]
    assert probe_accuracy(states[:, 5], shuffled) < 0.08


def test_steering_turns_the_continuation_and_a_random_direction_does_not(
    subject: Subject,
) -> None:
    rows = steering_table(subject, emotions=("angry", "grateful"), alphas=(0.0, 0.6), layer=4, n=12)
    share = {(alpha, kind): hits for alpha, kind, hits, _ in rows}
    assert share[0.6, "emotion"] > share[0.0, "emotion"] + 0.3
    assert share[0.6, "random"] < share[0.0, "random"] + 0.2


def test_directions_are_unit_and_centred(subject: Subject) -> None:
    found = directions(subject, stories(400, seed=8), layer=4)
    assert set(found) == set(REACTIONS)
    assert all(abs(np.linalg.norm(v) - 1) < 1e-5 for v in found.values())


def test_training_is_deterministic_and_resumes_to_the_same_model(tmp_path: Path) -> None:
    plan = Plan(steps=2, batch=6, d_model=32, layers=2, d_mlp=48, d_head=16, plateau=1, warmup=1)
    train(plan, folder=tmp_path / "a")
    train(plan, folder=tmp_path / "b")
    one, two = (LlamaForCausalLM.from_pretrained(tmp_path / x).state_dict() for x in "ab")
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert AutoTokenizer.from_pretrained(tmp_path / "a").pad_token == "<pad>"
    assert json.loads((tmp_path / "a" / "config.json").read_text())["model_type"] == "llama"
