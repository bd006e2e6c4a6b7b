"""Which model to load and how, as plain values: said before anything heavy is imported."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emotui.config import Settings

DEMO = "demo"
"""The name under which the embedded model can be asked for."""
DEMO_MODEL = Path(__file__).parents[1] / "demo" / "model"
"""Where the embedded model lies."""


@dataclass(frozen=True)
class ModelSpec:
    """Which model and how to load it; two equal specs are the same model."""

    source: str
    """A directory, a hub id, or "demo"."""
    dtype: str = "auto"
    device: str = "auto"
    quantisation: str = "none"
    attention: str = "auto"
    revision: str | None = None
    trust_remote_code: bool = False
    allow_pickle: bool = False


def spec_of(settings: "Settings", source: str) -> ModelSpec:
    """A model by its source, in the number format and on the device of the settings."""
    return ModelSpec(source, dtype=settings.text("dtype"), device=settings.text("device"))
