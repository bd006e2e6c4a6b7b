"""C6: is what was generated still language?

In: rows of steered and of unsteered text with their meters. Out: perplexity under the unsteered
model over the baseline's, rise of the share of repeated 4-grams, and share of valid texts (those
with a token; where texts can end, a text cut off by the limit is invalid). Knows no emotion.
"""

from collections.abc import Sequence

import numpy as np

from vectors.errors import DataError
from vectors.generation import RowResult
from vectors.stats import draws, percentile_interval, wilson

from .result import ControlResult, Cost, exact, worst
from .settings import AuditSettings

MIN_TEXTS = 8


def coherence_budget(
    steered: Sequence[RowResult],
    base: Sequence[RowResult],
    settings: AuditSettings,
    *,
    must_end: bool = False,
) -> ControlResult:
    """Pairs of texts (same prompt and seed) at the claim's alpha and at 0.

    `must_end` counts a text that was cut off as invalid (chat models; a short continuation never
    ends). Raises DataError where the rows do not pair or were steered live.
    """
    if len(steered) != len(base) or len(steered) < MIN_TEXTS:
        raise DataError(
            f"{len(steered)} steered, {len(base)} unsteered texts; give {MIN_TEXTS} or more pairs"
        )
    if any(row.live for row in (*steered, *base)):
        raise DataError("alpha was moved while a text streamed; a live run is no evidence")
    valid = np.array([bool(r.token_ids) and (r.stopped == "eos" or not must_end) for r in steered])
    share = wilson(int(valid.sum()), len(valid))
    tokens = np.array([[len(r.token_ids) for r in rows] for rows in (steered, base)], dtype=float)
    nll = np.array([[r.nll if r.token_ids else 0.0 for r in rows] for rows in (steered, base)])
    drawn = np.concatenate(
        [
            np.ones((1, len(valid))),
            draws(len(valid), resamples=settings.preset.bootstrap, seed=settings.seed("C6")),
        ]
    )
    mean = (drawn @ (tokens * nll).T) / np.maximum(drawn @ tokens.T, 1)
    ratio = np.exp(mean[:, 0] - mean[:, 1])
    found = percentile_interval(float(ratio[0]), ratio[1:], n=len(valid), n_clusters=len(valid))
    rise = _repeated(steered) - _repeated(base)
    states = (
        settings.rule("C6.ratio").state(found.value),
        settings.rule("C6.rep").state(rise),
        settings.rule("C6.valid").state(share.value),
    )
    state = worst(*states)
    said = (
        f"perplexity {found.value:.2f} times the baseline's, repeated 4-grams {rise:+.2f}, "
        f"{share.value:.0%} of texts valid"
    )
    numbers = {
        "perplexity ratio": found,
        "rise of repetition": exact(rise, n=len(valid)),
        "valid": share,
        "distinct-2": exact(_mean([r.distinct2 for r in steered]), n=len(valid)),
    }
    return ControlResult(
        "C6", state, numbers, reasons=() if state == "pass" else (said,),
        cost=Cost(generations=2 * len(valid)),
    )  # fmt: skip


def _repeated(rows: Sequence[RowResult]) -> float:
    return _mean([r.repetition4 for r in rows])


def _mean(values: Sequence[float]) -> float:
    found = [v for v in values if v == v]
    # Texts too short for a 4-gram repeat nothing.
    return float(np.mean(found)) if found else 0.0
