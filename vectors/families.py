"""Where a causal language model keeps its parts: body, blocks, final norm, unembedding.

In: a transformers model. Out: its `Parts`, and the few facts that differ between families
(context length, end-of-text ids, soft cap). Knows transformers' module names and nothing about
texts, hooks or files. Families in `FAMILIES` are tested from tiny configs; any other causal LM is
searched for a list of as many blocks as its config has layers, and the self-check at load decides.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from .errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# model_type -> (path of the body, its list of blocks, its final norm). A multimodal wrapper's body
# is its text part; the wrapper itself still gives the logits.
FAMILIES: dict[str, tuple[str, str, str]] = {
    "gpt_neox": ("gpt_neox", "layers", "final_layer_norm"),
    "gpt2": ("transformer", "h", "ln_f"),
    "llama": ("model", "layers", "norm"),
    "mistral": ("model", "layers", "norm"),
    "qwen2": ("model", "layers", "norm"),
    "qwen3": ("model", "layers", "norm"),
    "gemma2": ("model", "layers", "norm"),
    "gemma3_text": ("model", "layers", "norm"),
    "gemma3": ("model.language_model", "layers", "norm"),
    "gemma4_text": ("model", "layers", "norm"),
    "gemma4": ("model.language_model", "layers", "norm"),
}
FAMILY_NAMES = "GPT-NeoX (Pythia), GPT-2, Llama, Mistral, Qwen 2/3, Gemma 2/3/4"
# Families trained with a beginning-of-text token on every text: their residual norms are an order
# of magnitude off without it, so it is added where the tokenizer does not.
NEEDS_BOS = ("gemma",)


@dataclass(frozen=True)
class Parts:
    """The modules of one causal LM that the rest of vectors touches."""

    body: nn.Module  # everything but the unembedding
    blocks: nn.ModuleList  # one module per layer; its output is the residual stream after it
    final_norm: nn.Module  # applied to the last block's output
    unembed: nn.Module  # residual width to vocabulary
    known: bool  # True for a family of FAMILIES, False where the structure was searched


def locate_parts(hf: "PreTrainedModel") -> Parts:
    """The parts of `hf`, by family or by search; ModelError where they cannot be found."""
    unembed = hf.get_output_embeddings()
    if unembed is None:
        raise ModelError(
            f"{type(hf).__name__} has no unembedding; give a causal language model "
            f"(tested: {FAMILY_NAMES})"
        )
    family = str(hf.config.model_type)
    if family in FAMILIES:
        path, blocks, norm = FAMILIES[family]
        body = hf.get_submodule(path)
        return Parts(body, body.get_submodule(blocks), body.get_submodule(norm), unembed, True)
    return _search_parts(hf, unembed)


def _search_parts(hf: "PreTrainedModel", unembed: nn.Module) -> Parts:
    """The only direct list of n_layers modules, in the module that also holds a final norm."""
    n_layers = text_config(hf).num_hidden_layers
    found: list[Parts] = []
    for name, body in hf.named_modules():
        if any(part in name for part in ("vision", "audio", "encoder")):
            continue
        lists = [m for m in body.children() if isinstance(m, nn.ModuleList) and len(m) == n_layers]
        norms = [m for child, m in body.named_children() if _is_norm(child, m)]
        if len(lists) == 1 and norms:
            found.append(Parts(body, lists[0], norms[-1], unembed, False))
    if len(found) != 1:
        raise ModelError(
            f"cannot find the {n_layers} blocks of a {hf.config.model_type!r} model "
            f"({len(found)} candidates); tested families: {FAMILY_NAMES}"
        )
    return found[0]


def _is_norm(name: str, module: nn.Module) -> bool:
    return "norm" in type(module).__name__.lower() or name in ("ln_f", "norm", "final_layer_norm")


def text_config(hf: "PreTrainedModel") -> Any:
    """The config of the text part (a multimodal wrapper nests it)."""
    return hf.config.get_text_config()


def context_length(config: Any) -> int | None:
    """The most positions the model takes, or None where its config does not say."""
    for field in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"):
        value = getattr(config, field, None)
        if isinstance(value, int) and value > 0:
            return value
    return None


def eos_ids(hf: "PreTrainedModel", tokenizer: Any) -> tuple[int, ...]:
    """Every id that ends a text: generation config, model config and tokenizer together."""
    generation = getattr(hf, "generation_config", None)
    stated = [
        getattr(generation, "eos_token_id", None),
        getattr(text_config(hf), "eos_token_id", None),
        tokenizer.eos_token_id,
    ]
    ids: set[int] = set()
    for value in stated:
        ids.update(value if isinstance(value, (list, tuple)) else [value] * (value is not None))
    return tuple(sorted(ids))


def soft_cap(hf: "PreTrainedModel") -> float | None:
    """The bound c of c * tanh(logits / c), or None where the family has none."""
    value = getattr(text_config(hf), "final_logit_softcapping", None)
    return None if value is None else float(value)
