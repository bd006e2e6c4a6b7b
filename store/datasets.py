"""Datasets in the catalogue: open one, read row i, its texts, labels and topics; exclude rows.

In: a `Home` and a name. Out: `Dataset`, memory-mapped over one uncompressed Arrow file, so opening
costs the same for any number of rows and row i is read alone. Codes (row -> label, row -> topic)
were computed at import. Exclusions are an append-only file beside the rows.
It does not know how files are imported (importers.py) or rows drawn (selection.py).
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int

from store.atomic import read_json
from store.errors import CorruptError, DatasetError
from store.layout import Home, not_found
from store.locks import WriterLock
from store.spans import Span

FORMAT = 1
INFO = "info.json"


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a dataset without opening its rows."""

    name: str
    """Name in the catalogue."""
    n: int
    """Rows, excluded ones included."""
    labels: tuple[str, ...]
    """Label names; a code is a position here. In the order of the names file, else alphabetical."""
    topics: tuple[str, ...]
    """Topic names, alphabetical."""
    speakers: tuple[str, ...]
    """Names of the spans that occur."""
    hash: str
    """sha256 over the canonical rows (text, label, topic, spans)."""
    source: str
    """Where it came from."""
    columns: dict[str, str]
    """Which source column became text, label, topic, spans."""
    created: str
    """UTC time of the import, ISO 8601."""
    skipped: dict[str, int]
    """Reason -> records of the source that became no row."""
    excluded: int
    """Rows set aside since, by a person."""
    notes: tuple[str, ...]
    """What the import passed over."""
    bytes: int
    """Size of the rows file."""

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in self.__dict__.items()
        }


@dataclass(frozen=True)
class Row:
    """One row."""

    index: int
    """Position in the dataset, from 0."""
    text: str
    """Raw, as imported: control characters may be in it."""
    label: str | None
    """None = unlabelled."""
    topic: str | None
    """None = no topic."""
    spans: tuple[Span, ...]
    """(name, start, stop) in characters."""
    meta: dict[str, Any]
    """The source's other columns."""


class Texts(Sequence[str]):
    """The texts of a dataset, or of chosen rows of it, read when asked for."""

    def __init__(self, dataset: "Dataset", rows: Int[np.ndarray, "row"] | None = None) -> None:
        self._dataset, self._rows = dataset, rows

    def __len__(self) -> int:
        return len(self._dataset) if self._rows is None else len(self._rows)

    @overload
    def __getitem__(self, key: int) -> str: ...
    @overload
    def __getitem__(self, key: slice) -> list[str]: ...
    def __getitem__(self, key: int | slice) -> str | list[str]:
        if isinstance(key, slice):
            span = range(*key.indices(len(self)))
            if self._rows is None and span.step == 1:
                return self._dataset._strings("text", span.start, max(span.start, span.stop))
            return [self[i] for i in span]
        i = range(len(self))[key]
        value = self._dataset._value("text", i if self._rows is None else int(self._rows[i]))
        return str(value)

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), 1024):
            yield from self[start : start + 1024]


class SpanTexts(Sequence[list[tuple[int, int]]]):
    """For each chosen row the (start, stop) of the spans of one name, read when asked for."""

    def __init__(
        self, dataset: "Dataset", name: str | None, rows: Int[np.ndarray, "row"] | None = None
    ) -> None:
        self._dataset, self._name, self._rows = dataset, name, rows

    def __len__(self) -> int:
        return len(self._dataset) if self._rows is None else len(self._rows)

    @overload
    def __getitem__(self, key: int) -> list[tuple[int, int]]: ...
    @overload
    def __getitem__(self, key: slice) -> list[list[tuple[int, int]]]: ...
    def __getitem__(self, key: int | slice) -> list[tuple[int, int]] | list[list[tuple[int, int]]]:
        if isinstance(key, slice):
            return [self[i] for i in range(*key.indices(len(self)))]
        i = range(len(self))[key]
        spans = self._dataset.spans(i if self._rows is None else int(self._rows[i]))
        return [(a, b) for name, a, b in spans if self._name is None or name == self._name]


