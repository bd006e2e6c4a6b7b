"""Look a dataset over before anything is computed from it.

In: an open `Dataset`. Out: `DatasetCheck`: counts, balance, lengths, duplicates, label words in
texts, control characters, and a sentence per thing to worry about. Excluded rows take no part.
Cramer's V is corrected for bias (Bergsma 2013); eta squared is the share of the variance of text
length (characters) that lies between labels. Knows no model; tokens are not counted here.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Int

from store.datasets import Dataset
from store.duplicates import NearFinder, crossing, same_groups, text_keys
from store.leaks import LeakFinder
from store.words import split_words

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
# C0 without tab, line feed and carriage return; DEL; C1; marks that turn the writing direction.
_CONTROL = (
    r"[\x{00}-\x{08}\x{0b}\x{0c}\x{0e}-\x{1f}\x{7f}-\x{9f}\x{202a}-\x{202e}\x{2066}-\x{2069}]"
)
_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Duplicates:
    """Texts that occur more than once."""

    groups: int
    """Sets of rows with one text."""
    redundant: int
    """Rows that would go if each set kept one."""
    across_labels: int
    """Rows in sets that carry different labels."""
    across_topics: int
    """Rows in sets that carry different topics: folds by topic do not keep these apart."""
    examples: tuple[tuple[int, ...], ...]
    """Row numbers of the largest sets (at most ten sets, five rows each)."""


@dataclass(frozen=True)
class Leak:
    """How often the texts of one label use its own word."""

    label: str
    """The label."""
    n: int
    """Its texts."""
    named: int
    """Texts with the label itself (or a long part of it) as a word."""
    derived: int
    """Texts with any form made from it, the label itself included; rules in leaks.py."""
    examples: tuple[int, ...]
    """Rows, at most five."""

    @property
    def rate(self) -> float:
        """Share of texts with any form, 0 to 1."""
        return self.derived / self.n if self.n else 0.0


@dataclass(frozen=True)
class DatasetCheck:
    """What a look over the dataset found; counts are rows unless said otherwise."""

    name: str
    """Dataset."""
    rows: int
    """Rows looked at."""
    excluded: int
    """Rows set aside and not looked at."""
    skipped: dict[str, int]
    """Reason -> records the import passed over."""
    labels: dict[str, int]
    """Label -> rows, in the order of the label codes."""
    unlabelled: int
    """Rows without a label."""
    topics: int
    """Topics that occur."""
    rows_per_topic: tuple[int, int]
    """Fewest and most rows of a topic; (0, 0) without topics."""
    without_topic: int
    """Rows without a topic."""
    label_topic_v: float | None
    """Cramer's V of label and topic, 0 (independent) to 1; None where either is missing."""
    empty_cells: float | None
    """Share of label x topic pairs without a row; None as above."""
    characters: dict[str, float]
    """Quantile of text length in characters ("0.5" -> median)."""
    words: dict[str, float]
    """The same in words."""
    length_eta2: float | None
    """Share of length variance between labels, 0 to 1; None with fewer than two labels."""
    length_n: int
    """Rows behind that number."""
    very_short: int
    """Texts of fewer than three words."""
    same: Duplicates
    """Equal after normalisation (case, punctuation and white space ignored)."""
    near: Duplicates
    """Near duplicates, the same ones included; see duplicates.py."""
    near_threshold: float
    """Jaccard similarity of three-word shingles from which texts count as near."""
    near_capped: bool
    """True where there were too many candidate pairs to compare them all."""
    leaks: tuple[Leak, ...]
    """Label words in texts of that label."""
    any_label_word: int
    """Labelled rows that contain a form of any label."""
    control_characters: int
    """Texts with control characters or marks that turn the writing direction."""
    control_examples: tuple[int, ...]
    """Rows, at most five."""
    warnings: tuple[str, ...]
    """One sentence per thing to worry about."""

    @property
    def leak_rate(self) -> float:
        """Share of labelled rows that use a form of their own label, 0 to 1."""
        n = sum(leak.n for leak in self.leaks)
        return sum(leak.derived for leak in self.leaks) / n if n else 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"leak_rate": self.leak_rate}


