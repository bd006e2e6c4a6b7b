"""Loading: every family's parts and self-check, every refusal in one line, the twin, the bridge."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import torch
import transformers
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HTTPError
from torch import Tensor, nn

from tests.vectors.conftest import FAMILY_LIST, PROSE, tiny_config, tiny_hf, tokenizer_for
from vectors import LayerError, ModelError, encode, load_model, untrained_twin, wrap_model
from vectors.hooks import residual_hooks
from vectors.loading import LoadRequest
from vectors.models import LanguageModel

Build = Callable[[str], LanguageModel]


def _logits(model: LanguageModel, text: str = PROSE[0]) -> Tensor:
    ids = torch.from_numpy(encode(model, [text])[0].ids).long()[None]
    with torch.inference_mode():
        logits: Tensor = model.hf(input_ids=ids.to(model.device), use_cache=False).logits
    return logits


def _blocks(model: LanguageModel, text: str = PROSE[0]) -> dict[int, Tensor]:
    seen: dict[int, Tensor] = {}
    ids = torch.from_numpy(encode(model, [text])[0].ids).long()[None]

    def keep(h: Tensor, layer: int) -> None:
        seen[layer] = h.clone()

    hooks = residual_hooks(model, dict.fromkeys(range(model.info.n_layers), keep))
    with torch.inference_mode(), hooks:
        model.body(input_ids=ids.to(model.device), use_cache=False)
    return seen


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama with its tokenizer as a directory."""
    folder = tmp_path_factory.mktemp("model") / "tiny-llama"
    tiny_hf("llama").save_pretrained(folder)
    tokenizer_for("llama").save_pretrained(folder)
    return folder


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    """The same, to break."""
    return Path(shutil.copytree(saved, tmp_path / "copy"))


# -- every family --------------------------------------------------------------------------------


def test_every_check_of_the_self_check_holds(family_model: LanguageModel) -> None:
    assert [c for c in family_model.info.checks if not c.ok] == []
    assert len(family_model.info.checks) == 6


def test_bridge_agrees_with_the_hooks_and_leaves_the_model_alone(family: str) -> None:
    model = wrap_model(tiny_hf(family), tokenizer_for(family))
    before = _logits(model)
    weights = {name: value.clone() for name, value in model.hf.state_dict().items()}
    modules = [type(m) for m in model.hf.modules()]
    bridge = model.bridge()
    assert bridge is model.bridge()
    ids = torch.from_numpy(encode(model, [PROSE[0]])[0].ids).long()[None]
    with torch.inference_mode():
        _, cache = bridge.run_with_cache(ids)
    assert torch.equal(_logits(model), before)
    assert [type(m) for m in model.hf.modules()] == modules
    assert all(torch.equal(value, weights[n]) for n, value in model.hf.state_dict().items())
    for layer, h in _blocks(model).items():
        # The bridge runs eager attention, the model its own: equal up to the order of sums.
        torch.testing.assert_close(cache[f"blocks.{layer}.hook_out"], h, rtol=1e-4, atol=1e-4)
    shared = {p.data_ptr() for p in bridge.original_model.parameters()}
    own = {p.data_ptr() for p in model.hf.parameters()}
    assert len(own & shared) >= 0.8 * len(own)


@pytest.fixture(params=FAMILY_LIST)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_untrained_twin_is_fixed_by_its_seed_and_leaves_the_random_state(
    family_model: LanguageModel,
) -> None:
    state = torch.get_rng_state()
    twin, again = untrained_twin(family_model, seed=3), untrained_twin(family_model, seed=3)
    other = untrained_twin(family_model, seed=4)
    assert torch.equal(torch.get_rng_state(), state)
    weights = [m.hf.get_input_embeddings().weight for m in (twin, again, other, family_model)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], weights[3])
    assert torch.equal(_logits(twin), _logits(again))
    assert twin.info.n_parameters == family_model.info.n_parameters
    assert twin.info.attention == family_model.info.attention
    assert twin.info.revision != family_model.info.revision


def test_the_twin_of_a_bfloat16_model_keeps_float32_buffers(saved: Path) -> None:
    model = load_model(saved, device="cpu", dtype="bfloat16")
    twin = untrained_twin(model)
    assert twin.info.dtype == "bfloat16"
    dtypes = {name: b.dtype for name, b in model.hf.named_buffers()}
    assert {name: b.dtype for name, b in twin.hf.named_buffers()} == dtypes
    assert torch.float32 in dtypes.values()


