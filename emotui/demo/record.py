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

STEERED = ("angry", "grateful", "nervous", "proud", "sad", "relieved")


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


def probes(subject: Subject, *, n: int = 2400, seed: int = 71) -> str:
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
    layer = 5
    alphas = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
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
stopped and resumed at steps 1000, 3500, 4000 and 5000, where the plan was changed after a look at
the model so far (see Changes); the plan in one go draws the same batches.
On another kind of CPU the rounding of bfloat16 products differs and so, slightly, will the model.

```json
{plan}
```

## Course

The loss is weighted as the plan says, so its level changes where lessons begin and end.

{course(log)}
## Changes

- Step 1000: the model had read words only (probe at the last token of the facts at or below
  bag-of-words). Lessons came in; with their answers at weight 1 and a quarter of the texts nothing
  was learned in 1,000 steps (that branch was thrown away), with weight 4 and half of the texts the
  answers rose from chance at once.
- Step 3500: answers stood still at the peak rate; at 0.4 of it "Who got it?" went from 0.92 to 0.99
  in 500 steps.
- Step 4000: facts had ended in a whole sentence, and the first word of the reaction was "He" or
  "She" whatever the emotion, so the last token of the facts held little (0.23 at the last layer).
  Since then they end before the verb of the reaction.
- Step 5000: lessons back to a sixth, first tokens of a reaction at weight 4 (0.29 at step 4500,
  0.37 at 5500, 0.44 at 6500, 0.52 at 8000).
- What it does not do well: to tell whose wish was which where only one of the two wanted the thing.
  "Did Mara want it?" is answered right in about 0.83 of all cases, nearly all errors being there.

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
