"""`emotui extract`: run a model over a dataset and keep its activations."""

from typing import TYPE_CHECKING, Annotated, cast

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
from emotui.options import POOLINGS, parse_choices, parse_layers
from emotui.terminal import human_time, remark, say, say_json

if TYPE_CHECKING:
    from emotui.jobs.extract import ExtractResult

EXAMPLE = "Example: emotui extract --model ./pythia-1b --data stories --pool mean50,last"

LayersOption = Annotated[
    str, typer.Option("--layers", help="all, or numbers, ranges and depths: 8,12-20,2/3.")
]


def extract(
    model: ModelOption = None,
    data: Annotated[
        str | None,
        typer.Option("--data", help="Name of an imported dataset.", show_default=False),
    ] = None,
    layers: LayersOption = "all",
    pool: Annotated[
        str,
        typer.Option(
            "--pool",
            help="How tokens become one vector per text, joined by commas: mean50 (from the 50th "
            "token on), mean, last, spans (the dataset's spans).",
        ),
    ] = "mean50",
    tokens: Annotated[
        str | None,
        typer.Option("--tokens", help="Also keep every token at these layers.", show_default=False),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", help="Draw N rows by --seed.", min=1, show_default=False),
    ] = None,
    per_label: Annotated[
        int | None,
        typer.Option("--per-label", help="Draw N rows of each label by --seed.", min=1),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option("--labels", help="Only these labels, joined by commas.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of those draws.", min=0)] = 0,
    max_length: Annotated[
        int | None,
        typer.Option("--max-length", help="Tokens per text; else the context.", min=1),
    ] = None,
    store_dtype: Annotated[
        str,
        typer.Option("--store-dtype", help="On disk: bfloat16, float16 or float32."),
    ] = "bfloat16",
    untrained: Annotated[
        int | None,
        typer.Option(
            "--untrained",
            help="Extract from the untrained twin whose weights are drawn with this seed.",
            min=0,
            show_default=False,
        ),
    ] = None,
    attention: Annotated[
        str, typer.Option("--attention", help="auto, eager, sdpa or flash_attention_2.")
    ] = "auto",
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
    """Run a model over a dataset and keep its activations; prints the run's id.

    The same call again goes on where the last one stopped, and does nothing when all is there.
    """
    settings = settings_for(home, {"device": device, "dtype": dtype})
    source = required(model, option="--model", example="./pythia-1b")
    name = required(data, option="--data", example="stories")
    poolings = parse_choices(pool, allowed=POOLINGS, option="--pool")
    wanted = parse_layers(layers)
    token_layers = parse_layers(tokens, option="--tokens") if tokens is not None else None
    parse_choices(store_dtype, allowed=("bfloat16", "float16", "float32"), option="--store-dtype")
    parse_choices(
        attention,
        allowed=("auto", "eager", "sdpa", "flash_attention_2"),
        option="--attention",
    )
    spec = model_spec(
        settings,
        source,
        quant=quant,
        attention=attention,
        revision=revision,
        trust_remote_code=trust_remote_code,
        allow_pickle=allow_pickle,
    )
    here = home_for(settings)

    from store.datasets import Dataset

    Dataset.open(here, name)  # before torch is loaded: an unknown name is answered at once

    from emotui.jobs.engine import Engine
    from emotui.jobs.extract import ExtractRequest, ExtractResult, Rows, extract_job
    from emotui.progress import run_job

    request = ExtractRequest(
        model=spec,
        dataset=name,
        layers=wanted,
        poolings=poolings,
        token_layers=token_layers,
        rows=Rows(
            labels=None if labels is None else tuple(p.strip() for p in labels.split(",")),
            limit=limit,
            per_label=per_label,
            seed=seed,
        ),
        max_length=max_length,
        stored_dtype=store_dtype,
        token_budget=settings.number("token_budget") or None,
        twin_seed=untrained,
    )
    engine = Engine(threads=settings.number("threads"))
    result = cast(
        ExtractResult,
        run_job(
            lambda stop: extract_job(here, request, engine=engine, cancelled=stop),
            resume="what was extracted is saved, the same command resumes",
            quiet=quiet,
        ),
    )
    if as_json:
        say_json(result)
        return
    for line in _remarks(result):
        remark(line)
    say(result.run)


def _remarks(result: "ExtractResult") -> list[str]:
    new = result.rows - result.resumed_from
    lines = [
        f"{result.rows:,} texts, {result.tokens:,} tokens; {new:,} new in "
        f"{human_time(result.elapsed_s)}"
        if new
        else f"{result.rows:,} texts are all there already; nothing was done"
    ]
    if result.truncated:
        lines.append(f"{result.truncated:,} texts were cut at the context's end")
    for pooling, n in result.set_aside.items():
        if n:
            lines.append(
                f"warning: {n:,} of {result.rows:,} texts are set aside for {pooling} (too few "
                f"tokens or not finite; see emotui runs show {result.run})"
            )
    return lines
