"""Vectors made by other tools: find out which array is which label and layer.

In: .npz, .npy, .safetensors or .gguf, or arrays somebody else unpacked (.pt). Out: `raw` and `unit`
[emotion layer d_model], `norm` [emotion layer] and metadata with labels and layers; of our own
exports everything they hold. Understood are one array per label and layer (`joy_layer3`, `joy.3`),
per label (`joy` [layer d_model]), per layer of one label (`3`, `direction.3`), and one array of
[emotion layer d_model] with `labels` and `layers` beside it or given. A file does not say how its
layers count: they are taken as residual stream after block l, and the metadata says so.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from store.errors import FormatError
from store.vectorfiles import Arrays, load_numpy, read_gguf, read_npz, read_safetensors

_KEY = re.compile(
    r"(?:(?P<label>.*?)(?:^|[._/\- ]))?(?:layers?|blocks?|direction|l)[._/\- ]?(?P<layer>\d+)", re.I
)
_PLAIN = re.compile(r"(?:(?P<label>.*)[./])?(?P<layer>\d+)")
_LAYER_FIRST = re.compile(r"(?:layers?|blocks?|l)?[._\- ]?(?P<layer>\d+)/(?P<label>[^/]+)", re.I)
ENDINGS = (".npz", ".npy", ".safetensors", ".gguf", ".pt")


def read_foreign_vectors(
    path: Path, *, labels: Sequence[str] | None = None, layers: Sequence[int] | None = None
) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and metadata of a vector file; `labels` and `layers` name what the file does not.

    A .pt file is unpacked elsewhere and goes to `arrange_vectors`. FormatError in one line.
    """
    if not path.is_file():
        raise FormatError(f"{path} does not exist or is no file; give one of {', '.join(ENDINGS)}")
    match path.suffix.lower():
        case ".npz":
            arrays, meta = read_npz(path)
        case ".npy":
            arrays, meta = {path.stem: load_numpy(path)}, {}
        case ".safetensors":
            arrays, meta = read_safetensors(path)
        case ".gguf":
            blocks, hint, own = read_gguf(path)
            label = str(own.get("label", path.stem))
            arrays = {f"{label}/{block}": value for block, value in blocks.items()}
            meta = {"model_hint": hint, "gguf": own}
        case ".pt":
            raise FormatError(
                f"{path.name}: unpack it with vectors.read_pt and give that to arrange_vectors"
            )
        case _:
            raise FormatError(f"{path.name}: unknown ending; give one of {', '.join(ENDINGS)}")
    ours = {"labels", "layers"} <= meta.keys() and "unit" in arrays
    if ours and isinstance(meta["labels"], list):
        _check_own(arrays, meta, path.name)
        return arrays, meta | {"imported_from": path.name}
    found, made = arrange_vectors(arrays, source=path.name, labels=labels, layers=layers)
    return found, made | {"file_metadata": meta}


def _check_own(arrays: Arrays, meta: dict[str, Any], source: str) -> None:
    shape = arrays["unit"].shape
    expected = (len(meta["labels"]), len(meta["layers"]))
    if len(shape) != 3 or shape[:2] != expected or not np.isfinite(arrays["unit"]).all():
        raise FormatError(
            f"{source}: 'unit' {shape} does not fit its {expected[0]} labels and {expected[1]} "
            "layers, or is not finite"
        )


def arrange_vectors(
    arrays: Mapping[str, np.ndarray],
    *,
    source: str,
    labels: Sequence[str] | None = None,
    layers: Sequence[int] | None = None,
) -> tuple[Arrays, dict[str, Any]]:
    """Sort named arrays into [emotion layer d_model]; see the module's first lines."""
    numbers = {k: v for k, v in arrays.items() if v.dtype.kind == "f"}
    odd = [k for k, v in arrays.items() if v.dtype.kind not in "fUSiub"]
    if odd:
        raise FormatError(f"{source}: {odd[0]!r} is of type {arrays[odd[0]].dtype}; give floats")
    if labels is None and "labels" in arrays and arrays["labels"].ndim == 1:
        labels = [str(name) for name in arrays["labels"]]
    if layers is None and "layers" in arrays and arrays["layers"].dtype.kind in "iu":
        layers = [int(layer) for layer in np.atleast_1d(arrays["layers"])]
    if not numbers:
        raise FormatError(f"{source} holds no array of floats; give vectors as float arrays")
    cells: dict[str, dict[int, np.ndarray]] = {}
    stem = source.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    for key, value in numbers.items():
        for label, layer, vector in _cells(
            key, value, source, stem, labels, layers, single=len(numbers) == 1
        ):
            if layer in cells.setdefault(label, {}):
                raise FormatError(f"{source}: {label!r} has two vectors for layer {layer}")
            cells[label][layer] = np.asarray(vector, np.float32)
    return _stack(cells, source)


