"""Jobs: import a dataset, check one.

In: a file, folder or hub id and which column is what; or a dataset's name. Out: DatasetInfo, or
DatasetCheck. Imports no torch.
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from emotui.errors import UserError
from emotui.events import Cancelled, Done, Job, Note, Progress, never
from emotui.jobs.streaming import Emit, streaming
from emotui.sanitize import one_line
from store.datasets import Dataset, DatasetInfo
from store.importers import import_dataset
from store.layout import Home
from vectors.errors import Cancelled as CancelledError

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_HUB_PATTERNS = ["*.parquet", "*.jsonl", "*.csv", "*.tsv", "*.json"]


@dataclass(frozen=True)
class ImportRequest:
    """What to import and which column is what; see store.importers.import_dataset."""

    source: str
    name: str
    text: str = "text"
    label: str | None = None
    topic: str | None = None
    spans: str | None = None
    turns: bool = False
    header: bool = True
    columns: tuple[str, ...] = ()
    encoding: str = "utf-8"
    delimiter: str | None = None
    txt: Literal["line", "file"] = "line"
    pattern: str | None = None
    label_names: Path | None = None
    many: Literal["drop", "first", "join"] = "drop"
    replace: bool = False


def import_job(home: Home, request: ImportRequest, *, cancelled: Cancelled = never) -> Job:
    """Imports whole or not at all; Done holds the DatasetInfo."""
    source = Path(request.source).expanduser()
    note = None
    if not source.exists() and _HUB_ID.fullmatch(request.source):
        yield Progress(0, None, "files", note=f"fetch {request.source}")
        source, note = _from_hub(request.source), request.source
        yield Note(f"fetched {request.source} from the hub")
    began = time.monotonic()

    def work(emit: Emit) -> DatasetInfo:
        def on_progress(rows: int, share: float) -> None:
            if cancelled():
                raise CancelledError("the import was cancelled; no dataset was made")
            rate = rows / max(time.monotonic() - began, 1e-9)
            total = round(rows / share) if 0 < share < 1 else (rows if share >= 1 else None)
            emit(Progress(rows, total, "rows", rate, "import"))

        return import_dataset(
            home,
            source,
            name=request.name,
            text=request.text,
            label=request.label,
            topic=request.topic,
            spans=request.spans,
            turns=request.turns,
            header=request.header,
            columns=request.columns,
            encoding=request.encoding,
            delimiter=request.delimiter,
            txt=request.txt,
            pattern=request.pattern,
            label_names=request.label_names,
            many=request.many,
            replace=request.replace,
            source_note=note,
            on_progress=on_progress,
        )

    info = yield from streaming(work)
    yield Done(info)


def _from_hub(hub_id: str) -> Path:
    """The local folder of a hub dataset's data files; UserError when it cannot be fetched."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        return Path(snapshot_download(hub_id, repo_type="dataset", allow_patterns=_HUB_PATTERNS))
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError) as e:
        raise UserError(
            f"{one_line(hub_id)!r} is neither a file here nor a hub dataset that can be fetched "
            f"({type(e).__name__}); give a path, or check the id and the connection"
        ) from e


def check_job(home: Home, name: str, *, cancelled: Cancelled = never) -> Job:
    """Looks through a whole dataset; Done holds the DatasetCheck."""
    from store.checks import check_dataset

    del cancelled
    dataset = Dataset.open(home, name)
    yield Progress(0, len(dataset), "rows", note="check")
    found = check_dataset(dataset)
    yield Done(found)
