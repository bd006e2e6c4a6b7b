"""Commands and the workbench with a CUDA device: the same findings as on the CPU, and its name."""

import gc
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from emotui.config import load_settings
from emotui.doctor import examine
from emotui.jobs.engine import Engine
from emotui.jobs.sets import open_set
from emotui.jobs.spec import ModelSpec
from store.layout import Home
from store.runs import Run
from tests.emotui.app.stage import Stage, play
from tests.emotui.conftest import Run as Command

DEVICE = "cuda"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.fixture
def imported(emotui: Command, texts_file: Path, neutral_file: Path, tmp_path: Path) -> Home:
    """A data directory with both datasets."""
    labelled = ("--label", "emotion", "--topic", "topic", "--quiet")
    assert emotui("data", "import", texts_file, "--name", "texts", *labelled).code == 0
    assert emotui("data", "import", neutral_file, "--name", "plain", "--quiet").code == 0
    return Home(tmp_path / "home")


def extracted(emotui: Command, model: Path, device: str, dtype: str) -> str:
    """The run's id."""
    done = emotui(
        "extract", "--model", model, "--data", "texts", "--pool", "mean,last", "--device", device,
        "--dtype", dtype, "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    run: str = done.json["run"]
    return run


@pytest.mark.parametrize(("dtype", "lowest"), [("bfloat16", 0.999), ("float16", 0.9999)])
def test_extract_build_score_and_steer(
    emotui: Command, imported: Home, model_dir: Path, dtype: str, lowest: float
) -> None:
    here = extracted(emotui, model_dir, DEVICE, dtype)
    there = extracted(emotui, model_dir, "cpu", "float32")
    assert here != there  # the number format is part of a run's identity
    info = json.loads((imported.runs / here / "info.json").read_text())
    assert info["info"]["device"] == f"{DEVICE}:0"
    runs = [Run.open(imported, run) for run in (here, there)]
    for layer in range(3):
        a, b = (run.layer("mean", layer).astype(np.float64) for run in runs)
        cosines = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        assert cosines.min() > lowest
    for run in runs:
        run.close()
    for run, name in ((here, "here"), (there, "there")):
        built = ("vectors", "build", run, "--name", name, "--neutral", "plain", "--quiet")
        assert emotui(*built, "--device", DEVICE if name == "here" else "cpu").code == 0
    a, b = (open_set(imported, name).at("joyful", 2) for name in ("here", "there"))
    assert a @ b > 0.99
    steered = emotui(
        "steer", "here", "--emotion", "joyful", "--alpha", "-1,1", "--prompt", "the door stood",
        "--layer", "1", "--max-new-tokens", "8", "--device", DEVICE, "--dtype", dtype, "--json",
    )  # fmt: skip
    assert steered.code == 0, steered.err
    for text in steered.json["texts"]:
        assert text["hook_calls"] == text["hook_calls_due"]
        assert text["dose"] == pytest.approx(abs(text["alpha"]), rel=0.5)


def test_extraction_in_float32_is_the_cpus(
    emotui: Command, imported: Home, model_dir: Path
) -> None:
    run = extracted(emotui, model_dir, DEVICE, "float32")
    with_gpu = Run.open(imported, run)
    here = [with_gpu.layer("last", layer) for layer in range(3)]
    with_gpu.close()
    assert emotui("runs", "rm", run, "--yes").code == 0
    assert extracted(emotui, model_dir, "cpu", "float32") == run
    on_cpu = Run.open(imported, run)
    for layer in range(3):
        want = on_cpu.layer("last", layer)
        # Both were rounded to bfloat16 on their way to the disk.
        assert np.abs(here[layer] - want).max() <= 2.0**-7 * np.abs(want).max()
    on_cpu.close()


def test_the_doctor_names_the_device(tmp_path: Path) -> None:
    found = {f.name: f for f in examine(load_settings({"home": str(tmp_path)}, env={}))}
    assert torch.cuda.get_device_name(0) in found[f"{DEVICE}:0"].detail


def test_the_engine_lets_a_model_go_before_it_loads_another(
    model_dir: Path, make_tiny_model: Callable[..., Path], tmp_path: Path
) -> None:
    other = make_tiny_model(tmp_path / "other", width=48, seed=1)
    engine, used = Engine(), list[int]()
    for folder in (model_dir, other) * 3:
        for _ in engine.model(ModelSpec(str(folder), device=DEVICE)):
            pass
        gc.collect()
        used.append(torch.cuda.memory_allocated())
    assert used[0::2] == [used[0]] * 3
    assert used[1::2] == [used[1]] * 3


def test_the_workbench_extracts_on_the_gpu_and_says_so(imported: Home, model_dir: Path) -> None:
    async def scenario(stage: Stage) -> None:
        from textual.widgets import Input

        await stage.until(lambda: "texts" in stage.text, "datasets")
        await stage.press("down", "enter")
        await stage.until(lambda: "row 0" in stage.text, "rows")
        await stage.press("e")
        stage.app.screen.query_one("#field-model", Input).value = str(model_dir)
        await stage.press("ctrl+j")
        await stage.until(lambda: stage.app.workspace.run, "the run")
        assert stage.app.device is not None
        assert stage.app.device.device == f"{DEVICE}:0"
        assert 0 < stage.app.device.used < stage.app.device.total
        assert f"{DEVICE}:0" in stage.text

    play(imported.root, scenario)
