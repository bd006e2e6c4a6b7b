"""Words of many texts at once: runs of letters and digits, lower case, as numbers.

In: an Arrow array of strings. Out: `Words`. Knows nothing of labels or duplicates.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from jaxtyping import Int


@dataclass(frozen=True)
class Words:
    """The words of a batch of texts, one after the other."""

    names: list[str]
    """Every distinct word."""
    ids: Int[np.ndarray, "word"]
    """For each word in turn its place in `names`."""
    offsets: Int[np.ndarray, "text_plus_1"]
    """Text i owns ids[offsets[i]:offsets[i + 1]]; a text without words owns one empty word."""

    def text_of(self, at: Int[np.ndarray, "hit"]) -> Int[np.ndarray, "hit"]:
        """Which text the words at these places belong to."""
        found: Int[np.ndarray, hit] = np.searchsorted(self.offsets, at, side="right") - 1
        return found


def split_words(texts: Any) -> Words:
    """Split a batch."""
    lower = pc.utf8_lower(texts)
    plain = pc.replace_substring_regex(lower, pattern=r"[^\pL\pN]+", replacement=" ")
    split = pc.split_pattern(pc.utf8_trim_whitespace(plain), " ")
    words = split.flatten().dictionary_encode()
    offsets = split.offsets.to_numpy().astype(np.int64)
    return Words(
        names=words.dictionary.to_pylist(),
        ids=words.indices.to_numpy(),
        offsets=offsets - offsets[0],
    )
