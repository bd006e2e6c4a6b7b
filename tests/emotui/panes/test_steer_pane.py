"""The Steer pane on a tiny real model: every action, and its texts beside `generate` itself."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual import events

from emotui.events import Partial
from emotui.jobs.engine import Engine
from emotui.jobs.live import live_job
from emotui.jobs.live_spec import (
    BASELINE,
    RANDOM,
    STEERED,
    Knob,
    LiveRequest,
    LiveResult,
    LiveStep,
    RowAsk,
)
from emotui.jobs.sets import open_set, residual_norm
from emotui.jobs.spec import ModelSpec
from emotui.panes.steer_sliders import EmotionSlider
from emotui.panes.steer_words import meters
from emotui.session import Session, save_session
from emotui.terminal import plain
from emotui.widgets.cells import signed
from emotui.worker import JobCancelled, JobEvent
from emotui.workspace import SamplingChoice
from store.layout import Home
from tests.emotui.conftest import Prepared
from tests.emotui.panes.host import Hosted, hosting, hosting_session, until
from vectors.generation import Generation, Step, generate
from vectors.models import load_model
from vectors.sampling import Sampling
from vectors.steering import Intervention

Scenario = Callable[[Hosted], Awaitable[None]]
PROMPT = "the old door"
SHORT = SamplingChoice(max_new_tokens=12)


def run(scenario: Scenario, prepared: Prepared, name: str, **chosen: object) -> None:
    """One scenario on the pane."""

    async def go() -> None:
        given: dict[str, object] = {
            "vectors": name,
            "prompt": PROMPT,
            "sampling": SHORT,
            "emotion": "joyful",
            "alpha": 0.4,
            "history": (),
            "layer": 1,
        }
        async with hosting(prepared.home, "steer", **(given | chosen)) as host:  # type: ignore[arg-type]
            await scenario(host)

    asyncio.run(go())


def test_run_is_what_generate_gives(prepared: Prepared, vectors: str, model_dir: Path) -> None:
    model = load_model(str(model_dir), device="cpu")
    directions = open_set(Home(prepared.home), vectors)
    push = Intervention(1, directions.at("joyful", 1), residual_norm(directions, 1))
    want = generate(
        model,
        PROMPT,
        interventions=[push],
        alphas=[None, 0.4],
        sampling=Sampling(max_new_tokens=12),
    )

    async def scenario(host: Hosted) -> None:
        await host.press("ctrl+j")
        texts = host.pane.result.texts
        assert [t.name for t in texts] == [BASELINE, STEERED]
        for text, row in zip(texts, want.rows, strict=True):
            assert text.token_ids == row.token_ids
            assert text.nll == pytest.approx(row.nll, abs=1e-5)
            assert text.dose == pytest.approx(row.dose, abs=1e-5)
            assert text.hook_calls == text.hook_calls_due == row.hook_calls
        outputs = host.pane.outputs
        assert outputs[STEERED].shown_text == want.rows[1].text
        assert not outputs[RANDOM].display
        assert "NLL" in host.screen()
        assert "dose" in host.screen()
        assert host.workspace.steering is False

    run(scenario, prepared, vectors)


def test_changes_without_a_run_are_stale(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("ctrl+j")
        assert "(stale)" not in host.screen()
        await host.press("right")
        assert host.workspace.alpha == pytest.approx(0.41)
        assert host.screen().count("(stale)") == 2
        await host.press("left")
        assert "(stale)" not in host.screen()
        await host.press("left_square_bracket")
        assert "(stale)" in host.screen()

    run(scenario, prepared, vectors)


def test_random_control_acts_with_the_same_size(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("r")
        first = {t.name: t for t in host.pane.result.texts}
        assert first[RANDOM].control_seed == 1
        assert first[RANDOM].dose == pytest.approx(first[STEERED].dose, rel=0.3)
        assert host.pane.outputs[RANDOM].display
        assert "no control" not in host.line("#steer-rests")
        await host.press("r")
        again = {t.name: t for t in host.pane.result.texts}
        assert again[RANDOM].control_seed == 2
        assert again[STEERED].token_ids == first[STEERED].token_ids

    run(scenario, prepared, vectors)


def test_baseline_alone_is_no_steering(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("b")
        assert [t.name for t in host.pane.result.texts] == [BASELINE]
        assert "no control" not in host.line("#steer-rests")
        assert host.pane.result.texts[0].dose == 0

    run(scenario, prepared, vectors)


def test_sweep_grid_window_and_enter(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("w")
        result = host.pane.result
        alphas = [t.alphas[0] if t.alphas else 0.0 for t in result.texts]
        assert alphas == [-0.5, -0.375, -0.25, -0.125, 0.0, 0.125, 0.25, 0.375, 0.5]
        assert result.window is not None
        slider = host.pane.sliders.slider("joyful")
        assert slider.window == result.window
        table = host.pane.query_one("#extra-sweep")
        assert table.has_focus
        await host.press("down", "enter")
        assert host.workspace.alpha == pytest.approx(0.125)
        assert len(host.workspace.history) == 1
        # Another layer has another window, or none yet.
        await host.press("left_square_bracket")
        assert slider.window is None

    run(scenario, prepared, vectors)


def test_several_emotions_each_with_a_slider(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("e")
        await host.press("a", "enter")
        assert host.pane.emotions == ("joyful", "sad")
        sliders = host.pane.sliders
        await host.press("down")
        assert sliders.slider("sad").has_focus
        await host.press("down")
        assert sliders.slider("sad").has_focus, "it is the last"
        await host.press("up")
        assert sliders.slider("joyful").has_focus
        await host.press("j", "minus", "full_stop", "3", "enter")
        assert host.pane.sliders.alphas == {"joyful": 0.4, "sad": -0.3}
        await host.press("ctrl+j")
        assert host.pane.result.texts[1].alphas == (0.4, -0.3)
        assert len(host.pane.result.texts[1].scores) == 2
        assert "sad −.30" in host.screen()
        await host.press("w")
        assert host.pane.result.request.sweep == "sad", "the slider with the focus"

    run(scenario, prepared, vectors)


def test_history_brings_a_run_back_and_survives(prepared: Prepared, vectors: str) -> None:
    kept: list[tuple[dict[str, object], ...]] = []

    async def scenario(host: Hosted) -> None:
        await host.press("ctrl+j")
        first = host.pane.result
        await host.press("0", "ctrl+j")
        assert host.workspace.alpha == 0
        await host.press("H")
        assert "2 runs" in host.line("#extra-title")
        await host.press("down", "enter")
        assert host.workspace.alpha == 0.4
        assert host.pane.outputs[STEERED].shown_text == first.texts[1].text
        assert "(stale)" not in host.screen()
        await host.press("ctrl+j")
        assert host.pane.result.texts[1].token_ids == first.texts[1].token_ids
        kept.append(tuple(json.loads(json.dumps(v)) for v in host.workspace.history))

    run(scenario, prepared, vectors)

    async def later(host: Hosted) -> None:
        await host.press("H")
        assert "3 runs" in host.line("#extra-title")

    run(later, prepared, vectors, history=(*kept[0], {"of another version": 1}))


def test_what_is_cut_says_so(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("ctrl+j", "w")
        assert "…" not in str(host.pane.query_one("#extra-row").content)
        host.pane._history = [
            replace(run, texts=tuple(replace(t, text="to be long " * 200) for t in run.texts))
            for run in host.pane._history
        ]
        host.pane.replay(host.pane._history[-1])
        await host.settled()
        assert str(host.pane.query_one("#extra-row").content).endswith("…")
        await host.press("H")
        kept = str(host.pane.query_one("#extra-row").content).rstrip().split("\n")
        assert [line[-1] for line in kept] == ["…"] * 9, "a row for each text of the sweep"
        await host.press("down")
        kept = str(host.pane.query_one("#extra-row").content).rstrip().split("\n")
        assert [line.split(":")[0] for line in kept if ": " in line] == ["baseline", "steered"]
        assert sum(line.endswith("…") for line in kept) == 2
        assert len(kept) <= 9

    run(scenario, prepared, vectors)


def test_titles_name_those_pushed_and_meters_say_that_there_are_more(
    prepared: Prepared, vectors: str
) -> None:
    async def scenario() -> None:
        chosen = {"prompt": PROMPT, "sampling": SHORT, "emotion": "joyful", "alpha": 0.4}
        async with hosting(
            prepared.home, "steer", size=(80, 24), vectors=vectors, layer=1, **chosen
        ) as host:
            await host.press("e")
            await host.press("a", "enter")
            await host.press("r")
            screen = host.screen()
            assert "steered  α joyful +.40" in screen
            assert "sad 0" not in screen, "left alone"
            assert "… x writes all meters" in screen
            assert "random 1  α joyful +.40" in screen
            await host.press("left")
            assert "(stale) random 1  α joyfu… " in host.screen()

    asyncio.run(scenario())


def test_a_long_name_is_cut_and_its_number_is_not(prepared: Prepared, vectors: str) -> None:
    name = "恐怖と喜び: a feeling without a name that comes on Sunday evenings"
    label = EmotionSlider(name, alpha=0.1, wide=16).label
    assert cell_len(label) == 16 + len(" α"), "sliders stay aligned"
    assert "… α" in label

    async def scenario(host: Hosted) -> None:
        await host.press("ctrl+j")
        request, text = host.pane.outputs[STEERED].made
        request, text = replace(request, emotions=(name,)), replace(text, reads_as=name)
        for room in (26, 60):
            parts = meters(request, text, room=room)
            assert all(cell_len(part) <= room for part in parts)
            (read,) = (part for part in parts if part.startswith("reads "))
            assert read.split()[-1] == signed(text.scores[0], places=3)

    run(scenario, prepared, vectors)


def test_diff_names_both(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("D")
        assert any("two outputs" in said for said in host.app.said)
        await host.press("r", "D")
        assert "[-baseline-] {+steered+}" in host.line("#extra-title")
        await host.press("D")
        assert "[-baseline-] {+random+}" in host.line("#extra-title")
        await host.press("escape")
        assert not host.pane.has_class("-extra")

    run(scenario, prepared, vectors)


def test_f_begins_a_claim_from_the_run_shown(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("f")
        assert any("begins from a finished run" in said for said in host.app.said)
        await host.press("b", "f")
        assert any("nothing was steered" in said for said in host.app.said)
        assert host.app.current == "steer"
        await host.press("ctrl+j", "0", "left_square_bracket")
        seen: list[str] = []
        host.app.go_to = seen.append  # type: ignore[method-assign]
        await host.press("f")
        assert seen == ["audit"]
        w = host.workspace
        assert (w.claim, w.emotion, w.alpha, w.layer) == ("steering", "joyful", 0.4, 1), "the run's"
        await host.press("w", "down", "f")
        assert host.workspace.alpha == pytest.approx(0.125), "the sweep's row"

    run(scenario, prepared, vectors)


@pytest.mark.usefixtures("slowly")
def test_f_refuses_a_run_whose_alpha_moved(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.tap("ctrl+j")
        await until(lambda: len(host.pane.outputs[STEERED].shown_text) > 0)
        await host.tap("0")
        await host.settled()
        await host.press("f")
        assert host.workspace.claim == ""
        assert any("no evidence" in said for said in host.app.said)

    run(scenario, prepared, vectors, sampling=SamplingChoice(max_new_tokens=40))


def test_settings_survive_the_session(prepared: Prepared, vectors: str) -> None:
    console: list[dict[str, object]] = []

    async def first(host: Hosted) -> None:
        await host.press("e")
        await host.press("a", "enter")
        host.pane.sliders.slider("sad").focus()
        await host.press("left", "left")
        await host.press("o")
        await host.answer("prompt")
        await host.press("s")
        await host.answer("tokens=9 temperature=0.5")
        console.append(json.loads(json.dumps(host.app.session.console)))

    run(first, prepared, vectors)
    assert console[0]["alphas"] == [["joyful", 0.4], ["sad", -0.02]]

    async def later() -> None:
        folder = prepared.home / "workbench"
        chosen = {"vectors": vectors, "emotion": "joyful", "alpha": 0.4, "layer": 1}
        save_session(
            folder / "session.json",
            Session(pane="steer", console=console[0], tour_done=True, **chosen),
        )
        async with hosting_session(prepared.home) as host:
            assert host.pane.sliders.alphas == {"joyful": 0.4, "sad": -0.02}
            assert host.workspace.sampling == SamplingChoice(9, 0.5, 0, 1.0)
            assert "add at prompt · seed 0 · 9 tokens" in host.line("#steer-settings")
            # One that does not fit is left alone.
            host.pane._take_console({"alphas": [["joyful"]]})
            assert host.pane.sliders.alphas == {"joyful": 0.4, "sad": -0.02}

    asyncio.run(later())


def test_a_key_pressed_while_the_set_is_read_is_not_lost(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        host.app.choose(replace(host.workspace, vectors=vectors))
        await host.tap("ctrl+j")
        await host.settled()
        assert host.pane.result is not None
        assert not any("no vectors" in said for said in host.app.said)
        await host.choose(vectors="gone")
        await host.press("ctrl+j")
        assert any("vectors gone cannot be read" in said for said in host.app.said)

    run(scenario, prepared, "")


def test_an_interrupted_run_that_cannot_be_read_says_so(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        host.pane.resume_job({"pane": "steer", "request": {"of": "another version"}})
        assert any("cannot be read" in said for said in host.app.said)

    run(scenario, prepared, vectors)


def test_to_tokens_hands_over_the_ids(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("ctrl+j")
        text = host.pane.result.texts[1]
        await host.press("t")
        shown = host.workspace.text
        assert shown is not None
        assert shown.token_ids == text.token_ids
        assert shown.text == PROMPT + text.text
        assert host.app.current == "tokens"
        ids = host.pane.coloured.scores.token_ids
        assert tuple(int(i) for i in ids[-len(text.token_ids) :]) == text.token_ids

    run(scenario, prepared, vectors)


def test_an_output_has_its_own_cursor_and_yank(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("ctrl+j")
        view = host.pane.outputs[BASELINE].view
        view.focus()
        await host.press("l", "l", "y")
        assert view.cursor == 2
        assert host.app.copied == [host.pane.result.texts[0].text]
        await host.press("w")
        assert host.pane.result.request.sweep == "joyful", "w is the pane's"
        assert host.screen().count("joyful") > 0

    run(scenario, prepared, vectors)


def test_settings_dialogs(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("s")
        await host.answer("seed=-1")
        assert "seed" in host.line("#hint")
        await host.answer("seed=7 tokens=5 temperature=0")
        assert (host.workspace.seed, host.workspace.sampling.max_new_tokens) == (7, 5)
        await host.press("o")
        await host.answer("sometimes")
        assert "sometimes" in host.line("#hint")
        await host.answer("generated")
        await host.press("m")
        await host.type("clamp")
        await host.press("enter")
        assert "clamp at generated" in host.line("#steer-settings")
        host.pane.action_type_alpha()
        await host.settled()
        await host.answer("0.9")
        assert host.workspace.alpha == 0.9
        await host.press("ctrl+j")
        request = host.pane.result.request
        assert (request.seed, request.mode, request.positions) == (7, "clamp", "generated")
        assert len(host.pane.result.texts[0].token_ids) <= 5

    run(scenario, prepared, vectors)


def test_prompt_editor(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("p")
        await host.pilot.press("end", "space", *"wall")
        await host.press("escape")
        assert host.pane.sliders.slider("joyful").has_focus
        await host.press("ctrl+j")
        assert host.workspace.prompt == PROMPT + " wall" == host.pane.result.request.prompt

    run(scenario, prepared, vectors)


def test_recipes(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("R")
        assert any("no recipes" in said for said in host.app.said)
        host.pane.action_save_recipe()
        await host.settled()
        await host.answer("bright and early")
        assert "not usable" in host.line("#hint"), "said where it can be mended"
        await host.answer("bright")
        host.pane.action_save_recipe()
        await host.settled()
        await host.answer("bright")
        assert host.app.said[-1].endswith("in place of the one before")
        await host.press("0", "right_square_bracket")
        await host.press("R", "enter")
        assert (host.workspace.alpha, host.workspace.layer) == (0.4, 1)
        assert host.pane.sliders.alphas == {"joyful": 0.4}

    run(scenario, prepared, vectors)


def test_export(prepared: Prepared, vectors: str, tmp_path: Path) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("ctrl+j")
        for name in ("run.md", "run.json", "run.txt"):
            await host.press("x")
            await host.answer(str(tmp_path / name))
        again = LiveResult.from_json(json.loads((tmp_path / "run.json").read_text()))
        assert again.request == host.pane.result.request
        assert again.texts[1].token_ids == host.pane.result.texts[1].token_ids
        assert "| steered | +0.4 |" in (tmp_path / "run.md").read_text()
        assert not (tmp_path / "run.txt").exists()
        assert "use .json or .md" in host.line("#hint"), "the same question again"
        await host.press("escape")
        names = []
        for _ in range(2):
            await host.press("x", "enter")
            names = sorted(p.name for p in prepared.home.glob("steer-*.md"))
        assert len(names) == 2, "a name is never offered twice"

    run(scenario, prepared, vectors)


def test_without_vectors_it_says_what_to_do(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        assert "no vectors chosen" in host.line("#steer-settings")
        await host.press("ctrl+j")
        assert host.pane.result is None
        await host.press("S", "enter")
        assert host.workspace.vectors == vectors

    run(scenario, prepared, "")


@pytest.mark.usefixtures("slowly")
def test_moved_while_it_streams_is_no_evidence(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.tap("ctrl+j")
        await until(lambda: len(host.pane.outputs[STEERED].shown_text) > 0)
        assert host.workspace.steering
        await host.tap("0")
        await host.settled()
        result = host.pane.result
        steered = result.texts[1]
        assert steered.live
        assert result.live
        assert steered.token_alphas[0] == (0.4,)
        assert steered.token_alphas[-1] == (0.0,)
        assert not result.texts[0].live, "the baseline was not touched"
        assert "not evidence" in host.line("#steer-rests")
        assert "LIVE steered  from α +.40" in host.screen(), "where it began, not where it was"
        host.pane.outputs[STEERED].view.focus()
        await host.press("t")
        assert "LIVE: joyful from α +.40" in host.workspace.text.origin

    run(scenario, prepared, vectors, sampling=SamplingChoice(max_new_tokens=40))


@pytest.mark.usefixtures("slowly")
def test_an_emotion_added_while_text_streams_waits_for_the_next_run(
    prepared: Prepared, vectors: str
) -> None:
    async def scenario(host: Hosted) -> None:
        await host.tap("ctrl+j")
        await until(lambda: len(host.pane.outputs[STEERED].shown_text) > 0)
        await host.tap("e")
        await host.tap("a")
        await host.tap("enter")
        await until(lambda: host.pane.emotions == ("joyful", "sad"))
        await host.tap("down")
        await host.tap("right")
        await until(lambda: host.pane.sliders.alphas["sad"] == 0.01)
        assert host.pane.result is None, "it still streams"
        await host.settled()
        assert not host.pane.result.live, "what streamed was not touched"
        assert host.pane.result.request.emotions == ("joyful",)
        assert "(stale)" in host.screen()
        await host.press("ctrl+j")
        assert host.pane.result.request.emotions == ("joyful", "sad")
        assert "(stale)" not in host.screen()

    run(scenario, prepared, vectors, sampling=SamplingChoice(max_new_tokens=40))


@pytest.mark.usefixtures("slowly")
def test_stop_between_tokens_keeps_what_came(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.tap("ctrl+j")
        await until(lambda: len(host.pane.outputs[STEERED].shown_text) > 0)
        await host.tap("escape")
        await host.settled()
        assert host.pane.result is None
        assert host.pane.outputs[STEERED].shown_text
        assert "no meters" in host.screen()
        assert host.workspace.history == ()
        assert host.workspace.steering is False
        await host.press("ctrl+j")
        assert host.pane.result is not None

    run(scenario, prepared, vectors, sampling=SamplingChoice(max_new_tokens=40))


@pytest.mark.usefixtures("slowly")
@pytest.mark.usefixtures("slowly")
def test_tokens_of_an_older_run_are_dropped(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.tap("ctrl+j")
        await until(lambda: len(host.pane.outputs[STEERED].shown_text) > 0)
        old = host.pane._job
        await host.tap("b")
        await host.settled()
        assert [t.name for t in host.pane.result.texts] == [BASELINE]
        assert host.app.jobs.jobs[old].status == "cancelled"
        # A late token of the cancelled run changes nothing.
        shown = host.pane.outputs[BASELINE].shown_text
        step = LiveStep(3, ("LATE", "LATE"), ((None,), (0.4,)), (False, False))
        host.pane.on_job(JobEvent(old, Partial("step", step)))
        host.pane.on_job(JobCancelled(old))
        await host.settled()
        assert host.pane.outputs[BASELINE].shown_text == shown

    run(scenario, prepared, vectors, sampling=SamplingChoice(max_new_tokens=40))


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real `generate`, 20 ms per token, so that a key can be pressed between two tokens."""

    def slow(*args: Any, on_step: Callable[[Step], None], **options: Any) -> Generation:
        def step(step: Step) -> None:
            on_step(step)
            time.sleep(0.02)

        return generate(*args, on_step=step, **options)

    monkeypatch.setattr("emotui.jobs.live.generate", slow)


