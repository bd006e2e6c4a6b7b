"""The vector logit lens against the model's own arithmetic, for every family."""

import numpy as np
import pytest
import torch

from tests.vectors.conftest import tiny_hf, tokenizer_for
from tests.vectors.planted import recipe
from vectors.directionset import DirectionSet
from vectors.errors import DataError, DirectionError
from vectors.imported import imported_directions
from vectors.lens import direction_logits, vector_lens
from vectors.models import LanguageModel, load_model, wrap_model


def _stirred(family: str) -> LanguageModel:
    """A tiny model whose final norm has a gain (and a bias, where there is one) worth noticing."""
    model = wrap_model(tiny_hf(family), tokenizer_for(family))
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.final_norm.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.5)
    return model


def _direction(model: LanguageModel) -> np.ndarray:
    v = np.random.default_rng(0).normal(size=model.info.d_model).astype(np.float32)
    return np.asarray(v / np.linalg.norm(v))


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3", "gpt2", "gpt_neox"])
def test_logits_are_gain_then_unembedding(family: str) -> None:
    """Written out by hand: Gemma's gain is 1 + weight, LayerNorm subtracts the mean first."""
    model = _stirred(family)
    v = _direction(model)
    gain = model.final_norm.weight.detach().numpy()
    gain = gain + 1 if family == "gemma3" else gain
    if family.startswith("gpt"):
        v_in = v - v.mean()
        v_in = v_in / np.linalg.norm(v_in)
    else:
        v_in = v
    expected = model.unembed.weight.detach().numpy() @ (gain * v_in)
    found = direction_logits(model, v)
    assert np.allclose(found, expected[: len(found)], atol=2e-3 * np.abs(expected).max())


def test_it_is_what_a_long_push_along_the_direction_would_predict(
    family_model: LanguageModel,
) -> None:
    """Push a residual stream a long way along v: the model's own logits line up with the lens."""
    v = _direction(family_model)
    with torch.no_grad():
        push = torch.tensor(1e4 * v)[None, None]
        logits = family_model.unembed(family_model.final_norm(push))[0, 0].numpy()
    found = direction_logits(family_model, v)
    assert np.corrcoef(logits[: len(found)], found)[0, 1] > 0.999


def _set(model: LanguageModel) -> DirectionSet:
    return imported_directions(
        _direction(model)[None, None], ["joyful"], [1], recipe=recipe(kind="imported")
    )


def test_tokens_are_ranked_and_words_of_several_tokens_are_flagged(
    tiny_model: object,
) -> None:
    model: LanguageModel = tiny_model("llama")  # type: ignore[operator]
    logits = direction_logits(model, _direction(model))
    found = vector_lens(model, _set(model), "joyful", 1, top=5, words=["the", "grief-stricken"])
    assert [t.token_id for t in found.promoted] == list(np.argsort(-logits)[:5])
    assert [t.token_id for t in found.suppressed] == list(np.argsort(logits)[:5])
    assert found.promoted[0].z > 1 > -1 > found.suppressed[0].z
    the, grief = found.words
    assert not the.first_only
    assert grief.first_only
    assert grief.n_tokens > 1
    assert the.rank == 1 + int((logits > the.logit).sum())
    with pytest.raises(DataError, match="top is 0"):
        vector_lens(model, _set(model), "joyful", 1, top=0)
    with pytest.raises(DirectionError, match="width 8"):
        direction_logits(model, np.ones(8, dtype=np.float32))


@pytest.mark.data
def test_a_tokens_own_unembedding_row_promotes_that_token(stories260k: object) -> None:
    """Positive control on a trained model: the direction W_U[t] / gain reads back as t."""
    model = load_model(str(stories260k))
    gain = model.final_norm.weight.detach().float()
    token = model.tokenizer(" happy", add_special_tokens=False)["input_ids"][-1]
    v = (model.unembed.weight[token].detach().float() / gain).numpy()
    held = imported_directions(v[None, None], ["t"], [0], recipe=recipe(kind="imported"))
    assert vector_lens(model, held, "t", 0).promoted[0].token_id == token
