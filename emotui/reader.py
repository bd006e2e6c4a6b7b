"""Names the emotion of a continuation by its words alone, knowing nothing of any model.

In: fresh stories of the demo's grammar to learn from. Out: a name per text. It is the independent
judge of the demo's steering: it never saw an activation. Words of the reaction only; it cannot
tell sense from collocation, so it is held out against stories it has not seen and its accuracy
stands beside every share it gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emotui.demo.corpus import Story, stories


@dataclass(frozen=True)
class Reader:
    """A fitted judge."""

    pipeline: Any
    n_train: int
    n_test: int
    accuracy: float
    """Share of held-out reactions named right."""
    chance: float
    """1 / emotions."""

    def name(self, texts: Sequence[str]) -> list[str]:
        """The emotion each text's words speak of."""
        return [str(name) for name in self.pipeline.predict(list(texts))]


def reaction_of(story: Story) -> str:
    """The part of a story after its facts."""
    return story.text[story.premise_end :]


def train_reader(*, n: int = 4000, n_test: int = 1000, seed: int = 7001) -> Reader:
    """Learns from `n` stories and is tested on `n_test` others, both made for this only."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    known, fresh = stories(n, seed=seed), stories(n_test, seed=seed + 1)
    pipeline = make_pipeline(CountVectorizer(), LogisticRegression(C=3.0, max_iter=400))
    pipeline.fit([reaction_of(s) for s in known], [s.emotion for s in known])
    accuracy = float(pipeline.score([reaction_of(s) for s in fresh], [s.emotion for s in fresh]))
    return Reader(pipeline, n, n_test, accuracy, 1 / len({s.emotion for s in known}))
