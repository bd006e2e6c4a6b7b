"""A tiny GPT-NeoX whose truth is known: which directions the unembedding reads and which not.

Its blocks add nothing, so the residual stream is the token's embedding at every layer. In an
orthonormal basis whose first axis is all ones (which LayerNorm removes):

    cause    the unembedding of target tokens reads it; embeddings vary along it
    read     embeddings vary along it with the label; nothing reads it
    dormant  the unembedding reads it; embeddings never move along it
"""

from dataclasses import dataclass

import numpy as np
import torch

from tests.vectors.conftest import PROSE, tiny_hf, tokenizer_for
from vectors.audits.bench import Bench
from vectors.models import LanguageModel, wrap_model
from vectors.steering import Intervention

D, VOCAB, LAYER = 32, 352, 1
TARGET = tuple(range(300, 312))
NEUTRAL = tuple(range(320, 332))


@dataclass(frozen=True, eq=False)
class Toy:
    """The model and its named unit directions."""

    model: LanguageModel
    axes: dict[str, np.ndarray]
    residual_norm: float
    natural: np.ndarray
    """Embeddings of all tokens: what activations at any layer look like."""


def make_toy(seed: int = 0, *, device: str = "cpu", dtype: str = "float32") -> Toy:
    """Build it; deterministic."""
    rng = np.random.default_rng(seed)
    first = np.ones((D, 1)) / np.sqrt(D)
    basis = np.linalg.qr(np.concatenate([first, rng.standard_normal((D, D - 1))], axis=1))[0].T
    names = {"ones": 0, "cause": 1, "read": 2, "dormant": 3, "anger": 4, "sorrow": 5}
    axes = {n: (basis[k] * np.sign(basis[k, 0]) if k == 0 else basis[k]).astype(np.float32)
            for n, k in names.items()}  # fmt: skip
    hf = tiny_hf("gpt_neox", seed=seed)
    spread = np.ones(D)
    spread[0], spread[3] = 0.0, 0.0  # never along all ones or the dormant direction
    embedding = rng.standard_normal((VOCAB, D)) * spread @ basis
    readout = 0.15 * rng.standard_normal((VOCAB, D)) * np.where(np.arange(D) < 6, 0, 1) @ basis
    both = axes["cause"] + axes["dormant"]
    readout[list(TARGET)] += 0.8 * both - 0.2 * axes["anger"]
    with torch.no_grad():
        for block in hf.gpt_neox.layers:
            for linear in (block.attention.dense, block.mlp.dense_4h_to_h):
                linear.weight.zero_()
                linear.bias.zero_()
        hf.gpt_neox.embed_in.weight.copy_(torch.from_numpy(embedding))
        hf.get_output_embeddings().weight.copy_(torch.from_numpy(readout))
    hf = hf.to(device=device, dtype=getattr(torch, dtype))
    model = wrap_model(hf, tokenizer_for("gpt_neox"), source="toy")
    return Toy(model, axes, float(np.linalg.norm(embedding, axis=1).mean()), embedding)


def prompts(count: int = 40) -> tuple[str, ...]:
    """Beginnings of our own sentences, of different lengths."""
    words = " ".join(PROSE).split()
    words = words * 8
    return tuple(" ".join(words[3 * k : 3 * k + 5 + k % 4]) for k in range(count))


def bench(toy: Toy, direction: np.ndarray, *, alpha: float = 0.3, count: int = 40) -> Bench:
    """The toy steered along a direction."""
    unit = (direction / np.linalg.norm(direction)).astype(np.float32)
    what = Intervention(LAYER, unit, toy.residual_norm, label="joy")
    return Bench(toy.model, prompts(count), what, alpha, TARGET, NEUTRAL)
