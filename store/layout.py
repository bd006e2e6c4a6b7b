"""Where things live on disk and what they may be called.

In: the workbench's root folder and names typed by people. Out: paths, checked names, the nearest
known name for a mistyped one. Knows nothing of what the files hold.
"""

import difflib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from store.errors import NotFound, StoreError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Home:
    """The root folder of everything the workbench keeps."""

    root: Path
    """Folder that holds the five folders below; need not exist before `ensure`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))

    @property
    def datasets(self) -> Path:
        """One folder per imported dataset."""
        return self.root / "datasets"

    @property
    def runs(self) -> Path:
        """One folder per extraction run, named by its run id."""
        return self.root / "runs"

    @property
    def vectors(self) -> Path:
        """One folder per saved set of directions."""
        return self.root / "vectors"

    @property
    def findings(self) -> Path:
        """Results of probes, scores and steering, as JSON."""
        return self.root / "findings"

    @property
    def reports(self) -> Path:
        """Reports and their charts."""
        return self.root / "reports"

    def ensure(self) -> "Home":
        """Make the folders that are missing; returns self. StoreError where that is refused."""
        for folder in (self.datasets, self.runs, self.vectors, self.findings, self.reports):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(
                    f"cannot make the folder {folder} ({os.strerror(error.errno or 0)}): "
                    "give a writable folder as home"
                ) from error
        return self


def check_name(name: str) -> str:
    """Return `name` if it may name a folder here; StoreError otherwise."""
    if not _NAME.fullmatch(name):
        raise StoreError(
            f"the name {name!r} is not usable: up to 100 letters, digits, '-', '_' and '.', "
            "starting with a letter or digit"
        )
    return name


def slug(text: str, *, length: int = 40) -> str:
    """A readable file name part made of `text`: lower case, '-' for everything else."""
    made = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")
    return made[:length].rstrip("-.") or "x"


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The known name most like `name`, or None where nothing is near."""
    by_lower = {known.lower(): known for known in names}
    found = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.5)
    return by_lower[found[0]] if found else None


def not_found(kind: str, name: str, names: Iterable[str]) -> NotFound:
    """The error for an unknown name of a `kind` ("run", "dataset", ...), the nearest offered."""
    known = sorted(names)
    near = nearest(name, known)
    if near is not None:
        return NotFound(f"no {kind} named {name!r}; did you mean {near!r}?")
    if not known:
        return NotFound(f"no {kind} named {name!r}; there are none yet")
    listed = ", ".join(known[:8]) + (f" and {len(known) - 8} more" if len(known) > 8 else "")
    return NotFound(f"no {kind} named {name!r}; there are: {listed}")
