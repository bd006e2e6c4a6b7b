"""`emotui runs ...`: list, show, verify, export, import and remove runs of activations."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

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
from emotui.options import parse_choices, parse_layers
from emotui.sanitize import one_line, visible
from emotui.terminal import human_bytes, remark, say, say_json, show_table

if TYPE_CHECKING:
    from emotui.jobs.runs import ExportResult, ForeignResult

app = typer.Typer(
    help="Activations of one model over one dataset.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

RunArgument = Annotated[
    str, typer.Argument(help="A run's id, or the beginning of one.", metavar="RUN")
]


@app.command("list", epilog="Example: emotui runs list --json")
def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the runs."""
    from store.runs import list_runs

    found = list_runs(home_for(settings_for(home)))
    if as_json:
        say_json(found)
        return
    if not found:
        say("no runs yet; make one with: emotui extract --model DIR --data NAME")
        return
    show_table(
        ("run", "state", "rows", "of", "layers", "pooling", "size"),
        [
            (
                r.run_id,
                r.state,
                r.committed_rows,
                r.rows,
                len(r.layers),
                ",".join(r.poolings),
                human_bytes(r.bytes),
            )
            for r in found
        ],
        flexible=0,
    )


@app.command("show", epilog="Example: emotui runs show stories260k-bench-1a2b3c4d5e6f")
def show(run: RunArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show what made a run, what it holds and which texts were set aside."""
    from emotui.jobs.rundata import open_run

    with closing(open_run(home_for(settings_for(home)), run)) as found:
        value = _summary(found)
    if as_json:
        say_json(value)
        return
    for key, item in value.items():
        if isinstance(item, dict):
            say(f"{key}:")
            for name, part in item.items():
                say(f"  {one_line(str(name))}: {_short(part)}")
        elif key == "failures":
            _failures(cast(list[Any], item))
        else:
            say(f"{key}: {_short(item)}")


def _short(value: object) -> str:
    if isinstance(value, list | tuple):
        text = ", ".join(one_line(str(v)) for v in value)
    else:
        text = one_line(str(value))
    return text if len(text) <= 300 else text[:297] + "..."


def _failures(failures: list[Any]) -> None:
    say(f"set aside: {len(failures)}")
    for failure in failures[:10]:
        say(f"  row {failure.row}, {one_line(failure.pooling)}: {one_line(failure.reason)}")
    if len(failures) > 10:
        say(f"  and {len(failures) - 10} more (--json lists all)")


def _summary(run: Any) -> dict[str, Any]:
    norms = [round(float(n), 4) for n in run.residual_norm()]
    return {
        "run": run.run_id,
        "state": run.state,
        "committed_rows": run.committed_rows,
        "rows": run.identity.rows,
        "tokens": int(run.n_tokens.sum()),
        "truncated": int(run.truncated.sum()),
        "identity": run.identity.to_json(),
        "recorded": {k: v for k, v in run.info.items() if k not in ("codes", "labels", "spec")},
        "residual_norm": norms,
        "failures": list(run.failures),
    }


@app.command("verify", epilog="Example: emotui runs verify stories260k-bench-1a2b3c4d5e6f")
def verify(run: RunArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Read every byte of a run and hold it against its checksums; exit 1 if any is wrong."""
    from emotui.jobs.rundata import run_name
    from store.verify import verify as check

    here = home_for(settings_for(home))
    run_id = run_name(here, run)
    problems = check(here, run_id)
    if as_json:
        say_json({"run": run_id, "ok": not problems, "problems": problems})
    elif not problems:
        say(f"{run_id}: every committed row is as it was written")
    for p in () if as_json else problems:
        say(f"{one_line(str(p.shard))}: rows {p.rows[0]}-{p.rows[1] - 1}: {visible(p.what)}")
    if problems:
        remark(
            f"emotui: {len(problems)} damaged parts; extract again after emotui runs rm {run_id}"
        )
        raise typer.Exit(1)


@app.command("export", epilog="Example: emotui runs export RUN --out activations --format npz")
def export(
    run: RunArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="A new folder, one file per label.", show_default=False),
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="npz or npy.")] = "npz",
    layers: Annotated[str, typer.Option("--layers", help="As in emotui extract.")] = "all",
    pool: Annotated[
        str | None,
        typer.Option("--pool", help="Which pooling; else the run's first.", show_default=False),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write a run's activations for other tools: per label and layer an array [n, d_model]."""
    folder = Path(required(None if out is None else str(out), option="--out", example="folder"))
    parse_choices(format_, allowed=("npz", "npy"), option="--format")
    wanted = parse_layers(layers)
    here = home_for(settings_for(home))

    from emotui.jobs.runs import export_job
    from emotui.progress import run_job

    result = cast(
        "ExportResult",
        run_job(
            lambda stop: export_job(
                here, run, folder, format=format_, layers=wanted, pooling=pool, cancelled=stop
            ),
            resume="the folder is not complete, remove it",
            quiet=quiet,
        ),
    )
    if as_json:
        say_json(result)
        return
    say(f"{result.rows:,} rows in {len(result.files)} files under {visible(str(folder))}")


@app.command("import", epilog="Example: emotui runs import cache/ --name pythia-cache")
def import_(
    folder: Annotated[
        Path,
        typer.Argument(
            help="A folder of .npy, .npz or .pt, one per label, [n, d_model] per layer."
        ),
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="What to call it.", show_default=False)
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Turn activations cached by another tool into a run that can be probed.

    .pt files are read as plain tensors only; one that carries code is refused.
    """
    called = required(name, option="--name", example="pythia-cache")
    if not folder.is_dir():
        raise OptionError(f"{folder} is not a folder; give the one that holds a file per label")
    here = home_for(settings_for(home))

    from emotui.jobs.runs import foreign_job
    from emotui.progress import run_job

    result = cast(
        "ForeignResult",
        run_job(
            lambda stop: foreign_job(here, folder, name=called, cancelled=stop),
            resume="the same command resumes",
            quiet=quiet,
        ),
    )
    if as_json:
        say_json(result)
        return
    say(result.run)


@app.command("rm", epilog="Example: emotui runs rm stories260k-bench-1a2b3c4d5e6f --yes")
def rm(run: RunArgument, yes: YesOption = False, home: HomeOption = None) -> None:
    """Remove a run and its activations."""
    from emotui.jobs.rundata import run_name
    from store.runs import remove_run

    here = home_for(settings_for(home))
    run_id = run_name(here, run)
    confirm(f"Remove run {run_id} with all its activations?", yes=yes)
    remove_run(here, run_id)
    say(f"removed {run_id}")