def _cells(
    key: str,
    value: np.ndarray,
    source: str,
    stem: str,
    labels: Sequence[str] | None,
    layers: Sequence[int] | None,
    *,
    single: bool,
) -> list[tuple[str, int, np.ndarray]]:
    label, layer = parse_key(key)
    label = label or stem
    if layer is not None:
        flat = value.reshape(-1) if value.size == value.shape[-1] else value
        if flat.ndim != 1:
            raise FormatError(
                f"{source}: {key!r} has the shape {value.shape}; a vector of one layer is [d_model]"
            )
        return [(label, layer, flat)]
    if (single and value.ndim == 3) or (single and labels and value.ndim == 2 and len(labels) > 1):
        block = value if value.ndim == 3 else value[:, None, :]
        names = list(labels) if labels else [f"{stem}{i}" for i in range(len(block))]
        order = _layers(block.shape[1], layers, source, key)
        if len(names) != len(block):
            raise FormatError(
                f"{source}: {key!r} holds {len(block)} labels, but {len(names)} names were given"
            )
        return [(n, at, block[i, j]) for i, n in enumerate(names) for j, at in enumerate(order)]
    if single and labels and len(labels) == 1:
        label = labels[0]
    if value.ndim not in (1, 2):
        raise FormatError(
            f"{source}: {key!r} has the shape {value.shape}; allowed are [d_model] and "
            "[layer d_model] per label, or one array [emotion layer d_model]"
        )
    rows = np.atleast_2d(value)
    if value.ndim == 1 and not layers:
        raise FormatError(f"{source}: {key!r} does not say its layer; name it with --layers")
    order = _layers(len(rows), layers, source, key)
    return [(label, at, rows[j]) for j, at in enumerate(order)]


def _layers(n: int, layers: Sequence[int] | None, source: str, key: str) -> list[int]:
    order = list(range(n)) if layers is None else list(layers)
    if len(order) != n:
        raise FormatError(f"{source}: {key!r} holds {n} layers, but {len(order)} were named")
    return order


def parse_key(key: str) -> tuple[str, int | None]:
    """("joy", 3) from joy_layer3, joy/3 or layer3/joy; ("", 3) from 3; ("joy", None) from joy."""
    match = _KEY.fullmatch(key) or _PLAIN.fullmatch(key) or _LAYER_FIRST.fullmatch(key)
    if match is None:
        return key, None
    return (match["label"] or "").strip("._/- "), int(match["layer"])


def _stack(cells: dict[str, dict[int, np.ndarray]], source: str) -> tuple[Arrays, dict[str, Any]]:
    names = list(cells)
    order = sorted(cells[names[0]])
    width = cells[names[0]][order[0]].shape[0]
    for name, by_layer in cells.items():
        if sorted(by_layer) != order:
            raise FormatError(
                f"{source}: {name!r} has the layers {sorted(by_layer)}, {names[0]!r} has {order}; "
                "all labels need the same"
            )
        for layer, vector in by_layer.items():
            if vector.shape[0] != width:
                raise FormatError(
                    f"{source}: {name!r} layer {layer} is {vector.shape[0]} wide, others {width}"
                )
            if not np.isfinite(vector).all():
                raise FormatError(f"{source}: {name!r} layer {layer} holds NaN or infinity")
            if not vector.any():
                raise FormatError(f"{source}: {name!r} layer {layer} is all zero: no direction")
    raw = np.stack([np.stack([cells[name][layer] for layer in order]) for name in names])
    norm = np.linalg.norm(raw.astype(np.float64), axis=-1)
    unit = (raw / norm[..., None]).astype(np.float32)
    meta: dict[str, Any] = {
        "labels": names,
        "layers": order,
        "d_model": int(width),
        "kind": "imported",
        "imported_from": source,
        "notes": ["layers are taken as the residual stream after block l, counted from 0"],
    }
    return {"raw": raw, "unit": unit, "norm": norm.astype(np.float32)}, meta
