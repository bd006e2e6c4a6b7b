"""P1: does the label decode on topics the probe has not seen?

Two runs of the same probe, folds by topic and folds at random; their gap is what topics give away.
Source: simulated (a topic leak scores .79 at random and .46 by topic, without any signal).
"""

from vectors.stats import Interval

from .data import AuditData
from .probe_scores import probe_auroc, split_of
from .result import ControlResult, State, worst
from .settings import AuditSettings

CHANCE = 0.5


def unseen_topics(data: AuditData, settings: AuditSettings) -> ControlResult:
    """Macro AUROC by topic with its interval, and its gap to random folds."""
    by_topic = probe_auroc(data, split_of(data, settings), settings).interval
    at_random = probe_auroc(data, split_of(data, settings, split="random"), settings).interval
    gap = at_random.value - by_topic.value
    margin: State = settings.rule("P1.margin").state(by_topic.low - CHANCE)
    leak: State = settings.rule("P1.gap").state(gap)
    reasons = []
    if margin != "pass":
        reasons.append(f"AUROC by topic {by_topic.value:.2f}, lower end {by_topic.low:.2f}")
    if leak != "pass":
        reasons.append(
            f"random folds score {at_random.value:.2f}, topic folds {by_topic.value:.2f}: the gap "
            f"{gap:.2f} is read from topics"
        )
    thin = data.thin()
    state = worst(margin, leak, "warn" if thin else "pass")
    return ControlResult(
        "P1",
        state,
        {
            "auroc by topic": by_topic,
            "auroc at random": at_random,
            "gap": Interval(gap, float("nan"), float("nan"), data.n, data.n_groups),
        },
        reasons=(*reasons, *thin),
    )
