"""Import a file or a folder into the catalogue, in constant memory, whole or not at all.

In: JSONL, JSON, CSV, TSV, Parquet or text files and which column is what. Out: one uncompressed
Arrow IPC file and, as the very last step, `info.json`: a dataset exists from the moment that file
does, so a failed or killed import leaves none, and a replacement is either the old one or the new.
The hash is sha256 over one canonical JSON line [text, label, topic, spans] per row: metadata, file
format and file names do not enter it.
It knows columns through rows.py and files through sources.py and formats.py.
"""

import hashlib
import io
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from store.atomic import TMP, replacing, write_json
from store.datasets import FORMAT, INFO, DatasetInfo, load_info
from store.errors import DatasetError
from store.formats import ReadOptions, read_records
from store.layout import Home, check_name
from store.locks import WriterLock
from store.rows import CleanRow, ColumnPlan, Many, RowCleaner, Skipped
from store.sources import SourceFile, find_files, lines
from store.spans import SPEAKERS, turn_pattern

SCHEMA = pa.schema(
    [
        ("text", pa.large_string()),
        ("label", pa.string()),
        ("topic", pa.string()),
        (
            "spans",
            pa.list_(
                pa.struct([("name", pa.string()), ("start", pa.int32()), ("stop", pa.int32())])
            ),
        ),
        ("meta", pa.string()),
        # Codes count names in the order of their first row; info.json holds that order.
        ("label_code", pa.int32()),
        ("topic_code", pa.int32()),
        ("length", pa.int32()),
    ]
)
_BATCH_ROWS = 4096
_BATCH_CHARACTERS = 8_000_000

OnProgress = Callable[[int, float], None]
"""Called with rows imported so far and the share of the input done, 0 to 1."""


def import_dataset(
    home: Home,
    source: Path,
    *,
    name: str,
    text: str = "text",
    label: str | None = None,
    topic: str | None = None,
    spans: str | None = None,
    turns: bool | Sequence[str] = False,
    header: bool = True,
    columns: Sequence[str] = (),
    encoding: str = "utf-8",
    delimiter: str | None = None,
    quotes: bool | None = None,
    txt: Literal["line", "file"] = "line",
    pattern: str | None = None,
    label_names: Path | Sequence[str] | None = None,
    separator: str | None = None,
    many: Many = "drop",
    meta: Sequence[str] | None = None,
    replace: bool = False,
    source_note: str | None = None,
    on_progress: OnProgress | None = None,
) -> DatasetInfo:
    """Import `source` as the dataset `name`; see ReadOptions and ColumnPlan for what each means.

    `label` or `topic` may be "file" (the file's name without ending) or "folder". `turns=True`
    reads spans off speakers' marks (Human, Assistant, Person, AI, User), or those named.
    `label_names` is a list, or a file with one name per line, for labels given as ids.
    `source_note` replaces the path recorded as the source. Raises DatasetError, SpaceError.
    """
    options = ReadOptions(
        header=header, columns=tuple(columns), encoding=encoding, delimiter=delimiter,
        quotes=quotes, txt=txt,
    )  # fmt: skip
    speakers = SPEAKERS if turns is True else tuple(turns or ())
    plan = ColumnPlan(
        text=text, label=label, topic=topic, spans=spans,
        turns=turn_pattern(speakers) if speakers else None,
        label_names=_label_names(label_names), separator=separator, many=many,
        meta=None if meta is None else tuple(meta),
    )  # fmt: skip
    check_name(name)
    files, passed = find_files(source, pattern=pattern)
    home.ensure()
    with WriterLock(home.datasets / f".{name}.lock"):
        folder = home.datasets / name
        if (folder / INFO).exists() and not replace:
            raise DatasetError(
                f"there is a dataset {name!r} already; choose another --name, or pass --replace"
            )
        return _write(
            folder, files, options, plan, on_progress=on_progress,
            notes=tuple(f"passed over {p}" for p in passed), source=source_note or str(source),
        )  # fmt: skip


def _label_names(given: Path | Sequence[str] | None) -> tuple[str, ...]:
    if given is None:
        return ()
    if isinstance(given, Path):
        if not given.is_file():
            raise DatasetError(f"label names: {given} does not exist; give one name per line")
        file = SourceFile(given, "txt", given.name, given.stat().st_size)
        given = [line.strip() for _, line in lines(file, encoding="utf-8") if line.strip()]
    names = tuple(given)
    twice = [n for n, count in Counter(names).items() if count > 1]
    if twice or not names:
        what = f"{twice[0]!r} occurs twice" if twice else "there are none"
        raise DatasetError(f"label names: {what}; give every name once, in the order of the ids")
    return names


def _write(
    folder: Path,
    files: Sequence[SourceFile],
    options: ReadOptions,
    plan: ColumnPlan,
    *,
    on_progress: OnProgress | None,
    notes: tuple[str, ...],
    source: str,
) -> DatasetInfo:
    fresh = not folder.exists()
    folder.mkdir(exist_ok=True)
    rows_name = f"rows-{uuid.uuid4().hex[:12]}.arrow"
    done = False
    try:
        with replacing(folder / rows_name) as file:
            buffered = io.BufferedWriter(file, 1 << 20)
            writer = _RowWriter(buffered)
            for share, row in _rows(files, options, plan, writer.skipped):
                if writer.add(row) and on_progress:
                    on_progress(writer.n, share)
            writer.close()
            buffered.flush()
            buffered.detach()
        if not writer.n:
            raise _nothing(files, writer.skipped)
        info = writer.info(name=folder.name, rows=rows_name, source=source, notes=notes, plan=plan)
        write_json(folder / INFO, info)
        done = True
    finally:
        _clear(folder, done=done, rows=rows_name, fresh=fresh)
    if on_progress:
        on_progress(writer.n, 1.0)
    return load_info(folder)


