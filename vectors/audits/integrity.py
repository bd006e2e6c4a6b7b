"""I1-I7: does the engine do what it says? Once per model; a failure blocks verdicts.

In: a model, an intervention, a few prompts. Out: one result per check. Each is the identity its
registry entry states; tolerances depend on the dtype. Knows no claim.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vectors.controls import random_direction
from vectors.decoding import Decoder
from vectors.errors import ModelError
from vectors.extraction import extract, plan_extraction
from vectors.hooks import residual_hooks
from vectors.steering import Intervention, Steering, steered_logits
from vectors.tokens import encode

from .data import cosine
from .result import ControlResult, Cost, State, exact
from .settings import AuditSettings, Rule

if TYPE_CHECKING:
    from vectors.models import LanguageModel

    from .removal import RemovalBench

PROMPTS = 8
TOKENS = 32
ALPHAS = (-0.5, -0.25, 0.0, 0.25, 0.5)
GATE_PROMPTS = (
    "The rain had stopped by noon.",
    "He counted the coins twice, then pushed them back across the table without a word.",
    "Up on the hill",
    "I wrote the number on my hand so that I would not lose it, and lost it all the same; the "
    "clock in the hall struck four.",
    "She read the letter standing, folded it and put it away.",
    "Nobody had told the boy that the shop was closed on Mondays, so he waited by the door.",
    "The bus was",
    "They painted the fence white, and by the evening it had begun to look like every other fence "
    "in the street.",
)
"""What the gate reads when it is about a model and no claim: texts of unlike lengths."""
DEPTH = 2 / 3


def planned_gate(n_prompts: int = PROMPTS) -> dict[str, Cost]:
    """Forward passes, counted before the start."""
    n = n_prompts
    return {
        "I1": Cost(forwards=2 * n),
        "I2": Cost(forwards=2 * n),
        "I3": Cost(forwards=2 * TOKENS * min(4, n), generations=min(4, n)),
        "I4": Cost(forwards=2 * n),
        "I5": Cost(forwards=2 * n),
        "I6": Cost(forwards=2 * n),
        "I7": Cost(forwards=len(ALPHAS) * n),
    }


def integrity_gate(
    model: "LanguageModel",
    intervention: Intervention,
    prompts: Sequence[str],
    settings: AuditSettings,
    *,
    alpha: float = 0.25,
) -> tuple[ControlResult, ...]:
    """All seven, in order."""
    used = replace(intervention, mode="add", positions="all")
    some = list(prompts[:PROMPTS])
    return (
        alpha_zero(model, used, some, settings),
        dose_delivered(model, used, some, settings, alpha=alpha),
        cache_parity(model, used, some[:4], settings, alpha=alpha),
        padding(model, some, settings),
        backends(model, some, settings),
        exact_null(model, used, some, settings, alpha=alpha),
        downstream(model, used, some, settings),
    )


def stand_in(model: "LanguageModel", prompts: Sequence[str]) -> Intervention:
    """A random direction at two thirds of the depth, alpha in the mean norm over the prompts."""
    layer = round((model.info.n_layers - 1) * DEPTH)
    norms = [
        np.linalg.norm(_all_layers(model, ids)[layer], axis=1)[-1] for ids in _ids(model, prompts)
    ]
    unit = random_direction(model.info.d_model, seed=0)
    return Intervention(layer, unit, float(np.mean(norms)), label="random", control="random")


def removal_delivered(bench: "RemovalBench", settings: AuditSettings) -> ControlResult:
    """I2 of a removal: the projection on v read back after every layer is the neutral mean."""
    v, worst_error = bench.intervention.direction.astype(np.float64), 0.0
    before = bench.forwards
    some = replace(
        bench, prompts=bench.prompts[:PROMPTS], forwards=0, _base=None,
        tick=lambda n: bench.tick(before + n),
    )  # fmt: skip
    made, _ = some.arm(1.0)
    read = some.residuals_after([what.layer for what in made], 1.0)
    bench.forwards += some.forwards
    for what in made:
        h = read[what.layer]
        scale = float(np.linalg.norm(h, axis=1).mean())
        worst_error = max(worst_error, float(np.abs(h @ v - what.target).max()) / scale)
    state = _rule(settings, "I2.norm", bench.model).state(worst_error)
    said = f"after removal the projection is off its neutral mean by {worst_error:.1%} of |h|"
    return _result("I2", state, {"error of the projection": worst_error}, said, some.forwards)


def alpha_zero(
    model: "LanguageModel", what: Intervention, prompts: Sequence[str], settings: AuditSettings
) -> ControlResult:
    """I1: logits with the hook at alpha 0 against no hook at all."""
    worst_gap, same = 0.0, True
    for ids in _ids(model, prompts):
        hooked, bare = (
            steered_logits(model, ids, [what], [0.0]),
            steered_logits(model, ids, [], [[]]),
        )
        worst_gap = max(worst_gap, _gap(hooked, bare))
        same &= bool((hooked.argmax(-1) == bare.argmax(-1)).all())
    rule = _rule(settings, "I1", model)
    state: State = rule.state(worst_gap) if same else "fail"
    said = f"the hook at alpha 0 moves logits by {worst_gap:.2g}"
    return _result("I1", state, {"max difference": worst_gap}, said, 2 * len(prompts))


def dose_delivered(
    model: "LanguageModel",
    what: Intervention,
    prompts: Sequence[str],
    settings: AuditSettings,
    *,
    alpha: float,
) -> ControlResult:
    """I2: h' - h read back; only the second half of each prompt is steered."""
    cosines, errors, outside = [], [], 0.0
    wanted = alpha * what.residual_norm
    for ids in _ids(model, prompts):
        start = len(ids) // 2
        scoped = replace(what, positions=(start, len(ids) + 1))
        moved = _residual(model, ids, [scoped], alpha, what.layer)
        change = moved - _residual(model, ids, [scoped], 0.0, what.layer)
        outside = max(outside, float(np.abs(change[:start]).max(initial=0.0)))
        for row in change[start:]:
            cosines.append(np.sign(wanted) * cosine(row, what.direction.astype(np.float64)))
            errors.append(abs(np.linalg.norm(row) / abs(wanted) - 1))
    numbers = {
        "smallest cosine": float(np.min(cosines)),
        "largest error of the norm": float(np.max(errors)),
        "moved elsewhere": outside,
    }
    good = (
        _rule(settings, "I2.cos", model).state(numbers["smallest cosine"]) == "pass"
        and _rule(settings, "I2.norm", model).state(numbers["largest error of the norm"]) == "pass"
        and outside == 0
    )
    said = (
        f"asked for {wanted:.3g} along v: cosine {np.min(cosines):.4f}, norm off by "
        f"{np.max(errors):.1%}, other positions moved by {outside:.2g}"
    )
    return _result("I2", "pass" if good else "fail", numbers, said, 2 * len(prompts))


