"""P4: would length, norm, words or any given score do as well?

Each surface feature is read by the probe's own folds; the gain over the best of them is paired over
resamples of topics. Beside it: AUROC of length alone, and the probe on activations from which log
length and norm were regressed out (regression fitted on the training folds). The same probe on the
first layer, which has hardly read beyond the words, is no surface feature: where the claimed layer
does not exceed it, that is a warning.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from vectors.baselines import BAG_C, _in_text_space, _word_counts, one_number
from vectors.folds import Split
from vectors.probes import held_out_scores, prepared

from .data import AuditData
from .probe_scores import Auroc, auroc_of, feature_auroc, probe_auroc, probe_settings, split_of
from .result import ControlResult, worst
from .settings import AuditSettings

LENGTH, NORM, WORDS, FIRST = "length only", "norm only", "bag of words", "layer 0"


def surface_features(
    data: AuditData,
    settings: AuditSettings,
    *,
    given: Mapping[str, Float[np.ndarray, "text feature"]] | None = None,
    first_layer: Float[np.ndarray, "text d_model"] | None = None,
) -> ControlResult:
    """Gain of the probe over the best surface feature.

    `given` adds features by name (a sentiment lexicon's score). `first_layer` are rows of layer 0
    over the same texts. Limited where lengths are unknown: then hardly anything was tried.
    """
    split = split_of(data, settings)
    probe = probe_auroc(data, split, settings)
    found = {NORM: feature_auroc(one_number(np.linalg.norm(data.rows, axis=1)), split, settings)}
    if data.lengths is not None:
        found[LENGTH] = feature_auroc(one_number(data.lengths.astype(float)), split, settings)
    if data.texts is not None:
        words = _in_text_space(_word_counts([data.texts[i] for i in split.rows], capped=data.n))
        scores = held_out_scores(words, split, probe_settings(settings, c=BAG_C), standardise=False)
        found[WORDS] = auroc_of(scores, split, settings)
    for name, features in (given or {}).items():
        found[name] = feature_auroc(features, split, settings)
    best = max(found, key=lambda name: found[name].interval.value)
    gain = probe.minus(found[best])
    partial = _partial(data, split, settings)
    numbers = {
        "probe": probe.interval,
        "gain": gain,
        "partial": partial.interval,
        **{name: a.interval for name, a in found.items()},
    }
    state = settings.rule("P4.gain").state(gain.low)
    reasons = []
    if state != "pass":
        reasons.append(
            f"{best} reaches AUROC {found[best].interval.value:.2f}, the probe "
            f"{probe.interval.value:.2f} (gain {gain.value:.2f} [{gain.low:.2f}, {gain.high:.2f}])"
        )
    if first_layer is not None:
        early = probe_auroc(data.with_rows(first_layer), split, settings)
        more = probe.minus(early)
        numbers |= {FIRST: early.interval, "gain over layer 0": more}
        if more.low <= 0:
            state = worst(state, "warn")
            reasons.append(
                f"layer 0 reaches AUROC {early.interval.value:.2f} already (gain {more.value:.2f} "
                f"[{more.low:.2f}, {more.high:.2f}])"
            )
    if data.lengths is None or data.texts is None:
        missing = " and ".join(
            n for n, x in (("lengths", data.lengths), ("texts", data.texts)) if x is None
        )
        state = worst(state, "limited" if data.lengths is None else "warn")
        reasons.append(f"{missing} unknown, so not every surface feature was tried")
    if data.lengths is not None:
        # The sign of the length effect does not matter: AUROC .3 is as telling as .7.
        alone = found[LENGTH].interval.value
        length = settings.rule("P4.length").state(max(alone, 1 - alone))
        if length != "pass":
            state = worst(state, length)
            reasons.append(f"length alone reaches AUROC {alone:.2f}")
    return ControlResult("P4", state, numbers, reasons=tuple(reasons))


def _partial(data: AuditData, split: Split, settings: AuditSettings) -> Auroc:
    """The probe on rows from which (log length, |h|) are regressed out, fold by fold."""
    probe = probe_settings(settings)
    rows = prepared(data.rows.astype(np.float32), split, probe).astype(np.float64)
    norm = np.linalg.norm(data.rows[split.rows], axis=1)
    columns = [np.ones(len(rows)), np.log(np.maximum(norm, 1e-12))]
    if data.lengths is not None:
        columns.append(np.log(data.lengths[split.rows]))
    design = np.stack(columns, axis=1)
    scores = np.full((len(split.fold), len(split.labels), len(rows)), np.nan, dtype=np.float32)
    one = type(probe)(**{**probe.__dict__, "seeds": 1})
    for s, fold in enumerate(split.fold):
        for number in range(split.n_folds):
            test = fold == number
            fit = np.linalg.lstsq(design[~test], rows[~test], rcond=None)[0]
            residual = (rows - design @ fit).astype(np.float32)
            single = _single(split, np.where(test, 1, 0))
            held = held_out_scores(residual, single, one)
            scores[s][:, test] = held[0][:, test]
    return auroc_of(scores, split, settings)


def _single(split: Split, fold: np.ndarray) -> Split:
    """The split with one seed of two parts: 1 is held out, 0 trains (and is read by nobody)."""
    return Split(
        split.rows, split.codes, split.labels, split.clusters, fold[None], split.grouping, 2,
        split.n_groups, split.n_dropped,
    )  # fmt: skip
