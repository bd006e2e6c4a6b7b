"""Job: score every token of a text against a set of directions, in one forward pass.

In: a set's name, a text, a layer. Out: a ScoreResult with the tokens' scores, one shared colour
scale over all of the set's emotions, and the emotions ranked over a span. Writes nothing but which
layer and emotions were shown, into the ledger of forking paths.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from emotui.errors import OptionError
from emotui.events import Cancelled, Done, Job, never
from emotui.jobs.engine import Engine
from emotui.jobs.sets import load_for, open_set, set_layers
from emotui.jobs.spec import ModelSpec
from emotui.options import LayerSpec, known_name
from store.forks import Fork, note_forks
from store.layout import Home
from vectors.directions import DirectionSet
from vectors.scoring import SpanRank, TokenScores, rank_span, score_text


@dataclass(frozen=True)
class ScoreRequest:
    """What to score with what."""

    vectors: str
    model: ModelSpec
    """`source` may be empty: the model the set was made with."""
    text: str
    layer: LayerSpec
    emotions: tuple[str, ...] | None = None
    """Which to show; None = the three that rank highest over the span."""
    readout: str = "cosine"
    span: tuple[int, int] | None = None
    """Characters [start, stop) to rank over; None = the whole text."""
    other_model: bool = False


@dataclass(frozen=True)
class ScoreResult:
    """A text's tokens beside its emotions, at one layer."""

    vectors: str
    layer: int
    scores: TokenScores
    """All the set's emotions; `layers` holds the one layer."""
    shown: tuple[str, ...]
    span: tuple[int, int]
    """Tokens [start, stop) that were ranked."""
    ranks: tuple[SpanRank, ...]
    n_neutral: int
    """Neutral texts behind z; 0 where the set has none."""

    def to_json(self) -> dict[str, object]:
        """Plain values; the keys are those of docs/commands.md."""
        s, at = self.scores, self.scores.layer_index(self.layer)
        columns = [s.labels.index(label) for label in self.shown]
        return {
            "vectors": self.vectors,
            "layer": self.layer,
            "readout": s.readout,
            "scale": float(s.scale[at]),
            "n_neutral": self.n_neutral,
            "text": s.text,
            "span_tokens": list(self.span),
            "emotions": list(self.shown),
            "ranks": [
                {"emotion": r.label, "mean": r.mean, "z": r.z, "n_tokens": r.n_tokens}
                for r in self.ranks
            ],
            "tokens": [
                {
                    "piece": s.pieces[i],
                    "id": int(s.token_ids[i]),
                    "start": int(s.offsets[i, 0]),
                    "stop": int(s.offsets[i, 1]),
                    "special": bool(s.is_special[i]),
                    "scores": [float(s.scores[i, at, c]) for c in columns],
                }
                for i in range(len(s.pieces))
            ],
        }


def score_job(
    home: Home, request: ScoreRequest, *, engine: Engine, cancelled: Cancelled = never
) -> Job:
    """Loads, scores, ranks; Done holds a ScoreResult."""
    del cancelled  # one forward pass: nothing to stop between
    directions = open_set(home, request.vectors)
    for name in request.emotions or ():
        known_name(name, directions.labels, what="emotion")
    layer = set_layers(directions, request.layer)[-1]
    model = yield from load_for(engine, directions, request.model, other_model=request.other_model)
    scores = score_text(model, directions, request.text, layers=[layer], readout=request.readout)
    span = token_span(scores, request.span)
    ranks = tuple(rank_span(scores, *span, layer=layer))
    shown = request.emotions or tuple(rank.label for rank in ranks[:3])
    note_scores(home, directions, layer, shown, request.readout)
    yield Done(
        ScoreResult(
            vectors=request.vectors,
            layer=layer,
            scores=scores,
            shown=shown,
            span=span,
            ranks=ranks,
            n_neutral=directions.n_neutral,
        )
    )


def note_scores(
    home: Home, directions: DirectionSet, layer: int, shown: Sequence[str], readout: str
) -> None:
    """Write down which emotions' numbers were shown; the same again counts once."""
    read = directions.recipe.dataset_hash
    note_forks(home, (Fork("score", read, layer, name, metric=readout) for name in shown))


def token_span(scores: TokenScores, characters: tuple[int, int] | None) -> tuple[int, int]:
    """The tokens that touch the characters [start, stop); all tokens for None."""
    if characters is None:
        return 0, len(scores.token_ids)
    start, stop = characters
    inside = [
        i
        for i, (a, b) in enumerate(scores.offsets)
        if not scores.is_special[i] and a < stop and b > start
    ]
    if not inside:
        raise OptionError(
            f"--span {start}:{stop} touches no token; the text has {len(scores.text)} characters"
        )
    return inside[0], inside[-1] + 1