def cache_parity(
    model: "LanguageModel",
    what: Intervention,
    prompts: Sequence[str],
    settings: AuditSettings,
    *,
    alpha: float,
) -> ControlResult:
    """I3: greedy tokens with the cache, and the same tokens forced without it."""
    gap, largest, same = 0.0, 0.0, True
    for ids in _ids(model, prompts):
        room = model.info.context_length - len(ids)
        steps = max(1, min(TOKENS, room))
        runs: list[list[Tensor]] = []
        for use_cache in (True, False):
            steering = Steering(model, [what], n_rows=1)
            decoder = Decoder(model, [ids], steering=steering, use_cache=use_cache)
            table = np.array([[alpha]])
            with steering.hooks():
                logits = [decoder.prefill(table)]
                for step in range(1, steps):
                    # The cached run chooses every token, so that both read the same text.
                    source = logits if use_cache else runs[0]
                    chosen = source[step - 1].argmax(-1).cpu().numpy()
                    logits.append(decoder.step(chosen, table))
            runs.append(logits)
        for cached, plain in zip(*runs, strict=True):
            gap = max(gap, _gap(cached, plain))
            largest = max(largest, float(plain.abs().max()))
            same &= bool((cached.argmax(-1) == plain.argmax(-1)).all())
    half = model.info.dtype != "float32"
    state = _parity("I3", gap, largest, settings, half=half)
    # In half precision a near tie may fall either way; in fp32 a different token is an error.
    if not same and (not half or state != "pass"):
        state = "fail"
    said = f"cached and uncached logits differ by {gap:.2g}, tokens {'agree' if same else 'differ'}"
    return _result("I3", state, {"max difference": gap}, said, 2 * TOKENS * len(prompts))


