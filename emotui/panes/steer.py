"""The Steer pane: prompt, a slider per emotion, texts streaming side by side, sweep, history.

In: the workspace's set, layer, emotion, alpha, prompt. Out: the same, when changed here; runs for
the session's history. A run is asked for explicitly; while it streams, a slider moves alpha from
the next token on, and such a run is marked as no evidence. Knows no arithmetic: meters come from
the job's result.
"""

from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static, TextArea

from emotui.actions import bindings
from emotui.events import Job
from emotui.jobs.live_spec import (
    BASELINE,
    RANDOM,
    STEERED,
    LiveRequest,
    LiveText,
    RowAsk,
)
from emotui.lanes import Tools
from emotui.panes.steer_extra import Extra
from emotui.panes.steer_output import Output
from emotui.panes.steer_run import SteerRuns, remembered
from emotui.panes.steer_sliders import EmotionSlider, Sliders
from emotui.panes.steer_words import sweep_alphas, text_title
from emotui.sanitize import one_line
from emotui.screens.asking import AskText
from emotui.widgets.slider import AlphaSlider, alpha_text
from emotui.widgets.text_field import TextField
from emotui.widgets.token_view import TokenView
from emotui.workspace import ShownText

FLUSH_EVERY = 0.12
"""Seconds between two repaints of streaming text."""
PROMPT = "Once upon a time"
FIRST = """\
Nothing generated yet.
  Ctrl+J  the baseline and the steered text, with the same seed
  r       the same beside a random direction of the same size
  w       nine alphas at once, and where the text stays coherent
"""
OUTPUTS = (BASELINE, STEERED, RANDOM)


