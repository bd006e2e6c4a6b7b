"""The dialogs of the Vectors pane: emotion, axes, ratings, comparison, algebra, export, provenance.

In: the set on screen and what the user picks or types. Out: choices in the workspace, jobs, and
calls of what the pane itself draws. Shows nothing of its own but dialogs.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from emotui.events import Job
from emotui.jobs.atlas_spec import Atlas, ChartAsk, Comparison, Mixture
from emotui.lanes import Tools
from emotui.panes.base import Pane
from emotui.panes.jobs import Details
from emotui.panes.vectors_words import axis_name, chart_notes, mixture_line
from emotui.sanitize import one_line
from emotui.screens.asking import AskText, PickOne

View = Literal["list", "heat", "plane", "compare"]
CHARTS = (".svg", ".png", ".csv")


class VectorsDialogs(Pane):
    """Base of the Vectors pane."""

    def __init__(self) -> None:
        super().__init__()
        self._atlas: Atlas | None = None
        self._ratings: Path | None = None
        self._axes = (0, 1)
        self._first: tuple[str, str] | None = None
        """The first of two directions to compare."""
        self._compared: Comparison | None = None
        self.view: View = "list"

    # What the pane draws

    @property
    def emotion(self) -> str:
        """The emotion under the cursor; "" without a set."""
        return ""

    @property
    def looked_at(self) -> str:
        """The emotion under the focused part's own cursor."""
        return ""

    def go_to_emotion(self, emotion: str) -> None:
        """Every cursor to one emotion."""

    def look(self) -> None:
        """Ask for the set again."""

    def show_plane(self) -> None:
        """Draw the plane again."""

    def show_comparison(self, found: Comparison) -> None:
        """Draw a comparison."""

    def show_view(self, view: View) -> None:
        """Put a part of the pane on screen."""

    # What keys do

    def _with_set(self) -> Atlas | None:
        """The set on screen; without one the user is told what to do."""
        if self._atlas is None:
            self.toast("choose a set first: Enter on it", severity="warning")
        return self._atlas

    def action_pick_emotion(self) -> None:
        """Choose the emotion by name."""
        atlas = self._with_set()
        if atlas is None:
            return
        options = [(row.label, row.label) for row in atlas.rows]

        def take(label: str) -> None:
            self.go_to_emotion(label)
            self.choose(replace(self.workspace, emotion=label))

        self.ask(PickOne("Emotion", options, current=self.emotion), take)

    def action_build(self) -> None:
        """A new set from a run."""
        from emotui.panes.vectors_build import begin_build

        begin_build(self)

    def resume_job(self, record: dict[str, Any]) -> None:
        """A set that was being built when the last session ended."""
        from emotui.panes.vectors_build import start_build

        start_build(self, record["answers"])
        self.toast(f"building {one_line(record['answers']['name'])} again")

    def action_details(self) -> None:
        """Every choice that made the set."""
        atlas = self._with_set()
        if atlas is not None:
            self.app.push_screen(Details(list(atlas.lines)))

    def action_axes(self) -> None:
        """Other components on the plane."""
        atlas = self._with_set()
        if atlas is None:
            return
        n = len(atlas.share)
        if n < 2:
            self.toast("this set has too few emotions for a plane")
            return
        pairs = [(x, y) for x in range(n) for y in range(x + 1, n)]
        options = [(f"{x} {y}", f"{axis_name(atlas, x)} × {axis_name(atlas, y)}") for x, y in pairs]

        def take(pair: str) -> None:
            x, y = pair.split()
            self._axes = int(x), int(y)
            self.show_plane()
            self.show_view("plane")

        current = f"{self._axes[0]} {self._axes[1]}"
        self.ask(PickOne("Axes of the plane", options, current=current), take)

    def action_ratings(self) -> None:
        """A CSV of human ratings to correlate the components with."""

        def take(name: str) -> None:
            self._ratings = Path(name).expanduser() if name.strip() else None
            self.look()
            self.show_view("plane")

        self.ask(
            AskText(
                "CSV of ratings",
                value=str(self._ratings or ""),
                hint="first column: emotion; the others numbers, e.g. valence, arousal; "
                "empty: none",
                check=lambda t: (
                    "" if not t.strip() or Path(t).expanduser().is_file() else "not a file"
                ),
            ),
            take,
        )

    def action_compare(self) -> None:
        """First press: this direction; second press: compare it with this one."""
        atlas = self._with_set()
        if atlas is None:
            return
        here = (atlas.vectors, self.looked_at)
        if self._first is None or self._first == here:
            self._first = here
            self.toast(f"first: {here[0]} {one_line(here[1])}; go to another and press c")
            return
        first, self._first = self._first, None

        def start(tools: Tools) -> Job:
            from emotui.jobs.atlas import compare_job

            return compare_job(tools.home, first, here)

        title = f"compare {first[1]} and {here[1]}"
        self.submit(start, title, lane="desk", then=self.show_comparison)

    def action_audit(self) -> None:
        """A finding about the cosine under the heat map's cursor, begun in the Audit pane."""
        if self._with_set() is None:
            return
        if not all(self.workspace.pair):
            self.toast("go to the cosine of two different emotions first: h", severity="warning")
            return
        self.choose(replace(self.workspace, claim="cosine"))
        self.shell.go_to("audit")

    # Algebra

    def action_algebra(self) -> None:
        """A new set from this one's directions."""
        atlas = self._with_set()
        if atlas is None:
            return
        source, layer = atlas.vectors, atlas.layer
        labels = [row.label for row in atlas.rows]
        example = f"{labels[0]} - {labels[1]}" if len(labels) > 1 else f"0.5*{labels[0]}"

        def weigh(expression: str) -> int:
            def start(tools: Tools) -> Job:
                from emotui.jobs.atlas import mixture_job

                return mixture_job(tools.home, expression, source, layer)

            title = f"combine {expression}"
            return self.submit(
                start, title, lane="desk", subject="mixture", then=self._name_mixture
            )

        self.ask_for_job(
            lambda: AskText(
                f"Combine directions of {source}",
                hint=f"e.g. {example}; unit directions are added, the sum has unit norm",
                check=lambda t: "" if t.strip() else f"write e.g. {example}",
            ),
            weigh,
        )

    def _name_mixture(self, found: Mixture) -> None:
        def save(name: str) -> int:
            def start(tools: Tools) -> Job:
                from emotui.jobs.build import combine_job

                return combine_job(
                    tools.home, found.expression, name=name.strip(), sources=(found.source,)
                )

            return self.submit(
                start,
                f"save {found.expression}",
                lane="desk",
                then=lambda _: self._saved(name.strip()),
            )

        self.ask_for_job(
            lambda: AskText(
                f"{found.expression}: name of the new set",
                hint=mixture_line(found),
                check=lambda t: "" if t.strip() else "give it a name; Esc saves nothing",
            ),
            save,
        )

    def _saved(self, name: str) -> None:
        self.toast(f"saved {name}")
        self.changed_on_disk()
        self.choose(replace(self.workspace, vectors=name))

    # Export

    def action_export(self) -> None:
        """The set for other tools, or the chart on screen as pictures and numbers."""
        atlas = self._with_set()
        if atlas is None:
            return
        folder, view = self.workspace.home.root, self._chart
        value = f"{folder / atlas.vectors}.safetensors"
        if self.view != "list":
            value = str(self.workspace.home.reports / f"{atlas.vectors}-L{atlas.layer}-{view}")
        self.ask_for_job(
            lambda: AskText(
                "Write to",
                value=value,
                hint=".safetensors .npz: all vectors · .gguf: this emotion · .svg .png .csv: the "
                f"{view} chart; no ending: all three",
            ),
            lambda name: self._write(Path(name.strip()), atlas, whole=name == value),
        )

    @property
    def _chart(self) -> Literal["heat", "plane", "compare"]:
        """Which chart an export means."""
        return "heat" if self.view == "list" else self.view

    def _write(self, path: Path, atlas: Atlas, *, whole: bool) -> int:
        emotion, view = self.emotion, self._chart
        # The proposed name of a chart has no ending, though the set's name in it may hold a dot.
        all_three = not path.suffix or (whole and self.view != "list")
        endings = CHARTS if all_three else (path.suffix.lower(),)
        ask = ChartAsk(
            view,
            atlas,
            self._compared,
            self._axes,
            chart_notes(view, atlas, self._compared, self._axes),
        )

        def start(tools: Tools) -> Job:
            from emotui.jobs.atlas_export import export_chart_job, export_set_job

            if endings[0] in CHARTS:
                return export_chart_job(tools.home, ask, path, endings)
            return export_set_job(tools.home, atlas.vectors, path, label=emotion)

        return self.submit(start, f"export {atlas.vectors}", lane="desk", then=self._wrote)

    def _wrote(self, paths: tuple[str, ...]) -> None:
        self.toast("wrote " + ", ".join(one_line(path) for path in paths))
