"""I1-I7 and C1-C14 on a model with known truth: each passes where it should and fails too."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.vectors.audits.planted import World, plant
from tests.vectors.audits.toy import LAYER, NEUTRAL, TARGET, Toy, bench, prompts
from vectors.audits import integrity
from vectors.audits.arms import planned_arms, random_directions, shuffled_directions
from vectors.audits.bench import Bench
from vectors.audits.choice import chosen_elsewhere, off_target
from vectors.audits.dose import (
    DOSES,
    dose_effects,
    dose_response,
    per_prompt,
    planned_doses,
    position_scope,
    sign_flip,
)
from vectors.audits.language import coherence_budget
from vectors.audits.mechanism import active_path, beyond_vocabulary
from vectors.audits.necessity import necessity, planned_necessity
from vectors.audits.removal import RemovalBench
from vectors.audits.settings import PRESETS, AuditSettings
from vectors.audits.specificity import planned_specificity, specificity
from vectors.errors import DataError
from vectors.generation import generate
from vectors.models import LanguageModel
from vectors.sampling import Sampling
from vectors.steering import Intervention

# Few draws, but enough for p <= .05 (floor 1 / 20).
QUICK = AuditSettings(replace(PRESETS["quick"], r=19))


def test_c1_the_cause_beats_random_pushes_and_a_read_only_direction_does_not(toy: Toy) -> None:
    used = bench(toy, toy.axes["cause"])
    found = random_directions(used, toy.natural, QUICK)
    assert found.state == "pass"
    assert [n.kind for n in found.nulls] == ["isotropic", "covariance-matched", "damage-matched"]
    assert found.cost.forwards <= planned_arms(40, QUICK)["C1"].forwards
    read = random_directions(bench(toy, toy.axes["read"]), toy.natural, QUICK)
    assert read.state == "fail"
    few = random_directions(bench(toy, toy.axes["cause"], count=10), toy.natural, QUICK)
    assert few.state in ("warn", "pass")
    assert "10 prompts" in few.reasons[-1]
    coarse = AuditSettings(replace(PRESETS["quick"], r=9))
    limited = random_directions(used, toy.natural, coarse)
    assert limited.state == "limited"  # p can never be below .1


def labelled(toy: Toy, axis: str, strength: float) -> object:
    data, _ = plant(World(d=32, seed=3, offset=0.0, topic=0.3))
    push = np.outer(data.codes - 0.5, toy.axes[axis]) * strength
    return data.with_rows(data.rows + push)


def test_c2_shuffled_labels(toy: Toy) -> None:
    data = labelled(toy, "cause", 6.0)
    used = bench(toy, toy.axes["cause"])
    found = shuffled_directions(used, data, "sorrow", QUICK)  # type: ignore[arg-type]
    assert found.state == "pass"
    # A direction of noise does what shuffled labels do.
    noise = labelled(toy, "cause", 0.0)
    weak = bench(toy, toy.axes["read"] + 0.05 * toy.axes["cause"])
    assert shuffled_directions(weak, noise, "sorrow", QUICK).state == "fail"  # type: ignore[arg-type]
    narrow = plant(World(d=8))[0]
    with pytest.raises(DataError, match="width 8"):
        shuffled_directions(used, narrow, "sorrow", QUICK)


def test_c3_own_outcome_against_others_of_the_same_valence(toy: Toy) -> None:
    used = bench(toy, toy.axes["cause"])
    directions = {"joy": toy.axes["cause"], "pride": toy.axes["read"], "anger": toy.axes["anger"]}
    lexicons = {"joy": TARGET, "pride": tuple(range(20, 30)), "anger": tuple(range(40, 50))}
    valence = {"joy": 1.0, "pride": 1.0, "anger": -1.0}
    found = specificity(used, "joy", directions, lexicons, valence, QUICK)
    assert found.state == "pass"
    assert found.cost.forwards <= planned_specificity(40, 3).forwards
    same = {**lexicons, "pride": TARGET, "anger": TARGET}
    assert specificity(used, "joy", directions, same, valence, QUICK).state == "fail"
    only = specificity(used, "joy", {"joy": toy.axes["cause"]}, lexicons, valence, QUICK)
    assert only.state == "limited"


def test_c4_the_sign_decides_for_the_cause_only(toy: Toy) -> None:
    found = sign_flip(bench(toy, toy.axes["cause"]), QUICK)
    assert found.state == "pass"
    assert found.numbers["odd"].low > 0
    assert found.cost.forwards <= planned_doses(40)["C4"].forwards
    read = sign_flip(bench(toy, toy.axes["read"], alpha=1.0), QUICK)
    assert read.state == "fail"


def test_c5_and_c11_graded_for_every_prompt_or_not(toy: Toy) -> None:
    used = bench(toy, toy.axes["cause"])
    effects = dose_effects(used)
    assert used.forwards <= planned_doses(40)["C5"].forwards
    found = dose_response(effects, QUICK)
    assert found.state == "pass"
    assert found.numbers["rho"].value == pytest.approx(1.0)
    assert per_prompt(effects, QUICK).state == "pass"
    flat = dose_effects(bench(toy, toy.axes["read"]))
    assert dose_response(flat, QUICK).state == "fail"
    half = effects.copy()
    half[:, ::2] *= -1
    mixed = per_prompt(half, QUICK)
    assert mixed.state == "fail"
    assert "go the other way" in mixed.reasons[0]
    saturating = np.tile(np.abs(DOSES)[:, None], (1, 40)) + 0.01 * effects
    assert dose_response(saturating, QUICK).state == "fail"


def test_c6_language_and_its_end(toy: Toy) -> None:
    def rows(alpha: float, text: int = 24) -> list[object]:
        what = bench(toy, toy.axes["cause"]).intervention
        made = generate(
            toy.model,
            prompts(8),
            interventions=[what],
            alphas=[alpha] * 8,
            sampling=Sampling(max_new_tokens=text, seed=1),
        )
        return list(made.rows)

    base, same, broken = rows(0.0), rows(0.02), rows(6.0)
    assert coherence_budget(same, base, QUICK).state == "pass"  # type: ignore[arg-type]
    found = coherence_budget(broken, base, QUICK)  # type: ignore[arg-type]
    assert found.state in ("warn", "fail")
    assert found.numbers["perplexity ratio"].value > 1.5
    # The toy's own text is already unlikely; one nat more per token is a ratio of e.
    worse = [replace(row, nll=row.nll + 1.0) for row in base]  # type: ignore[type-var,attr-defined]
    lost = coherence_budget(worse, base, QUICK)  # type: ignore[arg-type]
    assert lost.state == "fail"
    assert lost.numbers["perplexity ratio"].value == pytest.approx(np.e)
    cut = coherence_budget(same, base, QUICK, must_end=True)  # type: ignore[arg-type]
    assert cut.state == "fail"
    with pytest.raises(DataError, match="pairs"):
        coherence_budget(same[:4], base, QUICK)  # type: ignore[arg-type]


def test_c7_equivalence_of_what_should_not_move() -> None:
    rng = np.random.default_rng(0)
    still, moved = 0.001 * rng.standard_normal(100), 0.1 + 0.01 * rng.standard_normal(100)
    margins = {"cloze": 0.03, "length": 0.03, "topic": 0.03}
    good = {"cloze": still, "length": -still, "topic": still}
    assert off_target(good, margins, QUICK).state == "pass"
    assert off_target({**good, "length": moved}, margins, QUICK).state == "warn"
    assert off_target(dict.fromkeys(margins, moved), margins, QUICK).state == "fail"
    assert off_target({**good, "length": moved}, margins, QUICK, target_effect=1.0).state == "fail"
    assert off_target({}, {}, QUICK).state == "not_run"
    unsure = {**good, "topic": 0.2 * rng.standard_normal(10)}  # too wide to be equivalent
    assert off_target(unsure, margins, QUICK).state == "warn"


def test_c8_a_vocabulary_boost_is_called_one(toy: Toy) -> None:
    used = bench(toy, toy.axes["cause"])
    boost = beyond_vocabulary(used, QUICK, top=20)
    assert boost.state == "fail"
    assert "promoted by the vector directly" in boost.reasons[0]
    assert beyond_vocabulary(used, QUICK, top=6).state in ("pass", "warn")
    lexicon = beyond_vocabulary(used, QUICK, top=1, lexicon=TARGET)
    assert lexicon.state == "fail"


def test_c9_removing_the_cause_lowers_the_outcome_where_it_was_present(toy: Toy) -> None:
    # Embeddings that evoke the emotion: prompts whose last token lies along the cause.
    ranked = sorted(prompts(120), key=lambda p: -_along(toy, p))
    used = removing(toy, "cause", ranked[:40])
    found = necessity(used, toy.natural, QUICK)
    assert found.state == "pass"
    assert found.cost.forwards <= planned_necessity(40, QUICK).forwards
    read = necessity(removing(toy, "read", ranked[:40]), toy.natural, QUICK)
    assert read.state in ("warn", "fail")
    inhibits = necessity(removing(toy, "cause", ranked[-40:]), toy.natural, QUICK)
    assert inhibits.state == "fail"
    assert "inhibits" in inhibits.reasons[0]
    as_claimed = necessity(removing(toy, "cause", ranked[-40:]), toy.natural, QUICK, side=-1)
    assert as_claimed.state == "pass"


def removing(toy: Toy, axis: str, some: list[str]) -> RemovalBench:
    """The toy with a direction taken out at every layer, on given prompts."""
    made = bench(toy, toy.axes[axis])
    neutral = dict.fromkeys(range(3), toy.natural)
    return RemovalBench(
        toy.model, tuple(some), made.intervention, 1.0, TARGET, NEUTRAL, neutral_rows=neutral
    )


def _along(toy: Toy, prompt: str) -> float:
    last = toy.model.tokenizer(prompt)["input_ids"][-1]
    return float(toy.natural[last] @ toy.axes["cause"])


def test_c10_the_dormant_path_is_found(toy: Toy) -> None:
    assert active_path(bench(toy, toy.axes["cause"]), toy.natural, QUICK).state == "pass"
    dormant = active_path(bench(toy, toy.axes["read"] + toy.axes["dormant"]), toy.natural, QUICK)
    assert dormant.state == "fail"
    assert abs(dormant.numbers["rest"].value) > abs(dormant.numbers["active"].value)
    few = active_path(bench(toy, toy.axes["cause"]), toy.natural[:60], QUICK)
    assert few.state == "limited"
    assert "cannot span" in few.reasons[0]
    far = active_path(bench(toy, toy.axes["cause"], alpha=2.0), toy.natural, QUICK)
    assert far.state in ("warn", "fail")
    assert far.numbers["z"].value > 6


def test_natural_activations_are_those_of_the_prompts_tokens(toy: Toy) -> None:
    used = bench(toy, toy.axes["cause"])
    rows = used.residuals()
    assert used.forwards == 40
    assert rows.shape == (sum(len(toy.model.tokenizer(p)["input_ids"]) for p in prompts()), 32)
    assert np.abs(rows @ toy.axes["dormant"]).max() < 1e-4
    assert (rows @ toy.axes["cause"]).std() > 0.3
    assert active_path(used, rows, QUICK).state in ("pass", "warn")


def test_c12_the_choice_needs_prompts_of_its_own() -> None:
    assert chosen_elsewhere(["a", "b"], ["c"], n_tried=12).state == "pass"
    assert chosen_elsewhere(["a", "c"], ["c"], n_tried=12).state == "fail"
    assert chosen_elsewhere(None, ["c"], n_tried=1).state == "n/a"
    assert chosen_elsewhere(None, ["c"], n_tried=3).state == "fail"


def test_c14_where_it_acts(toy: Toy) -> None:
    # The blocks add nothing, so only the last position matters: all = last, prompt-only = 0.
    found = position_scope(bench(toy, toy.axes["cause"]), QUICK, declared=True)
    assert found.state == "pass"
    assert found.numbers["prompt"].value == pytest.approx(0.0, abs=1e-4)
    assert found.numbers["last"].value == pytest.approx(found.numbers["all"].value, abs=1e-4)
    undeclared = position_scope(bench(toy, toy.axes["cause"]), QUICK, declared=False)
    assert undeclared.state == "warn"


def what_of(model: LanguageModel) -> Intervention:
    rng = np.random.default_rng(0)
    v = rng.standard_normal(model.info.d_model).astype(np.float32)
    return Intervention(LAYER, v / np.linalg.norm(v), 4.0)


@pytest.mark.parametrize("family", ["gpt_neox", "llama"])
def test_the_gate_passes_on_sound_models(tiny_model: object, family: str) -> None:
    model = tiny_model(family)  # type: ignore[operator]
    results = {r.id: r for r in integrity.integrity_gate(model, what_of(model), prompts(8), QUICK)}
    states = {name: r.state for name, r in results.items()}
    # Random weights need not carry a push downstream, so I7 may say no.
    states.pop("I7")
    if family == "llama":
        assert states.pop("I6") == "n/a"  # RMSNorm keeps the mean
    assert set(states.values()) == {"pass"}, [r.reasons for r in results.values()]


def test_i7_a_push_that_lasts_and_one_that_is_undone(toy: Toy) -> None:
    what = bench(toy, toy.axes["cause"]).intervention
    assert integrity.downstream(toy.model, what, prompts(8), QUICK).state == "pass"
    cancel = toy.model.blocks[2].register_forward_hook(lambda _m, _i, out: -out)
    try:
        assert integrity.downstream(toy.model, what, prompts(8), QUICK).state == "fail"
    finally:
        cancel.remove()


def test_the_gate_catches_a_hook_that_changes_something_at_alpha_zero(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = integrity.steered_logits

    def leaky(model: object, ids: object, what: list[object], alphas: object) -> torch.Tensor:
        logits = real(model, ids, what, alphas)  # type: ignore[arg-type]
        return logits + 0.01 * len(what)

    monkeypatch.setattr(integrity, "steered_logits", leaky)
    what = what_of(toy.model)
    assert integrity.alpha_zero(toy.model, what, prompts(4), QUICK).state == "fail"


def test_the_gate_catches_lost_doses_caches_padding_and_backends(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = what_of(toy.model)
    # A later hook on the same block that puts the old stream back: the no-op of a known bug.
    block = toy.model.blocks[LAYER]
    undo = block.register_forward_hook(lambda _m, args, _out: args[0])
    real_hooks = integrity.Steering.hook
    monkeypatch.setattr(
        integrity.Steering, "hook",
        lambda self, h, layer: None if real_hooks(self, h, layer) is None else h * 1.0,
    )  # fmt: skip
    try:
        found = integrity.dose_delivered(toy.model, what, prompts(4), QUICK, alpha=0.5)
    finally:
        undo.remove()
    assert found.state == "fail"
    monkeypatch.undo()

    # Position ids that restart with the cache: what a cache bug looks like.
    model = toy.model
    step = integrity.Decoder.step

    def forgetful(self: object, tokens: np.ndarray, alphas: np.ndarray) -> torch.Tensor:
        late = 0 * alphas if self.use_cache else alphas  # type: ignore[attr-defined]
        return step(self, tokens, late)  # type: ignore[arg-type]

    monkeypatch.setattr(integrity.Decoder, "step", forgetful)
    strong = bench(toy, toy.axes["cause"]).intervention
    assert integrity.cache_parity(model, strong, prompts(2), QUICK, alpha=0.5).state == "fail"
    monkeypatch.undo()

    real_extract = integrity.extract

    def padded(m: object, texts: list[str], plan: object, **more: object) -> object:
        for batch in real_extract(m, texts, plan, **more):  # type: ignore[arg-type]
            if len(texts) > 1:
                values = {k: v[:, :, ::-1].copy() for k, v in batch.values.items()}
                batch = replace(batch, values=values)
            yield batch

    monkeypatch.setattr(integrity, "extract", padded)
    assert integrity.padding(toy.model, prompts(4), QUICK).state == "fail"
    monkeypatch.undo()

    seen = integrity._all_layers
    monkeypatch.setattr(
        integrity, "_all_layers",
        lambda m, ids: {k: h[:, ::-1] for k, h in seen(m, ids).items()},
    )  # fmt: skip
    assert integrity.backends(toy.model, prompts(2), QUICK).state == "fail"


def test_i6_a_norm_that_keeps_the_mean_is_caught(toy: Toy) -> None:
    what = what_of(toy.model)
    assert integrity.exact_null(toy.model, what, prompts(4), QUICK, alpha=0.5).state == "pass"
    ones = toy.axes["ones"]
    hook = toy.model.final_norm.register_forward_hook(
        lambda _m, args, out: (
            out + args[0].mean(-1, keepdim=True) * torch.from_numpy(toy.axes["cause"])
        )
    )
    try:
        found = integrity.exact_null(toy.model, what, prompts(4), QUICK, alpha=0.5)
    finally:
        hook.remove()
    assert found.state == "fail"
    assert abs(ones @ toy.axes["cause"]) < 1e-5


def test_a_bench_needs_prompts_an_alpha_and_two_lexicons(toy: Toy) -> None:
    used = bench(toy, toy.axes["cause"])
    for wrong, said in (
        ({"prompts": prompts(4)}, "needs 8"),
        ({"alpha": 0.0}, "alpha is 0"),
        ({"target": NEUTRAL}, "share none"),
        ({"target": (999,)}, "outside 0 to 351"),
    ):
        with pytest.raises(DataError, match=said):
            replace(used, **wrong)
    assert isinstance(used, Bench)


def test_the_gate_is_counted_before_it_starts() -> None:
    assert sum(c.forwards for c in integrity.planned_gate().values()) == 376
