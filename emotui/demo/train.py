"""Trains the demo model from scratch on the corpus grammar: `python -m emotui.demo.train`.

In: the flags of `Plan`. Out: a model folder that any tool for Hugging Face models reads
(config.json, model.safetensors in fp32, tokenizer files, generation_config.json) and a log. Every
batch is drawn fresh by seed and the number of steps is fixed, so a plan gives one model on one
machine. Topics held out by the corpus appear in neutral texts only. The loss counts every token of
a reaction and a random share of the others, so that the model learns to write whole stories and is
pushed chiefly to foresee the reaction. Hidden matrices are trained by Muon (Jordan et al. 2024).
"""

import argparse
import dataclasses
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from emotui.demo.corpus import Story, deflections, dialogues, glimpses, lessons, neutral, stories
from emotui.demo.tokenizer import BOS, EOS, PAD, VOCABULARY, save_tokenizer, train_tokenizer

log = logging.getLogger(__name__)
MODEL_FOLDER = Path(__file__).parent / "model"
CONTEXT = 256
Marks = list[float]


@dataclass(frozen=True)
class Plan:
    """Everything that decides the outcome of a training run."""

    steps: int = 9000
    """Optimiser steps."""
    batch: int = 32
    """Texts per step."""
    d_model: int = 128
    layers: int = 8
    d_mlp: int = 384
    d_head: int = 32
    rate: float = 2e-3
    """Peak learning rate of AdamW; Muon's matrices take ten times as much."""
    warmup: int = 200
    """Steps of linear warm-up."""
    plateau: int = 3500
    """Steps at the peak rate; then it drops to `drop` of the peak and falls in a line to nought."""
    drop: float = 0.4
    facts_share: float = 0.15
    """Share of the tokens of facts and neutral texts in the loss; reactions count whole."""
    lessons: tuple[tuple[int, int], ...] = ((1000, 6), (3500, 5), (6000, 2))
    """(step, twelfths): from about this step so many twelfths of the texts are lessons."""
    opened_from: int = 4000
    """From about this step the facts of stories end in the middle of a sentence."""
    answer_weight: float = 4.0
    """Weight of a token of an answer in the loss, beside 1 for a token of a reaction."""
    cut_share: float = 0.67
    """Share of the texts that end `cut_tokens` into the reaction, where most is to be learned."""
    cut_tokens: int = 22
    muon: bool = True
    """Muon for the hidden matrices; otherwise AdamW for everything."""
    bf16: bool = True
    """Matrix products in bfloat16; weights and optimiser stay in fp32."""
    seed: int = 0


