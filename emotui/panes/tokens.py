"""The Tokens pane: a text with every token coloured by the chosen emotions at the chosen layer.

In: the workspace's text, set of vectors, layer and emotions. Out: the same, when changed here. One
job scores a text at all layers for all emotions, so that another layer, emotion, group or scale
asks for nothing more. Shows what `Coloured` says; knows no arithmetic of its own.
"""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.timer import Timer
from textual.widgets import Static

from emotui.actions import bindings
from emotui.emotion_groups import name_of, present
from emotui.events import Job, Partial
from emotui.jobs.atlas_spec import SetEntry
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
from emotui.panes.sets_choice import ask_for_set, model_for
from emotui.panes.tokens_open import PasteText, read_text_file
from emotui.panes.tokens_words import (
    Guesses,
    legend_line,
    parse_scale,
    rank_title,
    span_line,
    token_line,
)
from emotui.sanitize import one_line
from emotui.screens.asking import AskText, PickMany, PickOne
from emotui.widgets.layer_strip import LayerStrip
from emotui.widgets.legend import Legend
from emotui.widgets.rank_list import RankList
from emotui.widgets.token_view import TokenView
from emotui.worker import JobEvent, JobFailed, JobFinished, Report
from emotui.workspace import ShownText

KEPT = 4
"""Scored texts that are kept, so that going back to one asks for no job."""
LENS_AFTER = 0.3
"""Seconds on one layer before its logit lens is read."""

Key = tuple[str, str, tuple[int, ...], ModelSpec]


