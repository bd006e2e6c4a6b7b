"""Texts that occur twice: the same after normalisation, or nearly the same.

In: texts, in batches. Out: groups of rows. Same: NFKC, lower case, letters and digits only (of any
script), compared by a 64-bit blake2b. Near: Jaccard similarity of the sets of three-word shingles
of at least `threshold`; candidates come from MinHash (Broder 1997) with 64 hashes in 16 bands of
4, so a pair at similarity 0.7 is proposed with probability 0.99, at 0.5 with 0.64, and every
proposed pair is then compared exactly, unless all 64 hashes agree (chance 1e-10 at 0.7). In a
crowded band only each text's predecessor and the first text are compared, so near groups are
chains; texts under three words take no part. Knows no labels.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Int, UInt32, UInt64

from store.words import Words

_HASHES, _BANDS = 64, 16
_WORD = re.compile(r"[^\W_]+")
_MAX_PAIRS = 200_000


@dataclass(frozen=True)
class Groups:
    """Rows that belong together."""

    groups: tuple[tuple[int, ...], ...]
    """Each with at least two rows, ascending; larger groups first."""
    redundant: int
    """Rows that would go if each group kept one."""


def normalise(text: str) -> str:
    """Words of the text in lower case, compatibility forms folded, joined by one space."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    # A text of signs only (emoji) stays as it is: it is not the same as every other such text.
    return " ".join(_WORD.findall(text.lower())) or text.strip()


def text_keys(texts: Sequence[str]) -> UInt64[np.ndarray, "text"]:
    """A 64-bit key per normalised text."""
    digests = (hashlib.blake2b(normalise(t).encode(), digest_size=8).digest() for t in texts)
    return np.frombuffer(b"".join(digests), "<u8")


def same_groups(keys: UInt64[np.ndarray, "text"]) -> Groups:
    """Rows whose keys are equal."""
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    return _groups(np.stack([order[same], order[same + 1]], axis=1))