def padding(
    model: "LanguageModel", prompts: Sequence[str], settings: AuditSettings
) -> ControlResult:
    """I4: pooled activations of each text alone and among longer ones."""
    plan = plan_extraction(
        model, poolings=("mean", "last"), min_pooled=1, stored_dtype="float32", skip_tokens=1
    )
    together = next(iter(extract(model, prompts, plan, token_budget=10**6)))
    lowest = 1.0
    for row, text in enumerate(prompts):
        alone = next(iter(extract(model, [text], plan)))
        for pooling in plan.poolings:
            a, b = alone.values[pooling][0], together.values[pooling][row]
            both = zip(a.astype(np.float64), b.astype(np.float64), strict=True)
            lowest = min(lowest, *(cosine(x, y) for x, y in both))
    rule = _rule(settings, "I4", model)
    said = f"pooled activations alone and in a batch: cosine down to {lowest:.5f}"
    numbers = {"smallest cosine": lowest}
    return _result("I4", rule.state(lowest), numbers, said, 2 * len(prompts))


def backends(
    model: "LanguageModel", prompts: Sequence[str], settings: AuditSettings
) -> ControlResult:
    """I5: residual streams of transformer-lens and of plain hooks; n/a where there is no bridge."""
    try:
        bridge = model.bridge()
    except ModelError as error:
        return ControlResult("I5", "n/a", reasons=(str(error),))
    lowest = 1.0
    for ids in _ids(model, prompts):
        seen = _all_layers(model, ids)
        with torch.inference_mode():
            _, cache = bridge.run_with_cache(torch.from_numpy(ids[None]).long().to(model.device))
        for layer, h in seen.items():
            other = cache[f"blocks.{layer}.hook_out"][0].double().cpu().numpy()
            lowest = min(lowest, *(cosine(x, y) for x, y in zip(h, other, strict=True)))
    said = f"transformer-lens and plain hooks: cosine down to {lowest:.6f}"
    state = _rule(settings, "I5", model).state(lowest)
    return _result("I5", state, {"smallest cosine": lowest}, said, 2 * len(prompts))


def exact_null(
    model: "LanguageModel",
    what: Intervention,
    prompts: Sequence[str],
    settings: AuditSettings,
    *,
    alpha: float,
) -> ControlResult:
    """I6: a push along all ones after the last block, which a LayerNorm takes out again."""
    if not isinstance(model.final_norm, torch.nn.LayerNorm):
        said = f"{type(model.final_norm).__name__} keeps the mean, so no push is invisible to it"
        return ControlResult("I6", "n/a", reasons=(said,))
    d = model.info.d_model
    ones = np.full(d, 1 / np.sqrt(d), dtype=np.float32)
    push = replace(what, layer=model.info.n_layers - 1, direction=ones, remove=None)
    gap, largest = 0.0, 0.0
    for ids in _ids(model, prompts):
        logits = steered_logits(model, ids, [push], [0.0, alpha])
        gap = max(gap, _gap(logits[0], logits[1]))
        largest = max(largest, float(logits[0].abs().max()))
    state = _parity("I6", gap, largest, settings, half=model.info.dtype != "float32")
    said = f"a push that LayerNorm removes moves logits by {gap:.2g}"
    return _result("I6", state, {"max difference": gap}, said, 2 * len(prompts))


