"""Every control that needs forward passes, on a model with known truth: once sound, once not.

`CASES` goes through the registry's I*, C* and X7; an id without a case fails the test below it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from tests.vectors.audits.planted import World, plant
from tests.vectors.audits.toy import LAYER, NEUTRAL, TARGET, Toy, bench, make_toy, prompts
from tests.vectors.conftest import PROSE
from vectors.audits import integrity
from vectors.audits.arms import random_directions, shuffled_directions
from vectors.audits.asking import better_than_asking
from vectors.audits.bench import Bench
from vectors.audits.choice import chosen_elsewhere, off_target
from vectors.audits.dose import (
    DOSES,
    dose_effects,
    dose_response,
    per_prompt,
    position_scope,
    sign_flip,
)
from vectors.audits.language import coherence_budget
from vectors.audits.mechanism import active_path, beyond_vocabulary
from vectors.audits.necessity import necessity
from vectors.audits.offtarget import MARGINS, off_target_changes, target_in_margins
from vectors.audits.paraphrase import other_wordings
from vectors.audits.registry import CONTROLS
from vectors.audits.removal import RemovalBench
from vectors.audits.result import ControlResult
from vectors.audits.settings import PRESETS, AuditSettings
from vectors.audits.specificity import specificity
from vectors.generation import RowResult, generate
from vectors.sampling import Sampling
from vectors.steering import Intervention

QUICK = AuditSettings(replace(PRESETS["quick"], r=19))
NEEDS_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
Make = Callable[[Toy, pytest.MonkeyPatch], ControlResult]


def along(toy: Toy, axis: str) -> Bench:
    return bench(toy, toy.axes[axis])


def push(toy: Toy) -> Intervention:
    return along(toy, "cause").intervention


def i1(toy: Toy, _patch: pytest.MonkeyPatch) -> ControlResult:
    return integrity.alpha_zero(toy.model, push(toy), prompts(4), QUICK)


def i1_leaks(toy: Toy, patch: pytest.MonkeyPatch) -> ControlResult:
    real = integrity.steered_logits
    patch.setattr(
        integrity, "steered_logits",
        lambda m, ids, what, alphas: real(m, ids, what, alphas) + 0.05 * len(what),
    )  # fmt: skip
    return i1(toy, patch)


def i2(toy: Toy, _patch: pytest.MonkeyPatch) -> ControlResult:
    return integrity.dose_delivered(toy.model, push(toy), prompts(4), QUICK, alpha=0.5)


def i2_lost(toy: Toy, patch: pytest.MonkeyPatch) -> ControlResult:
    real = integrity.Steering.hook
    patch.setattr(
        integrity.Steering, "hook",
        lambda self, h, layer: None if real(self, h, layer) is None else h * 1.0,
    )  # fmt: skip
    return i2(toy, patch)


def i3(toy: Toy, _patch: pytest.MonkeyPatch) -> ControlResult:
    return integrity.cache_parity(toy.model, push(toy), prompts(2), QUICK, alpha=0.5)


def i3_forgets(toy: Toy, patch: pytest.MonkeyPatch) -> ControlResult:
    step = integrity.Decoder.step
    patch.setattr(integrity.Decoder, "step",
                  lambda self, t, a: step(self, t, 0 * a if self.use_cache else a))  # fmt: skip
    return i3(toy, patch)


def i4(toy: Toy, _patch: pytest.MonkeyPatch) -> ControlResult:
    return integrity.padding(toy.model, prompts(4), QUICK)


def i4_pads(toy: Toy, patch: pytest.MonkeyPatch) -> ControlResult:
    real = integrity.extract

    def padded(model: object, texts: Sequence[str], plan: object, **more: object) -> object:
        for batch in real(model, texts, plan, **more):  # type: ignore[arg-type]
            turned = {k: v[:, :, ::-1].copy() for k, v in batch.values.items()}
            yield replace(batch, values=turned) if len(texts) > 1 else batch

    patch.setattr(integrity, "extract", padded)
    return i4(toy, patch)


def i5(toy: Toy, _patch: pytest.MonkeyPatch) -> ControlResult:
    return integrity.backends(toy.model, prompts(2), QUICK)


def i5_differs(toy: Toy, patch: pytest.MonkeyPatch) -> ControlResult:
    seen = integrity._all_layers
    patch.setattr(integrity, "_all_layers",
                  lambda m, ids: {k: h[:, ::-1] for k, h in seen(m, ids).items()})  # fmt: skip
    return i5(toy, patch)


def i6(toy: Toy, _patch: pytest.MonkeyPatch) -> ControlResult:
    return integrity.exact_null(toy.model, push(toy), prompts(4), QUICK, alpha=0.5)


def i6_keeps_the_mean(toy: Toy, patch: pytest.MonkeyPatch) -> ControlResult:
    axis = torch.from_numpy(toy.axes["cause"])
    return hooked(
        toy.model.final_norm,
        lambda _m, args, out: out + args[0].mean(-1, keepdim=True) * axis.to(out),
        lambda: i6(toy, patch),
    )


def i7(toy: Toy, _patch: pytest.MonkeyPatch) -> ControlResult:
    return integrity.downstream(toy.model, push(toy), prompts(8), QUICK)


def i7_undone(toy: Toy, patch: pytest.MonkeyPatch) -> ControlResult:
    return hooked(toy.model.blocks[2], lambda _m, _i, out: -out, lambda: i7(toy, patch))


def hooked(
    module: torch.nn.Module, change: Callable[..., object], work: Callable[[], ControlResult]
) -> ControlResult:
    handle = module.register_forward_hook(change)
    try:
        return work()
    finally:
        handle.remove()


def c1(toy: Toy, axis: str) -> ControlResult:
    return random_directions(along(toy, axis), toy.natural, QUICK)


def c2(toy: Toy, axis: str, strength: float) -> ControlResult:
    data, _ = plant(World(d=32, seed=3, offset=0.0, topic=0.3))
    data = data.with_rows(data.rows + np.outer(data.codes - 0.5, toy.axes["cause"]) * strength)
    used = along(toy, axis) if strength else bench(toy, toy.axes["read"] + 0.05 * toy.axes["cause"])
    return shuffled_directions(used, data, "sorrow", QUICK)


def c3(toy: Toy, words: tuple[int, ...], topic: str = "read") -> ControlResult:
    directions = {"joy": toy.axes["cause"], "pride": toy.axes["read"], "anger": toy.axes["anger"]}
    lexicons = {"joy": TARGET, "pride": words or tuple(range(20, 30)), "anger": words or (40, 41)}
    valence = {"joy": 1.0, "pride": 1.0, "anger": -1.0}
    return specificity(
        along(toy, "cause"), "joy", directions, lexicons, valence, QUICK, topic=toy.axes[topic]
    )


def c5(toy: Toy, axis: str) -> ControlResult:
    return dose_response(dose_effects(along(toy, axis)), QUICK)


def written(toy: Toy, alpha: float) -> list[RowResult]:
    made = generate(
        toy.model, prompts(8), interventions=[push(toy)], alphas=[alpha] * 8,
        sampling=Sampling(max_new_tokens=16, seed=1),
    )  # fmt: skip
    return list(made.rows)


def c6(toy: Toy, worse: float) -> ControlResult:
    base = written(toy, 0.0)
    return coherence_budget([replace(r, nll=r.nll + worse) for r in base], base, QUICK)


def c7(toy: Toy, axis: str, tokens: int) -> ControlResult:
    used, base = along(toy, axis), written(toy, 0.0)
    steered = [replace(row, token_ids=row.token_ids[:tokens]) for row in base]
    others = {"anger": toy.axes["anger"], "sorrow": toy.axes["sorrow"]}
    changes = off_target_changes(used, PROSE, others, (steered, base))
    assert set(changes) == set(MARGINS)
    effect = target_in_margins(used, used.effect(used.alpha))
    return off_target(changes, MARGINS, QUICK, target_effect=effect)


def c9(toy: Toy, axis: str) -> ControlResult:
    natural = toy.natural
    last = [toy.model.tokenizer(p)["input_ids"][-1] for p in prompts(120)]
    order = np.argsort(-(natural[last] @ toy.axes["cause"]))[:40]
    used = RemovalBench(
        toy.model, tuple(prompts(120)[i] for i in order), along(toy, axis).intervention, 1.0,
        TARGET, NEUTRAL, neutral_rows=dict.fromkeys(range(3), natural),
    )  # fmt: skip
    return necessity(used, natural, QUICK)


def c11(toy: Toy, turned: int) -> ControlResult:
    effects = np.outer(DOSES, np.ones(40)) + 0.01 * dose_effects(along(toy, "cause"))
    effects[:, :turned] *= -1
    return per_prompt(effects, QUICK)


def c14(toy: Toy, patch: pytest.MonkeyPatch, turned: bool) -> ControlResult:
    used = along(toy, "cause")
    if turned:
        # An effect whose sign depends on whether the last token alone is steered.
        real = Bench.odd
        patch.setattr(
            Bench, "odd",
            lambda self, scope="all", **more: real(self, scope=scope, **more)
            * (-1 if scope == "last" else 1),
        )  # fmt: skip
    return position_scope(used, QUICK, declared=True)


CASES: dict[str, tuple[Make, Make]] = {
    "I1": (i1, i1_leaks),
    "I2": (i2, i2_lost),
    "I3": (i3, i3_forgets),
    "I4": (i4, i4_pads),
    "I5": (i5, i5_differs),
    "I6": (i6, i6_keeps_the_mean),
    "I7": (i7, i7_undone),
    "C1": (lambda t, _: c1(t, "cause"), lambda t, _: c1(t, "read")),
    "C2": (lambda t, _: c2(t, "cause", 6.0), lambda t, _: c2(t, "read", 0.0)),
    "C3": (lambda t, _: c3(t, ()), lambda t, _: c3(t, TARGET)),
    "C4": (lambda t, _: sign_flip(along(t, "cause"), QUICK),
           lambda t, _: sign_flip(bench(t, t.axes["read"], alpha=1.0), QUICK)),
    "C5": (lambda t, _: c5(t, "cause"), lambda t, _: c5(t, "read")),
    "C6": (lambda t, _: c6(t, 0.0), lambda t, _: c6(t, 1.0)),
    "C7": (lambda t, _: c7(t, "cause", 16), lambda t, _: c7(t, "read", 3)),
    "C8": (lambda t, _: beyond_vocabulary(along(t, "cause"), QUICK, top=2),
           lambda t, _: beyond_vocabulary(along(t, "cause"), QUICK, top=20)),
    "C9": (lambda t, _: c9(t, "cause"), lambda t, _: c9(t, "read")),
    "C10": (lambda t, _: active_path(along(t, "cause"), t.natural, QUICK),
            lambda t, _: active_path(bench(t, t.axes["read"] + t.axes["dormant"]), t.natural,
                                     QUICK)),
    "C11": (lambda t, _: c11(t, 0), lambda t, _: c11(t, 20)),
    "C12": (lambda _t, _p: chosen_elsewhere(["a"], ["c"], n_tried=3),
            lambda _t, _p: chosen_elsewhere(["a", "c"], ["c"], n_tried=3)),
    "C13": (lambda t, _: better_than_asking(along(t, "cause"), "joy", QUICK),
            lambda t, _: better_than_asking(along(t, "read"), "joy", QUICK)),
    "C14": (lambda t, p: c14(t, p, False), lambda t, p: c14(t, p, True)),
    "X7": (lambda t, _: other_wordings(along(t, "cause"), QUICK),
           lambda t, _: other_wordings(along(t, "cause"), QUICK, wordings=("{}", "{} stop"))),
}  # fmt: skip


@pytest.mark.parametrize("control", CASES)
def test_a_control_passes_what_is_sound_and_not_what_is_not(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, control: str
) -> None:
    judges(toy, monkeypatch, control)


@pytest.mark.gpu
@NEEDS_CUDA
@pytest.mark.parametrize("control", CASES)
def test_the_same_on_a_gpu(monkeypatch: pytest.MonkeyPatch, control: str) -> None:
    judges(toy_on("cuda", "float32"), monkeypatch, control)


@pytest.mark.parametrize(
    "device", ["cpu", pytest.param("cuda", marks=(pytest.mark.gpu, NEEDS_CUDA))]
)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("control", [c for c in CASES if c[0] == "I"])
def test_integrity_in_half_precision(
    monkeypatch: pytest.MonkeyPatch, control: str, dtype: str, device: str
) -> None:
    judges(toy_on(device, dtype), monkeypatch, control)


@cache
def toy_on(device: str, dtype: str) -> Toy:
    return make_toy(device=device, dtype=dtype)


def judges(toy: Toy, monkeypatch: pytest.MonkeyPatch, control: str) -> None:
    """The control passes its sound case and does not pass its unsound one."""
    sound, unsound = CASES[control]
    with monkeypatch.context() as patch:
        good = sound(toy, patch)
    assert (good.id, good.state) == (control, "pass"), good.reasons
    with monkeypatch.context() as patch:
        bad = unsound(toy, patch)
    # A control that is only reported never fails; its warning is the most it says.
    wanted = {"warn"} if CONTROLS[control].default == "report" else {"fail"}
    assert bad.id == control
    assert bad.state in wanted, bad
    assert bad.reasons


def test_no_control_on_forward_passes_is_without_a_case() -> None:
    assert set(CASES) == {c for c in CONTROLS if c[0] in "IC" or c == "X7"}
    assert LAYER < 3