def test_a_tokenizer_of_another_model_is_refused() -> None:
    with pytest.raises(ModelError, match="the model has 20; they do not belong together"):
        wrap_model(tiny_hf("llama", vocab_size=20), tokenizer_for("llama"), source="small")


def test_multimodal_wrappers_are_read_at_their_text_part() -> None:
    vision = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "image_size": 16,
        "patch_size": 8,
    }
    gemma3 = transformers.Gemma3Config(
        text_config=tiny_config("gemma3").to_dict(),
        vision_config=vision,
        mm_tokens_per_image=1,
        image_token_id=340,
        boi_token_index=341,
        eoi_token_index=342,
    )
    gemma4 = transformers.Gemma4Config(
        text_config=tiny_config("gemma4").to_dict(),
        vision_config=None,
        audio_config=None,
        image_token_id=340,
        boi_token_id=341,
        eoi_token_id=342,
    )
    for config, family, layers in ((gemma3, "gemma3", 3), (gemma4, "gemma4", 4)):
        hf = transformers.AutoModelForCausalLM.from_config(config)
        model = wrap_model(hf, tokenizer_for(family))
        assert type(hf).__name__.endswith("ForConditionalGeneration")
        assert (model.info.family, model.info.n_layers, model.info.d_model) == (family, layers, 32)
        assert [c for c in model.info.checks if not c.ok] == []


def test_a_family_without_an_entry_is_found_by_its_structure() -> None:
    config = transformers.PhiConfig(
        vocab_size=352,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=64,
    )
    model = wrap_model(transformers.AutoModelForCausalLM.from_config(config), tokenizer_for("phi"))
    assert model.blocks is model.hf.model.layers
    assert model.final_norm is model.hf.model.final_layernorm
    assert all(c.ok for c in model.info.checks)


def test_scaled_logits_of_an_unknown_family_are_recorded_not_hidden() -> None:
    config = transformers.GraniteConfig(
        vocab_size=352,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=64,
        logits_scaling=3.0,
    )
    hf = transformers.AutoModelForCausalLM.from_config(config)
    failed = [c.name for c in wrap_model(hf, tokenizer_for("llama")).info.checks if not c.ok]
    assert failed == ["unembedding"]


# -- the self-check can fail ----------------------------------------------------------------------