class Dataset:
    """A dataset opened for reading; see the module's first lines."""

    def __init__(self, folder: Path, raw: dict[str, Any]) -> None:
        self.folder = folder
        self._raw = raw
        self._path = folder / raw["rows_file"]
        try:
            table = pa.ipc.open_file(pa.memory_map(str(self._path))).read_all()
        except FileNotFoundError:
            raise CorruptError(
                f"dataset {folder.name!r}: {self._path.name} is missing; import it again"
            ) from None
        except (pa.ArrowInvalid, OSError) as error:
            raise CorruptError(
                f"dataset {folder.name!r}: {self._path.name} is damaged ({error}); import it again"
            ) from None
        if table.num_rows != raw["n"]:
            raise CorruptError(
                f"dataset {folder.name!r} holds {table.num_rows} rows where {INFO} says "
                f"{raw['n']}; import it again"
            )
        self._batches = table.to_batches()
        self._starts = np.cumsum([0, *(b.num_rows for b in self._batches)])

    @staticmethod
    def open(home: Home, name: str) -> "Dataset":
        """Open by name; NotFound offers the nearest, CorruptError says what is damaged."""
        folder = home.datasets / name
        if not (folder / INFO).is_file():
            raise not_found("dataset", name, _names(home))
        return Dataset(folder, _read_info(folder))

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def info(self) -> DatasetInfo:
        """As in the catalogue, exclusions counted now."""
        return _info(self.folder, self._raw)

    @property
    def batches(self) -> list[Any]:
        """The Arrow record batches, zero-copy; columns as in importers.SCHEMA."""
        return self._batches

    def row(self, i: int) -> Row:
        """Row i; negative counts from the end, IndexError outside."""
        i = range(len(self))[i]
        batch, j = self._locate(i)
        meta = batch.column("meta")[j].as_py()
        return Row(
            index=i,
            text=batch.column("text")[j].as_py(),
            label=batch.column("label")[j].as_py(),
            topic=batch.column("topic")[j].as_py(),
            spans=self.spans(i),
            meta=json.loads(meta) if meta else {},
        )

    def spans(self, i: int) -> tuple[Span, ...]:
        """The spans of row i."""
        found = self._value("spans", range(len(self))[i]) or ()
        return tuple((s["name"], s["start"], s["stop"]) for s in found)

    @property
    def texts(self) -> Texts:
        """All texts in dataset order, excluded rows included."""
        return Texts(self)

    def texts_at(self, rows: Int[np.ndarray, "row"]) -> Texts:
        """The texts of these rows, in this order."""
        return Texts(self, np.asarray(rows, np.int64))

    def spans_at(
        self, rows: Int[np.ndarray, "row"] | None, *, name: str | None = None
    ) -> SpanTexts:
        """(start, stop) of the spans called `name`, for these rows; None = all of them."""
        if name is not None and name not in self._raw["speakers"]:
            raise not_found("span", name, self._raw["speakers"])
        return SpanTexts(self, name, None if rows is None else np.asarray(rows, np.int64))

    @cached_property
    def codes(self) -> Int[np.ndarray, "row"]:
        """Position of each row's label in `info.labels`; -1 = unlabelled."""
        return self._codes("label_code", self._raw["label_codes"], self._raw["labels"])

    @cached_property
    def topic_codes(self) -> Int[np.ndarray, "row"]:
        """Position of each row's topic in `info.topics`; -1 = none."""
        return self._codes("topic_code", self._raw["topic_codes"], self._raw["topics"])

    @cached_property
    def lengths(self) -> Int[np.ndarray, "row"]:
        """Characters of each text."""
        return self._column("length")

    def excluded(self) -> dict[int, str]:
        """Row -> reason, for the rows set aside."""
        return _read_exclusions(_exclusions(self.folder, self._raw))

    def included(self) -> Bool[np.ndarray, "row"]:
        """True for rows that are not set aside."""
        mask = np.ones(len(self), bool)
        mask[list(self.excluded())] = False
        return mask

    def exclude(self, rows: Iterable[int], *, reason: str) -> None:
        """Set rows aside from every later selection; the rows themselves stay."""
        if not reason.strip():
            raise DatasetError("an exclusion needs a reason; say why the rows are set aside")
        self._append_exclusions(rows, reason)

    def restore(self, rows: Iterable[int]) -> None:
        """Take exclusions back (the file keeps both entries)."""
        self._append_exclusions(rows, None)

    def _append_exclusions(self, rows: Iterable[int], reason: str | None) -> None:
        wanted = sorted({int(i) for i in rows})
        outside = [i for i in wanted if not 0 <= i < len(self)]
        if outside:
            raise DatasetError(
                f"row {outside[0]} is not in {self.folder.name!r}; rows are 0 to {len(self) - 1}"
            )
        time = datetime.now(UTC).isoformat(timespec="seconds")
        entries = [json.dumps({"row": i, "reason": reason, "time": time}) for i in wanted]
        with (
            WriterLock(self.folder.parent / f".{self.folder.name}.lock"),
            _exclusions(self.folder, self._raw).open("ab") as file,
        ):
            # A leading line end closes a line that a kill may have cut short.
            file.write(("\n" + "\n".join(entries) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())

    def _locate(self, i: int) -> tuple[Any, int]:
        k = int(np.searchsorted(self._starts, i, side="right")) - 1
        return self._batches[k], i - int(self._starts[k])

    def _value(self, column: str, i: int) -> Any:
        batch, j = self._locate(i)
        return batch.column(column)[j].as_py()

    def _strings(self, column: str, start: int, stop: int) -> list[str]:
        out: list[str] = []
        while start < stop:
            batch, j = self._locate(start)
            piece = batch.column(column).slice(j, stop - start)
            out += piece.to_pylist()
            start += len(piece)
        return out

    def _column(self, name: str) -> Int[np.ndarray, "row"]:
        parts = [b.column(name).to_numpy() for b in self._batches]
        return np.concatenate([np.zeros(0, np.int32), *parts])

    def _codes(
        self, column: str, stored: Sequence[str], names: Sequence[str]
    ) -> Int[np.ndarray, "row"]:
        place = {name: i for i, name in enumerate(names)}
        # The last entry serves code -1.
        table = np.array([*(place[name] for name in stored), -1], np.int32)
        return table[self._column(column)]


def list_datasets(home: Home) -> list[DatasetInfo]:
    """Everything in the catalogue, by name."""
    return [load_info(home.datasets / name) for name in _names(home)]


def remove_dataset(home: Home, name: str) -> None:
    """Delete a dataset; NotFound offers the nearest name."""
    folder = home.datasets / name
    if name not in _names(home):
        raise not_found("dataset", name, _names(home))
    with WriterLock(home.datasets / f".{name}.lock"):
        # Without its info file it is no dataset, even if the rest is removed only half way.
        (folder / INFO).unlink()
        shutil.rmtree(folder)


def load_info(folder: Path) -> DatasetInfo:
    """The catalogue entry of one dataset folder."""
    return _info(folder, _read_info(folder))


def _names(home: Home) -> list[str]:
    if not home.datasets.is_dir():
        return []
    return sorted(p.name for p in home.datasets.iterdir() if (p / INFO).is_file())


def _read_info(folder: Path) -> dict[str, Any]:
    raw: dict[str, Any] = read_json(folder / INFO)
    if raw.get("format") != FORMAT:
        raise CorruptError(
            f"dataset {folder.name!r} has format {raw.get('format')!r}, this version reads "
            f"{FORMAT}; import it again"
        )
    return raw


def _info(folder: Path, raw: dict[str, Any]) -> DatasetInfo:
    rows = folder / raw["rows_file"]
    return DatasetInfo(
        name=raw["name"],
        n=raw["n"],
        labels=tuple(raw["labels"]),
        topics=tuple(raw["topics"]),
        speakers=tuple(raw["speakers"]),
        hash=raw["hash"],
        source=raw["source"],
        columns=raw["columns"],
        created=raw["created"],
        skipped=raw["skipped"],
        excluded=len(_read_exclusions(_exclusions(folder, raw))),
        notes=tuple(raw["notes"]),
        bytes=rows.stat().st_size if rows.is_file() else 0,
    )


def _exclusions(folder: Path, raw: dict[str, Any]) -> Path:
    # Named after the rows' hash: a replacement with other rows starts without exclusions.
    return folder / f"excluded-{raw['hash'][:12]}.jsonl"


def _read_exclusions(path: Path) -> dict[int, str]:
    if not path.is_file():
        return {}
    found: dict[int, str] = {}
    for line in path.read_bytes().splitlines():
        try:
            entry = json.loads(line)
            row, reason = entry["row"], entry["reason"]
        except (ValueError, KeyError, TypeError):
            continue  # blank, or cut short by a kill
        if reason is None:
            found.pop(row, None)
        else:
            found[row] = reason
    return found
