"""Held-out scores of the logistic probe and of surface features, and paired differences of AUROC.

In: `AuditData` and settings. Out: AUROCs, and intervals of differences whose resamples of
topics are shared, so that what two scores have in common cancels. Knows no thresholds.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vectors.folds import Split, make_split
from vectors.heldout import pair_wins
from vectors.probes import ProbeSettings, held_out_scores, prepared
from vectors.stats import Interval, bundle, draws, percentile_interval

from .data import AuditData
from .settings import AuditSettings

Scores = Float[np.ndarray, "seed label text"]
Samples = Float[np.ndarray, "draw"]


@dataclass(frozen=True, eq=False)
class Auroc:
    """A macro AUROC with its resamples of topics; the first sample is the estimate."""

    samples: Samples
    n: int
    n_clusters: int

    @property
    def interval(self) -> Interval:
        """The estimate with its 95 % interval."""
        return percentile_interval(
            float(self.samples[0]), self.samples[1:], n=self.n, n_clusters=self.n_clusters
        )

    def minus(self, other: "Auroc") -> Interval:
        """Difference of two AUROCs on the same texts, resample by resample."""
        gap = self.samples - other.samples
        return percentile_interval(float(gap[0]), gap[1:], n=self.n, n_clusters=self.n_clusters)


def probe_settings(settings: AuditSettings, *, c: float | None = 0.1) -> ProbeSettings:
    """The probe's settings under a preset."""
    return ProbeSettings(
        seeds=settings.preset.seeds, seed=settings.seed("folds") % 100_000,
        bootstrap=settings.preset.bootstrap, c=c,
    )  # fmt: skip


def split_of(data: AuditData, settings: AuditSettings, *, split: str = "grouped") -> Split:
    """Folds by topic, or at random for comparison."""
    probe = probe_settings(settings)
    return make_split(
        data.codes, data.labels, data.groups, folds=probe.folds, seeds=probe.seeds,
        seed=probe.seed, split=split,
    )  # fmt: skip


def probe_auroc(
    data: AuditData, split: Split, settings: AuditSettings, *, unit_norm: bool = True
) -> Auroc:
    """The logistic probe on the data's rows."""
    probe = probe_settings(settings)
    rows = prepared(data.rows.astype(np.float32), split, probe) if unit_norm else data.rows
    scores = held_out_scores(rows.astype(np.float32), split, probe)
    return auroc_of(scores, split, settings)


def feature_auroc(
    features: Float[np.ndarray, "text feature"],
    split: Split,
    settings: AuditSettings,
    *,
    c: float = 1.0,
    standardise: bool = True,
) -> Auroc:
    """The same probe on other features (length, norm, words), never at unit norm."""
    used = features[split.rows].astype(np.float32)
    scores = held_out_scores(used, split, probe_settings(settings, c=c), standardise=standardise)
    return auroc_of(scores, split, settings)


def auroc_of(scores: Scores, split: Split, settings: AuditSettings) -> Auroc:
    """AUROC with resamples; every call with one split and setting draws the same topics."""
    clusters = bundle(split.clusters, seed=settings.run_seed)
    n_clusters = int(clusters.max()) + 1
    wins, pairs = pair_wins(scores, split.codes, split.fold, clusters, n_clusters, split.n_folds)
    drawn = draws(n_clusters, resamples=settings.preset.bootstrap, seed=settings.run_seed)
    m = np.concatenate([np.ones((1, n_clusters)), drawn])
    won = np.stack([np.einsum("bg,bg->b", m @ w, m) for w in wins], axis=1)
    compared = np.stack([np.einsum("bg,bg->b", m @ p, m) for p in pairs], axis=1)
    share = np.divide(won, compared, out=np.full_like(won, np.nan), where=compared > 0)
    return Auroc(np.nanmean(share, axis=1), len(split.rows), len(np.unique(split.clusters)))