def _clear(folder: Path, *, done: bool, rows: str, fresh: bool) -> None:
    """After success drop what was replaced; after failure drop what was written."""
    for path in folder.glob("rows-*"):
        if (path.name == rows) != done or path.name.endswith(TMP):
            with suppress(OSError):
                path.unlink()
    if not done and fresh:
        with suppress(OSError):
            folder.rmdir()


def _nothing(files: Sequence[SourceFile], skipped: Counter[str]) -> DatasetError:
    shown = files[0].shown if len(files) == 1 else f"{len(files)} files"
    if not skipped:
        return DatasetError(f"{shown}: empty, not one row; give a file with rows")
    reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
    return DatasetError(f"{shown}: no row is usable ({reasons}); check which column is the text")


def _rows(
    files: Sequence[SourceFile], options: ReadOptions, plan: ColumnPlan, skipped: Counter[str]
) -> Iterator[tuple[float, CleanRow]]:
    """Rows of all files with the share of bytes begun; what is skipped is counted."""
    total = sum(file.size for file in files) or 1
    before = 0
    for file in files:
        cleaner = RowCleaner(plan, file)
        seen = 0
        for record in read_records(file, options):
            row = cleaner.clean(record)
            if isinstance(row, Skipped):
                skipped[row.reason] += 1
                continue
            # Characters stand in for bytes: near enough for a bar, exact at file ends.
            seen += len(row.text) + len(row.meta or "")
            yield (before + min(seen, file.size)) / total, row
        before += file.size


class _RowWriter:
    """Batches rows into the Arrow file and keeps hash, names and counts."""

    def __init__(self, sink: io.BufferedIOBase) -> None:
        self.n = 0
        self.skipped: Counter[str] = Counter()
        self._hash = hashlib.sha256()
        self._labels: dict[str, int] = {}
        self._topics: dict[str, int] = {}
        self._speakers: dict[str, int] = {}
        self._batch: list[CleanRow] = []
        self._characters = 0
        self._writer = pa.ipc.new_file(sink, SCHEMA)

    def add(self, row: CleanRow) -> bool:
        """Take one row; True when that wrote a batch."""
        canonical = json.dumps(
            [row.text, row.label, row.topic, row.spans], ensure_ascii=False, separators=(",", ":")
        )
        self._hash.update(canonical.encode())
        self._hash.update(b"\n")
        self._batch.append(row)
        self._characters += len(row.text)
        self.n += 1
        if len(self._batch) < _BATCH_ROWS and self._characters < _BATCH_CHARACTERS:
            return False
        self._flush()
        return True

    def close(self) -> None:
        if self._batch:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        rows = self._batch
        self._batch, self._characters = [], 0
        for row in rows:
            for name, _, _ in row.spans:
                self._speakers[name] = self._speakers.get(name, 0) + 1
        arrays = [
            pa.array([r.text for r in rows], pa.large_string()),
            pa.array([r.label for r in rows], pa.string()),
            pa.array([r.topic for r in rows], pa.string()),
            pa.array(
                [
                    [dict(zip(("name", "start", "stop"), s, strict=True)) for s in r.spans]
                    for r in rows
                ],
                SCHEMA.field("spans").type,
            ),
            pa.array([r.meta for r in rows], pa.string()),
            pa.array([_code(self._labels, r.label) for r in rows], pa.int32()),
            pa.array([_code(self._topics, r.topic) for r in rows], pa.int32()),
            pa.array([len(r.text) for r in rows], pa.int32()),
        ]
        self._writer.write_batch(pa.record_batch(arrays, schema=SCHEMA))

    def info(
        self, *, name: str, rows: str, source: str, notes: tuple[str, ...], plan: ColumnPlan
    ) -> dict[str, Any]:
        """What info.json holds."""
        order = {n: i for i, n in enumerate(plan.label_names)}
        return {
            "format": FORMAT,
            "name": name,
            "rows_file": rows,
            "n": self.n,
            "labels": sorted(self._labels, key=lambda n: (order.get(n, len(order)), n)),
            "topics": sorted(self._topics),
            "label_codes": list(self._labels),
            "topic_codes": list(self._topics),
            "speakers": sorted(self._speakers),
            "hash": self._hash.hexdigest(),
            "source": source,
            "columns": {
                k: v
                for k in ("text", "label", "topic", "spans")
                if (v := getattr(plan, k)) is not None
            }
            | ({"turns": plan.turns.pattern} if plan.turns else {}),
            "many": plan.many,
            "skipped": dict(self.skipped),
            "notes": list(notes),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }


def _code(known: dict[str, int], name: str | None) -> int:
    return -1 if name is None else known.setdefault(name, len(known))
