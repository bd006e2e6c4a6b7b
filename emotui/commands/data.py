"""`emotui data ...`: import, list, show, check, exclude and remove datasets."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from emotui.commands import data_sample
from emotui.commands.frame import (
    HomeOption,
    JsonOption,
    QuietOption,
    YesOption,
    confirm,
    home_for,
    required,
    settings_for,
)
from emotui.errors import OptionError
from emotui.options import known_name, parse_choices
from emotui.sanitize import one_line, visible
from emotui.terminal import remark, say, say_json, say_lines, show_table

if TYPE_CHECKING:
    from store.checks import DatasetCheck
    from store.datasets import DatasetInfo

app = typer.Typer(help="Texts with labels and topics.", no_args_is_help=True, rich_markup_mode=None)

NameArgument = Annotated[str, typer.Argument(help="Name of a dataset.")]

app.command("sample", epilog=data_sample.EXAMPLE)(data_sample.sample)


@app.command(
    "import",
    epilog="Example: emotui data import stories/ --name stories --label emotion --topic topic",
)
def import_(
    source: Annotated[
        str,
        typer.Argument(
            help="A JSONL, JSON, CSV, TSV, Parquet or text file, a folder of "
            "them, or a hub dataset's id."
        ),
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="What to call it.", show_default=False)
    ] = None,
    text: Annotated[str, typer.Option("--text", help="Column of the text.")] = "text",
    label: Annotated[
        str | None,
        typer.Option(
            "--label",
            help="Column of the label; 'file' or 'folder' takes it from the path.",
            show_default=False,
        ),
    ] = None,
    topic: Annotated[
        str | None,
        typer.Option(
            "--topic", help="Column of the group that folds keep together.", show_default=False
        ),
    ] = None,
    spans: Annotated[
        str | None,
        typer.Option("--spans", help="Column of [[name, start, stop], ...].", show_default=False),
    ] = None,
    turns: Annotated[
        bool, typer.Option("--turns", help="Read spans off speakers' marks such as 'Human:'.")
    ] = False,
    no_header: Annotated[
        bool, typer.Option("--no-header", help="CSV, TSV: columns are called 1, 2, ...")
    ] = False,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            help="With --no-header: names for the columns, in order.",
            show_default=False,
        ),
    ] = None,
    label_names: Annotated[
        Path | None,
        typer.Option(
            "--label-names",
            help="A file with one name per line, for labels given as numbers from 0.",
            show_default=False,
        ),
    ] = None,
    many: Annotated[
        str,
        typer.Option("--many", help="Rows with several labels: drop, first or join."),
    ] = "drop",
    encoding: Annotated[str, typer.Option("--encoding", help="Of text files.")] = "utf-8",
    delimiter: Annotated[
        str | None,
        typer.Option("--delimiter", help="CSV, TSV: one character.", show_default=False),
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option("--pattern", help="Which files of a folder, e.g. '*.jsonl'."),
    ] = None,
    txt: Annotated[
        str, typer.Option("--txt", help="Plain text: every 'line' or every 'file' is a text.")
    ] = "line",
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of a dataset of that name.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Import texts; whole or not at all. The source is never changed."""
    called = required(name, option="--name", example="stories")
    parse_choices(many, allowed=("drop", "first", "join"), option="--many")
    parse_choices(txt, allowed=("line", "file"), option="--txt")
    if columns is not None and not no_header:
        raise OptionError("--columns names the columns of files without a header: add --no-header")
    here = home_for(settings_for(home))

    from emotui.jobs.data import ImportRequest, import_job
    from emotui.progress import run_job

    request = ImportRequest(
        source=source,
        name=called,
        text=text,
        label=label,
        topic=topic,
        spans=spans,
        turns=turns,
        header=not no_header,
        columns=tuple(c.strip() for c in columns.split(",")) if columns else (),
        encoding=encoding,
        delimiter=delimiter,
        txt=cast(Any, txt),
        pattern=pattern,
        label_names=label_names,
        many=cast(Any, many),
        replace=replace,
    )
    info = cast(
        "DatasetInfo",
        run_job(
            lambda stop: import_job(here, request, cancelled=stop),
            resume="no dataset was made",
            quiet=quiet,
        ),
    )
    if as_json:
        say_json(info.to_json())
        return
    say(
        f"{info.name}: {info.n:,} rows, {len(info.labels)} labels, {len(info.topics)} topics, "
        f"hash {info.hash[:12]}"
    )
    for reason, n in info.skipped.items():
        remark(f"skipped {n:,}: {reason}")
    for note in info.notes:
        remark(note)


