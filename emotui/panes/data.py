"""The Data pane: every dataset, its rows, what they hold, and the way in and out of it.

In: datasets of the data directory, read through jobs on the desk; rows come from the open dataset
for the lines on screen only. Out: the chosen dataset and row, imports, exclusions, extractions.
Counts nothing itself.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from emotui.actions import bindings
from emotui.events import Job, Partial
from emotui.jobs.spec import ModelSpec
from emotui.lanes import Tools
from emotui.panes.base import Pane
from emotui.panes.dataforms import (
    extract_form,
    extract_request,
    import_form,
    import_request,
)
from emotui.sanitize import one_line
from emotui.screens.asking import AskText, Confirm
from emotui.widgets.bars import Bars, Histogram
from emotui.widgets.prose import Prose
from emotui.widgets.table import Column, VirtualTable
from emotui.worker import JobEvent, JobFinished, Report
from emotui.workspace import ShownText, Workspace

if TYPE_CHECKING:
    from emotui.jobs.browse import Columns, DatasetView, Hits, RowMarks
    from emotui.jobs.extract import ExtractResult
    from emotui.jobs.firststart import DemoPart
    from store.checks import DatasetCheck
    from store.datasets import DatasetInfo, Row

SETS = (Column("dataset"), Column("rows", 8, "right"), Column("labels", 6, "right"))
ROWS = (
    Column("row", 7, "right"),
    Column("", 3),
    Column("label", 12),
    Column("topic", 10),
    Column("text"),
)
MARKED_UP_TO = 60_000
"""Rows up to which leaks and repeats are looked for without being asked."""
PREVIEWED = 4000
"""Characters of a text shown under the rows."""


class DataPane(Pane):
    """Datasets, rows, counts."""

    SCOPED_CSS = False
    pane_id = "data"
    empty_hint = "no dataset yet: i imports a file (or: emotui data import FILE --name NAME)"
    BINDINGS = bindings("data")
    DEFAULT_CSS = """
    DataPane { layout: grid; grid-size: 2 2; grid-columns: 38 1fr; grid-rows: 1fr 2fr; }
    DataPane #rows-side { row-span: 2; border-left: solid $panel; }
    DataPane #preview { height: 9; border-top: solid $panel; }
    DataPane #summary { height: auto; color: $text-muted; }
    DataPane #filter { display: none; border: none; height: 1; background: $panel; padding: 0 1; }
    DataPane #filter.-on { display: block; }
    DataPane #labels { height: 1fr; min-height: 3; margin: 1 0 0 0; }
    DataPane #lengths { height: 7; margin: 1 0 0 0; }
    DataPane #counts { padding: 0 1; border-top: solid $panel; }
    .-wide DataPane { grid-size: 3 1; grid-columns: 38 1fr 40; grid-rows: 1fr; }
    .-wide DataPane #rows-side { row-span: 1; border-right: solid $panel; }
    .-wide DataPane #counts { border-top: none; }
    .-narrow DataPane { layout: vertical; }
    .-narrow DataPane #datasets { height: 8; }
    .-narrow DataPane #rows-side { display: none; border-left: none; }
    .-narrow DataPane #preview { height: 6; }
    .-narrow DataPane.-rows #rows-side { display: block; }
    .-narrow DataPane.-rows #datasets, .-narrow DataPane.-rows #counts { display: none; }
    .-narrow DataPane #counts { height: 1fr; padding: 0; }
    .-narrow DataPane #lengths { height: 4; margin: 0; }
    .-narrow DataPane #labels { margin: 0; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._sets: tuple[DatasetInfo, ...] = ()
        self._view: DatasetView | None = None
        self._marks: RowMarks | None = None
        self._leaks: frozenset[int] = frozenset()
        self._repeats: frozenset[int] = frozenset()
        self._header = True
        self._listed = -1

    def compose(self) -> ComposeResult:
        """Datasets at the left, rows in the middle, counts at the right."""
        yield VirtualTable(SETS, empty=self.empty_hint, id="datasets")
        with Vertical(id="rows-side"):
            yield VirtualTable(
                ROWS, empty="Enter on a dataset opens it", moved=self._row_moved, id="rows"
            )
            yield Input(placeholder="text, label or topic contains...", id="filter", compact=True)
            yield Prose(id="preview")
        with Vertical(id="counts"):
            yield Static(id="summary")
            yield Bars(id="labels")
            yield Histogram(unit="characters", id="lengths")

    # The workspace and jobs

    def on_workspace(self, changed: frozenset[str]) -> None:
        """Another dataset, or other datasets on disk."""
        if "datasets_version" in changed and self._listed != self.workspace.datasets_version:
            self._listed = self.workspace.datasets_version
            self.submit(
                _list,
                "list datasets",
                lane="desk",
                subject="list",
                then=self._show_sets,
                quiet=True,
            )
        name = self.workspace.dataset
        if "dataset" in changed and name and (self._view is None or self._view.info.name != name):
            self._open(name)

    def on_job(self, report: Report) -> None:
        """Parts of the demo, as they become usable."""
        if isinstance(report, JobEvent) and isinstance(report.event, Partial):
            if report.event.kind == "demo":
                self._demo_part(report.event.value)  # type: ignore[arg-type]
        elif isinstance(report, JobFinished) and type(report.value).__name__ == "DemoPart":
            self._demo_part(report.value)  # type: ignore[arg-type]

    # Datasets

    def _show_sets(self, sets: "tuple[DatasetInfo, ...]") -> None:
        self._sets = sets
        names = [info.name for info in sets]
        at = names.index(self.workspace.dataset) if self.workspace.dataset in names else 0

        def rows(start: int, stop: int) -> list[list[str]]:
            return [[i.name, f"{i.n:,}", str(len(i.labels) or "–")] for i in sets[start:stop]]

        self.query_one("#datasets", VirtualTable).set_rows(len(sets), rows, cursor=at)

    def _open(self, name: str) -> None:
        def start(tools: Tools) -> Job:
            from emotui.jobs.browse import view_job

            return view_job(tools.home, name, cancelled=tools.cancelled)

        self.submit(
            start, f"open {name}", lane="desk", subject="view", then=self._show_view, quiet=True
        )

    def _show_view(self, view: "DatasetView") -> None:
        same = self._view is not None and self._view.info.hash == view.info.hash
        self._view = view
        if not same:
            self._marks, self._leaks, self._repeats = None, frozenset(), frozenset()
        table = self.query_one("#rows", VirtualTable)
        if same:
            table.update_rows()
        else:
            table.set_rows(view.info.n, self._rows, cursor=self.workspace.row)
        self.query_one("#labels", Bars).set_items(view.labels or view.topics)
        self.query_one("#lengths", Histogram).set_counts(view.edges, view.counts)
        self._summarise()
        self._preview()
        if not same and view.info.n <= MARKED_UP_TO:
            self._mark()

    def _rows(self, start: int, stop: int) -> list[list[str]]:
        assert self._view is not None
        return [self._cells(self._view.dataset.row(i)) for i in range(start, stop)]

    def _cells(self, row: "Row") -> list[str]:
        assert self._view is not None
        return [
            f"{row.index:,}",
            self._mark_text(row.index),
            row.label or "",
            row.topic or "",
            row.text[:1000],
        ]

    def _mark_text(self, row: int) -> str:
        assert self._view is not None
        return (
            ("x" if row in self._view.excluded else "")
            + ("L" if row in self._leaks else "")
            + ("=" if row in self._repeats else "")
        )

    def _summarise(self) -> None:
        view = self._view
        if view is None:
            return
        info = view.info
        lines = [
            one_line(info.name),
            f"{info.n:,} rows, {len(view.excluded):,} excluded (x)",
            f"{len(info.labels)} labels, {len(info.topics)} topics",
        ]
        marks = self._marks
        if marks is not None:
            rate = len(marks.leaks) / marks.rows if marks.rows else 0.0
            lines.append(f"L name their label: {len(marks.leaks):,} ({rate:.1%})")
            lines.append(f"= repeated texts: {len(marks.repeats):,}")
        elif info.n > MARKED_UP_TO:
            lines.append("L and = not looked for yet: c checks")
        else:
            lines.append("looking for label words and repeats ...")
        self.query_one("#summary", Static).update(Text("\n".join(lines)))
        self.shell.refresh_rows()

    def _mark(self) -> None:
        name = self.workspace.dataset

        def start(tools: Tools) -> Job:
            from emotui.jobs.browse import marks_job

            return marks_job(tools.home, name, cancelled=tools.cancelled)

        title = f"leaks and repeats in {name}"
        self.submit(start, title, lane="desk", subject="marks", then=self._show_marks)

    def _show_marks(self, marks: "RowMarks") -> None:
        if self._view is None or marks.dataset != self._view.info.name:
            return
        self._marks = marks
        self._leaks = frozenset(marks.leaks.tolist())
        self._repeats = frozenset(marks.repeats.tolist())
        self.query_one("#rows", VirtualTable).update_rows()
        self._summarise()

    # Rows

    def _row_moved(self, row: int) -> None:
        """The preview follows the row, in the same frame."""
        if self._view is not None:
            if row != self.workspace.row:
                self.choose(replace(self.workspace, row=row))
            if row:
                self.saw("moved")
            self._preview()

    def _preview(self) -> None:
        view, at = self._view, self.query_one("#rows", VirtualTable).cursor
        if view is None or not view.info.n:
            return
        row = view.dataset.row(at)
        head = [f"row {at:,}", f"{len(row.text):,} characters", row.label or "", row.topic or ""]
        self.query_one("#preview", Prose).show(
            " · ".join(filter(None, head)),
            row.text[:PREVIEWED],
            remark=f"excluded: {view.excluded[at]}" if at in view.excluded else "",
        )

    def on_virtual_table_opened(self, message: VirtualTable.Opened) -> None:
        """Enter opens a dataset, or a row in Tokens."""
        if message.table.id == "datasets":
            name = self._sets[message.row].name
            if name != self.workspace.dataset:
                self.choose(replace(self.workspace, dataset=name, row=0))
            elif self._view is None:
                self._open(name)
            self.add_class("-rows")
            self.query_one("#rows", VirtualTable).focus()
        elif self._view is not None:
            row = self._view.dataset.row(message.row)
            shown = ShownText(row.text, f"{self._view.info.name} row {row.index}")
            self.choose(replace(self.workspace, row=row.index, text=shown))
            self.shell.go_to("tokens")

    def focus_first(self) -> None:
        """The rows once a dataset is open, else the datasets."""
        target = "#rows" if self._view is not None and self.has_class("-rows") else "#datasets"
        self.query_one(target, VirtualTable).focus()

    def action_back(self) -> None:
        """From the filter to the rows, from the rows to the datasets."""
        line = self.query_one("#filter", Input)
        if line.has_class("-on"):
            self._close_filter()
            return
        self.remove_class("-rows")
        self.query_one("#datasets", VirtualTable).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where there is nothing to go back to, Esc is left to the shell."""
        del parameters
        if action != "back":
            return True
        return not self.query_one("#datasets", VirtualTable).has_focus

    # Filter

    def action_filter(self) -> None:
        """A line to type into, under the rows."""
        if self._view is None:
            self.toast("open a dataset first: Enter on it")
            return
        self.add_class("-rows")
        line = self.query_one("#filter", Input)
        line.add_class("-on")
        line.focus()

    def _close_filter(self) -> None:
        self.query_one("#filter", Input).remove_class("-on")
        self.query_one("#rows", VirtualTable).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter searches; an empty line clears."""
        needle, name = event.value, self.workspace.dataset
        self._close_filter()
        if not needle:
            self.query_one("#rows", VirtualTable).set_hits(())
            return

        def start(tools: Tools) -> Job:
            from emotui.jobs.browse import filter_job

            return filter_job(tools.home, name, needle, cancelled=tools.cancelled)

        title = f"find {one_line(needle)}"
        self.submit(start, title, lane="desk", subject="filter", then=self._show_hits)

    def _show_hits(self, hits: "Hits") -> None:
        if self._view is None or hits.dataset != self._view.info.name:
            return
        table = self.query_one("#rows", VirtualTable)
        rows = hits.rows.tolist()
        table.set_hits(rows)
        if not rows:
            self.toast(f"no row contains {one_line(hits.needle)}")
        elif table.cursor not in rows[:1]:
            table.move_to(next((r for r in rows if r >= table.cursor), rows[0]))

    # Import

    def action_import_data(self) -> None:
        """Asks for a path, then for the columns."""

        def check(path: str) -> str:
            there = Path(path.rstrip("!")).expanduser().exists()
            return "" if there else "there is no such file or folder"

        hint = "JSONL, JSON, CSV, TSV, Parquet, text, or a folder; end with ! for no header line"
        self.ask(
            AskText(
                "Import which file or folder?", hint=hint, check=lambda p: check(p.rstrip("!"))
            ),
            self._look_into,
        )

    def _look_into(self, answer: str) -> None:
        path, self._header = answer.rstrip("!"), not answer.endswith("!")
        header = self._header

        def start(tools: Tools) -> Job:
            from emotui.jobs.browse import columns_job

            return columns_job(path, header=header, cancelled=tools.cancelled)

        title = f"look into {one_line(Path(path).name)}"
        self.submit(start, title, lane="desk", subject="columns", then=self._map_columns)

    def _map_columns(self, columns: "Columns") -> None:
        header = self._header

        def begin(answers: dict[str, str]) -> None:
            def start(tools: Tools) -> Job:
                from emotui.jobs.data import import_job

                request = import_request(columns.path, answers, header=header)
                return import_job(tools.home, request, cancelled=tools.cancelled)

            title = f"import {one_line(answers['name'])}"
            self.submit(start, title, lane="desk", then=self._imported)

        self.ask(import_form(columns), begin)

    def _imported(self, info: "DatasetInfo") -> None:
        self.toast(f"{one_line(info.name)}: {info.n:,} rows imported")
        self.choose(replace(self.workspace, dataset=info.name, row=0))
        self.changed_on_disk()

    # Exclude, check, extract

    def action_exclude(self) -> None:
        """Sets the row aside with a reason, or takes it back."""
        if self._view is None:
            self.toast("open a dataset first: Enter on it")
            return
        row = self.query_one("#rows", VirtualTable).cursor
        if row in self._view.excluded:
            why = one_line(self._view.excluded[row])
            self.ask(
                Confirm(f"Row {row} is excluded ({why}). Take it back?"),
                lambda yes: self._exclude(row, "") if yes else None,
            )
            return
        self.ask(
            AskText(
                f"Exclude row {row:,}: why?",
                hint="kept with the dataset; runs made before keep the row",
                check=lambda text: "" if text.strip() else "an exclusion needs a reason",
            ),
            lambda reason: self._exclude(row, reason),
        )

    def _exclude(self, row: int, reason: str) -> None:
        name = self.workspace.dataset

        def start(tools: Tools) -> Job:
            from emotui.jobs.browse import exclude_job

            return exclude_job(tools.home, name, row, reason)

        verb = "exclude" if reason else "take back"
        title = f"{verb} row {row} of {name}"
        self.submit(start, title, lane="desk", then=lambda _: self._open(self.workspace.dataset))

    def action_check(self) -> None:
        """Looks the dataset over; the result opens as text."""
        name = self.workspace.dataset
        if not name:
            self.toast("open a dataset first: Enter on it")
            return

        def start(tools: Tools) -> Job:
            from emotui.jobs.data import check_job

            return check_job(tools.home, name, cancelled=tools.cancelled)

        title = f"check {name}"
        self.submit(start, title, lane="desk", subject="check", then=self._show_check)
        if self._marks is None:
            self._mark()

    def _show_check(self, found: "DatasetCheck") -> None:
        from emotui.checkview import check_lines
        from emotui.panes.jobs import Details

        self.app.push_screen(Details(check_lines(found)))

    def action_extract(self) -> None:
        """Asks for model, layers and pooling, then runs on the engine."""
        if not self.workspace.dataset:
            self.toast("open a dataset first: Enter on it")
            return
        self.ask(extract_form(self.workspace), self._extract)

    def _extract(self, answers: Mapping[str, str]) -> None:
        settings, model = self.workspace.settings, self.workspace.model
        if model is None or model.source != answers["model"]:
            device, dtype = settings.text("device"), settings.text("dtype")
            model = ModelSpec(answers["model"], dtype=dtype, device=device)
            self.choose(replace(self.workspace, model=model))
        self._start_extract(self.workspace, answers)

    def _start_extract(self, workspace: Workspace, answers: Mapping[str, str]) -> None:
        assert workspace.model is not None, "the form names one"

        def start(tools: Tools) -> Job:
            from emotui.jobs.extract import extract_job

            request = extract_request(workspace, answers)
            return extract_job(tools.home, request, engine=tools.engine, cancelled=tools.cancelled)

        record = {
            "what": "extract",
            "answers": dict(answers),
            "dataset": workspace.dataset,
            "model": asdict(workspace.model),
        }
        title = f"extract {workspace.dataset}"
        self.submit(start, title, then=self._extracted, resume=record)

    def resume_job(self, record: dict[str, Any]) -> None:
        """An extraction or the demo goes on where it stopped."""
        if record["what"] == "demo":
            self.submit(_prepare_demo, "prepare the demo", subject="demo", resume={"what": "demo"})
            return
        model = ModelSpec(**record["model"])
        self._start_extract(
            replace(self.workspace, dataset=record["dataset"], model=model), record["answers"]
        )
        self.toast(f"resuming the extraction over {one_line(record['dataset'])}")

    def _extracted(self, result: "ExtractResult") -> None:
        self.choose(replace(self.workspace, run=result.run, probe=None))
        self.changed_on_disk()
        self.toast(f"run {result.run} is complete: {result.rows:,} rows; 2 probes it")

    def _demo_part(self, made: "DemoPart") -> None:
        now = self.workspace
        self.choose(
            replace(
                now,
                dataset=now.dataset or made.dataset,
                run=now.run or made.run,
                vectors=now.vectors or made.vectors,
            )
        )
        self.changed_on_disk()

    @property
    def status_line(self) -> str:
        """Dataset and row."""
        if self._view is None:
            return f"{len(self._sets)} datasets"
        return f"{self._view.info.name} · row {self.workspace.row + 1:,}/{self._view.info.n:,}"


def _list(tools: Tools) -> Job:
    from emotui.jobs.browse import datasets_job

    return datasets_job(tools.home)


def _prepare_demo(tools: Tools) -> Job:
    from emotui.jobs.firststart import prepare_demo_job

    return prepare_demo_job(tools.home, engine=tools.engine, cancelled=tools.cancelled)
