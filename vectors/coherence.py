"""Up to which alpha is the text still language?

In: one or more sweeps (`Generation`, each with a baseline row). Out: a verdict per alpha and the
unbroken window around 0. Knows no model.

An alpha is within budget when, over all its rows, perplexity under the unsteered model is at most
`max_perplexity_ratio` times the baseline's, exp(nll - nll_0), and the share of repeated 4-grams is
at most `max_repetition_rise` above the baseline's. Perplexity is taken over tokens (each row weighs
by its length), repetition over rows. Both defaults are conventions, not laws.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .errors import DataError
from .generation import Generation, RowResult


@dataclass(frozen=True)
class Coherence:
    """One alpha against the baseline."""

    alpha: float
    n_rows: int
    n_tokens: int
    nll: float
    """Nats per token under the unsteered model."""
    perplexity_ratio: float
    """exp(nll - baseline nll)."""
    repetition4: float
    """Mean over rows; NaN where every row is shorter than 4 tokens."""
    completed: float
    """Share of rows that ended by themselves."""
    ok: bool


@dataclass(frozen=True)
class CoherentWindow:
    """The alphas around 0 whose text stays within budget."""

    low: float
    """Lowest alpha reached from 0 without leaving the budget; 0 where the first step down does."""
    high: float
    """Highest alpha reached from 0 without leaving the budget."""
    alphas: tuple[Coherence, ...]
    """Every alpha of the sweep, ascending, the baseline at 0 among them."""
    max_perplexity_ratio: float
    max_repetition_rise: float


def coherent_window(
    sweep: Generation | Sequence[Generation],
    *,
    intervention: int = 0,
    max_perplexity_ratio: float = 1.5,
    max_repetition_rise: float = 0.05,
) -> CoherentWindow:
    """The window of one intervention's alpha; rows of controls and cancelled runs do not count.

    Raises DataError when no baseline row is there or an alpha was moved while text streamed.
    """
    runs = [sweep] if isinstance(sweep, Generation) else list(sweep)
    if any(run.live for run in runs):
        raise DataError("alpha was moved while this text streamed; run a sweep with fixed alphas")
    rows: dict[float, list[RowResult]] = {}
    for run in runs:
        for row in run.rows if run.finished else ():
            if row.control is None and row.token_ids:
                rows.setdefault(row.alphas[0][intervention] or 0.0, []).append(row)
    base = rows.get(0.0)
    if not base:
        raise DataError("the sweep has no finished baseline row; add a row with alpha 0 (or None)")
    nll_0, repetition_0 = _nll(base), _repetition(base)
    found = []
    for alpha in sorted(rows):
        some = rows[alpha]
        ratio = math.exp(_nll(some) - nll_0)
        rise = _repetition(some) - repetition_0
        found.append(
            Coherence(
                alpha=alpha,
                n_rows=len(some),
                n_tokens=sum(len(row.token_ids) for row in some),
                nll=_nll(some),
                perplexity_ratio=ratio,
                repetition4=_repetition(some),
                completed=sum(row.stopped == "eos" for row in some) / len(some),
                # A NaN rise (texts under 4 tokens) shows no repetition, so it does not fail.
                ok=ratio <= max_perplexity_ratio and not rise > max_repetition_rise,
            )
        )
    return CoherentWindow(
        low=_edge([c for c in reversed(found) if c.alpha <= 0]),
        high=_edge([c for c in found if c.alpha >= 0]),
        alphas=tuple(found),
        max_perplexity_ratio=max_perplexity_ratio,
        max_repetition_rise=max_repetition_rise,
    )


def _edge(outwards: Sequence[Coherence]) -> float:
    edge = 0.0
    for step in outwards:
        if not step.ok:
            break
        edge = step.alpha
    return edge


def _nll(rows: Sequence[RowResult]) -> float:
    return sum(r.nll * len(r.token_ids) for r in rows) / sum(len(r.token_ids) for r in rows)


def _repetition(rows: Sequence[RowResult]) -> float:
    long = [r.repetition4 for r in rows if not math.isnan(r.repetition4)]
    return sum(long) / len(long) if long else math.nan
