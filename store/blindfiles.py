"""Where the files of a blinded rating lie, and which of them have changed since they were sealed.

In: a finding's folder and its history (kind and body of each event). Out: paths, problems by name.
Reads bytes and hashes them, never a key's content.

    findings/<id>/blind-<n>.sheet.json     what raters see: texts and letters, no arm
    findings/<id>/blind-<n>.key.json       letter and side to arm; absent where a person holds it
    findings/<id>/blind-<n>.ratings.jsonl  one line per answer, appended and fsynced

The event "blind-sealed" holds the SHA-256 of sheet and key, "unblinded" those of key and ratings.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from store.canonical import file_digest

SEALED, UNBLINDED = "blind-sealed", "unblinded"
BlindFault = Literal["changed sheet", "changed key", "changed ratings"]


def sheet_path(folder: Path, n: int) -> Path:
    """Texts and letters."""
    return folder / f"blind-{n}.sheet.json"


def key_path(folder: Path, n: int) -> Path:
    """The key, where it is kept here."""
    return folder / f"blind-{n}.key.json"


def ratings_path(folder: Path, n: int) -> Path:
    """The answers."""
    return folder / f"blind-{n}.ratings.jsonl"


def blind_faults(
    folder: Path, history: Iterable[tuple[str, Mapping[str, Any]]]
) -> list[tuple[BlindFault, str]]:
    """What is wrong with the rounds of one finding: (fault, which file and both hashes)."""
    found: list[tuple[BlindFault, str]] = []
    elsewhere: set[int] = set()
    for kind, body in history:
        n = body.get("n")
        if not isinstance(n, int) or kind not in (SEALED, UNBLINDED):
            continue
        key = (key_path(folder, n), body.get("key_sha256"))
        if kind == SEALED:
            found += _changed("changed sheet", sheet_path(folder, n), body.get("sheet_sha256"))
            if body.get("key_elsewhere"):
                elsewhere.add(n)
            else:
                found += _changed("changed key", *key)
        else:
            found += _changed("changed ratings", ratings_path(folder, n), body["ratings_sha256"])
            # The second person's key lies here only once the round is unblinded.
            found += _changed("changed key", *key) if n in elsewhere else []
    return found


def _changed(fault: BlindFault, path: Path, wanted: object) -> list[tuple[BlindFault, str]]:
    try:
        actual = file_digest(path)
    except OSError:
        return [(fault, f"{path.name} is gone")]
    if actual == wanted:
        return []
    return [
        (fault, f"{path.name} hashes to {actual[:12]}, its history says {str(wanted)[:12]}")
    ]  # fmt: skip
