"""What the `emotui audit` commands share: a finding's id, the presets, how a record is shown."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from emotui.terminal import say, say_json, say_lines

if TYPE_CHECKING:
    from store.layout import Home

PRESETS = ("quick", "standard", "full")
FindingArgument = Annotated[str, typer.Argument(help="A finding's id.", metavar="ID")]


def show_record(record: dict[str, Any], *, as_json: bool, home: "Home") -> None:
    """Print a finding as lines, or its record as JSON."""
    from emotui.auditview import finding_lines
    from emotui.jobs.audit_record import from_record
    from store.findings import head
    from vectors.audits.registry import required as required_for

    if as_json:
        say_json(record | {"head": head(home, record["id"])})
        return
    say_lines(finding_lines(record, required_for(from_record(record).claim)))
    say(f"last hash of the history: {head(home, record['id'])} (audit check --head ID=HASH)")
