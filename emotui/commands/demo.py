"""`emotui demo`: the whole way on the embedded model and corpus, offline."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from emotui.commands.frame import (
    HomeOption,
    JsonOption,
    QuietOption,
    home_for,
    settings_for,
)
from emotui.errors import OptionError
from emotui.sanitize import visible
from emotui.terminal import remark, say, say_json

if TYPE_CHECKING:
    from emotui.jobs.demo import DemoResult

EXAMPLE = "Example: emotui demo --headless --out demo-report"


def demo(
    headless: Annotated[
        bool, typer.Option("--headless", help="Run the whole way and write REPORT.md.")
    ] = False,
    out: Annotated[Path, typer.Option("--out", help="Folder of the report.")] = Path("demo-report"),
    texts: Annotated[
        int, typer.Option("--texts", help="Stories in the demo's dataset.", min=400)
    ] = 4000,
    home: HomeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Data, extraction, probes, vectors, scores and steering on the embedded teaching model.

    Needs no network. On a terminal it opens the workbench on the demo; with --headless, --json or
    without a terminal it runs the whole way and writes the report.
    """
    settings = settings_for(home)
    if out.exists() and not out.is_dir():
        raise OptionError(f"--out {out} is a file; name a folder")
    if not headless and not as_json:
        from emotui.workbench import can_run, run_workbench

        if can_run():
            raise typer.Exit(run_workbench(settings, demo=True))
        remark("no terminal to draw on; running the headless way")
    here = home_for(settings)

    from emotui.jobs.demo import DemoRequest, demo_job
    from emotui.jobs.engine import Engine
    from emotui.progress import run_job

    engine = Engine(threads=settings.number("threads"))
    result = cast(
        "DemoResult",
        run_job(
            lambda stop: demo_job(
                here, DemoRequest(out=out, texts=texts), engine=engine, cancelled=stop
            ),
            resume="what was extracted is saved, the same command resumes",
            quiet=quiet,
        ),
    )
    if as_json:
        say_json(result.to_json())
        return
    for line in result.headlines:
        say(line)
    say(f"report: {visible(str(result.report))}")
