"""Registry entries I1-I7: does the engine do what it says?

I3-I6 speak of the model alone; they are run once per model and kept (see docs/audits.md). I1, I2
and I7 speak of one direction at one layer.
"""

from .claims import Kind
from .entry import Control

_STEERED: tuple[Kind, ...] = ("steering", "ablation")

ENGINE = (
    Control(
        "I1", "Does the hook alone change anything?",
        "max |logits(hook on, alpha 0) - logits(no hook)| over the prompts; same argmax",
        "on", ("I1", "I1.half"), "convention",
        "Whether a hook at another alpha does what was asked (I2).",
        "forwards", _STEERED, True, "the hook at alpha 0 changes the model",
    ),
    Control(
        "I2", "Did the residual stream move as asked?",
        "h' - h read back after the block: cosine with v, norm against alpha n; positions that "
        "were not chosen move by exactly 0",
        "on", ("I2.cos", "I2.norm", "I2.cos.half", "I2.norm.half"),
        "OpenMOSS/Llamascopium issue 61 (a hook that was a no-op)",
        "Whether the dose is sensible, only that it arrived.",
        "forwards", _STEERED, True, "the dose did not arrive as asked",
    ),
    Control(
        "I3", "Is steered text the same with and without the KV cache?",
        "greedy continuations token by token, and max |logit difference| teacher-forced",
        "on", ("I3", "I1.half"), "hijohnnylin/neuronpedia issue 163",
        "Errors common to both paths.",
        "generations", _STEERED, True, "cached and uncached steering differ",
    ),
    Control(
        "I4", "Does pooling read padding?",
        "cosine of each text's pooled h alone and in a mixed-length batch",
        "on", ("I4", "I4.half"), "the h[:, -1, :] bug of several public replications",
        "Whether the pooling is the right one for the claim (P9).",
        "forwards", _STEERED, True, "activations depend on the batch",
    ),
    Control(
        "I5", "Do two back ends agree?",
        "per-layer cosine of the residual stream, transformer-lens against plain hooks",
        "on", ("I5", "I5.half"), "2604.11050",
        "Errors in weights that both back ends share.",
        "forwards", _STEERED, True, "the two back ends disagree",
    ),
    Control(
        "I6", "Is 'no effect' measurable as zero?",
        "add alpha n (1/sqrt d) 1 after the last block; LayerNorm removes the mean, so the logits "
        "must stay",
        "on", ("I6", "I1.half"), "simulated: exactly 0",
        "Nothing for RMSNorm models, where the control does not apply.",
        "forwards", _STEERED, True, "an exact null moves the logits",
    ),
    Control(
        "I7", "Does steering move its own probe downstream?",
        "Spearman rho of alpha and the mean projection on v at later layers; slope above 0",
        "on", ("I7",), "tristan-day-research, RESULTS section 8",
        "Whether behaviour follows the projection.",
        "forwards", ("steering",), True, "the push does not last to later layers",
    ),
)  # fmt: skip
