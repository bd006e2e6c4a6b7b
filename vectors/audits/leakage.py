"""P10: does the text name its emotion?

A text leaks where a word of it is the label, begins with the label's stem (its first letters, at
least four and all but the last two), or is one of the synonyms given. Leaky texts are left out of
training and test, and the drop of AUROC is what they gave.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool

from vectors.stats import Interval, wilson

from .data import MIN_TOPICS, AuditData
from .probe_scores import probe_auroc, split_of
from .result import ControlResult
from .settings import AuditSettings

MIN_LEFT = 5  # texts per label that must be left for a second probe


def lexical_leakage(
    data: AuditData,
    settings: AuditSettings,
    *,
    synonyms: Mapping[str, Sequence[str]] | None = None,
) -> ControlResult:
    """Leak rate over all texts, and AUROC with and without the leaky ones."""
    if data.texts is None:
        return ControlResult("P10", "not_run", reasons=("the texts are not known",))
    leaky = leaks(data, synonyms=synonyms or {})
    rate = wilson(int(leaky.sum()), data.n)
    if settings.rule("P10.leak").state(rate.value) == "pass":
        return ControlResult("P10", "pass", {"leak rate": rate})
    counts = np.bincount(data.codes[~leaky], minlength=data.n_labels)
    if counts.min() < MIN_LEFT or len(np.unique(data.groups[~leaky])) < MIN_TOPICS:
        said = f"{rate.value:.0%} of the texts name their emotion; too few are left without"
        return ControlResult("P10", "fail", {"leak rate": rate}, reasons=(said,))
    left = data.take(~leaky)
    whole = probe_auroc(data, split_of(data, settings), settings).interval
    clean = probe_auroc(left, split_of(left, settings), settings).interval
    drop = whole.value - clean.value
    state = settings.rule("P10.drop").state(drop)
    reasons = (
        ()
        if state == "pass"
        else (
            f"{rate.value:.0%} of the texts name their emotion; without them AUROC falls from "
            f"{whole.value:.2f} to {clean.value:.2f}",
        )
    )
    numbers = {
        "leak rate": rate,
        "all texts": whole,
        "without leaks": clean,
        "drop": Interval(drop, float("nan"), float("nan"), left.n, left.n_groups),
    }
    return ControlResult("P10", state, numbers, reasons=reasons)


def leaks(data: AuditData, *, synonyms: Mapping[str, Sequence[str]]) -> Bool[np.ndarray, "text"]:
    """Which texts name their own label."""
    patterns = {label: _pattern([label, *synonyms.get(label, ())]) for label in data.labels}
    assert data.texts is not None
    return np.array(
        [
            bool(patterns[data.labels[code]].search(text))
            for code, text in zip(data.codes, data.texts, strict=True)
        ]
    )


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    stems = [re.escape(word[: max(4, len(word) - 2)]) for word in words]
    return re.compile(rf"\b(?:{'|'.join(stems)})\w*", re.IGNORECASE)
