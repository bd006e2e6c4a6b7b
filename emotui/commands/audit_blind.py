"""`emotui audit blind ...` and `emotui audit lineup`: rate without knowing, then unblind once."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from emotui.commands.audit_frame import FindingArgument
from emotui.commands.frame import (
    DeviceOption,
    HomeOption,
    JsonOption,
    QuietOption,
    home_for,
    model_spec,
    required,
    settings_for,
)
from emotui.terminal import remark, say, say_json, say_lines, width

if TYPE_CHECKING:
    from emotui.rating import Rating

app = typer.Typer(
    help="Blinded rating of a steering finding: start, rate, unblind once.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_ESCAPES = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|O.|.)?", re.DOTALL)
LINEUP_EXAMPLE = "Example: emotui audit lineup probe-furious-1"


@app.command("start", epilog="Example: emotui audit blind start steering-joyful-1 --pairs 60")
def start(
    finding: FindingArgument,
    pairs: Annotated[
        int,
        typer.Option("--pairs", help="Pairs behind the test; repeats and catch pairs on top."),
    ] = 60,
    max_new_tokens: Annotated[
        int, typer.Option("--max-new-tokens", help="Tokens per text at most.", min=1)
    ] = 48,
    other: Annotated[
        str,
        typer.Option("--other", help="Emotion of the sixth arm; else drawn.", show_default=False),
    ] = "",
    key_holder: Annotated[
        Path | None,
        typer.Option(
            "--key-holder",
            help="Write the key to this file, for a second person; only its hash stays.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            help="Seed of codes, order and sides; else drawn, known to the key only.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", help="Where the model lies now, if it was moved.", show_default=False
        ),
    ] = None,
    device: DeviceOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make the texts of six arms and seal which is which.

    Until it is unblinded, the workbench veils the panes of the finding's data set.
    """
    settings = settings_for(home, {"device": device})
    here = home_for(settings)

    from emotui.jobs.audit_blind import BlindRequest, blind_job
    from emotui.jobs.engine import Engine
    from emotui.progress import run_job

    request = BlindRequest(
        finding=finding,
        pairs=pairs,
        max_new_tokens=max_new_tokens,
        other=other,
        seed=seed,
        key_file=key_holder,
        model=model_spec(settings, model or ""),
    )
    engine = Engine(threads=settings.number("threads"))
    status = run_job(
        lambda stop: blind_job(here, request, engine=engine, cancelled=stop), quiet=quiet
    )
    _show_status(cast("dict[str, Any]", status), as_json=as_json)


