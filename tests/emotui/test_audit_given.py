"""Claims on less than a whole run: vectors without the texts behind them, texts without topics."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from emotui.cli import main
from tests.emotui.conftest import Outcome, Run

MARKS = {"joyful": "laughed smiling bright", "sad": "wept alone grey", "calm": "harbour kitchen"}
PLAIN = "the door stood open and people walked by old wall near"
ALIKE = ("--claim", "joyful and sad are more alike than chance", "--preset", "quick")


@pytest.fixture
def reported(emotui: Run, tmp_path: Path) -> str:
    """Two vectors as somebody else's file has them."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal(32)
    file = tmp_path / "reported.npz"
    np.savez(file, **{"joyful/3": a, "sad/3": a + 0.8 * rng.standard_normal(32)})
    assert emotui("vectors", "import", file, "--name", "reported").code == 0
    return "reported"


def cosine(emotui: Run, *more: str) -> Outcome:
    return emotui(
        "audit", "new", "--kind", "cosine", "--emotion", "joyful", "--with", "sad", *ALIKE, *more
    )


def test_a_cosine_of_vectors_whose_making_is_unknown_is_inconclusive(emotui, reported: str):
    assert cosine(emotui, "--vectors", reported, "--name", "f").code == 0
    record = emotui("audit", "run", "f", "--json").json
    assert record["verdict"]["word"] == "INCONCLUSIVE"
    assert {c: record["controls"][c]["state"] for c in ("G1", "G2", "G3", "X1")} == dict.fromkeys(
        ("G1", "G2", "G3", "X1"), "limited"
    )
    said = record["controls"]["G1"]["reasons"][0]
    assert "noise alone gives .50" in said
    assert "-1.00 around the grand mean of 2" in said
    value = record["controls"]["G1"]["numbers"]["cosine"]["value"]
    assert 0.6 < value < 0.95
    assert record["controls"]["R4"]["state"] == "warn"
    checked = emotui("audit", "check", "--json").json
    assert [f["problems"] for f in checked["findings"]] == [[]]


def test_changed_vectors_make_it_stale(emotui, reported: str, tmp_path: Path):
    cosine(emotui, "--vectors", reported, "--name", "f")
    emotui("audit", "run", "f")
    file = tmp_path / "other.npz"
    np.savez(file, **{"joyful/3": np.eye(32)[0], "sad/3": np.eye(32)[1]})
    assert emotui("vectors", "rm", reported, "--yes").code == 0
    assert emotui("vectors", "import", file, "--name", reported).code == 0
    (found,) = emotui("audit", "check", "--json").json["findings"]
    assert found["stale"] == ["G1", "G2", "G3", "X1"]
    assert any("vectors was" in p["what"] for p in found["problems"])


def test_a_set_that_names_its_run_is_audited_on_the_run(at_prepared, vectors: str, prepared):
    done = cosine(at_prepared, "--vectors", vectors)
    assert done.code == 2
    assert f"was built from run {prepared.run}: give that as --run" in done.error


def text(label: str, i: int) -> str:
    rng = random.Random(f"{label} {i}")
    words = rng.choices(PLAIN.split(), k=9) + rng.choices(MARKS[label].split(), k=4)
    rng.shuffle(words)
    return " ".join(words + rng.choices(PLAIN.split(), k=rng.randrange(4)))


@pytest.fixture
def flat(emotui: Run, tmp_path: Path, model_dir: Path) -> str:
    """A run over labelled texts that have no topics."""
    del emotui
    file = tmp_path / "flat.jsonl"
    rows = [{"text": text(label, i), "emotion": label} for i in range(60) for label in MARKS]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert main(["data", "import", str(file), "--name", "flat", "--label", "emotion"]) == 0
    extract = ["extract", "--model", str(model_dir), "--data", "flat", "--pool", "mean"]
    assert main(extract) == 0
    return next((tmp_path / "home" / "runs").iterdir()).name


def test_texts_without_topics_are_audited_and_never_supported(emotui, flat: str):
    probe = ("--kind", "probe", "--run", flat, "--emotion", "joyful", "--name", "p")
    emotui("audit", "new", *probe, "--claim", "joyful can be read off")
    done = emotui("audit", "run", "p", "--preset", "quick", "--thorough")
    assert done.code == 0, done.err
    assert "the texts have no topics" in done.err
    record = emotui("audit", "show", "p", "--json").json
    for control in ("P1", "X1"):
        found = record["controls"][control]
        assert found["state"] in ("limited", "fail"), control
        if found["state"] == "limited":
            assert "no topics" in found["reasons"][-1]
    states = [record["controls"][c]["state"] for c in ("P1", "X1")]
    assert "limited" in states
    assert record["verdict"]["word"] in ("INCONCLUSIVE", "REFUTED-AS-WORDED")

    assert cosine(emotui, "--run", flat, "--name", "c").code == 0
    record = emotui("audit", "run", "c", "--thorough", "--json").json
    assert record["controls"]["X1"]["state"] == "limited"
    assert record["verdict"]["word"] in ("INCONCLUSIVE", "REFUTED-AS-WORDED")
    assert emotui("audit", "check", "--json").json["findings"][0]["problems"] == []