class _Twice(nn.Module):
    """A block that runs its inner block twice, behind one name."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *args: Any, **options: Any) -> Any:
        self.inner(*args, **options)
        return self.inner(*args, **options)


def test_a_block_that_runs_twice_is_refused() -> None:
    hf = tiny_hf("llama")
    twice = _Twice(hf.model.layers[1])
    forward = hf.model.layers[2].forward
    hf.model.layers[2].forward = lambda *a, **o: (twice.inner(*a, **o), forward(*a, **o))[1]
    with pytest.raises(ModelError, match="block 1 fired 2 times"):
        wrap_model(hf, tokenizer_for("llama"))


def test_weights_that_give_nan_are_refused() -> None:
    hf = tiny_hf("llama")
    hf.model.layers[2].mlp.down_proj.weight.data.fill_(float("nan"))
    with pytest.raises(ModelError, match=r"logits finite: \d+ of \d+ not finite"):
        wrap_model(hf, tokenizer_for("llama"))


def test_attention_to_padding_on_the_right_is_refused() -> None:
    hf = tiny_hf("llama")
    for block in hf.model.layers:
        block.self_attn.is_causal = False
        forward = block.self_attn.forward
        block.self_attn.forward = lambda *a, _f=forward, **o: _f(
            *a, **{**o, "attention_mask": None}
        )
    with pytest.raises(ModelError, match="self-check failed, right padding"):
        wrap_model(hf, tokenizer_for("llama"))


# -- loading from a directory ---------------------------------------------------------------------


def test_a_directory_loads_and_states_its_choices(saved: Path) -> None:
    model = load_model(saved, device="cpu")
    info = model.info
    assert (info.family, info.dtype, info.device, info.quantisation) == (
        "llama",
        "float32",
        "cpu",
        "none",
    )
    assert info.revision.startswith("sha256:")
    assert len(info.revision) == len("sha256:") + 16
    assert model.eos_ids == (2,)
    assert model.pad_id == 0
    for choice in ("dtype", "device", "BOS", "padding", "attention"):
        assert any(reason.startswith(choice) for reason in info.reasons)
    again = load_model(saved, device="cpu", dtype="bfloat16")
    assert again.info.revision == info.revision
    assert again.info.tokenizer_hash == info.tokenizer_hash
    assert again.info.dtype == "bfloat16"
    assert all(c.ok for c in again.info.checks)


def test_revision_and_tokenizer_hash_follow_the_files(copied: Path, saved: Path) -> None:
    want = load_model(saved, device="cpu").info
    tiny_hf("llama", seed=1).save_pretrained(copied)
    tokenizer_for("gpt2").save_pretrained(copied)
    got = load_model(copied, device="cpu").info
    assert got.revision != want.revision
    assert got.tokenizer_hash != want.tokenizer_hash


def test_asked_attention_and_device_map_are_used(saved: Path) -> None:
    plain, eager = load_model(saved, device="cpu"), load_model(saved, attention="eager")
    assert (plain.info.attention, eager.info.attention) == ("sdpa", "eager")
    torch.testing.assert_close(_logits(eager), _logits(plain), rtol=1e-4, atol=1e-4)
    if not torch.cuda.is_available():
        mapped = load_model(saved, device="map")
        assert torch.equal(_logits(mapped), _logits(plain))


def test_offloaded_weights_are_read_on_their_execution_device(saved: Path) -> None:
    from accelerate import cpu_offload

    plain = load_model(saved, device="cpu")
    hf = transformers.AutoModelForCausalLM.from_pretrained(saved)
    model = wrap_model(cpu_offload(hf, torch.device("cpu")), tokenizer_for("llama"))
    assert model.hf.get_input_embeddings().weight.device.type == "meta"
    assert model.device.type == "cpu"
    for layer, h in _blocks(plain).items():
        assert torch.equal(_blocks(model)[layer], h)


def _only_pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save(tiny_hf("llama").state_dict(), folder / "pytorch_model.bin")


def _edit_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _without_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


def _without_a_tensor(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


BREAK: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no config": (lambda f: (f / "config.json").unlink(), "is no model: it has no config.json"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "has no weights"),
    "pickle only": (_only_pickle, "has pickled weights only .*convert them to safetensors"),
    "no tokenizer": (_without_tokenizer, "has no tokenizer: none of tokenizer.json"),
    "broken config": (lambda f: (f / "config.json").write_text("{"), "cannot load"),
    "broken tokenizer": (
        lambda f: (f / "tokenizer.json").write_text("{}"),
        "has no usable tokenizer",
    ),
    "broken weights": (lambda f: (f / "model.safetensors").write_bytes(b"x" * 99), "cannot load"),
    "a tensor missing": (_without_a_tensor, r"lack 1 tensors .*layers\.1\.mlp\.up_proj"),
    "other shapes": (lambda f: _edit_config(f, hidden_size=64), "cannot load"),
    "own code": (
        lambda f: _edit_config(
            f, model_type="strange", auto_map={"AutoConfig": "strange.StrangeConfig"}
        ),
        "needs its own code to run, which is off",
    ),
    "unknown family": (
        lambda f: _edit_config(f, model_type="strange"),
        "does not know; tested families: GPT-NeoX",
    ),
    "no causal LM": (
        lambda f: _edit_config(f, model_type="vit"),
        "is no causal language model; tested families",
    ),
}


@pytest.mark.parametrize("case", BREAK)
def test_a_bad_directory_is_one_clear_line(copied: Path, case: str) -> None:
    damage, message = BREAK[case]
    damage(copied)
    with pytest.raises(ModelError, match=message) as caught:
        load_model(copied, device="cpu")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_pickled_weights_load_when_allowed(copied: Path) -> None:
    _only_pickle(copied)
    assert load_model(copied, device="cpu", allow_pickle=True).info.n_layers == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "int4"}, "dtype 'int4' is unknown; use one of auto, float32"),
        ({"device": "gpu"}, "device 'gpu' is unknown; use auto, cpu"),
        ({"device": "cuda:99"}, "device 'cuda:99' is not there"),
        ({"quant": "q4"}, "quant 'q4' is unknown; use one of none, int8, nf4"),
        ({"attention": "linear"}, "attention 'linear' is unknown"),
    ],
)
def test_an_unknown_choice_is_one_clear_line(
    saved: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(saved, **options)  # type: ignore[arg-type]


def test_missing_bitsandbytes_is_named(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vectors.loading.importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ModelError, match="needs bitsandbytes, which is not installed; install"):
        load_model(saved, quant="nf4")
    with pytest.raises(ModelError, match="needs accelerate, which is not installed"):
        load_model(saved, device="map")


def test_a_source_that_is_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such directory"):
        load_model(tmp_path / "absent")
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="is a file; give the directory"):
        load_model(tmp_path / "file")
    with pytest.raises(ModelError, match="cannot get nobody/nothing from the hub"):
        load_model("nobody/nothing")


@pytest.mark.parametrize("reason", [OSError("no route"), HTTPError("no name")])
def test_a_hub_out_of_reach_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, reason: Exception
) -> None:
    asked: list[str] = []

    def no_answer(_api: HfApi, source: str, **_options: object) -> None:
        asked.append(source)
        raise reason

    monkeypatch.setattr(HfApi, "model_info", no_answer)
    monkeypatch.setattr("vectors.loading._load_config", lambda _request: pytest.fail("tried"))
    with pytest.raises(ModelError, match=f"{reason}.*not in the cache; check the connection"):
        load_model("nobody/nothing")
    assert asked == ["nobody/nothing"]


def test_a_hub_that_answers_or_a_model_in_the_cache_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tried: list[str] = []

    def load(request: LoadRequest) -> None:
        tried.append(request.source)
        raise ModelError("tried")

    def not_there(_api: HfApi, _source: str, **_options: object) -> None:
        raise HfHubHTTPError("404", response=MagicMock())

    monkeypatch.setattr("vectors.loading._load_config", load)
    monkeypatch.setattr(HfApi, "model_info", not_there)
    with pytest.raises(ModelError, match="tried"):
        load_model("nobody/answered")
    monkeypatch.setattr(HfApi, "model_info", lambda *_a, **_k: pytest.fail("asked"))
    config = tmp_path / "config.json"
    config.write_text("{}", encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_a, **_k: str(config))
    with pytest.raises(ModelError, match="tried"):
        load_model("nobody/cached")
    assert tried == ["nobody/answered", "nobody/cached"]


# -- layers and tokens ----------------------------------------------------------------------------


def test_layers_outside_the_model_are_named(tiny_model: Build) -> None:
    model = tiny_model("llama")
    assert model.layers(None) == (0, 1, 2)
    assert model.layers([2, 0]) == (2, 0)
    for bad in (3, -1):
        with pytest.raises(LayerError, match=rf"layer {bad} is outside .* layers 0 to 2"):
            model.layers([bad])


def test_bos_rule_is_found_by_trying(tiny_model: Build) -> None:
    rules = {family: tiny_model(family).info.bos_rule for family in FAMILY_LIST}
    assert rules == {
        "gpt_neox": "none",
        "gpt2": "none",
        "llama": "tokenizer",
        "mistral": "tokenizer",
        "qwen2": "none",
        "qwen3": "none",
        "gemma2": "tokenizer",
        "gemma3": "prepended",
        "gemma4": "tokenizer",
    }


def test_a_slow_tokenizer_is_refused() -> None:
    class Slow:
        is_fast = False

    with pytest.raises(ModelError, match="gives no character offsets"):
        wrap_model(tiny_hf("llama"), Slow())  # type: ignore[arg-type]


@pytest.mark.data
def test_the_trained_model_loads(stories260k: Path) -> None:
    model = load_model(stories260k)
    assert all(c.ok for c in model.info.checks)
    ids = torch.from_numpy(encode(model, ["Once upon a time, there was a little"])[0].ids)
    with torch.inference_mode():
        best = int(model.hf(input_ids=ids.long()[None]).logits[0, -1].argmax())
    assert model.tokenizer.decode([best]).strip() in ("girl", "boy", "b", "g", "c", "dog", "bird")
