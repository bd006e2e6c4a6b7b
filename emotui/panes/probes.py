"""The Probes pane: where in the model a label can be read, beside what could explain it away.

In: the run of the workspace, and the parts of a probe as the job says them. Out: the pinned layer,
and the newest probe for the other panes. Fits nothing.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from emotui.actions import bindings
from emotui.events import Job, Partial
from emotui.lanes import Tools
from emotui.options import parse_layers
from emotui.panes.base import Pane
from emotui.panes.probecurves import COLUMNS, NAMES, Curves, Metric, short
from emotui.sanitize import one_line
from emotui.screens.asking import PickOne
from emotui.widgets.cells import wrapped
from emotui.widgets.layer_chart import LayerChart
from emotui.widgets.table import Column, VirtualTable
from emotui.worker import JobCancelled, JobEvent, JobFailed, Report

if TYPE_CHECKING:
    from emotui.jobs.probe import ProbeReport
    from emotui.jobs.runchoice import RunChoice, RunFinding, RunList

TABLE = (
    Column("layer", 6, "right"),
    Column("balanced accuracy", 19),
    Column("AUROC", 5, "right"),
    Column("over words", 10, "right"),
    *(Column(title, 6, "right") for title in COLUMNS.values()),
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
    ProbesPane #probe-title { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    ProbesPane #probe-chart { height: 1fr; min-height: 8; }
    ProbesPane #probe-best { height: auto; max-height: 7; color: $text-muted; }
    ProbesPane #probe-table { height: 30%; min-height: 4; }
    .-wide ProbesPane #probe-table { height: 25%; }
    .-narrow.-low ProbesPane #probe-table { height: 5; }
    .-narrow.-low ProbesPane #probe-chart { min-height: 7; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._runs: tuple[RunChoice, ...] = ()
        self._findings: tuple[RunFinding, ...] = ()
        self._curves = Curves()
        self._metric: Metric = "accuracy"
        self._controls = True
        self._job: int | None = None
        self._reading = False
        """Whether the run's last probe is being looked for on disk."""

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
            self._list_runs()
        if "run" in changed:
            self._findings = ()
            self._curves = Curves(self._layers_of_run())
            self._look_for_findings()
            self._look_again()
        if changed & {"run", "probe"} and self.workspace.probe is not None:
            self._curves = Curves.of(self.workspace.probe.result)
        if changed & {"run", "probe", "layer"}:
            self._draw()

    def _list_runs(self) -> None:
        dataset = self.workspace.dataset

        def start(tools: Tools) -> Job:
            from emotui.jobs.runchoice import runs_job

            return runs_job(tools.home, dataset)

        self.submit(
            start, "list runs", lane="desk", subject="runs", then=self._take_runs, quiet=True
        )

    def _look_for_findings(self) -> None:
        run = self.workspace.run
        if not run:
            return

        def start(tools: Tools) -> Job:
            from emotui.jobs.runchoice import findings_job

            return findings_job(tools.home, run)

        def found(findings: "tuple[RunFinding, ...]") -> None:
            self._findings = findings
            self._say_layer()

        self.submit(
            start, "findings of the run", lane="desk", subject="findings", then=found, quiet=True
        )

    def on_resize(self) -> None:
        """The line about the layer is wrapped to the width."""
        self._say_layer()

    def on_show(self) -> None:
        """A finding may have been made in the Audit pane since, a probe by a command."""
        self._look_for_findings()
        self._look_again()

    def _take_runs(self, found: "RunList") -> None:
        self._runs = found.runs
        now = self.workspace
        if not now.run and found.preferred:
            self._choose_run(found.preferred)
            return
        self._name_model()
        if not self._curves.layers:
            self._curves = Curves(self._layers_of_run())
            self._draw()

    def _name_model(self) -> None:
        """The header says whose activations these are before a model is loaded."""
        model = "" if self._run is None else self._run.run.model
        if model != self.workspace.run_model:
            self.choose(replace(self.workspace, run_model=model))

    @property
    def _run(self) -> "RunChoice | None":
        """The run on screen, once the runs have been listed."""
        return next((c for c in self._runs if c.run.run_id == self.workspace.run), None)

    def _layers_of_run(self) -> tuple[int, ...]:
        return () if self._run is None else self._run.run.layers

    def _look_again(self) -> None:
        """Where no probe is known and none is in the making, one may be on disk."""
        if self.workspace.run and self.workspace.probe is None and not self._probing:
            self._look_for_probe(self.workspace.run)

    def _look_for_probe(self, run: str) -> None:
        def start(tools: Tools) -> Job:
            from emotui.jobs.runchoice import newest_probe_job

            return newest_probe_job(tools.home, run)

        def found(report: "ProbeReport | None") -> None:
            self._reading = False
            if report is not None and report.run == self.workspace.run:
                self._take(report)
            elif self.workspace.probe is None:
                self._draw()

        self._reading = True

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
        elif isinstance(report, JobCancelled | JobFailed):
            self._reading = False
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
        chart.set_band_name(f"95 % interval ({self._unit})")
        if cursor is None:
            cursor = self.workspace.layer
        if cursor in curves.layers and cursor is not None:
            chart.move_to(cursor)
        self.query_one("#probe-title", Static).update(Text(self._title(), no_wrap=True))
        self._say_layer()
        pinned = self.workspace.layer
        rows = curves.rows(metric, best=self._best_layer, pinned=pinned, running=self._probing)
        table = self.query_one("#probe-table", VirtualTable)
        self._shown_rows = rows
        if table.count == len(rows):
            table.update_rows()
        else:
            table.set_rows(len(rows), lambda a, b: self._shown_rows[a:b], cursor=table.cursor)
            table.styles.max_height = len(rows) + 1

    def _say_layer(self) -> None:
        self.query_one("#probe-best", Static).update(Text("\n".join(self._notes())))

    @property
    def _unit(self) -> str:
        """What the intervals resample."""
        report = self.workspace.probe
        if report is not None:
            return "topics" if report.result["grouping"] == "topic" else "texts"
        return "topics or texts"

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
            if self._probing:
                return self._with_run(f"{name} by layer · filling in")
            if self._reading:
                return self._with_run("looking for the last probe ...")
            if self._run is not None and not self._run.fits:
                return self._with_run(f"{self._run.about} · o opens another run")
            return self._with_run("not probed yet: r runs the probe")
        r = report.result
        folds = "folds by topic" if r["grouping"] == "topic" else "folds over texts"
        chance = f"{r['chance']:.2f}".removeprefix("0") if self._metric == "accuracy" else ".50"
        return (
            f"{name} by layer · {len(r['labels'])} {r['target']}s · n {r['n']:,} · "
            f"chance {chance} · {folds}"
        )

    def _with_run(self, text: str) -> str:
        """The run's id too where there is room for all of it; the tab strip has it as well."""
        longer = f"{text} · {self.workspace.run}"
        return longer if cell_len(longer) <= (self.size.width or 80) else text

    @property
    def _probing(self) -> bool:
        return self._job is not None and self._is_live(self._job)

    def _is_live(self, job_id: int) -> bool:
        job = self.shell.jobs.jobs.get(job_id)
        return job is None or job.live

    def _notes(self) -> list[str]:
        """The layer under the cursor, what it rests on, and last what is not controlled."""
        report = self.workspace.probe
        if report is None:
            return []
        from emotui.probeview import rests_on

        same = "the best layer is chosen on the same data, so a little too high"
        first, last = rests_on(report)
        about = wrapped(self._about_layer(report), self.size.width, gap="   ")
        return [about, first, f"{last}; {same}"]

    def _about_layer(self, report: "ProbeReport") -> list[str]:
        """`▲ 21 best, pinned`, `.871 [.852 .889]`, `AUROC .991`, `over words +.09 [..]`, ..."""
        from emotui.probeview import ranges

        layer = self.query_one("#probe-chart", LayerChart).cursor_layer
        if layer is None:
            return []
        best, pinned = layer == self._best_layer, layer == self.workspace.layer
        marks = ", ".join([*(["best"] if best else []), *(["pinned"] if pinned else [])])
        accuracy, auroc = (self._curves.at("probe", layer, m) for m in ("accuracy", "auroc"))
        parts = [f"▲ {layer} {marks}".rstrip()]
        if accuracy is not None and auroc is not None:
            parts += [accuracy.text, f"AUROC {short(auroc.value)}"]
        over = self._curves.over_words(layer)
        if over is not None:
            parts.append(f"over words {over.difference}")
        parts.append(f"within one SE: {ranges(report.result['within_one_se'])}")
        return [*parts, self._audited(layer)]

    def _audited(self, layer: int) -> str:
        """The verdicts on this layer, or the key that asks for one."""
        found = [f for f in self._findings if f.layer == layer]
        if not found:
            return "not yet audited: press f"
        return "audited: " + ", ".join(f"{f.id} {f.verdict or 'UNTESTED'}" for f in found)

    # What keys do

    def on_layer_chart_layer_moved(self, message: LayerChart.LayerMoved) -> None:
        """The table and the line about the layer follow the chart."""
        self._say_layer()
        table = self.query_one("#probe-table", VirtualTable)
        stale = message.layer != message.chart.cursor_layer
        # A table with the focus leads; an answer to where it was would take a fast key back.
        if message.layer in self._curves.layers and not table.has_focus and not stale:
            table.move_to(self._curves.layers.index(message.layer))

    def on_virtual_table_cursor_moved(self, message: VirtualTable.CursorMoved) -> None:
        """The chart follows the table."""
        here = message.table.has_focus and message.row == message.table.cursor
        if message.row < len(self._curves.layers) and here:
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
        ordered = sorted(self._runs, key=lambda choice: not choice.fits)
        options = [(c.run.run_id, f"{c.run.run_id} · {c.about}") for c in ordered]
        question = "Which run?"
        self.ask(PickOne(question, options, current=self.workspace.run), self._choose_run)

    def _choose_run(self, run: str) -> None:
        if run != self.workspace.run:
            self.choose(replace(self.workspace, run=run, probe=None))
            self._name_model()

    def action_audit(self) -> None:
        """A finding about the layer under the cursor, begun in the Audit pane."""
        layer = self.query_one("#probe-chart", LayerChart).cursor_layer
        if self.workspace.probe is None or layer is None:
            self.toast("nothing to audit yet: r runs the probe first", severity="warning")
            return
        self.choose(replace(self.workspace, layer=layer, claim="probe"))
        self.shell.go_to("audit")

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
