"""Registry entries X1-X7 (generalisation) and R1-R9 (reporting)."""

from .claims import Kind
from .entry import Control

_PROBE: tuple[Kind, ...] = ("probe",)
_TEXTS: tuple[Kind, ...] = ("probe", "cosine")
_STORED: tuple[Kind, ...] = ("probe", "cosine", "axis")
_ALL: tuple[Kind, ...] = ("probe", "cosine", "axis", "steering", "ablation")

GENERALISATION = (
    Control(
        "X1", "The same vector again?",
        "centred cosine of vectors from halves of the topics, Spearman-Brown; sd of the claimed "
        "statistic over seeds over its size; ICC(2,1) where items are repeated. Axis: scores of "
        "one half's emotions on the other half's axis, and r in both halves",
        "on", ("X1", "X1.sd"), "raw split-half cosine .998 is inflated, centred .94-.965",
        "Seeds of the model's training, unless they were given.",
        "CPU", _ALL, False, "the vector is not fully stable over topics",
    ),
    Control(
        "X2", "New subject matter?",
        "vector from 70 % of the topics; AUROC of its projection on those and on the other 30 %",
        "on", ("X2",), "paper, figure 2",
        "Other registers (X4).",
        "CPU", (), False, "weaker on new topics",
        also=_PROBE,
    ),
    Control(
        "X3", "Concept or word?",
        "trained on the texts, tested on a set without emotion words: AUROC with interval",
        "optional", ("X3",), "AIPsy-Affect 2604.23719",
        "Nothing without such a set; it says so.",
        "CPU", (), False, "it depends on emotion words",
        also=_PROBE,
    ),
    Control(
        "X4", "One register only?",
        "per given run over other texts with the same labels: AUROC on the vector made here, or "
        "the cosine made of its texts, on the same side with its interval; Kendall tau of the "
        "emotions' mean projections, or of their cosines with the first, here and there",
        "optional", ("X4",), "paper (dialogue probes similar)",
        "Registers that were not given; without one it is n/a and says so.",
        "CPU", (), False, "seen in one register only",
        also=_TEXTS,
    ),
    Control(
        "X5", "One model's quirk?",
        "Spearman of the emotions' distance matrices (1 - cosine of centred vectors) of two "
        "models, Mantel p by permuting the emotions of one",
        "optional", ("X5", "X5.p"), "2604.11050 (.74-.92); Mantel 1967",
        "Causes common to both models' data; without a second run it is n/a and says so.",
        "CPU", (), False, "seen in one model only",
        also=_STORED,
    ),
    Control(
        "X6", "Precision or back end?",
        "smallest cosine of the claimed emotions' vectors in two runs of one model over the same "
        "texts; the claimed statistic in both",
        "optional", ("X6", "X6.statistic"), "2604.11050",
        "Which of the runs is right; without a second run it is n/a and says so.",
        "CPU", (), False, "precision changes it",
        also=_STORED,
    ),
    Control(
        "X7", "Brittle to wording?",
        "odd effect per prompt as given and under 3 openings x 3 templates (or wordings of your "
        "own); correlation over prompts of the two; a mean slope of the other sign fails",
        "optional", ("X7",), "2407.12404",
        "Paraphrases unlike those tried.",
        "forwards", (), False, "it depends on the wording of prompts",
        also=("steering", "ablation"),
    ),
)  # fmt: skip

REPORTING = (
    Control(
        "R1", "Fixed before anyone looked?",
        "SHA-256 of the canonical JSON of the plan; its time before that of the first evidence",
        "on", (), "preregistration",
        "What was seen outside this program.",
        "none", (), False, "exploratory: no plan was sealed before the evidence",
    ),
    Control(
        "R2", "How many claims?",
        "Holm (or BH, or maximum statistic) over all claims on the data set; B >= m / alpha - 1",
        "on", (), "Holm 1979; Phipson and Smyth 2010",
        "Claims that were never entered.",
        "none", (), False, "not significant once all claims are counted",
    ),
    Control(
        "R3", "Is every number complete?",
        "every number has n, clusters and interval; every p has its null's mean, sd and B",
        "on", (), "convention",
        "Whether the interval's assumptions hold.",
        "none", (), False, "some numbers lack interval or null",
    ),
    Control(
        "R4", "Where does it come from?",
        "fields of the provenance that are empty; estimator in the text against the code's",
        "on", (), "layer-18 post-mortem (text said mean difference, code fitted logistic)",
        "Whether the recorded code ran unchanged.",
        "none", (), False, "the provenance has gaps",
    ),
    Control(
        "R5", "How many paths were tried?",
        "distinct (layer, alpha, emotion, metric, subset) evaluations before the claim",
        "report", (), "Gelman and Loken 2013",
        "Paths tried outside this program.",
        "none", (), False, "many settings were tried",
    ),
    Control(
        "R6", "Could it have been seen?",
        "smallest effect found with power .8 at this n; for 'no effect' the 90 % interval inside "
        "+- the smallest effect of interest",
        "optional", ("R6",), "Schuirmann 1987; Cohen 1988",
        "Whether the effect of interest is the right one.",
        "none", (), False, "too few units for the effect of interest",
    ),
    Control(
        "R7", "Do the words say more than the numbers?",
        "a list of patterns: feels, is, far above, the layer, causes without C1-C6",
        "on", (), "convention",
        "Words that are not in the list.",
        "none", (), False, "the wording says more than was measured",
    ),
    Control(
        "R8", "Does the audit find what is there and reject what is not?",
        "a planted direction must pass and a sham label must fail, same data, same run",
        "on", (), "convention",
        "Errors on effects unlike the planted one.",
        "CPU", (), True, "the audit missed its own control",
    ),
    Control(
        "R9", "Did the raters know?",
        "coded arms, paired ratings with repeats and catch pairs, one logged unblinding",
        "optional", (), "convention",
        "What raters guessed but did not say.",
        "people", (), False, "ratings were not blind",
    ),
)  # fmt: skip
