"""The run of a run's untrained twin: the same rows through the same config with fresh weights.

In: a run. Out: the twin's run, extracted if it is not there, or why there is none. Computes nothing
from activations.
"""

from collections.abc import Generator
from dataclasses import replace

from emotui.events import Cancelled, Event
from emotui.jobs.again import rows_of, same_settings
from emotui.jobs.engine import Engine
from emotui.jobs.extract import extracting
from emotui.jobs.rundata import open_run
from emotui.sanitize import one_line
from store.layout import Home
from store.runs import Run
from vectors.errors import ModelError


def twin_run(
    home: Home, run: Run, *, seed: int, device: str, engine: Engine, cancelled: Cancelled
) -> Generator[Event, None, Run | str]:
    """The twin's run, to be closed by the caller, or one sentence that says why there is none."""
    if run.info.get("foreign"):
        return "imported activations have no model here"
    if run.info.get("twin_seed") is not None:
        return "this run is itself of an untrained twin"
    wanted = same_settings(run, dataset=run.identity.dataset, device=device)
    wanted = replace(wanted, rows=rows_of(run), twin_seed=seed)
    try:
        made = yield from extracting(home, wanted, engine=engine, cancelled=cancelled)
    except ModelError as e:
        return one_line(str(e))
    twin = open_run(home, made.run)
    if twin.identity.dataset_order != run.identity.dataset_order:
        twin.close()
        return "rows were excluded since the run was made; extract again"
    return twin
