"""From files to records: JSONL, JSON array, CSV, TSV, Parquet and plain text, one at a time.

In: `SourceFile` and `ReadOptions`. Out: an iterator of `Record` (column name -> value, and where it
stood). Constant memory. Every malformed place raises DatasetError with file and line.
It does not know which column is the text; see importers.py.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from store.errors import DatasetError
from store.sources import SourceFile, characters, lines, open_bytes

_FIELD_LIMIT = 2**31 - 1
_LONGEST_ELEMENT = 64 << 20


@dataclass(frozen=True)
class ReadOptions:
    """How files are to be read."""

    header: bool = True
    """CSV and TSV: the first line names the columns; otherwise they are called 1, 2, ..."""
    columns: tuple[str, ...] = ()
    """CSV and TSV without a header: names for the columns, in order."""
    encoding: str = "utf-8"
    """Of text files."""
    delimiter: str | None = None
    """CSV and TSV: one character; None = comma for .csv, tab for .tsv."""
    quotes: bool | None = None
    """Fields may be wrapped in double quotes; None = yes for .csv, no for .tsv."""
    txt: Literal["line", "file"] = "line"
    """Plain text: every line is a text, or every file is one."""


@dataclass(frozen=True)
class Record:
    """One record of a file; `values` is None for a blank line."""

    values: dict[str, Any] | None
    """Column -> value as the format gives it (str for CSV; any JSON value; Python for Parquet)."""
    where: int
    """Line number from 1 (JSON array and Parquet: element number from 1)."""


def read_records(file: SourceFile, options: ReadOptions) -> Iterator[Record]:
    """Stream the records of one file."""
    match file.kind:
        case "jsonl":
            return _jsonl(file, options)
        case "json":
            return _json(file, options)
        case "csv" | "tsv":
            return _table(file, options)
        case "parquet":
            return _parquet(file)
        case _:
            return _text(file, options)


def unit_of(file: SourceFile) -> str:
    """What `Record.where` counts in this file."""
    return {"json": "element", "parquet": "row"}.get(file.kind, "line")


def _shorten(value: str, width: int = 40) -> str:
    shown = json.dumps(value, ensure_ascii=True)[1:-1]
    return shown if len(shown) <= width else shown[: width - 3] + "..."


def _jsonl(file: SourceFile, options: ReadOptions) -> Iterator[Record]:
    for number, line in lines(file, encoding=options.encoding):
        if not line.strip():
            yield Record(None, number)
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise DatasetError(
                f"{file.shown} line {number} is not JSON: {error.msg} at column {error.colno} "
                f"({_shorten(line.strip())}); every line has to be one object"
            ) from None
        except RecursionError:
            raise DatasetError(f"{file.shown} line {number} is nested too deeply") from None
        yield Record(_object(value, file, number), number)


def _object(value: object, file: SourceFile, where: int) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    kind = {list: "an array", str: "a string", type(None): "null"}.get(type(value), "a number")
    raise DatasetError(
        f"{file.shown} {unit_of(file)} {where} is {kind}; every record has to be an object "
        'such as {"text": "..."}'
    )


def _json(file: SourceFile, options: ReadOptions) -> Iterator[Record]:
    """A JSON array of objects; a .json file that holds JSON lines is read as such."""
    pieces = characters(file, encoding=options.encoding)
    start = next((piece.lstrip()[0] for piece in pieces if piece.strip()), "")
    if start in ("[", ""):
        yield from _array(file, options)
        return
    try:
        json.loads(next(t for _, t in lines(file, encoding=options.encoding) if t.strip()))
    except json.JSONDecodeError:
        raise DatasetError(
            f"{file.shown} is neither an array of objects nor JSON lines; give one of the two"
        ) from None
    yield from _jsonl(file, options)


def _array(file: SourceFile, options: ReadOptions) -> Iterator[Record]:
    decoder = json.JSONDecoder()
    chunks = characters(file, encoding=options.encoding)
    buffer, at, count, ended = "", 0, 0, False

    def more() -> bool:
        nonlocal buffer, at, ended
        piece = next(chunks, None)
        ended = piece is None
        buffer, at = buffer[at:] + (piece or ""), 0
        return piece is not None

    def peek() -> str:
        """The next character that is not white space, or "" at the end."""
        nonlocal at
        while True:
            while at < len(buffer) and buffer[at].isspace():
                at += 1
            if at < len(buffer):
                return buffer[at]
            if not more():
                return ""

    if peek() != "[":
        return
    at += 1
    while (mark := peek()) != "]":
        if count:
            if mark != ",":
                raise _bad_array(file, count, "',' or ']' expected after it")
            at += 1
            peek()
        while True:
            try:
                value, stop = decoder.raw_decode(buffer, at)
                break
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated") or error.pos >= len(buffer) - 12
                if not cut or len(buffer) > _LONGEST_ELEMENT or not more():
                    raise _bad_array(file, count + 1, error.msg) from None
        at = stop
        count += 1
        yield Record(_object(value, file, count), count)
    at += 1
    if peek():
        raise _bad_array(file, count, "text after the closing ']'")


def _bad_array(file: SourceFile, element: int, what: str) -> DatasetError:
    return DatasetError(f"{file.shown} element {element} is not JSON: {what}")


def _names(first: Sequence[str], file: SourceFile, options: ReadOptions) -> list[str]:
    if not options.header:
        names = list(options.columns) or [str(i + 1) for i in range(len(first))]
        if len(names) != len(first):
            raise DatasetError(
                f"{file.shown} line 1 has {len(first)} fields, but {len(names)} column names were "
                f"given ({', '.join(names)}); give one per field"
            )
        return names
    names = [name.strip() for name in first]
    twice = sorted({_shorten(n) for n in names if names.count(n) > 1})
    if twice:
        raise DatasetError(
            f"{file.shown} names a column twice ({', '.join(twice)}); if the first line is no "
            "header, pass --no-header"
        )
    return names


def _table(file: SourceFile, options: ReadOptions) -> Iterator[Record]:
    quotes = options.quotes if options.quotes is not None else file.kind == "csv"
    delimiter = options.delimiter or ("," if file.kind == "csv" else "\t")
    if len(delimiter) != 1:
        raise DatasetError(f"delimiter {delimiter!r} is not one character")
    csv.field_size_limit(_FIELD_LIMIT)
    reader = csv.reader(
        (line for _, line in lines(file, encoding=options.encoding)),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
        strict=True,
    )
    names: list[str] | None = None
    start = 1
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DatasetError(
                f"{file.shown} line {start}: {error}; check the quotes there, or pass --no-quotes"
            ) from None
        line, start = start, reader.line_num + 1
        if not fields:
            yield Record(None, line)
            continue
        if names is None:
            names = _names(fields, file, options)
            if options.header:
                continue
        if len(fields) != len(names):
            raise DatasetError(
                f"{file.shown} line {line} has {len(fields)} fields, the first line has "
                f"{len(names)} (separated by {_delimiter_name(delimiter)}); repair the line"
                + ("" if quotes else ", or pass --quotes if fields are quoted")
            )
        yield Record(dict(zip(names, fields, strict=True)), line)


def _delimiter_name(delimiter: str) -> str:
    return {",": "commas", "\t": "tabs", ";": "semicolons"}.get(delimiter, repr(delimiter))


def _parquet(file: SourceFile) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_bytes(file) as raw:
        try:
            table = pq.ParquetFile(raw)
            # Binary columns (images, audio) are neither text nor small metadata.
            wanted = [f.name for f in table.schema_arrow if not _is_binary(f.type)]
            count = 0
            for batch in table.iter_batches(batch_size=2048, columns=wanted):
                for values in batch.to_pylist():
                    count += 1
                    yield Record(values, count)
        except pa.ArrowInvalid as error:
            message = str(error).splitlines()[0]
            raise DatasetError(f"{file.shown} is not a readable Parquet file: {message}") from None
        except UnicodeDecodeError as error:
            raise DatasetError(
                f"{file.shown} near row {count + 1}: a string is not UTF-8 ({error.reason})"
            ) from None


def _is_binary(kind: Any) -> bool:
    import pyarrow as pa

    found: bool = (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or (pa.types.is_struct(kind) and any(_is_binary(field.type) for field in kind))
    )
    return found


def _text(file: SourceFile, options: ReadOptions) -> Iterator[Record]:
    if options.txt == "file":
        whole = "".join(line for _, line in lines(file, encoding=options.encoding))
        yield Record({"text": whole} if whole.strip() else None, 1)
        return
    for number, line in lines(file, encoding=options.encoding):
        text = line.rstrip("\r\n")
        yield Record({"text": text} if text.strip() else None, number)
