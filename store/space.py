"""Is there room on the disk before hours of work begin?

In: a folder, there or not, and a number of bytes. Out: nothing, or a SpaceError with both numbers.
"""

import os
from pathlib import Path

from store.errors import SpaceError
from store.layout import Home

_RESERVE = 64 * 2**20  # commit files, reports, the shard that is written beside its predecessor


def free_bytes(path: Path) -> int:
    """Bytes this user may still write on the disk of `path` or of its nearest existing parent."""
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    stat = os.statvfs(existing)
    return stat.f_bavail * stat.f_frsize


def preflight(home: Home, bytes_needed: int) -> None:
    """SpaceError where `bytes_needed` bytes and a small reserve are not free under `home`."""
    free = free_bytes(home.root)
    if bytes_needed and bytes_needed + _RESERVE > free:
        raise SpaceError(
            f"{home.root} has {free:,} bytes free and this needs {bytes_needed:,} (and "
            f"{_RESERVE:,} to spare): free some, choose another home, fewer layers or fewer texts"
        )
