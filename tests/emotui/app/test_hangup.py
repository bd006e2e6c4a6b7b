"""The terminal goes away in the middle of work: what was committed stays, the rest begins again.

Each test runs the workbench as a process of its own on a pseudo terminal, hangs up, and starts it
once more on the same data directory.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from emotui.cli import main
from emotui.events import Done
from emotui.jobs.engine import Engine
from emotui.jobs.live import live_job
from emotui.jobs.live_spec import STEERED, Knob, LiveRequest, LiveResult
from emotui.session import Session, load_session, save_session
from store.layout import Home
from store.runs import Run
from tests.emotui.app.test_process import Terminal
from tests.emotui.conftest import make_model, story, write_rows

PROMPT = "the old door"
CONTEXT = 1200


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that can write long enough to be interrupted."""
    return make_model(tmp_path_factory.mktemp("long") / "model", width=64, seed=0, context=CONTEXT)


@pytest.fixture
def home(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with vectors of that model."""
    folder = tmp_path / "home"
    monkeypatch.setenv("EMOTUI_HOME", str(folder))
    rows = [
        {"text": story(label, topic, i), "emotion": label, "topic": topic}
        for i in range(2)
        for topic in ("harbour", "kitchen")
        for label in ("joyful", "sad")
    ]
    file = write_rows(tmp_path / "texts.jsonl", rows)
    labelled = ["--label", "emotion", "--topic", "topic", "--quiet"]
    for step in (
        ["data", "import", file, "--name", "texts", *labelled],
        ["extract", "--model", model, "--data", "texts", "--pool", "mean", "--quiet"],
    ):
        assert main([str(part) for part in step]) == 0
    run = next((folder / "runs").iterdir()).name
    assert main(["vectors", "build", run, "--name", "both", "--quiet"]) == 0
    return folder


def remembered(home: Path) -> Session:
    """What the workbench has written down."""
    loaded = load_session(home / "workbench" / "session.json")
    assert loaded.note == ""
    return loaded.session


def until(true: Callable[[], Any], terminal: Terminal, timeout: float = 60.0) -> None:
    """Wait while the terminal is read."""
    terminal.until(lambda _: bool(true()), timeout=timeout)


@pytest.mark.parametrize("hang_up", ["signal", "terminal"])
def test_a_steering_run_begins_again(home: Path, model: Path, hang_up: str) -> None:
    # Greedy: a random model that is sampled says "end" within a few dozen tokens.
    sampling = {"max_new_tokens": 1000, "temperature": 0.0, "top_k": 0, "top_p": 1.0}
    console = {
        "vectors": "both",
        "alphas": [["joyful", 0.3], ["sad", -0.1]],
        "mode": "add",
        "positions": "generated",
        "sampling": sampling,
    }
    before = Session(
        pane="steer", vectors="both", model=str(model), layer=1, emotion="joyful", alpha=0.3,
        seed=7, prompt=PROMPT, dataset="texts", row=3, console=console, tour_done=True,
    )  # fmt: skip
    save_session(home / "workbench" / "session.json", before)

    terminal = Terminal(home, ["-m", "emotui"])
    terminal.until(lambda seen: b"joyful" in seen and b"generated" in seen, timeout=60)
    os.write(terminal.fd, b"\n")
    terminal.until(lambda seen: b"tokens/s" in seen, timeout=60)
    began = time.monotonic()
    if hang_up == "signal":
        os.kill(terminal.pid, signal.SIGHUP)
        assert terminal.wait() == 128 + signal.SIGHUP
    else:
        os.close(terminal.fd)  # the kernel sends the signal, and every write fails from now on
        ended(terminal.pid)  # with a code that nobody is left to read
    assert time.monotonic() - began < 10

    between = remembered(home)
    assert (between.pane, between.dataset, between.row) == ("steer", "texts", 3)
    assert (between.layer, between.emotion, between.alpha) == (1, "joyful", 0.3)
    assert (between.prompt, between.seed, between.vectors) == (PROMPT, 7, "both")
    assert between.console["alphas"] == console["alphas"]
    assert between.history == (), "positive control: the run had not ended"
    assert len(between.resume) == 1
    request = LiveRequest.from_json(between.resume[0]["request"])
    assert (request.seed, request.positions, request.max_new_tokens) == (7, "generated", 1000)

    again = Terminal(home, ["-m", "emotui"])
    again.until(lambda seen: b"steer, again" in seen)
    until(lambda: remembered(home).history, again)
    os.kill(again.pid, signal.SIGTERM)
    assert again.wait() == 128 + signal.SIGTERM

    after = remembered(home)
    assert after.resume == ()
    assert len(after.history) == 1
    result = LiveResult.from_json(after.history[0])
    assert result.request == request
    # The same tokens as a run that nobody interrupted.
    undisturbed = list(live_job(Home(home), request, knob=Knob(), engine=Engine(threads=1)))[-1]
    assert isinstance(undisturbed, Done)
    want = {text.name: text.token_ids for text in undisturbed.value.texts}
    assert {text.name: text.token_ids for text in result.texts} == want
    assert len(want[STEERED]) > 10


def ended(pid: int, timeout: float = 20.0) -> None:
    """Wait for a process whose terminal is gone."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    raise AssertionError("it did not end")


def test_an_extraction_goes_on_where_it_stopped(home: Path, model: Path, tmp_path: Path) -> None:
    rows = [
        {"text": " ".join([story(label, topic, i)] * 8), "emotion": label, "topic": topic}
        for i in range(100)
        for topic in ("harbour", "kitchen", "orchard", "station")
        for label in ("joyful", "sad")
    ]
    file = write_rows(tmp_path / "many.jsonl", rows)
    labelled = ["--label", "emotion", "--topic", "topic", "--quiet"]
    assert main(["data", "import", str(file), "--name", "many", *labelled]) == 0
    answers = {"model": str(model), "layers": "all", "pool": "mean", "tokens": "", "limit": ""}
    record = {
        "pane": "data",
        "what": "extract",
        "dataset": "many",
        "model": {"source": str(model), "device": "cpu"},
        "answers": answers,
    }
    before = Session(pane="jobs", model=str(model), tour_done=True, resume=(record,))
    save_session(home / "workbench" / "session.json", before)
    old = {folder.name for folder in (home / "runs").iterdir()}

    terminal = Terminal(home, ["-m", "emotui"])
    terminal.until(lambda seen: b"texts/s" in seen or b"/s" in seen, timeout=60)
    os.kill(terminal.pid, signal.SIGHUP)
    assert terminal.wait() == 128 + signal.SIGHUP
    between = remembered(home)
    assert [r["dataset"] for r in between.resume] == ["many"], "positive control: not done yet"
    (name,) = {folder.name for folder in (home / "runs").iterdir()} - old
    committed = rows_of(home, name)
    assert committed < len(rows)

    again = Terminal(home, ["-m", "emotui"])
    until(lambda: remembered(home).run == name, again, timeout=90)
    os.kill(again.pid, signal.SIGTERM)
    assert again.wait() == 128 + signal.SIGTERM
    assert remembered(home).resume == ()
    assert rows_of(home, name) == len(rows)


def rows_of(home: Path, name: str) -> int:
    """Committed rows of a run."""
    run = Run.open(Home(home), name)
    with closing(run):
        return run.committed_rows
