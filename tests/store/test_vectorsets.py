"""Saved vectors and their exports come back as they were."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGUFReader
from safetensors import safe_open

from store import vectorsets
from store.errors import FormatError, NotFound, StoreError
from store.foreign import read_foreign_vectors
from store.layout import Home
from store.vectorsets import (
    export_vectors,
    list_vectors,
    load_vectors,
    remove_vectors,
    save_vectors,
)

LAYERS = (0, 1, 3)
META: dict[str, Any] = {
    "labels": ["joy", "grief-stricken"],
    "layers": list(LAYERS),
    "recipe": {"model": "m/x", "family": "llama", "seed": 0, "notes": ["ä"]},
}


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    unit = rng.normal(size=(2, 3, 8)).astype(np.float32)
    unit /= np.linalg.norm(unit, axis=-1, keepdims=True)
    return {
        "unit": unit,
        "n": np.array([5, 6]),
        "residual_norm": np.array([1.5, 2.5, 4.0], np.float32),
        "split_half": np.full((2, 3), np.nan, np.float32),
    }


@pytest.fixture
def home(tmp_path: Path, arrays: dict[str, np.ndarray]) -> Home:
    home = Home(tmp_path / "home")
    save_vectors(home, "v", arrays, META)
    return home


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(
        np.array_equal(a[k], b[k], equal_nan=a[k].dtype.kind == "f") and a[k].dtype == b[k].dtype
        for k in a
    )


def test_round_trip(home: Home, arrays: dict[str, np.ndarray]):
    got, meta = load_vectors(home, "v")
    assert same(got, arrays)
    assert meta == META
    (info,) = list_vectors(home)
    assert (info.labels, info.layers, info.d_model) == (("joy", "grief-stricken"), LAYERS, 8)
    assert json.loads((home.vectors / "v" / "meta.json").read_text())["recipe"] == META["recipe"]
    json.dumps(info.to_json())


def test_the_header_says_it_all_to_other_readers(home: Home):
    with safe_open(home.vectors / "v" / "vectors.safetensors", framework="np") as file:
        header = file.metadata()
    assert (header["model"], header["seed"]) == ("m/x", "0")
    assert json.loads(header["emotui"]) == META


@pytest.mark.parametrize("ending", ["safetensors", "npz"])
def test_exports_with_everything(
    ending: str, home: Home, arrays: dict[str, np.ndarray], tmp_path: Path
):
    done = export_vectors(home, "v", tmp_path / f"out.{ending}")
    assert (done.format, done.notes) == (ending, ())
    got, meta = read_foreign_vectors(done.path)
    assert same(got, arrays)
    assert meta == META | {"imported_from": done.path.name}


def test_gguf_control_vector(home: Home, arrays: dict[str, np.ndarray], tmp_path: Path):
    done = export_vectors(home, "v", tmp_path / "joy.gguf", label="joy")
    assert "layer 0 is left out" in done.notes[0]
    reader = GGUFReader(done.path)
    field = {key: value.contents() for key, value in reader.fields.items()}
    assert field["general.architecture"] == "controlvector"
    assert field["controlvector.model_hint"] == "llama"
    assert field["controlvector.layer_count"] == 2
    assert [t.name for t in reader.tensors] == ["direction.1", "direction.3"]
    for tensor, row in zip(reader.tensors, (1, 2), strict=True):
        assert tensor.data.dtype == np.float32
        assert np.array_equal(tensor.data, arrays["unit"][0, row])
    got, meta = read_foreign_vectors(done.path)
    assert (meta["labels"], meta["layers"]) == (["joy"], [1, 3])
    assert np.allclose(got["unit"], arrays["unit"][:1, 1:], atol=1e-7)


def test_gguf_in_units_of_alpha(home: Home, tmp_path: Path):
    path = tmp_path / "x.gguf"
    export_vectors(home, "v", path, label="grief-stricken", scale="alpha", model_hint="qwen3")
    got, meta = read_foreign_vectors(path)
    assert meta["labels"] == ["grief-stricken"]
    assert got["norm"] == pytest.approx(np.array([[2.5, 4.0]]))
    assert meta["file_metadata"]["model_hint"] == "qwen3"


def test_what_an_export_refuses(home: Home, arrays: dict[str, np.ndarray], tmp_path: Path):
    with pytest.raises(FormatError, match=r"has 2; name one with --label \(joy, "):
        export_vectors(home, "v", tmp_path / "x.gguf")
    with pytest.raises(NotFound, match="did you mean 'joy'"):
        export_vectors(home, "v", tmp_path / "x.gguf", label="joyy")
    with pytest.raises(FormatError, match="for gguf only"):
        export_vectors(home, "v", tmp_path / "x.npz", label="joy")
    with pytest.raises(FormatError, match="no folder"):
        export_vectors(home, "v", tmp_path / "none" / "x.npz")
    save_vectors(home, "zero", {"unit": arrays["unit"][:1, :1]}, {"labels": ["joy"], "layers": [0]})
    with pytest.raises(FormatError, match="layer 0 only"):
        export_vectors(home, "zero", tmp_path / "x.gguf")
    assert list(tmp_path.glob("x.*")) == []


def test_what_cannot_be_saved(home: Home, arrays: dict[str, np.ndarray]):
    unit = arrays["unit"]
    broken = unit.copy()
    broken[0, 0, 0] = np.nan
    for bad, match in (
        ({"unit": unit[:1]}, r"shape \(1, 3, 8\); 2 labels and 3 layers"),
        ({}, "shape None"),
        ({"unit": broken}, "NaN"),
        ({"unit": unit, "names": np.array(["a"])}, "'names' is of type"),
    ):
        with pytest.raises(FormatError, match=match):
            save_vectors(home, "w", bad, META)
    with pytest.raises(FormatError, match="'labels' and 'layers'"):
        save_vectors(home, "w", arrays, {"labels": ["a"]})
    assert not (home.vectors / "w").exists()


def test_names_are_taken_once_and_replaced_whole(
    home: Home, arrays: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(StoreError, match=r"already.*--replace"):
        save_vectors(home, "v", arrays, META)
    other = arrays | {"n": np.array([7, 8])}
    save_vectors(home, "v", other, META, replace=True)
    assert load_vectors(home, "v")[0]["n"].tolist() == [7, 8]

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(vectorsets, "write_bytes", fail)
    with pytest.raises(OSError, match="No space"):
        save_vectors(home, "w", arrays, META)
    assert not (home.vectors / "w").exists()
    with pytest.raises(OSError, match="No space"):
        save_vectors(home, "v", arrays, META, replace=True)
    assert load_vectors(home, "v")[0]["n"].tolist() == [7, 8]
    remove_vectors(home, "v")
    with pytest.raises(NotFound):
        load_vectors(home, "v")
