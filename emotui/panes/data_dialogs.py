"""What can be done with a dataset from the Data pane: import, exclude, check, count, extract.

In: the dataset that is open and what the user types. Out: jobs, and the choices they lead to. The
pane itself shows rows and counts.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotui.events import Job
from emotui.jobs.spec import ModelSpec, spec_of
from emotui.lanes import Tools
from emotui.panes.base import Pane
from emotui.panes.dataforms import extract_form, extract_request, import_form, import_request
from emotui.panes.jobs import Details
from emotui.sanitize import one_line
from emotui.screens.asking import AskText, Confirm
from emotui.widgets.table import VirtualTable
from emotui.workspace import Workspace

if TYPE_CHECKING:
    from emotui.jobs.browse import Columns, DatasetView, RowMarks
    from emotui.jobs.extract import ExtractResult
    from store.checks import DatasetCheck
    from store.datasets import DatasetInfo

OPEN_FIRST = "open a dataset first: Enter on it"


class DataDialogs(Pane):
    """Base of the Data pane, with a table #rows in it."""

    def __init__(self) -> None:
        super().__init__()
        self._view: DatasetView | None = None
        self._marks: RowMarks | None = None
        self._header = True

    # What the pane draws

    def open_dataset(self, name: str) -> None:
        """Read a dataset and show it."""

    def look_for_marks(self) -> None:
        """Look for leaks and repeats in the open dataset."""

    # Import

    def action_import_data(self) -> None:
        """Asks for a path, then for the columns."""

        def check(path: str) -> str:
            there = Path(path.rstrip("!")).expanduser().exists()
            return "" if there else "there is no such file or folder"

        hint = "JSONL, JSON, CSV, TSV, Parquet, text, or a folder; end with ! for no header line"
        self.ask_for_job(
            lambda: AskText("Import which file or folder?", hint=hint, check=check),
            self._look_into,
        )

    def _look_into(self, answer: str) -> int:
        path, self._header = answer.rstrip("!"), not answer.endswith("!")
        header = self._header

        def start(tools: Tools) -> Job:
            from emotui.jobs.browse import columns_job

            return columns_job(path, header=header, cancelled=tools.cancelled)

        title = f"look into {one_line(Path(path).name)}"
        return self.submit(start, title, lane="desk", subject="columns", then=self._map_columns)

    def _map_columns(self, columns: "Columns") -> None:
        header = self._header

        def begin(answers: dict[str, str]) -> int:
            def start(tools: Tools) -> Job:
                from emotui.jobs.data import import_job

                request = import_request(columns.path, answers, header=header)
                return import_job(tools.home, request, cancelled=tools.cancelled)

            title = f"import {one_line(answers['name'])}"
            return self.submit(start, title, lane="desk", then=self._imported)

        self.ask_for_job(lambda: import_form(columns), begin)

    def _imported(self, info: "DatasetInfo") -> None:
        self.toast(f"{one_line(info.name)}: {info.n:,} rows imported")
        self.choose(replace(self.workspace, dataset=info.name, row=0))
        self.changed_on_disk()

    # Exclude, check, extract

    def action_exclude(self) -> None:
        """Sets the row aside with a reason, or takes it back."""
        if self._view is None:
            self.toast(OPEN_FIRST)
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
        self.submit(start, title, lane="desk", then=lambda _: self.open_dataset(name))

    def action_check(self) -> None:
        """Looks the dataset over; the result opens as text."""
        name = self.workspace.dataset
        if not name:
            self.toast(OPEN_FIRST)
            return

        def start(tools: Tools) -> Job:
            from emotui.jobs.data import check_job

            return check_job(tools.home, name, cancelled=tools.cancelled)

        title = f"check {name}"
        self.submit(start, title, lane="desk", subject="check", then=self._show_check)
        if self._marks is None:
            self.look_for_marks()

    def _show_check(self, found: "DatasetCheck") -> None:
        from emotui.checkview import check_lines

        self.app.push_screen(Details(check_lines(found)))

    def action_counts(self) -> None:
        """Every emotion and every topic with its rows, however many there are."""
        view = self._view
        if view is None:
            self.toast(OPEN_FIRST)
            return
        lines = [f"{one_line(view.info.name)}: rows that are not excluded"]
        for what, counts in (("emotion", view.labels), ("topic", view.topics)):
            lines += ["", f"{len(counts)} by {what}" if counts else f"no {what}s"]
            lines += [f"{n:>9,}  {one_line(name)}" for name, n in counts]
        self.app.push_screen(Details(lines))

    def action_extract(self) -> None:
        """Asks for model, layers and pooling, then runs on the engine."""
        if not self.workspace.dataset:
            self.toast(OPEN_FIRST)
            return
        self.ask_for_job(lambda: extract_form(self.workspace), self._extract)

    def _extract(self, answers: Mapping[str, str]) -> int:
        model = self.workspace.model
        if model is None or model.source != answers["model"]:
            model = spec_of(self.workspace.settings, answers["model"])
        return self._start_extract(replace(self.workspace, model=model), answers)

    def _start_extract(self, workspace: Workspace, answers: Mapping[str, str]) -> int:
        model = workspace.model
        assert model is not None, "the form names one"

        def start(tools: Tools) -> Job:
            from emotui.jobs.extract import extract_job

            request = extract_request(workspace, answers)
            return extract_job(tools.home, request, engine=tools.engine, cancelled=tools.cancelled)

        record = {
            "what": "extract",
            "answers": dict(answers),
            "dataset": workspace.dataset,
            "model": asdict(model),
        }
        title = f"extract {workspace.dataset}"
        return self.submit(start, title, then=lambda r: self._extracted(r, model), resume=record)

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

    def _extracted(self, result: "ExtractResult", model: ModelSpec) -> None:
        self.choose(replace(self.workspace, run=result.run, model=model, probe=None))
        self.changed_on_disk()
        self.toast(f"run {result.run} is complete: {result.rows:,} rows; 2 probes it")


def _prepare_demo(tools: Tools) -> Job:
    from emotui.jobs.firststart import prepare_demo_job

    return prepare_demo_job(tools.home, engine=tools.engine, cancelled=tools.cancelled)
