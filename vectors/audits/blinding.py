"""The plan of a blinded rating: which arms, which pairs, in which order and on which side.

In: a steering claim's direction, what its controls are made of, numbers and a seed. Out: six arms
and `BlindPlan`. Knows no text, no rater and no file; `vectors.audits.blind_ratings` judges.

    real        +v at the claim's alpha      shuffled    v of labels shuffled within topics, +alpha
    minus       v at minus that alpha        covariance  a draw with the residuals' covariance
    none        no push                      other       another emotion's direction, +alpha

Every pair is one beginning and one sampling seed, the real arm on one side and another arm on the
other, so that the two texts differ in the vector only. Some pairs come twice, the second time with
the sides exchanged, and some show the same text on both sides, where the honest answer is a tie.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Int

from vectors.controls import covariance_matched, shuffled_label
from vectors.errors import DataError

Kind = Literal["real", "minus", "none", "shuffled", "covariance", "other"]
ARMS: tuple[Kind, ...] = get_args(Kind)
CODES = "ABCDEF"
PAIRS = 60
"""39 of 60 preferences are needed for p < .05; 84 % power where the real arm wins 70 %."""
REPEATED = CAUGHT = 0.1  # shares of the pairs that come on top, twice or as one text (convention)
SHEETS = 2  # beginnings of which every arm is shown when the real one is to be guessed
MIN_PAIRS = 6  # fewer cannot give p < .05 even if all agree: 2 * .5 ** 5 = .0625

Where = Literal["pair", "repeat", "catch"]


@dataclass(frozen=True, eq=False)
class Arm:
    """What one arm does to the model."""

    kind: Kind
    direction: Float[np.ndarray, "d_model"] | None
    """Unit vector; None = no push."""
    alpha: float | None
    """In mean residual norms; None = no push."""


@dataclass(frozen=True)
class Item:
    """One beginning under one luck: every arm of it shares both."""

    prompt: int
    """Index into the claim's prompts."""
    seed: int
    """Of the sampling noise."""


@dataclass(frozen=True)
class Shown:
    """What the rater sees at one place of the row."""

    where: Where
    item: int
    """Index into the plan's items."""
    left: Kind
    right: Kind
    of: int | None = None
    """A repeat: place of the pair it repeats."""


@dataclass(frozen=True)
class BlindPlan:
    """Everything that the key holds."""

    seed: int
    codes: Mapping[str, Kind]
    """Letter to arm."""
    items: tuple[Item, ...]
    row: tuple[Shown, ...]
    """In the order of rating."""
    sheets: tuple[int, ...]
    """Items of which all six arms are shown at the end."""

    def needed(self) -> tuple[tuple[int, Kind], ...]:
        """Each (item, arm) whose text is shown somewhere, once."""
        found = dict.fromkeys(
            (shown.item, kind) for shown in self.row for kind in (shown.left, shown.right)
        )
        found |= dict.fromkeys((item, kind) for item in self.sheets for kind in ARMS)
        return tuple(found)


def make_arms(
    direction: Float[np.ndarray, "d_model"],
    alpha: float,
    *,
    rows: Float[np.ndarray, "text d_model"],
    codes: Int[np.ndarray, "text"],
    label: int,
    groups: Int[np.ndarray, "text"],
    natural: Float[np.ndarray, "token d_model"],
    other: Float[np.ndarray, "d_model"],
    seed: int,
) -> tuple[Arm, ...]:
    """The six arms, all of the same norm.

    `rows` with `codes` and `groups` made the direction (for the shuffled one); `natural` are
    residuals at the layer (for the covariance). DataError where the direction is no unit vector.
    """
    if not np.isfinite(alpha) or not alpha:
        raise DataError(f"alpha is {alpha}; give the strength the claim is about")
    for name, vector in (("direction", direction), ("other direction", other)):
        if abs(float(np.linalg.norm(vector)) - 1) > 1e-3:
            raise DataError(f"the {name} has norm {np.linalg.norm(vector):.3g}; give a unit vector")
    shuffled = shuffled_label(rows, codes, label=label, groups=groups, seed=seed)
    drawn = covariance_matched(natural, seed=seed)
    return (
        Arm("real", direction, alpha),
        Arm("minus", direction, -alpha),
        Arm("none", None, None),
        Arm("shuffled", shuffled, alpha),
        Arm("covariance", drawn, alpha),
        Arm("other", other, alpha),
    )


def plan_blind(
    n_prompts: int, *, seed: int, pairs: int = PAIRS, sampling_seed: int = 0
) -> BlindPlan:
    """Codes, pairs, repeats and catch pairs, drawn from `seed`.

    `pairs` are the comparisons behind the test; repeats and catch pairs come on top. Every other
    arm meets the real one equally often (up to one). DataError for too few of either.
    """
    if pairs < MIN_PAIRS:
        raise DataError(f"{pairs} pairs cannot reach p < .05; give {MIN_PAIRS} or more, or {PAIRS}")
    if n_prompts < 1:
        raise DataError("a rating needs prompts")
    rng = np.random.default_rng([seed, 21])
    codes = dict(zip(CODES, _shuffled(ARMS, rng), strict=True))
    items = [
        Item(k % n_prompts, sampling_seed + k // n_prompts) for k in range(pairs + SHEETS)
    ]  # fmt: skip
    others = [kind for kind in ARMS if kind != "real"]
    # Whole rounds of all five first, so that the counts differ by one at most.
    versus = [kind for _ in range(0, pairs, len(others)) for kind in _shuffled(others, rng)]
    order = rng.permutation(pairs)
    row = [Shown("pair", int(k), *_sides("real", versus[k], rng)) for k in order]
    row = _with_catches(row, _count(pairs, CAUGHT), rng)
    row = _with_repeats(row, _count(pairs, REPEATED), rng)
    return BlindPlan(seed, codes, tuple(items), tuple(row), tuple(range(pairs, pairs + SHEETS)))


def _with_catches(row: list[Shown], n: int, rng: np.random.Generator) -> list[Shown]:
    """`n` places where one text stands on both sides; any arm may be the one."""
    out = list(row)
    for at in sorted((int(x) for x in rng.integers(1, len(row) + 1, size=n)), reverse=True):
        source = row[int(rng.integers(len(row)))]
        kind = source.left if rng.random() < 0.5 else source.right
        out.insert(at, Shown("catch", source.item, kind, kind))
    return out


def _with_repeats(row: list[Shown], n: int, rng: np.random.Generator) -> list[Shown]:
    """`n` pairs of the first half once more in the second half, sides exchanged."""
    half = len(row) // 2
    early = [at for at in range(half) if row[at].where == "pair"]
    chosen = rng.choice(early, size=min(n, len(early)), replace=False)
    late: list[Shown] = list(row[half:])
    for at in chosen:
        was = row[int(at)]
        again = Shown("repeat", was.item, was.right, was.left, int(at))
        late.insert(int(rng.integers(len(late) + 1)), again)
    return [*row[:half], *late]


def _sides(a: Kind, b: Kind, rng: np.random.Generator) -> tuple[Kind, Kind]:
    return (a, b) if rng.random() < 0.5 else (b, a)


def _shuffled(kinds: Sequence[Kind], rng: np.random.Generator) -> list[Kind]:
    return [kinds[int(k)] for k in rng.permutation(len(kinds))]


def _count(pairs: int, share: float) -> int:
    return max(1, round(pairs * share))
