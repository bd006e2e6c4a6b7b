"""Prepared data for the pictures, at a path of fixed length: the screen shows it, and it wraps."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from emotui.cli import main
from tests.emotui.conftest import Prepared, make_model


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same colours whatever terminal the tests run in."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture(scope="session")
def pictured(texts_file: Path, neutral_file: Path) -> Iterator[Prepared]:
    """Two datasets, a run and the set of vectors `both`."""
    root = Path(tempfile.mkdtemp(prefix="emotui-", dir="/tmp"))
    home = root / "home"
    model = make_model(root / "tiny", width=32, seed=0)
    labelled = ["--label", "emotion", "--topic", "topic", "--quiet"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTUI_HOME", str(home))
        steps = [
            ["data", "import", texts_file, "--name", "texts", *labelled],
            ["data", "import", neutral_file, "--name", "plain", "--quiet"],
            ["extract", "--model", model, "--data", "texts", "--pool", "mean,last", "--quiet"],
        ]
        for step in steps:
            assert main([str(part) for part in step]) == 0
        run = next((home / "runs").iterdir()).name
        build = ["vectors", "build", run, "--name", "both", "--neutral", "plain", "--quiet"]
        assert main(build) == 0
    yield Prepared(home, run)
    shutil.rmtree(root)
