"""A data directory built from made-up texts, for tests that audit what stands in them.

In: a folder, a model directory, a text for every label, topic and number. Out: the home with one
run and one set of vectors ("four"), and the run's id.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from emotui.cli import main

TOPICS, TEXTS = 20, 3


def planted_home(
    folder: Path, model: Path, text: Callable[[str, int, int], str], labels: Iterable[str]
) -> tuple[Path, str]:
    """Dataset "planted", its run at every layer, vectors "four"."""
    labels = tuple(labels)
    rows = [
        {"text": text(label, topic, i), "emotion": label, "topic": f"topic {topic}"}
        for topic in range(TOPICS)
        for i in range(TEXTS)
        for label in labels
    ]
    file, home = folder / "texts.jsonl", folder / "home"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    labelled = ["--label", "emotion", "--topic", "topic", "--quiet"]
    extract = ["extract", "--model", str(model), "--data", "planted", "--pool", "mean", "--quiet"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTUI_HOME", str(home))
        assert main(["data", "import", str(file), "--name", "planted", *labelled]) == 0
        assert main(extract) == 0
        run = next((home / "runs").iterdir()).name
        assert main(["vectors", "build", run, "--name", "four", "--quiet"]) == 0
    return home, run