@dataclass
class _Scan:
    """What one pass over the texts collects, by row looked at."""

    words: Int[np.ndarray, "row"]
    control: Bool[np.ndarray, "row"]
    named: Bool[np.ndarray, "row"]
    derived: Bool[np.ndarray, "row"]
    any_word: Bool[np.ndarray, "row"]
    keys: Any
    near: NearFinder


def check_dataset(
    dataset: Dataset,
    *,
    near_threshold: float = 0.7,
    on_progress: Callable[[int, int], None] | None = None,
) -> DatasetCheck:
    """Check all rows that are not excluded; `on_progress(done, total)` counts rows."""
    info = dataset.info
    rows = np.flatnonzero(dataset.included())
    codes, topics = dataset.codes[rows], dataset.topic_codes[rows]
    lengths = dataset.lengths[rows]
    scan = _scan(dataset, rows, codes, on_progress)
    texts = dataset.texts_at(rows)
    same = same_groups(scan.keys)
    near, capped = scan.near.find(texts.__getitem__, same, threshold=near_threshold)

    def duplicates(groups: tuple[tuple[int, ...], ...], redundant: int) -> Duplicates:
        shown = tuple(tuple(int(rows[i]) for i in g[:5]) for g in groups[:10])
        return Duplicates(
            len(groups), redundant, crossing(groups, codes), crossing(groups, topics), shown
        )

    per_label = np.bincount(codes[codes >= 0], minlength=len(info.labels))
    per_topic = np.bincount(topics[topics >= 0], minlength=len(info.topics))
    per_topic = per_topic[per_topic > 0]
    table = contingency(codes, topics, len(info.labels), len(info.topics))
    labelled = codes >= 0
    several = int((per_label > 0).sum()) > 1
    control = rows[scan.control]
    found = DatasetCheck(
        name=info.name,
        rows=len(rows),
        excluded=len(dataset) - len(rows),
        skipped=info.skipped,
        labels={name: int(n) for name, n in zip(info.labels, per_label, strict=True)},
        unlabelled=int((~labelled).sum()),
        topics=len(per_topic),
        rows_per_topic=(int(per_topic.min()), int(per_topic.max())) if len(per_topic) else (0, 0),
        without_topic=int((topics < 0).sum()),
        label_topic_v=cramers_v(table),
        empty_cells=float((table == 0).mean()) if table.size else None,
        characters=_quantiles(lengths),
        words=_quantiles(scan.words),
        length_eta2=eta_squared(lengths[labelled], codes[labelled]) if several else None,
        length_n=int(labelled.sum()),
        very_short=int((scan.words < 3).sum()),
        same=duplicates(same.groups, same.redundant),
        near=duplicates(near.groups, near.redundant),
        near_threshold=near_threshold,
        near_capped=capped,
        leaks=tuple(
            _leak(name, rows, codes == c, scan.named, scan.derived)
            for c, name in enumerate(info.labels)
        ),
        any_label_word=int((scan.any_word & labelled).sum()),
        control_characters=len(control),
        control_examples=tuple(int(i) for i in control[:5]),
        warnings=(),
    )
    return DatasetCheck(**(found.__dict__ | {"warnings": tuple(_warnings(found))}))


def _scan(
    dataset: Dataset,
    rows: Int[np.ndarray, "row"],
    codes: Int[np.ndarray, "row"],
    on_progress: Callable[[int, int], None] | None,
) -> _Scan:
    """One pass over the texts of `rows`, some thousand at a time."""
    n = len(rows)
    leaks = LeakFinder(dataset.info.labels)
    named, derived, any_word, control = (np.zeros(n, bool) for _ in range(4))
    words = np.zeros(n, np.int64)
    keys = []
    near = NearFinder()
    for start in range(0, n, _ROWS_AT_ONCE):
        stop = min(start + _ROWS_AT_ONCE, n)
        part = slice(start, stop)
        strings = dataset.texts_at(rows[part])[:]
        texts = pa.array(strings, pa.large_string())
        split = split_words(texts)
        real = np.array([bool(name) for name in split.names], bool)[split.ids]
        words[part] = np.add.reduceat(real, split.offsets[:-1], dtype=np.int64)
        control[part] = _matches(texts, _CONTROL)
        keys.append(text_keys(strings))
        near.add(split)
        found = leaks.find(split, codes[part])
        named[part], derived[part], any_word[part] = found
        if on_progress:
            on_progress(stop, n)
    joined = np.concatenate([np.zeros(0, np.uint64), *keys])
    return _Scan(words, control, named, derived, any_word, joined, near)


