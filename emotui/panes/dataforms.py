"""The two forms of the Data pane: what an import and an extraction need to know.

In: what a file has to offer, or what the workspace holds. Out: a Form, and the request made of its
answers. Guesses columns by their names only. Knows no store.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emotui.errors import OptionError
from emotui.options import POOLINGS, parse_choices, parse_layers
from emotui.screens.form import Field, Form, Wrong
from emotui.widgets.cells import fit
from emotui.workspace import Workspace

if TYPE_CHECKING:
    from emotui.jobs.browse import Columns
    from emotui.jobs.data import ImportRequest
    from emotui.jobs.extract import ExtractRequest

_TEXT = ("text", "story", "content", "dialogue", "prompt", "sentence", "comment", "1")
_LABEL = (
    "label",
    "emotion",
    "feeling",
    "labels",
    "emotions",
    "class",
    "category",
    "sentiment",
    "2",
)
_TOPIC = ("topic", "topics", "subject", "theme", "scenario", "group")
COLUMNS_SHOWN = 6
"""Columns of the file that the form says more about than their name."""


def guess(names: Sequence[str], likely: Sequence[str]) -> str:
    """The first likely name that is there; "" for none."""
    lower = {name.lower(): name for name in names}
    return next((lower[name] for name in likely if name in lower), "")


def import_form(columns: "Columns") -> Form:
    """Which column is what, with guesses filled in."""
    names = columns.names
    shown = [
        f"{name}: {n} different, e.g. {fit(example, 36).rstrip()}"
        for name, n, example in zip(names, columns.distinct, columns.example, strict=True)
    ]
    if len(shown) > COLUMNS_SHOWN:
        shown[COLUMNS_SHOWN:] = [f"and {len(shown) - COLUMNS_SHOWN} more columns"]

    def check(answers: Mapping[str, str]) -> Wrong | None:
        if not answers["text"]:
            return Wrong("text", "choose the column that holds the text")
        if not answers["name"]:
            return Wrong("name", "give the dataset a name")
        return None

    path = Path(columns.path)
    folder = ("file", "folder") if path.is_dir() else ()
    return Form(
        f"Import {path.name}: which column is what?",
        (
            Field("name", "name", path.stem.replace(" ", "-")),
            Field("text", "text", guess(names, _TEXT), choices=names),
            Field("label", "label", guess(names, _LABEL), choices=(*names, *folder)),
            Field("topic", "topic", guess(names, _TOPIC), choices=(*names, *folder)),
            Field(
                "many", "several labels", "drop", choices=("drop", "first", "join"), required=True
            ),
            Field("label_names", "names of labels", hint="file with one name per line, for ids"),
        ),
        hint="\n".join(
            (
                f"Among the first {columns.seen} records:",
                *shown,
                "Tab moves, Enter opens a choice, Ctrl+J imports",
            )
        ),
        check=check,
    )


def import_request(path: str, answers: Mapping[str, str], *, header: bool) -> "ImportRequest":
    """The request of a filled form; imports pyarrow, so call it on a job's thread."""
    from emotui.jobs.data import ImportRequest

    many = answers["many"] if answers["many"] in ("first", "join") else "drop"
    names = answers["label_names"]
    return ImportRequest(
        path,
        answers["name"],
        text=answers["text"],
        label=answers["label"] or None,
        topic=answers["topic"] or None,
        header=header,
        many=many,  # type: ignore[arg-type]
        label_names=Path(names).expanduser() if names else None,
    )


def extract_form(workspace: Workspace) -> Form:
    """Which model, layers and pooling."""

    def check(answers: Mapping[str, str]) -> Wrong | None:
        if not answers["model"]:
            return Wrong("model", "name a model: a directory, a hub id, or demo")
        at = "layers"
        try:
            parse_layers(answers["layers"], option="layers")
            at = "pool"
            parse_choices(answers["pool"], allowed=POOLINGS, option="pooling")
            at = "tokens"
            if answers["tokens"]:
                parse_layers(answers["tokens"], option="tokens")
        except OptionError as error:
            return Wrong(at, str(error))
        if answers["limit"] and not answers["limit"].isdecimal():
            return Wrong("limit", "rows is a whole number, or empty for all of them")
        return None

    model = workspace.model.source if workspace.model is not None else ""
    return Form(
        f"Extract activations over {workspace.dataset}",
        (
            Field("model", "model", model, "directory, hub id, or demo"),
            Field("layers", "layers", "all", "all, or numbers, ranges, depths: 8,12-20,2/3"),
            Field("pool", "pooling", "mean50", ", ".join(POOLINGS)),
            Field("tokens", "keep tokens at", "", "layers whose every token is kept as well"),
            Field("limit", "rows", "", "empty for all"),
        ),
        hint="The same form again resumes an extraction that was stopped. Ctrl+J starts",
        check=check,
    )


def extract_request(workspace: Workspace, answers: Mapping[str, str]) -> "ExtractRequest":
    """The request of a filled form; call it on the engine's thread."""
    from emotui.jobs.extract import ExtractRequest, Rows

    assert workspace.model is not None, "the form sets the model first"
    tokens = answers["tokens"]
    return ExtractRequest(
        workspace.model,
        workspace.dataset,
        parse_layers(answers["layers"], option="layers"),
        parse_choices(answers["pool"], allowed=POOLINGS, option="pooling"),
        token_layers=parse_layers(tokens, option="tokens") if tokens else None,
        rows=Rows(limit=int(answers["limit"]) if answers["limit"] else None),
        token_budget=workspace.settings.number("token_budget") or None,
    )
