"""`emotui audit note, waive, deviate, seal`: what a person may add to a finding, each an event."""

from typing import Annotated

import typer

from emotui.commands.audit_frame import FindingArgument, show_record
from emotui.commands.frame import HomeOption, JsonOption, home_for, required, settings_for


def register(app: typer.Typer) -> None:
    """Adds the commands to `emotui audit`."""
    for command, example in (
        (note, '--controlled "topic and length" --not-controlled "register"'),
        (waive, 'G2 --reason "all texts have the same length by construction"'),
        (deviate, '--what "40 prompts in place of 60" --why "the file held no more"'),
        (seal, ""),
    ):
        name = command.__name__
        words = f"emotui audit {name} probe-furious-1 {example}".rstrip()
        app.command(name, epilog=f"Example: {words}")(command)


def note(
    finding: FindingArgument,
    controlled: Annotated[
        str | None,
        typer.Option("--controlled", help="What is controlled?", show_default=False),
    ] = None,
    not_controlled: Annotated[
        str | None,
        typer.Option("--not-controlled", help="What is not?", show_default=False),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer in words what is controlled and what is not.

    The note stands in the record and in its history; it changes no verdict.
    """
    controlled = required(controlled, option="--controlled", example='"topic and length"')
    not_controlled = required(not_controlled, option="--not-controlled", example='"register"')
    here = home_for(settings_for(home))

    from emotui.jobs.audit_edit import add_note

    record = add_note(here, finding, controlled=controlled, not_controlled=not_controlled)
    show_record(record, as_json=as_json, home=here)


def waive(
    finding: FindingArgument,
    control: Annotated[str, typer.Argument(help="The control, e.g. G2.", metavar="CONTROL")],
    reason: Annotated[
        str | None,
        typer.Option("--reason", help="Why, in 20 characters or more.", show_default=False),
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Who waives.")] = "the user",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Leave out a control that was not run, visibly.

    The reason stands in the verdict, which is QUALIFIED at best. Running the control later takes
    the waiver's effect away; the history keeps both for ever.
    """
    reason = required(reason, option="--reason", example='"all texts have the same length"')
    here = home_for(settings_for(home))

    from emotui.jobs.audit_edit import waive as waive_control

    record = waive_control(here, finding, control, reason=reason, by=by)
    show_record(record, as_json=as_json, home=here)


def deviate(
    finding: FindingArgument,
    what: Annotated[
        str | None, typer.Option("--what", help="What was done otherwise.", show_default=False)
    ] = None,
    why: Annotated[str | None, typer.Option("--why", help="Why.", show_default=False)] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Log a departure from the sealed plan. The plan's hash stays as it is; R1 then warns."""
    what = required(what, option="--what", example='"40 prompts in place of 60"')
    why = required(why, option="--why", example='"the file held no more"')
    here = home_for(settings_for(home))

    from emotui.jobs.audit_edit import deviate as log_deviation

    show_record(log_deviation(here, finding, what=what, why=why), as_json=as_json, home=here)


def seal(finding: FindingArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Seal the plan of a finding that has no evidence yet.

    Claim, required controls, every threshold, preset, layer, alpha and n are hashed into the
    history. Once evidence was read it is too late: enter the claim anew.
    """
    here = home_for(settings_for(home))

    from emotui.jobs.audit_edit import seal_audit

    show_record(seal_audit(here, finding), as_json=as_json, home=here)
