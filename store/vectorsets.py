"""Saved sets of vectors: one safetensors file each, which alone is enough to read them.

In: named arrays with `unit` [emotion layer d_model] among them, and plain metadata with `labels`
and `layers`. Out: vectors/<name>/vectors.safetensors with all metadata in its header, a readable
copy of that as meta.json, and exports. It does not know how vectors are made.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from store.atomic import read_json, remove_leftovers, write_bytes, write_json
from store.errors import FormatError, StoreError
from store.layout import Home, check_name, not_found
from store.locks import WriterLock
from store.vectorfiles import Arrays, gguf_bytes, npz_bytes, read_safetensors, safetensors_bytes

FILE, META = "vectors.safetensors", "meta.json"


@dataclass(frozen=True)
class VectorsInfo:
    """What is known of a set of vectors without opening its arrays."""

    name: str
    """Name in the catalogue."""
    labels: tuple[str, ...]
    """One direction each."""
    layers: tuple[int, ...]
    """Residual stream after these blocks, from 0."""
    d_model: int
    """Width."""
    recipe: dict[str, Any]
    """Every choice that made the set, as its maker wrote it; empty = unknown."""
    bytes: int
    """Size of the file."""

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return self.__dict__ | {"labels": list(self.labels), "layers": list(self.layers)}


@dataclass(frozen=True)
class Export:
    """A file written for other tools."""

    path: Path
    """Where it is."""
    format: str
    """safetensors, npz or gguf."""
    notes: tuple[str, ...] = field(default=())
    """What could not go into the file."""


def save_vectors(
    home: Home,
    name: str,
    arrays: Mapping[str, np.ndarray],
    meta: Mapping[str, Any],
    *,
    replace: bool = False,
) -> VectorsInfo:
    """Save a set under `name`; whole or not at all, and an old one only with `replace`.

    Raises FormatError where `unit` does not fit labels and layers, or is not finite.
    """
    check_name(name)
    meta = dict(meta)
    d_model = _check(arrays, meta)
    home.ensure()
    folder = home.vectors / name
    with WriterLock(home.vectors / f".{name}.lock"):
        check_free(home, name, replace=replace)
        fresh = not folder.exists()
        folder.mkdir(exist_ok=True)
        try:
            remove_leftovers(folder)
            write_bytes(folder / FILE, safetensors_bytes(arrays, meta))
            write_json(folder / META, meta | {"d_model": d_model})
        except BaseException:
            if fresh:
                shutil.rmtree(folder, ignore_errors=True)
            raise
    return vectors_info(home, name)


def check_free(home: Home, name: str, *, replace: bool = False) -> None:
    """StoreError unless a set may be saved under `name`; worth asking before long work."""
    check_name(name)
    if (home.vectors / name / META).exists() and not replace:
        raise StoreError(
            f"there are vectors named {name!r} already; choose another name, or pass --replace"
        )


def _check(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> int:
    labels, layers = meta.get("labels"), meta.get("layers")
    if not labels or not layers:
        raise FormatError("metadata of vectors needs 'labels' and 'layers'; neither may be empty")
    unit = arrays.get("unit")
    shape = None if unit is None else unit.shape
    if unit is None or unit.ndim != 3 or unit.shape[:2] != (len(labels), len(layers)):
        raise FormatError(
            f"'unit' has the shape {shape}; {len(labels)} labels and {len(layers)} layers need "
            f"({len(labels)}, {len(layers)}, d_model)"
        )
    for name, value in arrays.items():
        if value.dtype.kind not in "fiub":
            raise FormatError(f"array {name!r} is of type {value.dtype}; give numbers")
    if not np.isfinite(unit).all():
        raise FormatError("'unit' holds NaN or infinity; drop those labels or layers")
    return int(unit.shape[2])


def load_vectors(home: Home, name: str) -> tuple[Arrays, dict[str, Any]]:
    """The arrays and metadata of a set; NotFound offers the nearest name."""
    return read_safetensors(_folder(home, name) / FILE)


def vectors_info(home: Home, name: str) -> VectorsInfo:
    """The catalogue entry of one set."""
    folder = _folder(home, name)
    meta = read_json(folder / META)
    return VectorsInfo(
        name=name,
        labels=tuple(meta["labels"]),
        layers=tuple(meta["layers"]),
        d_model=meta["d_model"],
        recipe=meta.get("recipe") or {},
        bytes=(folder / FILE).stat().st_size,
    )


def list_vectors(home: Home) -> list[VectorsInfo]:
    """All sets, by name."""
    return [vectors_info(home, name) for name in _names(home)]


def remove_vectors(home: Home, name: str) -> None:
    """Delete a set; NotFound offers the nearest name."""
    folder = _folder(home, name)
    with WriterLock(home.vectors / f".{name}.lock"):
        (folder / META).unlink()
        shutil.rmtree(folder)


def export_vectors(
    home: Home,
    name: str,
    path: Path,
    *,
    format: Literal["safetensors", "npz", "gguf"] | None = None,
    label: str | None = None,
    scale: Literal["unit", "alpha"] = "unit",
    model_hint: str | None = None,
) -> Export:
    """Write a set for other tools; the format follows the ending of `path` unless given.

    GGUF takes one `label`, leaves layer 0 out and holds unit vectors; with `scale="alpha"` they
    are multiplied by the mean residual norm of their layer, so that a strength of 0.1 there is
    alpha = 0.1 here. `model_hint` is the architecture llama.cpp shows.
    """
    arrays, meta = load_vectors(home, name)
    chosen = format or {".npz": "npz", ".gguf": "gguf"}.get(path.suffix.lower(), "safetensors")
    notes: tuple[str, ...] = ()
    if chosen == "gguf":
        data, notes = _gguf(arrays, meta, label=label, scale=scale, model_hint=model_hint)
    elif label is not None:
        raise FormatError(f"a {chosen} file holds all labels; --label is for gguf only")
    else:
        data = npz_bytes(arrays, meta) if chosen == "npz" else safetensors_bytes(arrays, meta)
    if not path.parent.is_dir():
        raise FormatError(f"{path.parent} is no folder; make it first")
    write_bytes(path, data)
    return Export(path, chosen, notes)


def _gguf(
    arrays: Arrays, meta: dict[str, Any], *, label: str | None, scale: str, model_hint: str | None
) -> tuple[bytes, tuple[str, ...]]:
    labels, layers = list(meta["labels"]), list(meta["layers"])
    if label is None:
        if len(labels) > 1:
            raise FormatError(
                f"a gguf control vector holds one direction and this set has {len(labels)}; "
                f"name one with --label ({', '.join(labels[:8])}{', ...' * (len(labels) > 8)})"
            )
        label = labels[0]
    if label not in labels:
        raise not_found("label", label, labels)
    unit = arrays["unit"][labels.index(label)].astype(np.float32)
    if scale == "alpha":
        if "residual_norm" not in arrays:
            raise FormatError("this set has no residual_norm; export it with scale 'unit'")
        unit = unit * arrays["residual_norm"].astype(np.float32)[:, None]
    kept = {layer: vector for layer, vector in zip(layers, unit, strict=True) if layer > 0}
    if not kept:
        raise FormatError(
            "this set has layer 0 only, which a gguf control vector cannot hold; "
            "export it as safetensors or npz"
        )
    recipe = meta.get("recipe") or {}
    own = {"label": label, "layers": sorted(kept), "scale": scale, "recipe": recipe}
    if "residual_norm" in arrays:
        norms = zip(layers, arrays["residual_norm"].tolist(), strict=True)
        own["residual_norm"] = [norm for layer, norm in norms if layer > 0]
    hint = model_hint or str(recipe.get("family") or recipe.get("model") or "unknown")
    notes = ("layer 0 is left out: a gguf control vector has no place for it",) * (0 in layers)
    return gguf_bytes(kept, model_hint=hint, meta=own), notes


def _folder(home: Home, name: str) -> Path:
    folder = home.vectors / name
    if not (folder / META).is_file():
        raise not_found("vectors", name, _names(home))
    return folder


def _names(home: Home) -> list[str]:
    if not home.vectors.is_dir():
        return []
    return sorted(p.name for p in home.vectors.iterdir() if (p / META).is_file())
