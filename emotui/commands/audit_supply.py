"""`emotui audit supply`, and the same options of `audit new`: what a claim is held against.

In: option values. Out: `Supplies`, an updated finding. Reads the files that are named; the job
opens the runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emotui.commands.audit_frame import FindingArgument, show_record
from emotui.commands.frame import HomeOption, JsonOption, home_for, settings_for
from emotui.errors import OptionError
from emotui.sanitize import one_line
from emotui.terminal import remark

if TYPE_CHECKING:
    from emotui.jobs.audit_supply import Supplies

EXAMPLE = "Example: emotui audit supply probe-furious-1 --register furious-dialogues"

KeywordFreeOption = Annotated[
    str | None,
    typer.Option(
        "--keyword-free", help="Run over texts without emotion words (X3).", show_default=False
    ),
]
RegisterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--register", help="Run over texts of another register (X4); repeatable.",
        show_default=False,
    ),
]  # fmt: skip
SecondRunOption = Annotated[
    str | None,
    typer.Option(
        "--second-run",
        help="Run of another model (X5), or of this one in another precision (X6).",
        show_default=False,
    ),
]
NeutralRunOption = Annotated[
    str | None,
    typer.Option("--neutral-run", help="Run over neutral texts (G5).", show_default=False),
]
NormsOption = Annotated[
    Path | None,
    typer.Option(
        "--norms",
        help="CSV with emotion, valence, arousal (axis claims, G8, C3).",
        show_default=False,
    ),
]
ParaphrasesOption = Annotated[
    Path | None,
    typer.Option(
        "--paraphrases",
        help="File with one template per line, {} for the prompt (X7).",
        show_default=False,
    ),
]


def supply(
    finding: FindingArgument,
    keyword_free: KeywordFreeOption = None,
    register: RegisterOption = None,
    second_run: SecondRunOption = None,
    neutral_run: NeutralRunOption = None,
    norms: NormsOption = None,
    paraphrases: ParaphrasesOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a finding more to be held against. Controls that read it are stale until the next run.

    What was given before stays unless it is given again; --register replaces all registers. The
    change is an event in the finding's history.
    """
    given = supplies_of(keyword_free, register, second_run, neutral_run, norms, paraphrases)
    here = home_for(settings_for(home))

    from emotui.jobs.audit_supply import supply_audit

    show_record(supply_audit(here, finding, given), as_json=as_json, home=here)


def supplies_of(
    keyword_free: str | None,
    register: list[str] | None,
    second_run: str | None,
    neutral_run: str | None,
    norms: Path | None,
    paraphrases: Path | None,
) -> "Supplies":
    """The options as one value; files are read here."""
    from emotui.jobs.audit_supply import Supplies
    from emotui.norms import read_norms

    templates: tuple[str, ...] = ()
    if paraphrases is not None:
        templates = lines_of(paraphrases, option="--paraphrases", what="template")
    table = None if norms is None else read_norms(norms)
    if table is not None:
        remark(f"norms of {len(table.rows)} emotions: {table.source}")
    return Supplies(
        keyword_free=keyword_free or "",
        registers=tuple(register or ()),
        second_run=second_run or "",
        neutral_run=neutral_run or "",
        norms=table,
        paraphrases=templates,
    )


def lines_of(path: Path, *, option: str, what: str) -> tuple[str, ...]:
    """The distinct lines of a file."""
    if not path.is_file():
        raise OptionError(
            f"{option} {one_line(str(path))} is not a file; write one {what} per line"
        )
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise OptionError(f"{option} {one_line(str(path))} is not UTF-8 text") from None
    found = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    remark(f"{len(found)} {what}s from {one_line(str(path))}")
    return found
