"""Loading causal language models: what was chosen, why, and the parts the science reads.

In: a directory, a hub id, or a transformers model with its tokenizer. Out: a LanguageModel whose
`info` states every choice and the self-check's results. With families.py and selfcheck.py this is
the seam to transformers and transformer-lens: no other module knows their insides. Never turns on
remote code, pickled weights or a chat template by itself. Knows nothing about datasets or vectors.
"""

import copy
import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from .errors import LayerError, ModelError
from .families import context_length, eos_ids, locate_parts, text_config
from .loading import LoadRequest, load_parts
from .selfcheck import Check, self_check
from .tokenizer_rules import bos_rule, pad_id, padding_reason, special_ids, tokenizer_hash
from .tokens import encode

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["Check", "LanguageModel", "ModelInfo", "load_model", "untrained_twin", "wrap_model"]

_UNKNOWN_CONTEXT = 2048


@dataclass(frozen=True)
class ModelInfo:
    """Every choice that fixes what a forward pass gives, in plain values."""

    source: str  # the directory or hub id that was asked for, or "memory"
    revision: str  # hub commit, or "sha256:<16 hex>" over local weights and config
    family: str  # the config's model_type
    n_layers: int  # blocks; layers are counted from 0
    d_model: int  # width of the residual stream
    d_vocab: int  # rows of the unembedding
    context_length: int  # most tokens of one text, BOS included
    n_parameters: int  # in the loaded modules (a 4-bit weight counts as stored)
    dtype: str  # of the activations: "float32", "bfloat16" or "float16"
    device: str  # where token ids go: "cpu", "cuda:0", ...
    quantisation: str  # "none", "int8" or "nf4"
    attention: str  # transformers' attention implementation
    bos_rule: str  # "tokenizer" (it would add one), "prepended" (we add it), "none"
    padding_side: str  # of extraction batches; the tokenizer's own setting is not used
    tokenizer_hash: str  # sha256 over the tokenizer's vocabulary, rules and control tokens
    reasons: tuple[str, ...]  # one line per choice: what and why
    checks: tuple[Check, ...]  # the self-check at load


class LanguageModel:
    """A causal LM with its tokenizer, its parts by name, and the facts about it in `info`."""

    info: ModelInfo
    hf: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    body: nn.Module  # without the unembedding: body(input_ids=, attention_mask=, position_ids=)
    blocks: nn.ModuleList  # block l gives the residual stream of layer l
    final_norm: nn.Module
    unembed: nn.Module
    device: torch.device  # where token ids go
    pad_id: int  # fills padded positions; its value never matters under the mask
    eos_ids: tuple[int, ...]  # any of these ends a text
    bos_id: int | None  # put before every text; None under the rule "none"
    special_ids: np.ndarray  # control tokens: never pooled

    def __init__(
        self, hf: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", *, info: ModelInfo
    ) -> None:
        parts = locate_parts(hf)
        self.hf, self.tokenizer = hf, tokenizer
        self.body, self.blocks = parts.body, parts.blocks
        self.final_norm, self.unembed = parts.final_norm, parts.unembed
        self.device = torch.device(info.device)
        self.eos_ids = eos_ids(hf, tokenizer)
        self.bos_id = None if info.bos_rule == "none" else tokenizer.bos_token_id
        self.special_ids = special_ids(tokenizer)
        self.pad_id = pad_id(tokenizer, self.eos_ids)
        self.info = info
        self._bridge: TransformerBridge | None = None

    def layers(self, wanted: Sequence[int] | None) -> tuple[int, ...]:
        """The wanted layers, in the order given; all of them for None. LayerError outside."""
        n = len(self.blocks)
        if wanted is None:
            return tuple(range(n))
        for layer in wanted:
            if not 0 <= layer < n:
                raise LayerError(
                    f"layer {layer} is outside {self.info.source}: it has layers 0 to {n - 1}"
                )
        return tuple(int(layer) for layer in wanted)

    def bridge(self) -> "TransformerBridge":
        """TransformerLens' view of the same weights, booted on first use and kept.

        It lives on a second tree of modules that shares every tensor with `hf`: booting swaps
        modules and forces eager attention, and `hf` must stay as it is. Compatibility mode is
        never called on it, since that rewrites the shared weights. Some families copy weights
        (GPT-NeoX: about a quarter more memory).
        """
        if self._bridge is None:
            self._bridge = _boot_bridge(self)
        return self._bridge

    def __repr__(self) -> str:
        i = self.info
        return (
            f"LanguageModel({i.source}: {i.family}, {i.n_layers} layers x {i.d_model}, "
            f"{i.dtype} on {i.device})"
        )


