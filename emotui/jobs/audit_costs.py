"""What every control that runs a model costs, counted before anything starts.

In: a claim, the number of its prompts. Out: forward passes and texts per control, used by the steps
that run them and by the pane that shows them first. Holds how many texts those controls read.
"""

from emotui.jobs.audit_record import Audit
from vectors.audits.arms import planned_arms
from vectors.audits.asking import planned_asking
from vectors.audits.dose import planned_doses
from vectors.audits.integrity import GATE_PROMPTS, planned_gate
from vectors.audits.mechanism import planned_mechanism
from vectors.audits.necessity import planned_necessity
from vectors.audits.offtarget import MAX_TEXTS, planned_off_target
from vectors.audits.paraphrase import WORDINGS, planned_wordings
from vectors.audits.result import Cost
from vectors.audits.specificity import planned_specificity

NATURAL_TEXTS = 64
"""Texts whose activations are the natural ones of C1, C9 and C10."""
NEUTRAL_TEXTS = 64
"""Texts whose mean an ablation puts in the direction's place."""
EMOTIONS = 8
"""Rows of C3's matrix, the claimed emotion among them."""


def model_costs(audit: Audit, n_prompts: int) -> dict[str, Cost]:
    """At most: what the integrity gate has kept of the same model costs nothing again."""
    n, settings = n_prompts, audit.settings
    arms, path = planned_arms(n, settings), planned_mechanism(n)
    # Whichever of C10 and C1 comes first reads the natural activations.
    around = Cost(forwards=n + NATURAL_TEXTS)
    return {
        **planned_gate(len(GATE_PROMPTS)),
        **arms,
        **planned_doses(n),
        **path,
        "C1": arms["C1"] + around,
        "C10": path["C10"] + around,
        "C3": planned_specificity(n, EMOTIONS),
        "C6": Cost(generations=2 * n),
        "C7": planned_off_target(n, MAX_TEXTS) + Cost(generations=2 * n),
        "C9": planned_necessity(n, settings) + Cost(forwards=NEUTRAL_TEXTS + NATURAL_TEXTS),
        "C13": planned_asking(n),
        "X7": planned_wordings(n, audit.subject.paraphrases or WORDINGS),
    }
