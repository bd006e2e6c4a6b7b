"""What the Steer pane is set to, and the dialogs that change it.

In: the workspace and what the user picks or types. Out: settings that a run is made of. Runs
nothing and shows no text; the pane itself does.
"""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from rich.text import Text
from textual.widgets import Static

from emotui.errors import UserError
from emotui.jobs.atlas_spec import SetEntry
from emotui.jobs.recipes import SteerRecipe, load_recipe, recipe_names, save_recipe
from emotui.options import MODES, parse_positions
from emotui.panes.base import Pane
from emotui.panes.sets_choice import ask_for_set, list_sets
from emotui.panes.steer_sliders import REACH, Sliders, Window
from emotui.panes.steer_words import (
    parse_sampling,
    positions_text,
    sampling_text,
    settings_line,
)
from emotui.sanitize import one_line, shorten
from emotui.screens.asking import AskText, PickOne
from emotui.screens.picking import PickMany
from emotui.widgets.text_field import TextField
from emotui.workspace import SamplingChoice
from store.errors import StoreError
from store.layout import check_name

LARGEST_ALPHA = 5.0
Settings = tuple[object, ...]


class SteerSettings(Pane):
    """Base of the Steer pane: emotions, layer, mode, positions, sampling, recipes."""

    empty_hint = "no vectors chosen: S chooses a set; b in Vectors builds one"

    def __init__(self) -> None:
        super().__init__()
        self._entry: SetEntry | None = None
        self._mode = "add"
        self._positions: str | tuple[int, int] = "all"
        self._windows: dict[Settings, Window] = {}
        self._listing = False
        """Whether the set is still being read."""
        self._wish: Callable[[], None] | None = None
        """What a key asked for meanwhile."""
        self._focus_slider = False
        """The pane has the focus only because there was no slider to give it to."""

    def settings_changed(self) -> None:
        """What is on screen may be stale now; the session remembers the settings."""
        session, console = self.shell.session, self._to_remember()
        if self._entry is not None and session.console != console:
            self.shell.update_session(replace(session, console=console))

    def _to_remember(self) -> dict[str, Any]:
        """The settings that the workspace does not keep, as JSON values."""
        where = self._positions
        return {
            "vectors": self.workspace.vectors,
            "alphas": [[emotion, alpha] for emotion, alpha in self.sliders.alphas.items()],
            "mode": self._mode,
            "positions": where if isinstance(where, str) else list(where),
            "sampling": asdict(self.workspace.sampling),
        }

    def _take_console(self, console: dict[str, Any]) -> None:
        """Settings of an earlier session; one that does not fit leaves everything as it is."""
        try:
            alphas = {str(emotion): float(alpha) for emotion, alpha in console["alphas"]}
            where = console["positions"]
            positions = where if isinstance(where, str) else (int(where[0]), int(where[1]))
            sampling = SamplingChoice(**console["sampling"])
            mode, vectors = str(console["mode"]), console["vectors"]
        except (KeyError, TypeError, ValueError, IndexError):
            return
        self._mode, self._positions = mode if mode in MODES else "add", positions
        self.choose(replace(self.workspace, sampling=sampling))
        if vectors == self.workspace.vectors and self.workspace.emotion in alphas:
            self._take_alphas(alphas)

    @property
    def sliders(self) -> Sliders:
        """The sliders."""
        return self.query_one(Sliders)

    @property
    def emotions(self) -> tuple[str, ...]:
        """Those with a slider."""
        return tuple(self.sliders.alphas)

    @property
    def at_layer(self) -> int:
        """The workspace's layer where the set has it, else the nearest to two thirds of depth."""
        assert self._entry is not None
        layers = self._entry.layers
        wanted = self.workspace.layer
        target = wanted if wanted is not None else layers[0] + (layers[-1] - layers[0]) * 2 / 3
        return min(layers, key=lambda layer: abs(layer - target))

    @property
    def prompt(self) -> str:
        """What the model goes on from."""
        return self.query_one(TextField).value

    def _settings(self) -> Settings:
        """What decides a text; another value makes what is on screen stale."""
        w = self.workspace
        layer = self.at_layer if self._entry is not None else w.layer
        return (
            w.vectors, w.model, self.prompt, tuple(self.sliders.alphas.items()), layer, self._mode,
            self._positions, w.seed, w.sampling,
        )  # fmt: skip

    def _window_key(self, emotion: str) -> Settings:
        w = self.workspace
        return (w.vectors, w.model, emotion, self.at_layer, self._mode, self._positions)

    def _ready(self, then: Callable[[], None] | None = None) -> bool:
        """Whether a set is there; while one is still being read, `then` follows by itself."""
        if self._entry is None and self._listing and then is not None:
            self._wish = then
        elif self._entry is None:
            self.toast(self._hint(), severity="warning")
        return self._entry is not None

    def _hint(self) -> str:
        """Why nothing can be steered yet."""
        name = one_line(self.workspace.vectors)
        if self._listing:
            return f"reading vectors {name} ..."
        return f"vectors {name} cannot be read: S chooses a set" if name else self.empty_hint

    def _list(self) -> None:
        self._listing = bool(self.workspace.vectors)
        if self._listing:
            self.submit(
                list_sets,
                "list vectors",
                lane="desk",
                subject="sets",
                then=self._take_entries,
                quiet=True,
            )

    def _take_entries(self, entries: tuple[SetEntry, ...]) -> None:
        name, wish = self.workspace.vectors, self._wish
        self._listing, self._wish = False, None
        self._entry = next((e for e in entries if e.name == name and not e.problem), None)
        if self._entry is None:
            self._take_alphas({})
            self._show_settings()
            return
        labels = self._entry.labels
        kept = {e: a for e, a in self.sliders.alphas.items() if e in labels}
        if not kept:
            emotion = self.workspace.emotion
            emotion = emotion if emotion in labels else labels[0]
            kept = {emotion: self.workspace.alpha}
        self._take_alphas(kept)
        self._show_settings()
        if self.workspace.layer is None:
            self.choose(replace(self.workspace, layer=self.at_layer))
        if wish is not None:
            wish()

    def _take_alphas(self, alphas: dict[str, float]) -> None:
        self.sliders.set_alphas(alphas)
        if self._focus_slider and alphas:
            self.focus_first()
        self._show_windows()
        self.settings_changed()

    def _show_windows(self) -> None:
        if self._entry is not None:
            self.sliders.show_windows(lambda e: self._windows.get(self._window_key(e)))

    def _follow_workspace(self) -> None:
        """Another pane chose an emotion or an alpha."""
        emotion, alpha = self.workspace.emotion, self.workspace.alpha
        if self._entry is None or emotion not in self._entry.labels:
            return
        if emotion not in self.sliders.alphas:
            self._take_alphas({emotion: alpha})
        elif self.sliders.alphas[emotion] != alpha:
            self.sliders.slider(emotion).set_value(alpha)

    def _show_settings(self) -> None:
        w = self.workspace
        if self._entry is None:
            text = self._hint()
        else:
            layers = self._entry.layers
            parts = [
                f"layer {self.at_layer} of {layers[0]}-{layers[-1]}",
                f"{self._mode} at {positions_text(self._positions)}",
                settings_line(w.sampling, w.seed),
                f"vectors {one_line(w.vectors)}",
            ]
            line = self.query_one("#steer-settings", Static)
            text = shorten(" · ".join(parts), line.size.width or self.size.width or 80)
            self._show_windows()
        self.query_one("#steer-settings", Static).update(Text(text, no_wrap=True))
        self.settings_changed()

    def action_type_alpha(self) -> None:
        """Any alpha; one beyond the slider's ends widens it."""
        if not self._ready(self.action_type_alpha):
            return
        slider = self.sliders.slider(self.sliders.current)

        def wrong(text: str) -> str:
            try:
                value = float(text)
            except ValueError:
                return "write a number, e.g. -0.05"
            return "" if abs(value) <= LARGEST_ALPHA else f"allowed ±{LARGEST_ALPHA:g}"

        def take(text: str) -> None:
            value = float(text)
            reach = max(abs(value), REACH)
            slider.set_range(-reach, reach)
            slider.set_value(value)

        self.ask(
            AskText(
                f"alpha of {slider.emotion}",
                value=f"{slider.value:g}",
                hint="a fraction of the layer's mean residual norm",
                check=wrong,
            ),
            take,
        )

    def action_layer(self, by: int) -> None:
        """One layer down or up, in every pane."""
        if self._entry is not None:
            layers = self._entry.layers
            at = layers.index(self.at_layer) + by
            if 0 <= at < len(layers):
                self.choose(replace(self.workspace, layer=layers[at]))

    def action_pick_emotions(self) -> None:
        """Which emotions have a slider."""
        if not self._ready(self.action_pick_emotions) or self._entry is None:
            return
        labels = [(label, label) for label in self._entry.labels]

        def take(chosen: tuple[str, ...]) -> None:
            if not chosen:
                self.toast("choose one emotion or more")
                return
            self._take_alphas({e: self.sliders.alphas.get(e, 0.0) for e in chosen})
            first = self.emotions[0]
            self.choose(replace(self.workspace, emotion=first, alpha=self.sliders.alphas[first]))

        self.ask(PickMany("Emotions to steer", labels, chosen=self.emotions), take)

    def action_positions(self) -> None:
        """Where the direction acts."""

        def wrong(text: str) -> str:
            try:
                parse_positions(text)
            except UserError as error:
                return str(error).removeprefix("--")
            return ""

        def take(text: str) -> None:
            self._positions = parse_positions(text)
            self._show_settings()

        self.ask(
            AskText(
                "Positions",
                value=positions_text(self._positions),
                hint="all · prompt · generated · START:STOP in tokens, counted from the prompt's "
                "first",
                check=wrong,
            ),
            take,
        )

    def action_sampling(self) -> None:
        """Seed, length and how tokens are drawn."""

        def wrong(text: str) -> str:
            found = parse_sampling(text)
            return found if isinstance(found, str) else ""

        def take(text: str) -> None:
            found = parse_sampling(text)
            assert not isinstance(found, str)
            self.choose(replace(self.workspace, sampling=found[0], seed=found[1]))

        now = sampling_text(self.workspace.sampling, self.workspace.seed)
        self.ask(AskText("Sampling", value=now, hint="temperature=0 is greedy", check=wrong), take)

    def action_mode(self) -> None:
        """What alpha does."""
        said = {
            "add": "add alpha times the direction",
            "project-out": "remove the share alpha of the direction",
            "clamp": "set the projection to alpha",
            "replace": "remove the direction, then add alpha times it",
        }

        def take(mode: str) -> None:
            self._mode = mode
            self._show_settings()

        options = [(mode, f"{mode}: {said[mode]}") for mode in MODES]
        self.ask(PickOne("What alpha does", options, current=self._mode), take)

    def action_save_recipe(self) -> None:
        """Keep emotions, alphas and settings under a name."""
        if not self._ready(self.action_save_recipe):
            return
        sampling, w = self.workspace.sampling, self.workspace
        recipe = SteerRecipe(
            vectors=w.vectors,
            emotions=tuple(self.sliders.alphas.items()),
            layer=self.at_layer,
            mode=self._mode,
            positions=self._positions,
            seed=w.seed,
            **asdict(sampling),
        )

        def wrong(name: str) -> str:
            try:
                check_name(name.strip())
            except StoreError as error:
                return one_line(str(error))
            return ""

        def take(name: str) -> None:
            replaced = name.strip() in recipe_names(w.home)
            path = one_line(str(save_recipe(w.home, name.strip(), recipe)))
            self.toast(f"saved {path}" + (" in place of the one before" if replaced else ""))

        self.ask(AskText("Name of the recipe", hint="letters, digits, - _ .", check=wrong), take)

    def action_load_recipe(self) -> None:
        """Take settings kept before."""
        names = recipe_names(self.workspace.home)
        if not names:
            self.toast("no recipes yet; the palette has steer: save recipe...")
            return
        self.ask(PickOne("Recipe", [(n, n) for n in names]), self._take_recipe)

    def _take_recipe(self, name: str) -> None:
        try:
            recipe = load_recipe(self.workspace.home, name)
        except (UserError, StoreError) as error:
            self.toast(str(error), severity="error")
            return
        self._mode, self._positions = recipe.mode, recipe.positions
        if self._entry is not None and recipe.vectors == self.workspace.vectors:
            known = {e: a for e, a in recipe.emotions if e in self._entry.labels}
            self._take_alphas(known or self.sliders.alphas)
        else:
            self.sliders.alphas = dict(recipe.emotions)
        sampling = replace(
            self.workspace.sampling,
            max_new_tokens=recipe.max_new_tokens,
            temperature=recipe.temperature,
            top_k=recipe.top_k,
            top_p=recipe.top_p,
        )
        emotion, alpha = recipe.emotions[0]
        self.choose(
            replace(
                self.workspace,
                vectors=recipe.vectors,
                layer=recipe.layer,
                seed=recipe.seed,
                sampling=sampling,
                emotion=emotion,
                alpha=alpha,
            )
        )
        self._show_settings()

    def action_pick_set(self) -> None:
        """Which vectors steer."""
        ask_for_set(
            self,
            lambda name: self.choose(replace(self.workspace, vectors=name)),
            question="Vectors that steer",
        )
