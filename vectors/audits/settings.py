"""Presets, thresholds and seeds of the audit, each in one table with where it comes from.

In: nothing. Out: `Preset`, `Rule`, `AuditSettings`. Knows no control's computation. Marks of a
source: a paper by its arXiv number; "simulated" = linear Gaussian toys with known truth (the
direction transfers, the size does not); "convention" = proposed here, printed beside the number and
never treated as a law.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from zlib import crc32

import numpy as np

from vectors.errors import DataError

from .result import State


@dataclass(frozen=True)
class Preset:
    """How much is drawn and repeated."""

    name: str
    b: int
    """Permutations."""
    r: int
    """Random directions per kind; p floor 1 / (1 + r)."""
    seeds: int
    splits: int
    """Random halves for reliabilities."""
    bootstrap: int
    """Resamples of clusters behind intervals."""


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "quick": Preset("quick", b=99, r=19, seeds=2, splits=10, bootstrap=500),
        "standard": Preset("standard", b=999, r=39, seeds=5, splits=50, bootstrap=2000),
        "full": Preset("full", b=9999, r=199, seeds=10, splits=50, bootstrap=2000),
    }
)
PRESET_SOURCE = (
    "convention; B and R from the p floor 1 / (1 + B); Holm over 14 claims needs B >= 279"
)


@dataclass(frozen=True)
class Rule:
    """Two cut-offs on one number: up to which it passes and up to which it only warns."""

    passes: float
    warns: float
    better: str
    """"low": small values pass. "high": large ones do."""
    what: str
    """The number the rule reads."""
    source: str

    def state(self, value: float) -> State:
        """pass, warn or fail; a NaN is limited, because nothing could be computed."""
        if value != value:
            return "limited"
        sign = 1 if self.better == "low" else -1
        if sign * value <= sign * self.passes:
            return "pass"
        return "warn" if sign * value <= sign * self.warns else "fail"


def _low(passes: float, warns: float, what: str, source: str) -> Rule:
    return Rule(passes, warns, "low", what, source)


def _high(passes: float, warns: float, what: str, source: str) -> Rule:
    return Rule(passes, warns, "high", what, source)


_C = "convention"
RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "I1": _low(1e-4, 1e-4, "max |logit difference| at alpha 0, fp32", _C),
        "I1.half": _low(2e-2, 2e-2, "max |logit difference| at alpha 0, bf16 or fp16", _C),
        "I2.cos": _high(0.999, 0.999, "cosine of the moved residual with v", "Llamascopium#61"),
        "I2.norm": _low(0.01, 0.01, "relative error of the delivered norm", "Llamascopium#61"),
        "I2.cos.half": _high(0.99, 0.99, "the same cosine, bf16 or fp16", _C),
        "I2.norm.half": _low(0.05, 0.05, "the same error, bf16 or fp16", _C),
        "I3": _low(1e-3, 1e-3, "max |logit difference| cached against uncached", "neuronpedia#163"),
        "I4": _high(0.9999, 0.9999, "cosine of pooled h, alone against in a batch, fp32", _C),
        "I4.half": _high(0.999, 0.999, "the same in bf16 or fp16", _C),
        "I5": _high(0.9999, 0.999, "per-layer cosine of two back ends, fp32", "2604.11050"),
        "I5.half": _high(0.999, 0.99, "the same in bf16 or fp16", _C),
        "I6": _low(1e-4, 1e-4, "max |logit difference| of a push along all ones", "simulated: 0"),
        "I7": _high(0.9, 0.9, "Spearman rho of alpha and downstream projection", _C),
        "P1.margin": _high(0.05, 0.0, "lower end of AUROC minus chance", _C),
        "P1.gap": _low(0.05, 0.15, "random-split minus topic-split AUROC", "simulated: .33 leak"),
        "P2": _low(0.05, 0.05, "permutation p", "2512.18792"),
        "P3": _high(0.20, 0.05, "task minus control-task accuracy", "1909.03368"),
        "P4.gain": _high(0.05, 0.0, "lower end of AUROC gain over the best surface feature", _C),
        "P4.length": _low(0.60, 1.0, "AUROC of length alone", _C),
        "P5.share": _low(0.0, 0.5, "residual above the rank-1 null over the margin", "simulated"),
        "P5.random": _low(0.02, 0.05, "AUROC drop from a random rank-1 removal", _C),
        "P6": _high(1.5, 1.1, "compression over that of shuffled labels", "2003.12298"),
        "P7.mass": _high(0.9, 0.5, "share of resamples whose best layer is named", "simulated"),
        "P8": _high(0.10, 0.0, "lower end of trained minus untrained AUROC", "2512.18792"),
        "P9.spread": _low(0.05, 0.15, "spread of AUROC over poolings", "2604.11050"),
        "P9.cos": _high(0.8, 0.0, "smallest cosine to the default pooling", _C),
        "P10.leak": _low(0.01, 0.01, "share of texts that name their emotion", "2603.22295"),
        "P10.drop": _low(0.03, 0.10, "AUROC drop without those texts", "2603.22295"),
        "G1.z": _high(3.0, 0.0, "|z| against the pipeline null", "simulated"),
        "G1.p": _low(0.05, 0.05, "two-sided permutation p", "simulated"),
        "G2.spread": _low(0.05, 0.15, "largest difference among the five cosines", "simulated"),
        "G2.length": _low(0.1, 0.3, "|cosine| of v with the length direction", _C),
        "G2.smd": _low(1.0, 1.5, "standardised mean difference of log length", _C),
        "G3": _high(0.9, 0.7, "Spearman-Brown split-half reliability", "cross-validated RSA"),
        "G4": _low(0.1, 0.2, "change of the cosine after centring and scaling", "2109.04404"),
        "G5": _low(0.1, 0.2, "change of the cosine over shares of neutral variance removed", _C),
        "G6.r": _high(0.4, 0.0, "lower end of |r| with the norms", "paper: .81, .66"),
        "G6.angle": _low(30.0, 45.0, "degrees between the axes of two halves of the topics", _C),
        "G7": _high(0.8, 0.5, "smallest cosine among estimators", "AxBench"),
        "G8": _high(0.5, 0.0, "share of the cosine left without valence", _C),
        "C1": _low(0.05, 0.05, "rank p among random directions", "convention; R=39: floor .025"),
        "C2": _low(0.05, 0.05, "rank p among shuffled-label directions", "2512.18792"),
        "C4": _high(2.0, 1.0, "|odd part| over |even part|", "simulated"),
        "C5.rho": _high(0.9, 0.7, "Spearman rho of dose and mean effect", _C),
        "C6.ratio": _low(1.5, 2.5, "perplexity ratio under the unsteered model", _C),
        "C6.rep": _low(0.05, 0.10, "rise of the repeated 4-gram share", _C),
        "C6.valid": _high(0.95, 0.90, "share of valid texts", _C),
        "C7": _low(0, 2, "off-target measures outside the margin", "2509.13450"),
        "C8": _high(0.5, 0.2, "share of the effect outside the direct vocabulary", "2604.03147"),
        "C10.share": _high(0.8, 0.5, "share of the effect from the active part", "2311.17030"),
        "C10.z": _low(3.0, 6.0, "|z| of the steered projection", "2311.17030"),
        "C11": _low(0.20, 0.35, "upper end of the anti-steerable share", "2407.12404"),
        "C14": _low(2.0, 2.0, "ratio of largest to smallest effect over scopes", _C),
        "X1": _high(0.9, 0.7, "Spearman-Brown reliability over topics, centred", _C),
        "X1.sd": _low(0.25, 0.5, "sd over seeds over |effect|", _C),
        "X2": _low(0.05, 0.15, "AUROC drop on held-out topics", "paper, figure 2"),
        "X3": _high(0.75, 0.6, "lower end of AUROC on texts without keywords", "2604.23719"),
        "X4": _high(
            0.6, 0.3, "smallest Kendall tau of the emotions over registers", "paper; " + _C
        ),
        "X5": _high(0.6, 0.3, "Spearman rho of the emotions' distances", "2604.11050 (.74-.92)"),
        "X5.p": _low(0.05, 0.05, "Mantel p", "Mantel 1967"),
        "X6": _high(0.98, 0.90, "smallest cosine of the vectors of two runs", "2604.11050"),
        "X6.statistic": _low(0.02, 0.10, "change of the claimed statistic", _C),
        "X7": _high(0.7, 0.4, "correlation of slopes as given and reworded", "2407.12404"),
        "R6": _high(0.8, 0.8, "power at the smallest effect of interest", _C),
    }
)


@dataclass(frozen=True)
class AuditSettings:
    """What every control is given: how much to draw, from which seed, against which rules."""

    preset: Preset = PRESETS["standard"]
    run_seed: int = 0
    rules: Mapping[str, Rule] = field(default_factory=lambda: RULES)

    def rng(self, control: str, replicate: int = 0) -> np.random.Generator:
        """A generator of its own for each control and replicate."""
        return np.random.default_rng(
            np.random.SeedSequence([self.run_seed, crc32(control.encode()), replicate])
        )

    def seed(self, control: str, replicate: int = 0) -> int:
        """A seed for functions that take an integer."""
        return int(self.rng(control, replicate).integers(2**31))

    def rule(self, key: str) -> Rule:
        """One rule; DataError for an unknown key."""
        if key not in self.rules:
            raise DataError(f"no rule {key!r}; the table has {', '.join(sorted(self.rules))}")
        return self.rules[key]


def settings(preset: str = "standard", *, run_seed: int = 0) -> AuditSettings:
    """Settings of a preset by name; DataError names the presets there are."""
    if preset not in PRESETS:
        raise DataError(f"no preset {preset!r}; allowed: {', '.join(PRESETS)}")
    return AuditSettings(PRESETS[preset], run_seed)
