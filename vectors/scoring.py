"""How much of each emotion every token carries: one forward pass, any labels, any layers.

In: a model, directions (a `DirectionSet`), a text. Out: `TokenScores` [pos, layer, emotion] and
ranked spans. Knows no screen; colours divide by `scale`.

With h the residual stream at a token, c the set's mean activation at that layer, u a direction:

    cosine      (h - c).u / |h - c|        centred: without c every direction scores like the mean
    projection  (h - c).u                  in units of the residual stream

z compares with neutral text. A direction set's own neutral_mean and neutral_sd are of whole
(pooled) texts, so they are a rough yardstick for single tokens, whose scores scatter more; give
`neutral=neutral_scores(...)` for a z whose unit is the same readout averaged over a neutral text's
tokens. A span of few tokens scatters more than a text in either case.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int32
from torch import Tensor

from .errors import DataError, DirectionError, LayerError, TextError
from .hooks import residual_hooks, stop_after
from .tokens import Encoding, collate, encode, pieces

if TYPE_CHECKING:
    from .models import LanguageModel

READOUTS = ("cosine", "projection")


class Directions(Protocol):
    """What scoring needs of a set of directions; `vectors.directions.DirectionSet` has it."""

    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def layers(self) -> tuple[int, ...]: ...
    @property
    def unit(self) -> Float32[np.ndarray, "emotion layer d_model"]: ...
    @property
    def center(self) -> Float32[np.ndarray, "layer d_model"]: ...
    @property
    def neutral_mean(self) -> Float32[np.ndarray, "emotion layer"] | None: ...
    @property
    def neutral_sd(self) -> Float32[np.ndarray, "emotion layer"] | None: ...
    @property
    def n_neutral(self) -> int: ...
    def layer_index(self, layer: int) -> int: ...


@dataclass(frozen=True, eq=False)
class NeutralScores:
    """What neutral texts score, for z."""

    mean: Float32[np.ndarray, "layer emotion"]
    """Over texts, of the mean score over a text's tokens."""
    sd: Float32[np.ndarray, "layer emotion"]
    labels: tuple[str, ...]
    layers: tuple[int, ...]
    readout: str
    n_texts: int


@dataclass(frozen=True, eq=False)
class TokenScores:
    """Every token of one text against every shown label."""

    text: str
    pieces: tuple[str, ...]
    """Per token, the slice of the text it stands for; untrusted."""
    token_ids: Int32[np.ndarray, "pos"]
    offsets: Int32[np.ndarray, "pos 2"]
    """Character offsets in `text`; a special token has (0, 0)."""
    is_special: Bool[np.ndarray, "pos"]
    """BOS and the like: scored, but in no scale and no span."""
    labels: tuple[str, ...]
    layers: tuple[int, ...]
    readout: str
    """"cosine" (centred) or "projection" (centred, units of the residual stream)."""
    scores: Float32[np.ndarray, "pos layer emotion"]
    z: Float32[np.ndarray, "pos layer emotion"] | None
    """(score - neutral mean) / neutral sd; None where no neutral yardstick fits the readout."""
    neutral: NeutralScores | None
    """The yardstick of z; n_texts is 0 where the set did not record it."""
    scale: Float32[np.ndarray, "layer"]
    """99th percentile of |score| over all shown labels and ordinary tokens: one shared scale."""

    def layer_index(self, layer: int) -> int:
        """Where `layer` stands in `scores`; LayerError when it was not scored."""
        if layer not in self.layers:
            have = ", ".join(map(str, self.layers))
            raise LayerError(f"layer {layer} was not scored; this text has layers {have}")
        return self.layers.index(layer)


@dataclass(frozen=True)
class SpanRank:
    """One label over one span of tokens."""

    label: str
    mean: float
    """Mean score over the span's ordinary tokens."""
    z: float | None
    """(mean - neutral mean) / neutral sd; None where no yardstick is there."""
    n_tokens: int


