"""The decode loop: cached = uncached = each row alone, live alphas, meters, endings, errors."""

import math
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from vectors.coherence import coherent_window
from vectors.controls import random_direction
from vectors.decoding import Decoder, TextStream, keep_last
from vectors.errors import DataError, TextError
from vectors.generation import Dial, Generation, RowResult, Step, generate
from vectors.meters import distinct, repetition
from vectors.models import LanguageModel, load_model
from vectors.sampling import Sampling
from vectors.steering import Intervention, Positions, Steering, steered_logits
from vectors.tokens import encode

NORM = 4.0
SHORT = Sampling(max_new_tokens=8)
Tiny = Callable[[str], LanguageModel]


def push(**changes: object) -> Intervention:
    given = {"layer": 1, "direction": random_direction(32, seed=5), "residual_norm": NORM}
    return Intervention(**{**given, **changes})  # type: ignore[arg-type]


def random_ids(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(3, 350, size=n)


def decode(
    model: LanguageModel,
    prompts: Sequence[np.ndarray],
    text: np.ndarray,
    what: Sequence[Intervention],
    alphas: Sequence[np.ndarray],
    *,
    use_cache: bool = True,
) -> torch.Tensor:
    """Logits [row, token, d_vocab] of the loop when it is made to say `text` [row, token]."""
    steering = Steering(model, what, n_rows=len(prompts))
    decoder = Decoder(model, prompts, steering=steering, use_cache=use_cache)
    with steering.hooks():
        logits = [decoder.prefill(alphas[0])]
        logits += [decoder.step(text[:, t], alphas[t + 1]) for t in range(text.shape[1] - 1)]
    return torch.stack(logits, dim=1)


@pytest.mark.parametrize("positions", ["all", "prompt", "generated", (8, 14)])
def test_cached_equals_uncached_equals_one_forward(
    family_model: LanguageModel, positions: Positions
) -> None:
    prompt, text = random_ids(11, 0), random_ids(14, 1)[None]
    what = [push(positions=positions)]
    alphas = [np.array([[0.5]])] * 14
    cached = decode(family_model, [prompt], text, what, alphas)
    uncached = decode(family_model, [prompt], text, what, alphas, use_cache=False)
    whole = np.concatenate([prompt, text[0]])
    forward = steered_logits(family_model, whole, what, [0.5], prompt_length=11)[:, 10:-1]
    assert torch.allclose(cached, uncached, atol=2e-4)
    assert torch.allclose(cached, forward, atol=2e-4)
    unsteered = steered_logits(family_model, whole, what, [0.0])[:, 10:-1]
    assert not torch.allclose(cached, unsteered, atol=1e-2)


def test_prompts_of_several_lengths_in_a_batch_are_each_as_alone(
    family_model: LanguageModel,
) -> None:
    prompts = [random_ids(n, seed=n) for n in (3, 19, 9)]
    text = np.stack([random_ids(10, 20 + row) for row in range(3)])
    alphas = np.array([[0.4], [-0.4], [0.0]])
    for positions in ("prompt", (2, 12)):
        what = [push(positions=positions)]
        together = decode(family_model, prompts, text, what, [alphas] * 10)
        for row in range(3):
            alone = decode(family_model, [prompts[row]], text[[row]], what, [alphas[[row]]] * 10)
            assert torch.allclose(together[row], alone[0], atol=2e-4)


def test_an_alpha_moved_live_acts_from_the_next_token_on(family_model: LanguageModel) -> None:
    prompt, text = random_ids(7, 0), random_ids(10, 1)[None]
    table = np.array([0.0, 0.0, 0.0, 0.5, 0.5, -0.3, -0.3, 0.0, 0.0, 0.0])
    alphas = [np.array([[a]]) for a in table]
    cached = decode(family_model, [prompt], text, [push()], alphas)
    uncached = decode(family_model, [prompt], text, [push()], alphas, use_cache=False)
    # Position by position: the prompt under the first alpha, token t under that of token t + 1.
    of_position = np.concatenate([np.zeros(6), table])[None, :, None]
    whole = np.concatenate([prompt, text[0, :-1]])
    forward = steered_logits(family_model, whole, [push()], of_position)[:, 6:]
    assert torch.allclose(cached, uncached, atol=2e-4)
    assert torch.allclose(cached, forward, atol=2e-4)
    unmoved = decode(family_model, [prompt], text, [push()], [alphas[0]] * 10)
    assert torch.equal(cached[:, :3], unmoved[:, :3])
    assert not torch.allclose(cached[:, 3], unmoved[:, 3], atol=1e-3)


def test_the_loop_says_what_transformers_generate_says(family_model: LanguageModel) -> None:
    prompt = random_ids(9, 3)
    theirs = family_model.hf.generate(
        torch.from_numpy(prompt)[None],
        attention_mask=torch.ones((1, 9), dtype=torch.long),
        max_new_tokens=12,
        min_new_tokens=12,
        do_sample=False,
        pad_token_id=family_model.pad_id,
        return_dict_in_generate=True,
        output_logits=True,
    )
    text = theirs.sequences[:, 9:].numpy()
    ours = decode(family_model, [prompt], text, [], [np.zeros((1, 0))] * 12)
    assert torch.allclose(ours, torch.stack(theirs.logits, dim=1), atol=2e-4)


def test_rows_share_their_luck(tiny_model: Tiny) -> None:
    model = tiny_model("llama")
    run = generate(
        model,
        "The rain had stopped",
        interventions=[push()],
        alphas=[0.0, 0.4, 0.4, None, 5.0],
        sampling=Sampling(max_new_tokens=20, seed=3),
    )
    rows = run.rows
    assert rows[1].token_ids == rows[2].token_ids
    assert rows[0].token_ids == rows[3].token_ids  # alpha 0 and left alone are one thing
    assert rows[0].token_ids != rows[4].token_ids
    again = generate(
        model, "The rain had stopped", interventions=[], alphas=[0.0], sampling=run.sampling
    )
    assert again.rows[0].token_ids == rows[0].token_ids
    apart = generate(
        model, "The rain had stopped", interventions=[], alphas=[0.0] * 3, sampling=run.sampling,
        seeds=[3, 4, 5],
    )  # fmt: skip
    assert apart.rows[0].token_ids == rows[0].token_ids
    assert len({row.token_ids for row in apart.rows}) == 3


@pytest.mark.parametrize("family", ["gpt2", "gemma2"])  # positions learned, positions rotary
def test_meters_are_what_a_naive_count_gives(tiny_model: Tiny, family: str) -> None:
    model, prompts = tiny_model(family), ["He counted", "Nobody had told the boy that"]
    run = generate(model, prompts, interventions=[push()], alphas=[0.0, 0.4], sampling=SHORT)
    for prompt, row, alpha in zip(prompts, run.rows, (0.0, 0.4), strict=True):
        before = encode(model, [prompt])[0].ids
        n = len(before)
        whole = np.concatenate([before, row.token_ids])
        bare = steered_logits(model, whole, [], [0.0])[0].log_softmax(dim=-1)
        nll = [-bare[n - 1 + t, token].item() for t, token in enumerate(row.token_ids)]
        assert row.nll == pytest.approx(np.mean(nll), rel=1e-4)
        steered = steered_logits(model, before, [push()], [alpha])[0, -1].log_softmax(dim=-1)
        kl = (steered.exp() * (steered - bare[n - 1])).sum().item()
        assert row.kl_first == pytest.approx(kl, abs=1e-5, rel=1e-3)
        # The last token drawn is never fed back, so it is not steered.
        read = n + len(row.token_ids) - 1
        assert row.n_moved == (read if alpha else 0)
        assert row.hook_calls == row.hook_calls_due == len(row.token_ids)
        assert row.alphas == ((alpha,),) * len(row.token_ids)
        assert row.text == "".join(row.pieces)
    base, moved = run.rows
    assert (base.dose, base.control, base.live) == (0.0, None, False)
    assert base.kl_first < 1e-6 < 1e-3 < moved.kl_first
    assert 0 < moved.dose < 5


def test_the_unembedding_is_spared(family_model: LanguageModel) -> None:
    assert keep_last(family_model, 3) == {"logits_to_keep": 3}


def test_repetition_and_distinct() -> None:
    assert repetition([1, 2, 3, 4, 5, 6]) == 0
    assert repetition([1, 2] * 6) == pytest.approx(1 - 2 / 9)
    assert distinct([7, 7, 7, 7]) == pytest.approx(1 / 3)
    assert math.isnan(repetition([1, 2, 3]))
    assert math.isnan(distinct([1]))


def test_a_dial_turned_by_another_thread_is_recorded(tiny_model: Tiny) -> None:
    dial, seen, turn, turned = Dial(), [], threading.Event(), threading.Event()

    def hand() -> None:
        turn.wait(30)
        dial.set(0.7, row=1)
        turned.set()

    def on_step(step: Step) -> None:
        seen.append(step)
        if step.index == 3:
            turn.set()
            turned.wait(30)

    thread = threading.Thread(target=hand)
    thread.start()
    run = generate(
        tiny_model("gpt_neox"), "The engine coughed", interventions=[push()], alphas=[0.0, 0.2],
        sampling=SHORT, dial=dial, on_step=on_step,
    )  # fmt: skip
    thread.join()
    assert [a for (a,) in run.rows[1].alphas] == [0.2] * 4 + [0.7] * 4
    assert [a for (a,) in run.rows[0].alphas] == [0.0] * 8
    assert [s.alphas[1][0] for s in seen] == [0.2] * 4 + [0.7] * 4
    assert [(c.token, c.row, c.alpha) for c in dial.history] == [(4, 1, 0.7)]
    assert run.live
    assert all(row.live for row in run.rows)
    with pytest.raises(DataError, match="streamed"):
        coherent_window(run)


def test_a_dial_not_turned_or_turned_before_the_start_is_no_live_run(tiny_model: Tiny) -> None:
    dial = Dial()
    dial.set(0.4, row=0)
    run = generate(
        tiny_model("llama"), "Up on the hill", interventions=[push()], alphas=[0.0], sampling=SHORT,
        dial=dial, on_step=lambda step: dial.set(0.4, row=0) if step.index == 2 else None,
    )  # fmt: skip
    assert not run.live
    assert run.rows[0].alphas[0] == (0.4,)
    wrong = Dial()
    wrong.set(0.1, row=3)
    for which, message in ((dial, "served a run"), (wrong, "no row 3")):
        with pytest.raises(DataError, match=message):
            generate(
                tiny_model("llama"), "a", interventions=[push()], alphas=[0.0], dial=which
            )  # fmt: skip
    with pytest.raises(DataError, match="alpha is inf"):
        dial.set(float("inf"), row=0)


def test_cancelling_keeps_what_there_is(tiny_model: Tiny) -> None:
    steps: list[Step] = []
    run = generate(
        tiny_model("llama"), "They waited.", interventions=[push()], alphas=[0.0, 0.3],
        sampling=SHORT, on_step=steps.append, cancelled=lambda: len(steps) == 3,
    )  # fmt: skip
    assert not run.finished
    assert [len(row.token_ids) for row in run.rows] == [3, 3]
    assert {row.stopped for row in run.rows} == {"cancelled"}
    assert all(math.isfinite(row.nll) for row in run.rows)
    at_once = generate(
        tiny_model("llama"), "a", interventions=[], alphas=[0.0], cancelled=lambda: True
    )
    assert at_once.rows[0].token_ids == ()
    assert math.isnan(at_once.rows[0].nll)


def test_each_row_ends_at_its_own_end_token(
    tiny_model: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model("llama")
    monkeypatch.setattr(model, "eos_ids", ())
    free = generate(
        model, "I wrote", interventions=[push()], alphas=[0.0, 2.0, -2.0],
        sampling=Sampling(max_new_tokens=16, seed=1),
    )  # fmt: skip
    end = free.rows[0].token_ids[5]
    monkeypatch.setattr(model, "eos_ids", (end,))
    steps: list[Step] = []
    run = generate(
        model, "I wrote", interventions=[push()], alphas=[0.0, 2.0, -2.0],
        sampling=Sampling(max_new_tokens=16, seed=1), on_step=steps.append,
    )  # fmt: skip
    for row, before in zip(run.rows, free.rows, strict=True):
        stop = before.token_ids.index(end) + 1 if end in before.token_ids else 16
        assert row.token_ids == before.token_ids[:stop]
        assert row.stopped == ("eos" if end in before.token_ids else "length")
        assert row.hook_calls == row.hook_calls_due == stop
    assert len(run.rows[0].token_ids) <= 6
    assert steps[-1].done == (True, True, True)
    assert steps[6].token_ids[0] == model.pad_id
    assert len(steps) == max(len(row.token_ids) for row in run.rows)


def test_text_streams_whole_characters(tiny_model: Tiny) -> None:
    model = tiny_model("llama")
    text = " 日本語 and 🙂🙃 tea, naïve" * 3
    token_ids = encode(model, ["Mara said"])[0].ids
    stream, said = TextStream(model.tokenizer, token_ids), []
    coded = encode(model, [text])[0]
    for token in coded.ids[~coded.is_special]:
        said.append(stream.push(int(token)))
    assert "".join(said) + stream.rest() == text
    assert "" in said  # some token held a part of a character only
    assert not any("\ufffd" in piece for piece in said)
    broken = TextStream(model.tokenizer, token_ids)
    assert broken.push(int(encode(model, ["🙂"])[0].ids[-3])) == ""
    assert "\ufffd" in broken.rest()


def test_controls_are_named(tiny_model: Tiny) -> None:
    sham = push(direction=random_direction(32, seed=1), control="isotropic")
    run = generate(
        tiny_model("llama"), "a", interventions=[push(), sham], sampling=SHORT,
        alphas=[(None, None), (0.3, None), (None, 0.3)],
    )  # fmt: skip
    assert [row.control for row in run.rows] == [None, None, "isotropic"]


def test_what_cannot_be_generated_is_refused(tiny_model: Tiny) -> None:
    model = tiny_model("gpt2")
    with pytest.raises(TextError, match="no tokens and this model has no BOS"):
        generate(model, "", interventions=[], alphas=[0.0])
    with pytest.raises(TextError, match=r"200 more are wanted, but the context is 256"):
        generate(
            model, "a b c d " * 20, interventions=[], alphas=[0.0],
            sampling=Sampling(max_new_tokens=200),
        )  # fmt: skip
    with pytest.raises(TextError, match="over 256"):
        generate(model, "a b c d " * 90, interventions=[], alphas=[0.0])
    with pytest.raises(DataError, match="2 alphas for 3 prompts"):
        generate(model, ["a", "b", "c"], interventions=[], alphas=[0.0, 0.1])


def row(alpha: float, nll: float, rep: float, n: int = 50, control: str | None = None) -> RowResult:
    return RowResult(
        prompt="", text="", token_ids=tuple(range(n)), pieces=("",) * n, alphas=((alpha,),) * n,
        stopped="length", nll=nll, repetition4=rep, distinct2=1.0, kl_first=0.0, dose=abs(alpha),
        n_moved=n, hook_calls=n, hook_calls_due=n, live=False, control=control,
    )  # fmt: skip


def sweep(*rows: RowResult) -> Generation:
    return Generation(("",) * len(rows), rows, SHORT, (0,) * len(rows), (), True, 0.0)


def test_the_coherent_window_ends_where_the_budget_does() -> None:
    one = sweep(
        row(-0.4, 1.2, 0), row(-0.2, 1.5, 0), row(-0.1, 1.3, 0), row(0, 1.0, 0.02),
        row(0.1, 1.4, 0.06), row(0.2, 1.0, 0.08), row(0.1, 9.0, 0.9, control="isotropic"),
    )  # fmt: skip
    window = coherent_window(one)
    # -0.4 is within budget again, but not reached from 0 without leaving it: e^0.5 > 1.5.
    assert (window.low, window.high) == (-0.1, 0.1)
    assert [c.ok for c in window.alphas] == [True, False, True, True, True, False]
    assert window.alphas[1].perplexity_ratio == pytest.approx(math.exp(0.5))
    loose = coherent_window(one, max_perplexity_ratio=2.0, max_repetition_rise=0.1)
    assert (loose.low, loose.high) == (-0.4, 0.2)
    # Over several sweeps nll weighs by tokens: (1.0 x 50 + 2.0 x 150) / 200.
    two = [sweep(row(0, 1.0, 0), row(0.1, 1.0, 0)), sweep(row(0, 1.0, 0), row(0.1, 2.0, 0, 150))]
    assert coherent_window(two).alphas[1].nll == pytest.approx(1.75)
    with pytest.raises(DataError, match="baseline"):
        coherent_window(sweep(row(0.1, 1.0, 0)))


@pytest.mark.data
def test_a_real_model_tells_a_story_and_breaks_under_too_much(stories260k: Path) -> None:
    model = load_model(stories260k)
    v = random_direction(model.info.d_model, seed=0)
    what = Intervention(3, v, residual_norm=9.0)
    run = generate(
        model, "Once upon a time", interventions=[what], alphas=[0.0, 0.05, 3.0],
        sampling=Sampling(max_new_tokens=60, temperature=0.8),
    )  # fmt: skip
    window = coherent_window(run)
    prompt = encode(model, ["Once upon a time"])[0].ids.tolist()
    for shown in run.rows:
        whole = model.tokenizer.decode([*prompt, *shown.token_ids], skip_special_tokens=True)
        assert whole == "Once upon a time" + shown.text
    assert run.rows[0].nll < 1.6
    assert window.high == 0.05
    assert window.alphas[-1].perplexity_ratio > 3
