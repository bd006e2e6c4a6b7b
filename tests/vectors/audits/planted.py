"""Activation sets with known truth, in pure numpy: what the controls must find and must not."""

from dataclasses import dataclass, replace

import numpy as np

from vectors.audits.data import AuditData

WORDS = ("river", "table", "coin", "door", "lamp", "bread", "stone", "window", "paper", "coat")


@dataclass(frozen=True)
class World:
    """Strengths of what is planted; all 0 = noise."""

    n_topics: int = 24
    per_cell: int = 6
    """Texts per topic and label."""
    n_labels: int = 2
    d: int = 24
    signal: float = 0.0
    """Distance of a label's mean from the centre, in noise sds."""
    topic: float = 1.0
    """Spread of topic means."""
    length: float = 0.0
    """Push along one direction per sd of log length."""
    length_by_label: float = 0.0
    """How far labels differ in mean log length, in its sds."""
    unbalanced: bool = False
    """Whether each topic prefers one label."""
    named: bool = False
    """Whether every text names its label."""
    offset: float = 5.0
    """Length of the mean all rows share (residual streams are far from centred)."""
    seed: int = 0


def labels(n: int) -> tuple[str, ...]:
    return ("anger", "sorrow", "delight", "calm", "fright", "pride", "shame", "envy", "hope",
            "pity", "neutral", "awe")[:n]  # fmt: skip


def plant(world: World) -> tuple[AuditData, np.ndarray]:
    """The data and the unit directions that were planted [label, d]."""
    w, rng = world, np.random.default_rng(world.seed)
    axes = np.linalg.qr(rng.standard_normal((w.d, w.d)))[0]
    directions = axes[: w.n_labels]
    length_axis, offset = axes[-1], axes[-2] * w.offset
    codes, groups = [], []
    for topic in range(w.n_topics):
        for label in range(w.n_labels):
            count = w.per_cell
            if w.unbalanced:
                liked = topic % w.n_labels == label
                count = 2 * w.per_cell - 1 if liked else 1
            codes += [label] * count
            groups += [topic] * count
    code, group = np.array(codes), np.array(groups)
    n = len(code)
    z = rng.standard_normal(n) + w.length_by_label * (code - (w.n_labels - 1) / 2)
    lengths = np.maximum(5, np.round(np.exp(4.4 + 0.4 * z))).astype(int)
    sizes = rng.uniform(0.5, 1.5, w.d)
    rows = (
        rng.standard_normal((n, w.d)) * sizes
        + w.topic * rng.standard_normal((w.n_topics, w.d))[group]
        + w.signal * directions[code]
        + w.length * z[:, None] * length_axis
        + offset
    )
    names = labels(w.n_labels)
    texts = tuple(
        " ".join(rng.choice(WORDS, 8)) + (f" with {names[c]} in it" if w.named else "")
        for c in code
    )
    return AuditData(rows, code, names, group, lengths, texts), directions


def with_texts(data: AuditData, words: dict[int, str]) -> AuditData:
    """Each label's own word added to its texts."""
    assert data.texts is not None
    made = tuple(f"{t} {words[int(c)]}" for t, c in zip(data.texts, data.codes, strict=True))
    return replace(data, texts=made)