def score_text(
    model: "LanguageModel",
    directions: Directions,
    text: str,
    *,
    labels: Sequence[str] | None = None,
    layers: Sequence[int] | None = None,
    readout: str = "cosine",
    neutral: NeutralScores | None = None,
    encoding: Encoding | None = None,
) -> TokenScores:
    """Score every token of `text` in one forward pass that stops after the last layer wanted.

    `encoding` gives the text's tokens where they are known, as those of a generated text are: a
    tokenizer may cut the same characters into other tokens than the model wrote.

    Raises TextError for a text without tokens or longer than the context, DataError for an unknown
    label or readout, LayerError for a layer not in the set, DirectionError for another width.
    """
    names, wanted = _choose(model, directions, labels, layers, readout)
    encoding = _encode(model, text) if encoding is None else _checked(model, text, encoding)
    scores = _forward(model, directions, encoding, names, wanted, readout)
    ordinary = np.abs(scores[~encoding.is_special])
    if neutral is None and readout == "cosine":
        neutral = _recorded(directions, names, wanted)
    if neutral is not None:
        neutral = _align(neutral, names, wanted, readout)
    return TokenScores(
        text=text,
        pieces=tuple(pieces(model, encoding, text)),
        token_ids=encoding.ids,
        offsets=encoding.offsets,
        is_special=encoding.is_special,
        labels=names,
        layers=wanted,
        readout=readout,
        scores=scores,
        z=None if neutral is None else ((scores - neutral.mean) / _spread(neutral)),
        neutral=neutral,
        scale=np.quantile(ordinary, 0.99, axis=(0, 2)).astype(np.float32),
    )


def neutral_scores(
    model: "LanguageModel",
    directions: Directions,
    texts: Sequence[str],
    *,
    labels: Sequence[str] | None = None,
    layers: Sequence[int] | None = None,
    readout: str = "cosine",
) -> NeutralScores:
    """What `texts` score on average over their tokens: mean and sd over two or more texts."""
    names, wanted = _choose(model, directions, labels, layers, readout)
    if len(texts) < 2:
        raise DataError(f"{len(texts)} neutral texts given; a spread needs two or more")
    means = []
    for text in texts:
        encoding = _encode(model, text)
        scores = _forward(model, directions, encoding, names, wanted, readout)
        means.append(scores[~encoding.is_special].mean(axis=0, dtype=np.float64))
    rows = np.stack(means)
    return NeutralScores(
        rows.mean(axis=0).astype(np.float32),
        rows.std(axis=0, ddof=1).astype(np.float32),
        names,
        wanted,
        readout,
        len(texts),
    )


def rank_span(
    scores: TokenScores, start: int = 0, stop: int | None = None, *, layer: int
) -> list[SpanRank]:
    """Labels by mean score over tokens [start, stop), highest first, special tokens left out."""
    at = scores.layer_index(layer)
    n = len(scores.token_ids)
    end = n if stop is None else stop
    if not 0 <= start < end <= n:
        raise TextError(f"the span [{start}, {end}) is not within the text's {n} tokens")
    inside = ~scores.is_special[start:end]
    if not inside.any():
        raise TextError(f"the span [{start}, {end}) holds special tokens only; widen it")
    means = scores.scores[start:end, at][inside].mean(axis=0, dtype=np.float64)
    ranks = []
    for index, label in enumerate(scores.labels):
        z = None
        if scores.neutral is not None:
            above = means[index] - scores.neutral.mean[at, index]
            z = float(above / _spread(scores.neutral)[at, index])
        ranks.append(SpanRank(label, float(means[index]), z, int(inside.sum())))
    return sorted(ranks, key=lambda rank: -rank.mean)


