"""A run joined with the labels, topics and texts of the rows it was made from.

In: a run id. Out: `RunData`: label codes per row of the run, topic groups, texts. A run of foreign
activations carries its labels itself and has no texts. Refuses a run whose dataset has changed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int

from emotui.errors import OptionError, UserError
from emotui.jobs.extract import ROWS_FILE
from emotui.sanitize import one_line
from store.datasets import Dataset
from store.layout import Home, not_found
from store.runs import Run
from store.selection import selection_of


@dataclass(frozen=True)
class RunData:
    """One run's rows and what is known about them."""

    run: Run
    target: str
    """What is to be read: "label" or "topic"."""
    labels: tuple[str, ...]
    codes: Int[np.ndarray, "text"]
    """Index into labels per row; -1 for none, and for rows excluded since."""
    groups: Int[np.ndarray, "text"] | None
    """Topic per row, for folds that keep topics together; None where there are no topics."""
    texts: Sequence[str] | None
    """None for foreign activations."""

    def layer_of(self, pooling: str) -> Callable[[int], Float32[np.ndarray, "text d_model"]]:
        """Reads one layer of the run over all its rows."""
        run = self.run
        return lambda layer: run.layer(pooling, layer)


def run_name(home: Home, text: str) -> str:
    """The id itself, or the one run id that begins with it; NotFound names the nearest."""
    names = [p.name for p in home.runs.iterdir()] if home.runs.is_dir() else []
    if text in names:
        return text
    found = [name for name in names if text and name.startswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(sorted(found)[:6])
        raise UserError(f"several runs begin with {one_line(text)!r}: {shown}; give more of it")
    raise not_found("run", text, names)


def open_run(home: Home, text: str) -> Run:
    """The run of this id or of this unambiguous beginning of an id."""
    return Run.open(home, run_name(home, text))


def run_data(home: Home, run_id: str, *, target: str = "label") -> RunData:
    """Joins run and dataset; UserError when the dataset no longer holds the same rows."""
    run = open_run(home, run_id)
    if run.committed_rows < run.identity.rows:
        raise UserError(
            f"run {run.run_id} holds {run.committed_rows:,} of {run.identity.rows:,} texts; finish "
            "it first with the same emotui extract command"
        )
    if run.info.get("foreign"):
        return _foreign(run, target)
    dataset = Dataset.open(home, run.identity.dataset)
    indices = _rows(home, run, dataset)
    kept = dataset.included()[indices]
    label_codes = np.where(kept, dataset.codes[indices], -1)
    topic_codes = np.where(kept, dataset.topic_codes[indices], -1)
    has_topics = len(dataset.info.topics) > 0
    if target == "label":
        names, codes = dataset.info.labels, label_codes
        groups = topic_codes if has_topics else None
    elif target == "topic":
        names, codes = dataset.info.topics, topic_codes
        groups = None
    else:
        raise OptionError(f"unknown target {one_line(target)!r}; allowed: label, topic")
    if not names:
        raise UserError(
            f"dataset {dataset.info.name} has no {target}s; import it with --{target} COLUMN"
        )
    return RunData(run, target, tuple(names), codes, groups, dataset.texts_at(indices))


def _rows(home: Home, run: Run, dataset: Dataset) -> Int[np.ndarray, "text"]:
    run_id = run.run_id
    path = home.runs / run_id / ROWS_FILE
    if not path.is_file():
        raise UserError(f"run {run_id} has lost its file {ROWS_FILE}; extract again")
    rows = np.load(path)
    inside = len(rows) == 0 or int(rows.max()) < len(dataset)
    if not inside or selection_of(dataset, rows, rules={}).hash != run.identity.dataset_order:
        raise UserError(
            f"dataset {dataset.info.name} is not the one run {run_id} was made from; import the "
            "same file under that name again, or extract again"
        )
    return np.asarray(rows)


def _foreign(run: Run, target: str) -> RunData:
    if target != "label":
        raise OptionError("imported activations carry labels only; allowed target: label")
    names = tuple(run.info["labels"])
    codes = np.asarray(run.info["codes"], dtype=np.int64)
    return RunData(run, target, names, codes, None, None)


def pooling_of(run: Run, wanted: str | None) -> str:
    """The pooling asked for, or the run's first; OptionError names those it has."""
    have = run.identity.poolings
    if wanted is None:
        return have[0]
    if wanted not in have:
        raise OptionError(
            f"run {run.run_id} has no pooling {one_line(wanted)!r}; it has " + ", ".join(have)
        )
    return wanted
