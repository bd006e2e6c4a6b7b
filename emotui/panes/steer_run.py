"""A run of the Steer pane from the wish to the history: asked for, streamed, shown, brought back.

In: settings of the pane. Out: a job; its tokens on the outputs, its result in the session's
history. Knows no arithmetic: meters come from the job's result.
"""

from dataclasses import asdict, replace
from typing import Any

from rich.text import Text
from textual.widgets import Static

from emotui.events import Job, Partial
from emotui.jobs.live_spec import Knob, LiveRequest, LiveResult, LiveStep, RowAsk
from emotui.lanes import Tools
from emotui.panes.sets_choice import model_for
from emotui.panes.steer_extra import Extra
from emotui.panes.steer_output import Output
from emotui.panes.steer_settings import Settings, SteerSettings
from emotui.panes.steer_words import rests_on
from emotui.sanitize import one_line
from emotui.terminal import plain
from emotui.widgets.cells import wrapped
from emotui.widgets.text_field import TextField
from emotui.worker import JobCancelled, JobEvent, JobFailed, JobFinished, Report

HISTORY_KEPT = 60
"""Runs in the session file; each holds every token and its alpha."""


class SteerRuns(SteerSettings):
    """Base of the Steer pane: its runs."""

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
        self._rests: tuple[str, ...] = ()
        self._outputs: dict[str, Output] = {}

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

    def on_job(self, report: Report) -> None:
        """A token, or the end of a run."""
        if report.job_id == self._job:
            self._take_run(report)

    def resume_job(self, record: dict[str, Any]) -> None:
        """Generate again what the last session was generating when it ended, as it was begun."""
        try:
            request = LiveRequest.from_json(record["request"])
        except (KeyError, TypeError, ValueError):
            self.toast("the run that was interrupted cannot be read; press Ctrl+J")
            return
        self._take_settings(request)
        self._run(request, title="steer, again")

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
        self.add_class("-ran")
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
            self._say_rests(why, "no meters, nothing kept in the history")

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
        self.add_class("-ran")
        self._say_rests(*rests_on(result))

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

    def settings_changed(self) -> None:
        """Dim what was made with other settings than those shown."""
        super().settings_changed()
        now = self._settings()
        if self._live is None or self._live.sweep:
            stale = self._made_with.get("outputs", now) != now
            for output in self.outputs.values():
                output.set_stale(stale)
        if self._live is None or not self._live.sweep:
            self.query_one(Extra).set_stale(self._made_with.get("sweep", now) != now)

    def _say_rests(self, *parts: str) -> None:
        """Parts are wrapped between, never inside, where there is room for one."""
        self._rests = parts
        line = self.query_one("#steer-rests", Static)
        line.update(Text(wrapped(parts, line.size.width or self.size.width or 80, gap=" · ")))

    def on_resize(self) -> None:
        """Lines are cut for the width they have."""
        self.call_after_refresh(lambda: self._say_rests(*self._rests))
        self.call_after_refresh(self._show_settings)

    def _show_extra(self) -> None:
        self.add_class("-extra")

    def _hide_extra(self) -> None:
        self.remove_class("-extra")
        self.focus_first()

    def replay(self, result: LiveResult) -> None:
        """Show a run of the history with its settings; Ctrl+J generates it again."""
        request = result.request
        if request.vectors != self.workspace.vectors:
            self.toast(f"that run used vectors {one_line(request.vectors)}; S chooses them")
        else:
            self._take_settings(request)
        if not request.sweep:
            self._hide_extra()
        self.show_result(result)
        self._made_with["sweep" if request.sweep else "outputs"] = self._settings()
        self._show_settings()

    def _take_settings(self, request: LiveRequest) -> None:
        """Make the pane's settings those of a request."""
        row = next((r for r in request.rows if r.alphas and r.control_seed is None), None)
        if row is not None and not request.sweep:
            self._take_alphas(dict(zip(request.emotions, row.alphas, strict=True)))
        self._mode, self._positions = request.mode, request.positions
        sampling = replace(
            self.workspace.sampling,
            max_new_tokens=request.max_new_tokens,
            temperature=request.temperature,
            top_k=request.top_k,
            top_p=request.top_p,
        )
        self.query_one(TextField).load_text(request.prompt)
        self.choose(
            replace(
                self.workspace,
                layer=request.layer,
                seed=request.seed,
                sampling=sampling,
                prompt=request.prompt,
            )
        )


def remembered(history: tuple[dict[str, object], ...]) -> list[LiveResult]:
    """The session's runs; one of another version is left out."""
    found = []
    for value in history:
        try:
            found.append(LiveResult.from_json(value))
        except (KeyError, TypeError, ValueError):
            continue
    return found