def downstream(
    model: "LanguageModel", what: Intervention, prompts: Sequence[str], settings: AuditSettings
) -> ControlResult:
    """I7: the projection on v two layers on and at the last layer, over five alphas."""
    from scipy.stats import spearmanr

    last = model.info.n_layers - 1
    layers = sorted({min(what.layer + 2, last), last} - {what.layer})
    if not layers:
        return ControlResult("I7", "n/a", reasons=("the steered layer is the last one",))
    v = what.direction.astype(np.float64)
    lowest, slope = 1.0, np.inf
    encoded = _ids(model, prompts)
    for layer in layers:
        mean = [
            np.mean([(_residual(model, ids, [what], a, layer) @ v).mean() for ids in encoded])
            for a in ALPHAS
        ]
        rho = float(spearmanr(ALPHAS, mean).statistic) if np.ptp(mean) > 0 else 0.0
        lowest, slope = min(lowest, rho), min(slope, float(np.polyfit(ALPHAS, mean, 1)[0]))
    state: State = settings.rule("I7").state(lowest) if slope > 0 else "fail"
    said = f"projection downstream: rho {lowest:.2f}, slope {slope:.3g} at layers {layers}"
    numbers = {"rho": lowest, "slope": slope}
    return _result("I7", state, numbers, said, len(layers) * len(ALPHAS) * len(prompts))


def _parity(rule: str, gap: float, largest: float, settings: AuditSettings, *, half: bool) -> State:
    """Half precision rounds a logit by a share of its size, so the gap is read as a share."""
    if not half:
        return settings.rule(rule).state(gap)
    return settings.rule("I3.half").state(gap / max(largest, 1e-12))


def _ids(model: "LanguageModel", prompts: Sequence[str]) -> list[np.ndarray]:
    return [e.ids.astype(np.int64) for e in encode(model, list(prompts))]


def _gap(a: Tensor, b: Tensor) -> float:
    return float((a.float() - b.float()).abs().max())


def _residual(
    model: "LanguageModel", ids: np.ndarray, what: Sequence[Intervention], alpha: float, layer: int
) -> Float[np.ndarray, "pos d_model"]:
    """The residual stream after `layer` in one steered pass (the reader hooks last)."""
    found: list[Tensor] = []
    steering = Steering(model, what, n_rows=1)
    n = len(ids)
    steering.prepare(
        np.arange(n)[None],
        alphas=np.full((1, n, len(what)), alpha),
        real=np.ones((1, n), dtype=bool),
        prompt_lengths=np.array([n]),
    )

    def read(h: Tensor, _layer: int) -> None:
        found.append(h.detach()[0].double().cpu())

    with torch.inference_mode(), steering.hooks(), residual_hooks(model, {layer: read}):
        model.body(input_ids=torch.from_numpy(ids[None]).to(model.device), use_cache=False)
    return found[0].numpy()


def _all_layers(
    model: "LanguageModel", ids: np.ndarray
) -> dict[int, Float[np.ndarray, "pos d_model"]]:
    found: dict[int, np.ndarray] = {}

    def read(h: Tensor, layer: int) -> None:
        found[layer] = h.detach()[0].double().cpu().numpy()

    hooks = dict.fromkeys(model.layers(None), read)
    with torch.inference_mode(), residual_hooks(model, hooks):
        model.body(input_ids=torch.from_numpy(ids[None]).to(model.device), use_cache=False)
    return found


def _rule(settings: AuditSettings, key: str, model: "LanguageModel") -> Rule:
    """The threshold for the model's number format; half precision has one of its own."""
    return settings.rule(key if model.info.dtype == "float32" else f"{key}.half")


def _result(
    control: str, state: State, numbers: dict[str, float], said: str, forwards: int
) -> ControlResult:
    return ControlResult(
        control,
        state,
        {name: exact(value) for name, value in numbers.items()},
        reasons=() if state == "pass" else (said,),
        cost=Cost(forwards=forwards),
    )
