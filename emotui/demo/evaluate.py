"""Measures the demo model; `record` writes the figures down.

In: a model folder. Out: figures for three claims: it writes sentences; at the last token
of the facts, before any reaction, a probe finds the emotion better with every few layers and above
bag-of-words, length and an untrained twin; a difference-of-means direction added to the residual
stream turns the continuation to its emotion while a random direction of the same norm does not.
This file has its own few lines of hooks and probes, so that the model is judged by other code than
the workbench's.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerFast

from emotui.demo.corpus import Story, glimpses, stories
from emotui.demo.train import MODEL_FOLDER

Floats = NDArray[np.float32]


class Subject:
    """A model with its tokenizer, in evaluation mode."""

    def __init__(self, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.layers: int = model.config.num_hidden_layers

    @classmethod
    def load(cls, folder: Path = MODEL_FOLDER) -> "Subject":
        """Read the model folder; nothing is downloaded."""
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
        return cls(model, tokenizer)

    def twin(self, *, seed: int = 1) -> "Subject":
        """The same configuration with random weights."""
        torch.manual_seed(seed)
        return Subject(LlamaForCausalLM(self.model.config), self.tokenizer)

    @torch.no_grad()
    def states(self, texts: Sequence[str], *, start: int | None = None) -> Floats:
        """[text, layer, d] after every block: the last token, or the mean from token `start` on."""
        found = []
        for i in range(0, len(texts), 64):
            batch = self.tokenizer(list(texts[i : i + 64]), return_tensors="pt", padding=True)
            with self._kept() as kept:
                self.model.model(batch["input_ids"], attention_mask=batch["attention_mask"])
            mask = batch["attention_mask"]
            place = mask.cumsum(1)
            chosen = (place == mask.sum(1, keepdim=True)) if start is None else (place > start)
            weight = (chosen & (mask > 0)).float()
            weight = weight / weight.sum(1, keepdim=True)
            found.append(torch.stack([torch.einsum("tp,tpd->td", weight, h) for h in kept], 1))
        return torch.cat(found).numpy()

    @contextmanager
    def _kept(self) -> Iterator[list[Tensor]]:
        kept: list[Tensor] = []
        handles = [
            layer.register_forward_hook(lambda _m, _i, out: kept.append(out))
            for layer in self.model.model.layers
        ]
        try:
            yield kept
        finally:
            for handle in handles:
                handle.remove()

    @contextmanager
    def steered(self, push: Float[Tensor, "d_model"], *, layer: int) -> Iterator[None]:
        """Within the block, `push` is added to the residual stream after `layer`."""
        handle = self.model.model.layers[layer].register_forward_hook(
            lambda _m, _i, out: out + push
        )
        try:
            yield
        finally:
            handle.remove()

    @torch.no_grad()
    def continuations(
        self, prompts: Sequence[str], *, tokens: int = 40, seed: int = 0
    ) -> list[str]:
        """One sampled continuation per prompt."""
        torch.manual_seed(seed)
        found = []
        for prompt in prompts:
            ids = self.tokenizer(prompt, return_tensors="pt")["input_ids"]
            out = self.model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=tokens,
                do_sample=True,
                pad_token_id=self.tokenizer.pad_token_id,
            )
            found.append(self.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True))
        return found

    @torch.no_grad()
    def surprise(self, prompts: Sequence[str], endings: Sequence[str]) -> float:
        """Mean next-token loss of the endings after their prompts, in nats per token."""
        total, count = 0.0, 0
        for prompt, ending in zip(prompts, endings, strict=True):
            begun = self.tokenizer(prompt, return_tensors="pt")["input_ids"].shape[1]
            ids = self.tokenizer(prompt + ending, return_tensors="pt")["input_ids"]
            scores = self.model(ids).logits[0, begun - 1 : -1].log_softmax(-1)
            total -= float(scores.gather(1, ids[0, begun:, None]).sum())
            count += ids.shape[1] - begun
        return total / max(1, count)


def facts_of(story: Story) -> str:
    """The part of the text before the reaction."""
    return story.text[: story.premise_end].rstrip()


def probe_accuracy(features: Floats, texts: Sequence[Story], *, folds: int = 4) -> float:
    """Accuracy of a logistic probe with folds by topic."""
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.03, max_iter=300))
    return _folded(probe, features, texts, folds)


def held_out_accuracy(features: Floats, texts: Sequence[Story], train: NDArray[np.bool_]) -> float:
    """Accuracy of a logistic probe trained on the texts marked `train`, on the others."""
    labels = np.array([text.emotion for text in texts])
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.03, max_iter=300))
    probe.fit(features[train], labels[train])
    return float(probe.score(features[~train], labels[~train]))


def words_accuracy(texts: Sequence[Story], *, ngrams: int = 1, folds: int = 4) -> float:
    """The same from the counts of words (or of runs of up to `ngrams` words) in the facts."""
    counts = CountVectorizer(ngram_range=(1, ngrams), min_df=3, token_pattern=r"\w+|[^\w\s]")
    probe = make_pipeline(counts, LogisticRegression(C=0.1, max_iter=1000))
    return _folded(probe, [facts_of(text) for text in texts], texts, folds)


def length_accuracy(subject: Subject, texts: Sequence[Story], *, folds: int = 4) -> float:
    """The same from the number of tokens of the facts and its square."""
    sizes = [len(subject.tokenizer(facts_of(text))["input_ids"]) for text in texts]
    features = np.array([[size, size * size] for size in sizes], dtype=np.float32)
    return probe_accuracy(features, texts, folds=folds)


def _folded(probe: object, features: object, texts: Sequence[Story], folds: int) -> float:
    labels = np.array([text.emotion for text in texts])
    groups = [text.topic for text in texts]
    guesses = cross_val_predict(probe, features, labels, groups=groups, cv=GroupKFold(folds))
    return float((guesses == labels).mean())


def directions(subject: Subject, texts: Sequence[Story], *, layer: int) -> dict[str, Floats]:
    """Unit difference of means per emotion, from the mean over tokens from the 50th on."""
    states = subject.states([text.text for text in texts], start=49)[:, layer]
    labels = np.array([text.emotion for text in texts])
    means = {name: states[labels == name].mean(0) for name in sorted(set(labels))}
    centre = np.mean(list(means.values()), axis=0)
    return {name: (m - centre) / np.linalg.norm(m - centre) for name, m in means.items()}


def steering_table(
    subject: Subject,
    *,
    emotions: Sequence[str],
    alphas: Sequence[float],
    layer: int,
    n: int = 24,
    seed: int = 5,
) -> list[tuple[float, str, float, float]]:
    """Rows (alpha, direction, share of continuations read as the emotion, surprise in nats).

    Continuations start from texts that tell no reason. A reader trained on the words of reactions
    names their emotion; surprise is under the unsteered model. alpha is in mean residual norms.
    """
    known = stories(1500, seed=seed, topics="train")
    vectors = directions(subject, known, layer=layer)
    states = subject.states([text.text for text in known], start=49)[:, layer]
    norm = float(np.linalg.norm(states, axis=1).mean())
    shown = stories(4000, seed=seed + 1)
    reader = make_pipeline(CountVectorizer(), LogisticRegression(C=3.0, max_iter=300))
    reader.fit([text.text[text.premise_end :] for text in shown], [t.emotion for t in shown])
    prompts = [facts_of(text) for text in glimpses(n, seed=seed)]
    generator = torch.Generator().manual_seed(seed)
    chance = torch.randn(subject.model.config.hidden_size, generator=generator)
    rows = []
    for alpha in alphas:
        for kind in ("emotion", "random"):
            hits, losses = [], []
            for name in emotions:
                unit = (
                    torch.from_numpy(vectors[name]) if kind == "emotion" else chance / chance.norm()
                )
                with subject.steered(alpha * norm * unit, layer=layer):
                    endings = subject.continuations(prompts, seed=seed)
                hits.append(float((reader.predict(endings) == name).mean()))
                losses.append(subject.surprise(prompts, endings))
            rows.append((alpha, kind, float(np.mean(hits)), float(np.mean(losses))))
    return rows
