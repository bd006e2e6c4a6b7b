"""A data directory on the embedded model that can be rated: three emotions, vectors, two claims.

`make_rated(folder)` builds it once per session; tests copy it. `planted_keys` are the keys of a
rater who always prefers the real arm: they come from the key file, which only a test may open.
"""

import json
import shutil
from pathlib import Path

import pytest

from emotui.cli import main
from emotui.demo.corpus import stories

EMOTIONS = ("happy", "sad", "angry")
STEERING, PROBE, DATASET, VECTORS = "joy", "read", "mood", "mood"
PROMPTS = (
    "The door opened and", "She read the letter and", "In the kitchen they", "After the meeting he",
    "On the way home she", "At the station he", "By the window she", "In the garden they",
)  # fmt: skip


def make_rated(folder: Path) -> Path:
    """The home; nothing in it is being rated yet."""
    home, texts, prompts = folder / "home", folder / "mood.jsonl", folder / "prompts.txt"
    rows = [
        {"text": s.text, "emotion": s.emotion, "topic": s.topic}
        for s in stories(2600, seed=3, topics="all")
        if s.emotion in EMOTIONS
    ][:240]
    texts.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    prompts.write_text("\n".join(PROMPTS), encoding="utf-8")
    steps = [
        ["data", "import", texts, "--name", DATASET, "--label", "emotion", "--topic", "topic"],
        ["extract", "--model", "demo", "--data", DATASET, "--pool", "mean50", "--layers", "4,5,6"],
        ["vectors", "build", "RUN", "--name", VECTORS],
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTUI_HOME", str(home))
        for step in steps:
            runs = home / "runs"
            run = next((p.name for p in runs.iterdir()), "") if runs.is_dir() else ""
            args = [run if part == "RUN" else str(part) for part in step]
            assert main([*args, "--quiet"]) == 0
        steering = ["--kind", "steering", "--vectors", VECTORS, "--alpha", "0.4", "--layer", "5"]
        words = ["--target-words", "glad,smiled", "--neutral-words", "the,table"]
        claim = ["--emotion", "happy", "--claim", "happy raises happy words"]
        new = ["audit", "new", *steering, *claim, *words, "--prompts", str(prompts)]
        assert main([*new, "--name", STEERING]) == 0
        probe = ["--kind", "probe", "--run", run, "--claim", "happy can be read off"]
        assert main(["audit", "new", *probe, "--emotion", "happy", "--name", PROBE]) == 0
    return home


def copy_of(home: Path, folder: Path) -> Path:
    """One that a test may change."""
    return Path(shutil.copytree(home, folder / "home"))


def planted_keys(home: Path, *, skip: int = 0, finding: str = STEERING, n: int = 1) -> str:
    """Keys for every pair from `skip` on, and the guess."""
    key = json.loads((home / "findings" / finding / f"blind-{n}.key.json").read_bytes())
    real = next(code for code, kind in key["codes"].items() if kind == "real")
    keys = [
        "0" if shown["where"] == "catch" else "1" if shown["left"] == real else "2"
        for shown in key["row"][skip:]
    ]
    return "".join(keys) + real.lower()