def test_job_dial_moves_only_the_rows_that_follow(
    prepared: Prepared, vectors: str, model_dir: Path
) -> None:
    request = LiveRequest(
        vectors,
        ModelSpec(str(model_dir), device="cpu"),
        PROMPT,
        ("joyful", "sad"),
        (
            RowAsk(BASELINE),
            RowAsk(STEERED, (0.3, 0.1), follows=True),
            RowAsk("fixed", (0.3, 0.1)),
        ),
        layer=1,
        max_new_tokens=8,
    )
    knob = Knob()
    seen: list[LiveStep] = []
    result = None
    for event in live_job(Home(prepared.home), request, knob=knob, engine=Engine(threads=1)):
        value = getattr(event, "value", None)
        if isinstance(value, LiveStep):
            seen.append(value)
            if value.index == 0:
                knob.turn(1, -0.2)
        elif isinstance(value, LiveResult):
            result = value
    assert result is not None
    assert seen[0].alphas == ((None, None), (0.3, 0.1), (0.3, 0.1))
    assert seen[-1].alphas[1] == (0.3, -0.2)
    assert seen[-1].alphas[2] == (0.3, 0.1)
    assert [t.live for t in result.texts] == [False, True, False]
    assert LiveResult.from_json(json.loads(json.dumps(plain(result.to_json())))).texts[1].live
    assert replace(result, texts=()).live is False


def test_a_key_right_after_esc_already_moves_the_slider(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("p")
        assert host.app.focused is host.pane.query_one("#steer-prompt")
        before = host.workspace.alpha
        for key in ("escape", "right", "right"):  # nothing settles between them
            host.app.post_message(events.Key(key, None))
        await host.settled()
        assert host.workspace.alpha == pytest.approx(before + 0.02)
        assert host.pane.prompt == PROMPT

    run(scenario, prepared, vectors)


def test_what_to_press_first_stands_there_until_the_first_run(
    prepared: Prepared, vectors: str
) -> None:
    async def scenario(host: Hosted) -> None:
        assert "Nothing generated yet" in host.screen()
        await host.press("ctrl+j")
        assert "Nothing generated yet" not in host.screen()

    run(scenario, prepared, vectors)
