"""What a claim would be about, as far as the user's screen tells, in a sentence that can be held.

In: the workspace. Out: one `Suggestion` per kind of claim. The suggested sentence says no more than
the controls of its kind can carry. Knows no form and no store.
"""

from dataclasses import dataclass

from emotui.workspace import Workspace

KINDS = ("probe", "cosine", "steering", "ablation", "axis")
EFFECTS = {"probe": "0.05", "cosine": "0.1", "steering": "0.1", "ablation": "0.1", "axis": "0.4"}
"""Smallest effect of interest, in the units of the kind's statistic."""
UNITS = {
    "probe": "AUROC above chance",
    "cosine": "cosine beyond the null's mean",
    "steering": "change of the log-odds of the target words",
    "ablation": "drop of the log-odds of the target words",
    "axis": "correlation with the norms",
}
ACTIVATIONS = ("probe", "cosine", "axis")
"""Kinds about a run; the others are about a set of vectors."""


@dataclass(frozen=True)
class Suggestion:
    """What a claim of one kind would be about, as far as the user's screen tells; "" = unknown."""

    kind: str
    run: str = ""
    vectors: str = ""
    emotion: str = ""
    other: str = ""
    layer: str = ""
    alpha: str = ""

    @property
    def line(self) -> str:
        """One line to choose by: `cosine: joyful ~ glad, layer 5, run a1b2`."""
        who = f"{self.emotion} ~ {self.other}" if self.other else self.emotion
        parts = [who, f"layer {self.layer}" if self.layer else "",
                 f"alpha {self.alpha}" if self.alpha else "", self.run or self.vectors]  # fmt: skip
        return f"{self.kind}: " + (", ".join(p for p in parts if p) or "nothing chosen yet")

    @property
    def sentence(self) -> str:
        """A claim in words that no control has to take back."""
        who, other = self.emotion or "the emotion", self.other or "the other emotion"
        return {
            "probe": f"{who} can be read linearly from activations over topics not trained on",
            "cosine": f"the vectors of {who} and {other} are more alike than this construction "
            "gives for shuffled labels",
            "steering": f"adding the vector of {who} goes with higher odds of its words, more than "
            "random pushes of the same size do",
            "ablation": f"removing the vector of {who} goes with lower odds of its words, more "
            "than removing random ones does",
            "axis": f"a main component of the vectors goes with the {self.emotion} of emotions",
        }[self.kind]


def suggestion(workspace: Workspace, kind: str) -> Suggestion:
    """What the workspace has for a claim of this kind."""
    layer = "" if workspace.layer is None else str(workspace.layer)
    if kind == "cosine":
        first, second = workspace.pair
        return Suggestion(kind, run=workspace.run, emotion=first or workspace.emotion,
                          other=second, layer=layer)  # fmt: skip
    if kind in ("steering", "ablation"):
        alpha = f"{workspace.alpha:+g}" if kind == "steering" and workspace.alpha else ""
        return Suggestion(kind, vectors=workspace.vectors, emotion=workspace.emotion, layer=layer,
                          alpha=alpha)  # fmt: skip
    emotion = workspace.emotion if kind == "probe" else "valence"
    return Suggestion(kind, run=workspace.run, emotion=emotion, layer=layer)


def suggestions(workspace: Workspace) -> list[Suggestion]:
    """One for each kind."""
    return [suggestion(workspace, kind) for kind in KINDS]
