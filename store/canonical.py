"""One JSON text and one hash per value, the same on any machine.

In: plain values, bytes, files. Out: bytes and SHA-256 as 64 hex digits. Knows nothing of what is
hashed.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from store.errors import StoreError


def canonical(value: Any) -> bytes:
    """The one JSON text of a plain value: keys sorted, no blanks, ASCII. StoreError for NaN."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    except ValueError as error:
        raise StoreError(f"a record holds what JSON lacks ({error}): use null for NaN") from error


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON."""
    return bytes_digest(canonical(value))


def bytes_digest(data: bytes) -> str:
    """SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
