"""`emotui audit gate`: does the engine do what it says, once per model, shown on its own."""

from typing import Annotated, cast

import typer

from emotui.commands.frame import (
    DeviceOption,
    DtypeOption,
    HomeOption,
    JsonOption,
    ModelOption,
    QuantOption,
    QuietOption,
    home_for,
    model_spec,
    settings_for,
)
from emotui.errors import OptionError
from emotui.options import parse_layers
from emotui.terminal import say_json, say_lines

EXAMPLE = "Example: emotui audit gate --model demo --vectors demo --emotion happy"


def gate(
    model: ModelOption = None,
    vectors: Annotated[
        str | None,
        typer.Option(
            "--vectors", help="Set whose direction I1, I2 and I7 push along.", show_default=False
        ),
    ] = None,
    emotion: Annotated[
        str | None,
        typer.Option("--emotion", help="Which of them; else the first.", show_default=False),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option("--layer", help="Where; else at 2/3 of the depth.", show_default=False),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Run it although model and code are unchanged.")
    ] = False,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    quant: QuantOption = "none",
    home: HomeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run the integrity gate I1-I7 on a model, or show what is known of it; exit 1 if one fails.

    The results are kept under the data directory for the model as it was loaded (source, revision,
    dtype, device, quantisation, attention, tokenizer) and taken into every audit of it, until the
    model or the code changes. A failure makes every claim about that model INCONCLUSIVE: claims on
    stored activations by I4 and I5, claims of steering and ablation by any.
    """
    if not model and not vectors:
        raise OptionError("--model is missing; write e.g. --model demo, or --vectors SET for the "
                          "model it was made with")  # fmt: skip
    if vectors is None and (emotion is not None or layer is not None):
        raise OptionError("--emotion and --layer choose a direction of a set; add --vectors SET")
    settings = settings_for(home, {"device": device, "dtype": dtype})
    here = home_for(settings)

    from emotui.auditview import gate_lines
    from emotui.jobs.audit_gate import GateRequest, GateResult, gate_job
    from emotui.jobs.engine import Engine
    from emotui.progress import run_job

    request = GateRequest(
        model=model_spec(settings, model or "", quant=quant),
        vectors=vectors,
        emotion=emotion,
        layer=None if layer is None else parse_layers(layer, option="--layer"),
        again=again,
    )
    engine = Engine(threads=settings.number("threads"))
    result = cast(
        GateResult,
        run_job(
            lambda stop: gate_job(here, request, engine=engine, cancelled=stop),
            resume="finished checks are kept, the same command goes on",
            quiet=quiet,
        ),
    )
    if as_json:
        say_json(result.to_json())
    else:
        say_lines(gate_lines(result))
    if result.failed:
        raise typer.Exit(1)
