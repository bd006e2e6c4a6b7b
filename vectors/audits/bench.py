"""One steering claim on one set of prompts: outcomes of any direction at any alpha, counted.

In: a model, prompts, the claimed `Intervention`, its alpha, token ids of a target and of a neutral
lexicon. Out: the log-odds outcome per prompt (tier "logit": one forward pass per prompt)

    outcome = log sum p(target tokens) - log sum p(neutral tokens)   at the last prompt position,

and next-token KL. Arms are paired: same prompts, they differ in the vector only. Knows no
thresholds. Top-1 tokens are not used: they often stay the same while the odds move.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Float32

from vectors.errors import DataError
from vectors.hooks import residual_hooks
from vectors.meters import kl_divergence
from vectors.stats import Interval, draws, percentile_interval
from vectors.steering import Intervention, Positions, steered_logits
from vectors.tokens import encode

from .result import Cost
from .settings import AuditSettings

if TYPE_CHECKING:
    from vectors.models import LanguageModel

Direction = Float32[np.ndarray, "d_model"]
Effects = Float[np.ndarray, "prompt"]
Logits = Float[torch.Tensor, "prompt d_vocab"]
MIN_PROMPTS = 8
GOOD_PROMPTS = 40  # simulated: power .87 at dz = .5
ROWS = 64  # prompts of one batch


@dataclass(eq=False)
class Bench:
    """The claim's set-up and a count of forward passes."""

    model: "LanguageModel"
    prompts: tuple[str, ...]
    intervention: Intervention
    alpha: float
    """In mean residual norms, fixed before these prompts were read (C12)."""
    target: tuple[int, ...]
    """Token ids whose odds the claim is about."""
    neutral: tuple[int, ...]
    forwards: int = 0
    _base: Logits | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if len(self.prompts) < MIN_PROMPTS:
            raise DataError(f"{len(self.prompts)} prompts; a steering control needs {MIN_PROMPTS}")
        if not self.alpha or not np.isfinite(self.alpha):
            raise DataError(f"alpha is {self.alpha}; give the strength the claim is about")
        if not self.target or not self.neutral or set(self.target) & set(self.neutral):
            raise DataError("target and neutral token ids must be given and share none")
        highest = max(*self.target, *self.neutral)
        if highest >= self.model.info.d_vocab or min(*self.target, *self.neutral) < 0:
            raise DataError(f"token id {highest} is outside 0 to {self.model.info.d_vocab - 1}")

    def logits(self, interventions: Sequence[Intervention], alphas: Sequence[float]) -> Logits:
        """Next-token logits of every prompt under given interventions."""
        encoded = encode(self.model, list(self.prompts))
        out = []
        for start in range(0, len(encoded), ROWS):
            part = encoded[start : start + ROWS]
            width = max(len(e.ids) for e in part)
            ids = np.full((len(part), width), self.model.pad_id, dtype=np.int64)
            real = np.zeros((len(part), width), dtype=bool)
            for row, e in enumerate(part):
                ids[row, width - len(e.ids) :] = e.ids
                real[row, width - len(e.ids) :] = True
            given = [list(alphas)] * len(part)
            moved = steered_logits(self.model, ids, interventions, given, real=real)
            out.append(moved[:, -1].float().cpu())
            self.forwards += len(part)
        return torch.cat(out)

    def base(self) -> Logits:
        """Unsteered logits, read once."""
        if self._base is None:
            self._base = self.logits((self.intervention,), (0.0,))
        return self._base

    def steered(
        self,
        alpha: float,
        *,
        direction: Direction | None = None,
        positions: Positions | None = None,
    ) -> Logits:
        """Logits with the claimed intervention, or the same with another direction or scope."""
        used = self.intervention
        if direction is not None:
            used = replace(used, direction=direction, control="control")
        if positions is not None:
            used = replace(used, positions=positions)
        return self.base() if alpha == 0 else self.logits((used,), (alpha,))

    def outcome(self, logits: Logits, *, target: Sequence[int] | None = None) -> Effects:
        """Log-odds of the target against the neutral lexicon, per prompt."""
        wanted = list(self.target if target is None else target)
        odds = logits[:, wanted].logsumexp(1) - logits[:, list(self.neutral)].logsumexp(1)
        return odds.double().numpy()

    def effect(
        self,
        alpha: float,
        *,
        direction: Direction | None = None,
        positions: Positions | None = None,
        target: Sequence[int] | None = None,
    ) -> Effects:
        """Outcome minus the unsteered outcome, per prompt."""
        moved = self.steered(alpha, direction=direction, positions=positions)
        return self.outcome(moved, target=target) - self.outcome(self.base(), target=target)

    def odd(self, *, direction: Direction | None = None, positions: Positions | None = None,
            alpha: float | None = None) -> Effects:  # fmt: skip
        """(effect at +alpha - effect at -alpha) / 2, per prompt: what the sign decides."""
        a = self.alpha if alpha is None else alpha
        up = self.effect(a, direction=direction, positions=positions)
        return (up - self.effect(-a, direction=direction, positions=positions)) / 2

    def residuals(self) -> Float[np.ndarray, "token d_model"]:
        """Unsteered residual stream at the steered layer, every text token of every prompt."""
        found: list[np.ndarray] = []

        def read(h: torch.Tensor, _layer: int) -> None:
            found.append(h.detach()[0].double().cpu().numpy())

        kept = []
        for encoding in encode(self.model, list(self.prompts)):
            ids = torch.from_numpy(encoding.ids.astype(np.int64))[None].to(self.model.device)
            with (
                torch.inference_mode(),
                residual_hooks(self.model, {self.intervention.layer: read}),
            ):
                self.model.body(input_ids=ids, use_cache=False)
            # The BOS position is an outlier in most models: it would be all of the variance.
            kept.append(found.pop()[~encoding.is_special])
            self.forwards += 1
        return np.concatenate(kept)

    def kl(self, logits: Logits) -> float:
        """Mean KL to the unsteered next-token distribution, nats."""
        return float(kl_divergence(logits, self.base()).mean())

    def spent(self, since: int) -> Cost:
        """Forward passes since a count was taken."""
        return Cost(forwards=self.forwards - since)


def mean_interval(values: Effects, settings: AuditSettings, control: str) -> Interval:
    """Mean over prompts with its bootstrap interval over prompts."""
    n = len(values)
    drawn = draws(n, resamples=settings.preset.bootstrap, seed=settings.seed(control))
    return percentile_interval(float(values.mean()), drawn @ values / n, n=n, n_clusters=n)


def median_interval(values: Effects, settings: AuditSettings, control: str) -> Interval:
    """Median over prompts with its bootstrap interval."""
    n, rng = len(values), settings.rng(control, 1)
    drawn = rng.integers(n, size=(settings.preset.bootstrap, n))
    return percentile_interval(
        float(np.median(values)), np.median(values[drawn], axis=1), n=n, n_clusters=n
    )