@app.command("rate", epilog="Example: emotui audit blind rate steering-joyful-1")
def rate(finding: FindingArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Rate pair by pair; leave with q and go on later with the same command.

    Keys: 1 or 2 prefers that text, 0 is a tie, i calls a text invalid, f and two digits give the
    fluency of both, u takes the last answer back. After the last pair the real arm is guessed.
    Keys are read from the terminal, or one by one from standard input.
    """
    here = home_for(settings_for(home))

    from emotui.jobs.audit_blind import blind_status, current_round
    from emotui.rating import Rating
    from store.blind import append_answer, read_answers, read_sheet

    round = current_round(here, finding)
    rating = Rating(
        read_sheet(here, round),
        read_answers(here, round),
        lambda answer: append_answer(here, round, answer),
    )
    _rate(rating, shown=not as_json)
    if as_json:
        say_json(blind_status(here, finding))


@app.command(
    "judge",
    epilog="Example: emotui audit blind judge steering-joyful-1 "
    "--endpoint http://localhost:8000/v1 --model judge-model",
)
def judge(
    finding: FindingArgument,
    endpoint: Annotated[
        str | None,
        typer.Option(
            "--endpoint",
            help="An OpenAI-compatible endpoint's base address.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="The judge's name at the endpoint.", show_default=False),
    ] = None,
    key_variable: Annotated[
        str,
        typer.Option("--key-variable", help="Environment variable with the endpoint's key."),
    ] = "EMOTUI_JUDGE_KEY",
    home: HomeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Let a language model rate the same coded texts, as a second rater.

    Every pair is asked in both orders; different answers make a tie, no answer makes it invalid.
    The texts leave this machine for the endpoint.
    """
    where = required(endpoint, option="--endpoint", example="http://localhost:8000/v1")
    name = required(model, option="--model", example="judge-model")
    here = home_for(settings_for(home))

    from emotui.jobs.audit_judge import JudgeRequest, judge_job
    from emotui.progress import run_job

    request = JudgeRequest(finding, where, name, key_variable)
    status = run_job(
        lambda stop: judge_job(here, request, cancelled=stop),
        resume="what was rated is kept, the same command goes on",
        quiet=quiet,
    )
    _show_status(cast("dict[str, Any]", status), as_json=as_json)


@app.command("unblind", epilog="Example: emotui audit blind unblind steering-joyful-1")
def unblind(
    finding: FindingArgument,
    key: Annotated[
        Path | None,
        typer.Option("--key", help="The key of a second person.", show_default=False),
    ] = None,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Also where pairs are left; R9 says so.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open the key, once, and save R9. The history says when."""
    here = home_for(settings_for(home))

    from emotui.jobs.audit_blind import unblind_finding
    from emotui.terminal import fixed
    from vectors.audits.blinding import ARMS

    record = unblind_finding(here, finding, key_file=key, incomplete=incomplete)
    if as_json:
        say_json(record)
        return
    from emotui.auditview import STATE_GLYPHS, control_numbers

    found = record["controls"]["R9"]
    say(f"{STATE_GLYPHS[found['state']]} R9 {found['state']}: "
        f"{control_numbers(found, most=9)}")  # fmt: skip
    say_lines([f"  {reason}" for reason in found["reasons"]])
    columns = found["table"]
    for at, kind in enumerate(ARMS):
        won, lost, ties = (int(columns[k][at]) for k in ("real arm won", "real arm lost", "ties"))
        name = "over all" if kind == "real" else f"over {kind}"
        fluency = columns["mean fluency"][at]
        said = "" if fluency is None else f", fluency of {kind} {fixed(fluency, 2)}"
        say(f"  real arm {name}: {won} won, {lost} lost, {ties} ties{said}")
    say(f"verdict {record['verdict']['glyph']} {record['verdict']['word']}")


@app.command("status", epilog="Example: emotui audit blind status steering-joyful-1")
def status(finding: FindingArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show how far every rater is; nothing of the key."""
    here = home_for(settings_for(home))

    from emotui.jobs.audit_blind import blind_status

    _show_status(blind_status(here, finding), as_json=as_json)


def lineup(
    finding: FindingArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Pick the real layer curve among seven of shuffled labels, a probe claim's line-up.

    By chance one of eight rounds is right, two of two are p = .016. Each pick is written into the
    history. Only one who has not seen the curve before can play.
    """
    here = home_for(settings_for(home))

    from emotui.auditview import STATE_GLYPHS, control_numbers
    from emotui.jobs.audit_lineup import Posed, lineup_job, record_pick
    from emotui.progress import run_job
    from emotui.ratingview import lineup_lines
    from vectors.audits.lineup import LETTERS

    posed = cast(
        Posed, run_job(lambda stop: lineup_job(here, finding, cancelled=stop), quiet=quiet)
    )
    found = posed.lineup
    if not as_json:
        say(f"round {found.round}: one curve is real, seven are of shuffled labels")
        say_lines(lineup_lines(found.curves, found.layers, LETTERS, width=width() or 80))
        say(f"which one is real? {LETTERS[0]}-{LETTERS[-1]}, q leaves")
    letter = _letter(LETTERS)
    if not letter:
        remark("left; nothing was written")
        if as_json:
            say_json({"finding": finding, "round": found.round, "pick": None})
        return
    record = record_pick(here, posed, letter)
    real, result = LETTERS[found.real], record["controls"]["R10"]
    if as_json:
        say_json({
            "finding": finding, "round": found.round, "pick": letter, "real": real,
            "R10": result, "verdict": record["verdict"],
        })  # fmt: skip
        return
    say(f"you picked {letter}, the real one is {real}")
    say(f"{STATE_GLYPHS[result['state']]} R10 {result['state']}: {control_numbers(result)}")
    say_lines([f"  {reason}" for reason in result["reasons"]])


def _letter(letters: str) -> str:
    with _keys() as keys:
        for key in keys:
            if key.upper() in letters:
                return key.upper()
            if key == "q":
                break
            remark(f"one letter from {letters[0]} to {letters[-1]}, or q")
    return ""


def _rate(rating: "Rating", *, shown: bool) -> None:
    from emotui.ratingview import rating_lines

    def show() -> None:
        if shown:
            say_lines(["", *rating_lines(rating, width=width() or 80)])
            sys.stdout.flush()

    with _keys() as keys:
        show()
        for key in keys:
            if rating.stage == "done" or key == "q":
                break
            rating.press(key)
            show()
            if rating.stage == "done":
                return
    if rating.stage != "done":
        remark("left; what was rated is kept, the same command goes on")


@contextmanager
def _keys() -> Iterator[Iterator[str]]:
    """Single keys: of a terminal without waiting for Enter, else characters of standard input."""
    if not sys.stdin.isatty():
        yield (c for c in iter(lambda: sys.stdin.read(1), "") if not c.isspace())
        return
    import termios
    import tty

    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    tty.setcbreak(handle)  # and forgets what was typed before anything was shown
    try:
        yield _typed(handle)
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)


def _typed(handle: int) -> Iterator[str]:
    """Characters as they are typed; arrows and function keys, which begin with Esc, are none."""
    while raw := os.read(handle, 64):
        plain = _ESCAPES.sub(b"", raw).decode(errors="ignore")
        yield from (key for key in plain if not key.isspace())


def _show_status(status: "dict[str, Any]", *, as_json: bool) -> None:
    if as_json:
        say_json(status)
        return
    from emotui.ratingview import status_lines

    say_lines(status_lines(status))
