"""Writes the record of the shipped model: `python -m emotui.demo.record`.

In: a model folder with the log of its training. Out: `TRAINING.md` in that folder: the command, the
plan, versions, the course of the loss, and the tables of `evaluate`. This file measures nothing by
itself.
"""

import argparse
import dataclasses
import json
import platform
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tokenizers
import torch
import transformers

from emotui.demo.corpus import EMOTIONS, HELD_OUT_TOPICS, glimpses, stories
from emotui.demo.evaluate import (
    Subject,
    facts_of,
    held_out_accuracy,
    length_accuracy,
    probe_accuracy,
    steering_table,
    words_accuracy,
)
from emotui.demo.train import MODEL_FOLDER, Plan

STEERED = ("angry", "grateful", "nervous", "proud", "sad", "relieved", "envious", "amused")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def course(log: Path) -> str:
    """The loss about twenty times over the run; a resumed run's second entries count."""
    entries = {}
    for line in log.read_text("utf-8").splitlines():
        entry = json.loads(line)
        entries[entry["step"]] = entry
    steps = sorted(entries)
    chosen = [steps[i] for i in np.linspace(0, len(steps) - 1, 20).round().astype(int)]
    rows = [[entries[s][k] for k in ("step", "loss_nats", "tokens", "elapsed_s")] for s in chosen]
    return table(("step", "loss (nats)", "tokens seen", "elapsed (s)"), rows)


def probes(subject: Subject, *, n: int = 3000, seed: int = 71) -> str:
    """Accuracy by layer at the last token of the facts, beside the baselines."""
    texts = stories(n, seed=seed)
    facts = [facts_of(text) for text in texts]
    states, twin = subject.states(facts), subject.twin().states(facts)
    train = [text.topic not in HELD_OUT_TOPICS for text in texts]
    rows: list[list[object]] = []
    for layer in range(subject.layers):
        mine = states[:, layer]
        folded, apart = probe_accuracy(mine, texts), held_out_accuracy(mine, texts, np.array(train))
        rows.append([layer, f"{folded:.3f}", f"{apart:.3f}"])
        if layer in (0, subject.layers // 2, subject.layers - 1):
            rows[-1].append(f"{probe_accuracy(twin[:, layer], texts):.3f}")
        else:
            rows[-1].append("")
    lines = table(("layer", "folds by topic", "held-out topics", "untrained twin"), rows)
    words, pairs = words_accuracy(texts), words_accuracy(texts, ngrams=2)
    return (
        f"{n} stories, {len(EMOTIONS)} emotions "
        f"(chance {1 / len(EMOTIONS):.3f}).\n\n{lines}\n"
        f"Bag-of-words on the same facts {words:.3f}, with pairs of words {pairs:.3f}; "
        f"length only {length_accuracy(subject, texts):.3f}.\n"
    )


def steering(subject: Subject, *, n: int = 32) -> str:
    """What a push along a direction does to continuations of texts that tell no reason."""
    layer = subject.layers // 2
    alphas = (0.0, 0.2, 0.4, 0.6, 0.8, 1.2, 1.6)
    found = steering_table(subject, emotions=STEERED, alphas=alphas, layer=layer, n=n)
    rows = [[a, kind, f"{hits:.2f}", f"{loss:.2f}"] for a, kind, hits, loss in found]
    head = ("alpha", "direction", "read as the emotion", "surprise (nats per token)")
    return (
        f"Layer {layer}; mean over {len(STEERED)} emotions, {n} continuations each; alpha in mean "
        f"residual norms.\n\n{table(head, rows)}"
    )


def samples(subject: Subject, *, n: int = 6, seed: int = 12) -> str:
    """Continuations of facts on held-out topics, and of plain beginnings."""
    texts = [*stories(n, seed=seed, topics="held-out"), *glimpses(2, seed=seed)]
    prompts = [facts_of(text) for text in texts]
    endings = subject.continuations(prompts, tokens=45, seed=seed)
    return "\n".join(
        f"- ({text.emotion if text.kind == 'story' else 'no reason told'}) {prompt} "
        f"**{ending.strip()}**"
        for text, prompt, ending in zip(texts, prompts, endings, strict=True)
    )


def record(folder: Path, *, log: Path) -> str:
    """The whole text of `TRAINING.md`."""
    subject = Subject.load(folder)
    plan = json.dumps(dataclasses.asdict(Plan()), indent=2)
    size = sum(parameter.numel() for parameter in subject.model.parameters())
    versions = (
        f"Python {platform.python_version()}, torch {torch.__version__}, transformers "
        f"{transformers.__version__}, tokenizers {tokenizers.__version__}"
    )
    return f"""# How the demo model was trained

A teaching model: Llama architecture, {size:,} parameters, trained from scratch on the corpus
grammar of this package. It knows this small world and nothing else; real work uses a real model.

Made by `python -m emotui.demo.train` with the default plan, one CPU thread, {versions}. The run was
stopped and resumed from a checkpoint, which draws the same batches as an unbroken one.
On another kind of CPU the rounding of bfloat16 products differs and so, slightly, will the model.

```json
{plan}
```

## Course

The loss is weighted as the plan says, so its level changes where lessons begin and end.

{course(log)}
## Samples

Given text, then **the model's own** at temperature 1 (the emotion in brackets is the true one):

{samples(subject)}

## Probe before the reaction

Logistic probe on the residual stream after each block at the last token of the facts; "held-out
topics" trains on the other topics and tests on those that the model never saw beside an emotion.

{probes(subject)}
## Steering

Difference of means over whole texts, unit norm, added after one block at every token. A reader
trained on the words of reactions names the emotion of each continuation; surprise is the loss of
the continuation under the unsteered model.

{steering(subject)}"""


def main() -> None:
    """Entry point of `python -m emotui.demo.record`."""
    parser = argparse.ArgumentParser(description="Measure the demo model and write TRAINING.md.")
    parser.add_argument("--model", type=Path, default=MODEL_FOLDER)
    parser.add_argument("--log", type=Path, default=MODEL_FOLDER / "train_log.jsonl")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    text = record(arguments.model, log=arguments.log)
    (arguments.model / "TRAINING.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
