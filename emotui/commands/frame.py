"""What all commands share: the --home and --json options, the model options, settings.

In: option values. Out: `Settings`, a `Home`, a `ModelSpec`. Imports nothing heavy at the top, so
that `emotui --help` stays fast.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emotui.config import Settings, load_settings
from emotui.errors import OptionError
from emotui.options import parse_quant

if TYPE_CHECKING:
    from emotui.jobs.spec import ModelSpec
    from store.layout import Home

ROOT_HOME: ContextVar[Path | None] = ContextVar("ROOT_HOME", default=None)
"""`emotui --home X data list`: the flag before the command's name."""

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help="Data directory; else EMOTUI_HOME, the config file, the platform's data folder.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="A Hugging Face model directory or hub id, or 'demo' for the embedded one.",
        show_default=False,
    ),
]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        "--device",
        help="auto, cpu, cuda, cuda:N, mps or map (spread over several).",
        show_default="auto",
    ),
]
DtypeOption = Annotated[
    str | None,
    typer.Option(
        "--dtype",
        help="The weights' number format: auto, float32, bfloat16 or float16.",
        show_default="auto",
    ),
]
QuantOption = Annotated[
    str, typer.Option("--quant", help="Quantise the weights: none, int8 or nf4.")
]
RevisionOption = Annotated[
    str | None,
    typer.Option("--revision", help="A hub model's branch, tag or commit.", show_default=False),
]
TrustOption = Annotated[
    bool,
    typer.Option("--trust-remote-code", help="Run Python code that comes with the model."),
]
PickleOption = Annotated[
    bool,
    typer.Option("--allow-pickle", help="Load weights that are not safetensors (can run code)."),
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", help="No progress and no notes on stderr; warnings stay.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def settings_for(home: Path | None, flags: Mapping[str, object] | None = None) -> Settings:
    """The settings with this command's flags on top."""
    home = home if home is not None else ROOT_HOME.get()
    return load_settings({**(flags or {}), "home": home})


def home_for(settings: Settings) -> "Home":
    """The data directory, made if it is not there yet."""
    from store.layout import Home

    home = Home(settings.home)
    home.ensure()
    return home


def model_spec(
    settings: Settings,
    source: str,
    *,
    quant: str = "none",
    attention: str = "auto",
    revision: str | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
) -> "ModelSpec":
    """Which model to load and how; device and dtype come from the settings."""
    from emotui.jobs.spec import ModelSpec

    return ModelSpec(
        source=source,
        dtype=settings.text("dtype"),
        device=settings.text("device"),
        quantisation=parse_quant(quant),
        attention=attention,
        revision=revision,
        trust_remote_code=trust_remote_code,
        allow_pickle=allow_pickle,
    )


def required(value: str | None, *, option: str, example: str) -> str:
    """The value of an option that must be given, else an OptionError with an example."""
    if value is None or not value.strip():
        raise OptionError(f"{option} is missing; write e.g. {option} {example}")
    return value


def confirm(question: str, *, yes: bool) -> None:
    """Asks on a terminal; elsewhere --yes must have been given."""
    import sys

    if yes:
        return
    if not sys.stdin.isatty():
        raise OptionError(f"{question} Add --yes to do it without a terminal.")
    if not typer.confirm(question, err=True):
        raise OptionError("nothing was changed")
