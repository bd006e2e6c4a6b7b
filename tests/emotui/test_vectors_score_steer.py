"""`emotui vectors ...`, `score` and `steer` on a tiny real model with planted labels."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from emotui.jobs.sets import open_set
from store.layout import Home


def test_build_show_list(at_prepared, prepared, vectors: str):
    shown = at_prepared("vectors", "show", vectors, "--layer", "1", "--json").json
    assert set(shown) == {
        "name", "labels", "layers", "d_model", "n_neutral", "k_removed", "residual_norm", "recipe",
        "emotions",
    }  # fmt: skip
    assert shown["labels"] == ["joyful", "sad"]
    assert shown["n_neutral"] == 12
    assert [e["n"] for e in shown["emotions"]] == [30, 30]
    assert shown["recipe"]["run"] == prepared.run
    assert shown["recipe"]["pooling"] == "mean"
    text = at_prepared("vectors", "show", vectors, "--cosines", "--lens").out
    assert "neutral: plain, n 12" in text
    assert "promotes" in text
    assert [v["name"] for v in at_prepared("vectors", "list", "--json").json] == [vectors]
    assert vectors in at_prepared("vectors", "list").out


def test_directions_point_from_one_label_to_the_other(prepared, vectors: str):
    d = open_set(Home(prepared.home), vectors)
    assert d.at("joyful", 1) @ d.at("sad", 1) == pytest.approx(-1, abs=1e-5)
    assert np.linalg.norm(d.unit, axis=-1) == pytest.approx(1)


def test_export_and_import_keep_everything(at_prepared, prepared, vectors: str, tmp_path: Path):
    home = Home(prepared.home)
    for ending in ("safetensors", "npz"):
        out = tmp_path / f"set.{ending}"
        done = at_prepared("vectors", "export", vectors, out, "--format", ending, "--json")
        assert done.json["format"] == ending
        again = ("vectors", "import", out, "--name", f"from-{ending}", "--json")
        assert at_prepared(*again).json["recipe"]["run"] == prepared.run
        a, b = open_set(home, vectors), open_set(home, f"from-{ending}")
        np.testing.assert_array_equal(a.unit, b.unit)
        np.testing.assert_array_equal(a.residual_norm, b.residual_norm)
        assert at_prepared("vectors", "rm", f"from-{ending}", "--yes").code == 0


def test_gguf_and_pt_need_a_run_to_steer_with(at_prepared, prepared, vectors: str, tmp_path: Path):
    out = tmp_path / "joy.gguf"
    gguf = ("vectors", "export", vectors, out, "--format", "gguf", "--label", "joyful")
    done = at_prepared(*gguf)
    assert done.code == 0
    assert "layer 0 is left out" in done.err
    bare = at_prepared("vectors", "import", out, "--name", "bare")
    assert "warning: no --run" in bare.err
    steer = ("--emotion", "joyful", "--prompt", "the door", "--layer", "1", "--quiet")
    recorded = json.loads((prepared.home / "runs" / prepared.run / "info.json").read_text())
    model = ("--model", recorded["info"]["source"])
    refused = at_prepared("steer", "bare", *steer, *model)
    assert refused.code == 2
    assert "no mean residual norm at layer 1" in refused.error
    whole = ("vectors", "import", out, "--name", "whole", "--run", prepared.run)
    assert at_prepared(*whole).code == 0
    assert at_prepared("steer", "whole", *steer, "--max-new-tokens", "3").code == 0
    direction = open_set(Home(prepared.home), vectors).at("joyful", 2)
    np.testing.assert_allclose(
        open_set(Home(prepared.home), "whole").at("joyful", 2), direction, atol=1e-6
    )
    torch.save({"joy": {"layer_1": torch.from_numpy(direction)}}, tmp_path / "joy.pt")
    pt = at_prepared("vectors", "import", tmp_path / "joy.pt", "--name", "pt", "--json")
    assert pt.json["layers"] == [1]
    torch.save({"joy": print}, tmp_path / "code.pt")
    assert (
        "never loaded"
        in at_prepared("vectors", "import", tmp_path / "code.pt", "--name", "c").error
    )
    for name in ("bare", "whole", "pt"):
        assert at_prepared("vectors", "rm", name, "--yes").code == 0


def test_combine(at_prepared, prepared, vectors: str):
    done = at_prepared("vectors", "combine", "joyful - sad", "--of", vectors, "--name", "mix")
    assert done.code == 0, done.err
    d = open_set(Home(prepared.home), "mix")
    both = open_set(Home(prepared.home), vectors)
    assert d.unit[0, 1] @ both.at("joyful", 1) == pytest.approx(1, abs=1e-5)
    wrong = at_prepared("vectors", "combine", "joyfull + sad", "--of", vectors, "--name", "mix2")
    assert "joyful" in wrong.error
    assert (
        "already"
        in at_prepared("vectors", "combine", "joyful", "--of", vectors, "--name", "mix").error
    )
    assert at_prepared("vectors", "rm", "mix", "--yes").code == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["vectors", "build", "{run}"], "--name is missing"),
        (
            ["vectors", "build", "{run}", "--name", "x", "--neutral", "plian"],
            "did you mean 'plain'",
        ),
        (["vectors", "build", "{run}", "--name", "both", "--neutral", "plain"], "already"),
        (["vectors", "build", "no-run", "--name", "both"], "already"),
        (["vectors", "build", "{run}", "--name", "x", "--layers", "9"], "layers are 0-2"),
        (["vectors", "build", "{run}", "--name", "x", "--method", "lad"], "did you mean 'lda'"),
        (["vectors", "show", "boht"], "did you mean 'both'"),
        (["vectors", "show", "both", "--emotion", "joyfull"], "did you mean 'joyful'"),
        (["vectors", "show", "both", "--layer", "5"], "--layer: layer 5 is not there"),
        (["vectors", "import", "nowhere.npz", "--name", "x"], "is not a file"),
        (["vectors", "export", "both", "x.gguf", "--format", "gguf"], "--label"),
        (["vectors", "rm", "both"], "--yes"),
        (["score", "both", "--text", "a", "--emotions", "sda"], "did you mean 'sad'"),
        (["score", "both", "--text", "a", "--layer", "3"], "layers are 0-2"),
        (["score", "both", "--text", "the " * 100], "longer than the context"),
        (["score", "both", "--text", "the door", "--span", "90:99"], "touches no token"),
        (["score", "both", "--file", "nowhere.txt"], "nowhere.txt"),
        (["steer", "both", "--emotion", "joyfull", "--prompt", "a"], "did you mean 'joyful'"),
        (["steer", "both", "--emotion", "sad", "--prompt", "a", "--layer", "7"], "layers are 0-2"),
        (
            ["steer", "both", "--emotion", "sad", "--prompt", "a", "--mode", "ad"],
            "did you mean 'add'",
        ),
        (["steer", "both", "--emotion", "sad", "--prompt", "the " * 99], "context is 64"),
        (["steer", "both", "--emotion", "sad", "--prompt", "a", "--control", "rnd"], "--control"),
        (
            ["steer", "both", "--emotion", "sad", "--prompt", "a", "--positions", "9:3"],
            "--positions",
        ),
    ],
)
def test_wrong_calls_are_one_line(
    at_prepared, prepared, vectors: str, args: list[str], message: str
):
    assert vectors == "both"
    done = at_prepared(*[a.format(run=prepared.run) if "{run}" in a else a for a in args])
    assert done.code == 2, done.err
    assert message in done.error


def test_vectors_of_another_model_or_width_are_refused(
    at_prepared, vectors: str, tmp_path: Path, make_tiny_model
):
    other = make_tiny_model(tmp_path / "other", width=32, seed=9)
    wide = make_tiny_model(tmp_path / "wide", width=48, seed=0)
    call = ("score", vectors, "--text", "the door stood open", "--quiet")
    done = at_prepared(*call, "--model", other)
    assert done.code == 2
    assert "from another model" in done.error
    assert "--other-model" in done.error
    allowed = at_prepared(*call, "--model", other, "--other-model")
    assert allowed.code == 0
    assert "warning: vectors of another model" in allowed.err
    done = at_prepared(*call, "--model", wide, "--other-model")
    assert done.code == 2
    assert "width 32" in done.error
    assert "48" in done.error


def test_score_ranks_the_planted_emotion(at_prepared, vectors: str, tmp_path: Path):
    page = tmp_path / "page.html"
    text = "the door stood open and wept alone grey silent <b>&"
    done = at_prepared("score", vectors, "--text", text, "--html", page, "--json")
    assert done.code == 0, done.err
    found = done.json
    first, second = found["ranks"]  # of two labels one direction is the other's negative
    assert first["emotion"] == "sad"
    assert first["mean"] == pytest.approx(-second["mean"], abs=1e-5)
    assert first["z"] == pytest.approx(-second["z"], rel=1e-3)
    assert found["n_neutral"] == 12
    said = "".join(t["piece"] for t in found["tokens"] if not t["special"])
    assert said.replace(" ", "") == text.replace(" ", "")
    assert all(len(t["scores"]) == len(found["emotions"]) for t in found["tokens"])
    html = page.read_text()
    assert "&lt;" in html
    assert "<b>" not in html
    assert "<script" not in html
    narrow = at_prepared("score", vectors, "--text", text, "--span", "0:13", "--json").json
    assert narrow["ranks"][0]["n_tokens"] == 3


def test_score_colours_only_where_asked_and_never_passes_control_characters(
    at_prepared, vectors: str, tmp_path: Path, monkeypatch
):
    source = tmp_path / "text.txt"
    source.write_text("wept \x1b[2J alone \u202e grey [bold]silent[/bold]")
    call = ("score", vectors, "--file", source, "--emotions", "sad")
    assert "\x1b" not in at_prepared(*call).out
    monkeypatch.setenv("EMOTUI_COLOR", "truecolor")
    colored = at_prepared(*call).out
    assert "\x1b[38;2;" in colored
    assert "\x1b[2J" not in colored
    assert "\u202e" not in colored
    assert "[bold]" in "".join(colored.split("\x1b[0m")) or "bold" in colored
    monkeypatch.setenv("EMOTUI_COLOR", "attributes")
    assert "\x1b[4m" in at_prepared(*call).out


def test_steer_shifts_the_readback_and_reports_its_meters(
    at_prepared, vectors: str, tmp_path: Path
):
    chart = tmp_path / "sweep.svg"
    done = at_prepared(
        "steer", vectors, "--emotion", "sad", "--alpha", "-1,1", "--prompt", "the door stood",
        "--prompt", "people walked by", "--layer", "1", "--control", "random:2", "--samples", "2",
        "--max-new-tokens", "8", "--chart", chart, "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    found = done.json
    assert found["settings"]["alphas"] == [-1.0, 1.0]
    by_kind: dict[str, int] = {}
    for text in found["texts"]:
        by_kind[text["direction"]] = by_kind.get(text["direction"], 0) + 1
        assert text["hook_calls"] == text["hook_calls_due"]
        assert text["dose"] == pytest.approx(abs(text["alpha"]), rel=0.5)
    assert by_kind == {"baseline": 4, "sad": 8, "control 1": 8, "control 2": 8}
    baseline = [t for t in found["texts"] if t["direction"] == "baseline"]
    assert all(t["kl_first"] < 1e-6 for t in baseline)
    assert all(t["kl_first"] > 0 for t in found["texts"] if t["direction"] != "baseline")
    assert chart.read_text().startswith("<svg")


def test_steer_prints_texts_meters_and_what_they_rest_on(at_prepared, vectors: str):
    call = ("steer", vectors, "--emotion", "joyful", "--prompt", "the door", "--alpha", "0.5")
    done = at_prepared(*call, "--max-new-tokens", "4", "--quiet", "--temperature", "0")
    assert done.code == 0, done.err
    assert "--- baseline, alpha 0, seed 0" in done.out
    assert "--- joyful, alpha +0.5, seed 0" in done.out
    assert "coherent window" in done.out
    assert "no control direction was run" in done.out
    assert "not an independent judge" in done.out


@pytest.mark.parametrize("control", ["covariance", "shuffled:2"])
def test_controls_from_the_run(at_prepared, vectors: str, control: str):
    call = ("steer", vectors, "--emotion", "joyful", "--prompt", "the door", "--alpha", "0.5")
    done = at_prepared(*call, "--max-new-tokens", "2", "--control", control, "--json")
    assert done.code == 0, done.err
    assert done.json["control"] == control.split(":")[0]


def test_alpha_zero_of_clamp_is_no_baseline(at_prepared, vectors: str):
    call = ("steer", vectors, "--emotion", "joyful", "--prompt", "the door", "--mode", "clamp")
    done = at_prepared(*call, "--alpha", "0,0.5", "--max-new-tokens", "2", "--json")
    assert done.code == 0, done.err
    assert [(t["direction"], t["alpha"]) for t in done.json["texts"]] == [
        ("baseline", 0.0), ("joyful", 0.0), ("joyful", 0.5),
    ]  # fmt: skip
    assert done.json["window"] is None
