"""Tiny random models of every family, each with a small real tokenizer trained on the spot."""

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import transformers
    from transformers import PreTrainedTokenizerFast

from vectors.models import LanguageModel, wrap_model

# Wide enough for the tests of texts: letters, blanks, punctuation, bytes of anything else.
PROSE = (
    "The rain had stopped by noon, and Mara walked home along the river with her coat open.",
    "He counted the coins twice, then pushed them back across the table without a word.",
    "Nobody had told the boy that the dog was gone; he still set out the bowl each evening.",
    "When the letter came she read it standing, and then she sat down on the stairs and laughed.",
    "The engine coughed, caught, and held, and for a while neither of them dared to speak.",
    "They waited. The clock in the hall struck four. The door stayed shut, the kettle cold.",
    "I wrote the number on my hand so that I would not lose it, and lost it all the same.",
    "Up on the hill the lamps went out one by one until only the mill still showed a light.",
)
FAMILY_LIST = (
    "gpt_neox",
    "gpt2",
    "llama",
    "mistral",
    "qwen2",
    "qwen3",
    "gemma2",
    "gemma3",
    "gemma4",
)
# Gemma's own tokenizers add a BOS; here gemma3's does not, so that both rules are exercised.
_ADDS_BOS = ("llama", "mistral", "gemma2", "gemma4")


@cache
def small_tokenizer(*, adds_bos: bool) -> PreTrainedTokenizerFast:
    """A byte-level BPE of about 350 tokens with <bos>, <eos> and <pad>."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=350,
        special_tokens=["<pad>", "<bos>", "<eos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(PROSE, trainer)
    if adds_bos:
        core.post_processor = processors.TemplateProcessing(
            single="<bos> $A", special_tokens=[("<bos>", core.token_to_id("<bos>"))]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>"
    )


def tiny_config(family: str, **changes: Any) -> Any:
    """A config of `family`: d_model 32, 3 layers, 4 heads, context 256, every quirk switched on."""
    common: dict[str, Any] = {
        "vocab_size": 352,
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 256,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "initializer_range": 0.2,
    }
    grouped = {**common, "num_key_value_heads": 2}
    gemma = {**grouped, "head_dim": 8}
    sliding = ["sliding_attention", "full_attention", "sliding_attention", "full_attention"]
    t = transformers
    builders: dict[str, Callable[[], Any]] = {
        "gpt_neox": lambda: t.GPTNeoXConfig(**{**common, **changes}),
        "gpt2": lambda: t.GPT2Config(
            vocab_size=352,
            n_embd=32,
            n_layer=3,
            n_head=4,
            n_positions=256,
            initializer_range=0.2,
            bos_token_id=1,
            eos_token_id=2,
            **changes,
        ),
        "llama": lambda: t.LlamaConfig(**{**grouped, **changes}),
        "mistral": lambda: t.MistralConfig(**{**grouped, "sliding_window": 16, **changes}),
        "qwen2": lambda: t.Qwen2Config(**{**grouped, **changes}),
        "qwen3": lambda: t.Qwen3Config(**{**gemma, **changes}),
        "gemma2": lambda: t.Gemma2Config(
            **{**gemma, "query_pre_attn_scalar": 8, "sliding_window": 16, **changes}
        ),
        "gemma3": lambda: t.Gemma3TextConfig(
            **{
                **gemma,
                "query_pre_attn_scalar": 8,
                "sliding_window": 16,
                "layer_types": sliding[:3],
                **changes,
            }
        ),
        "gemma4": lambda: t.Gemma4TextConfig(
            **{
                **gemma,
                "num_hidden_layers": 4,
                "sliding_window": 16,
                "layer_types": sliding,
                "final_logit_softcapping": 30.0,
                "hidden_size_per_layer_input": 8,
                "vocab_size_per_layer_input": 352,
                "num_kv_shared_layers": 2,
                "num_global_key_value_heads": 2,
                "global_head_dim": 8,
                **changes,
            }
        ),
    }
    return builders[family]()


def tiny_hf(family: str, *, seed: int = 0, **changes: Any) -> Any:
    """A random transformers model of `family`."""
    config = tiny_config(family, **changes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return transformers.AutoModelForCausalLM.from_config(config)


def tokenizer_for(family: str) -> PreTrainedTokenizerFast:
    """The family's tokenizer: some add a BOS, some do not."""
    return small_tokenizer(adds_bos=family in _ADDS_BOS)


@pytest.fixture(scope="session")
def tiny_model() -> Callable[[str], LanguageModel]:
    """`tiny_model("llama")`: one tiny random model per family, built once. Do not change it."""

    @cache
    def build(family: str) -> LanguageModel:
        return wrap_model(tiny_hf(family), tokenizer_for(family), source=f"tiny-{family}")

    return build


@pytest.fixture(params=FAMILY_LIST)
def family_model(
    request: pytest.FixtureRequest, tiny_model: Callable[[str], LanguageModel]
) -> LanguageModel:
    """The tiny model of each family in turn."""
    return tiny_model(request.param)


@pytest.fixture(scope="session")
def prose() -> tuple[str, ...]:
    """Eight sentences of our own."""
    return PROSE
