"""Arrays out of a .pt file made by another tool, without running anything that is in it.

In: a path. Out: named numpy arrays. `torch.load(weights_only=True)` refuses every pickle that
would call code; nested dictionaries and lists are flattened to keys such as `joy/3`. It does not
know which array is a label or a layer.
"""

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vectors.errors import DataError


def read_pt(path: Path) -> dict[str, np.ndarray]:
    """Key -> array (bfloat16 as float32); "" is the key of a lone tensor.

    Lists of names and of whole numbers become arrays too, so `labels` and `layers` survive. Raises
    DataError for pickled code, a file that is none of torch's, and a file without tensors.
    """
    try:
        with warnings.catch_warnings():
            # torch warns of other pickle protocols before it refuses what is in them.
            warnings.filterwarnings("ignore", "Detected pickle protocol")
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=_is_zip(path))
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; give a .pt file") from None
    except pickle.UnpicklingError as error:
        if "GLOBAL" in str(error) or "Unsupported" in str(error):
            raise DataError(
                f"{path.name} holds pickled code or objects, which are never loaded; save plain "
                "tensors (a tensor, or a dictionary of them) and try again"
            ) from None
        raise _unreadable(path) from None
    except (RuntimeError, EOFError, ValueError, KeyError, IndexError, OSError):
        raise _unreadable(path) from None
    found: dict[str, np.ndarray] = {}
    _flatten(content, "", found, path.name)
    if not any(value.dtype.kind == "f" for value in found.values()):
        raise DataError(f"{path.name} holds no tensor of floats; save plain tensors and try again")
    return found


def _unreadable(path: Path) -> DataError:
    return DataError(f"{path.name} is no readable torch file; save it again with torch.save")


def _is_zip(path: Path) -> bool:
    """Only torch's zip format can be memory-mapped; older files are read whole."""
    try:
        with path.open("rb") as file:
            return file.read(2) == b"PK"
    except OSError:
        return False


def _flatten(value: Any, key: str, found: dict[str, np.ndarray], source: str) -> None:
    if isinstance(value, torch.Tensor):
        plain = value.detach()
        if plain.is_sparse or plain.is_quantized or plain.is_complex():
            raise DataError(f"{source}: {key!r} is sparse, quantised or complex; save it plain")
        small = plain.dtype == torch.bfloat16 or "float8" in str(plain.dtype)
        found[key] = (plain.float() if small else plain).numpy()
    elif isinstance(value, dict):
        for name, item in value.items():
            _flatten(item, f"{key}/{name}" if key else str(name), found, source)
    elif isinstance(value, list | tuple) and value:
        if all(isinstance(item, str) for item in value) or all(
            isinstance(item, int) for item in value
        ):
            found[key] = np.array(value)
            return
        for i, item in enumerate(value):
            _flatten(item, f"{key}/{i}" if key else str(i), found, source)