class SteerPane(SteerRuns):
    """Prompt, sliders, outputs, and one more part: sweep, history or diff."""

    pane_id = "steer"
    # First of all, so that a key typed right after Esc already goes to the slider.
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("steer"),
        Binding("escape", "leave_prompt", "leave the prompt", show=False, priority=True),
    ]
    SCOPED_CSS: ClassVar[bool] = False
    DEFAULT_CSS = """
    SteerPane { layout: vertical; height: 1fr; width: 1fr; }
    SteerPane #steer-prompt-row { height: auto; max-height: 3; }
    SteerPane #steer-prompt-label { width: 8; height: 1; color: $text-muted; }
    SteerPane #steer-prompt {
        height: auto; max-height: 3; border: none; padding: 0; background: $surface;
        scrollbar-size-vertical: 1;
    }
    SteerPane #steer-prompt:focus { background: $panel; }
    SteerPane .line { height: 1; width: 1fr; color: $text-muted; }
    SteerPane #steer-rests { height: auto; max-height: 3; color: $text-muted; }
    SteerPane #steer-body { height: 1fr; layout: vertical; }
    SteerPane #steer-outputs { height: 1fr; }
    SteerPane #steer-first { width: 1fr; padding: 1 0 0 1; color: $text-muted; }
    SteerPane.-ran #steer-first { display: none; }
    SteerPane #steer-extra { height: 1fr; display: none; }
    SteerPane.-extra #steer-extra { display: block; }
    .-narrow SteerPane.-extra #steer-outputs { display: none; }
    .-medium SteerPane.-extra #steer-extra { border-top: solid $panel; height: 3fr; }
    .-medium SteerPane.-extra #steer-outputs { height: 2fr; }
    .-wide SteerPane #steer-body { layout: horizontal; }
    .-wide SteerPane.-extra #steer-extra { border-left: solid $panel; padding-left: 1; }
    .-low SteerPane #steer-prompt-row, .-low SteerPane #steer-prompt { max-height: 2; }
    """

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        with Horizontal(id="steer-prompt-row"):
            yield Static("prompt", id="steer-prompt-label", markup=False)
            yield TextField(self.workspace.prompt or PROMPT, id="steer-prompt")
        yield Sliders(id="steer-sliders")
        yield Static(id="steer-settings", classes="line", markup=False)
        with Vertical(id="steer-body"):
            with Horizontal(id="steer-outputs"):
                yield Static(FIRST, id="steer-first", markup=False)
                for name in OUTPUTS:
                    yield Output(name)
            yield Extra(id="steer-extra")
        yield Static(id="steer-rests", markup=False)

    def on_mount(self) -> None:
        """Take what the session remembers."""
        self._history = remembered(self.workspace.history)
        self._take_console(self.shell.session.console)
        self.set_interval(FLUSH_EVERY, self._flush)

    def focus_first(self) -> None:
        """The slider; the prompt where there is none yet."""
        # Without sliders the pane itself takes the keys: the prompt would swallow letters.
        self.can_focus = self._focus_slider = not self.sliders.focus_one()
        if self.can_focus:
            self.focus()

    def on_workspace(self, changed: frozenset[str]) -> None:
        """Another set brings other emotions; another layer or emotion makes texts stale."""
        if changed & {"vectors", "datasets_version"}:
            self._list()
        prompt, area = self.workspace.prompt, self.query_one(TextField)
        # While it is being typed the line itself knows best.
        if "prompt" in changed and prompt not in ("", area.value) and not area.has_focus:
            area.load_text(prompt)
        if changed & {"emotion", "alpha"}:
            self._follow_workspace()
        self._show_settings()

    def on_alpha_slider_alpha_changed(self, message: AlphaSlider.AlphaChanged) -> None:
        """From the next token on while text streams; else the text is stale."""
        message.stop()
        slider = message.slider
        if not isinstance(slider, EmotionSlider) or slider.emotion not in self.sliders.alphas:
            return
        emotion = slider.emotion
        self.sliders.alphas[emotion] = message.value
        live = self._live
        if self._knob is not None and live is not None and not live.sweep:
            # An emotion added while text streams has no part in it: it waits for the next run.
            if emotion in live.emotions:
                self._knob.turn(live.emotions.index(emotion), message.value)
                self._moved = True
            if self.emotions == live.emotions:
                self._made_with["outputs"] = self._settings()
        if emotion == self.emotions[0]:
            self.choose(replace(self.workspace, emotion=emotion, alpha=message.value))
        self.settings_changed()

    def on_text_area_changed(self, message: TextArea.Changed) -> None:
        """Another prompt: what is on screen is stale; the session remembers it."""
        message.stop()
        if self.prompt != self.workspace.prompt:
            self.choose(replace(self.workspace, prompt=self.prompt))
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
                self.toast(
                    f"alpha {alpha_text(text.alphas[0] if text.alphas else 0)}; Ctrl+J runs it"
                )
        elif message.kind == "history":
            self.replay(self._history[len(self._history) - 1 - message.index])

    # What keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc is ours only while there is something to stop, leave or close."""
        del parameters
        if action == "leave_prompt":
            return isinstance(self.app.focused, TextField)
        if action == "stop":
            return self._live is not None or self.has_class("-extra")
        return True

    def action_run(self) -> None:
        """Baseline and steered text."""
        if self._ready(self.action_run):
            rows = (RowAsk(BASELINE), self._steered())
            self._run(self._request(rows), title=f"steer {', '.join(self.emotions)}")

    def _steered(self) -> RowAsk:
        return RowAsk(STEERED, tuple(self.sliders.alphas.values()), follows=True)

    def action_random_control(self) -> None:
        """The same run beside a random direction of the same size; each press takes another."""
        if self._ready(self.action_random_control):
            self._control_seed += 1
            control = RowAsk(
                RANDOM, tuple(self.sliders.alphas.values()), self._control_seed, follows=True
            )
            rows = (RowAsk(BASELINE), self._steered(), control)
            self._run(self._request(rows), title=f"random direction {self._control_seed}")

    def action_baseline(self) -> None:
        """The model left alone."""
        if self._ready(self.action_baseline):
            self._run(self._request((RowAsk(BASELINE),)), title="baseline")

    def action_sweep(self) -> None:
        """Nine alphas of the emotion at the slider, the others left out, in one batch."""
        if not self._ready(self.action_sweep):
            return
        emotion = self.sliders.current
        slider = self.sliders.slider(emotion)
        rows = tuple(
            RowAsk(f"{alpha:+g}" if alpha else BASELINE, (alpha,) if alpha else ())
            for alpha in sweep_alphas(slider.value, high=slider.high)
        )
        self._run(self._request(rows, sweep=emotion), title=f"sweep {emotion}")

    def action_stop(self) -> None:
        """Stop the run, or close the part at the side, in that order."""
        if self._job is not None and self._live is not None:
            self.cancel(self._job)
        elif self.has_class("-extra"):
            self._hide_extra()

    def action_leave_prompt(self) -> None:
        """From the prompt to the slider."""
        self.focus_first()

    def action_edit_prompt(self) -> None:
        """Into the prompt; Esc leaves it."""
        self.query_one(TextField).focus()

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
            busy = "the run has not ended yet; Esc stops it"
            self.toast(busy if self._live is not None else "run first: Ctrl+J")
            return
        request, text = chosen
        written = text.written(request.prompt)
        shown = ShownText(
            written.text,
            text_title(request, text),
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

    def action_audit(self) -> None:
        """Claim what the run on screen shows: its choices become everybody's, Audit takes over."""
        result = self._shown
        if result is None:
            self.toast("a steering claim begins from a finished run; Ctrl+J makes one")
            return
        if result.live:
            self.toast(
                "alpha moved while this text streamed, so it is no evidence; Ctrl+J runs it again",
                severity="warning",
            )
            return
        request = result.request
        pushed = self._pushed()
        if pushed is None:
            self.toast("nothing was steered in this run; choose an alpha other than 0")
            return
        self.choose(
            replace(
                self.workspace,
                vectors=request.vectors,
                layer=request.layer,
                emotion=pushed[0],
                alpha=pushed[1],
                prompt=request.prompt,
                seed=request.seed,
                claim="steering",
            )
        )
        self.shell.go_to("audit")

    def _pushed(self) -> tuple[str, float] | None:
        """Emotion and alpha of the run shown: of the sweep's row, or the one pushed furthest."""
        assert self._shown is not None
        request = self._shown.request
        if request.sweep:
            row = request.rows[self.query_one(Extra).row]
            found = [(request.sweep, row.alphas[0])] if row.alphas else []
        else:
            steered = [r for r in request.rows if r.alphas and r.control_seed is None]
            found = [pair for r in steered for pair in zip(request.emotions, r.alphas, strict=True)]
        found = [pair for pair in found if pair[1]]
        return max(found, key=lambda pair: abs(pair[1])) if found else None

    def action_export(self) -> None:
        """The run on screen as JSON or Markdown."""
        result = self._shown
        if result is None:
            self.toast("no finished run to export; Ctrl+J makes one")
            return

        def take(name: str) -> int:
            def start(tools: Tools) -> Job:
                del tools
                from emotui.jobs.live_export import export_live_job

                return export_live_job(result, Path(name))

            return self.submit(
                start,
                "export steering run",
                lane="desk",
                then=lambda path: self.toast(f"wrote {one_line(str(path))}"),
            )

        folder = self.workspace.home.root
        names = (folder / f"steer-{number}.md" for number in count(1))
        value = str(next(name for name in names if not name.exists()))
        hint = ".md to read · .json for all of it"
        self.ask_for_job(lambda: AskText("Write to", value=value, hint=hint), take)
