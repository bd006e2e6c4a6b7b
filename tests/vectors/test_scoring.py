"""Token scores equal a naive count and light up where a direction was planted."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from vectors.errors import DataError, DirectionError, LayerError, TextError
from vectors.hooks import residual_hooks
from vectors.models import LanguageModel
from vectors.scoring import neutral_scores, rank_span, score_text
from vectors.tokens import encode, span_mask

Tiny = Callable[[str], LanguageModel]
LABELS = ("joyful", "sad", "afraid")
TEXT = "The rain had stopped by noon, and Mara walked home along the river."


@dataclass(frozen=True, eq=False)
class Set:
    """Only what scoring asks of a set of directions."""

    labels: tuple[str, ...]
    layers: tuple[int, ...]
    unit: np.ndarray
    center: np.ndarray
    neutral_mean: np.ndarray | None = None
    neutral_sd: np.ndarray | None = None
    n_neutral: int = 0

    def layer_index(self, layer: int) -> int:
        if layer not in self.layers:
            raise LayerError(f"layer {layer} is not in the set")
        return self.layers.index(layer)


def make(layers: tuple[int, ...] = (0, 2), *, neutral: bool = False, d_model: int = 32) -> Set:
    rng = np.random.default_rng(0)
    unit = rng.standard_normal((3, len(layers), d_model)).astype(np.float32)
    unit /= np.linalg.norm(unit, axis=-1, keepdims=True)
    center = rng.standard_normal((len(layers), d_model)).astype(np.float32)
    shape = (3, len(layers))
    return Set(
        LABELS, layers, unit, center,
        rng.normal(0, 0.1, shape).astype(np.float32) if neutral else None,
        rng.uniform(0.1, 0.3, shape).astype(np.float32) if neutral else None,
        20 if neutral else 0,
    )  # fmt: skip


def hidden(model: LanguageModel, text: str, layers: tuple[int, ...]) -> dict[int, np.ndarray]:
    found: dict[int, np.ndarray] = {}

    def read(h: Tensor, layer: int) -> None:
        found[layer] = h[0].double().numpy()

    with torch.no_grad(), residual_hooks(model, dict.fromkeys(layers, read)):
        model.hf(input_ids=torch.from_numpy(encode(model, [text])[0].ids).long()[None])
    return found


def test_scores_equal_a_naive_count(family_model: LanguageModel) -> None:
    directions = make()
    states = hidden(family_model, TEXT, (0, 2))
    cosine = score_text(family_model, directions, TEXT)
    projection = score_text(family_model, directions, TEXT, readout="projection")
    assert cosine.scores.shape == (len(encode(family_model, [TEXT])[0].ids), 2, 3)
    for at, layer in enumerate((0, 2)):
        centred = states[layer] - directions.center[at]
        for label in range(3):
            along = centred @ directions.unit[label, at].astype(np.float64)
            by_norm = along / np.linalg.norm(centred, axis=1)
            assert np.allclose(projection.scores[:, at, label], along, atol=1e-3)
            assert np.allclose(cosine.scores[:, at, label], by_norm, atol=1e-4)
    ordinary = np.abs(cosine.scores[~cosine.is_special])
    for at in range(2):
        assert cosine.scale[at] == pytest.approx(np.percentile(ordinary[:, at], 99), rel=1e-5)


def test_a_choice_of_labels_and_layers_is_a_slice_but_for_the_scale(tiny_model: Tiny) -> None:
    model, directions = tiny_model("llama"), make(neutral=True)
    every = score_text(model, directions, TEXT)
    some = score_text(model, directions, TEXT, labels=["afraid", "joyful"], layers=[2])
    assert (some.labels, some.layers) == (("afraid", "joyful"), (2,))
    assert np.allclose(some.scores, every.scores[:, [1]][:, :, [2, 0]], atol=1e-6)
    assert some.z is not None
    assert every.z is not None
    assert np.allclose(some.z, every.z[:, [1]][:, :, [2, 0]], atol=1e-5)
    want = (every.scores[:, 1, 2] - directions.neutral_mean[2, 1]) / directions.neutral_sd[2, 1]
    assert np.allclose(every.z[:, 1, 2], want, atol=1e-5)


def test_blocks_after_the_last_layer_wanted_do_not_run(tiny_model: Tiny) -> None:
    model, ran = tiny_model("gpt_neox"), []
    handles = [
        block.register_forward_hook(lambda *_a, at=at: ran.append(at))
        for at, block in enumerate(model.blocks)
    ]
    score_text(model, make(), TEXT, layers=[0])
    for handle in handles:
        handle.remove()
    assert ran == [0]


def test_a_planted_direction_lights_up_and_its_neighbours_do_not(tiny_model: Tiny) -> None:
    model, directions = tiny_model("llama"), make((1,))
    joy = torch.from_numpy(directions.unit[0, 0])
    coding = encode(model, [TEXT])[0]
    start = TEXT.index("Mara")
    planted = span_mask(coding, [(start, start + len("Mara walked"))])

    def plant(h: Tensor, _layer: int) -> Tensor:
        added = torch.zeros_like(h)
        added[:, torch.from_numpy(planted)] = 40 * joy
        return h + added

    with residual_hooks(model, {1: plant}):
        lit = score_text(model, directions, TEXT)
    dark = score_text(model, directions, TEXT)
    assert lit.scores[planted, 0, 0].min() > 0.9
    assert np.allclose(lit.scores[~planted], dark.scores[~planted], atol=1e-6)
    at = np.flatnonzero(planted)
    ranks = rank_span(lit, int(at[0]), int(at[-1]) + 1, layer=1)
    assert ranks[0].label == "joyful"
    assert ranks[0].n_tokens == planted.sum()
    assert "".join(np.array(lit.pieces)[planted]).strip() == "Mara walked"
    unlit = {r.label: r.mean for r in rank_span(dark, int(at[0]), int(at[-1]) + 1, layer=1)}
    assert ranks[0].mean > unlit["joyful"] + 0.5


def test_spans_are_means_of_ordinary_tokens_with_their_z(tiny_model: Tiny) -> None:
    model, directions = tiny_model("gemma2"), make(neutral=True)
    scores = score_text(model, directions, TEXT)
    assert scores.is_special[0]
    ranks = rank_span(scores, 0, 6, layer=2)
    assert [r.mean for r in ranks] == sorted((r.mean for r in ranks), reverse=True)
    assert {r.n_tokens for r in ranks} == {5}
    for rank in ranks:
        label = LABELS.index(rank.label)
        mean = scores.scores[1:6, 1, label].mean()
        assert rank.mean == pytest.approx(mean, abs=1e-6)
        z = (mean - directions.neutral_mean[label, 1]) / directions.neutral_sd[label, 1]
        assert rank.z == pytest.approx(z, abs=1e-4)
    assert rank_span(scores, layer=2)[0].n_tokens == len(scores.token_ids) - 1
    flat = replace(directions, neutral_sd=np.zeros((3, 2), dtype=np.float32))
    unknown = rank_span(score_text(model, flat, TEXT), layer=2)[0].z
    assert unknown is not None
    assert np.isnan(unknown)  # a yardstick without spread measures nothing
    bare = score_text(model, make(), TEXT)
    assert bare.z is None
    assert rank_span(bare, layer=2)[0].z is None


def test_neutral_texts_give_a_yardstick_of_the_same_readout(
    tiny_model: Tiny, prose: tuple[str, ...]
) -> None:
    model, directions = tiny_model("llama"), make(neutral=True)
    yardstick = neutral_scores(model, directions, prose)
    means = []
    for text in prose:
        one = score_text(model, directions, text)
        means.append(one.scores[~one.is_special].mean(axis=0))
    assert np.allclose(yardstick.mean, np.mean(means, axis=0), atol=1e-6)
    assert np.allclose(yardstick.sd, np.std(means, axis=0, ddof=1), atol=1e-6)
    scores = score_text(model, directions, prose[0], labels=["sad"], layers=[2], neutral=yardstick)
    want = (means[0][1, 1] - yardstick.mean[1, 1]) / yardstick.sd[1, 1]
    assert rank_span(scores, layer=2)[0].z == pytest.approx(want, abs=1e-4)
    # The texts that made the yardstick have mean z of 0 and spread 1 by it.
    zs = [
        rank_span(score_text(model, directions, t, labels=["sad"], neutral=yardstick), layer=0)[0].z
        for t in prose
    ]
    assert np.mean(np.array(zs, dtype=float)) == pytest.approx(0, abs=1e-3)
    assert np.std(np.array(zs, dtype=float), ddof=1) == pytest.approx(1, abs=1e-3)
    with pytest.raises(DataError, match="do not cover projection"):
        score_text(model, directions, TEXT, readout="projection", neutral=yardstick)
    assert score_text(model, directions, TEXT, readout="projection").z is None


@pytest.mark.parametrize("text", ["日本語 text 🙂🙃 naïve", "🙂", "tab\tand\nline", "a\x1b[31mred"])
def test_pieces_of_any_script_join_to_the_text(family_model: LanguageModel, text: str) -> None:
    scores = score_text(family_model, make(), text)
    shown = np.array(scores.pieces, dtype=object)[~scores.is_special]
    assert "".join(shown) == text
    assert len(scores.pieces) == len(scores.token_ids) == len(scores.offsets)
    assert np.isfinite(scores.scores).all()


def test_what_cannot_be_scored_is_refused(tiny_model: Tiny) -> None:
    model, directions = tiny_model("llama"), make()
    with pytest.raises(DataError, match="'joyfull' is not in the set; nearest: joyful"):
        score_text(model, directions, TEXT, labels=["joyfull"])
    with pytest.raises(DataError, match="no labels"):
        score_text(model, directions, TEXT, labels=[])
    with pytest.raises(DataError, match="readout is 'dot'"):
        score_text(model, directions, TEXT, readout="dot")
    with pytest.raises(LayerError, match="1"):
        score_text(model, directions, TEXT, layers=[1])
    with pytest.raises(LayerError, match="0 to 2"):
        score_text(model, directions, TEXT, layers=[9])
    with pytest.raises(DirectionError, match="width 16, the model 32"):
        score_text(model, make(d_model=16), TEXT)
    with pytest.raises(TextError, match="no tokens"):
        score_text(model, directions, "")
    with pytest.raises(TextError, match="context of 256"):
        score_text(model, directions, "a b c " * 200)
    scores = score_text(model, directions, TEXT)
    with pytest.raises(TextError, match="not within"):
        rank_span(scores, 3, 999, layer=2)
    with pytest.raises(TextError, match="special tokens only"):
        rank_span(scores, 0, 1, layer=2)
    with pytest.raises(LayerError, match="has layers 0, 2"):
        rank_span(scores, layer=1)
    with pytest.raises(DataError, match="two or more"):
        neutral_scores(model, directions, ["one"])
