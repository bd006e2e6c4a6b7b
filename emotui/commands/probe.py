"""`emotui probe`: accuracy by layer beside every simpler explanation."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from emotui.commands.frame import (
    DeviceOption,
    HomeOption,
    JsonOption,
    QuietOption,
    home_for,
    settings_for,
)
from emotui.errors import OptionError
from emotui.options import parse_choices, parse_layers
from emotui.terminal import remark, say_json, say_lines

if TYPE_CHECKING:
    from emotui.jobs.probe import ProbeReport

EXAMPLE = "Example: emotui probe stories260k-bench --chart accuracy.svg --csv accuracy.csv"
CONTROLS = ("words", "length", "norm", "shuffled", "twin", "random-split")


def probe(
    run: Annotated[str, typer.Argument(help="A run's id, or the beginning of one.", metavar="RUN")],
    target: Annotated[str, typer.Option("--target", help="What to read: label or topic.")] = (
        "label"
    ),
    layers: Annotated[str, typer.Option("--layers", help="As in emotui extract.")] = "all",
    pool: Annotated[
        str | None,
        typer.Option("--pool", help="Which pooling; else the run's first.", show_default=False),
    ] = None,
    folds: Annotated[int, typer.Option("--folds", help="Cross-validation folds.", min=2)] = 5,
    seeds: Annotated[int, typer.Option("--seeds", help="Ways to draw the folds.", min=1)] = 5,
    group: Annotated[
        str,
        typer.Option(
            "--group", help="Keep together in a fold: topic, or none (then topics can leak)."
        ),
    ] = "topic",
    bootstrap: Annotated[
        int, typer.Option("--bootstrap", help="Resamples behind each interval.", min=100)
    ] = 2000,
    controls: Annotated[
        str,
        typer.Option(
            "--controls",
            help="Which to run, joined by commas: words, length, norm, shuffled, twin, "
            "random-split; or all, or none.",
        ),
    ] = "all",
    permutations: Annotated[
        int, typer.Option("--permutations", help="Shuffles behind the shuffled band.", min=20)
    ] = 20,
    twin_seed: Annotated[
        int, typer.Option("--twin-seed", help="Seed of the untrained twin's weights.", min=0)
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", help="First seed of folds and resamples.")] = 0,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Compute again even if the result is there.")
    ] = False,
    chart: Annotated[
        Path | None,
        typer.Option("--chart", help="Also write the curves as SVG.", show_default=False),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", help="Also write the curves as CSV.", show_default=False),
    ] = None,
    device: DeviceOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Fit a probe at every layer and set it beside every simpler explanation.

    Balanced accuracy and macro-AUROC on held-out folds, with 95 % intervals over topics, beside
    bag-of-words, text length, activation norm, shuffled labels and an untrained twin of the model.
    """
    settings = settings_for(home, {"device": device})
    parse_choices(target, allowed=("label", "topic"), option="--target")
    parse_choices(group, allowed=("topic", "none"), option="--group")
    wanted = parse_layers(layers)
    chosen = (
        CONTROLS
        if controls == "all"
        else ()
        if controls == "none"
        else parse_choices(controls, allowed=CONTROLS, option="--controls")
    )
    for option, path in (("--chart", chart), ("--csv", csv)):
        if path is not None and not path.absolute().parent.is_dir():
            raise OptionError(f"{option} {path}: its folder does not exist; make it first")
    here = home_for(settings)

    from emotui.jobs.engine import Engine
    from emotui.jobs.probe import ProbeRequest, probe_job
    from emotui.probeview import csv_text, probe_chart, probe_lines
    from emotui.progress import run_job

    request = ProbeRequest(
        run=run,
        layers=wanted,
        pooling=pool,
        target=target,
        folds=folds,
        seeds=seeds,
        grouped=group == "topic",
        bootstrap=bootstrap,
        permutations=permutations,
        controls=chosen,
        twin_seed=twin_seed,
        seed=seed,
        device=settings.text("device"),
        fresh=fresh,
    )
    engine = Engine(threads=settings.number("threads"))
    report = cast(
        "ProbeReport",
        run_job(
            lambda stop: probe_job(here, request, engine=engine, cancelled=stop),
            resume="the twin's activations are kept, the same command resumes",
            quiet=quiet,
        ),
    )
    if chart is not None:
        chart.write_text(probe_chart(report), encoding="utf-8")
        remark(f"wrote {chart}")
    if csv is not None:
        csv.write_text(csv_text(report), encoding="utf-8")
        remark(f"wrote {csv}")
    if as_json:
        say_json(report.to_json())
        return
    say_lines(probe_lines(report))
