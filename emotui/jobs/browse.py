"""Jobs for looking at a dataset: open it, find rows, mark leaks and repeats, look into a file.

In: a dataset's name and what is wanted, or a path. Out: counts, a histogram, row numbers, columns.
None of them needs a model; imports no torch.
"""

import time
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Int

from emotui.events import Cancelled, Done, Job, Progress, never
from store.atomic import write_bytes
from store.datasets import Dataset, DatasetInfo, list_datasets
from store.duplicates import same_groups, text_keys
from store.formats import ReadOptions, read_records
from store.layout import Home
from store.leaks import LeakFinder
from store.sources import find_files
from store.words import split_words
from vectors.errors import Cancelled as CancelledError

if TYPE_CHECKING:
    from emotui.jobs.probe import ProbeReport

BINS = 24
_LONGEST_SHOWN = 0.995
"""Quantile of text length at which the histogram ends; the rest is in its last column."""
_ROWS_AT_ONCE = 4096
_SEEN = 50
"""Records looked at to find a file's columns."""


@dataclass(frozen=True)
class DatasetView:
    """What a dataset holds, counted over the rows that are not excluded."""

    dataset: Dataset
    """Open, for reading the rows on screen; safe to read from another thread."""
    info: DatasetInfo
    excluded: dict[int, str]
    """Row -> why it was set aside."""
    labels: tuple[tuple[str, int], ...]
    """(label, rows), the most frequent first."""
    topics: tuple[tuple[str, int], ...]
    edges: tuple[float, ...]
    """Text length in characters."""
    counts: tuple[int, ...]
    """Texts between two edges; the last one holds all longer texts too."""


@dataclass(frozen=True)
class RowMarks:
    """Rows to be looked at twice."""

    dataset: str
    leaks: Int[np.ndarray, "row"]
    """Rows whose text uses a form of its own label, ascending."""
    repeats: Int[np.ndarray, "row"]
    """Rows whose text occurs in another row as well, ascending; case and punctuation ignored."""
    rows: int
    """Rows looked at."""


@dataclass(frozen=True)
class Hits:
    """What a filter found."""

    dataset: str
    needle: str
    rows: Int[np.ndarray, "row"]
    """Ascending."""


@dataclass(frozen=True)
class Columns:
    """What a file has to offer an import."""

    path: str
    names: tuple[str, ...]
    """In the file's order."""
    distinct: tuple[int, ...]
    """Different values of each among the records looked at."""
    seen: int
    example: tuple[str, ...]
    """The first record, column by column, cut."""


def datasets_job(home: Home) -> Job:
    """Done holds every dataset's info, by name."""
    yield Done(tuple(list_datasets(home)))


def exclude_job(home: Home, name: str, row: int, reason: str) -> Job:
    """Sets one row aside, or takes it back where the reason is empty; Done holds the row."""
    dataset = Dataset.open(home, name)
    if reason.strip():
        dataset.exclude([row], reason=reason)
    else:
        dataset.restore([row])
    yield Done(row)


def view_job(home: Home, name: str, *, cancelled: Cancelled = never) -> Job:
    """Counts per label and topic and the histogram of lengths; Done holds a DatasetView."""
    del cancelled
    dataset = Dataset.open(home, name)
    info, kept = dataset.info, dataset.included()
    lengths = dataset.lengths[kept]
    top = float(np.quantile(lengths, _LONGEST_SHOWN)) if len(lengths) else 1.0
    edges = np.linspace(0, max(top, 1.0), BINS + 1)
    counts, _ = np.histogram(np.minimum(lengths, edges[-1]), edges)
    yield Done(
        DatasetView(
            dataset,
            info,
            dataset.excluded(),
            _counted(dataset.codes[kept], info.labels),
            _counted(dataset.topic_codes[kept], info.topics),
            tuple(float(e) for e in edges),
            tuple(int(n) for n in counts),
        )
    )


