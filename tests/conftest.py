"""What all tests share: where the real inputs are, and no network."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")


def _data_root() -> Path | None:
    named = os.environ.get("EMOTUI_DATA")
    root = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    return root if (root / "stories260K" / "config.json").is_file() else None


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real inputs; the test skips where it is absent."""
    root = _data_root()
    if root is None:
        pytest.skip("real inputs are absent; set EMOTUI_DATA to their folder")
    return root


@pytest.fixture(scope="session")
def stories260k(data_root: Path) -> Path:
    """The trained five-layer Llama as a Hugging Face directory."""
    return data_root / "stories260K"
