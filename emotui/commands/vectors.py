"""`emotui vectors ...`: build, list, show, import, export, combine, remove directions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from emotui.commands.frame import (
    DeviceOption,
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
from emotui.options import METHODS, known_name, parse_choices, parse_layers
from emotui.sanitize import one_line, visible
from emotui.terminal import remark, say, say_json, say_lines, show_table

if TYPE_CHECKING:
    from emotui.jobs.build import BuildResult

app = typer.Typer(
    help="Sets of directions, one per emotion and layer.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SetArgument = Annotated[str, typer.Argument(help="Name of a set of vectors.", metavar="VECTORS")]
NameOption = Annotated[
    str | None, typer.Option("--name", help="What to call the set.", show_default=False)
]


@app.command("build", epilog="Example: emotui vectors build RUN --name joy --neutral dialogues")
def build(
    run: Annotated[str, typer.Argument(help="A run's id, or the beginning of one.", metavar="RUN")],
    name: NameOption = None,
    neutral: Annotated[
        str | None,
        typer.Option(
            "--neutral",
            help="A dataset (extracted with the run's settings) or a run of neutral texts; "
            "without it nothing is removed and there is no z.",
            show_default=False,
        ),
    ] = None,
    variance: Annotated[
        float,
        typer.Option(
            "--variance", help="Share of neutral variance projected out.", min=0.0, max=0.999
        ),
    ] = 0.5,
    method: Annotated[
        str, typer.Option("--method", help="mean-difference, logistic, lda or pca-difference.")
    ] = "mean-difference",
    layers: Annotated[str, typer.Option("--layers", help="As in emotui extract.")] = "all",
    pool: Annotated[
        str | None,
        typer.Option("--pool", help="Which pooling; else the run's first.", show_default=False),
    ] = None,
    expression: Annotated[
        str | None,
        typer.Option(
            "--expression",
            help="Build deflection vectors, orthogonal to this set of expression vectors.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the split halves.", min=0)] = 0,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of a set of that name.")
    ] = False,
    device: DeviceOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Build one direction per label and layer from a run."""
    settings = settings_for(home, {"device": device})
    called = required(name, option="--name", example="joy")
    parse_choices(method, allowed=METHODS, option="--method")
    wanted = parse_layers(layers)
    here = home_for(settings)

    from emotui.jobs.build import BuildRequest, build_job
    from emotui.jobs.engine import Engine
    from emotui.progress import run_job

    request = BuildRequest(
        run=run,
        name=called,
        layers=wanted,
        pooling=pool,
        method=method,
        neutral=neutral,
        variance=variance,
        expression=expression,
        seed=seed,
        device=settings.text("device"),
        replace=replace,
    )
    engine = Engine(threads=settings.number("threads"))
    result = cast(
        "BuildResult",
        run_job(
            lambda stop: build_job(here, request, engine=engine, cancelled=stop),
            resume="no vectors were saved; extracted texts are kept, the same command resumes",
            quiet=quiet,
        ),
    )
    _print_set(called, result, as_json)


def _print_set(name: str, result: "BuildResult", as_json: bool) -> None:
    from emotui.setview import set_json, set_lines

    if as_json:
        say_json(set_json(name, result.directions))
        return
    say_lines(set_lines(name, result.directions))


@app.command("list", epilog="Example: emotui vectors list --json")
def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the sets of vectors."""
    from store.vectorsets import list_vectors

    found = list_vectors(home_for(settings_for(home)))
    if as_json:
        say_json([info.to_json() for info in found])
        return
    if not found:
        say("no vectors yet; build some with: emotui vectors build RUN --name NAME")
        return
    show_table(
        ("name", "kind", "emotions", "layers", "width", "dataset", "model"),
        [
            (
                i.name,
                str(i.recipe.get("kind", "unknown")),
                len(i.labels),
                len(i.layers),
                i.d_model,
                str(i.recipe.get("dataset", "")),
                str(i.recipe.get("model", "")),
            )
            for i in found
        ],
    )


@app.command("show", epilog="Example: emotui vectors show joy --layer 2/3 --lens")
def show(
    vectors: SetArgument,
    layer: Annotated[str, typer.Option("--layer", help="A layer, or a depth as 2/3.")] = "2/3",
    emotion: Annotated[
        str | None,
        typer.Option("--emotion", help="Only this one.", show_default=False),
    ] = None,
    cosines: Annotated[
        bool, typer.Option("--cosines", help="Also the cosines between the emotions.")
    ] = False,
    lens: Annotated[
        bool,
        typer.Option("--lens", help="Also the tokens each direction promotes (loads the model)."),
    ] = False,
    device: DeviceOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a set holds: n, norms, split-half, cosines, logit lens, and what made it."""
    settings = settings_for(home, {"device": device})
    wanted = parse_layers(layer, option="--layer")
    if not wanted.is_one:
        raise OptionError(f"--layer {one_line(layer)!r} names several layers; give one")
    here = home_for(settings)

    from emotui.jobs.sets import open_set, set_layers
    from emotui.setview import (
        cosine_lines,
        layer_lines,
        lens_lines,
        lens_rows,
        set_json,
        set_lines,
    )

    directions = open_set(here, vectors)
    if emotion is not None:
        known_name(emotion, directions.labels, what="emotion")
    at = set_layers(directions, wanted)[0]
    labels = (emotion,) if emotion is not None else directions.labels
    promoted = lens_rows(settings, directions, labels, at) if lens else None
    if as_json:
        say_json(set_json(vectors, directions, layer=at, labels=labels, lens=promoted))
        return
    lines = set_lines(vectors, directions) + layer_lines(directions, at, labels)
    if cosines:
        lines += cosine_lines(directions, at)
    if promoted is not None:
        lines += lens_lines(promoted)
    say_lines(lines)


