"""The Steer pane: prompt, a slider per emotion, texts streaming side by side, sweep, history.

In: the workspace's set, layer, emotion, alpha, prompt. Out: the same, when changed here; runs for
the session's history. A run is asked for explicitly; while it streams, a slider moves alpha from
the next token on, and such a run is marked as no evidence. Knows no arithmetic: meters come from
the job's result.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static, TextArea

from emotui.actions import bindings
from emotui.events import Job, Partial
from emotui.jobs.live_spec import (
    BASELINE,
    RANDOM,
    STEERED,
    Knob,
    LiveRequest,
    LiveResult,
    LiveStep,
    LiveText,
    RowAsk,
)
from emotui.lanes import Tools
from emotui.panes.sets_choice import model_for
from emotui.panes.steer_extra import Extra
from emotui.panes.steer_output import Output
from emotui.panes.steer_settings import Settings, SteerSettings
from emotui.panes.steer_sliders import EmotionSlider, Sliders
from emotui.panes.steer_words import (
    rests_on,
    sweep_alphas,
)
from emotui.sanitize import one_line
from emotui.screens.asking import AskText
from emotui.terminal import plain
from emotui.widgets.slider import AlphaSlider
from emotui.widgets.token_view import TokenView
from emotui.worker import JobCancelled, JobEvent, JobFailed, JobFinished, Report
from emotui.workspace import ShownText

FLUSH_EVERY = 0.12
"""Seconds between two repaints of streaming text."""
HISTORY_KEPT = 60
"""Runs in the session file; each holds every token and its alpha."""
PROMPT = "Once upon a time"
OUTPUTS = (BASELINE, STEERED, RANDOM)


class SteerPane(SteerSettings):
    """Prompt, sliders, outputs, and one more part: sweep, history or diff."""

    pane_id = "steer"
    BINDINGS = bindings("steer")
    SCOPED_CSS: ClassVar[bool] = False
    DEFAULT_CSS = """
    SteerPane { layout: vertical; height: 1fr; width: 1fr; }
    SteerPane #steer-prompt-row { height: 2; }
    SteerPane #steer-prompt-label { width: 8; height: 1; color: $text-muted; }
    SteerPane #steer-prompt {
        height: 2; border: none; padding: 0; background: $surface; scrollbar-size-vertical: 1;
    }
    SteerPane #steer-prompt:focus { background: $panel; }
    SteerPane .line { height: 1; width: 1fr; color: $text-muted; }
    SteerPane #steer-rests { height: auto; max-height: 2; color: $text-muted; }
    SteerPane #steer-body { height: 1fr; layout: vertical; }
    SteerPane #steer-outputs { height: 1fr; }
    SteerPane #steer-extra { height: 1fr; display: none; }
    SteerPane.-extra #steer-extra { display: block; }
    .-narrow SteerPane.-extra #steer-outputs { display: none; }
    .-medium SteerPane.-extra #steer-extra { border-top: solid $panel; height: 3fr; }
    .-medium SteerPane.-extra #steer-outputs { height: 2fr; }
    .-wide SteerPane #steer-body { layout: horizontal; }
    .-wide SteerPane.-extra #steer-extra { border-left: solid $panel; padding-left: 1; }
    .-high SteerPane #steer-prompt, .-high SteerPane #steer-prompt-row,
    .-tall SteerPane #steer-prompt, .-tall SteerPane #steer-prompt-row { height: 3; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._knob: Knob | None = None
        self._job: int | None = None
        self._live: LiveRequest | None = None
        self._moved = False
        self._ended_before: tuple[bool, ...] = ()
        self._shown: LiveResult | None = None
        self._made_with: dict[str, Settings] = {}
        """Settings behind the outputs and behind the sweep on screen."""
        self._control_seed = 0
        self._history: list[LiveResult] = []
        self._outputs: dict[str, Output] = {}

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        with Horizontal(id="steer-prompt-row"):
            yield Static("prompt", id="steer-prompt-label", markup=False)
            yield TextArea(
                self.workspace.prompt or PROMPT, id="steer-prompt", compact=True, soft_wrap=True
            )
        yield Sliders(id="steer-sliders")
        yield Static(id="steer-settings", classes="line", markup=False)
        with Vertical(id="steer-body"):
            with Horizontal(id="steer-outputs"):
                for name in OUTPUTS:
                    yield Output(name)
            yield Extra(id="steer-extra")
        yield Static(id="steer-rests", markup=False)

    def on_mount(self) -> None:
        """Take what the session remembers."""
        self._history = _remembered(self.workspace.history)
        self.set_interval(FLUSH_EVERY, self._flush)

    def focus_first(self) -> None:
        """The slider; the prompt where there is none yet."""
        # Without sliders the pane itself takes the keys: the prompt would swallow letters.
        self.can_focus = self._focus_slider = not self.sliders.focus_one()
        if self.can_focus:
            self.focus()

    # What is chosen

    @property
    def result(self) -> LiveResult | None:
        """The run on screen, once it is done."""
        return self._shown

    @property
    def outputs(self) -> dict[str, Output]:
        """By name; looked up once, since every token asks."""
        if not self._outputs:
            self._outputs = {o.text_name: o for o in self.query(Output)}
        return self._outputs

    def _request(self, rows: tuple[RowAsk, ...], *, sweep: str = "") -> LiveRequest:
        sampling = self.workspace.sampling
        return LiveRequest(
            vectors=self.workspace.vectors,
            model=model_for(self.workspace),
            prompt=self.prompt,
            emotions=(sweep,) if sweep else self.emotions,
            rows=rows,
            layer=self.at_layer,
            mode=self._mode,
            positions=self._positions,
            seed=self.workspace.seed,
            sweep=sweep,
            **asdict(sampling),
        )

    # Workspace and jobs

    def on_workspace(self, changed: frozenset[str]) -> None:
        """Another set brings other emotions; another layer or emotion makes texts stale."""
        if changed & {"vectors", "datasets_version"}:
            self._list()
        if "prompt" in changed and self.workspace.prompt and self.workspace.prompt != self.prompt:
            self.query_one(TextArea).load_text(self.workspace.prompt)
        if changed & {"emotion", "alpha"}:
            self._follow_workspace()
        self._show_settings()

    def on_job(self, report: Report) -> None:
        """A token, or the end of a run."""
        if report.job_id == self._job:
            self._take_run(report)

    def resume_job(self, record: dict[str, Any]) -> None:
        """Generate again what the last session was generating when it ended."""
        self._run(LiveRequest.from_json(record["request"]), title="steer, again")

    # A run

    def _run(self, request: LiveRequest, *, title: str) -> None:
        if not self.prompt.strip():
            self.toast("the prompt is empty; p edits it", severity="warning")
            return
        if self.prompt != self.workspace.prompt:
            self.choose(replace(self.workspace, prompt=self.prompt))
        knob = Knob()

        def start(tools: Tools) -> Job:
            from emotui.jobs.live import live_job

            return live_job(
                tools.home, request, knob=knob, engine=tools.engine, cancelled=tools.cancelled
            )

        record = {"pane": self.pane_id, "request": request.to_json()}
        self._job = self.submit(start, title, subject="run", resume=record)
        self._knob, self._live, self._moved = knob, request, False
        self._shown = None
        self._made_with["sweep" if request.sweep else "outputs"] = self._settings()
        if request.sweep:
            self._show_extra()
            self.query_one(Extra).begin_sweep(request)
        else:
            names = {row.name for row in request.rows}
            if self.has_class("-extra") and self.screen.has_class("-narrow"):
                self._hide_extra()
            for name, output in self.outputs.items():
                if name in names:
                    output.begin(request)
                else:
                    output.hide()
        acts = any(alpha for row in request.rows for alpha in row.alphas)
        self.choose(replace(self.workspace, steering=acts or self._mode in ("clamp", "replace")))
        self._say_rests("generating ...")

    def _take_run(self, report: Report) -> None:
        request = self._live
        if request is None:
            return
        if isinstance(report, JobEvent):
            event = report.event
            if isinstance(event, Partial) and isinstance(event.value, LiveStep):
                self._take_step(request, event.value)
            return
        if isinstance(report, JobFinished) and isinstance(report.value, LiveResult):
            self._end()
            self._take_result(report.value)
        elif isinstance(report, JobCancelled | JobFailed):
            self._end()
            for output in self.outputs.values():
                output.cut()
            self.query_one(Extra).cut()
            why = report.message if isinstance(report, JobFailed) else "stopped"
            self._say_rests(f"{why}: no meters, nothing kept in the history")

    def _take_step(self, request: LiveRequest, step: LiveStep) -> None:
        if request.sweep:
            self.query_one(Extra).push(step)
            return
        outputs = self.outputs
        for row, piece, alphas, before in zip(
            request.rows, step.pieces, step.alphas, self._ended(step), strict=True
        ):
            if not before:
                outputs[row.name].push(piece, alphas)

    def _ended(self, step: LiveStep) -> list[bool]:
        """Per row, whether it had ended before this token."""
        before = self._ended_before if step.index else ()
        self._ended_before = step.done
        return list(before) if len(before) == len(step.done) else [False] * len(step.done)

    def _end(self) -> None:
        self._flush()
        self._job = self._knob = self._live = None
        self.choose(replace(self.workspace, steering=False))

    def _take_result(self, result: LiveResult) -> None:
        self._remember(result)
        self.show_result(result)
        self.saw("steered")
        # What was moved while it streamed is already in the sliders: nothing has changed since.
        if not self._moved:
            self.settings_changed()

    def show_result(self, result: LiveResult) -> None:
        """A finished run: its texts, its meters and what it rests on."""
        self._shown = result
        request = result.request
        if request.sweep:
            self._show_extra()
            self.query_one(Extra).show_sweep(result)
            key = self._window_key(request.sweep)
            self._windows[key] = result.window
            self._show_windows()
        else:
            texts = {text.name: text for text in result.texts}
            for name, output in self.outputs.items():
                if name in texts:
                    output.finish(request, texts[name])
                else:
                    output.hide()
        self._say_rests(rests_on(result))

    def _remember(self, result: LiveResult) -> None:
        self._history = [*self._history[1 - HISTORY_KEPT :], result]
        value = plain(result.to_json())
        assert isinstance(value, dict)
        kept = (*self.workspace.history[1 - HISTORY_KEPT :], value)
        self.choose(replace(self.workspace, history=kept))

    def _flush(self) -> None:
        if self._live is None:
            return
        for output in self.outputs.values():
            output.flush()
        self.query_one(Extra).flush()

    # Showing

    def settings_changed(self) -> None:
        """Dim what was made with other settings than those shown."""
        now = self._settings()
        if self._live is None or self._live.sweep:
            stale = self._made_with.get("outputs", now) != now
            for output in self.outputs.values():
                output.set_stale(stale)
        if self._live is None or not self._live.sweep:
            self.query_one(Extra).set_stale(self._made_with.get("sweep", now) != now)

    def _say_rests(self, text: str) -> None:
        self.query_one("#steer-rests", Static).update(Text(text))

    def _show_extra(self) -> None:
        self.add_class("-extra")

    def _hide_extra(self) -> None:
        self.remove_class("-extra")
        self.focus_first()

    def on_alpha_slider_alpha_changed(self, message: AlphaSlider.AlphaChanged) -> None:
        """From the next token on while text streams; else the text is stale."""
        message.stop()
        slider = message.slider
        if not isinstance(slider, EmotionSlider) or slider.emotion not in self.sliders.alphas:
            return
        emotion = slider.emotion
        self.sliders.alphas[emotion] = message.value
        if self._knob is not None and self._live is not None and not self._live.sweep:
            self._knob.turn(self._live.emotions.index(emotion), message.value)
            self._moved = True
            self._made_with["outputs"] = self._settings()
        if emotion == self.emotions[0]:
            self.choose(replace(self.workspace, emotion=emotion, alpha=message.value))
        self.settings_changed()

    def on_text_area_changed(self, message: TextArea.Changed) -> None:
        """Another prompt: what is on screen is stale."""
        message.stop()
        self.settings_changed()

    def on_token_view_yanked(self, message: TokenView.Yanked) -> None:
        """The marked tokens, or the whole output, to the clipboard and a file."""
        message.stop()
        self.shell.copy_out(message.text)

    def on_extra_chosen(self, message: Extra.Chosen) -> None:
        """Enter in the sweep takes an alpha; in the history it brings a run back."""
        message.stop()
        if message.kind == "sweep" and self._shown is not None:
            text = self._shown.texts[message.index]
            sweep = self._shown.request.sweep
            if sweep in self.sliders.alphas:
                self.sliders.slider(sweep).set_value(text.alphas[0] if text.alphas else 0.0)
                self.toast(f"alpha {text.alphas[0] if text.alphas else 0:+g}; Ctrl+J runs it")
        elif message.kind == "history":
            self.replay(self._history[len(self._history) - 1 - message.index])

    def replay(self, result: LiveResult) -> None:
        """Show a run of the history with its settings; Ctrl+J generates it again."""
        request = result.request
        w = self.workspace
        if request.vectors != w.vectors:
            self.toast(f"that run used vectors {one_line(request.vectors)}; S chooses them")
        else:
            row = next((r for r in request.rows if r.alphas and r.control_seed is None), None)
            if row is not None and not request.sweep:
                self._take_alphas(dict(zip(request.emotions, row.alphas, strict=True)))
            self._mode, self._positions = request.mode, request.positions
            sampling = replace(
                w.sampling,
                max_new_tokens=request.max_new_tokens,
                temperature=request.temperature,
                top_k=request.top_k,
                top_p=request.top_p,
            )
            self.query_one(TextArea).load_text(request.prompt)
            self.choose(
                replace(
                    w,
                    layer=request.layer,
                    seed=request.seed,
                    sampling=sampling,
                    prompt=request.prompt,
                )
            )
        if not request.sweep:
            self._hide_extra()
        self.show_result(result)
        self._made_with["sweep" if result.request.sweep else "outputs"] = self._settings()
        self._show_settings()

    # What keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc is ours only while there is something to stop, leave or close."""
        del parameters
        if action == "stop":
            typing = isinstance(self.app.focused, TextArea)
            return typing or self._live is not None or self.has_class("-extra")
        return True

    def action_run(self) -> None:
        """Baseline and steered text."""
        if self._ready():
            rows = (RowAsk(BASELINE), self._steered())
            self._run(self._request(rows), title=f"steer {', '.join(self.emotions)}")

    def _steered(self) -> RowAsk:
        return RowAsk(STEERED, tuple(self.sliders.alphas.values()), follows=True)

    def action_random_control(self) -> None:
        """The same run beside a random direction of the same size; each press takes another."""
        if self._ready():
            self._control_seed += 1
            control = RowAsk(
                RANDOM, tuple(self.sliders.alphas.values()), self._control_seed, follows=True
            )
            rows = (RowAsk(BASELINE), self._steered(), control)
            self._run(self._request(rows), title=f"random direction {self._control_seed}")

    def action_baseline(self) -> None:
        """The model left alone."""
        if self._ready():
            self._run(self._request((RowAsk(BASELINE),)), title="baseline")

    def action_sweep(self) -> None:
        """Nine alphas of the emotion at the slider, the others left out, in one batch."""
        if not self._ready():
            return
        emotion = self.sliders.current
        slider = self.sliders.slider(emotion)
        rows = tuple(
            RowAsk(f"{alpha:+g}" if alpha else BASELINE, (alpha,) if alpha else ())
            for alpha in sweep_alphas(slider.value, high=slider.high)
        )
        self._run(self._request(rows, sweep=emotion), title=f"sweep {emotion}")

    def action_stop(self) -> None:
        """Leave the prompt, stop the run, or close the part at the side, in that order."""
        if isinstance(self.app.focused, TextArea):
            self.focus_first()
        elif self._job is not None and self._live is not None:
            self.cancel(self._job)
        elif self.has_class("-extra"):
            self._hide_extra()

    def action_edit_prompt(self) -> None:
        """Into the prompt; Esc leaves it."""
        self.query_one(TextArea).focus()

    def action_history(self) -> None:
        """Every run, newest first."""
        self._show_extra()
        self.query_one(Extra).show_history(self._history[::-1])

    def action_diff(self) -> None:
        """The next pair of outputs, word by word."""
        texts = [(o.text_name, o.shown_text) for o in self.outputs.values() if o.has_class("-on")]
        if len(texts) < 2:
            self.toast("two outputs are needed; Ctrl+J generates baseline and steered text")
            return
        self._show_extra()
        self.query_one(Extra).show_diff(texts)

    def action_to_tokens(self) -> None:
        """The output with the focus, the sweep's row, or the steered text, in the Tokens pane."""
        chosen = self._text_at_focus()
        if chosen is None:
            self.toast("run first: Ctrl+J")
            return
        request, text = chosen
        written = text.written(request.prompt)
        shown = ShownText(
            written.text,
            f"{text.name} output, seed {request.seed}",
            prompt=written.prompt,
            token_ids=written.token_ids,
            pieces=written.pieces,
        )
        self.choose(replace(self.workspace, text=shown))
        self.shell.go_to("tokens")

    def _text_at_focus(self) -> tuple[LiveRequest, LiveText] | None:
        outputs = self.outputs
        focused = next((o for o in outputs.values() if o.view.has_focus), None)
        if focused is not None and focused.made is not None:
            return focused.made
        if self.has_class("-extra") and (row := self.query_one(Extra).sweep_text) is not None:
            return row
        return outputs[STEERED].made or outputs[BASELINE].made

    def action_export(self) -> None:
        """The run on screen as JSON or Markdown."""
        result = self._shown
        if result is None:
            self.toast("no finished run to export; Ctrl+J makes one")
            return

        def take(name: str) -> None:
            def start(tools: Tools) -> Job:
                del tools
                from emotui.jobs.live_export import export_live_job

                return export_live_job(result, Path(name))

            self.submit(
                start,
                "export steering run",
                lane="desk",
                then=lambda path: self.toast(f"wrote {one_line(str(path))}"),
            )

        number = len(self._history)
        value = str(self.workspace.home.root / f"steer-{number}.md")
        self.ask(AskText("Write to", value=value, hint=".md to read · .json for all of it"), take)


def _remembered(history: tuple[dict[str, object], ...]) -> list[LiveResult]:
    """The session's runs; one of another version is left out."""
    found = []
    for value in history:
        try:
            found.append(LiveResult.from_json(value))
        except (KeyError, TypeError, ValueError):
            continue
    return found
