"""What looking at sets of vectors asks for and gives back, as plain values.

In: names of sets, a layer, a file of ratings. Out: what each set rests on, how its directions lie
to each other at a layer, which tokens they promote. No model library is loaded.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from emotui.jobs.spec import ModelSpec


@dataclass(frozen=True)
class SetEntry:
    """One saved set, as the list shows it."""

    name: str
    kind: str
    """"expression", "deflection", "imported", "algebra"; "" where unknown."""
    method: str
    labels: tuple[str, ...]
    layers: tuple[int, ...]
    d_model: int
    model: str
    revision: str
    dataset: str
    bytes: int
    problem: str = ""
    """Why it cannot be read; "" where it can."""


@dataclass(frozen=True)
class EmotionRow:
    """One direction at one layer."""

    label: str
    n: int
    """Texts behind it; 0 = unknown."""
    norm: float
    """Length after the neutral removal, before unit norm."""
    kept: float
    """Length after the removal / before."""
    split_half: float | None
    """Centred cosine of two halves by topic; None where it was not computed."""


@dataclass(frozen=True)
class Correlation:
    """An axis of the scatter against human ratings."""

    axis: int
    """0 = the first component."""
    rating: str
    """Column of the file."""
    r: float
    low: float
    high: float
    """95 % interval (Fisher's z)."""
    n: int
    """Rated emotions."""


@dataclass(frozen=True)
class AtlasRequest:
    """Which set to look at, where."""

    vectors: str
    layer: int | None
    """None = two thirds of depth."""
    ratings: Path | None = None
    """CSV: a column of emotion names, the others numbers; None = no ratings."""
    components: int = 4


@dataclass(frozen=True)
class Atlas:
    """One set at one layer."""

    vectors: str
    layer: int
    layers: tuple[int, ...]
    lines: tuple[str, ...]
    """What the set is and every choice that made it, safe to show."""
    model: str
    revision: str
    n_neutral: int
    k_removed: int
    residual_norm: float
    """Mean |h| over tokens, the unit of alpha; NaN where unknown."""
    rows: tuple[EmotionRow, ...]
    """In the set's order."""
    order: tuple[int, ...]
    """Rows so that like stand by like."""
    cosines: tuple[tuple[float, ...], ...]
    """In the set's order."""
    coordinates: tuple[tuple[float, ...], ...]
    """Per emotion, along the principal components; () where there are too few emotions."""
    share: tuple[float, ...]
    """Share of variance per component."""
    correlations: tuple[Correlation, ...]
    ratings_note: str = ""
    """What the correlations rest on, or why there are none."""


@dataclass(frozen=True)
class LensAsk:
    """Which direction to read through the unembedding."""

    vectors: str
    label: str
    layer: int
    model: ModelSpec
    top: int = 10
    other_model: bool = False


@dataclass(frozen=True)
class LensFound:
    """The tokens a direction promotes and suppresses most, strongest first; untrusted."""

    vectors: str
    label: str
    layer: int
    promoted: tuple[tuple[str, float], ...]
    """(token, z over the vocabulary)."""
    suppressed: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Comparison:
    """Two directions against each other at every layer both have."""

    first: tuple[str, str]
    """(set, emotion)."""
    second: tuple[str, str]
    layers: tuple[int, ...]
    cosine: tuple[float, ...]
    """Of the unit directions."""
    cosine_raw: tuple[float, ...]
    """Before anything was removed."""
    norm_ratio: tuple[float, ...]
    """Length of the first / of the second, before unit norm; it says nothing about strength."""
    null_sd: float
    """Standard deviation of the cosine of two random directions of this width, 1/sqrt(d_model)."""


@dataclass(frozen=True)
class Mixture:
    """A sum of directions before it is saved, beside every emotion of its set."""

    expression: str
    source: str
    """The set it was made from."""
    layer: int
    cosines: tuple[tuple[str, float], ...]
    """(emotion, cosine with the sum), the nearest first; its own terms are among them."""


@dataclass(frozen=True)
class ChartAsk:
    """Which chart of the Vectors pane to write to files."""

    view: Literal["heat", "plane", "compare"]
    atlas: Atlas
    compared: Comparison | None
    """The comparison on screen; None where there is none."""
    axes: tuple[int, int]
    """Components of the plane."""
    notes: list[str]
    """What stands under the chart on screen."""
