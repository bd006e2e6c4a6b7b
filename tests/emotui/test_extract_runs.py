"""`emotui extract` and `emotui runs ...` on a tiny real model, and what goes wrong with them."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from store.layout import Home
from store.locks import WriterLock
from store.runs import Run


def test_extract_prints_the_run_and_doing_it_again_does_nothing(at_prepared, prepared, model_dir):
    done = at_prepared("extract", "--model", model_dir, "--data", "texts", "--pool", "mean,last")
    assert done.code == 0
    assert done.out.strip() == prepared.run
    assert "texts are all there already" in done.err
    assert "self-check" in done.err


def test_extract_json_has_the_documented_keys(at_prepared, model_dir):
    call = ("extract", "--model", model_dir, "--data", "texts", "--pool", "mean,last", "--quiet")
    found = at_prepared(*call, "--json").json
    assert set(found) == {
        "run", "rows", "resumed_from", "set_aside", "truncated", "tokens", "layers", "poolings",
        "elapsed_s",
    }  # fmt: skip
    assert found["rows"] == found["resumed_from"] == 60
    assert found["layers"] == [0, 1, 2]


def test_rows_are_those_of_the_model(at_prepared, prepared, model_dir):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    text = at_prepared("data", "show", "texts", "--row", "7", "--json").json["text"]
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    model = AutoModelForCausalLM.from_pretrained(model_dir)
    with torch.no_grad():
        states = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
    last = states.hidden_states[2][0, -1].numpy()  # after block 1
    kept = Run.open(Home(prepared.home), prepared.run).layer("last", 1)[7]
    np.testing.assert_allclose(kept, last, rtol=0.02, atol=0.02)


def test_choices_make_runs_of_their_own(at_prepared, prepared, model_dir):
    base = ("extract", "--model", model_dir, "--data", "texts", "--pool", "last", "--quiet")
    runs = {
        at_prepared(*base, "--layers", "2/3", "--per-label", "3").out,
        at_prepared(*base, "--layers", "0-1", "--tokens", "1", "--limit", "4").out,
        at_prepared(*base, "--labels", "sad", "--store-dtype", "float32").out,
        at_prepared(*base, "--untrained", "5", "--limit", "4").out,
        prepared.run,
    }
    assert len(runs) == 5
    few = [r for r in at_prepared("runs", "list", "--json").json if r["committed_rows"] == 6]
    assert len(few) == 1
    assert list(few[0]["layers"]) == [1]


def test_runs_show_and_verify(at_prepared, prepared):
    shown = at_prepared("runs", "show", prepared.run[:12], "--json")
    assert shown.code == 0
    assert shown.json["committed_rows"] == 60
    assert shown.json["identity"]["bos_rule"] == "tokenizer"
    assert "set aside: 0" in at_prepared("runs", "show", prepared.run).out
    assert at_prepared("runs", "verify", prepared.run).code == 0


def copy_of(prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import shutil

    home = tmp_path / "copy"
    shutil.copytree(prepared.home, home)
    monkeypatch.setenv("EMOTUI_HOME", str(home))
    return home


def test_a_flipped_byte_is_named(at_prepared, prepared, tmp_path, monkeypatch):
    home = copy_of(prepared, tmp_path, monkeypatch)
    shard = max((home / "runs" / prepared.run).rglob("*/c/*"), key=lambda p: p.stat().st_size)
    while shard.is_dir():
        shard = max(shard.iterdir(), key=lambda p: p.stat().st_size)
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    done = at_prepared("runs", "verify", prepared.run, "--json")
    assert done.code == 1
    assert len(done.json["problems"]) == 1
    assert shard.name in done.json["problems"][0]["shard"]
    assert "1 damaged" in done.error


def test_rm_needs_yes_and_unknown_runs_offer_the_nearest(
    at_prepared, prepared, tmp_path, monkeypatch
):
    home = copy_of(prepared, tmp_path, monkeypatch)
    wrong = prepared.run[:-3] + "xyz"
    assert f"did you mean '{prepared.run}'" in at_prepared("runs", "show", wrong).error
    assert "--yes" in at_prepared("runs", "rm", prepared.run).error
    assert at_prepared("runs", "rm", prepared.run, "--yes").code == 0
    assert not (home / "runs" / prepared.run).exists()


def test_a_locked_run_names_the_process(at_prepared, prepared, tmp_path, monkeypatch, model_dir):
    home = copy_of(prepared, tmp_path, monkeypatch)
    lock = WriterLock(home / "runs" / prepared.run / "writer.lock")
    lock.acquire()
    try:
        done = at_prepared(
            "extract", "--model", model_dir, "--data", "texts", "--pool", "mean,last"
        )
    finally:
        lock.release()
    assert done.code == 2
    assert str(os.getpid()) in done.error


def test_a_run_of_other_settings_under_the_same_name_is_refused(
    at_prepared, prepared, tmp_path, monkeypatch, model_dir
):
    home = copy_of(prepared, tmp_path, monkeypatch)
    path = home / "runs" / prepared.run / "identity.json"
    identity = json.loads(path.read_text())
    changed = json.dumps(identity).replace('"max_length": 64', '"max_length": 63')
    assert changed != json.dumps(identity)
    path.write_text(changed)
    done = at_prepared("extract", "--model", model_dir, "--data", "texts", "--pool", "mean,last")
    assert done.code == 2
    assert "max_length" in done.error


def test_a_full_disk_is_one_line_and_loses_nothing(
    at_prepared, prepared, tmp_path, monkeypatch, model_dir
):
    copy_of(prepared, tmp_path, monkeypatch)
    import shutil
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 10, 0))
    monkeypatch.setattr(os, "statvfs", _full_statvfs(os.statvfs))
    done = at_prepared("extract", "--model", model_dir, "--data", "texts", "--pool", "mean50,last")
    assert done.code == 2
    assert "free" in done.error
    monkeypatch.undo()


def _full_statvfs(real):
    def full(path):
        found = list(real(path))
        found[4] = 0
        return os.statvfs_result(found)

    return full


def test_no_space_while_writing_keeps_the_last_commit(
    at_prepared, prepared, tmp_path, monkeypatch, model_dir
):
    copy_of(prepared, tmp_path, monkeypatch)
    real = os.fsync

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    done = at_prepared("extract", "--model", model_dir, "--data", "texts", "--pool", "spans,last")
    assert done.code == 2
    monkeypatch.setattr(os, "fsync", real)
    assert at_prepared("runs", "verify", prepared.run).code == 0


def test_texts_empty_short_and_too_long(emotui, tmp_path: Path, model_dir: Path):
    source = tmp_path / "odd.jsonl"
    texts = ["letter", "door " * 500, "the door stood open"]
    source.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    assert emotui("data", "import", source, "--name", "odd").code == 0
    base = ("extract", "--model", model_dir, "--data", "odd", "--json")
    found = emotui(*base, "--pool", "mean50,mean")
    assert found.code == 0
    assert found.json["truncated"] == 1
    assert found.json["set_aside"] == {"mean50": 2, "mean": 0}
    assert "warning: 2 of 3 texts are set aside for mean50" not in found.err
    shown = emotui("runs", "show", found.json["run"])
    assert "row 0, mean50: " in shown.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--layers", "7"], "layer 7 is not there; layers are 0-2"),
        (["--tokens", "3"], "--tokens: layer 3 is not there"),
        (["--max-length", "65"], "65"),
        (["--pool", "spans"], "has no spans"),
        (["--labels", "joyfull"], "did you mean 'joyful'"),
        (["--device", "cuda:7"], "cuda"),
    ],
)
def test_wrong_choices_are_one_line(at_prepared, model_dir, options: list[str], message: str):
    done = at_prepared("extract", "--model", model_dir, "--data", "texts", *options)
    assert done.code == 2
    assert message in done.error


def test_models_that_are_none(at_prepared, model_dir: Path, tmp_path: Path):
    import shutil

    def error(folder: object) -> str:
        done = at_prepared("extract", "--model", folder, "--data", "texts")
        assert done.code == 2
        return str(done.error)

    (tmp_path / "none").mkdir()
    assert "none" in error(tmp_path / "none")
    assert "no-such-dir" in error(tmp_path / "no-such-dir")
    bare = tmp_path / "bare"
    shutil.copytree(model_dir, bare)
    for path in bare.glob("tokenizer*"):
        path.unlink()
    assert "tokenizer" in error(bare)


def test_export_and_import_round_trip(at_prepared, prepared, tmp_path: Path):
    out = tmp_path / "cache"
    done = at_prepared("runs", "export", prepared.run, "--out", out, "--pool", "last", "--json")
    assert done.code == 0
    assert done.json["rows"] == 60
    sad = np.load(out / "sad.npz")["layer_1"]
    assert sad.shape == (30, 32)
    assert "exists already" in at_prepared("runs", "export", prepared.run, "--out", out).error
    found = at_prepared("runs", "import", out, "--name", "again", "--json").json
    assert found["labels"] == ["joyful", "sad"]
    run = Run.open(Home(prepared.home), found["run"])
    np.testing.assert_array_equal(run.layer("imported", 1)[30:], sad)
    npy = tmp_path / "npy"
    assert at_prepared("runs", "export", prepared.run, "--out", npy, "--format", "npy").code == 0
    assert np.load(npy / "sad" / "layer_2.npy").shape == (30, 32)


def foreign(folder: Path, **arrays: np.ndarray) -> Path:
    folder.mkdir()
    for label, rows in arrays.items():
        np.savez(folder / f"{label}.npz", layer_0=rows)
    return folder


def test_foreign_activations_that_cannot_be_used(emotui, tmp_path: Path):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((8, 4)).astype(np.float32)
    holes = rows.copy()
    holes[3, 2] = np.nan

    def error(folder: Path) -> str:
        done = emotui("runs", "import", folder, "--name", "f")
        assert done.code == 2
        return str(done.error)

    assert "NaN" in error(foreign(tmp_path / "nan", a=rows, b=holes))
    assert "one label only" in error(foreign(tmp_path / "one", a=rows))
    assert "wide" in error(foreign(tmp_path / "width", a=rows, b=rows[:, :3]))
    assert "not a folder" in error(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    assert ".npy" in error(tmp_path / "empty")
    code = tmp_path / "code"
    code.mkdir()
    torch.save({"0": print}, code / "a.pt")
    assert "never loaded" in error(code)
    assert emotui("runs", "list", "--json").json == []


def test_foreign_pt_files_become_a_run(emotui, tmp_path: Path):
    for label in ("calm", "tense"):
        torch.save({f"layer_{i}": torch.randn(9, 4) for i in (3, 5)}, tmp_path / f"{label}.pt")
    found = emotui("runs", "import", tmp_path, "--name", "cache", "--json").json
    assert (found["rows"], found["layers"], found["labels"]) == (18, [3, 5], ["calm", "tense"])