def build_model(plan: Plan, *, vocabulary: int = VOCABULARY, seed: int = 0) -> LlamaForCausalLM:
    """The model with random weights; the untrained twin is the same with another seed."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=plan.d_model,
        intermediate_size=plan.d_mlp,
        num_hidden_layers=plan.layers,
        num_attention_heads=plan.d_model // plan.d_head,
        num_key_value_heads=plan.d_model // plan.d_head,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
    )
    return LlamaForCausalLM(config)


def batches(plan: Plan, tokenizer: Tokenizer) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless (ids, weights), each [text, pos]; texts of like length share a batch."""
    group, chunk = 0, plan.batch * 12
    order = torch.Generator().manual_seed(plan.seed)
    while True:
        seed = plan.seed * 1_000_003 + 17 + group
        part = chunk // 12
        opened = group * 12 >= plan.opened_from
        taught = part * _lessons_of(group * 12, plan)
        texts = [
            *stories(chunk - 4 * part - taught, seed=seed, topics="train", opened=opened),
            *lessons(taught, seed=seed, topics="train"),
            *glimpses(part, seed=seed, opened=opened),
            *deflections(part, seed=seed, topics="train"),
            *neutral(part, seed=seed),
            *dialogues(part, seed=seed),
        ]
        cut = (torch.rand(len(texts), generator=order) < plan.cut_share).tolist()
        rows = [
            _row(text, tokenizer, plan, cut=short) for text, short in zip(texts, cut, strict=True)
        ]
        rows.sort(key=lambda row: len(row[0]))
        parts = [
            rows[i : i + plan.batch] for i in range(0, len(rows) - plan.batch // 2, plan.batch)
        ]
        for index in torch.randperm(len(parts), generator=order).tolist():
            yield _pad(parts[index], plan.facts_share, order)
        group += 1


def _lessons_of(step: int, plan: Plan) -> int:
    """Twelfths of the texts that are lessons."""
    return max(((start, share) for start, share in plan.lessons if start <= step), default=(0, 0))[
        1
    ]


def _row(story: Story, tokenizer: Tokenizer, plan: Plan, *, cut: bool) -> tuple[list[int], Marks]:
    """Token ids and the weight of each in the loss; 0 for a token that counts by chance."""
    encoded = tokenizer.encode(story.text)
    ids = [*encoded.ids, 1]
    if story.kind == "lesson":
        answers = story.spans
        told = answers[-1][2]
        weights = [
            plan.answer_weight * any(start < end <= last for _, start, last in answers)
            or float(end > told)
            for _, end in encoded.offsets
        ]
        return ids[:CONTEXT], [*weights, 1.0][:CONTEXT]
    told = story.premise_end if story.kind not in ("neutral", "dialogue") else len(story.text) + 1
    shown = [float(end > told) for _, end in encoded.offsets]
    keep = round(len(shown) - sum(shown)) + plan.cut_tokens if cut and any(shown) else CONTEXT
    return ids[:keep], [*shown, 1.0][:keep]


def _pad(
    rows: list[tuple[list[int], Marks]], share: float, generator: torch.Generator
) -> tuple[Int[Tensor, "text pos"], Float[Tensor, "text pos"]]:
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), longest), 2)
    weights = torch.zeros(len(rows), longest)
    real = torch.zeros(len(rows), longest, dtype=torch.bool)
    for i, (row, marks) in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        weights[i, : len(row)] = torch.tensor(marks)
        real[i, : len(row)] = True
    lucky = real & (torch.rand(weights.shape, generator=generator) < share)
    return ids, torch.where(lucky, weights.clamp(min=1.0), weights)


def loss_of(
    model: LlamaForCausalLM, ids: Int[Tensor, "text pos"], weights: Float[Tensor, "text pos"]
) -> Float[Tensor, ""]:
    """Weighted mean next-token loss, in nats. Padding stands right and weighs nothing."""
    counted = weights[:, 1:] > 0
    hidden = model.model(ids[:, :-1]).last_hidden_state[counted]
    each = torch.nn.functional.cross_entropy(
        model.lm_head(hidden).float(), ids[:, 1:][counted], reduction="none"
    )
    weight = weights[:, 1:][counted]
    return (each * weight).sum() / weight.sum()


def optimisers(model: LlamaForCausalLM, plan: Plan) -> list[torch.optim.Optimizer]:
    """One optimiser for everything, or Muon for the hidden matrices and AdamW for the rest."""
    hidden = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    rest = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    adam = torch.optim.AdamW(
        rest if plan.muon else [*hidden, *rest],
        lr=plan.rate,
        betas=(0.9, 0.98),
        weight_decay=0.01,
        fused=True,
    )
    if not plan.muon:
        return [adam]
    return [torch.optim.Muon(hidden, lr=10 * plan.rate, momentum=0.95, weight_decay=0.01), adam]


