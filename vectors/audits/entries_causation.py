"""Registry entries C1-C14: does the model use it?"""

from .claims import Kind
from .entry import Control

_STEERING: tuple[Kind, ...] = ("steering",)
_BOTH: tuple[Kind, ...] = ("steering", "ablation")

CAUSATION = (
    Control(
        "C1", "More than any push?",
        "effect of v among R random directions at one alpha: isotropic, covariance-matched, "
        "damage-matched (alpha rescaled to the same mean next-token KL); rank p, "
        "z = (effect - mean) / sd",
        "on", ("C1",), "convention; one replication's null at 4x norm",
        "Whether the label matters (C2).",
        "forwards", _STEERING, False, "some random pushes do as much",
    ),
    Control(
        "C2", "The label, or any direction of this pipeline?",
        "as C1 with directions built from labels permuted within topics",
        "on", ("C2",), "2512.18792",
        "Whether a neighbouring emotion does the same (C3).",
        "forwards", _STEERING, False, "shuffled labels give directions that do as much",
    ),
    Control(
        "C3", "This emotion, or emotion as such?",
        "matrix of effects, steered emotion x outcome; own outcome against the mean of others of "
        "the same valence and of the opposite one, and against what a topic's direction does to "
        "it; intervals over prompts; limited where no norms of valence were given",
        "optional", (), "jyhong836 (diagonal dominance 6 of 12)",
        "Emotions that are not in the matrix.",
        "forwards", (), False, "other emotions of the same valence do the same", also=_STEERING,
    ),
    Control(
        "C4", "Does -alpha reverse it?",
        "odd part S = (D(+a) - D(-a)) / 2 against even part E = (D(+a) + D(-a)) / 2, over prompts",
        "on", ("C4",), "simulated: read-only directions and lengths fail here",
        "Whether the odd part is specific (C1-C3).",
        "forwards", _STEERING, False, "part of the effect is damage common to both signs",
    ),
    Control(
        "C5", "Graded?",
        "slope of the outcome over seven doses per prompt, median with bootstrap interval; "
        "Spearman rho of dose and mean outcome",
        "on", ("C5.rho",), "Tan et al. 2407.12404; exact p .0004 for 7 ordered doses",
        "Grading beyond the doses tried.",
        "forwards", _STEERING, False, "the response is not graded over the doses",
    ),
    Control(
        "C6", "Is it still language?",
        "perplexity of the steered text under the unsteered model over the baseline's, rise of "
        "repeated 4-grams, share of valid texts",
        "on", ("C6.ratio", "C6.rep", "C6.valid"), "AxBench fluency; convention",
        "Sense, which takes a reader.",
        "generations", _BOTH, False, "the text is partly broken at this strength",
    ),
    Control(
        "C7", "What else moved?",
        "paired change of next-token accuracy on neutral texts (margin 3 points), of the other "
        "emotion that moves most, of length and of topic (margin .2 sd each): equivalent where the "
        "90 % interval is inside the margin (two one-sided tests)",
        "optional", ("C7",), "SteeringControl 2509.13450; Schuirmann 1987",
        "Measures that are not in the list (refusals, facts).",
        "generations", (), False, "other things moved too", also=_BOTH,
    ),
    Control(
        "C8", "Words or state?",
        "share of the effect that is left when the top tokens of the unembedding times v (200, or "
        "1 % of a smaller vocabulary) and the emotion's own name do not count",
        "optional", ("C8",), "2604.03147 (token-emission account)",
        "Indirect vocabulary effects.",
        "forwards", (), False, "it raises a vocabulary", also=_BOTH,
    ),
    Control(
        "C9", "Needed?",
        "drop of the outcome on evoking prompts when h.v is set to its neutral mean at every layer "
        "and position, against R random and R covariance-matched directions treated alike; share "
        "of what the prompts evoke; zero, resampled neutral projections and LEACE beside it",
        "on", (), "Heimersheim and Nanda 2404.15255",
        "Whether adding it suffices (C1, C4); a rise means the direction inhibits. A drop that "
        "random removals give as well fails.",
        "forwards", ("ablation",), False, "removal helps little",
    ),
    Control(
        "C10", "Does it act through what the model uses?",
        "v = v_active (its part in the PCs that hold 95 % of variance) + v_rest; effect of each "
        "part over that of v; z = shift of the projection over the sd of natural ones",
        "on", ("C10.share", "C10.z"), "Makelov et al. 2311.17030",
        "Which later component reads it.",
        "forwards", _STEERING, False, "part of it acts out of the natural range",
    ),
    Control(
        "C11", "Does the mean hide prompts that go the other way?",
        "slope per prompt; share below 0 with Wilson's interval",
        "on", ("C11",), "2407.12404; 2505.22637",
        "Prompts unlike those tried.",
        "none", (), False, "a share of prompts goes the other way", also=_STEERING,
    ),
    Control(
        "C12", "Were alpha and layer chosen on other prompts?",
        "prompts of tuning and test share none; number of settings tried is stated",
        "on", (), "AxBench (half the prompts for the choice)",
        "Choices made before this record began.",
        "none", _BOTH, False, "the strength was chosen on the test prompts",
    ),
    Control(
        "C13", "Better than asking?",
        "outcome under 'You feel {emotion}.' against a neutral instruction of equal length, and "
        "under steering with the neutral one; share of target words in generated text per arm",
        "report", (), "AxBench: prompting wins",
        "Whether the two act alike inside.",
        "generations", (), False, "asking does as much", also=_STEERING,
    ),
    Control(
        "C14", "Which tokens?",
        "odd effect with all positions, all but the last, and the last alone (which stands for "
        "generated ones at the first token); ratio of largest to smallest; sign",
        "optional", ("C14",), "one replication: generated only",
        "Single positions.",
        "forwards", (), False, "it depends on which tokens are steered", also=_BOTH,
    ),
)  # fmt: skip
