"""What the Tokens pane colours by: the text's scores and its logit lens, asked for and kept.

In: the workspace's text, set of vectors, layer and emotions. Out: a `Coloured` and the lens's
guesses, each from a job. Shows nothing; the pane does.
"""

from dataclasses import replace

from textual.timer import Timer

from emotui.events import Job, Partial
from emotui.jobs.colour_spec import (
    Coloured,
    ColourRequest,
    LensChunk,
    LensRequest,
    ScaleRule,
    Written,
)
from emotui.jobs.spec import ModelSpec
from emotui.lanes import Tools
from emotui.panes.base import Pane
from emotui.panes.sets_choice import model_for
from emotui.panes.tokens_words import Guesses
from emotui.worker import JobEvent, JobFailed, JobFinished, Report
from emotui.workspace import ShownText

KEPT = 4
"""Scored texts that are kept, so that going back to one asks for no job."""
LENS_AFTER = 0.3
"""Seconds on one layer before its logit lens is read."""

Key = tuple[str, str, tuple[int, ...], ModelSpec]


class TokensScores(Pane):
    """Base of the Tokens pane: scores and guesses of the text shown."""

    def __init__(self) -> None:
        super().__init__()
        self._done: dict[Key, Coloured] = {}
        self._shown: Coloured | None = None
        self._shown_key: Key | None = None
        self._asked: Key | None = None
        self._instead = ""
        """Set that colours in place of the workspace's: its deflection partner; "" = none."""
        self._rule: ScaleRule | float = "layer"
        self._guesses: dict[tuple[Key, int], dict[int, Guesses]] = {}
        self._lens_timer: Timer | None = None
        self._lens_job: tuple[int, Key] | None = None
        self._jobs: dict[int, str] = {}
        self._problem = ""

    def show_scores(self, key: Key | None, coloured: Coloured | None) -> None:
        """Another text, another set, or none: the pane shows it."""

    def paint(self) -> None:
        """Another layer or other emotions: the pane shows them."""

    def paint_title(self) -> None:
        """Scoring has begun."""

    def paint_cursor(self) -> None:
        """The lens says more about the token under the cursor."""

    # What is chosen

    @property
    def _text(self) -> ShownText | None:
        return self.workspace.text

    @property
    def _set(self) -> str:
        return self._instead or self.workspace.vectors

    @property
    def coloured(self) -> Coloured | None:
        """The scored text on screen, if it has come."""
        return self._shown

    @property
    def at_layer(self) -> int:
        """The workspace's layer where the set has it, else the nearest to two thirds of depth."""
        assert self._shown is not None
        layers = self._shown.layers
        wanted = self.workspace.layer
        if wanted in layers:
            return int(wanted)
        target = wanted if wanted is not None else layers[0] + (layers[-1] - layers[0]) * 2 / 3
        return min(layers, key=lambda layer: abs(layer - target))

    @property
    def emotions(self) -> tuple[str, ...]:
        """Those chosen that the set has; else the one that ranks highest over the text."""
        assert self._shown is not None
        known = set(self._shown.labels)
        chosen = tuple(e for e in self.workspace.emotions if e in known)
        if not chosen and self.workspace.emotion in known:
            chosen = (self.workspace.emotion,)
        if chosen:
            return chosen
        ranks = self._shown.ranks(0, len(self._shown.pieces), self.at_layer)
        return (ranks[0].label,) if ranks else self._shown.labels[:1]

    @property
    def scale(self) -> float:
        """End of the colour scale."""
        assert self._shown is not None
        if isinstance(self._rule, float):
            return self._rule
        return self._shown.scale(self.at_layer, self._rule)

    # Workspace and jobs

    def on_workspace(self, changed: frozenset[str]) -> None:
        """Another text or set is scored; another layer or emotion only recolours."""
        if "vectors" in changed:
            self._instead = ""
        if changed & {"emotion", "emotions"} == {"emotion"} and self.workspace.emotions:
            # Another pane chose one emotion for everything: it colours the text too.
            self.choose(replace(self.workspace, emotions=()))
            return
        if changed & {"text", "vectors", "model"}:
            self._colour()
        elif changed & {"layer", "emotions", "emotion"}:
            self.paint()

    def _key(self) -> Key | None:
        text = self._text
        if text is None or not self._set:
            return None
        return self._set, text.text, text.token_ids, model_for(self.workspace)

    def _request(self) -> ColourRequest:
        text = self._text
        assert text is not None
        written = Written(text.prompt, text.token_ids, text.pieces) if text.token_ids else None
        return ColourRequest(self._set, model_for(self.workspace), text.text, written)

    def _colour(self) -> None:
        key = self._key()
        self._problem = ""
        if key is None:
            self.show_scores(None, None)
            return
        if key in self._done:
            self.show_scores(key, self._done[key])
            return
        self._asked = key
        if self._shown_key is None or self._shown_key[1:3] != key[1:3]:
            self.show_scores(None, None)  # the new text at once, without colours as yet
        self.paint_title()
        request = self._request()

        def start(tools: Tools) -> Job:
            from emotui.jobs.colour import colour_job

            return colour_job(tools.home, request, engine=tools.engine, cancelled=tools.cancelled)

        job = self.submit(start, f"colour {len(request.text):,} characters", subject="colour")
        self._jobs[job] = "colour"

    def on_job(self, report: Report) -> None:
        """A scored text, or a part of its lens."""
        if isinstance(report, JobEvent):
            event = report.event
            if isinstance(event, Partial) and isinstance(event.value, LensChunk):
                self._take_lens(report.job_id, event.value)
        elif isinstance(report, JobFinished):
            self._jobs.pop(report.job_id, None)
            if isinstance(report.value, Coloured):
                self._take(report.value)
        elif isinstance(report, JobFailed) and self._jobs.pop(report.job_id, "") == "colour":
            self._problem, self._asked = report.message, None
            self.show_scores(None, None)

    def _take(self, coloured: Coloured) -> None:
        key = self._asked
        if key is None:
            return
        self._done[key] = coloured
        while len(self._done) > KEPT:
            old = next(iter(self._done))
            del self._done[old]
            self._guesses = {k: v for k, v in self._guesses.items() if k[0] != old}
        self._asked = None
        if key == self._key():
            self.show_scores(key, coloured)
            if self.workspace.layer is None:
                self.choose(replace(self.workspace, layer=self.at_layer))
            self.saw("coloured")

    # The logit lens

    def _want_lens(self) -> None:
        """Read the layer's lens once the user stays on it."""
        if self._lens_timer is not None:
            self._lens_timer.stop()
        self._lens_timer = self.set_timer(LENS_AFTER, self._read_lens)

    def _read_lens(self) -> None:
        key, coloured = self._shown_key, self._shown
        if key is None or coloured is None or key != self._key():
            return
        layer = self.at_layer
        if (key, layer) in self._guesses:
            return
        self._guesses[key, layer] = {}
        request = LensRequest(self._request(), layer)

        def start(tools: Tools) -> Job:
            from emotui.jobs.colour import lens_job

            return lens_job(tools.home, request, engine=tools.engine, cancelled=tools.cancelled)

        job = self.submit(start, f"logit lens, layer {layer}", subject="lens", quiet=True)
        if self._lens_job is not None:
            self._drop_half_read()
        self._lens_job = job, key

    def _drop_half_read(self) -> None:
        """A lens that was cancelled half way is read again when it is wanted again."""
        assert self._lens_job is not None
        coloured = self._done.get(self._lens_job[1])
        n = None if coloured is None else len(coloured.pieces)
        newest = (self._shown_key, self.at_layer if self._shown is not None else -1)
        for key in [k for k, v in self._guesses.items() if len(v) != n and k != newest]:
            del self._guesses[key]

    def _take_lens(self, job: int, chunk: LensChunk) -> None:
        if self._lens_job is None or self._lens_job[0] != job:
            return
        found = self._guesses.setdefault((self._lens_job[1], chunk.layer), {})
        for offset, guesses in enumerate(chunk.guesses):
            found[chunk.first + offset] = guesses
        self.paint_cursor()