def train(plan: Plan, *, folder: Path, threads: int = 1, resume: bool = False) -> LlamaForCausalLM:
    """Run the plan; every 500 steps a usable model and a checkpoint are saved.

    A resumed run draws the same batches as an unbroken one and comes to the same model.
    """
    torch.set_num_threads(threads)
    tokenizer = train_tokenizer(seed=plan.seed)
    assert tuple(tokenizer.token_to_id(t) for t in (BOS, EOS, PAD)) == (0, 1, 2)
    save_tokenizer(tokenizer, folder, context=CONTEXT)
    model = build_model(plan, vocabulary=tokenizer.get_vocab_size(), seed=plan.seed)
    # On short texts plain attention is twice as fast on a CPU as the fused kernel's backward pass.
    model.set_attn_implementation("eager")
    steppers = optimisers(model, plan)
    bases = [stepper.param_groups[0]["lr"] for stepper in steppers]
    source, checkpoint = batches(plan, tokenizer), folder / "checkpoint.pt"
    done, seen, recent, before = 0, 0, 0.0, 0.0
    if resume:
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        for stepper, kept in zip(steppers, state["steppers"], strict=True):
            stepper.load_state_dict(kept)
        done, seen, before = state["step"], state["seen"], state["elapsed_s"]
        for _ in range(done):
            next(source)
    started = time.perf_counter() - before
    with (folder / "train_log.jsonl").open("a" if resume else "w", encoding="utf-8") as lines:
        for step in range(done + 1, plan.steps + 1):
            ids, weights = next(source)
            for stepper, base in zip(steppers, bases, strict=True):
                stepper.param_groups[0]["lr"] = base * _rate(step - 1, plan)
            loss = _step(model, steppers, ids, weights, bf16=plan.bf16)
            seen, recent = seen + int((ids != 2).sum()), recent + loss
            if step % 50 == 0:
                elapsed = round(time.perf_counter() - started, 1)
                entry = {"step": step, "loss_nats": round(recent / 50, 4), "tokens": seen}
                lines.write(json.dumps({**entry, "elapsed_s": elapsed}) + "\n")
                lines.flush()
                recent = 0.0
            if step % 500 == 0 or step == plan.steps:
                save_model(model, folder)
                state = {"step": step, "seen": seen, "elapsed_s": time.perf_counter() - started}
                kept_states = [stepper.state_dict() for stepper in steppers]
                torch.save(
                    {**state, "model": model.state_dict(), "steppers": kept_states}, checkpoint
                )
    return model


def _step(
    model: LlamaForCausalLM,
    steppers: list[torch.optim.Optimizer],
    ids: Tensor,
    weights: Tensor,
    *,
    bf16: bool,
) -> float:
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        loss = loss_of(model, ids, weights)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for stepper in steppers:
        stepper.step()
        stepper.zero_grad()
    return loss.item()


def save_model(model: LlamaForCausalLM, folder: Path) -> None:
    """Write config, fp32 weights and generation settings."""
    model.generation_config = GenerationConfig(
        bos_token_id=0, eos_token_id=1, pad_token_id=2, do_sample=True, max_new_tokens=120
    )
    model.save_pretrained(folder)


def _rate(step: int, plan: Plan) -> float:
    if step < plan.plateau:
        return min(1.0, (step + 1) / plan.warmup)
    return plan.drop * (plan.steps - step) / (plan.steps - plan.plateau)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the demo model from scratch.")
    parser.add_argument("--out", type=Path, default=MODEL_FOLDER)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--resume", action="store_true")
    for field in dataclasses.fields(Plan):
        if isinstance(field.default, tuple):
            continue
        flag = "--" + field.name.replace("_", "-")
        if isinstance(field.default, bool):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=field.default)
        else:
            parser.add_argument(flag, type=type(field.default), default=field.default)
    return parser.parse_args()


def main() -> None:
    """Entry point of `python -m emotui.demo.train`."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    arguments = _arguments()
    names = {field.name for field in dataclasses.fields(Plan)}
    plan = Plan(**{name: value for name, value in vars(arguments).items() if name in names})
    log.info("%s", plan)
    train(plan, folder=arguments.out, threads=arguments.threads, resume=arguments.resume)


if __name__ == "__main__":
    main()
