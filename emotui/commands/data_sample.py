"""`emotui data sample`: the demo's own corpus as files, with a fault planted in it if asked for."""

from pathlib import Path
from typing import Annotated

import typer

from emotui.commands.frame import JsonOption
from emotui.errors import OptionError, UserError
from emotui.options import known_name
from emotui.sanitize import one_line
from emotui.terminal import say, say_json

EXAMPLE = "Example: emotui data sample --out corpus --length-confound 0.9 --long angry,sad"


def sample(
    out: Annotated[Path, typer.Option("--out", help="Folder for the files.")] = Path("corpus"),
    texts: Annotated[int, typer.Option("--texts", help="Stories to draw.", min=8)] = 2000,
    length_confound: Annotated[
        float,
        typer.Option(
            "--length-confound",
            help="Share of stories whose length is tied to their emotion.",
            min=0,
            max=1,
        ),
    ] = 0.0,
    long: Annotated[
        str | None,
        typer.Option(
            "--long",
            help="Emotions, by commas, whose tied stories are long while all others are short; "
            "else length follows the alphabet.",
            show_default=False,
        ),
    ] = None,
    topic_leak: Annotated[
        float,
        typer.Option(
            "--topic-leak",
            help="Share of stories whose topic is tied to their emotion.",
            min=0,
            max=1,
        ),
    ] = 0.0,
    seed: Annotated[int, typer.Option("--seed", help="Of the draw.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Write the demo's corpus as JSONL: stories, neutral texts, dialogues, deflections.

    The two options plant a confound whose truth is known, for an audit to find.
    """
    from emotui.demo.corpus import EMOTIONS, write_corpus

    named = tuple(w.strip() for w in (long or "").split(",") if w.strip())
    for name in named:
        known_name(name, EMOTIONS, what="emotion")
    if named and not length_confound:
        raise OptionError("--long needs --length-confound: what share of stories it is tied for")
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {one_line(str(out))} is a file; name a folder")
    written = write_corpus(
        out, n=texts, seed=seed, length_confound=length_confound, topic_leak=topic_leak, long=named
    )
    if as_json:
        say_json({"files": [str(p) for p in written]})
        return
    for path in written:
        say(f"wrote {one_line(str(path))}")