@app.command("list", epilog="Example: emotui data list --json")
def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the datasets."""
    from store.datasets import list_datasets

    found = list_datasets(home_for(settings_for(home)))
    if as_json:
        say_json([info.to_json() for info in found])
        return
    if not found:
        say("no datasets yet; bring one in with: emotui data import FILE --name NAME")
        return
    show_table(
        ("name", "rows", "excluded", "labels", "topics", "hash", "created", "source"),
        [
            (
                i.name,
                i.n,
                i.excluded,
                len(i.labels),
                len(i.topics),
                i.hash[:12],
                i.created[:10],
                i.source,
            )
            for i in found
        ],
    )


@app.command("show", epilog="Example: emotui data show stories --label joyful --limit 3")
def show(
    name: NameArgument,
    row: Annotated[
        int | None,
        typer.Option("--row", help="One row in full, from 0.", min=0, show_default=False),
    ] = None,
    start: Annotated[int, typer.Option("--start", help="First row.", min=0)] = 0,
    limit: Annotated[int, typer.Option("--limit", help="How many rows.", min=1)] = 10,
    label: Annotated[
        str | None, typer.Option("--label", help="Only this label.", show_default=False)
    ] = None,
    find: Annotated[
        str | None,
        typer.Option("--find", help="Only texts with this in them.", show_default=False),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show rows, one line each; with --row one row in full."""
    from store.datasets import Dataset

    dataset = Dataset.open(home_for(settings_for(home)), name)
    if row is not None:
        if row >= len(dataset):
            raise OptionError(f"--row {row}: {name} has rows 0 to {len(dataset) - 1}")
        _one_row(dataset.row(row), as_json)
        return
    wanted = _rows(dataset, start, limit, label, find)
    rows = [dataset.row(i) for i in wanted]
    if as_json:
        say_json(rows)
        return
    excluded = dataset.excluded()
    show_table(
        ("row", "label", "topic", "text"),
        [
            (
                r.index,
                r.label,
                None if r.topic is None else one_line(r.topic)[:24],
                ("(excluded) " if r.index in excluded else "") + one_line(r.text),
            )
            for r in rows
        ],
    )


def _rows(dataset: Any, start: int, limit: int, label: str | None, find: str | None) -> list[int]:
    code = None
    if label is not None:
        labels = list(dataset.info.labels)
        code = labels.index(known_name(label, labels, what="label"))
    found: list[int] = []
    codes = dataset.codes
    for i in range(start, len(dataset)):
        if code is not None and codes[i] != code:
            continue
        if find is not None and find.lower() not in dataset.texts[i].lower():
            continue
        found.append(i)
        if len(found) == limit:
            break
    return found


def _one_row(row: Any, as_json: bool) -> None:
    if as_json:
        say_json(row)
        return
    label, topic = one_line(row.label or "-"), one_line(row.topic or "-")
    say(f"row {row.index}  label {label}  topic {topic}")
    say(visible(row.text, newlines=True))
    for who, begin, end in row.spans:
        say(f"span {one_line(who)} {begin}:{end}  {one_line(row.text[begin:end])[:60]}")
    for key, value in row.meta.items():
        say(f"{one_line(str(key))}: {one_line(str(value))}")


@app.command("check", epilog="Example: emotui data check stories")
def check(name: NameArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Look for what spoils a probe: leaks, duplicates, lopsided labels, lengths that tell."""
    here = home_for(settings_for(home))

    from emotui.jobs.data import check_job
    from emotui.progress import run_job

    found = cast(
        "DatasetCheck",
        run_job(lambda stop: check_job(here, name, cancelled=stop), quiet=as_json),
    )
    if as_json:
        say_json(found)
        return
    from emotui.checkview import check_lines

    say_lines(check_lines(found))


@app.command("exclude", epilog="Example: emotui data exclude stories 12,40-43 --reason duplicates")
def exclude(
    name: NameArgument,
    rows: Annotated[str, typer.Argument(help="Rows from 0: numbers and ranges, 12,40-43.")],
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why; is kept.", show_default=False)
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take these rows back in.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set rows aside from later extractions and probes; the rows themselves stay."""
    numbers = _numbers(rows)
    from store.datasets import Dataset

    dataset = Dataset.open(home_for(settings_for(home)), name)
    if undo:
        dataset.restore(numbers)
    else:
        dataset.exclude(numbers, reason=required(reason, option="--reason", example="duplicates"))
    if as_json:
        say_json({"name": name, "excluded": dataset.excluded()})
        return
    say(f"{name}: {dataset.info.excluded:,} of {dataset.info.n:,} rows are excluded")


def _numbers(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None:
            raise OptionError(f"rows {one_line(text)!r} are not understood; write e.g. 12,40-43")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return found


@app.command("rm", epilog="Example: emotui data rm stories --yes")
def rm(name: NameArgument, yes: YesOption = False, home: HomeOption = None) -> None:
    """Remove a dataset from the catalogue; the file it came from stays."""
    from store.datasets import Dataset, remove_dataset

    here = home_for(settings_for(home))
    info = Dataset.open(here, name).info
    confirm(f"Remove dataset {name} with {info.n:,} rows?", yes=yes)
    remove_dataset(here, name)
    say(f"removed {name}")
