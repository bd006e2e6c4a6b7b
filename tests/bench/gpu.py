"""What a big model on a CUDA device loses to us: every figure beside plain transformers' own.

    python -m tests.bench.gpu TOKENIZER_DIR [--layers 24] [--width 2048] [--dtype bfloat16]
        [--parts speed,job,steering,scoring,memory]

A random model is built on the device from a seed; the tokenizer is that of a model directory. Each
part prints a Markdown table of medians and ratios within one run:

    speed     tokens/s of extraction against the bare body on the same batches; busy share
    memory    peak memory of a pass, over that of the bare body
    job       extraction into the store (files, checksums) against extraction alone; busy share
    scoring   a text of 2,000 tokens against the bare body on it
    steering  the decode loop with and without the hook, HF generate, nine alphas in one batch

Busy share: seconds in which the device computed, by its own profiler, over wall seconds.
"""

import argparse
import json
import statistics
import tempfile
import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from emotui.events import Done, Event
from emotui.jobs.data import ImportRequest, import_job
from emotui.jobs.engine import Engine
from emotui.jobs.extract import ExtractRequest, extract_job
from emotui.jobs.spec import ModelSpec
from emotui.options import LayerSpec
from store.layout import Home
from tests.bench import steering
from tests.bench.extraction import BUDGET, POOLINGS, Texts, measure_speed
from vectors import batches_by_length, collate, encode, extract, plan_extraction
from vectors.directions import build_directions
from vectors.models import LanguageModel, wrap_model
from vectors.scoring import score_text
from vectors.tokens import TokenBatch

LABELS = 20


def build(folder: Path, args: argparse.Namespace) -> LanguageModel:
    """The random model, made where it will run."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    config = AutoConfig.for_model(
        args.family,
        vocab_size=32000,
        hidden_size=args.width,
        intermediate_size=args.width * 43 // 16,
        num_hidden_layers=args.layers,
        num_attention_heads=max(4, args.width // 128),
        max_position_embeddings=4096,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(0)
    with torch.device(args.device):
        hf = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, args.dtype))
    name = f"random {args.family} {args.layers} x {args.width}"
    return wrap_model(hf, tokenizer, source=name)


def wait() -> None:
    """Until the device has done all it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def clocked(run: Callable[[], object], repeats: int) -> float:
    """Median wall seconds after one run that warms up."""
    seconds = []
    for lap in range(repeats + 1):
        wait()
        start = time.perf_counter()
        run()
        wait()
        if lap:
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def busy_share(run: Callable[[], object]) -> float:
    """Share of the wall time of one run in which a kernel or a copy was at work."""
    run()
    wait()
    kinds = [ProfilerActivity.CUDA] if torch.cuda.is_available() else [ProfilerActivity.CPU]
    with profile(activities=kinds, acc_events=True) as seen:
        start = time.perf_counter()
        run()
        wait()
        wall = time.perf_counter() - start
    device = DeviceType.CUDA if torch.cuda.is_available() else DeviceType.CPU
    spans = sorted(
        (e.time_range.start, e.time_range.end)
        for e in seen.events()
        if e.device_type == device  # the calls that start kernels are listed too
    )
    busy, reached = 0.0, 0.0
    for first, last in spans:
        busy += max(0.0, last - max(first, reached))
        reached = max(reached, last)
    return busy / 1e6 / wall


def batches_of(model: LanguageModel, texts: list[str]) -> list[TokenBatch]:
    """As extraction would group them."""
    encodings = encode(model, texts)
    lengths = [len(e.ids) for e in encodings]
    groups = batches_by_length(lengths, token_budget=BUDGET[model.device.type])
    return [
        collate([encodings[i] for i in g], pad_id=model.pad_id, device=model.device) for g in groups
    ]


def body(model: LanguageModel, batches: list[TokenBatch]) -> None:
    """The floor."""
    with torch.inference_mode():
        for b in batches:
            model.body(
                input_ids=b.ids, attention_mask=b.mask, position_ids=b.positions, use_cache=False
            )


def extracting(model: LanguageModel, texts: list[str], **options: object) -> Callable[[], None]:
    plan = plan_extraction(model, poolings=POOLINGS, **options)  # type: ignore[arg-type]

    def run() -> None:
        for _ in extract(model, texts, plan):
            pass

    return run


