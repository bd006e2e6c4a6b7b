"""Vector files of four formats: safetensors, npz, npy and GGUF control vectors.

In: named arrays and plain metadata, or a file. Out: the file's bytes, or its arrays and metadata.
Nothing pickled is ever read. A GGUF control vector (as llama.cpp and repeng read it) has
`general.architecture=controlvector`, `controlvector.model_hint`, `controlvector.layer_count` and a
float32 tensor `direction.{block}` per layer; block 0 has no place in it. Our own metadata travels
as one JSON text under the key `emotui`. It does not know what the arrays mean; see foreign.py.
"""

import io
import json
import struct
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from store.errors import FormatError

Arrays = dict[str, np.ndarray]
META_KEY = "emotui"
_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip


def safetensors_bytes(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> bytes:
    """A safetensors file; the metadata goes in as JSON and each plain value of it as text."""
    from safetensors.numpy import save

    header = {META_KEY: json.dumps(meta, ensure_ascii=False)}
    recipe = meta.get("recipe")
    for source in (meta, recipe if isinstance(recipe, dict) else {}):
        header |= {k: str(v) for k, v in source.items() if isinstance(v, str | int | float)}
    plain = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
    return bytes(save(plain, metadata=header))


def npz_bytes(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> bytes:
    """An uncompressed .npz: the arrays, and the metadata as JSON text in the array `emotui`."""
    buffer = io.BytesIO()
    text: dict[str, Any] = {META_KEY: np.array(json.dumps(meta, ensure_ascii=False))}
    named: dict[str, Any] = dict(arrays) | text
    np.savez(buffer, **named)
    return buffer.getvalue()


def gguf_bytes(
    directions: Mapping[int, np.ndarray], *, model_hint: str, meta: Mapping[str, Any]
) -> bytes:
    """A GGUF control vector from block -> [d_model]; blocks count from 1 up."""
    from gguf import GGUFWriter

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vector.gguf"
        writer = GGUFWriter(path, "controlvector")
        writer.add_string("controlvector.model_hint", model_hint)
        writer.add_uint32("controlvector.layer_count", len(directions))
        writer.add_string(META_KEY, json.dumps(meta, ensure_ascii=False))
        for block, vector in sorted(directions.items()):
            writer.add_tensor(f"direction.{block}", np.ascontiguousarray(vector, np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path.read_bytes()


def read_safetensors(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """Arrays (bfloat16 widened to float32) and our metadata, or the file's own as text."""
    from safetensors import SafetensorError, deserialize

    raw = path.read_bytes()
    try:
        tensors = deserialize(raw)
    except SafetensorError as error:
        raise FormatError(f"{path.name} is not a safetensors file ({error})") from None
    (size,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + size]).get("__metadata__", {})
    arrays: Arrays = {}
    # The library hands tensors out in no fixed order.
    for name, tensor in sorted(tensors, key=lambda pair: str(pair[0])):
        kind, data, shape = tensor["dtype"], tensor["data"], tensor["shape"]
        if kind == "BF16":
            wide = np.frombuffer(data, "<u2").astype(np.uint32) << np.uint32(16)
            arrays[name] = wide.view(np.float32).reshape(shape)
        elif kind in _DTYPES:
            arrays[name] = np.frombuffer(data, _DTYPES[kind]).reshape(shape)
        else:
            raise FormatError(
                f"{path.name}: {name} has the type {kind}; allowed are floats, bfloat16 and "
                "integers; convert it first"
            )
    return arrays, _meta(path, header.get(META_KEY)) or dict(header)


def read_npz(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """All arrays of an .npz, and our metadata where it has some."""
    with load_numpy(path) as file:
        arrays = {name: numpy_member(path, file, name) for name in file.files}
    text = arrays.pop(META_KEY, None)
    return arrays, _meta(path, None if text is None else str(text))


def load_numpy(path: Path, *, mmap: bool = False) -> Any:
    """np.load without pickle; .npy memory-mapped when asked."""
    if path.suffix.lower() == ".npz" and not zipfile.is_zipfile(path):
        raise FormatError(f"{path.name} is missing, cut short or no .npz file; save it again")
    try:
        return np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    except FileNotFoundError:
        raise FormatError(f"{path} does not exist") from None
    except (ValueError, EOFError, zipfile.BadZipFile, OSError) as error:
        raise _numpy_error(path, error) from None


def numpy_member(path: Path, file: Any, name: str) -> np.ndarray:
    """One array of an opened .npz."""
    try:
        found: np.ndarray = file[name]
    except (ValueError, EOFError, zipfile.BadZipFile, zipfile.error, OSError) as error:
        raise _numpy_error(path, error, name) from None
    return found


def _numpy_error(path: Path, error: Exception, name: str = "") -> FormatError:
    where = f"{path.name}: {name}" if name else path.name
    if (
        "allow_pickle" in str(error)
        or "Python objects" in str(error)
        or "pickled" in str(error).lower()
    ):
        return FormatError(
            f"{where} holds pickled Python objects, which are never loaded; save plain float arrays"
        )
    return FormatError(f"{where} is not a readable numpy file ({error}); save it again")


def read_gguf(path: Path) -> tuple[dict[int, np.ndarray], str, dict[str, Any]]:
    """(block -> direction, the model hint, our metadata) of a control vector."""
    from gguf import GGUFReader

    try:
        reader = GGUFReader(path)
        architecture = _field(reader, "general.architecture")
        hint = _field(reader, "controlvector.model_hint") or ""
        text = _field(reader, META_KEY)
        found = {t.name: np.array(t.data) for t in reader.tensors}
        kinds = {t.name: t.tensor_type.name for t in reader.tensors}
    except FileNotFoundError:
        raise FormatError(f"{path} does not exist") from None
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise FormatError(f"{path.name} is not a readable GGUF file ({error})") from None
    if architecture != "controlvector":
        raise FormatError(
            f"{path.name} is a GGUF file of architecture {architecture!r}, not 'controlvector'"
        )
    directions: dict[int, np.ndarray] = {}
    for name, value in found.items():
        prefix, _, block = name.partition(".")
        if prefix != "direction" or not block.isdecimal() or kinds[name] not in ("F32", "F16"):
            raise FormatError(
                f"{path.name}: tensor {name!r} ({kinds[name]}) is no float direction.BLOCK"
            )
        directions[int(block)] = value.astype(np.float32)
    return directions, hint, _meta(path, text)


def _field(reader: Any, key: str) -> str | None:
    field = reader.get_field(key)
    return None if field is None else str(field.contents())


def _meta(path: Path, text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        meta = json.loads(text)
    except json.JSONDecodeError:
        raise FormatError(f"{path.name}: its metadata under {META_KEY!r} is not JSON") from None
    if not isinstance(meta, dict):
        raise FormatError(f"{path.name}: its metadata under {META_KEY!r} is not an object")
    return meta
