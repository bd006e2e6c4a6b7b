"""Datasets of the Hugging Face hub: fetch the data files, then import them like any folder.

In: a repository id. Out: as import_dataset. The files stay in the hub's own cache, so a second
import works offline. It knows no columns.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from store.datasets import DatasetInfo
from store.errors import DatasetError
from store.importers import import_dataset
from store.layout import Home
from store.rows import Many
from store.sources import FORMATS


def fetch_hub(repo_id: str, *, revision: str | None = None, pattern: str | None = None) -> Path:
    """Fetch a dataset's data files (those matching `pattern`); the folder they are in.

    DatasetError in one line when offline, not found, not permitted or badly named.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    wanted = [pattern, f"**/{pattern}"] if pattern else [f"*{e}*" for e in FORMATS if e != ".txt"]
    try:
        return Path(
            snapshot_download(
                repo_id,
                repo_type="dataset",
                revision=revision,
                allow_patterns=wanted,
                ignore_patterns=["*dataset_info*.json"],
            )
        )
    except HFValidationError:
        raise DatasetError(
            f"{repo_id!r} is neither a file or folder here nor a hub dataset id (OWNER/NAME)"
        ) from None
    except GatedRepoError:
        raise DatasetError(
            f"the hub dataset {repo_id!r} asks for consent; give it on its page, then log in "
            "with `hf auth login`"
        ) from None
    except RevisionNotFoundError:
        raise DatasetError(f"the hub dataset {repo_id!r} has no revision {revision!r}") from None
    except RepositoryNotFoundError:
        raise DatasetError(
            f"the hub has no public dataset {repo_id!r}; check its spelling, or log in with "
            "`hf auth login`"
        ) from None
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, ConnectionError):
        raise DatasetError(
            f"the hub dataset {repo_id!r} cannot be fetched: the hub is not reachable and it is "
            "not in the local cache; go online, or give a file or folder"
        ) from None
    except HfHubHTTPError as error:
        reason = str(error).splitlines()[0]
        raise DatasetError(f"the hub refused {repo_id!r}: {reason}; try again later") from None


def import_hub(
    home: Home,
    repo_id: str,
    *,
    name: str,
    revision: str | None = None,
    pattern: str | None = None,
    text: str = "text",
    label: str | None = None,
    topic: str | None = None,
    spans: str | None = None,
    turns: bool | Sequence[str] = False,
    label_names: Path | Sequence[str] | None = None,
    separator: str | None = None,
    many: Many = "drop",
    replace: bool = False,
    on_progress: Callable[[int, float], None] | None = None,
) -> DatasetInfo:
    """Fetch and import; the arguments are those of `import_dataset`.

    The commit that was fetched is part of the recorded source.
    """
    folder = fetch_hub(repo_id, revision=revision, pattern=pattern)
    return import_dataset(
        home, folder, name=name, text=text, label=label, topic=topic, spans=spans, turns=turns,
        pattern=pattern, label_names=label_names, separator=separator, many=many, replace=replace,
        source_note=f"hub:{repo_id}@{folder.name}", on_progress=on_progress,
    )  # fmt: skip