def _counted(codes: Int[np.ndarray, "row"], names: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    pairs = [(name, int(n)) for name, n in zip(names, counts, strict=True) if n]
    none = int((codes < 0).sum())
    ordered = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
    return (*ordered, *([("(none)", none)] if none and pairs else []))


def filter_job(home: Home, name: str, needle: str, *, cancelled: Cancelled = never) -> Job:
    """Rows whose text, label or topic contains the needle, case ignored; Done holds Hits."""
    dataset = Dataset.open(home, name)
    found, at, total = [], 0, len(dataset)
    for batch in dataset.batches:
        if cancelled():
            raise CancelledError("the search was cancelled")
        hit = np.zeros(batch.num_rows, bool)
        for column in ("text", "label", "topic"):
            hit |= _contains(batch.column(column), needle)
        found.append(np.flatnonzero(hit) + at)
        at += batch.num_rows
        yield Progress(at, total, "rows", note="search")
    yield Done(Hits(name, needle, np.concatenate([np.zeros(0, np.int64), *found])))


def _contains(column: pa.Array, needle: str) -> Bool[np.ndarray, "row"]:
    matched = pc.match_substring(column, needle, ignore_case=True)
    return np.asarray(pc.fill_null(matched, False).to_numpy(zero_copy_only=False), bool)


def marks_job(home: Home, name: str, *, cancelled: Cancelled = never) -> Job:
    """Rows that name their own label and rows whose text repeats; Done holds RowMarks."""
    dataset = Dataset.open(home, name)
    rows = np.flatnonzero(dataset.included())
    codes = dataset.codes[rows]
    finder = LeakFinder(dataset.info.labels)
    leaks, keys = np.zeros(len(rows), bool), []
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        if cancelled():
            raise CancelledError("the check was cancelled")
        part = slice(start, min(start + _ROWS_AT_ONCE, len(rows)))
        texts = dataset.texts_at(rows[part])[:]
        keys.append(text_keys(texts))
        if dataset.info.labels:
            words = split_words(pa.array(texts, pa.large_string()))
            leaks[part] = finder.find(words, codes[part])[1]
        yield Progress(part.stop, len(rows), "rows", note="leaks and repeats")
    groups = same_groups(np.concatenate([np.zeros(0, np.uint64), *keys])).groups
    repeats = sorted(i for group in groups for i in group)
    yield Done(RowMarks(name, rows[leaks], rows[np.array(repeats, dtype=np.int64)], len(rows)))


def columns_job(path: str, *, header: bool = True, cancelled: Cancelled = never) -> Job:
    """The columns of a file or folder, from its first records; Done holds Columns.

    Without a header a table's columns are called 1, 2, ...
    """
    del cancelled
    source = Path(path).expanduser()
    files, _ = find_files(source)
    read = islice(read_records(files[0], ReadOptions(header=header)), _SEEN)
    records = [record.values for record in read if record.values is not None]
    names = tuple(dict.fromkeys(name for record in records for name in record))
    distinct = Counter({name: len({str(r.get(name)) for r in records}) for name in names})
    first = records[0] if records else {}
    yield Done(
        Columns(
            path,
            names,
            tuple(distinct[name] for name in names),
            len(records),
            tuple(str(first.get(name, ""))[:200] for name in names),
        )
    )


def export_probe_job(home: Home, report: "ProbeReport") -> Job:
    """The chart as SVG and the numbers as CSV, in the reports' folder; Done holds their paths."""
    from emotui.probeview import csv_text, probe_chart

    home.ensure()
    stem = home.reports / f"probe-{report.run}-{time.strftime('%Y%m%d-%H%M%S')}"
    chart, numbers = Path(f"{stem}.svg"), Path(f"{stem}.csv")
    write_bytes(chart, probe_chart(report).encode())
    write_bytes(numbers, csv_text(report).encode())
    yield Done((str(chart), str(numbers)))