def _matches(texts: Any, pattern: str) -> Bool[np.ndarray, "row"]:
    found = pc.match_substring_regex(texts, pattern)
    return np.asarray(found.to_numpy(zero_copy_only=False), bool)


def _leak(
    name: str,
    rows: Int[np.ndarray, "row"],
    mine: Bool[np.ndarray, "row"],
    named: Bool[np.ndarray, "row"],
    derived: Bool[np.ndarray, "row"],
) -> Leak:
    where = rows[mine & derived]
    return Leak(
        label=name,
        n=int(mine.sum()),
        named=int((mine & named).sum()),
        derived=len(where),
        examples=tuple(int(i) for i in where[:5]),
    )


def _quantiles(values: Int[np.ndarray, "row"]) -> dict[str, float]:
    if not len(values):
        return {}
    found = np.quantile(values, QUANTILES)
    return {f"{q:g}": float(v) for q, v in zip(QUANTILES, found, strict=True)}


def contingency(
    codes: Int[np.ndarray, "row"], topics: Int[np.ndarray, "row"], n_labels: int, n_topics: int
) -> Int[np.ndarray, "label topic"]:
    """Rows per label and topic, empty labels and topics left out."""
    both = (codes >= 0) & (topics >= 0)
    cells = codes[both].astype(np.int64) * n_topics + topics[both]
    table = np.bincount(cells, minlength=n_labels * n_topics).reshape(n_labels, n_topics)
    trimmed: Int[np.ndarray, "label topic"] = table[table.any(axis=1)][:, table.any(axis=0)]
    return trimmed


def cramers_v(table: Int[np.ndarray, "label topic"]) -> float | None:
    """Cramer's V with Bergsma's (2013) correction; None with fewer than two rows or columns."""
    r, c = table.shape
    n = int(table.sum())
    if r < 2 or c < 2 or n < 2:
        return None
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi2 = float(((table - expected) ** 2 / expected).sum()) / n
    phi2 = max(0.0, phi2 - (r - 1) * (c - 1) / (n - 1))
    rows, columns = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    smaller = min(rows - 1, columns - 1)
    return min(1.0, float(np.sqrt(phi2 / smaller))) if smaller > 0 else None


def eta_squared(values: Int[np.ndarray, "row"], codes: Int[np.ndarray, "row"]) -> float | None:
    """Share of the variance of `values` between groups; None where there is no variance."""
    x = values.astype(np.float64) - values.mean()
    total = float(x @ x)
    if total == 0:
        return None
    n = np.bincount(codes)
    sums = np.bincount(codes, weights=x)
    return float((sums[n > 0] ** 2 / n[n > 0]).sum()) / total


def _warnings(check: DatasetCheck) -> list[str]:
    """The sentences, worst first within each subject."""
    out = []
    if check.labels and sum(n > 0 for n in check.labels.values()) == 1:
        out.append("there is one label only; nothing can be told apart")
    rare = [name for name, n in check.labels.items() if n < 10]
    if rare:
        out.append(f"{len(rare)} labels have fewer than 10 rows: {', '.join(rare[:8])}")
    if check.labels and not check.topics:
        out.append("there are no topics; folds cannot keep related texts apart")
    if check.label_topic_v is not None and check.label_topic_v > 0.1:
        out.append(f"label and topic depend on each other (Cramer's V {check.label_topic_v:.2f})")
    if check.length_eta2 is not None and check.length_eta2 > 0.05:
        out.append(
            f"text length tells labels apart (eta squared {check.length_eta2:.2f}, "
            f"n {check.length_n}); look at the length-only baseline"
        )
    if check.leak_rate > 0.01:
        out.append(f"{check.leak_rate:.1%} of texts name their own label")
    if check.same.redundant:
        out.append(f"{check.same.redundant} rows repeat the text of another")
    if check.same.across_labels:
        out.append(f"{check.same.across_labels} rows share a text but not its label")
    if check.near.across_topics:
        out.append(f"{check.near.across_topics} rows have a near duplicate under another topic")
    if check.very_short:
        out.append(f"{check.very_short} texts have fewer than three words")
    if check.control_characters:
        out.append(f"{check.control_characters} texts hold control characters")
    return out
