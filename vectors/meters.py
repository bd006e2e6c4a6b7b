"""What became of the text: is it still language, and how far did the first token move?

In: token ids and logits. Out: plain numbers per row. Knows no steering.

nll         mean negative log-likelihood per generated token (nats) under the UNSTEERED model, in
            one teacher-forced pass; prompt tokens are read but not counted; an end token counts.
kl_first    KL(steered || unsteered) of the first token's distribution, temperature 1 (nats).
repetition4 share of 4-grams that occurred before in the text: 1 - distinct / all.
distinct2   distinct bigrams / all bigrams (Li et al. 2016).
A number that needs more tokens than there are is NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from .decoding import keep_last

if TYPE_CHECKING:
    from .models import LanguageModel


# Elements of logits held at once in the teacher-forced pass: 256 MB in fp32.
LOGIT_BUDGET = 2**26

Ids = Int[np.ndarray, "pos"]


@dataclass(frozen=True)
class Unsteered:
    """One row's text as the unsteered model sees it."""

    nll: float
    """Nats per generated token; NaN where nothing was generated."""
    kl_first: float
    """KL(steered || unsteered) of the first token, nats."""


def repetition(ids: Sequence[int], n: int = 4) -> float:
    """Share of n-grams that occurred before."""
    return 1.0 - distinct(ids, n)


def distinct(ids: Sequence[int], n: int = 2) -> float:
    """Distinct n-grams over all n-grams; NaN where the text is shorter than n."""
    grams = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
    return len(set(grams)) / len(grams) if grams else float("nan")


def kl_divergence(
    p: Float[Tensor, "*row d_vocab"], q: Float[Tensor, "*row d_vocab"]
) -> Float[Tensor, "*row"]:
    """KL(p || q) in nats between the softmax of two sets of logits."""
    log_p, log_q = p.float().log_softmax(dim=-1), q.float().log_softmax(dim=-1)
    share = log_p.exp()
    terms = torch.where(share > 0, share * (log_p - log_q), torch.zeros_like(share))
    return terms.sum(dim=-1).clamp_min(0)


@torch.inference_mode()
def under_unsteered(
    model: "LanguageModel",
    prompts: Sequence[Ids],
    generated: Sequence[Sequence[int]],
    *,
    first_logits: Float[Tensor, "row d_vocab"],
) -> list[Unsteered]:
    """Read every row's prompt and text once with no hook on and measure it."""
    longest = max(len(g) for g in generated)
    per_row = (longest + 1) * first_logits.shape[-1]
    chunk = max(1, LOGIT_BUDGET // per_row)
    out: list[Unsteered] = []
    for start in range(0, len(prompts), chunk):
        rows = slice(start, start + chunk)
        out += _read(model, prompts[rows], generated[rows], first_logits[rows])
    return out


def _read(
    model: "LanguageModel",
    prompts: Sequence[Ids],
    generated: Sequence[Sequence[int]],
    first_logits: Float[Tensor, "row d_vocab"],
) -> list[Unsteered]:
    # Prompts end in the same column (padding left), texts start there (padding right), so the
    # logits wanted are the last ones of every row.
    before = max(len(p) for p in prompts)
    after = max(len(g) for g in generated)
    ids = np.full((len(prompts), before + after), model.pad_id, dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, (prompt, text) in enumerate(zip(prompts, generated, strict=True)):
        ids[row, before - len(prompt) : before] = prompt
        ids[row, before : before + len(text)] = text
        mask[row, before - len(prompt) : before + len(text)] = 1
    positions = np.maximum(mask.cumsum(axis=1) - 1, 0)
    logits = model.hf(
        input_ids=torch.from_numpy(ids).to(model.device),
        attention_mask=torch.from_numpy(mask).to(model.device),
        position_ids=torch.from_numpy(positions).to(model.device),
        use_cache=False,
        **keep_last(model, after + 1),
    ).logits[:, -(after + 1) :]
    kl = kl_divergence(first_logits.to(logits.device), logits[:, 0]).cpu().tolist()
    out = []
    for row, text in enumerate(generated):
        if not text:
            out.append(Unsteered(float("nan"), kl[row]))
            continue
        said = logits[row, : len(text)].float()
        chosen = torch.tensor(text, device=said.device).unsqueeze(-1)
        likelihood = said.gather(-1, chosen).squeeze(-1) - said.logsumexp(dim=-1)
        out.append(Unsteered(float(-likelihood.mean()), kl[row]))
    return out
