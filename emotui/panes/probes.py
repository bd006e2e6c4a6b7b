"""The Probes pane: where in the model a label can be read, beside what could explain it away.

In: the run of the workspace, and the parts of a probe as the job says them. Out: the pinned layer,
and the newest probe for the other panes. Fits nothing.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from emotui.actions import bindings
from emotui.events import Job, Partial
from emotui.lanes import Tools
from emotui.options import parse_layers
from emotui.panes.base import Pane
from emotui.panes.probecurves import COLUMNS, NAMES, Curves, Metric
from emotui.sanitize import one_line
from emotui.screens.asking import PickOne
from emotui.widgets.layer_chart import LayerChart
from emotui.widgets.table import Column, VirtualTable
from emotui.worker import JobCancelled, JobEvent, JobFailed, Report

if TYPE_CHECKING:
    from emotui.jobs.probe import ProbeReport
    from store.runs import RunSummary

TABLE = (
    Column("layer", 6, "right"),
    Column("balanced accuracy", 19),
    Column("AUROC", 6, "right"),
    *(Column(name, len(name), "right") for name in COLUMNS),
    Column("shuffled"),
)


class ProbesPane(Pane):
    """Chart, table, and what it rests on."""

    SCOPED_CSS = False
    pane_id = "probes"
    empty_hint = "no run yet: Data, e extracts (or: emotui extract --model M --data N)"
    BINDINGS = bindings("probes")
    DEFAULT_CSS = """
    ProbesPane { layout: vertical; }
    ProbesPane #probe-title { height: 1; }
    ProbesPane #probe-chart { height: 1fr; min-height: 8; }
    ProbesPane #probe-best { height: auto; max-height: 4; color: $text-muted; }
    ProbesPane #probe-table { height: 30%; min-height: 4; }
    .-wide ProbesPane #probe-table { height: 25%; }
    .-narrow ProbesPane #probe-best { max-height: 5; }
    .-narrow.-low ProbesPane #probe-table { height: 5; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._runs: tuple[RunSummary, ...] = ()
        self._curves = Curves()
        self._metric: Metric = "accuracy"
        self._controls = True
        self._job: int | None = None

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Static(id="probe-title")
        yield LayerChart(id="probe-chart")
        yield Static(id="probe-best")
        yield VirtualTable(TABLE, empty="", id="probe-table")

    # The workspace

    def on_workspace(self, changed: frozenset[str]) -> None:
        """Another run, another probe, another pinned layer."""
        if "datasets_version" in changed:
            self.submit(
                _list, "list runs", lane="desk", subject="runs", then=self._take_runs, quiet=True
            )
        if "run" in changed:
            self._curves = Curves(self._layers_of_run())
            if self.workspace.run and self.workspace.probe is None:
                self._look_for_probe(self.workspace.run)
        if changed & {"run", "probe"} and self.workspace.probe is not None:
            self._curves = Curves.of(self.workspace.probe.result)
        if changed & {"run", "probe", "layer"}:
            self._draw()

    def _take_runs(self, runs: "tuple[RunSummary, ...]") -> None:
        self._runs = runs
        usable = [r for r in runs if r.state == "complete"]
        now = self.workspace
        if not now.run and usable:
            mine = [r for r in usable if r.dataset == now.dataset]
            self.choose(replace(now, run=(mine or usable)[0].run_id, probe=None))
        elif not self._curves.layers:
            self._curves = Curves(self._layers_of_run())
            self._draw()

    def _layers_of_run(self) -> tuple[int, ...]:
        return next((r.layers for r in self._runs if r.run_id == self.workspace.run), ())

    def _look_for_probe(self, run: str) -> None:
        def start(tools: Tools) -> Job:
            from emotui.jobs.browse import newest_probe_job

            return newest_probe_job(tools.home, run)

        def found(report: "ProbeReport | None") -> None:
            if report is not None and report.run == self.workspace.run:
                self._take(report)

        self.submit(
            start, "read the last probe", lane="desk", subject="cached", then=found, quiet=True
        )

    def _take(self, report: "ProbeReport") -> None:
        layer = self.workspace.layer
        best = int(report.result["best_layer"])
        inside = layer in report.result["layers"]
        self.choose(replace(self.workspace, probe=report, layer=layer if inside else best))
        self._curves = Curves.of(report.result)
        self._draw()
        self.query_one("#probe-chart", LayerChart).move_to(best)

    # A running probe

    def action_run_probe(self) -> None:
        """Probe every layer of the run, with all controls."""
        run, settings = self.workspace.run, self.workspace.settings
        if not run:
            self.toast(self.empty_hint, severity="warning")
            return
        device = settings.text("device")

        def start(tools: Tools) -> Job:
            from emotui.jobs.probe import ProbeRequest, probe_job

            request = ProbeRequest(run, parse_layers("all"), device=device)
            return probe_job(tools.home, request, engine=tools.engine, cancelled=tools.cancelled)

        self._curves = Curves(self._layers_of_run())
        self.choose(replace(self.workspace, probe=None))
        self._job = self.submit(start, f"probe {run}", subject="probe", then=self._take)
        self._draw()

    def on_job(self, report: Report) -> None:
        """Parts fill the chart as they come."""
        if isinstance(report, JobEvent) and isinstance(report.event, Partial):
            if report.event.kind == "probe" and report.job_id == self._job:
                value: Any = report.event.value
                self._curves.add(*value)
                self._draw()
        elif isinstance(report, JobCancelled | JobFailed) and report.job_id == self._job:
            self._draw()

    # Drawing

    def _draw(self) -> None:
        chart = self.query_one("#probe-chart", LayerChart)
        curves, metric = self._curves, self._metric
        cursor = chart.cursor_layer
        chart.set_frame(curves.layers, y_from=0.0, y_to=curves.top(metric))
        for series in curves.series(metric):
            chart.set_series(series)
        chart.show_only(None if self._controls else ["probe"])
        if cursor in curves.layers and cursor is not None:
            chart.move_to(cursor)
        self.query_one("#probe-title", Static).update(Text(self._title()))
        self.query_one("#probe-best", Static).update(Text("\n".join(self._best())))
        chart.set_rests_on("")
        rows = curves.rows(best=self._best_layer, pinned=self.workspace.layer)
        table = self.query_one("#probe-table", VirtualTable)
        if table.count == len(rows):
            self._shown_rows = rows
            table.update_rows()
        else:
            self._shown_rows = rows
            table.set_rows(len(rows), lambda a, b: self._shown_rows[a:b], cursor=table.cursor)

    @property
    def _best_layer(self) -> int | None:
        report = self.workspace.probe
        return None if report is None else int(report.result["best_layer"])

    def _title(self) -> str:
        report, run = self.workspace.probe, self.workspace.run
        name = NAMES[self._metric]
        if report is None:
            if not run:
                return self.empty_hint
            live = self._job is not None and self._is_live(self._job)
            return f"{name} by layer · {run} · " + (
                "filling in" if live else "not probed yet: r runs the probe with its controls"
            )
        r = report.result
        folds = "folds by topic" if r["grouping"] == "topic" else "folds over texts"
        chance = f"{r['chance']:.2f}".removeprefix("0") if self._metric == "accuracy" else ".50"
        return (
            f"{name} by layer · {len(r['labels'])} {r['target']}s · {folds} · "
            f"n {r['n']:,} · chance {chance}"
        )

    def _is_live(self, job_id: int) -> bool:
        job = self.shell.jobs.jobs.get(job_id)
        return job is None or job.live

    def _best(self) -> list[str]:
        """What it rests on; the best layer, and what has not been controlled."""
        report = self.workspace.probe
        if report is None:
            return []
        from emotui.probeview import best_line, rests_on

        pinned = self.workspace.layer
        return [f"▲ pinned {pinned}  {best_line(report)}", *rests_on(report)]

    # What keys do

    def on_layer_chart_layer_moved(self, message: LayerChart.LayerMoved) -> None:
        """The table follows the chart."""
        if message.layer in self._curves.layers:
            at = self._curves.layers.index(message.layer)
            self.query_one("#probe-table", VirtualTable).move_to(at)

    def on_virtual_table_cursor_moved(self, message: VirtualTable.CursorMoved) -> None:
        """The chart follows the table."""
        if message.row < len(self._curves.layers) and message.table.has_focus:
            chart = self.query_one("#probe-chart", LayerChart)
            chart.move_to(self._curves.layers[message.row])

    def on_layer_chart_layer_pinned(self, message: LayerChart.LayerPinned) -> None:
        """Use this layer everywhere."""
        self._pin(message.layer)

    def on_virtual_table_opened(self, message: VirtualTable.Opened) -> None:
        """Enter in the table pins as well."""
        self._pin(self._curves.layers[message.row])

    def _pin(self, layer: int) -> None:
        self.choose(replace(self.workspace, layer=layer))
        self.toast(f"layer {layer} is used in every pane")

    def action_controls(self) -> None:
        """Show or hide the control curves."""
        self._controls = not self._controls
        self._draw()

    def action_metric(self) -> None:
        """Balanced accuracy or AUROC."""
        self._metric = "auroc" if self._metric == "accuracy" else "accuracy"
        self._draw()

    def action_open_run(self) -> None:
        """Choose another run."""
        if not self._runs:
            self.toast(self.empty_hint, severity="warning")
            return
        options = [
            (r.run_id, f"{r.run_id}  {r.state}, {r.committed_rows:,} rows, {r.dataset}")
            for r in self._runs
        ]
        question = "Which run?"
        self.ask(PickOne(question, options, current=self.workspace.run), self._choose_run)

    def _choose_run(self, run: str) -> None:
        if run != self.workspace.run:
            self.choose(replace(self.workspace, run=run, probe=None))

    def action_export(self) -> None:
        """Chart as SVG, numbers as CSV."""
        report = self.workspace.probe
        if report is None:
            self.toast("nothing to export: r runs the probe first", severity="warning")
            return

        def start(tools: Tools) -> Job:
            from emotui.jobs.browse import export_probe_job

            return export_probe_job(tools.home, report)

        self.submit(start, "export the probe", lane="desk", then=self._exported)

    def _exported(self, paths: tuple[str, ...]) -> None:
        self.toast("written: " + ", ".join(one_line(path) for path in paths))

    @property
    def status_line(self) -> str:
        """The run."""
        return self.workspace.run


def _list(tools: Tools) -> Job:
    from emotui.jobs.browse import runs_job

    return runs_job(tools.home)