def _choose(
    model: "LanguageModel",
    directions: Directions,
    labels: Sequence[str] | None,
    layers: Sequence[int] | None,
    readout: str,
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    if readout not in READOUTS:
        raise DataError(f"readout is {readout!r}; it must be one of {', '.join(READOUTS)}")
    width = directions.unit.shape[-1]
    if width != model.info.d_model:
        raise DirectionError(
            f"the directions have width {width}, the model {model.info.d_model}; "
            "use directions made with this model"
        )
    names = directions.labels if labels is None else tuple(labels)
    if not names:
        raise DataError("no labels were chosen; name one or more, or None for all")
    for name in names:
        if name not in directions.labels:
            near = get_close_matches(name, directions.labels, n=3, cutoff=0) or directions.labels
            raise DataError(f"label {name!r} is not in the set; nearest: {', '.join(near)}")
    wanted = model.layers(directions.layers if layers is None else layers)
    for layer in wanted:
        directions.layer_index(layer)
    return names, wanted


def _encode(model: "LanguageModel", text: str) -> Encoding:
    return _checked(model, text, encode(model, [text])[0])


def _checked(model: "LanguageModel", text: str, encoding: Encoding) -> Encoding:
    if encoding.truncated or len(encoding.ids) > model.info.context_length:
        raise TextError(
            f"the text {text[:30]!r} is longer than the context of {model.info.context_length} "
            "tokens; score it in parts"
        )
    if not (~encoding.is_special).any():
        raise TextError("the text has no tokens; give some text")
    return encoding


@torch.inference_mode()
def _forward(
    model: "LanguageModel",
    directions: Directions,
    encoding: Encoding,
    labels: Sequence[str],
    layers: Sequence[int],
    readout: str,
) -> Float32[np.ndarray, "pos layer emotion"]:
    rows = [directions.labels.index(label) for label in labels]
    at = [directions.layer_index(layer) for layer in layers]
    # One copy each way, before and after the pass: inside it the device would wait for them.
    units = _on_device(model, directions.unit[rows][:, at].swapaxes(0, 1))
    centers = _on_device(model, directions.center[at])
    found: dict[int, Tensor] = {}

    def read(h: Float[Tensor, "batch pos d_model"], layer: int) -> None:
        place = layers.index(layer)
        centred = h[0].float() - centers[place].to(h.device)
        score = centred @ units[place].to(h.device).T
        if readout == "cosine":
            score = score / centred.norm(dim=-1, keepdim=True).clamp_min(1e-12)
        found[layer] = score.to(model.device)

    batch = collate([encoding], pad_id=model.pad_id, device=model.device)
    with residual_hooks(model, dict.fromkeys(layers, read)), stop_after(model, max(layers)):
        model.body(
            input_ids=batch.ids,
            attention_mask=batch.mask,
            position_ids=batch.positions,
            use_cache=False,
        )
    scores: Float32[np.ndarray, "pos layer emotion"]
    scores = torch.stack([found[layer] for layer in layers], dim=1).cpu().numpy()
    return scores


def _on_device(model: "LanguageModel", array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(model.device)


def _recorded(
    directions: Directions, labels: Sequence[str], layers: Sequence[int]
) -> NeutralScores | None:
    if directions.neutral_mean is None or directions.neutral_sd is None:
        return None
    rows = [directions.labels.index(label) for label in labels]
    at = [directions.layer_index(layer) for layer in layers]
    return NeutralScores(
        directions.neutral_mean[rows][:, at].T,
        directions.neutral_sd[rows][:, at].T,
        tuple(labels),
        tuple(layers),
        "cosine",
        directions.n_neutral,
    )


def _spread(neutral: NeutralScores) -> Float32[np.ndarray, "layer emotion"]:
    """The sd, NaN where it is 0: texts that all score the same are no yardstick."""
    return np.where(neutral.sd > 0, neutral.sd, np.nan).astype(np.float32)


def _align(
    neutral: NeutralScores, labels: Sequence[str], layers: Sequence[int], readout: str
) -> NeutralScores:
    missing = [str(x) for x in labels if x not in neutral.labels]
    missing += [f"layer {x}" for x in layers if x not in neutral.layers]
    if missing or neutral.readout != readout:
        raise DataError(
            f"the neutral scores ({neutral.readout}) do not cover {readout} of "
            f"{', '.join(missing) or 'these labels'}; make them with the same arguments"
        )
    at = np.ix_(
        [neutral.layers.index(x) for x in layers], [neutral.labels.index(x) for x in labels]
    )
    return NeutralScores(
        neutral.mean[at], neutral.sd[at], tuple(labels), tuple(layers), readout, neutral.n_texts
    )
