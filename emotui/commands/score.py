"""`emotui score`: every token of a text coloured by emotion, and the emotions ranked over it."""

import re
import sys
from pathlib import Path
from typing import Annotated, cast

import typer

from emotui.commands.frame import (
    DeviceOption,
    DtypeOption,
    HomeOption,
    JsonOption,
    ModelOption,
    PickleOption,
    QuantOption,
    QuietOption,
    RevisionOption,
    TrustOption,
    home_for,
    model_spec,
    settings_for,
)
from emotui.errors import OptionError
from emotui.options import parse_choices, parse_layers
from emotui.sanitize import one_line, visible
from emotui.terminal import remark, say, say_json, say_lines

EXAMPLE = 'Example: emotui score demo --text "She put the letter down." --emotions joyful,sad'

OtherModelOption = Annotated[
    bool,
    typer.Option("--other-model", help="Use vectors with a model they were not made with."),
]
LayerOption = Annotated[
    str, typer.Option("--layer", help="A layer from 0, or a depth such as 2/3.")
]


def score(
    vectors: Annotated[str, typer.Argument(help="Name of a set of vectors.")],
    text: Annotated[
        str | None, typer.Option("--text", help="The text.", show_default=False)
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", help="A UTF-8 file with the text; - reads stdin."),
    ] = None,
    emotions: Annotated[
        str | None,
        typer.Option(
            "--emotions",
            help="Which to colour, joined by commas, or all; else the three that rank highest.",
            show_default=False,
        ),
    ] = None,
    layer: LayerOption = "2/3",
    readout: Annotated[
        str, typer.Option("--readout", help="cosine (centred) or projection.")
    ] = "cosine",
    span: Annotated[
        str | None,
        typer.Option("--span", help="Rank over characters START:STOP only.", show_default=False),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Also write a self-contained page.", show_default=False),
    ] = None,
    model: ModelOption = None,
    other_model: OtherModelOption = False,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    quant: QuantOption = "none",
    revision: RevisionOption = None,
    trust_remote_code: TrustOption = False,
    allow_pickle: PickleOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Colour the tokens of a text by emotion and rank the emotions over it.

    The model is the one the vectors were made with, unless --model names another place it lies in.
    """
    settings = settings_for(home, {"device": device, "dtype": dtype})
    wanted = parse_layers(layer, option="--layer")
    if not wanted.is_one:
        raise OptionError(f"--layer {one_line(layer)!r} names several layers; give one")
    parse_choices(readout, allowed=("cosine", "projection"), option="--readout")
    characters = _span(span)
    words = _text(text, file)
    if html is not None and not html.absolute().parent.is_dir():
        raise OptionError(f"--html {html}: its folder does not exist; make it first")
    spec = model_spec(
        settings,
        model or "",
        quant=quant,
        revision=revision,
        trust_remote_code=trust_remote_code,
        allow_pickle=allow_pickle,
    )
    here = home_for(settings)

    from emotui.colors import Mode, mode_of
    from emotui.jobs.engine import Engine
    from emotui.jobs.score import ScoreRequest, ScoreResult, score_job
    from emotui.jobs.sets import open_set
    from emotui.progress import run_job
    from emotui.tokenview import colored_text, html_page, legend, rank_lines

    shown = None
    if emotions is not None:
        labels = open_set(here, vectors).labels
        shown = tuple(labels) if emotions.strip() == "all" else _names(emotions, labels)
    request = ScoreRequest(vectors, spec, words, wanted, shown, readout, characters, other_model)
    engine = Engine(threads=settings.number("threads"))
    result = cast(
        ScoreResult,
        run_job(
            lambda stop: score_job(here, request, engine=engine, cancelled=stop),
            quiet=quiet or as_json,
        ),
    )
    if html is not None:
        html.write_text(html_page([result]), encoding="utf-8")
        remark(f"wrote {html}")
    if as_json:
        say_json(result.to_json())
        return
    color = settings.text("color")
    mode = mode_of(is_terminal=sys.stdout.isatty()) if color == "auto" else cast(Mode, color)
    for emotion in result.shown if mode != "plain" else ():
        say(f"{visible(emotion)}:")
        say(colored_text(result, emotion, mode))
        say()
    say_lines(legend(result, mode))
    say_lines(rank_lines(result))


def _names(emotions: str, labels: tuple[str, ...]) -> tuple[str, ...]:
    from emotui.options import known_names

    return known_names(emotions, labels, what="emotion")


def _span(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+):(\d+)", text)
    if match is None or int(match[1]) >= int(match[2]):
        raise OptionError(f"--span {one_line(text)!r} is not START:STOP with START below STOP")
    return int(match[1]), int(match[2])


def _text(text: str | None, file: str | None) -> str:
    if (text is None) == (file is None):
        raise OptionError("give the text with --text or --file, one of them")
    if text is not None:
        words = text
    elif file == "-":
        words = sys.stdin.read()
    else:
        assert file is not None
        try:
            words = Path(file).read_text(encoding="utf-8")
        except UnicodeDecodeError as e:
            raise OptionError(
                f"--file {file} is not UTF-8 (byte {e.start}); convert it first"
            ) from None
    if not words.strip():
        raise OptionError("the text is empty; give at least one word")
    return words
