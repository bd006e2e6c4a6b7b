"""The integrity gate's results on disk, one file per model as it was loaded.

In: a key and plain values. Out: `integrity/<key>.json` in the home, written whole or not at all. A
file that cannot be read counts as none, because the gate can always be run again. Knows no check.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from store.atomic import read_json, write_json
from store.errors import StoreError
from store.layout import Home, check_name

FOLDER = "integrity"


def save_gate(home: Home, key: str, record: Mapping[str, Any]) -> None:
    """Replace what is known of a model."""
    home.ensure()
    path = _path(home, key)
    path.parent.mkdir(exist_ok=True)
    write_json(path, dict(record))


def load_gate(home: Home, key: str) -> dict[str, Any] | None:
    """What is known of a model; None where the gate was not run."""
    return _read(_path(home, key))


def list_gates(home: Home) -> list[dict[str, Any]]:
    """Every model's results, by key."""
    found = [_read(path) for path in sorted((home.root / FOLDER).glob("*.json"))]
    return [record for record in found if record is not None]


def _read(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        record = read_json(path)
    except StoreError:
        return None
    return record if isinstance(record, dict) and "key" in record else None


def _path(home: Home, key: str) -> Path:
    return home.root / FOLDER / f"{check_name(key)}.json"
