"""Persistence: activations, datasets, runs, vectors; knows no torch.

The names below are loaded when they are first used, so that `import store` costs nothing.
`verify` is called as `store.verify.verify`, since the module has the same name.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.checks import DatasetCheck as DatasetCheck
    from store.checks import check_dataset as check_dataset
    from store.datasets import Dataset as Dataset
    from store.datasets import DatasetInfo as DatasetInfo
    from store.datasets import Row as Row
    from store.datasets import list_datasets as list_datasets
    from store.datasets import remove_dataset as remove_dataset
    from store.foreign import read_foreign_vectors as read_foreign_vectors
    from store.foreign_activations import read_foreign_activations as read_foreign_activations
    from store.hub import import_hub as import_hub
    from store.identity import RunIdentity as RunIdentity
    from store.importers import import_dataset as import_dataset
    from store.layout import Home as Home
    from store.runs import PoolingStats as PoolingStats
    from store.runs import Run as Run
    from store.runs import RunSummary as RunSummary
    from store.runs import list_runs as list_runs
    from store.runs import remove_run as remove_run
    from store.selection import Selection as Selection
    from store.selection import select as select
    from store.selection import split_by_group as split_by_group
    from store.space import preflight as preflight
    from store.vectorsets import export_vectors as export_vectors
    from store.vectorsets import list_vectors as list_vectors
    from store.vectorsets import load_vectors as load_vectors
    from store.vectorsets import remove_vectors as remove_vectors
    from store.vectorsets import save_vectors as save_vectors
    from store.verify import Problem as Problem
    from store.writer import RunWriter as RunWriter

_HOME = {
    "Dataset": "store.datasets",
    "DatasetCheck": "store.checks",
    "DatasetInfo": "store.datasets",
    "Home": "store.layout",
    "PoolingStats": "store.runs",
    "Problem": "store.verify",
    "Row": "store.datasets",
    "Run": "store.runs",
    "RunIdentity": "store.identity",
    "RunSummary": "store.runs",
    "RunWriter": "store.writer",
    "Selection": "store.selection",
    "check_dataset": "store.checks",
    "export_vectors": "store.vectorsets",
    "import_dataset": "store.importers",
    "import_hub": "store.hub",
    "list_datasets": "store.datasets",
    "list_runs": "store.runs",
    "list_vectors": "store.vectorsets",
    "load_vectors": "store.vectorsets",
    "preflight": "store.space",
    "read_foreign_activations": "store.foreign_activations",
    "read_foreign_vectors": "store.foreign",
    "remove_dataset": "store.datasets",
    "remove_run": "store.runs",
    "remove_vectors": "store.vectorsets",
    "save_vectors": "store.vectorsets",
    "select": "store.selection",
    "split_by_group": "store.selection",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'store' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
