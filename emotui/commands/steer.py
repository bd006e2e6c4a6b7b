"""`emotui steer`: push a model along one emotion, beside a baseline and control directions."""

from pathlib import Path
from typing import Annotated, cast

import typer

from emotui.commands.frame import (
    DeviceOption,
    DtypeOption,
    HomeOption,
    JsonOption,
    ModelOption,
    PickleOption,
    QuantOption,
    QuietOption,
    RevisionOption,
    TrustOption,
    home_for,
    model_spec,
    required,
    settings_for,
)
from emotui.commands.score import OtherModelOption
from emotui.errors import OptionError
from emotui.options import (
    MODES,
    parse_alphas,
    parse_choices,
    parse_control,
    parse_layers,
    parse_positions,
)
from emotui.terminal import remark, say, say_json, say_lines

EXAMPLE = (
    "Example: emotui steer demo --emotion joyful --alpha -0.1,0,0.1 "
    '--prompt "The door opened." --control random:3'
)


def steer(
    vectors: Annotated[str, typer.Argument(help="Name of a set of vectors.")],
    emotion: Annotated[
        str | None, typer.Option("--emotion", help="Which direction.", show_default=False)
    ] = None,
    alpha: Annotated[
        str,
        typer.Option(
            "--alpha",
            help="Numbers joined by commas, each in mean residual norms of the layer; the "
            "baseline always runs beside them.",
        ),
    ] = "-0.1,0,0.1",
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt", help="The text to go on from; may be given again.", show_default=False
        ),
    ] = None,
    layer: Annotated[
        str, typer.Option("--layer", help="Layers: numbers, ranges as 8-12, depths as 2/3.")
    ] = "2/3",
    mode: Annotated[
        str, typer.Option("--mode", help="add, project-out, clamp or replace.")
    ] = "add",
    positions: Annotated[
        str,
        typer.Option("--positions", help="all, prompt, generated, or START:STOP in tokens."),
    ] = "all",
    control: Annotated[
        str | None,
        typer.Option(
            "--control",
            help="Control directions of the same norm: random, covariance or shuffled; "
            "random:3 runs three.",
            show_default=False,
        ),
    ] = None,
    samples: Annotated[
        int,
        typer.Option(
            "--samples", help="Texts per alpha and prompt, each with its own seed.", min=1
        ),
    ] = 1,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the sampling noise.", min=0)] = 0,
    max_new_tokens: Annotated[
        int, typer.Option("--max-new-tokens", help="Tokens per text at most.", min=1)
    ] = 64,
    temperature: Annotated[
        float, typer.Option("--temperature", help="0 takes the likeliest token.", min=0.0)
    ] = 1.0,
    top_k: Annotated[
        int, typer.Option("--top-k", help="Only the k likeliest tokens; 0 = all.", min=0)
    ] = 0,
    top_p: Annotated[
        float,
        typer.Option("--top-p", help="Only tokens up to this probability.", min=0.0, max=1.0),
    ] = 1.0,
    chart: Annotated[
        Path | None,
        typer.Option("--chart", help="Also write the sweep as SVG.", show_default=False),
    ] = None,
    model: ModelOption = None,
    other_model: OtherModelOption = False,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    quant: QuantOption = "none",
    revision: RevisionOption = None,
    trust_remote_code: TrustOption = False,
    allow_pickle: PickleOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Push a model along an emotion's direction at several alphas, in one batch.

    Every text comes with its meters: dose delivered, first-token KL, NLL under the unsteered model,
    repetition. Without --control the effect has nothing to be compared with.
    """
    settings = settings_for(home, {"device": device, "dtype": dtype})
    wanted = required(emotion, option="--emotion", example="joyful")
    prompts = tuple(dict.fromkeys(prompt or ()))
    for words in prompts or (None,):
        required(words, option="--prompt", example='"The door opened."')
    alphas = parse_alphas(alpha)
    layers = parse_layers(layer, option="--layer")
    parse_choices(mode, allowed=MODES, option="--mode")
    where = parse_positions(positions)
    controls = parse_control(control) if control is not None else None
    if top_p <= 0:
        raise OptionError("--top-p is 0; allowed: above 0 up to 1")
    if chart is not None and not chart.absolute().parent.is_dir():
        raise OptionError(f"--chart {chart}: its folder does not exist; make it first")
    spec = model_spec(
        settings,
        model or "",
        quant=quant,
        revision=revision,
        trust_remote_code=trust_remote_code,
        allow_pickle=allow_pickle,
    )
    here = home_for(settings)

    from emotui.jobs.engine import Engine
    from emotui.jobs.steer import SteerRequest, SteerResult, steer_job
    from emotui.progress import run_job
    from emotui.sweepview import meter_lines, sweep_chart, text_lines
    from vectors.sampling import Sampling

    request = SteerRequest(
        vectors=vectors,
        model=spec,
        emotion=wanted,
        alphas=alphas,
        prompts=prompts,
        layer=layers,
        mode=mode,
        positions=where,
        sampling=Sampling(max_new_tokens, temperature, top_k, top_p, seed),
        samples=samples,
        control=controls,
        other_model=other_model,
    )
    engine = Engine(threads=settings.number("threads"))
    result = cast(
        SteerResult,
        run_job(
            lambda stop: steer_job(here, request, engine=engine, cancelled=stop),
            quiet=quiet or as_json,
        ),
    )
    if chart is not None:
        chart.write_text(sweep_chart(result), encoding="utf-8")
        remark(f"wrote {chart}")
    if as_json:
        say_json(result.to_json())
        return
    say_lines(text_lines(result))
    say()
    say_lines(meter_lines(result))
