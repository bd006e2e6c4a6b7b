"""`emotui audit ...`: enter claims, run their controls, show and check the verdicts, report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from emotui.commands import audit_supply
from emotui.commands.audit_gate import EXAMPLE as GATE_EXAMPLE
from emotui.commands.audit_gate import gate
from emotui.commands.audit_supply import (
    KeywordFreeOption,
    NeutralRunOption,
    NormsOption,
    ParaphrasesOption,
    RegisterOption,
    SecondRunOption,
    lines_of,
    supplies_of,
)
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
from emotui.errors import OptionError, UserError
from emotui.options import parse_alphas, parse_choices, parse_layers
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
PRESETS = ("quick", "standard", "full")
KINDS = ("probe", "cosine", "axis", "steering", "ablation")
FindingArgument = Annotated[str, typer.Argument(help="A finding's id.", metavar="ID")]


@app.command(
    "new",
    epilog="Example: emotui audit new --kind probe --run stories260k-bench --emotion furious "
    '--claim "furious can be read off" --prereg',
)
def new(
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind", help="probe, cosine, axis, steering or ablation.", show_default=False
        ),
    ] = None,
    emotion: Annotated[
        str | None,
        typer.Option(
            "--emotion",
            help="The emotion it is about; for an axis: valence or arousal.",
            show_default=False,
        ),
    ] = None,
    claim: Annotated[
        str | None,
        typer.Option("--claim", help="The sentence to be tested.", show_default=False),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option("--run", help="Activations, for probe, cosine and axis.", show_default=False),
    ] = None,
    vectors: Annotated[
        str | None,
        typer.Option(
            "--vectors", help="Set of vectors, for steering and ablation.", show_default=False
        ),
    ] = None,
    other: Annotated[
        str | None,
        typer.Option(
            "--with",
            help="The other emotion; for a probe: instead of the rest.",
            show_default=False,
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(
            "--layer",
            help="The layer the claim names; else that at 2/3 of the depth.",
            show_default=False,
        ),
    ] = None,
    pool: Annotated[
        str | None,
        typer.Option("--pool", help="Which pooling; else the run's first.", show_default=False),
    ] = None,
    alpha: Annotated[
        str | None,
        typer.Option(
            "--alpha", help="Strength of steering, in mean residual norms.", show_default=False
        ),
    ] = None,
    direction: Annotated[
        str, typer.Option("--direction", help="greater, less or two-sided.")
    ] = "greater",
    effect_min: Annotated[
        float | None,
        typer.Option(
            "--effect-min",
            help="Smallest effect of interest, in the statistic's units.",
            show_default=False,
        ),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            "--prompts",
            help="Steering, ablation: a file with one prompt per line.",
            show_default=False,
        ),
    ] = None,
    target_words: Annotated[
        str | None,
        typer.Option(
            "--target-words",
            help="Steering, ablation: words whose odds are the outcome, by commas.",
            show_default=False,
        ),
    ] = None,
    neutral_words: Annotated[
        str | None,
        typer.Option(
            "--neutral-words",
            help="Steering, ablation: words they are held against.",
            show_default=False,
        ),
    ] = None,
    component: Annotated[
        int | None,
        typer.Option(
            "--component",
            help="Axis: which principal component, from 1; else the best of the first five.",
            show_default=False,
        ),
    ] = None,
    keyword_free: KeywordFreeOption = None,
    register: RegisterOption = None,
    second_run: SecondRunOption = None,
    neutral_run: NeutralRunOption = None,
    norms: NormsOption = None,
    paraphrases: ParaphrasesOption = None,
    prereg: Annotated[
        bool, typer.Option("--prereg", help="Seal the plan now, before anything is read.")
    ] = False,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            "--threshold",
            help="With --prereg: KEY=PASS,WARN in place of the table's; repeatable.",
            show_default=False,
        ),
    ] = None,
    preset: Annotated[
        str, typer.Option("--preset", help="How much is drawn: quick, standard or full.")
    ] = "standard",
    seed: Annotated[int, typer.Option("--seed", help="First seed of every draw.")] = 0,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Id; else made of kind and emotion.", show_default=False),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enter a claim. Its verdict is UNTESTED until its controls have run.

    Nothing is computed here. With --prereg the plan and its thresholds are hashed and written into
    the history first; only then can the verdict be SUPPORTED and not merely exploratory.
    """
    example = {"--kind": "probe", "--emotion": "furious", "--claim": '"furious can be read off"'}
    kind = required(kind, option="--kind", example=example["--kind"])
    emotion = required(emotion, option="--emotion", example=example["--emotion"])
    claim = required(claim, option="--claim", example=example["--claim"])
    parse_choices(kind, allowed=KINDS, option="--kind")
    parse_choices(direction, allowed=("greater", "less", "two-sided"), option="--direction")
    parse_choices(preset, allowed=PRESETS, option="--preset")
    strengths = () if alpha is None else parse_alphas(alpha)
    if alpha is not None and (len(strengths) != 1 or strengths[0] == 0):
        raise OptionError("--alpha of a claim is one number other than 0, e.g. --alpha 0.1")
    texts = () if prompts is None else lines_of(prompts, option="--prompts", what="prompt")
    given = supplies_of(keyword_free, register, second_run, neutral_run, norms, paraphrases)
    here = home_for(settings_for(home))

    from emotui.jobs.audit_new import NewRequest, new_audit

    record = new_audit(
        here,
        NewRequest(
            kind=kind,
            emotion=emotion,
            claim=claim,
            run=run,
            vectors=vectors,
            other=other,
            layer=None if layer is None else parse_layers(layer, option="--layer"),
            pooling=pool,
            alpha=strengths[0] if strengths else None,
            direction=direction,
            effect_min=effect_min,
            prompts=texts,
            target_words=_words(target_words),
            neutral_words=_words(neutral_words),
            component=component,
            supplies=given,
            name=name,
            prereg=prereg,
            preset=preset,
            thresholds=_thresholds(threshold or []),
            seed=seed,
        ),
    )
    show_record(record, as_json=as_json, home=here)


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
            help="Steering: where the model lies now, if it was moved.",
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
    noted = dict(_pair(text, option="--head", form="ID=HASH") for text in heads or ())

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


def _home_of(folder: Path) -> "Home":
    from store.layout import Home

    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; give a data directory or its findings folder")
    return Home(folder.parent if folder.name == "findings" else folder)


def _pair(text: str, *, option: str, form: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip() or not value.strip():
        raise OptionError(f"{option} {one_line(text)!r} is not understood; write {option} {form}")
    return name.strip(), value.strip()


def _waiver(text: str) -> tuple[str, str]:
    return _pair(text, option="--waive", form='ID="reason of 20 characters or more"')


def _thresholds(given: list[str]) -> dict[str, tuple[float, float]]:
    found = {}
    for text in given:
        key, value = _pair(text, option="--threshold", form="KEY=PASS,WARN")
        numbers = parse_alphas(value, option="--threshold")
        if len(numbers) > 2:
            raise OptionError(f"--threshold {key} has {len(numbers)} numbers; write KEY=PASS,WARN")
        found[key] = (numbers[0], numbers[-1])
    return found


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(w.strip() for w in (text or "").split(",") if w.strip())
