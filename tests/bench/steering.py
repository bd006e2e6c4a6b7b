"""What steering costs: nine alphas in one batch or in nine runs, our loop and HF generate.

    python -m tests.bench.steering --model DIR [--device auto] [--tokens 64] [--repeats 7]

Prints a Markdown table of medians and ratios; what is compared is run in turn (interleaved), so
that other load on the machine falls on both. Every run makes the same number of tokens: no end
token ends it. "meters" is the teacher-forced pass that reads every row's text without steering.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from unittest import mock

import numpy as np
import torch

from vectors.controls import random_direction
from vectors.decoding import Decoder
from vectors.generation import generate
from vectors.hooks import residual_hooks
from vectors.meters import under_unsteered
from vectors.models import LanguageModel, load_model
from vectors.sampling import Sampling
from vectors.steering import Intervention, Steering
from vectors.tokens import encode

PROMPT = "Once upon a time there was a girl who lived near a wood with her old dog."
ALPHAS = [-0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4]


def interleaved(runs: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of every repeat of every run, taken in turn after one round of warming up."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for lap in range(repeats + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if lap:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def mean_norm(model: LanguageModel, layer: int) -> float:
    """Mean |h| over the prompt's tokens: near enough for a benchmark."""
    found: list[float] = []

    def read(h: torch.Tensor, _layer: int) -> None:
        found.append(float(h[0, 1:].float().norm(dim=-1).mean()))

    ids = torch.from_numpy(encode(model, [PROMPT])[0].ids).long()[None].to(model.device)
    with torch.no_grad(), residual_hooks(model, {layer: read}):
        model.body(input_ids=ids)
    return found[0]


def bench(
    model: LanguageModel, *, tokens: int, repeats: int
) -> list[tuple[str, float, float, str]]:
    """Rows of (what, median ms, median ratio to its reference, reference)."""
    layer = 2 * model.info.n_layers // 3
    push = Intervention(layer, random_direction(model.info.d_model), mean_norm(model, layer))
    greedy = Sampling(max_new_tokens=tokens, temperature=0)
    ids = encode(model, [PROMPT])[0].ids
    batch = torch.from_numpy(ids).long()[None].to(model.device)

    def ours(alphas: list[float], interventions: list[Intervention]) -> None:
        generate(model, PROMPT, interventions=interventions, alphas=alphas, sampling=greedy)

    def loop(alphas: list[float], interventions: list[Intervention]) -> list[list[int]]:
        steering = Steering(model, interventions, n_rows=len(alphas))
        decoder = Decoder(model, [ids] * len(alphas), steering=steering)
        table, said = np.array(alphas)[:, None][:, : len(interventions)], []
        with steering.hooks():
            logits = decoder.prefill(table)
            for _ in range(tokens - 1):
                said.append(logits.argmax(dim=-1).cpu().numpy())
                logits = decoder.step(said[-1], table)
        said.append(logits.argmax(dim=-1).cpu().numpy())
        return np.stack(said, axis=1).tolist()

    def theirs(rows: int) -> None:
        model.hf.generate(
            batch.expand(rows, -1), attention_mask=torch.ones_like(batch).expand(rows, -1),
            max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False,
            pad_token_id=model.pad_id,
        )  # fmt: skip

    text = loop(ALPHAS, [push])
    first = torch.zeros((9, model.info.d_vocab), device=model.device)
    pairs: list[tuple[str, Callable[[], object], str, Callable[[], object]]] = [
        ("nine alphas, one batch", lambda: ours(ALPHAS, [push]),
         "nine runs of one alpha", lambda: [ours([a], [push]) for a in ALPHAS]),
        ("our loop, 1 row, no hook", lambda: loop([0.0], []), "HF generate, 1 row",
         lambda: theirs(1)),
        ("our loop, 9 rows, no hook", lambda: loop([0.0] * 9, []), "HF generate, 9 rows",
         lambda: theirs(9)),
        ("our loop, 9 rows, steered", lambda: loop(ALPHAS, [push]), "our loop, 9 rows, no hook",
         lambda: loop([0.0] * 9, [])),
        ("generate, 9 rows: text, meters", lambda: ours(ALPHAS, [push]),
         "our loop, 9 rows, steered", lambda: loop(ALPHAS, [push])),
        ("meters, 9 rows", lambda: under_unsteered(model, [ids] * 9, text, first_logits=first),
         "our loop, 9 rows, steered", lambda: loop(ALPHAS, [push])),
    ]  # fmt: skip
    table = []
    for name, run, reference, against in pairs:
        taken = interleaved({name: run, reference: against}, repeats)
        ratios = [a / b for a, b in zip(taken[name], taken[reference], strict=True)]
        table.append(
            (name, 1e3 * statistics.median(taken[name]), statistics.median(ratios), reference)
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="a Hugging Face directory or hub id")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=7)
    given = parser.parse_args()
    model = load_model(given.model, device=given.device)
    # A run that ends early would be a fast run: no token ends a text here.
    with mock.patch.object(model, "eos_ids", ()):
        table = bench(model, tokens=given.tokens, repeats=given.repeats)
    i = model.info
    print(f"{i.family}, {i.n_layers} layers x {i.d_model}, {i.dtype} on {i.device}; "
          f"{given.tokens} tokens, median of {given.repeats} interleaved, "
          f"{torch.get_num_threads()} threads, torch {torch.__version__}\n")  # fmt: skip
    print("| | ms | ratio | to |\n|---|---|---|---|")
    for name, milliseconds, ratio, reference in table:
        print(f"| {name} | {milliseconds:.1f} | {ratio:.2f} | {reference} |")


if __name__ == "__main__":
    main()
