"""Persistence: activations, datasets, runs, vectors; knows no torch.

The names below are loaded when they are first used, so that `import store` costs nothing.
`verify` is called as `store.verify.verify`, since the module has the same name.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.identity import RunIdentity as RunIdentity
    from store.layout import Home as Home
    from store.runs import PoolingStats as PoolingStats
    from store.runs import Run as Run
    from store.runs import RunSummary as RunSummary
    from store.runs import list_runs as list_runs
    from store.runs import remove_run as remove_run
    from store.space import preflight as preflight
    from store.verify import Problem as Problem
    from store.writer import RunWriter as RunWriter

_HOME = {
    "Home": "store.layout",
    "PoolingStats": "store.runs",
    "Problem": "store.verify",
    "Run": "store.runs",
    "RunIdentity": "store.identity",
    "RunSummary": "store.runs",
    "RunWriter": "store.writer",
    "list_runs": "store.runs",
    "preflight": "store.space",
    "remove_run": "store.runs",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'store' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
