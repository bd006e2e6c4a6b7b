"""X2 and X3: does the vector hold on other topics, and on texts without emotion words?

The reading is the projection on the mean-difference direction, nothing fitted anew. X2: vectors of
70 % of the topics, AUROC on texts of those topics that were held out and on the other 30 %. X3: all
texts make the vector, a set that the user supplies (keyword-free, or another register) tests it.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from vectors.errors import DataError
from vectors.stats import percentile_interval

from .closed_form import auroc, contrast
from .data import MIN_EACH, AuditData, halves_by_group, unit_rows
from .pairs import topic_interval
from .reliability import over_splits
from .result import ControlResult, exact
from .settings import AuditSettings

SHARE = 0.7
MAX_RESAMPLES = 500


@dataclass(frozen=True, eq=False)
class OtherSet:
    """Texts from elsewhere with the same labels."""

    name: str
    rows: Float[np.ndarray, "text d_model"]
    codes: Int[np.ndarray, "text"]
    """Codes of the audited data's labels."""
    groups: Int[np.ndarray, "text"]
    """What the interval resamples, e.g. matched pairs."""


def held_out_topics(data: AuditData, settings: AuditSettings) -> ControlResult:
    """X2: AUROC in topic minus AUROC out of topic, over random splits."""
    rows = unit_rows(data.rows.astype(np.float64))
    inside, outside = [], []
    for split in range(settings.preset.splits):
        rng = settings.rng("X2", split)
        new = halves_by_group(data.groups, rng, parts=(SHARE, 1 - SHARE)) == 1
        spare = ~new & (rng.random(data.n) < 0.2)
        train = ~new & ~spare
        vectors = contrast(data.codes[None, train], data.n_labels)[0] @ rows[train]
        inside.append(_macro(rows[spare] @ vectors.T, data.codes[spare]))
        outside.append(_macro(rows[new] @ vectors.T, data.codes[new]))
    drop = np.array(inside) - np.array(outside)
    if not np.isfinite(drop).any():
        said = "no split leaves texts of every label on both sides: too few of the rarest"
        return ControlResult("X2", "limited", reasons=(said,))
    state = settings.rule("X2").state(float(np.nanmean(drop)))
    said = f"AUROC {np.nanmean(inside):.2f} in topic, {np.nanmean(outside):.2f} on new topics"
    numbers = {
        "in topic": over_splits(np.array(inside), data),
        "new topics": over_splits(np.array(outside), data),
        "drop": exact(float(np.nanmean(drop)), n=data.n),
    }
    return ControlResult("X2", state, numbers, reasons=() if state == "pass" else (said,))


def without_keywords(
    data: AuditData, other: OtherSet | None, settings: AuditSettings
) -> ControlResult:
    """X3: AUROC of the vectors on a set without emotion words; n/a and saying so without one."""
    if other is None:
        said = "no keyword-free set was given: whether it is the concept or its words is open"
        return ControlResult("X3", "n/a", reasons=(said,))
    if other.rows.shape[1] != data.rows.shape[1]:
        raise DataError(
            f"{other.name} has width {other.rows.shape[1]}, the data {data.rows.shape[1]}; "
            "extract both with one model and layer"
        )
    few = [
        f"{n} of {label}"
        for label, n in zip(
            data.labels, np.bincount(other.codes, minlength=data.n_labels), strict=True
        )
        if n < MIN_EACH
    ]
    if few:
        said = f"{other.name} has too few texts ({', '.join(few)}; {MIN_EACH} are needed)"
        return ControlResult("X3", "limited", reasons=(said,))
    vectors = contrast(data.codes[None], data.n_labels)[0] @ unit_rows(data.rows)
    scores = unit_rows(other.rows) @ vectors.T
    test = AuditData(other.rows, other.codes, data.labels, other.groups)

    def statistic(m: Float[np.ndarray, "text"]) -> float:
        at = np.repeat(np.arange(test.n), m.astype(int))
        return _macro(scores[at], test.codes[at])

    value, samples = topic_interval(
        test, statistic, resamples=min(settings.preset.bootstrap, MAX_RESAMPLES),
        seed=settings.seed("X3"),
    )  # fmt: skip
    found = percentile_interval(value, samples, n=test.n, n_clusters=test.n_groups)
    state = settings.rule("X3").state(found.low)
    said = f"AUROC on {other.name} is {value:.2f} [{found.low:.2f}, {found.high:.2f}]"
    return ControlResult("X3", state, {"auroc": found}, reasons=() if state == "pass" else (said,))


def _macro(scores: Float[np.ndarray, "text label"], codes: Int[np.ndarray, "text"]) -> float:
    found = [auroc(scores[:, k], codes == k) for k in range(scores.shape[1]) if (codes == k).any()]
    known = [x for x in found if x == x]  # a draw may hold one label only
    return float(np.mean(known)) if known else float("nan")
