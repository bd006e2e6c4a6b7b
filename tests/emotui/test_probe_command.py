"""`emotui probe`: planted labels are found, and everything that must stand beside them does."""

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

FAST = ("--folds", "3", "--seeds", "2", "--bootstrap", "200", "--quiet")


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("probe")


def test_the_planted_label_is_found_beside_every_control(at_prepared, prepared, outputs: Path):
    files = ("--chart", outputs / "a.svg", "--csv", outputs / "a.csv")
    done = at_prepared("probe", prepared.run, *FAST, *files, "--json")
    assert done.code == 0, done.err
    found = done.json
    result = found["result"]
    curves = {curve["name"]: curve for curve in result["curves"]}
    assert set(curves) == {"probe", "bag of words", "length only", "norm only", "untrained twin"}
    assert curves["probe"]["accuracy"][2]["value"] > 0.95
    assert curves["bag of words"]["accuracy"][0]["value"] > 0.95
    assert result["n"] == 60
    assert result["n_groups"] == 6
    assert result["grouping"] == "topic"
    assert len(result["shuffled_band"]) == 3
    assert all(low <= 0.5 <= high for low, high in result["shuffled_band"])
    assert found["not_run"] == []
    assert not found["cached"]
    ET.fromstring((outputs / "a.svg").read_text())
    rows = list(csv.DictReader(io.StringIO((outputs / "a.csv").read_text())))
    assert {r["curve"] for r in rows} == {*curves, "random split", "shuffled labels"}
    probe = [r for r in rows if r["curve"] == "probe"]
    assert [int(r["layer"]) for r in probe] == [0, 1, 2]
    assert float(probe[1]["accuracy"]) == curves["probe"]["accuracy"][1]["value"]
    again = at_prepared("probe", prepared.run, *FAST, "--json").json
    assert again["cached"]
    assert again["result"] == result
    shown = at_prepared("probe", prepared.run, *FAST).out
    assert "bag of words: 1.000" in shown
    assert "n 60 texts (0 left out), 6 topics held out whole, 3 folds x 2 seeds" in shown
    assert shown.splitlines()[-1].startswith("not controlled: ")


def test_excluded_rows_leave_the_probe(at_prepared, prepared, tmp_path, monkeypatch):
    import shutil

    shutil.copytree(prepared.home, tmp_path / "home")
    monkeypatch.setenv("EMOTUI_HOME", str(tmp_path / "home"))
    call = ("probe", prepared.run, *FAST, "--controls", "none", "--layers", "1", "--json")
    before = at_prepared(*call).json["result"]
    assert at_prepared("data", "exclude", "texts", "0-5", "--reason", "odd").code == 0
    after = at_prepared(*call).json["result"]
    assert (before["n"], after["n"]) == (60, 54)
    source = tmp_path / "other.jsonl"
    source.write_text('{"text": "a", "emotion": "b"}\n')
    replaced = ("data", "import", source, "--name", "texts", "--label", "emotion", "--replace")
    assert at_prepared(*replaced).code == 0
    done = at_prepared(*call)
    assert done.code == 2
    assert "is not the one run" in done.error


def test_other_targets_and_choices(at_prepared, prepared):
    call = ("probe", prepared.run, *FAST, "--controls", "norm", "--layers", "2")
    topic = at_prepared(*call, "--target", "topic", "--json").json
    assert len(topic["result"]["labels"]) == 6
    loose = at_prepared(*call, "--group", "none")
    assert "warning: --group none" in loose.err
    last = at_prepared(*call, "--pool", "last", "--json").json
    assert last["pooling"] == "last"
    assert {why.split(":")[0] for why in last["not_run"]} == {
        "bag of words", "length only", "shuffled labels", "untrained twin", "random split",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--pool", "mean50"], "has no pooling 'mean50'; it has mean, last"),
        (["--layers", "3"], "layer 3 is not there; layers are 0-2"),
        (["--target", "speaker"], "--target"),
        (["--folds", "9"], "topic"),
        (["--chart", "/nowhere/at/all.svg"], "its folder does not exist"),
    ],
)
def test_wrong_choices_are_one_line(at_prepared, prepared, options: list[str], message: str):
    done = at_prepared("probe", prepared.run, *options, "--controls", "none")
    assert done.code == 2
    assert message in done.error


def labelled(emotui, tmp_path: Path, model_dir: Path, labels: list[str | None]) -> str:
    rows = [
        {"text": f"the door stood open and {i} people walked", "emotion": label}
        for i, label in enumerate(labels)
    ]
    source = tmp_path / "x.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert emotui("data", "import", source, "--name", "x", "--label", "emotion").code == 0
    call = ("extract", "--model", model_dir, "--data", "x", "--pool", "mean", "--quiet")
    return str(emotui(*call).out.strip())


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a"] * 8, "have the label 'a'"),
        (["a"] * 7 + ["b"], "all 7 usable rows have the label 'a'"),
        ([None] * 8, "has no labels"),
    ],
)
def test_labels_that_cannot_be_probed(
    emotui, tmp_path: Path, model_dir: Path, labels: list[str | None], message: str
):
    done = emotui("probe", labelled(emotui, tmp_path, model_dir, labels), "--controls", "none")
    assert done.code == 2
    assert message in done.error


def test_labels_of_one_text_are_left_out_and_named(emotui, tmp_path: Path, model_dir: Path):
    rare = ["grief", "relief", "pride", "nerves"]
    done = emotui("probe", labelled(emotui, tmp_path, model_dir, ["a", "b"] * 10 + rare), *FAST)
    assert done.code == 0
    said = "n 20 texts (4 left out, among them the only text of grief, nerves, pride and 1 more)"
    assert said in done.out


def test_a_run_without_topics_says_so(emotui, tmp_path: Path, model_dir: Path):
    run = labelled(emotui, tmp_path, model_dir, ["a", "b"] * 10)
    done = emotui("probe", run, *FAST, "--controls", "shuffled")
    assert done.code == 0, done.err
    assert "warning: no topics: folds are over texts" in done.err
    assert "folds over texts" in done.out


def test_a_truncated_run_is_refused(at_prepared, prepared, tmp_path, monkeypatch):
    import shutil

    shutil.copytree(prepared.home, tmp_path / "home")
    monkeypatch.setenv("EMOTUI_HOME", str(tmp_path / "home"))
    from store.runs import Run

    monkeypatch.setattr(Run, "committed_rows", property(lambda _: 40))
    done = at_prepared("probe", prepared.run, "--controls", "none")
    assert done.code == 2
    assert "holds 40 of 60 texts; finish it first" in done.error


def test_imported_activations_are_probed_without_texts(emotui, tmp_path: Path):
    rng = np.random.default_rng(0)
    shift = rng.standard_normal(16)
    for i, label in enumerate(("calm", "tense")):
        rows = rng.standard_normal((40, 16)) + 3 * i * shift
        np.savez(tmp_path / f"{label}.npz", layer_4=rows.astype(np.float32))
    run = emotui("runs", "import", tmp_path, "--name", "cache", "--quiet").out.strip()
    done = emotui("probe", run, *FAST, "--json")
    assert done.code == 0, done.err
    result = done.json["result"]
    assert result["curves"][0]["accuracy"][0]["value"] > 0.95
    assert [curve["name"] for curve in result["curves"]] == ["probe", "norm only"]
    assert any("untrained twin: imported" in why for why in done.json["not_run"])
