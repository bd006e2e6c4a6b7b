"""From a record to a dataset row: text, label, topic, spans, metadata; or the reason to skip it.

In: records of one file (formats.py) and `ColumnPlan`. Out: `CleanRow` or `Skipped`; DatasetError
for a column that is not there and for values that cannot be a text or a label.
It does not know where rows go.
"""

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from store.errors import DatasetError
from store.formats import Record, unit_of
from store.sources import SourceFile
from store.spans import Span, parse_spans, parse_turns

Many = Literal["drop", "first", "join"]
FILE_COLUMN, FOLDER_COLUMN = "file", "folder"


@dataclass(frozen=True)
class ColumnPlan:
    """Which column is what."""

    text: str = "text"
    """Column of the text."""
    label: str | None = None
    """Column of the label (a name, an id, a list of them); None = no labels."""
    topic: str | None = None
    """Column of the group that folds must not split; None = none."""
    spans: str | None = None
    """Column of [[name, start, stop], ...]; None = none."""
    turns: re.Pattern[str] | None = None
    """Speakers' marks to read spans from, see spans.turn_pattern; None = do not."""
    label_names: tuple[str, ...] = ()
    """Names that label ids (0, 1, ...) stand for; empty = labels are names."""
    separator: str | None = None
    """Splits a label string into several; None = "," with `label_names`, else no splitting."""
    many: Many = "drop"
    """A row with several labels: skip it and count it, keep the first, or join them with "+"."""
    meta: tuple[str, ...] | None = None
    """Further columns to keep as metadata; None = all."""


@dataclass(frozen=True)
class CleanRow:
    """One row as it will be stored."""

    text: str
    label: str | None
    topic: str | None
    spans: tuple[Span, ...]
    meta: str | None
    """JSON object of the other columns; None = there are none."""


@dataclass(frozen=True)
class Skipped:
    """A record that becomes no row."""

    reason: str


class RowCleaner:
    """Turns the records of one file into rows."""

    def __init__(self, plan: ColumnPlan, file: SourceFile) -> None:
        self.plan, self.file = plan, file
        self._checked = False
        path = file.path
        bare = path.with_suffix("") if path.suffix.lower() == ".gz" else path
        self._own = {FILE_COLUMN: bare.stem, FOLDER_COLUMN: path.parent.name}
        asked = (plan.text, plan.label, plan.topic, plan.spans)
        self._asked = [name for name in asked if name is not None]
        self._used = set(self._asked)

    def clean(self, record: Record) -> CleanRow | Skipped:
        """The row of a record, or why there is none."""
        values = record.values
        if values is None:
            return Skipped("blank line")
        if not self._checked:
            self._check_columns(values)
            self._checked = True
        text = values.get(self.plan.text)
        if text is None:
            return Skipped("null text")
        if not isinstance(text, str):
            raise self._error(
                record, f"the text is {text!r:.40}, not a string; name another column with --text"
            )
        if not text.strip():
            return Skipped("empty text")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise self._error(
                record, f"character {error.start} of the text is half of a surrogate pair"
            ) from None
        labels = self._labels(record, values)
        if len(labels) > 1 and self.plan.many == "drop":
            return Skipped("several labels")
        label = "+".join(labels if self.plan.many == "join" else labels[:1]) or None
        return CleanRow(
            text, label, self._topic(record, values), self._spans(record, text), self._meta(values)
        )

    def _value(self, values: dict[str, Any], column: str | None) -> Any:
        if column is None:
            return None
        if column not in values:
            return self._own.get(column)
        return values[column]

    def _check_columns(self, values: dict[str, Any]) -> None:
        for column in self._asked:
            if column in values or (column in self._own and column != self.plan.text):
                continue
            raise missing_column(column, values, self.file)

    def _labels(self, record: Record, values: dict[str, Any]) -> list[str]:
        value = self._value(values, self.plan.label)
        items = value if isinstance(value, list | tuple) else [value]
        separator = self.plan.separator or ("," if self.plan.label_names else None)
        if isinstance(value, str) and separator:
            items = value.split(separator)
        return list(dict.fromkeys(n for item in items if (n := self._name(record, item))))

    def _name(self, record: Record, item: Any) -> str:
        name = self._plain(record, item, "label")
        names = self.plan.label_names
        if not names or not name or name in names:
            return name
        if not name.isdecimal():
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"; nearest is {near[0]!r}" if near else ""
            raise self._error(
                record, f"label {name!r:.40} is neither an id nor one of the label names{hint}"
            )
        if int(name) >= len(names):
            raise self._error(
                record,
                f"label id {name} has no name; the {len(names)} label names are ids 0 to "
                f"{len(names) - 1}",
            )
        return names[int(name)]

    def _plain(self, record: Record, value: Any, what: str) -> str:
        if value is None:
            return ""
        if isinstance(value, str):
            plain = value.strip()
        elif isinstance(value, bool):
            plain = str(value).lower()
        elif isinstance(value, int | float):
            # NaN is how tables of floats write "no value".
            plain = "" if value != value else f"{value:.15g}"
        else:
            raise self._error(record, f"the {what} is {value!r:.40}, not a name or a number")
        try:
            plain.encode()
        except UnicodeEncodeError:
            raise self._error(record, f"the {what} holds half of a surrogate pair") from None
        return plain

    def _topic(self, record: Record, values: dict[str, Any]) -> str | None:
        value = self._value(values, self.plan.topic)
        return self._plain(record, value, "topic") or None

    def _spans(self, record: Record, text: str) -> tuple[Span, ...]:
        given: tuple[Span, ...] = ()
        if self.plan.spans is not None:
            assert record.values is not None
            try:
                given = parse_spans(record.values.get(self.plan.spans), text)
            except ValueError as error:
                raise self._error(record, str(error)) from None
        if self.plan.turns is not None:
            given += parse_turns(text, self.plan.turns)
        return given

    def _meta(self, values: dict[str, Any]) -> str | None:
        keep = values if self.plan.meta is None else self.plan.meta
        rest = {
            k: values[k]
            for k in keep
            if k in values and k not in self._used and values[k] is not None
        }
        # ASCII, so that half surrogates inside metadata stay representable.
        return json.dumps(rest, default=str) if rest else None

    def _error(self, record: Record, what: str) -> DatasetError:
        return DatasetError(f"{self.file.shown} {unit_of(self.file)} {record.where}: {what}")


def missing_column(column: str, have: Iterable[str], file: SourceFile) -> DatasetError:
    """The error for a column that a file lacks: what is there, and the nearest."""
    names = list(have)
    shown = [name if len(name) <= 30 else name[:27] + "..." for name in names[:20]]
    near = difflib.get_close_matches(column, names, n=1, cutoff=0.5)
    hint = f"; nearest is {near[0]!r}" if near else ""
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    header = ", or pass --no-header" if file.kind in ("csv", "tsv") and not near else ""
    return DatasetError(
        f"{file.shown} has no column {column!r}; there are {', '.join(map(repr, shown))}{more}"
        f"{hint}; name the columns with --text, --label and --topic{header}"
    )
