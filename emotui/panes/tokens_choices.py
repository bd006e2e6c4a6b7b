"""What can be chosen in the Tokens pane: emotions, set, scale, text, export; the dialogs for it.

In: what the user picks or types. Out: another workspace, another rule of the scale, jobs. Shows
dialogs only.
"""

from dataclasses import replace
from pathlib import Path

from emotui.emotion_groups import present
from emotui.events import Job
from emotui.jobs.atlas_spec import SetEntry
from emotui.lanes import Tools
from emotui.panes.sets_choice import ask_for_set
from emotui.panes.tokens_open import PasteText, parse_row, read_text_file
from emotui.panes.tokens_scores import TokensScores
from emotui.panes.tokens_words import parse_scale
from emotui.sanitize import one_line
from emotui.screens.asking import AskText, PickOne
from emotui.screens.picking import PickMany
from emotui.workspace import ShownText


class TokensChoices(TokensScores):
    """Base of the Tokens pane: its dialogs."""

    def __init__(self) -> None:
        super().__init__()
        self._row: tuple[str, int] | None = None
        """The dataset row shown last, wherever its dataset is."""

    @property
    def span(self) -> tuple[int, int, bool]:
        """Tokens [start, stop) that are ranked, and whether they were marked."""
        return 0, 0, False

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

        def take(chosen: tuple[str, ...]) -> None:
            if not chosen:
                self.toast("nothing was chosen; the emotion that ranks highest is coloured")
            self.choose(replace(self.workspace, emotions=chosen))

        self.ask(
            PickMany(
                "Emotions that colour the text",
                [(label, label) for label in labels],
                chosen=self.emotions,
                groups=present(labels),
            ),
            take,
        )

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
            none=f"no {wanted} vectors of this model; 3 and then b builds them",
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
            self.paint()

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
        named = f"dataset {self.workspace.dataset}" if self.workspace.dataset else "a dataset"
        options.append(("row", f"a row of {named}"))

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
        workspace = self.workspace
        here = bool(workspace.dataset)

        def wrong(text: str) -> str:
            found = parse_row(text, workspace.dataset)
            return found if isinstance(found, str) else ""

        def take(text: str) -> int:
            found = parse_row(text, workspace.dataset)
            assert not isinstance(found, str)
            return self._read_row(*found)

        self.ask_for_job(
            lambda: AskText(
                f"Row of {workspace.dataset}" if here else "Row of a dataset",
                value=str(workspace.row) if here else "",
                hint="counted from 0; NAME and a number: a row of another dataset",
                check=wrong,
            ),
            take,
        )

    def _read_row(self, dataset: str, row: int) -> int:
        """Show a row; n and N go on from it."""

        def start(tools: Tools) -> Job:
            from emotui.jobs.row_text import row_text_job

            return row_text_job(tools.home, dataset, row)

        def take(text: ShownText) -> None:
            here = dataset == self.workspace.dataset
            self.choose(replace(self.workspace, row=row if here else self.workspace.row, text=text))
            self._row = dataset, row
            self.focus_first()

        title = f"row of {dataset}"
        return self.submit(start, title, lane="desk", subject="row", then=take, quiet=True)

    def action_next_row(self, by: int) -> None:
        """The row after or before the one shown, or after the Data pane's."""
        shown = self.workspace.text
        if shown is not None and self._row is not None and shown.origin.startswith(self._row[0]):
            dataset, row = self._row
        else:
            dataset, row = self.workspace.dataset, self.workspace.row
        if not dataset:
            self.toast("no dataset chosen: pane 1 lists them; o opens any row")
        elif row + by < 0:
            self.toast("this is the first row")
        else:
            self._read_row(dataset, row + by)

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

        def take(name: str) -> int:
            def start(tools: Tools) -> Job:
                del tools
                from emotui.jobs.colour import export_scores_job

                return export_scores_job(
                    coloured, Path(name), emotions=emotions, layer=layer, span=(start_, stop)
                )

            return self.submit(start, "export scores", lane="desk", then=self._wrote)

        folder = self.workspace.home.root
        self.ask_for_job(
            lambda: AskText(
                "Write to",
                value=str(folder / f"tokens-layer{layer}.html"),
                hint=".html: the coloured text · .csv: every token's scores",
            ),
            take,
        )
