"""The files behind an import: which ones a path means, and their decoded lines.

In: a file or folder. Out: a list of `SourceFile`, and for text files lines with their numbers.
It does not know columns or rows; see formats.py for those.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from store.errors import DatasetError

FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".txt": "txt",
}
_PIECE = 1 << 20
_HINT = "pass the file's own --encoding (cp1252 and latin-1 are common)"
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class SourceFile:
    """One file to read."""

    path: Path
    """Where it is."""
    kind: str
    """One of the values of FORMATS."""
    shown: str
    """Its name in messages: relative to the folder that was given."""
    size: int
    """Bytes on disk."""


def find_files(
    source: Path, *, pattern: str | None = None
) -> tuple[list[SourceFile], tuple[str, ...]]:
    """Files meant by `source`, in name order, and the names of those passed over in a folder.

    A folder is searched in depth. It has to hold one kind of table; .txt files beside tables are
    passed over (they are lists of names or notes), unless `pattern` (a glob) says otherwise.
    """
    if not source.exists():
        raise DatasetError(f"{source} does not exist; give a file, a folder or a hub dataset")
    if source.is_file():
        return [_source_file(source, source.name)], ()
    paths = sorted(p for p in source.rglob(pattern or "*") if p.is_file())
    paths = [p for p in paths if not any(q.startswith(".") for q in p.relative_to(source).parts)]
    files = [_source_file(p, str(p.relative_to(source))) for p in paths if _kind(p)]
    passed = [str(p.relative_to(source)) for p in paths if not _kind(p)]
    if pattern is None and any(f.kind != "txt" for f in files):
        passed += [f.shown for f in files if f.kind == "txt"]
        files = [f for f in files if f.kind != "txt"]
    if not files:
        what = f"no file matching {pattern!r}" if pattern else "no file"
        raise DatasetError(f"{source} holds {what} of a known kind; known are {_known()}")
    kinds = sorted({f.kind for f in files})
    if len(kinds) > 1 and pattern is None:
        counts = ", ".join(f"{sum(f.kind == k for f in files)} {k}" for k in kinds)
        raise DatasetError(
            f"{source} holds several kinds of table ({counts}); name one with a pattern such as "
            f"'*{Path(files[0].shown).suffix}'"
        )
    return files, tuple(passed)


def _known() -> str:
    return ", ".join(FORMATS) + " (also with .gz)"


def _kind(path: Path) -> str | None:
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return FORMATS.get(plain.suffix.lower())


def _source_file(path: Path, shown: str) -> SourceFile:
    kind = _kind(path)
    if kind is None:
        raise DatasetError(f"{path} has no known ending; known are {_known()}")
    return SourceFile(path, kind, shown, path.stat().st_size)


def open_bytes(file: SourceFile) -> BinaryIO:
    """The file's bytes, decompressed when its name ends in .gz."""
    try:
        if file.path.suffix.lower() == ".gz":
            return cast(BinaryIO, gzip.open(file.path, "rb"))
        return file.path.open("rb")
    except PermissionError:
        raise DatasetError(f"{file.path} may not be read; change its permissions") from None


def lines(file: SourceFile, *, encoding: str) -> Iterator[tuple[int, str]]:
    """(line number from 1, text with its line end); lines end at LF only, a leading BOM is dropped.

    Undecodable bytes raise DatasetError with file, line, byte and the option that helps.
    """
    name = _encoding(encoding)
    with _unpacking(file), open_bytes(file) as raw:
        if "\n".encode(name) == b"\n":
            yield from _byte_lines(raw, file, name)
        else:
            yield from _wide_lines(raw, file, name)


def characters(file: SourceFile, *, encoding: str) -> Iterator[str]:
    """The file's text in pieces of about a megabyte, whatever its lines; errors as `lines`."""
    name = _encoding(encoding)
    decoder = codecs.getincrementaldecoder("utf-8-sig" if name == "utf-8" else name)()
    offset = 0
    with _unpacking(file), open_bytes(file) as raw:
        while True:
            piece = raw.read(_PIECE)
            held = len(decoder.getstate()[0])
            if offset == 0:
                _refuse_other_mark(piece, file, name)
            try:
                text = decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                at = offset - held + error.start
                raise DatasetError(
                    f"{file.shown} byte {at} of the file: not valid {name.upper()}; {_HINT}"
                ) from None
            if text:
                yield text
            if not piece:
                return
            offset += len(piece)


@contextmanager
def _unpacking(file: SourceFile) -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DatasetError(f"{file.shown} is not a readable gzip file ({error})") from None


def _encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise DatasetError(
            f"unknown encoding {name!r}; use a name such as utf-8, utf-16, cp1252 or latin-1"
        ) from None


def _refuse_other_mark(start: bytes, file: SourceFile, encoding: str) -> None:
    named = next((name for bom, name in _BOMS if start.startswith(bom)), None)
    if named and encoding == "utf-8":
        raise DatasetError(
            f"{file.shown} begins with a {named.upper()} mark and is not UTF-8; "
            f"pass --encoding {named}"
        )


def _byte_lines(raw: BinaryIO, file: SourceFile, encoding: str) -> Iterator[tuple[int, str]]:
    offset = 0
    for number, line in enumerate(raw, start=1):
        if number == 1:
            _refuse_other_mark(line, file, encoding)
            if encoding in ("utf-8", "utf-8-sig") and line.startswith(codecs.BOM_UTF8):
                line = line[len(codecs.BOM_UTF8) :]
                offset = len(codecs.BOM_UTF8)
        try:
            yield number, line.decode("utf-8" if encoding == "utf-8-sig" else encoding)
        except UnicodeDecodeError as error:
            raise DatasetError(
                f"{file.shown} line {number}, byte {offset + error.start} of the file: "
                f"0x{line[error.start]:02x} is not valid {encoding.upper()}; {_HINT}"
            ) from None
        offset += len(line)


def _wide_lines(raw: BinaryIO, file: SourceFile, encoding: str) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        with io.TextIOWrapper(raw, encoding=encoding, newline="\n") as text:
            for line in text:
                number += 1
                yield number, line
    except UnicodeError:
        raise DatasetError(
            f"{file.shown} after line {number}: not valid {encoding.upper()}; {_HINT}"
        ) from None
