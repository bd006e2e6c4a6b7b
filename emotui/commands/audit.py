"""`emotui audit ...`: enter claims, run their controls, show and check the verdicts, report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from emotui.commands import audit_blind, audit_new, audit_supply
from emotui.commands.audit_frame import PRESETS, FindingArgument, show_record
from emotui.commands.audit_gate import EXAMPLE as GATE_EXAMPLE
from emotui.commands.audit_gate import gate
from emotui.commands.frame import (
    DeviceOption,
    HomeOption,
    JsonOption,
    QuietOption,
    home_for,
    model_spec,
    settings_for,
)
from emotui.errors import UserError
from emotui.options import parse_choices, parse_pair
from emotui.sanitize import one_line
from emotui.terminal import say, say_json, say_lines

if TYPE_CHECKING:
    from store.layout import Home

app = typer.Typer(
    help="Claims with their controls, and the verdicts that follow.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("gate", epilog=GATE_EXAMPLE)(gate)
app.command("new", epilog=audit_new.EXAMPLE)(audit_new.new)


@app.command("run", epilog="Example: emotui audit run probe-furious-1 --preset quick")
def run_(
    finding: FindingArgument,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            help="quick, standard or full; else the plan's or the last one.",
            show_default=False,
        ),
    ] = None,
    control: Annotated[
        list[str] | None,
        typer.Option(
            "--control", help="Run only this one, optional or not; repeatable.", show_default=False
        ),
    ] = None,
    all_controls: Annotated[
        bool, typer.Option("--all-controls", help="Run the optional controls of the kind too.")
    ] = False,
    waive: Annotated[
        list[str] | None,
        typer.Option(
            "--waive",
            help="ID=REASON: leave a control out, visibly; repeatable.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Who waives.")] = "the user",
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Go on after a control that settles the verdict.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="Steering, ablation: where the model lies now, if it was moved.",
            show_default=False,
        ),
    ] = None,
    device: DeviceOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run the controls that are missing or whose inputs changed, and give the verdict.

    Forward passes are counted and said before anything starts. Cheap controls come first; the
    first required one that fails ends the run, since the verdict is then settled. A stopped audit
    goes on where it was.
    """
    settings = settings_for(home, {"device": device})
    if preset is not None:
        parse_choices(preset, allowed=PRESETS, option="--preset")
    here = home_for(settings)

    from emotui.jobs.audit import AuditRequest, audit_job
    from emotui.jobs.engine import Engine
    from emotui.progress import run_job

    request = AuditRequest(
        finding=finding,
        preset=preset,
        controls=tuple(dict.fromkeys(control or ())),
        all_controls=all_controls,
        waive=tuple(_waiver(text) for text in waive or ()),
        by=by,
        thorough=thorough,
        model=model_spec(settings, model or ""),
    )
    engine = Engine(threads=settings.number("threads"))
    record = run_job(
        lambda stop: audit_job(here, request, engine=engine, cancelled=stop),
        resume="finished controls are kept, the same command resumes",
        quiet=quiet,
    )
    show_record(cast("dict[str, Any]", record), as_json=as_json, home=here)


app.command("supply", epilog=audit_supply.EXAMPLE)(audit_supply.supply)


@app.command("show", epilog="Example: emotui audit show probe-furious-1")
def show(finding: FindingArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show a finding: verdict, licensed sentence, reasons and every control."""
    here = home_for(settings_for(home))

    from store.findings import load_finding

    show_record(load_finding(here, finding), as_json=as_json, home=here)


@app.command("list", epilog="Example: emotui audit list --json")
def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the findings with their verdicts."""
    here = home_for(settings_for(home))

    from emotui.auditview import list_lines
    from store.findings import list_findings, load_finding

    found = list_findings(here)
    if as_json:
        say_json([vars(f) for f in found])
        return
    if not found:
        say("no findings yet; enter a claim with: emotui audit new --kind probe --run RUN ...")
        return
    say_lines(list_lines([load_finding(here, f.id) for f in found]))


@app.command("check", epilog="Example: emotui audit check --json")
def check(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="A data directory or its findings folder; else the usual one.",
            metavar="[DIR]",
            show_default=False,
        ),
    ] = None,
    heads: Annotated[
        list[str] | None,
        typer.Option(
            "--head",
            help="ID=HASH noted earlier: its history must contain it; repeatable.",
            show_default=False,
        ),
    ] = None,
    ledger_head: Annotated[
        str | None,
        typer.Option(
            "--ledger-head",
            help="HASH noted earlier: the ledger of all findings must contain it.",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Exit 1 unless every claim holds: verdict, inputs, artefacts and history.

    A claim holds where its verdict is SUPPORTED, SUPPORTED-EXPLORATORY or QUALIFIED, no control is
    stale and nothing was tampered with. Each thing that is wrong is named.
    """
    here = _home_of(folder) if folder is not None else home_for(settings_for(home))
    noted = dict(parse_pair(text, option="--head", form="ID=HASH") for text in heads or ())

    from emotui.auditview import check_lines
    from emotui.jobs.audit_check import check_audits

    checked = check_audits(here, noted, ledger_head)
    if as_json:
        say_json({"holds": checked.holds, **vars(checked)})
    elif not checked.findings and checked.holds:
        say("no findings yet, so nothing fails")
    else:
        say_lines(check_lines(checked))
    if not checked.holds:
        raise typer.Exit(1)


@app.command("report", epilog="Example: emotui audit report --out audit-report")
def report(
    out: Annotated[Path, typer.Option("--out", help="Folder for AUDIT.md and audit.html.")] = Path(
        "audit-report"
    ),
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write all findings as Markdown and as one page of HTML; licensed sentences only."""
    here = home_for(settings_for(home))

    from emotui.auditreport import write_report
    from emotui.jobs.audit_check import check_audits

    checked = check_audits(here, {})
    written = write_report(here, checked, out)
    if as_json:
        say_json({"files": written, "findings": len(checked.findings)})
        return
    for path in written:
        say(f"wrote {one_line(str(path))}")


app.add_typer(audit_blind.app, name="blind")
app.command("lineup", epilog=audit_blind.LINEUP_EXAMPLE)(audit_blind.lineup)


def _home_of(folder: Path) -> "Home":
    from store.layout import Home

    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; give a data directory or its findings folder")
    return Home(folder.parent if folder.name == "findings" else folder)


def _waiver(text: str) -> tuple[str, str]:
    return parse_pair(text, option="--waive", form='ID="reason of 20 characters or more"')
