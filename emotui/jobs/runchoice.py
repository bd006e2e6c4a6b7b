"""Jobs: which runs there are to probe, what a run's last probe said, and which findings audit it.

In: the data directory, a run id. Out: RunChoice's, a ProbeReport, RunFinding's. Reads only; needs
no model. Which runs fit a probe is decided here once, for every place that picks one by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotui.events import Done, Job
from store.atomic import read_json
from store.datasets import list_datasets
from store.errors import StoreError
from store.findings import list_findings, load_finding
from store.layout import Home
from store.runs import Run, RunSummary, list_runs


@dataclass(frozen=True)
class RunChoice:
    """One run as something to probe."""

    run: RunSummary
    labels: int
    """Labels of its dataset as it is now, or of its own; 0 where there are none."""
    twin: bool
    """Whether it is of an untrained twin, which is a control and not a subject."""
    probed: bool = False
    """Whether a probe of it is kept."""

    @property
    def fits(self) -> bool:
        """Whether a probe of labels can be run on it: complete, trained, two labels or more."""
        return self.run.state == "complete" and self.labels >= 2 and not self.twin

    @property
    def about(self) -> str:
        """Why it is not one to probe, or what it holds."""
        if self.run.state != "complete":
            return f"{self.run.state}, {self.run.committed_rows:,} of {self.run.rows:,} rows"
        if self.twin:
            return "untrained twin, a control"
        if self.labels < 2:
            count = f"{self.run.committed_rows:,} rows, {self.labels or 'no'} label"
            return f"{count}: nothing to tell apart"
        probed = ", probed" if self.probed else ""
        return f"{self.run.committed_rows:,} rows, {self.labels} labels{probed}"


@dataclass(frozen=True)
class RunFinding:
    """One finding that is about a probe of a run."""

    id: str
    verdict: str
    """"" where none has been computed yet."""
    layer: int


@dataclass(frozen=True)
class RunList:
    """Every run, and which one to take where none has been chosen."""

    runs: tuple[RunChoice, ...]
    """The last changed first."""
    preferred: str
    """One that can be probed, the newest of the best: of the dataset, probed; "" for none."""


def runs_job(home: Home, dataset: str = "") -> Job:
    """Done holds what `run_list` returns."""
    yield Done(run_list(home, dataset))


def run_list(home: Home, dataset: str = "") -> RunList:
    """Every run; `dataset` is the one the user is looking at."""
    known = {info.name: len(info.labels) for info in list_datasets(home)}
    runs = tuple(_choices(home, known))
    fitting = [choice for choice in runs if choice.fits]
    fitting.sort(key=lambda c: (c.run.dataset != dataset, not c.probed))
    return RunList(runs, fitting[0].run.run_id if fitting else "")


def _choices(home: Home, known: dict[str, int]) -> Iterator[RunChoice]:
    for run in list_runs(home):
        info = info_of(home, run)
        foreign = info.get("foreign")
        labels = len(info.get("labels") or ()) if foreign else known.get(run.dataset, 0)
        probed = bool(_probes(home, run.run_id))
        yield RunChoice(run, labels, info.get("twin_seed") is not None, probed)


def info_of(home: Home, run: RunSummary) -> dict[str, Any]:
    """What is recorded beside a run; {} where it cannot be read."""
    try:
        return Run.open(home, run.run_id).info if run.state != "broken" else {}
    except (StoreError, KeyError, TypeError):
        return {}


def newest_probe_job(home: Home, run: str) -> Job:
    """Done holds the ProbeReport written last for this run, or None where there is none."""
    from emotui.jobs.probe import ProbeReport

    found = sorted(_probes(home, run), key=_age)
    if not found:
        yield Done(None)
        return
    value = read_json(found[-1])
    yield Done(ProbeReport(**{**value, "not_run": tuple(value["not_run"]), "cached": True}))


def _probes(home: Home, run: str) -> list[Path]:
    return list((home.runs / run / "results").glob("probe-*.json"))


def _age(path: Path) -> float:
    return path.stat().st_mtime


def findings_job(home: Home, run: str) -> Job:
    """Done holds the findings whose claim is a probe of this run, by id."""
    found = []
    for summary in list_findings(home):
        record = load_finding(home, summary.id)
        subject = record.get("subject") or {}
        if subject.get("run") == run and summary.kind == "probe":
            layer = int(subject.get("layer", -1))
            found.append(RunFinding(summary.id, summary.verdict, layer))
    yield Done(tuple(found))
