"""Registry entries P1-P10: is the label in the activations, and is it the label?"""

from .claims import Kind
from .entry import Control

_PROBE: tuple[Kind, ...] = ("probe",)

PROBE = (
    Control(
        "P1", "Does it decode on topics it has not seen?",
        "StratifiedGroupKFold by topic x seeds; unit norm -> standardise on train -> logistic; "
        "macro AUROC with topic-cluster interval; gap = random-split AUROC - topic-split AUROC",
        "on", ("P1.margin", "P1.gap"), "simulated: .79 random, .46 by topic, with no signal",
        "Whether the held-out topics resemble the training ones (X2-X4).",
        "CPU", _PROBE, False, "the label leaks through topics or is barely decodable",
    ),
    Control(
        "P2", "Better than label noise with topics kept?",
        "labels permuted within topics, LDA in closed form refitted per fold, "
        "p = (1 + #{null >= observed}) / (1 + B)",
        "on", ("P2",), "2512.18792; Ojala and Garriga 2010",
        "Which feature carries the label.",
        "CPU", _PROBE, False, "the score is within label noise once all claims are counted",
    ),
    Control(
        "P3", "Representation or the probe's memory?",
        "selectivity = accuracy(task) - accuracy(each topic given one random label), both under "
        "random folds",
        "report", ("P3",), "Hewitt and Liang 1909.03368",
        "Anything under topic folds, where the control task cannot be learnt; P2 is the control.",
        "CPU", (), False, "a random split measures the probe's memory",
        also=_PROBE,
    ),
    Control(
        "P4", "Would trivial features do it?",
        "gain = AUROC(probe) - max AUROC(log length, |h|, bag of words, given scores), paired over "
        "topic resamples; AUROC of length alone; probe on h with log length and |h| regressed out; "
        "a gain over layer 0 that is not above 0 warns",
        "on", ("P4.gain", "P4.length"), "AxBench; length-norm post-mortem",
        "Surface features that were not listed.",
        "CPU", _PROBE, False, "a surface feature explains part of it",
    ),
    Control(
        "P5", "Does removing the direction remove the information, and only it?",
        "three disjoint topic splits: eraser fitted on A, fresh probe on erased B, AUROC on erased "
        "C; residual against a simulated rank-1 null N(+-dmu/2, S) of the same sizes; random "
        "rank-1 removals; LEACE, four rounds of INLP and removal of the largest components beside "
        "it",
        "on", ("P5.share", "P5.random"), "LEACE 2306.03819; 2506.11673; simulated",
        "Information that only a non-linear probe can read.",
        "CPU", _PROBE, False, "one direction does not hold all of it",
    ),
    Control(
        "P6", "How easily is it read?",
        "online code over topic blocks: L = n1 log2 K + sum -log2 p(y_i+1 | blocks <= i); "
        "compression n log2 K / L over that of labels permuted within topics",
        "optional", ("P6",), "Voita and Titov 2003.12298",
        "Whether an easy read is the right feature.",
        "CPU", (), False, "the label is not easier to read than noise",
        also=_PROBE,
    ),
    Control(
        "P7", "Is the peak real?",
        "bootstrap over topics of every layer's held-out accuracy: argmax distribution, layers "
        "within one standard error, score of the layer chosen on other folds; max-statistic p",
        "on", ("P7.mass",), "simulated: a flat curve of 32 layers peaks anywhere in 11-23",
        "Whether a band means computation there.",
        "CPU", (), False, "the layer is one of a band",
        also=_PROBE,
    ),
    Control(
        "P8", "Does an untrained twin do it too?",
        "gain = AUROC(trained) - best AUROC(same config with fresh weights, up to 3 seeds), paired "
        "over topics",
        "optional", ("P8",), "2512.18792",
        "Which training data taught it.",
        "forwards", (), False, "untrained weights explain part of it",
        also=_PROBE,
    ),
    Control(
        "P9", "Is it the last token, the punctuation or the template?",
        "AUROC and direction under each pooling the run keeps: spread of AUROC, smallest cosine to "
        "the default",
        "optional", ("P9.spread", "P9.cos"), "2604.11050; paper (50th token)",
        "Effects of wording that all poolings share.",
        "forwards", (), False, "it depends on the pooling",
        also=_PROBE,
    ),
    Control(
        "P10", "Does the text name the emotion?",
        "share of texts holding the label, a word starting with its stem, or a given synonym; "
        "AUROC drop when they are left out of training and test",
        "on", ("P10.leak", "P10.drop"), "2603.22295; 2604.23719",
        "Synonyms that were not given.",
        "CPU", _PROBE, False, "some texts name their emotion",
    ),
)  # fmt: skip
