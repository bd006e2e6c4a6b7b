"""What colouring a text asks for and gives back, as plain values: no model library is loaded.

In: a set's name and a text, or a text whose token ids are known. Out: `Coloured`, every token of
the text against every emotion of the set at every layer, from one forward pass; so another layer,
emotion, group or scale needs no further pass. The reading methods only pick and average what the
job has scored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from emotui.jobs.spec import ModelSpec

if TYPE_CHECKING:
    from vectors.scoring import SpanRank, TokenScores

ScaleRule = Literal["layer", "all layers"]


@dataclass(frozen=True)
class Written:
    """A text the model wrote, with the tokens it wrote it in."""

    prompt: str
    token_ids: tuple[int, ...]
    """Generated ids, without the prompt's."""
    pieces: tuple[str, ...]
    """Per generated id, the text it completed."""

    @property
    def text(self) -> str:
        """Prompt and generated text."""
        return self.prompt + "".join(self.pieces)


@dataclass(frozen=True)
class ColourRequest:
    """Which text to score with which set."""

    vectors: str
    model: ModelSpec
    """`source` may be empty: the model the set was made with."""
    text: str
    written: Written | None = None
    """Given where the token ids are known; its text is then `text`."""
    readout: str = "cosine"
    other_model: bool = False


@dataclass(frozen=True, eq=False)
class Coloured:
    """One text against one set, all layers and emotions."""

    vectors: str
    kind: str
    """"expression", "deflection", ...: how the set was made."""
    scores: "TokenScores"
    context_length: int
    """Of the model; a longer text cannot be coloured at once."""

    @property
    def labels(self) -> tuple[str, ...]:
        """All emotions of the set."""
        return self.scores.labels

    @property
    def layers(self) -> tuple[int, ...]:
        """All layers of the set."""
        return self.scores.layers

    @property
    def pieces(self) -> tuple[str, ...]:
        """Per token, its text; untrusted."""
        return self.scores.pieces

    def column(self, labels: Sequence[str], layer: int) -> list[float]:
        """Per token, the mean score over these emotions at the layer; NaN for special tokens."""
        s = self.scores
        columns = [s.labels.index(label) for label in labels]
        mean = s.scores[:, s.layer_index(layer)][:, columns].mean(axis=1)
        return [
            float("nan") if special else float(value)
            for value, special in zip(mean, s.is_special, strict=True)
        ]

    def at(self, token: int, label: str, layer: int) -> float:
        """One score; NaN for a special token."""
        s = self.scores
        if s.is_special[token]:
            return float("nan")
        return float(s.scores[token, s.layer_index(layer), s.labels.index(label)])

    def across_layers(self, token: int, label: str) -> list[float]:
        """One token's score of one emotion at every layer; NaN for a special token."""
        return [self.at(token, label, layer) for layer in self.layers]

    def z_at(self, token: int, label: str, layer: int) -> float | None:
        """One score against neutral texts; None where the set has no yardstick."""
        s = self.scores
        if s.z is None or s.is_special[token]:
            return None
        return float(s.z[token, s.layer_index(layer), s.labels.index(label)])

    def ranks(self, start: int, stop: int, layer: int) -> "list[SpanRank]":
        """All emotions over tokens [start, stop), highest first; [] where all are special."""
        from vectors.scoring import rank_span

        if not (~self.scores.is_special[start:stop]).any():
            return []
        return rank_span(self.scores, start, stop, layer=layer)

    def text_of(self, start: int, stop: int) -> str:
        """Tokens [start, stop) as text, without special ones such as `<s>`."""
        s = self.scores
        shown = zip(s.pieces[start:stop], s.is_special[start:stop], strict=True)
        return "".join(piece for piece, special in shown if not special)

    def scale(self, layer: int, rule: ScaleRule) -> float:
        """End of the colour scale: of this layer, or the widest over all layers."""
        s = self.scores
        return float(s.scale[s.layer_index(layer)] if rule == "layer" else s.scale.max())

    @property
    def n_neutral(self) -> int:
        """Neutral texts behind z; 0 where there is no z."""
        return 0 if self.scores.neutral is None else self.scores.neutral.n_texts

    @property
    def first_ordinary(self) -> int:
        """The first token that is not special; 0 where all are."""
        return int((~self.scores.is_special).argmax())

    @property
    def n_ordinary(self) -> int:
        """Tokens that are not special."""
        return int((~self.scores.is_special).sum())


@dataclass(frozen=True)
class LensRequest:
    """Which text and layer to read through the unembedding."""

    colour: ColourRequest
    layer: int
    top: int = 3


@dataclass(frozen=True)
class LensChunk:
    """The likeliest next tokens of some positions in a row."""

    layer: int
    first: int
    """Position of the first."""
    guesses: tuple[tuple[tuple[str, float], ...], ...]
    """Per position, (token, probability); tokens are untrusted."""
