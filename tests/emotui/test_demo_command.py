"""`emotui demo`: the whole way and its report, on a tiny model in the embedded one's place."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from emotui.jobs.demo import DemoRequest, DemoResult, demo_job
from emotui.jobs.engine import Engine
from emotui.jobs.extract import located, model_name
from emotui.jobs.spec import DEMO_MODEL, ModelSpec
from emotui.progress import run_job
from emotui.reader import reaction_of, train_reader
from store.layout import Home


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, make_tiny_model) -> tuple[DemoResult, Path]:
    folder = tmp_path_factory.mktemp("demo")
    model = make_tiny_model(folder / "model", width=32, seed=0, context=256)
    request = DemoRequest(
        folder / "report", texts=400, prompts=2, model=ModelSpec(str(model), device="cpu")
    )
    home = Home(folder / "home").ensure()
    engine = Engine(threads=1)
    result = run_job(
        lambda stop: demo_job(home, request, engine=engine, cancelled=stop), quiet=True
    )
    assert isinstance(result, DemoResult)
    return result, folder / "report"


def test_the_report_shows_every_picture_it_names(made):
    _, folder = made
    text = (folder / "REPORT.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", text)
    assert len(pictures) == 1 + 3 + 3
    for name in pictures:
        ET.fromstring((folder / name).read_text(encoding="utf-8"))
    assert "teaching model with known truth" in text


def test_every_headline_has_n_interval_and_baseline(made):
    result, _ = made
    assert len(result.headlines) == 4
    assert all(re.search(r"\[\S+ \S+\]", line) for line in result.headlines)
    assert "bag of words" in result.headlines[0]
    assert "untrained twin" in result.headlines[0]
    assert "n 400" in result.headlines[0]
    for line in result.headlines[1:]:
        assert "unsteered" in line
        assert "random directions" in line


def test_a_random_model_knows_nothing_of_the_emotion(made):
    result, _ = made
    r = result.facts.result
    words = next(c for c in r["curves"] if c["name"] == "bag of words")["accuracy"][0]["value"]
    assert all(a["value"] < words for a in r["curves"][0]["accuracy"])


def test_the_report_as_json(made):
    result, folder = made
    value = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert set(value) == {"report", "headlines", "probe", "score", "sweeps", "elapsed_s"}
    assert [s["emotion"] for s in value["sweeps"]] == [s.emotion for s in result.sweeps]


def test_the_reader_reads_unseen_reactions():
    reader = train_reader(n=1200, n_test=300)
    assert reader.accuracy > 10 * reader.chance
    from emotui.demo.corpus import stories

    fresh = stories(50, seed=12345)
    named = reader.name([reaction_of(s) for s in fresh])
    assert sum(a == s.emotion for a, s in zip(named, fresh, strict=True)) > 25


@pytest.mark.skipif(not DEMO_MODEL.is_dir(), reason="the embedded model is not in this checkout")
def test_the_embedded_model_scores_and_steers_by_name(emotui, tmp_path: Path):
    source = tmp_path / "a.jsonl"
    rows = [
        {"text": f"Nina wanted the lamp and got it {i}.", "label": "ab"[i % 2]} for i in range(8)
    ]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert emotui("data", "import", source, "--name", "a", "--label", "label").code == 0
    run = emotui("extract", "--model", "demo", "--data", "a", "--pool", "mean", "--quiet")
    assert run.code == 0, run.err


def test_out_that_is_a_file_is_one_line(emotui, tmp_path: Path):
    (tmp_path / "file").write_text("x")
    done = emotui("demo", "--headless", "--out", tmp_path / "file")
    assert done.code == 2
    assert "is a file; name a folder" in done.error


def test_a_folder_of_the_name_demo_is_not_taken_for_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    assert located("demo") == "demo"
    assert model_name(ModelSpec("demo"), twin_seed=0) == "demo-untrained-0"
    assert located("other") == str(tmp_path / "other")
