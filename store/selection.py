"""Which rows of a dataset take part: by label, topic and number, and splits along topics.

In: an open `Dataset` and wishes. Out: `Selection`, row numbers in dataset order with a hash that
names exactly these rows of exactly this dataset. Draws depend on (seed, row number) and (seed,
topic name) only, through hashes, so they are the same on every machine and numpy version.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, UInt64

from store.datasets import Dataset
from store.errors import DatasetError
from store.layout import not_found


@dataclass(frozen=True)
class Selection:
    """Chosen rows of one dataset."""

    indices: Int[np.ndarray, "row"]
    """Row numbers, ascending."""
    hash: str
    """sha256 over the dataset's hash and the row numbers ("dataset_order" of a run)."""
    rules: dict[str, Any]
    """How they were chosen, as plain values."""

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True)
class Split:
    """Two selections that share no topic."""

    train: Selection
    """Rows of the topics to learn from."""
    held_out: Selection
    """Rows of the topics to test on."""
    held_out_topics: tuple[str, ...]
    """Names of those."""
    without_topic: int
    """Rows left out because they have no topic."""


def select(
    dataset: Dataset,
    *,
    labels: Sequence[str] | None = None,
    topics: Sequence[str] | None = None,
    limit: int | None = None,
    per_label: int | None = None,
    seed: int = 0,
) -> Selection:
    """Rows of these labels and topics (None = all), excluded rows never.

    `per_label` draws at most so many of each label (unlabelled rows drop out), then `limit` draws
    at most so many in all; both draw by `seed`, not from the front. NotFound for an unknown name,
    DatasetError when nothing is left.
    """
    info = dataset.info
    mask = dataset.included()
    mask &= _of(dataset.codes, info.labels, labels, "label")
    mask &= _of(dataset.topic_codes, info.topics, topics, "topic")
    rows = np.flatnonzero(mask)
    for what, number in (("limit", limit), ("per_label", per_label)):
        if number is not None and number < 1:
            raise DatasetError(f"{what} is {number}; give 1 or more, or leave it out")
    if per_label is not None:
        codes = dataset.codes[rows]
        parts = [_draw(rows[codes == c], per_label, seed) for c in range(len(info.labels))]
        rows = np.sort(np.concatenate([np.zeros(0, np.int64), *parts]))
    if limit is not None:
        rows = _draw(rows, limit, seed)
    rules = {
        "labels": None if labels is None else list(labels),
        "topics": None if topics is None else list(topics),
        "limit": limit,
        "per_label": per_label,
        "seed": seed,
        "excluded": info.excluded,
    }
    if not len(rows):
        raise DatasetError(f"no row of {info.name!r} is left after the choice of {rules}")
    return selection_of(dataset, rows, rules=rules)


def selection_of(
    dataset: Dataset, rows: Int[np.ndarray, "row"], *, rules: dict[str, Any]
) -> Selection:
    """A selection of exactly these rows."""
    rows = np.ascontiguousarray(np.sort(rows), dtype="<i8")
    rows.flags.writeable = False
    digest = hashlib.sha256(dataset.info.hash.encode() + rows.tobytes()).hexdigest()
    return Selection(rows, digest, rules)


def split_by_group(
    dataset: Dataset,
    *,
    fraction: float = 0.2,
    seed: int = 0,
    selection: Selection | None = None,
) -> Split:
    """Hold out about `fraction` of the topics (at least one, never all), whole.

    Raises DatasetError where fewer than two topics are there to split.
    """
    info = dataset.info
    if not 0 < fraction < 1:
        raise DatasetError(f"fraction is {fraction}; give a share of topics between 0 and 1")
    rows = selection.indices if selection else select(dataset).indices
    codes = dataset.topic_codes[rows]
    present = sorted({info.topics[c] for c in np.unique(codes) if c >= 0})
    if len(present) < 2:
        raise DatasetError(
            f"{info.name!r} has {len(present)} topics among these rows and a split needs two; "
            "import it with --topic COLUMN"
        )
    order = sorted(present, key=lambda t: hashlib.sha256(json.dumps([seed, t]).encode()).digest())
    held = sorted(order[: min(len(order) - 1, ceil(fraction * len(order)))])
    inside = _of(codes, info.topics, held, "topic")
    rules = {"fraction": fraction, "seed": seed, "of": selection.hash if selection else None}
    return Split(
        train=selection_of(dataset, rows[~inside & (codes >= 0)], rules=rules | {"side": "train"}),
        held_out=selection_of(dataset, rows[inside], rules=rules | {"side": "held out"}),
        held_out_topics=tuple(held),
        without_topic=int((codes < 0).sum()),
    )


def _of(
    codes: Int[np.ndarray, "row"],
    names: Sequence[str],
    wanted: Sequence[str] | None,
    what: str,
) -> Bool[np.ndarray, "row"]:
    if wanted is None:
        return np.ones(len(codes), bool)
    place = {name: i for i, name in enumerate(names)}
    for name in wanted:
        if name not in place:
            raise not_found(what, name, names)
    return np.isin(codes, [place[name] for name in wanted])


def _draw(rows: Int[np.ndarray, "row"], number: int, seed: int) -> Int[np.ndarray, "row"]:
    if len(rows) <= number:
        return rows
    keys = _keys(rows, seed)
    return np.sort(rows[np.lexsort((rows, keys))[:number]])


def _keys(rows: Int[np.ndarray, "row"], seed: int) -> UInt64[np.ndarray, "row"]:
    """One pseudorandom number per row: the splitmix64 finaliser (Steele et al. 2014)."""
    start = int.from_bytes(hashlib.sha256(f"draw {seed}".encode()).digest()[:8], "little")
    x = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(start)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
