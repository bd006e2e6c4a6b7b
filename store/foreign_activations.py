"""Activations cached by other tools: a folder with files per label, read one layer at a time.

In: a folder of .npy ([n d_model], [n layer d_model]) or .npz (keyed by layer), named by label and
layer (`joy_layer3.npy`, `joy.layer3.npy`, `joy/3.npy`, `joy.npz` with keys 3 or layer3), and
loaders for further endings (.pt). Out: `ForeignActivations`. Files are memory-mapped where their
format allows. It does not know which texts the rows come from.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int

from store.errors import FormatError
from store.foreign import parse_key
from store.layout import not_found
from store.vectorfiles import load_numpy, numpy_member

Loader = Callable[[Path], Mapping[str, np.ndarray]]
"""Unpacks a file into named arrays; "" for the only one."""

_BLOCK_BYTES = 64 << 20


@dataclass(frozen=True)
class _Piece:
    """Where the rows of one label at one layer are."""

    load: Callable[[], np.ndarray]
    column: int | None
    """Position on the layer axis of a three-dimensional array; None = the array is [n d_model]."""
    where: str

    def array(self) -> np.ndarray:
        """[n d_model], as stored."""
        found = self.load()
        return found if self.column is None else found[:, self.column]


@dataclass(frozen=True)
class ForeignActivations:
    """Activations of texts by label and layer."""

    labels: tuple[str, ...]
    """In name order; `codes` point here."""
    layers: tuple[int, ...]
    """Ascending; as the files count them."""
    counts: tuple[int, ...]
    """Rows per label, the same at every layer."""
    d_model: int
    """Width."""
    pieces: dict[tuple[str, int], _Piece]
    """(label, layer) -> where its rows are."""

    @property
    def codes(self) -> Int[np.ndarray, "text"]:
        """Label of each row of `layer`, as a position in `labels`."""
        return np.repeat(np.arange(len(self.labels)), self.counts)

    def values(self, label: str, layer: int) -> Float32[np.ndarray, "text d_model"]:
        """The rows of one label at one layer."""
        if label not in self.labels:
            raise not_found("label", label, self.labels)
        if layer not in self.layers:
            raise FormatError(f"layer {layer} is not there; layers are {_listed(self.layers)}")
        return np.asarray(self.pieces[label, layer].array(), np.float32)

    def layer(self, layer: int) -> Float32[np.ndarray, "text d_model"]:
        """All rows of one layer, label after label."""
        return np.concatenate([self.values(label, layer) for label in self.labels])


def read_foreign_activations(
    folder: Path,
    *,
    layers: Sequence[int] | None = None,
    loaders: Mapping[str, Loader] | None = None,
) -> ForeignActivations:
    """Open a folder and check every value in it, a block at a time.

    `layers` names the layer axis of [n layer d_model] files, or the one layer of files that do
    not say theirs. FormatError for NaN, differing widths or counts, and pickled objects.
    """
    if not folder.is_dir():
        raise FormatError(f"{folder} is no folder; give one with a file per label")
    known = {".npy", ".npz", *(loaders or {})}
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() in known)
    if not paths:
        raise FormatError(f"{folder} holds no {' or '.join(sorted(known))} file")
    pieces: dict[tuple[str, int], _Piece] = {}
    for path in paths:
        for key, load in _arrays(path, folder, loaders or {}):
            for label, layer, piece in _split(key, load, path, layers):
                if (label, layer) in pieces:
                    raise FormatError(
                        f"{piece.where}: {label!r} at layer {layer} is in "
                        f"{pieces[label, layer].where} too; keep one"
                    )
                pieces[label, layer] = piece
    return _checked(pieces, folder)


def _arrays(
    path: Path, folder: Path, loaders: Mapping[str, Loader]
) -> list[tuple[str, Callable[[], np.ndarray]]]:
    stem = path.relative_to(folder).with_suffix("").as_posix()
    loader = loaders.get(path.suffix.lower())
    if loader is not None:
        return [
            (f"{stem}/{key}" if key else stem, _loaded(loader, path, key)) for key in loader(path)
        ]
    if path.suffix.lower() == ".npy":
        return [(stem, lambda: load_numpy(path, mmap=True))]
    with load_numpy(path) as file:
        keys = list(file.files)
    # np.savez names a lone unnamed array arr_0.
    return [
        (stem if key == "arr_0" and len(keys) == 1 else f"{stem}/{key}", _member(path, key))
        for key in keys
    ]


def _loaded(loader: Loader, path: Path, key: str) -> Callable[[], np.ndarray]:
    return lambda: loader(path)[key]


def _member(path: Path, key: str) -> Callable[[], np.ndarray]:
    def load() -> np.ndarray:
        with load_numpy(path) as file:
            return numpy_member(path, file, key)

    return load


def _split(
    key: str, load: Callable[[], np.ndarray], path: Path, layers: Sequence[int] | None
) -> list[tuple[str, int, _Piece]]:
    array = load()
    where = path.name if key.endswith(path.stem) else f"{path.name}: {key.rsplit('/', 1)[-1]}"
    if array.dtype.kind != "f":
        raise FormatError(f"{where} is of type {array.dtype}; activations are floats; convert it")
    label, layer = parse_key(key)
    if not label:
        raise FormatError(f"{where} names no label; name files LABEL_layer3.npy or LABEL.npy")
    if array.ndim == 3 and layer is None:
        order = list(range(array.shape[1])) if layers is None else list(layers)
        if len(order) != array.shape[1]:
            raise FormatError(f"{where} holds {array.shape[1]} layers, but {len(order)} were named")
        return [(label, at, _Piece(load, j, where)) for j, at in enumerate(order)]
    if array.ndim != 2:
        raise FormatError(
            f"{where} has the shape {array.shape}; allowed are [n d_model], and [n layer d_model] "
            "in a file that names no layer"
        )
    if layer is None:
        if layers is None or len(layers) != 1:
            raise FormatError(
                f"{where} does not say its layer; call it {label}_layer3.npy or name one layer"
            )
        layer = layers[0]
    return [(label, layer, _Piece(load, None, where))]


def _checked(pieces: dict[tuple[str, int], _Piece], folder: Path) -> ForeignActivations:
    labels = tuple(sorted({label for label, _ in pieces}))
    layers = tuple(sorted({layer for _, layer in pieces}))
    counts: dict[str, int] = {}
    width = 0
    for label in labels:
        for layer in layers:
            piece = pieces.get((label, layer))
            if piece is None:
                raise FormatError(f"{folder} has no layer {layer} for {label!r}; others have it")
            array = piece.array()
            n, d = array.shape
            width = width or d
            if d != width:
                raise FormatError(f"{piece.where} is {d} wide at layer {layer}, others {width}")
            if counts.setdefault(label, n) != n or n == 0:
                raise FormatError(
                    f"{piece.where} has {n} rows at layer {layer}, other layers of {label!r} "
                    f"{counts[label]}; every layer needs the same rows, at least one"
                )
            bad = _first_bad_row(array)
            if bad is not None:
                raise FormatError(
                    f"{piece.where} holds NaN or infinity at layer {layer}, row {bad}; "
                    "drop that text from every layer"
                )
    return ForeignActivations(labels, layers, tuple(counts[n] for n in labels), width, pieces)


def _first_bad_row(array: np.ndarray) -> int | None:
    step = max(1, _BLOCK_BYTES // max(1, array.shape[1] * array.dtype.itemsize))
    for start in range(0, len(array), step):
        bad = ~np.isfinite(array[start : start + step]).all(axis=1)
        if bad.any():
            return start + int(np.argmax(bad))
    return None


def _listed(layers: Sequence[int]) -> str:
    return ", ".join(map(str, layers[:12])) + (", ..." if len(layers) > 12 else "")