def speed(model: LanguageModel, args: argparse.Namespace) -> None:
    print(measure_speed(model, args.texts, args.repeats))
    texts = Texts(args.texts, (30, 100))[:]
    batches = batches_of(model, texts)
    print("\n| way | busy share |\n|---|---|")
    print(f"| bare body | {busy_share(lambda: body(model, batches)):.2f} |")
    print(f"| extract, all layers | {busy_share(extracting(model, texts)):.2f} |")
    tokens = extracting(model, texts, token_layers=(model.info.n_layers // 2,))
    print(f"| extract, tokens kept at one layer | {busy_share(tokens):.2f} |")


def memory(model: LanguageModel, args: argparse.Namespace) -> None:
    texts = Texts(args.texts, (30, 100))[:]
    batches = batches_of(model, texts)
    ways = {"bare body": lambda: body(model, batches), "extract": extracting(model, texts)}
    print("| way | peak above the weights, MB |\n|---|---|")
    for name, run in ways.items():
        wait()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        run()
        print(f"| {name} | {(torch.cuda.max_memory_allocated() - before) / 1e6:.0f} |")


class Held(Engine):
    """An engine whose model is there already."""

    def __init__(self, held: LanguageModel) -> None:
        super().__init__()
        self.held = held

    def model(self, _spec: ModelSpec) -> Generator[Event, None, LanguageModel]:
        """The model in memory, whatever the spec says."""
        yield from ()
        return self.held


def job(model: LanguageModel, args: argparse.Namespace) -> None:
    texts = Texts(args.job_texts, (30, 100))[:]
    batches = batches_of(model, texts)
    n_tokens = sum(sum(b.lengths) for b in batches)
    with tempfile.TemporaryDirectory() as folder:
        home, rows = Home(Path(folder) / "home").ensure(), Path(folder) / "rows.jsonl"
        rows.write_text("".join(json.dumps({"text": t, "label": "a"}) + "\n" for t in texts))
        for _ in import_job(home, ImportRequest(str(rows), "texts", label="label")):
            pass
        seeds = iter(range(99))

        def stored() -> float:
            request = ExtractRequest(
                ModelSpec("memory"), "texts", LayerSpec("all", None), poolings=POOLINGS,
                max_length=model.info.context_length - next(seeds),  # a run of its own each time
            )  # fmt: skip
            for event in extract_job(home, request, engine=Held(model)):
                if isinstance(event, Done):
                    return float(event.value.elapsed_s)
            raise RuntimeError("the job ended without a result")

        stored()
        seconds = {
            "bare body": clocked(lambda: body(model, batches), 2),
            "extract": clocked(extracting(model, texts), 2),
            "extract job, into the store": statistics.median(stored() for _ in range(2)),
        }
        share = busy_share(stored)
    print(f"{len(texts)} texts, {n_tokens} tokens; busy share of the job {share:.2f}\n")
    print("| way | s | tokens/s | speed, body = 1 |\n|---|---|---|---|")
    for name, s in seconds.items():
        print(f"| {name} | {s:.2f} | {n_tokens / s:,.0f} | {seconds['bare body'] / s:.2f} |")


def scoring(model: LanguageModel, args: argparse.Namespace) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(LABELS * 8, model.info.d_model)).astype(np.float32)
    from tests.vectors.planted import recipe

    directions = build_directions(
        lambda _layer: rows, range(model.info.n_layers), np.arange(LABELS * 8) % LABELS,
        tuple(f"l{i}" for i in range(LABELS)), recipe=recipe(),
        residual_norm=np.ones(model.info.n_layers, dtype=np.float32),
    )  # fmt: skip
    text = " ".join(Texts(40, (99, 100))[:])
    offsets = encode(model, [text])[0].offsets
    text = text[: int(offsets[min(2000, len(offsets) - 1), 0])]
    batch = collate(encode(model, [text]), pad_id=model.pad_id, device=model.device)
    floor = clocked(lambda: body(model, [batch]), args.repeats)
    print(f"{batch.lengths[0]} tokens, {LABELS} labels\n")
    print("| way | ms | ratio to the body |\n|---|---|---|")
    print(f"| bare body | {1e3 * floor:.1f} | 1.00 |")
    for name, layers in (("one layer", [model.info.n_layers - 1]), ("all layers", None)):
        s = clocked(lambda: score_text(model, directions, text, layers=layers), args.repeats)  # noqa: B023
        print(f"| score, {name} | {1e3 * s:.1f} | {s / floor:.2f} |")


def steered(model: LanguageModel, args: argparse.Namespace) -> None:
    with mock.patch.object(model, "eos_ids", ()):
        table = steering.bench(model, tokens=args.tokens, repeats=args.repeats)
    print(f"{args.tokens} tokens, median of {args.repeats}, interleaved\n")
    print("| | ms | ms per token | ratio | to |\n|---|---|---|---|---|")
    for name, ms, ratio, reference in table:
        print(f"| {name} | {ms:.0f} | {ms / args.tokens:.2f} | {ratio:.2f} | {reference} |")


PARTS = {"speed": speed, "job": job, "steering": steered, "scoring": scoring, "memory": memory}


def main() -> None:
    """The parts asked for, in order; one that fails does not take the next along."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--family", default="llama", help="a model_type of transformers")
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--texts", type=int, default=1024)
    parser.add_argument("--job-texts", type=int, default=4096, help="texts of the part `job`")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--parts", default=",".join(PARTS))
    args = parser.parse_args()
    model = build(args.tokenizer, args)
    print(f"{model}\n  {model.info.n_parameters / 1e9:.2f} B parameters, torch {torch.__version__}")
    for check in model.info.checks:
        print(f"  {check.name}: {'ok' if check.ok else 'NOT OK'}, {check.detail}")
    for name in args.parts.split(","):
        print(f"\n## {name}\n", flush=True)
        try:
            PARTS[name](model, args)
        except Exception:  # noqa: BLE001
            traceback.print_exc()


if __name__ == "__main__":
    main()
