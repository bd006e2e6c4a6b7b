"""Registry entries G1-G8: is a cosine or an axis a fact about emotions?"""

from .claims import Kind
from .entry import Control

_COSINE: tuple[Kind, ...] = ("cosine",)
_BOTH: tuple[Kind, ...] = ("cosine", "axis")

GEOMETRY = (
    Control(
        "G1", "Is this cosine unusual for this construction?",
        "labels permuted within topics over the pair and its reference, both vectors rebuilt with "
        "the same reference; z and two-sided p around the null's mean; analytic expectation "
        "beside it: 0.5 (shared neutral), -1/(K-1) (grand mean), 0 (independent)",
        "on", ("G1.z", "G1.p"), "simulated: noise alone gives .50 with a shared neutral",
        "Why the cosine is unusual (length, valence: G2, G8).",
        "CPU", _COSINE, False, "the cosine is near what the construction gives to noise",
    ),
    Control(
        "G2", "Is it length?",
        "five cosines: raw; unit-norm items; log length regressed out (within-class pooled slope); "
        "both; length-matched (8 log-length bins, every class reweighted to the smallest "
        "share among a, b and what is subtracted), the reference. |cos(v, v_length)| and SMD of "
        "log length beside them. Axis: r with the norms in the place of the cosine, every emotion "
        "matched to all others",
        "on", ("G2.spread", "G2.length", "G2.smd"), "simulated: matching recovers .30 everywhere",
        "Other surface features that go with length.",
        "CPU", _BOTH, False, "part of it is length; state the matched value",
    ),
    Control(
        "G3", "Attenuated or inflated by noise?",
        "cross-fitted cosine (<a1,b2> + <a2,b1>) / 2 / sqrt(<a1,a2><b1,b2>) over halves with "
        "disjoint topics and neutral items; ceiling sqrt(r_a r_b); Spearman-Brown 2r / (1 + r)",
        "on", ("G3",), "cross-validated RSA; simulated",
        "Noise that both halves share.",
        "CPU", _COSINE, False, "the vectors are too noisy for the cosine to be exact",
    ),
    Control(
        "G4", "Rogue dimensions or a narrow cone?",
        "mean cosine of random items, d_eff = tr(S)^2 / tr(S^2), share of the three largest "
        "coordinates; change of the cosine (axis: of r) after centring and scaling every dimension",
        "optional", ("G4",), "Ethayarajh 2019; Timkey and van Schijndel 2109.04404",
        "Whether the rogue dimensions are used by the model.",
        "CPU", (), False, "few dimensions decide the cosine",
        also=_BOTH,
    ),
    Control(
        "G5", "Does neutral-component removal decide it?",
        "cosine (axis: r) with 0, 25, 50 and 75 % of the variance of a neutral run removed, and "
        "with either half of it; largest change",
        "optional", ("G5",), "paper: findings hold unprojected",
        "Which of the settings is right.",
        "CPU", (), False, "it depends on the share of neutral variance removed",
        also=_BOTH,
    ),
    Control(
        "G6", "Is the axis what it is called?",
        "unit vectors; |r| of the named PC, or of the best of the first five, with the norms: BCa "
        "interval over emotions (Fisher's z below 20), p by permuting emotions with the same "
        "search; angle between PCs of two topic halves; share of variance against vectors of "
        "permuted labels",
        "optional", ("G6.r", "G6.angle"), "paper r .81, .66; one replication's angle 62 degrees",
        "Whether the norms measure the same thing in this language.",
        "CPU", ("axis",), False, "the axis is unstable or weakly tied to the norms",
    ),
    Control(
        "G7", "Does it depend on the estimator?",
        "cosines among mean difference, logistic (as a pattern, S w), LDA (as a pattern, S S^-1 d) "
        "and the first component of paired differences",
        "optional", ("G7",), "AxBench; Haufe et al. 2014",
        "Which estimator is right.",
        "CPU", (), False, "other estimators give another direction",
        also=_COSINE,
    ),
    Control(
        "G8", "Specific, or only 'negative'?",
        "cosine after projecting out the axes of valence and arousal fitted on the other emotions "
        "that have norms",
        "optional", ("G8",), "2604.03147",
        "Specificity against axes that have no norms.",
        "CPU", (), False, "the claim must say with or without valence",
        also=_COSINE,
    ),
)  # fmt: skip
