"""Which data sets are veiled because a finding of theirs is being rated, and which a pane shows.

In: the data directory and the names a pane shows. Out: data set names, and one line for a veiled
pane. Reads small JSON files only; knows no widget and nothing heavy.
"""

from functools import cache
from pathlib import Path

from emotui.sanitize import one_line
from emotui.workspace import Workspace
from store.atomic import read_json
from store.blind import open_rounds
from store.errors import StoreError
from store.findings import load_finding
from store.layout import Home

VEILED = ("probes", "vectors", "tokens", "steer")
"""Panes that would show curves, names or colours."""


def veiled_datasets(home: Home) -> dict[str, str]:
    """Data set to the finding that is being rated on it (the first where there are several)."""
    found: dict[str, str] = {}
    for round in open_rounds(home):
        try:
            record = load_finding(home, round.finding)
        except StoreError:
            continue  # a record that was lost veils nothing; audit check names it
        found.setdefault(dataset_of(str(record.get("family", ""))), round.finding)
    return found


def dataset_of(family: str) -> str:
    """The data set's name in a finding's family ("stories 0762dd2be67b")."""
    return family.rpartition(" ")[0] or family


def veil_line(workspace: Workspace, pane: str) -> str:
    """What a veiled pane says in place of everything; "" where it may be seen."""
    if pane not in VEILED or not workspace.veiled:
        return ""
    shown = shown_dataset(workspace, pane)
    if shown not in workspace.veiled:
        return ""
    finding = veiled_datasets(workspace.home).get(shown, "its finding")
    return f"veiled until finding {one_line(finding)} is unblinded (u in Audit)"


def shown_dataset(workspace: Workspace, pane: str) -> str:
    """The data set behind the run (Probes) or the vectors (the others); "" where unknown."""
    if pane == "probes":
        return _run_dataset(workspace.home.runs / workspace.run) if workspace.run else ""
    if not workspace.vectors:
        return ""
    return _vectors_dataset(workspace.home.vectors / workspace.vectors)


@cache
def _run_dataset(folder: Path) -> str:
    return _field(folder / "identity.json", "identity")


def _vectors_dataset(folder: Path) -> str:
    # Not cached: a set of the same name may be built again from other data.
    return _field(folder / "meta.json", "recipe")


def _field(path: Path, part: str) -> str:
    try:
        return str(read_json(path)[part]["dataset"])
    except (StoreError, OSError, KeyError, TypeError):
        return ""
