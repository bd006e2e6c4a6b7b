"""What the integrity controls read in each number format, of a sound engine and of broken ones.

    python -m tests.bench.precision MODEL_DIR... [--device cuda] [--random 24x2048 [--only-random]]
        [--formats float32,bfloat16,float16]

Each model is read in each format; `--random` adds an untrained Llama and GPT-NeoX of that size with
the first model's tokenizer. Printed per control: its numbers, its state, and what
it says of a planted fault (alpha forgotten in the cache, a tenth of the push lost, positions
shifted, the LayerNorm's mean put back). Where a sound engine fails or a broken one passes, the bar
of that format is wrong: the last column says so.
"""

import argparse
import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from unittest import mock

import torch

from tests.bench.gpu import build
from vectors import load_model
from vectors.audits import integrity
from vectors.audits.result import ControlResult
from vectors.audits.settings import PRESETS, AuditSettings
from vectors.models import LanguageModel
from vectors.steering import Intervention

DTYPES = ("float32", "bfloat16", "float16")
ALPHA = 0.25
SETTINGS = AuditSettings(PRESETS["quick"])
Fault = Callable[[LanguageModel], AbstractContextManager[object]]


def leaks(_model: LanguageModel) -> AbstractContextManager[object]:
    """A hook at alpha 0 that moves every logit by .05."""
    real = integrity.steered_logits
    return mock.patch.object(
        integrity, "steered_logits", lambda m, ids, what, alphas: real(m, ids, what, alphas)
        + 0.05 * len(what)
    )  # fmt: skip


def loses_a_tenth(_model: LanguageModel) -> AbstractContextManager[object]:
    """A tenth of the push does not arrive."""
    real = integrity.Steering.hook

    def hook(self: integrity.Steering, h: torch.Tensor, layer: int) -> torch.Tensor | None:
        out = real(self, h, layer)
        return None if out is None else (h + 0.9 * (out - h))

    return mock.patch.object(integrity.Steering, "hook", hook)


def forgets(_model: LanguageModel) -> AbstractContextManager[object]:
    """Generated tokens are read without steering where there is a cache."""
    real = integrity.Decoder.step
    return mock.patch.object(
        integrity.Decoder, "step", lambda self, t, a: real(self, t, 0 * a if self.use_cache else a)
    )


def shifts(_model: LanguageModel) -> AbstractContextManager[object]:
    """Plain hooks read each position from its neighbour."""
    real = integrity._all_layers
    return mock.patch.object(
        integrity, "_all_layers",
        lambda m, ids: {k: h[[*range(1, len(h)), 0]] for k, h in real(m, ids).items()},
    )  # fmt: skip


@contextmanager
def keeps_the_mean(model: LanguageModel) -> Iterator[None]:
    """The final norm lets a tenth of the mean through, along all ones."""

    def change(_m: object, given: tuple[torch.Tensor, ...], out: torch.Tensor) -> torch.Tensor:
        return out + 0.1 * given[0].mean(-1, keepdim=True)

    handle = model.final_norm.register_forward_hook(change)
    try:
        yield
    finally:
        handle.remove()


FAULTS: dict[str, Fault] = {
    "I1": leaks, "I2": loses_a_tenth, "I3": forgets, "I5": shifts, "I6": keeps_the_mean,
}  # fmt: skip


def run(model: LanguageModel, what: Intervention, control: str) -> ControlResult:
    """One control on the gate's own prompts."""
    texts = list(integrity.GATE_PROMPTS)
    makes: dict[str, Callable[[], ControlResult]] = {
        "I1": lambda: integrity.alpha_zero(model, what, texts, SETTINGS),
        "I2": lambda: integrity.dose_delivered(model, what, texts, SETTINGS, alpha=ALPHA),
        "I3": lambda: integrity.cache_parity(model, what, texts[:4], SETTINGS, alpha=ALPHA),
        "I4": lambda: integrity.padding(model, texts, SETTINGS),
        "I5": lambda: integrity.backends(model, texts, SETTINGS),
        "I6": lambda: integrity.exact_null(model, what, texts, SETTINGS, alpha=ALPHA),
        "I7": lambda: integrity.downstream(model, what, texts, SETTINGS),
    }
    return makes[control]()


def numbers(result: ControlResult) -> str:
    """`max difference .00012`."""
    shown = ", ".join(f"{name} {value.value:.4g}" for name, value in result.numbers.items())
    return shown or result.reasons[0][:40]


def measure(model: LanguageModel) -> None:
    """A row per control."""
    what = integrity.stand_in(model, list(integrity.GATE_PROMPTS))
    for control in ("I1", "I2", "I3", "I4", "I5", "I6", "I7"):
        sound = run(model, what, control)
        broken = None
        if control in FAULTS and sound.state != "n/a":
            with FAULTS[control](model):
                broken = run(model, what, control)
        wrong = sound.state not in ("pass", "n/a") or (
            broken is not None and broken.state == "pass"
        )
        with_fault = "" if broken is None else f"{broken.state}: {numbers(broken)}"
        print(
            f"| {model.info.source[-24:]} | {model.info.dtype} | {control} | {numbers(sound)} | "
            f"{sound.state} | {with_fault} | {'WRONG BAR' if wrong else ''} |",
            flush=True,
        )


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--random", default="", help="LAYERSxWIDTH of untrained models")
    parser.add_argument("--only-random", action="store_true", help="the models give a tokenizer")
    parser.add_argument("--formats", default=",".join(DTYPES))
    args = parser.parse_args()
    formats = args.formats.split(",")
    print("| model | format | control | numbers | sound | with a fault | |\n" + "|---" * 7 + "|")
    for folder in () if args.only_random else args.models:
        for dtype in formats:
            measure(load_model(folder, dtype=dtype, device=args.device))
    if args.random:
        layers, width = map(int, args.random.split("x"))
        for family, dtype in itertools.product(("llama", "gpt_neox"), formats):
            size = argparse.Namespace(
                family=family, layers=layers, width=width, dtype=dtype, device=args.device
            )
            measure(build(args.models[0], size))


if __name__ == "__main__":
    main()
