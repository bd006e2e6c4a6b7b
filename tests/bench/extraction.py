"""How fast extraction is beside the bare body and beside what most replications do.

    python -m tests.bench.extraction [--model DIR] [--rounds 5] [--texts 256]

Without --model a random eight-layer Llama is built. The rows run interleaved, round after round,
and the medians are printed as a Markdown table, then the peak memory over 2,000 and 20,000 short
texts, each in a process of its own. `tests.bench.gpu` uses the same table on a CUDA device.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from tests.vectors.conftest import PROSE, small_tokenizer
from vectors import batches_by_length, collate, encode, extract, load_model, plan_extraction
from vectors.models import LanguageModel, wrap_model

BUDGET = {"cpu": 2048, "cuda": 32768}
"""Tokens of one batch: what the engine takes on that device."""
POOLINGS = ("mean50", "mean", "last")


class Texts(Sequence[str]):
    """Text i of `n`, made when asked for: shuffled words of our prose, 30 to 230 of them."""

    def __init__(self, n: int, words: tuple[int, int]) -> None:
        self.n, self.words, self.pool = n, words, " ".join(PROSE).split()

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(self.n))]
        rng = np.random.default_rng(at)
        return " ".join(rng.choice(self.pool, size=rng.integers(*self.words)))


def build_model(folder: str | None, *, n_layers: int = 8, d_model: int = 256) -> LanguageModel:
    """The model in `folder`, or a random Llama."""
    if folder is not None:
        return load_model(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=8192,
        hidden_size=d_model,
        num_hidden_layers=n_layers,
        num_attention_heads=8,
        intermediate_size=d_model * 8 // 3,
        max_position_embeddings=1024,
    )
    hf = transformers.AutoModelForCausalLM.from_config(config)
    return wrap_model(
        hf, small_tokenizer(adds_bos=True), source=f"random Llama {n_layers} x {d_model}"
    )


def measure_speed(model: LanguageModel, n_texts: int, rounds: int) -> str:
    """Median seconds of each way to read the same texts, as a Markdown table."""
    texts = Texts(n_texts, (30, 100))[:]
    encodings = encode(model, texts)
    n_tokens = sum(len(e.ids) for e in encodings)
    budget = BUDGET[model.device.type]
    groups = batches_by_length([len(e.ids) for e in encodings], token_budget=budget)
    batches = [
        collate([encodings[i] for i in g], pad_id=model.pad_id, device=model.device) for g in groups
    ]
    last, half = model.info.n_layers - 1, model.info.n_layers // 2 - 1

    def body() -> None:
        with torch.inference_mode():
            for b in batches:
                model.body(
                    input_ids=b.ids,
                    attention_mask=b.mask,
                    position_ids=b.positions,
                    use_cache=False,
                )

    def pooled(layers: Sequence[int] | None) -> Callable[[], None]:
        plan = plan_extraction(model, layers=layers, poolings=POOLINGS)

        def run() -> None:
            for _ in extract(model, texts, plan, token_budget=budget):
                pass

        return run

    def hidden_states() -> None:
        with torch.inference_mode():
            for i in range(0, len(encodings), 16):
                b = collate(encodings[i : i + 16], pad_id=model.pad_id, device=model.device)
                out = model.hf(
                    input_ids=b.ids,
                    attention_mask=b.mask,
                    use_cache=False,
                    output_hidden_states=True,
                )
                weight = b.mask[..., None] / b.mask.sum(1)[:, None, None]
                torch.stack([(h * weight).sum(1) for h in out.hidden_states[1:]]).float().cpu()

    ways = {
        "bare body forward, same batches": body,
        f"extract, {len(POOLINGS)} poolings, all layers": pooled(None),
        f"extract, layer {last} only": pooled([last]),
        f"extract, layers 0-{half} (stops there)": pooled(range(half + 1)),
        "full model, output_hidden_states, dataset order, 1 pooling": hidden_states,
    }
    # CPU seconds on a CPU: other programs on the machine then change them little.
    clock = time.process_time if model.device.type == "cpu" else time.perf_counter
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for run in ways.values():
        run()
    for _ in range(rounds):
        for name, run in ways.items():
            if model.device.type == "cuda":
                torch.cuda.synchronize()
            start = clock()
            run()
            if model.device.type == "cuda":
                torch.cuda.synchronize()
            seconds[name].append(clock() - start)
    floor = statistics.median(seconds["bare body forward, same batches"])
    padded = sum(b.ids.numel() for b in batches) / n_tokens
    lines = [
        f"{model.info.source}: {n_texts} texts, {n_tokens} tokens, padding {padded - 1:.1%}, "
        f"median of {rounds}, {torch.get_num_threads()} thread(s), {model.info.device}, "
        f"{'CPU' if clock is time.process_time else 'wall'} seconds",
        "",
        "| way | s | tokens/s | speed, body = 1 |",
        "|---|---|---|---|",
    ]
    for name, times in seconds.items():
        s = statistics.median(times)
        lines.append(f"| {name} | {s:.3f} | {n_tokens / s:,.0f} | {floor / s:.2f} |")
    return "\n".join(lines)


def measure_memory(folder: str | None) -> str:
    """Peak resident memory of a whole process, by number of texts."""
    lines = ["| short texts | peak RSS, MB |", "|---|---|"]
    for n in (2_000, 20_000):
        command = [sys.executable, "-m", "tests.bench.extraction", "--peak", str(n)]
        out = subprocess.run(
            command + (["--model", folder] if folder else []),
            check=True,
            capture_output=True,
            text=True,
        )
        lines.append(f"| {n:,} | {float(out.stdout):.1f} |")
    return "\n".join(lines)


def peak_rss_mb(model: LanguageModel, n_texts: int) -> float:
    """Extract `n_texts` short texts, drop the results, and read this process's peak."""
    plan = plan_extraction(model, poolings=POOLINGS, min_pooled=1)
    for _ in extract(model, Texts(n_texts, (5, 15)), plan):
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=str, default=None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--texts", type=int, default=256)
    parser.add_argument("--peak", type=int, default=None, help=argparse.SUPPRESS)
    args = parser.parse_args()
    folder = None if args.model is None else str(Path(args.model))
    if args.peak is not None:
        print(peak_rss_mb(build_model(folder, n_layers=4, d_model=64), args.peak))
        return
    print(measure_speed(build_model(folder), args.texts, args.rounds))
    print()
    print(measure_memory(folder))


if __name__ == "__main__":
    main()