class NearFinder:
    """Collects MinHash signatures batch by batch, then finds near duplicates."""

    def __init__(self) -> None:
        rng = np.random.Generator(np.random.PCG64(20260101))
        self._mix = rng.integers(1, 2**63, _HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        self._add = rng.integers(0, 2**63, _HASHES, dtype=np.uint64)
        self._parts: list[UInt32[np.ndarray, "text hash"]] = []
        self._usable: list[Any] = []

    def add(self, words: Words) -> None:
        """Take a batch of texts, split into words."""
        shingles, starts, counts = _shingles(words)
        signature = np.full((len(counts), _HASHES), 0xFFFFFFFF, np.uint32)
        usable = counts > 0
        if usable.any():
            at = starts[usable]
            for k in range(_HASHES):
                mixed = ((shingles * self._mix[k] + self._add[k]) >> np.uint64(32)).astype(
                    np.uint32
                )
                signature[usable, k] = np.minimum.reduceat(mixed, at)
        self._parts.append(signature)
        self._usable.append(usable)

    def find(
        self, text_of: Callable[[int], str], same: Groups, *, threshold: float
    ) -> tuple[Groups, bool]:
        """Near duplicate groups, `same` ones included; True where the pairs hit their cap."""
        signature = np.concatenate([np.zeros((0, _HASHES), np.uint32), *self._parts])
        rows = np.flatnonzero(np.concatenate([np.zeros(0, bool), *self._usable]))
        pairs = self._candidates(signature, rows)
        sure = 0
        if len(pairs):
            agree = np.zeros(len(pairs), np.float32)
            for at in range(0, len(pairs), 65536):
                part = pairs[at : at + 65536]
                agree[at : at + 65536] = (signature[part[:, 0]] == signature[part[:, 1]]).mean(1)
            # The estimate has a standard error of 0.06: keep what may reach the threshold.
            order = np.argsort(-agree, kind="stable")
            pairs = pairs[order[agree[order] >= threshold - 0.2]]
            sure = int((agree == 1).sum())
        capped = len(pairs) - sure > _MAX_PAIRS
        pairs = pairs[: sure + _MAX_PAIRS]
        near = [True] * sure
        near += [jaccard(text_of(int(a)), text_of(int(b))) >= threshold for a, b in pairs[sure:]]
        known = [pair for group in same.groups for pair in pairwise(group)]
        links = np.array(known, np.int64).reshape(-1, 2)
        return _groups(np.concatenate([pairs[np.array(near, bool)], links])), capped

    def _candidates(
        self, signature: UInt32[np.ndarray, "text hash"], rows: Int[np.ndarray, "row"]
    ) -> Int[np.ndarray, "pair two"]:
        found = []
        width = _HASHES // _BANDS
        for band in range(_BANDS):
            key = np.zeros(len(rows), np.uint64)
            for k in range(band * width, (band + 1) * width):
                key = (key ^ signature[rows, k]) * np.uint64(0x9E3779B97F4A7C15)
                key ^= key >> np.uint64(29)
            order = np.argsort(key, kind="stable")
            ordered = key[order]
            same = np.flatnonzero(ordered[1:] == ordered[:-1]) + 1
            if not len(same):
                continue
            new = np.concatenate([[True], ordered[1:] != ordered[:-1]])
            first = np.maximum.accumulate(np.where(new, np.arange(len(ordered)), 0))
            found.append(np.stack([rows[order[same - 1]], rows[order[same]]], axis=1))
            found.append(np.stack([rows[order[first[same]]], rows[order[same]]], axis=1))
        if not found:
            return np.zeros((0, 2), np.int64)
        pairs: Int[np.ndarray, "pair two"] = np.unique(np.concatenate(found), axis=0)
        return pairs


def _shingles(
    words: Words,
) -> tuple[UInt64[np.ndarray, "shingle"], Int[np.ndarray, "text"], Int[np.ndarray, "text"]]:
    """Hashes of all three-word shingles, where each text's begin, and how many it has."""
    offsets = words.offsets
    digests = (hashlib.blake2b(name.encode(), digest_size=8).digest() for name in words.names)
    ids = np.frombuffer(b"".join(digests), "<u8")[words.ids]
    counts = np.maximum(np.diff(offsets) - 2, 0)
    if len(ids) < 3:
        return np.zeros(0, np.uint64), offsets[:-1], np.zeros(len(offsets) - 1, np.int64)
    made = ids[:-2] * np.uint64(0x9E3779B97F4A7C15) + (ids[1:-1] ^ (ids[1:-1] >> np.uint64(31)))
    made = made * np.uint64(0xBF58476D1CE4E5B9) + ids[2:]
    made ^= made >> np.uint64(33)
    # Shingles that reach into the next text are dropped, so that reduceat sees only whole ones.
    inside = np.ones(len(made), bool)
    ends = offsets[1:-1]
    for back in (1, 2):
        at = ends - back
        inside[at[(at >= 0) & (at < len(made))]] = False
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return made[inside], starts, counts


def jaccard(one: str, other: str) -> float:
    """Similarity of two texts' sets of three-word shingles, 0 to 1."""
    a, b = _shingle_set(one), _shingle_set(other)
    return len(a & b) / len(a | b) if a and b else 0.0


def _shingle_set(text: str) -> set[tuple[str, str, str]]:
    words = normalise(text).split()
    return set(zip(words, words[1:], words[2:], strict=False))


def _groups(pairs: Int[np.ndarray, "pair two"]) -> Groups:
    """Connected components of the pairs (union-find)."""
    parent: dict[int, int] = {}

    def root(i: int) -> int:
        while parent.setdefault(i, i) != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for a, b in pairs.tolist():
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    members: dict[int, list[int]] = {}
    for i in sorted(parent):
        members.setdefault(root(i), []).append(i)
    groups = sorted((tuple(g) for g in members.values()), key=lambda g: (-len(g), g))
    return Groups(tuple(groups), sum(len(g) - 1 for g in groups))


def crossing(groups: Iterable[tuple[int, ...]], codes: Int[np.ndarray, "row"]) -> int:
    """Rows in groups whose members have different codes (-1 counts as none)."""
    return sum(len(g) for g in groups if len({int(codes[i]) for i in g} - {-1}) > 1)
