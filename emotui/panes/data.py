"""The Data pane: every dataset, its rows, what they hold, and the way in and out of it.

In: datasets of the data directory, read through jobs on the desk; rows come from the open dataset
for the lines on screen only. Out: the chosen dataset and row, imports, exclusions, extractions.
Counts nothing itself.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from emotui.actions import bindings
from emotui.events import Job, Partial
from emotui.lanes import Tools
from emotui.panes.data_dialogs import OPEN_FIRST, DataDialogs
from emotui.sanitize import one_line
from emotui.widgets.bars import Bars, Histogram
from emotui.widgets.prose import Prose
from emotui.widgets.table import Column, VirtualTable
from emotui.worker import JobEvent, JobFinished, Report
from emotui.workspace import ShownText

if TYPE_CHECKING:
    from emotui.jobs.browse import DatasetView, Hits, RowMarks
    from emotui.jobs.firststart import DemoPart
    from store.datasets import DatasetInfo, Row

SETS = (Column("dataset"), Column("rows", 8, "right"), Column("labels", 6, "right"))
ROWS = (
    Column("row", 7, "right"),
    Column("mark", 4),
    Column("label", 12),
    Column("topic", 10),
    Column("text"),
)
MARKED_UP_TO = 60_000
"""Rows up to which leaks and repeats are looked for without being asked."""
PREVIEWED = 4000
"""Characters of a text shown under the rows."""


class DataPane(DataDialogs):
    """Datasets, rows, counts."""

    SCOPED_CSS = False
    pane_id = "data"
    empty_hint = "no dataset yet: i imports a file"
    BINDINGS = bindings("data")
    DEFAULT_CSS = """
    DataPane { layout: grid; grid-size: 2 2; grid-columns: 38 1fr; grid-rows: 9 1fr; }
    DataPane #rows-side { row-span: 2; border-left: solid $panel; }
    DataPane #preview { height: 8; border-top: solid $panel; }
    DataPane #summary { height: auto; color: $text-muted; }
    DataPane #filter { display: none; border: none; height: 1; background: $panel; padding: 0 1; }
    DataPane #filter.-on { display: block; }
    DataPane #bars { height: 1fr; }
    DataPane #labels, DataPane #topics { height: 1fr; margin: 1 0 0 0; }
    DataPane #lengths { height: 6; margin: 1 0 0 0; }
    DataPane .-none { display: none; }
    DataPane #counts { padding: 0 1; border-top: solid $panel; }
    .-wide DataPane { grid-size: 3 1; grid-columns: 38 1fr 40; grid-rows: 1fr; }
    .-wide DataPane #rows-side { row-span: 1; border-right: solid $panel; }
    .-wide DataPane #counts { border-top: none; }
    .-narrow DataPane { layout: vertical; }
    .-narrow DataPane #datasets { height: auto; max-height: 8; }
    .-narrow DataPane #rows-side { display: none; border-left: none; }
    .-narrow DataPane #preview { height: 6; }
    .-narrow DataPane.-rows #rows-side { display: block; }
    .-narrow DataPane.-rows #datasets, .-narrow DataPane.-rows #counts { display: none; }
    .-narrow DataPane #counts { height: 1fr; padding: 0; }
    .-narrow DataPane #lengths { height: 4; margin: 0; }
    .-narrow DataPane #bars { layout: horizontal; }
    .-narrow DataPane #labels { margin: 0 2 0 0; }
    .-narrow DataPane #topics { margin: 0; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._sets: tuple[DatasetInfo, ...] = ()
        self._leaks: frozenset[int] = frozenset()
        self._repeats: frozenset[int] = frozenset()
        self._listed = -1
        self._walked = ""
        """Which marks n and N go through; "" for none."""

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
            with Vertical(id="bars"):
                yield Bars(id="labels")
                yield Bars(id="topics", classes="-none")
            yield Histogram(unit="characters", id="lengths", classes="-none")

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
            self.open_dataset(name)

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

        table = self.query_one("#datasets", VirtualTable)
        table.set_rows(len(sets), rows, cursor=at)
        if self.screen.has_class("-narrow"):
            table.styles.height = min(max(len(sets), 1) + 1, 8)

    def open_dataset(self, name: str) -> None:
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
        for what, counts in (("labels", view.labels), ("topics", view.topics)):
            bars = self.query_one(f"#{what}", Bars)
            bars.set_items(counts, title=f"by {what[:-1]} (t: all {len(counts)})")
            bars.set_class(not counts, "-none")
        self.query_one("#lengths").remove_class("-none")
        self.query_one("#lengths", Histogram).set_counts(view.edges, view.counts)
        self._summarise()
        self._preview()
        if not same and view.info.n <= MARKED_UP_TO:
            self.look_for_marks()

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
            f"{info.n:,} rows · {len(info.labels)} labels · {len(info.topics)} topics",
            f"x excluded: {len(view.excluded):,}",
        ]
        marks = self._marks
        if marks is not None:
            rate = len(marks.leaks) / marks.rows if marks.rows else 0.0
            lines.append(f"L name their label: {len(marks.leaks):,} ({rate:.1%})")
            lines.append(f"= repeated texts: {len(marks.repeats):,}")
            lines.append("m: n and N go through marked rows")
        elif info.n > MARKED_UP_TO:
            lines.append("L and = not looked for yet: c checks")
        else:
            lines.append("looking for label words and repeats ...")
        narrow = self.screen.has_class("-narrow")
        text = Text((" · " if narrow else "\n").join(lines))
        self.query_one("#summary", Static).update(text)
        self.shell.refresh_rows()

    def look_for_marks(self) -> None:
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

    def action_marks(self) -> None:
        """n and N go through leaks, then repeats, then excluded rows."""
        if self._view is None:
            self.toast(OPEN_FIRST)
            return
        rows: dict[str, list[int]] = {
            "name their label (L)": sorted(self._leaks),
            "repeat another row (=)": sorted(self._repeats),
            "are excluded (x)": sorted(self._view.excluded),
        }
        kinds = [kind for kind, marked in rows.items() if marked]
        if not kinds:
            self.toast("no row is marked" if self._marks else "not looked for yet: c checks")
            return
        at = kinds.index(self._walked) + 1 if self._walked in kinds else 0
        self._walked = kinds[at] if at < len(kinds) else ""
        if not self._walked:
            self._set_hits([])
            self.toast("that was the last kind of mark; m begins anew")
            return
        self._set_hits(rows[self._walked])
        self.toast(f"{len(rows[self._walked]):,} rows {self._walked}: n and N go through them")

    def _set_hits(self, rows: list[int]) -> None:
        """Mark rows, and go to the first at or after the cursor."""
        table = self.query_one("#rows", VirtualTable)
        self.add_class("-rows")
        table.set_hits(rows)
        table.focus()
        if rows:
            table.move_to(next((r for r in rows if r >= table.cursor), rows[0]))

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
                self.open_dataset(name)
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
            self.toast(OPEN_FIRST)
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
        self._walked = ""
        self._set_hits(hits.rows.tolist())
        if not len(hits.rows):
            self.toast(f"no row contains {one_line(hits.needle)}")

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
