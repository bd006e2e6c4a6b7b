"""Vectors and activations of other tools: read in every layout, refused in one line, never run."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGUFWriter
from safetensors.torch import save_file

from store.errors import FormatError, NotFound
from store.foreign import arrange_vectors, parse_key, read_foreign_vectors
from store.foreign_activations import read_foreign_activations
from vectors.errors import DataError
from vectors.foreign_pt import read_pt

RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(2, 3, 8)).astype(np.float32)  # [emotion layer d_model]
BY_LABEL = {"joy": VECTORS[0], "sad": VECTORS[1]}


@pytest.mark.parametrize(
    ("key", "parsed"),
    [
        ("joy_layer3", ("joy", 3)),
        ("joy.layer3", ("joy", 3)),
        ("joy/3", ("joy", 3)),
        ("layer3/joy", ("joy", 3)),
        ("3", ("", 3)),
        ("direction.4", ("", 4)),
        ("grief-stricken_layer_12", ("grief-stricken", 12)),
        ("joy", ("joy", None)),
        ("joyful2", ("joyful2", None)),
    ],
)
def test_label_and_layer_in_a_key(key: str, parsed: tuple[str, int | None]):
    assert parse_key(key) == parsed


def layouts(folder: Path) -> dict[str, Path]:
    """The same vectors as other tools might have written them."""
    paths = {
        n: folder / n
        for n in ("a.npz", "b.npz", "c.npz", "d.npy", "e.safetensors", "f.safetensors")
    }
    np.savez(paths["a.npz"], **BY_LABEL)  # type: ignore[arg-type]
    flat: dict[str, Any] = {
        f"{k}_layer{j}": v[j].astype(np.float64) for k, v in BY_LABEL.items() for j in range(3)
    }
    np.savez(paths["b.npz"], **flat)
    np.savez(paths["c.npz"], vectors=VECTORS, labels=["joy", "sad"], layers=[0, 1, 2])
    np.save(paths["d.npy"], VECTORS)
    tensors = {k: torch.from_numpy(v) for k, v in BY_LABEL.items()}
    save_file(tensors, paths["e.safetensors"])
    half = {k: v.to(torch.bfloat16) for k, v in tensors.items()}
    save_file(half, paths["f.safetensors"], metadata={"model": "m"})
    return paths


def test_every_layout_gives_the_same_vectors(tmp_path: Path):
    for name, path in layouts(tmp_path).items():
        labels = ["joy", "sad"] if name == "d.npy" else None
        arrays, meta = read_foreign_vectors(path, labels=labels)
        assert (meta["labels"], meta["layers"]) == (["joy", "sad"], [0, 1, 2]), name
        exact = torch.from_numpy(VECTORS).bfloat16().float().numpy() if name[0] == "f" else VECTORS
        assert np.array_equal(arrays["raw"], exact), name
        assert np.allclose(np.linalg.norm(arrays["unit"], axis=-1), 1, atol=1e-6)
        assert np.allclose(arrays["unit"] * arrays["norm"][..., None], exact, atol=1e-6)


def test_a_control_vector_of_another_tool(tmp_path: Path):
    writer = GGUFWriter(tmp_path / "happy.gguf", "controlvector")
    writer.add_string("controlvector.model_hint", "mistral")
    writer.add_uint32("controlvector.layer_count", 2)
    for block in (10, 2):
        writer.add_tensor(f"direction.{block}", VECTORS[0, 0] * block)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    arrays, meta = read_foreign_vectors(tmp_path / "happy.gguf")
    assert (meta["labels"], meta["layers"]) == (["happy"], [2, 10])
    assert np.array_equal(arrays["raw"][0, 1], VECTORS[0, 0] * 10)
    assert meta["file_metadata"]["model_hint"] == "mistral"


def test_named_layers_and_labels(tmp_path: Path):
    np.save(tmp_path / "joy.npy", VECTORS[0, 0])
    with pytest.raises(FormatError, match="does not say its layer; name it with --layers"):
        read_foreign_vectors(tmp_path / "joy.npy")
    _, meta = read_foreign_vectors(tmp_path / "joy.npy", layers=[7])
    assert (meta["labels"], meta["layers"]) == (["joy"], [7])
    np.save(tmp_path / "all.npy", VECTORS[:, 0])
    arrays, meta = read_foreign_vectors(tmp_path / "all.npy", layers=[7], labels=["a", "b"])
    assert (meta["labels"], arrays["raw"].shape) == (["a", "b"], (2, 1, 8))
    with pytest.raises(FormatError, match="holds 3 layers, but 2 were named"):
        arrange_vectors(BY_LABEL, source="x", layers=[1, 2])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"sad": VECTORS[1, :, :7]}, "7 wide, others 8"),
        ({"sad": np.full((3, 8), np.nan)}, "'sad' layer 0 holds NaN"),
        ({"sad": np.zeros((3, 8))}, "all zero"),
        ({"sad": VECTORS[1, :2]}, r"'sad' has the layers \[0, 1\]"),
        ({"sad": np.ones((2, 2, 2, 2))}, "has the shape"),
        ({"sad_layer0": VECTORS[1, 0], "sad": VECTORS[1]}, "two vectors for layer 0"),
        ({"sad": VECTORS[1].astype(complex)}, "complex"),
    ],
)
def test_vectors_that_do_not_fit(change: dict[str, np.ndarray], match: str, tmp_path: Path):
    both: dict[str, Any] = {"joy": VECTORS[0]} | change
    np.savez(tmp_path / "x.npz", **both)
    with pytest.raises(FormatError, match=match) as caught:
        read_foreign_vectors(tmp_path / "x.npz")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.gguf", b"GGUF" + b"\x03\0\0\0" + b"\xff" * 40),
        ("x.gguf", b""),
        ("x.gguf", b"none of it, but long enough to hold a header" * 4),
        ("x.npz", b"PK\x03\x04 cut"),
        ("x.npy", b"\x93NUMPY\x01\x00"),
        ("x.npy", b""),
        ("x.safetensors", b"\x10\0\0\0\0\0\0\0{}"),
        ("x.bin", b"?"),
    ],
)
def test_unreadable_files_are_one_line(name: str, content: bytes, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=r"^x\.") as caught:
        read_foreign_vectors(tmp_path / name)
    assert "\n" not in str(caught.value)
    with pytest.raises(FormatError, match="does not exist"):
        read_foreign_vectors(tmp_path / "none.npz")


class Payload:
    """Pickled, this makes a file when it is loaded carelessly."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_pickled_code_never_runs(tmp_path: Path):
    mark = tmp_path / "ran"
    np.save(tmp_path / "x.npy", np.array([Payload(mark)], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "x.npz", joy=np.array([Payload(mark)], dtype=object))
    for name in ("x.npy", "x.npz"):
        with pytest.raises(FormatError, match="pickled Python objects, which are never loaded"):
            read_foreign_vectors(tmp_path / name)
    torch.save({"joy": Payload(mark)}, tmp_path / "new.pt")
    torch.save(Payload(mark), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(Payload(mark)))
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    for name in ("new.pt", "old.pt", "bare.pt", "module.pt"):
        with pytest.raises(DataError, match="pickled code or objects, which are never loaded"):
            read_pt(tmp_path / name)
    assert not mark.exists()
    # Positive control: the payload does run where it is loaded carelessly.
    pickle.loads((tmp_path / "bare.pt").read_bytes())
    assert mark.exists()


def test_pt_files(tmp_path: Path):
    nested = {k: {j: torch.from_numpy(v[j]) for j in range(3)} for k, v in BY_LABEL.items()}
    torch.save(nested | {"labels": ["joy", "sad"], "note": "x"}, tmp_path / "a.pt")
    arrays, meta = arrange_vectors(read_pt(tmp_path / "a.pt"), source="a.pt")
    assert (meta["labels"], meta["layers"]) == (["joy", "sad"], [0, 1, 2])
    assert np.array_equal(arrays["raw"], VECTORS)
    torch.save(torch.ones(3, 4, dtype=torch.bfloat16), tmp_path / "calm.pt")
    arrays, meta = arrange_vectors(read_pt(tmp_path / "calm.pt"), source="calm.pt")
    assert (meta["labels"], arrays["raw"].dtype) == (["calm"], np.float32)
    for name, content in (
        ("junk.pt", b"hello " * 50),
        ("empty.pt", b""),
        ("cut.pt", b"PK\x03\x04"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="no readable torch file"):
            read_pt(tmp_path / name)
    torch.save({"a": "text"}, tmp_path / "none.pt")
    with pytest.raises(DataError, match="no tensor of floats"):
        read_pt(tmp_path / "none.pt")
    with pytest.raises(DataError, match="does not exist"):
        read_pt(tmp_path / "absent.pt")


ACTIVATIONS = {  # label -> [n layer d_model]
    "joy": RNG.normal(size=(5, 3, 8)).astype(np.float32),
    "sad": RNG.normal(size=(4, 3, 8)).astype(np.float32),
}


def write_activations(folder: Path, kind: str) -> Path:
    root = folder / kind
    for label, values in ACTIVATIONS.items():
        (root / label).mkdir(parents=True)
        by_layer: dict[str, Any] = {f"layer{j}": values[:, j] for j in range(3)}
        match kind:
            case "whole":
                np.save(root / f"{label}.npy", values)
            case "underscore":
                for j in range(3):
                    np.save(root / f"{label}_layer{j}.npy", values[:, j].astype(np.float64))
            case "dot":
                for j in range(3):
                    np.save(root / f"{label}.layer{j}.npy", values[:, j])
            case "folders":
                for j in range(3):
                    np.save(root / label / f"{j}.npy", values[:, j])
            case "npz":
                np.savez(root / f"{label}.npz", **by_layer)
            case "pt":
                for j in range(3):
                    torch.save(torch.from_numpy(values[:, j].copy()), root / f"{label}_layer{j}.pt")
            case _:
                torch.save(
                    {j: torch.from_numpy(values[:, j]) for j in range(3)}, root / f"{label}.pt"
                )
    return root


@pytest.mark.parametrize(
    "kind", ["whole", "underscore", "dot", "folders", "npz", "pt", "pt by layer"]
)
def test_activations_in_every_layout(kind: str, tmp_path: Path):
    loaders = {".pt": read_pt}
    found = read_foreign_activations(write_activations(tmp_path, kind), loaders=loaders)
    assert (found.labels, found.layers, found.counts) == (("joy", "sad"), (0, 1, 2), (5, 4))
    assert found.d_model == 8
    assert found.codes.tolist() == [0] * 5 + [1] * 4
    for layer in range(3):
        for label, values in ACTIVATIONS.items():
            assert np.array_equal(found.values(label, layer), values[:, layer])
        assert found.layer(layer).shape == (9, 8)
    with pytest.raises(NotFound, match="did you mean 'joy'"):
        found.values("joi", 0)
    with pytest.raises(FormatError, match="layers are 0, 1, 2"):
        found.values("joy", 9)


def test_activations_are_mapped_not_read(tmp_path: Path):
    root = write_activations(tmp_path, "whole")
    found = read_foreign_activations(root, layers=[4, 8, 12])
    assert found.layers == (4, 8, 12)
    assert isinstance(found.pieces["joy", 8].array().base, np.memmap)


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("sad_layer2.npy", np.full((4, 8), np.inf), "infinity at layer 2, row 0"),
        ("sad_layer2.npy", np.ones((4, 7)), "7 wide at layer 2, others 8"),
        ("sad_layer2.npy", np.ones((3, 8)), "3 rows at layer 2, other layers of 'sad' 4"),
        ("sad_layer2.npy", np.ones((4, 8), np.uint16), "of type uint16"),
        ("sad_layer2.npy", np.ones(8), r"shape \(8,\)"),
        ("sad_layer3.npy", np.ones((4, 8)), "no layer 3 for 'joy'"),
        ("sad.npy", np.ones((4, 8)), "sad.npy does not say its layer"),
        ("sad.npy", np.ones((4, 3, 8)), "is in .* too"),
        ("3.npy", np.ones((4, 8)), "names no label"),
        ("sad_layer2.npy", np.array([{}], dtype=object), "pickled Python objects"),
    ],
)
def test_activations_that_do_not_fit(name: str, value: np.ndarray, match: str, tmp_path: Path):
    root = write_activations(tmp_path, "underscore")
    np.save(root / name, value, allow_pickle=True)
    with pytest.raises(FormatError, match=match) as caught:
        read_foreign_activations(root)
    assert "\n" not in str(caught.value)


def test_no_activations(tmp_path: Path):
    with pytest.raises(FormatError, match=r"holds no \.npy or \.npz file"):
        read_foreign_activations(tmp_path)
    with pytest.raises(FormatError, match="is no folder"):
        read_foreign_activations(tmp_path / "none")
