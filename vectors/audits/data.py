"""What the controls on stored activations are given: one layer's rows with labels and topics.

In: arrays. Out: `AuditData`, checked once. Knows no store; layer and model are the caller's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from vectors.errors import DataError

MIN_TOPICS = 6
"""Fewer cannot be split in three, or into five folds with something left over."""
GOOD_TOPICS, GOOD_ITEMS = 20, 10
"""Below these a probe control cannot pass without a warning (convention)."""


@dataclass(frozen=True, eq=False)
class AuditData:
    """One layer of pooled activations over labelled texts."""

    rows: Float[np.ndarray, "text d_model"]
    codes: Int[np.ndarray, "text"]
    """Index into `labels`."""
    labels: tuple[str, ...]
    groups: Int[np.ndarray, "text"]
    """Topic of each text: the unit of folds, permutations and intervals."""
    lengths: Int[np.ndarray, "text"] | None = None
    """Tokens of each text; None = unknown, and P4 and G2 are then limited."""
    texts: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        n = len(self.rows)
        for name, given in (("labels", self.codes), ("topics", self.groups),
                            ("lengths", self.lengths), ("texts", self.texts)):  # fmt: skip
            if given is not None and len(given) != n:
                raise DataError(f"{n} rows of activations but {len(given)} {name}; give one each")
        if self.rows.ndim != 2 or not np.isfinite(self.rows).all():
            raise DataError("rows must be [text, d_model] and finite; leave out set-aside texts")
        if len(np.unique(self.codes)) < 2 or self.codes.min() < 0:
            raise DataError("an audit needs two labels or more and no unlabelled text")
        if self.codes.max() >= len(self.labels):
            raise DataError(f"label code {self.codes.max()} for {len(self.labels)} labels")
        if self.n_groups < MIN_TOPICS:
            raise DataError(
                f"{self.n_groups} topics; controls need {MIN_TOPICS} or more to hold some out"
            )
        if self.lengths is not None and self.lengths.min() < 1:
            raise DataError("a text has length 0; leave it out")

    @property
    def n(self) -> int:
        """Texts."""
        return len(self.rows)

    @property
    def n_groups(self) -> int:
        """Topics."""
        return len(np.unique(self.groups))

    @property
    def n_labels(self) -> int:
        """Labels, occurring or not."""
        return len(self.labels)

    def code(self, label: str) -> int:
        """The code of a label; DataError names those there are."""
        if label not in self.labels:
            raise DataError(f"no label {label!r}; there are: {', '.join(self.labels)}")
        return self.labels.index(label)

    def one_against_rest(self, label: str) -> "AuditData":
        """Two labels: everything else (0) and `label` (1)."""
        codes = (self.codes == self.code(label)).astype(np.int64)
        return replace(self, codes=codes, labels=(f"not {label}", label))

    def only(self, labels: Sequence[str]) -> "AuditData":
        """The texts of these labels, which become the labels, in this order."""
        codes = np.full(self.n_labels, -1)
        codes[[self.code(label) for label in labels]] = np.arange(len(labels))
        part = self.take(codes[self.codes] >= 0)
        return replace(part, codes=codes[part.codes], labels=tuple(labels))

    @property
    def present(self) -> tuple[str, ...]:
        """Labels that occur."""
        return tuple(self.labels[k] for k in np.unique(self.codes))

    def take(self, keep: Bool[np.ndarray, "text"] | Int[np.ndarray, "text"]) -> "AuditData":
        """Some of the texts."""
        return replace(
            self,
            rows=self.rows[keep],
            codes=self.codes[keep],
            groups=self.groups[keep],
            lengths=None if self.lengths is None else self.lengths[keep],
            texts=None if self.texts is None else tuple(np.asarray(self.texts, object)[keep]),
        )

    def with_rows(self, rows: Float[np.ndarray, "text d_model"]) -> "AuditData":
        """The same texts with other activations (another pooling, layer or model)."""
        return replace(self, rows=rows)

    def thin(self) -> tuple[str, ...]:
        """Why this is little data; empty when it is not."""
        fewest = int(np.bincount(self.codes, minlength=self.n_labels).min())
        out = []
        if self.n_groups < GOOD_TOPICS:
            out.append(f"{self.n_groups} topics, fewer than {GOOD_TOPICS}")
        if fewest < GOOD_ITEMS:
            out.append(f"{fewest} texts of the rarest label, fewer than {GOOD_ITEMS}")
        return tuple(out)


def unit_rows(rows: Float[np.ndarray, "text d_model"]) -> Float[np.ndarray, "text d_model"]:
    """Rows at length 1; a row of zeros stays."""
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norm > 0, norm, 1))


def cosine(a: Float[np.ndarray, "d_model"], b: Float[np.ndarray, "d_model"]) -> float:
    """Cosine of two vectors; NaN where one is zero."""
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 0 else float("nan")


def halves_by_group(
    groups: Int[np.ndarray, "text"],
    rng: np.random.Generator,
    *,
    parts: Sequence[float] = (0.5, 0.5),
) -> Int[np.ndarray, "text"]:
    """Part of each text so that no topic is in two parts; `parts` are shares of topics."""
    names, own = np.unique(groups, return_inverse=True)
    order = rng.permutation(len(names))
    edges = np.round(np.cumsum(parts) / np.sum(parts) * len(names)).astype(int)
    part = np.searchsorted(edges, np.arange(len(names)), side="right")
    of_group = np.empty(len(names), dtype=np.int64)
    of_group[order] = np.minimum(part, len(parts) - 1)
    return np.asarray(of_group[own])
