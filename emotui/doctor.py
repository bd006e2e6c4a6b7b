"""Looks at this machine for what emotui needs: versions, devices, memory, disk, terminal.

In: the settings. Out: one `Finding` per thing looked at, ok or warn, with a remedy. Changes
nothing except a test file in the data directory, which it removes. Loads torch but no model.
"""

import importlib.metadata
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emotui.colors import mode_of
from emotui.config import Settings, unknown_variables
from emotui.terminal import human_bytes

_TESTED = ("torch", "transformers", "transformer-lens", "zarr", "textual", "numpy", "scikit-learn")
_OPTIONAL = {
    "bitsandbytes": "needed for --quant int8 or nf4: pip install 'emotui[quant]'",
    "accelerate": "needed for --device map (several GPUs): pip install 'emotui[maps]'",
    "datasets": "needed to import a dataset by its hub id: pip install datasets",
}


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    name: str
    ok: bool
    """False is a warning, never a failure: emotui runs with less."""
    detail: str
    remedy: str = ""
    """What to do about a warning; empty when ok."""


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding, in the order shown."""
    yield _python()
    yield from _packages()
    yield from _torch(settings)
    yield _memory()
    yield from _home(settings.home)
    yield from _terminal()
    for strange in unknown_variables(os.environ):
        yield Finding("environment", False, strange, "unset it or correct its name")


def _python() -> Finding:
    version = sys.version.split()[0]
    new_enough = sys.version_info >= (3, 11)
    return Finding("python", new_enough, version, "" if new_enough else "use Python 3.11 or newer")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _packages() -> Iterator[Finding]:
    for package in _TESTED:
        version = _version(package)
        remedy = "" if version else f"pip install {package}"
        yield Finding(package, version is not None, version or "not installed", remedy)
    for package, remedy in _OPTIONAL.items():
        version = _version(package)
        yield Finding(f"{package} (optional)", True, version or f"not installed; {remedy}")


def _torch(settings: Settings) -> Iterator[Finding]:
    import torch

    cores = os.cpu_count() or 1
    threads = settings.number("threads") or torch.get_num_threads()
    yield Finding(
        "cpu",
        threads <= cores,
        f"{cores} cores, torch uses {threads} threads",
        "" if threads <= cores else f"set threads to {cores} or fewer (EMOTUI_THREADS)",
    )
    if not torch.cuda.is_available():
        built = torch.version.cuda
        detail = f"torch is built for CUDA {built} but sees no device" if built else "no CUDA"
        yield Finding(
            "gpu",
            False,
            detail,
            "models run on the CPU; for a GPU check the driver with nvidia-smi"
            if built
            else "models run on the CPU; for a GPU install a CUDA build of torch",
        )
        return
    for i in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(i)
        yield Finding(
            f"cuda:{i}",
            free > total * 0.1,
            f"{torch.cuda.get_device_name(i)}, {human_bytes(free)} free of {human_bytes(total)}",
            "" if free > total * 0.1 else "another process fills it; see nvidia-smi",
        )


def _memory() -> Finding:
    import psutil  # type: ignore[import-untyped]

    memory = psutil.virtual_memory()
    enough = memory.available > 2e9
    return Finding(
        "memory",
        enough,
        f"{human_bytes(memory.available)} free of {human_bytes(memory.total)}",
        "" if enough else "under 2 GB: close programs or use a small model",
    )


def _home(home: Path) -> Iterator[Finding]:
    existing = home
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".emotui-doctor-"):
            yield Finding("data directory", True, f"{home} can be written")
    except OSError as e:
        yield Finding(
            "data directory",
            False,
            f"{home} cannot be written: {e.strerror}",
            "choose another with --home or EMOTUI_HOME",
        )
    free = shutil.disk_usage(existing).free
    yield Finding(
        "disk",
        free > 5e9,
        f"{human_bytes(free)} free at {existing}",
        "" if free > 5e9 else "activations are large; choose a bigger disk with --home",
    )


def _terminal() -> Iterator[Finding]:
    is_terminal = sys.stdout.isatty()
    size = shutil.get_terminal_size()
    term = os.environ.get("TERM", "not set")
    inside = ", in tmux" if os.environ.get("TMUX") else ""
    if not is_terminal:
        yield Finding("terminal", True, f"output is not a terminal (TERM {term})")
        return
    mode = mode_of(is_terminal=True)
    looks = {"truecolor": "16 million colours", "256": "256 colours"}.get(mode)
    yield Finding(
        "terminal",
        True,
        f"TERM {term}{inside}, {looks or 'underline and dim instead of colours'}",
    )
    big = size.columns >= 80 and size.lines >= 24
    yield Finding(
        "terminal size",
        big,
        f"{size.columns}x{size.lines}",
        "" if big else "tables are cut below 80x24; enlarge the window",
    )
    encoding = (sys.stdout.encoding or "").lower()
    yield Finding(
        "encoding",
        "utf" in encoding,
        encoding or "unknown",
        "" if "utf" in encoding else "set LANG to a UTF-8 locale, e.g. C.UTF-8",
    )