def load_model(
    source: str | Path,
    *,
    dtype: str = "auto",
    device: str = "auto",
    quant: str = "none",
    attention: str = "auto",
    revision: str | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
) -> LanguageModel:
    """Load a causal LM by directory or hub id and check it.

    dtype: "auto", "float32", "bfloat16", "float16". device: "auto", "cpu", "cuda", "cuda:1",
    "mps", or "map" to spread the model over all devices. quant: "none", "int8", "nf4" (needs
    bitsandbytes). attention: "auto", "eager", "sdpa", ... Raises ModelError, one line, for a
    source that is no model, has no tokenizer, needs remote code or pickled weights without leave,
    or fails the self-check.
    """
    request = LoadRequest(
        source=str(source),
        dtype=dtype,
        device=device,
        quant=quant,
        attention=attention,
        revision=revision,
        trust_remote_code=trust_remote_code,
        allow_pickle=allow_pickle,
    )
    loaded = load_parts(request)
    return _finish(
        loaded.hf,
        loaded.tokenizer,
        source=request.source,
        revision=loaded.revision,
        quant=quant,
        reasons=loaded.reasons,
    )


def wrap_model(
    hf_model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", *, source: str = "memory"
) -> LanguageModel:
    """A LanguageModel around a transformers model in memory, after the same self-check.

    The model is switched to evaluation mode. Its revision is a hash over sampled weights.
    """
    return _finish(
        hf_model,
        tokenizer,
        source=source,
        revision=_memory_revision(hf_model),
        quant=_quantisation(hf_model),
        reasons=(f"dtype {_dtype_name(hf_model.dtype)}: as given", "device: as given"),
    )


