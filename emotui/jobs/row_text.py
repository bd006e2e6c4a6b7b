"""Job: one row of a dataset as a text to look at.

In: a dataset's name and a row. Out: a ShownText. Needs no model.
"""

from emotui.errors import OptionError
from emotui.events import Done, Job
from emotui.workspace import ShownText
from store.datasets import Dataset
from store.layout import Home


def row_text_job(home: Home, dataset: str, row: int) -> Job:
    """Done holds a ShownText; OptionError names the rows there are."""
    data = Dataset.open(home, dataset)
    if not 0 <= row < len(data):
        raise OptionError(f"row {row:,} is not in {dataset}; its rows are 0 to {len(data) - 1:,}")
    found = data.row(row)
    label = f" · {found.label}" if found.label else ""
    yield Done(ShownText(found.text, f"{dataset} row {row:,}{label}"))
