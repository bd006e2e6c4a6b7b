"""The header's parts: model, layer, emotion, alpha, seed, device; the least important ranked last.

In: the workspace and what is known of the device. Out: (text, rank) pairs. Knows no widget.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from emotui.jobs.spec import DEMO, DEMO_MODEL
from emotui.widgets.cells import signed
from emotui.workspace import Workspace

if TYPE_CHECKING:
    from emotui.lanes import DeviceState

_GIB = 1 << 30


READERS = ("data", "probes")
"""Panes that look at a run; the others use vectors."""


def headline(
    workspace: Workspace, device: "DeviceState | None", pane: str = ""
) -> list[tuple[str, int]]:
    """From left to right; a higher rank goes first where there is no room."""
    return [
        (model_text(workspace, device, pane), 1),
        (layer_text(workspace, device), 2),
        (workspace.emotion or "no emotion", 3),
        (f"α {signed(workspace.alpha)}" if workspace.alpha else "α 0", 2),
        (f"seed {workspace.seed}", 5),
        ("" if device is None else memory_text(device), 4),
    ]


def model_text(workspace: Workspace, device: "DeviceState | None", pane: str = "") -> str:
    """The chosen model's name; without a choice the one loaded, else the run's or the vectors'."""
    if workspace.model is not None:
        return Path(workspace.model.source).name
    if device is not None and device.model:
        return short_model(device.model)
    if workspace.run_model and (pane in READERS or not workspace.vectors):
        return short_model(workspace.run_model)
    return "the vectors' own model" if workspace.vectors else "no model"


def short_model(model: str) -> str:
    """The last part of a path or hub id; the embedded model by the name it is chosen by."""
    path = Path(model)
    return DEMO if path == DEMO_MODEL else path.name


def layer_text(workspace: Workspace, device: "DeviceState | None") -> str:
    """`layer 21/32`, layers counted from 0."""
    if workspace.layer is None:
        return "no layer"
    of = f"/{device.n_layers}" if device is not None and device.n_layers else ""
    return f"layer {workspace.layer}{of}"


def memory_text(device: "DeviceState") -> str:
    """`cuda:0 14.2/143 GiB`."""
    return f"{device.device} {device.used / _GIB:.1f}/{device.total / _GIB:.0f} GiB"