def untrained_twin(model: LanguageModel, *, seed: int = 0) -> LanguageModel:
    """The same architecture and tokenizer with fresh weights, fixed by `seed`.

    Leaves torch's global random state as it was. A quantised model's twin is not quantised.
    """
    config = copy.deepcopy(model.hf.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        # In the wanted dtype from the start: a later cast would round float32 buffers too.
        hf = type(model.hf)._from_config(
            config,
            dtype=getattr(torch, model.info.dtype),
            attn_implementation=model.info.attention,
        )
    hf = hf.to(model.device)
    return _finish(
        hf,
        model.tokenizer,
        source=f"{model.info.source} (untrained, seed {seed})",
        revision=f"untrained-{seed}:{model.info.revision}",
        quant="none",
        reasons=(f"fresh weights from seed {seed}: a control for {model.info.source}",),
    )


def _finish(
    hf: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    *,
    source: str,
    revision: str,
    quant: str,
    reasons: tuple[str, ...],
) -> LanguageModel:
    """Settle the choices that loading left open, then run the self-check."""
    if not tokenizer.is_fast:
        raise ModelError(
            f"the tokenizer of {source} is {type(tokenizer).__name__}, which gives no character "
            "offsets; convert it to a tokenizer.json (a fast tokenizer)"
        )
    hf.eval().requires_grad_(False)
    config = text_config(hf)
    family = str(hf.config.model_type)
    rule, rule_reason = bos_rule(tokenizer, family)
    context = context_length(config)
    notes = [*reasons, rule_reason, padding_reason(tokenizer)]
    if context is None:
        notes.append(f"context {_UNKNOWN_CONTEXT}: the config does not say")
    attention = str(getattr(config, "_attn_implementation", None) or "eager")
    if not any(note.startswith("attention") for note in notes):
        notes.append(f"attention {attention}: transformers' choice for {family}")
    info = ModelInfo(
        source=source,
        revision=revision,
        family=family,
        n_layers=int(config.num_hidden_layers),
        d_model=int(config.hidden_size),
        d_vocab=int(hf.get_output_embeddings().weight.shape[0]),
        context_length=context or _UNKNOWN_CONTEXT,
        n_parameters=sum(p.numel() for p in hf.parameters()),
        dtype=_dtype_name(hf.dtype),
        device=str(_input_device(hf)),
        quantisation=quant,
        attention=attention,
        bos_rule=rule,
        padding_side="right",
        tokenizer_hash=tokenizer_hash(tokenizer),
        reasons=tuple(notes),
        checks=(),
    )
    model = LanguageModel(hf, tokenizer, info=info)
    _check_vocabulary(model)
    model.info = replace(info, checks=self_check(model))
    return model


def _check_vocabulary(model: LanguageModel) -> None:
    """A tokenizer of another model gives ids without an embedding: an index error, or worse."""
    rows = int(model.hf.get_input_embeddings().weight.shape[0])
    top = max(int(e.ids.max(initial=0)) for e in encode(model, ["The 9 lamps, and a Zebra!"]))
    if top >= rows:
        raise ModelError(
            f"the tokenizer of {model.info.source} gives token {top}, the model has {rows}; "
            "they do not belong together"
        )


def _input_device(hf: "PreTrainedModel") -> torch.device:
    """Where ids go: accelerate's execution device of the embedding, or where it lies."""
    embedding = hf.get_input_embeddings()
    execution = getattr(getattr(embedding, "_hf_hook", None), "execution_device", None)
    if execution is not None:
        return torch.device(f"cuda:{execution}" if isinstance(execution, int) else execution)
    return embedding.weight.device


def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _quantisation(hf: "PreTrainedModel") -> str:
    if getattr(hf, "is_loaded_in_8bit", False):
        return "int8"
    return "nf4" if getattr(hf, "is_loaded_in_4bit", False) else "none"


def _memory_revision(hf: "PreTrainedModel") -> str:
    """sha256 over the names, shapes and 64 values of every weight (there is no file to hash)."""
    digest = hashlib.sha256(repr(hf.config.to_dict()).encode())
    for name, weight in hf.state_dict().items():
        digest.update(f"{name}{tuple(weight.shape)}".encode())
        if weight.device.type != "meta" and weight.numel():
            step = max(1, weight.numel() // 64)
            digest.update(weight.flatten()[::step][:64].float().cpu().numpy().tobytes())
    return f"sha256:{digest.hexdigest()[:16]}"


def _boot_bridge(model: LanguageModel) -> "TransformerBridge":
    from transformer_lens.model_bridge import TransformerBridge

    hf: Any = model.hf
    tensors = itertools.chain(hf.parameters(), hf.buffers())
    shared = {id(tensor): tensor for tensor in tensors}
    twin = copy.deepcopy(hf, shared)
    twin.config.architectures = [type(hf).__name__]
    tokenizer = copy.deepcopy(model.tokenizer)
    # Without this the bridge loads the tokenizer again by name to make it add a BOS; it is to be
    # given ids, and reads off by trying what this tokenizer does.
    tokenizer.init_kwargs.update(name_or_path=model.info.source, add_bos_token=True)
    try:
        return TransformerBridge.boot_transformers(
            model.info.source,
            hf_model=twin,
            tokenizer=tokenizer,
            dtype=hf.dtype,
            device=None if getattr(hf, "hf_device_map", None) else str(model.device),
        )
    except (ValueError, NotImplementedError, AttributeError) as error:
        line = str(error).split(".")[0]
        raise ModelError(
            f"TransformerLens cannot bridge {model.info.source} ({line}); hooks on the residual "
            "stream work, component-level ones do not"
        ) from error