@app.command("import", epilog="Example: emotui vectors import joy.gguf --name joy --run RUN")
def import_(
    file: Annotated[
        Path, typer.Argument(help="A .safetensors, .npz, .npy, .gguf or .pt file of directions.")
    ],
    name: NameOption = None,
    run: Annotated[
        str | None,
        typer.Option(
            "--run",
            help="A run of the same model: takes its residual norms and centre, which a foreign "
            "file lacks and steering and scoring need.",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import directions made by another tool. A .pt that carries code is refused."""
    called = required(name, option="--name", example="joy")
    if not file.is_file():
        raise OptionError(f"{file} is not a file; give the one that holds the directions")
    here = home_for(settings_for(home))

    from emotui.jobs.foreign import import_vectors_job
    from emotui.progress import run_job

    result = cast(
        "BuildResult",
        run_job(lambda stop: import_vectors_job(here, file, name=called, run=run, cancelled=stop)),
    )
    _print_set(called, result, as_json)


@app.command(
    "export", epilog="Example: emotui vectors export joy joy.gguf --format gguf --label joyful"
)
def export(
    vectors: SetArgument,
    out: Annotated[Path, typer.Argument(help="The file to write.")],
    format_: Annotated[
        str, typer.Option("--format", help="safetensors, gguf (one emotion) or npz.")
    ] = "safetensors",
    label: Annotated[
        str | None,
        typer.Option("--label", help="For gguf: which emotion.", show_default=False),
    ] = None,
    scale: Annotated[
        str,
        typer.Option(
            "--scale", help="For gguf: unit, or alpha (a strength there is an alpha here)."
        ),
    ] = "unit",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a set for other tools; safetensors and npz keep all that made it."""
    parse_choices(format_, allowed=("safetensors", "gguf", "npz"), option="--format")
    if not out.absolute().parent.is_dir():
        raise OptionError(f"{out}: its folder does not exist; make it first")
    parse_choices(scale, allowed=("unit", "alpha"), option="--scale")
    from store.vectorsets import export_vectors

    done = export_vectors(
        home_for(settings_for(home)),
        vectors,
        out,
        format=cast(Any, format_),
        label=label,
        scale=cast(Any, scale),
    )
    if as_json:
        say_json(done)
        return
    say(f"wrote {visible(str(done.path))}")
    for note in done.notes:
        remark(note)


@app.command(
    "combine", epilog='Example: emotui vectors combine "joyful - sad + calm" --of joy --name mix'
)
def combine(
    expression: Annotated[str, typer.Argument(help="Labels joined by + and -.")],
    of: Annotated[
        str | None,
        typer.Option("--of", help="The set, or several joined by commas.", show_default=False),
    ] = None,
    name: NameOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add and subtract directions; refuses sets of different models, layers or norms."""
    sources = required(of, option="--of", example="joy").split(",")
    called = required(name, option="--name", example="mix")
    here = home_for(settings_for(home))

    from emotui.jobs.build import combine_job
    from emotui.progress import run_job

    result = cast(
        "BuildResult",
        run_job(
            lambda _: combine_job(
                here, expression, name=called, sources=tuple(s.strip() for s in sources)
            )
        ),
    )
    _print_set(called, result, as_json)


@app.command("rm", epilog="Example: emotui vectors rm joy --yes")
def rm(vectors: SetArgument, yes: YesOption = False, home: HomeOption = None) -> None:
    """Remove a set of vectors."""
    from store.vectorsets import load_vectors, remove_vectors

    here = home_for(settings_for(home))
    load_vectors(here, vectors)
    confirm(f"Remove the vectors {vectors}?", yes=yes)
    remove_vectors(here, vectors)
    say(f"removed {vectors}")