class TokensPane(Pane):
    """Token view, its lines, and at the side the ranking and the layers."""

    pane_id = "tokens"
    empty_hint = "no text yet: o opens one, or press t in Steer"
    BINDINGS = bindings("tokens")
    SCOPED_CSS: ClassVar[bool] = False
    DEFAULT_CSS = """
    TokensPane { layout: horizontal; height: 1fr; width: 1fr; }
    TokensPane #tokens-main { width: 1fr; height: 1fr; }
    TokensPane TokenView { height: 1fr; }
    TokensPane .line { height: 1; width: 1fr; }
    TokensPane #tokens-value { height: auto; max-height: 2; }
    TokensPane #tokens-side { width: 40; height: 1fr; padding: 0 0 0 1; }
    TokensPane #tokens-side LayerStrip { margin-top: 1; }
    .-narrow TokensPane #tokens-side { display: none; }
    .-wide TokensPane #tokens-side { width: 60; }
    .-medium TokensPane #tokens-layers, .-wide TokensPane #tokens-layers { display: none; }
    .-medium TokensPane #tokens-span, .-wide TokensPane #tokens-span { display: none; }
    """

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

    def compose(self) -> ComposeResult:
        """The text and its lines; ranking and layers beside it where there is room."""
        with Vertical(id="tokens-main"):
            yield Static(id="tokens-title", classes="line", markup=False)
            yield TokenView(id="tokens-text")
            yield Static(id="tokens-value", classes="line", markup=False)
            yield Static(id="tokens-span", classes="line", markup=False)
            yield LayerStrip(most=1, id="tokens-layers")
            yield Legend(id="tokens-legend")
        with Vertical(id="tokens-side"):
            yield RankList(id="tokens-ranks")
            yield LayerStrip(most=8, id="tokens-all-layers")

    def focus_first(self) -> None:
        """The text."""
        self.query_one(TokenView).focus()

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
        if changed & {"text", "vectors", "model"}:
            self._colour()
        elif changed & {"layer", "emotions", "emotion"}:
            self._paint()

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
            self._show(None, None)
            return
        if key in self._done:
            self._show(key, self._done[key])
            return
        self._asked = key
        self._title()
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
            self._show(None, None)

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
            self._show(key, coloured)
            if self.workspace.layer is None:
                self.choose(replace(self.workspace, layer=self.at_layer))
            self.saw("coloured")

    def _show(self, key: Key | None, coloured: Coloured | None) -> None:
        view = self.query_one(TokenView)
        fresh = key is None or self._shown_key is None or key[1:3] != self._shown_key[1:3]
        self._shown, self._shown_key = coloured, key
        if coloured is None:
            text = self._text
            view.set_tokens([text.text] if text is not None else [])
        elif fresh or tuple(view.pieces) != coloured.pieces:
            view.set_tokens(coloured.pieces)
            view.move_to(coloured.first_ordinary)
        self._paint()

    # Showing

    def _paint(self) -> None:
        """Colours, lines and ranking for the layer and the emotions chosen now."""
        self._title()
        coloured = self._shown
        legend = self.query_one(Legend)
        if coloured is None:
            self._say("value", self._problem or self._missing())
            self._say("span", "")
            legend.show(None, "no scores yet")
            self.query_one(RankList).show("", (), scale=1.0)
            for strip in self.query(LayerStrip):
                strip.show((), (), scale=1.0, layer=0)
            return
        emotions, layer = self.emotions, self.at_layer
        view = self.query_one(TokenView)
        view.set_scores(coloured.column(emotions, layer), scale=self.scale)
        legend.show(self.scale, legend_line(coloured, emotions, layer, self._rule))
        self._paint_span()
        self._paint_cursor()
        self._want_lens()

    def _paint_span(self) -> None:
        coloured, view = self._shown, self.query_one(TokenView)
        if coloured is None:
            return
        start, stop, marked = self.span
        if not view.pieces:
            return
        ranks = coloured.ranks(start, stop, self.at_layer)
        self._say("span", span_line(ranks, marked=marked))
        self.query_one(RankList).show(
            rank_title(ranks, coloured.n_neutral, marked=marked),
            [(r.label, r.mean, r.z) for r in ranks],
            scale=self.scale,
            chosen=self.emotions,
        )

    def _paint_cursor(self) -> None:
        coloured, view = self._shown, self.query_one(TokenView)
        if coloured is None or not coloured.pieces:
            return
        token, layer, emotions = view.cursor, self.at_layer, self.emotions
        guesses = None
        if self._shown_key is not None:
            guesses = self._guesses.get((self._shown_key, layer), {}).get(token)
        self._say("value", token_line(coloured, token, emotions, layer, guesses))
        rows = [(one_line(e), coloured.across_layers(token, e)) for e in emotions]
        for strip in self.query(LayerStrip):
            strip.show(coloured.layers, rows, scale=self.scale, layer=layer)

    @property
    def span(self) -> tuple[int, int, bool]:
        """Tokens [start, stop) that are ranked, and whether they were marked."""
        view = self.query_one(TokenView)
        start, stop = view.span
        marked = stop > start
        return (start, stop, True) if marked else (0, len(view.pieces), False)

    def _title(self) -> None:
        text, coloured = self._text, self._shown
        parts = [one_line(text.origin) if text is not None else "no text"]
        if self._set:
            kind = f"{coloured.kind} " if coloured is not None else ""
            parts.append(f"{kind}vectors {one_line(self._set)}")
        if coloured is not None:
            parts.append(f"layer {self.at_layer} of {coloured.layers[0]}-{coloured.layers[-1]}")
            parts.append(one_line(name_of(self.emotions, coloured.labels)))
            parts.append(f"n {coloured.n_ordinary} tokens")
        if self._asked is not None:
            parts.append("scoring ...")
        self._say("title", " · ".join(parts))

    def _missing(self) -> str:
        if self._asked is not None:
            return "scoring all layers and emotions in one pass ..."
        if not self.workspace.vectors:
            return "no vectors chosen: S chooses a set, pane 3 lists them"
        return self.empty_hint

    def _say(self, what: str, text: str) -> None:
        self.query_one(f"#tokens-{what}", Static).update(Text(text, no_wrap=what != "value"))

    def on_token_view_cursor_moved(self, message: TokenView.CursorMoved) -> None:
        """Another token: its line and its layers."""
        message.stop()
        self._paint_cursor()
        if self.query_one(TokenView).span[0] == self.query_one(TokenView).span[1]:
            return
        self._paint_span()

    def on_token_view_span_changed(self, message: TokenView.SpanChanged) -> None:
        """Another span: its ranking."""
        message.stop()
        self._paint_span()

    def on_token_view_yanked(self, message: TokenView.Yanked) -> None:
        """The text to the clipboard and a file."""
        message.stop()
        self.shell.copy_out(message.text)

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
        self._paint_cursor()

    # What keys do

    def action_layer(self, by: int) -> None:
        """One layer down or up, in every pane."""
        if self._shown is None:
            return
        layers = self._shown.layers
        at = layers.index(self.at_layer) + by
        if 0 <= at < len(layers):
            self.choose(replace(self.workspace, layer=layers[at]))

    def action_pick_emotions(self) -> None:
        """Groups and emotions, several at once."""
        if self._shown is None:
            self.toast("colour a text first; its set says which emotions there are")
            return
        labels = self._shown.labels
        groups = present(labels)
        options = [(f"group:{g}", f"▸ {g} ({len(m)})") for g, m in groups.items()]
        options += [(label, label) for label in labels]

        def take(chosen: tuple[str, ...]) -> None:
            picked: dict[str, None] = {}
            for value in chosen:
                members = groups.get(value.removeprefix("group:"), (value,))
                picked.update(dict.fromkeys(members if value.startswith("group:") else (value,)))
            if not picked:
                self.toast("nothing was chosen; the emotion that ranks highest is coloured")
            self.choose(replace(self.workspace, emotions=tuple(picked)))

        self.ask(PickMany("Emotions that colour the text", options, chosen=self.emotions), take)

    def action_deflection(self) -> None:
        """From expression vectors to deflection vectors of the same model, and back."""
        if self._instead:
            self._instead = ""
            self._colour()
            return
        wanted = "expression" if self._is_deflection() else "deflection"
        current = self.workspace.vectors

        def fits(entry: SetEntry, entries: tuple[SetEntry, ...]) -> bool:
            ours = next((e for e in entries if e.name == current), None)
            return ours is not None and entry.kind == wanted and entry.revision == ours.revision

        def take(name: str) -> None:
            self._instead = name
            self._colour()

        ask_for_set(
            self,
            take,
            question=f"{wanted.capitalize()} vectors",
            fits=fits,
            none=f"no {wanted} vectors of this model; emotui vectors build --expression makes them",
            at_once=True,
        )

    def _is_deflection(self) -> bool:
        return self._shown is not None and self._shown.kind == "deflection"

    def action_scale(self) -> None:
        """Where the colour scale ends."""
        now = f"{self._rule:g}" if isinstance(self._rule, float) else self._rule

        def take(text: str) -> None:
            rule = parse_scale(text)
            assert rule is not None
            self._rule = rule
            self._paint()

        self.ask(
            AskText(
                "End of the colour scale",
                value=now,
                hint="layer: of this layer · all: of all layers · or a number; always symmetric",
                check=lambda t: "" if parse_scale(t) else "write layer, all or a number above 0",
            ),
            take,
        )

    def action_open_text(self) -> None:
        """Paste or type, a file, a row of the dataset."""
        options = [("paste", "paste or type a text"), ("file", "open a text file")]
        if self.workspace.dataset:
            options.append(("row", f"a row of dataset {self.workspace.dataset}"))

        def chosen(kind: str) -> None:
            if kind == "paste":
                self.ask(PasteText(), lambda text: self._open(ShownText(text, "pasted text")))
            elif kind == "file":
                self._ask_file()
            else:
                self._ask_row()

        self.ask(PickOne("Open a text", options), chosen)

    def _open(self, text: ShownText) -> None:
        self.choose(replace(self.workspace, text=text))
        self.focus_first()

    def _wrote(self, path: Path) -> None:
        self.toast(f"wrote {one_line(str(path))}")

    def _ask_file(self) -> None:
        def wrong(name: str) -> str:
            found = read_text_file(name)
            return found if isinstance(found, str) else ""

        def take(name: str) -> None:
            found = read_text_file(name)
            if isinstance(found, ShownText):
                self._open(found)

        self.ask(AskText("Open a text file", hint="UTF-8", check=wrong), take)

    def _ask_row(self) -> None:
        dataset = self.workspace.dataset

        def take(answer: str) -> None:
            def start(tools: Tools) -> Job:
                from emotui.jobs.row_text import row_text_job

                return row_text_job(tools.home, dataset, int(answer))

            self.submit(start, f"row of {dataset}", lane="desk", subject="row", then=self._open)

        self.ask(
            AskText(
                f"Row of {dataset}",
                value=str(self.workspace.row),
                hint="counted from 0",
                check=lambda t: "" if t.strip().isdecimal() else "write a row number",
            ),
            take,
        )

    def action_pick_set(self) -> None:
        """Which vectors colour the text."""
        ask_for_set(
            self,
            lambda name: self.choose(replace(self.workspace, vectors=name)),
            question="Vectors that colour the text",
        )

    def action_export(self) -> None:
        """The coloured text as HTML, or all scores as CSV."""
        coloured = self._shown
        if coloured is None:
            self.toast("nothing is scored yet")
            return
        emotions, layer, (start_, stop, _) = self.emotions, self.at_layer, self.span

        def take(name: str) -> None:
            def start(tools: Tools) -> Job:
                del tools
                from emotui.jobs.colour import export_scores_job

                return export_scores_job(
                    coloured, Path(name), emotions=emotions, layer=layer, span=(start_, stop)
                )

            self.submit(start, "export scores", lane="desk", then=self._wrote)

        folder = self.workspace.home.root
        self.ask(
            AskText(
                "Write to",
                value=str(folder / f"tokens-layer{layer}.html"),
                hint=".html: the coloured text · .csv: every token's scores",
            ),
            take,
        )
