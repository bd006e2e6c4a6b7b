"""One steering claim on one set of prompts: outcomes of any direction at any alpha, counted.

In: a model, prompts, the claimed `Intervention`, its alpha, token ids of a target and of a neutral
lexicon. Out: the log-odds outcome per prompt (tier "logit": one forward pass per prompt)

    outcome = log sum p(target tokens) - log sum p(neutral tokens)   at the last prompt position,

and next-token KL. Arms are paired: same prompts, they differ in the vector only. Knows no
thresholds. Top-1 tokens are not used: they often stay the same while the odds move. What is
done at an alpha is `Bench.arm`; `removal.RemovalBench` takes the direction out instead.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from jaxtyping import Float, Float32

from vectors.errors import DataError
from vectors.hooks import residual_hooks
from vectors.meters import kl_divergence
from vectors.stats import Interval, draws, percentile_interval
from vectors.steering import Intervention, Steering, steered_logits
from vectors.tokens import TokenBatch, collate, encode

from .result import Cost
from .settings import AuditSettings

if TYPE_CHECKING:
    from vectors.models import LanguageModel

Direction = Float32[np.ndarray, "d_model"]
Effects = Float[np.ndarray, "prompt"]
Logits = Float[torch.Tensor, "prompt d_vocab"]
Scope = Literal["all", "prompt", "last"]
"""Which positions are acted on: all, all but the last, or the last alone."""
Arm = tuple[Sequence[Intervention], Sequence[float]]
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
    tick: Callable[[int], None] = field(default=lambda _made: None, repr=False)
    """Called with the passes made so far, before every batch; it may raise to stop."""
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

    def batches(self) -> Iterator[TokenBatch]:
        """The prompts as the model reads them, padded on the left."""
        encoded = encode(self.model, list(self.prompts))
        for start in range(0, len(encoded), ROWS):
            part = encoded[start : start + ROWS]
            self.tick(self.forwards)
            yield collate(part, pad_id=self.model.pad_id, device="cpu", side="left")
            self.forwards += len(part)

    def logits(
        self,
        interventions: Sequence[Intervention],
        alphas: Sequence[float],
        *,
        scope: Scope = "all",
    ) -> Logits:
        """Next-token logits of every prompt under given interventions."""
        out = []
        for batch in self.batches():
            real = batch.mask.numpy().astype(bool)
            where = np.ones(real.shape, dtype=bool)
            if scope != "all":
                where[:] = scope == "prompt"
                where[:, -1] = scope == "last"
            table = np.where(where[:, :, None], np.array(alphas, dtype=np.float64), np.nan)
            moved = steered_logits(
                self.model, batch.ids, interventions, table, real=real, last_only=True
            )
            out.append(moved[:, -1].float().cpu())
        return torch.cat(out)

    def base(self) -> Logits:
        """Unsteered logits, read once."""
        if self._base is None:
            self._base = self.logits((), ())
        return self._base

    def arm(self, alpha: float, *, direction: Direction | None = None) -> Arm:
        """What is done at an alpha, with the claimed direction or with another one."""
        used = self.intervention
        if direction is not None:
            used = replace(used, direction=direction, control="control")
        return (used,), (alpha,)

    def steered(
        self, alpha: float, *, direction: Direction | None = None, scope: Scope = "all"
    ) -> Logits:
        """Logits with the claimed arm, or with another direction or scope."""
        if alpha == 0:
            return self.base()
        interventions, alphas = self.arm(alpha, direction=direction)
        return self.logits(interventions, alphas, scope=scope)

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
        target: Sequence[int] | None = None,
    ) -> Effects:
        """Outcome minus the unsteered outcome, per prompt."""
        moved = self.steered(alpha, direction=direction)
        return self.outcome(moved, target=target) - self.outcome(self.base(), target=target)

    def odd(
        self,
        *,
        direction: Direction | None = None,
        scope: Scope = "all",
        alpha: float | None = None,
    ) -> Effects:
        """(outcome at +alpha - outcome at -alpha) / 2, per prompt: what the sign decides."""
        a = self.alpha if alpha is None else alpha
        up, down = (self.steered(x, direction=direction, scope=scope) for x in (a, -a))
        return (self.outcome(up) - self.outcome(down)) / 2

    def residuals(self, texts: Sequence[str] = ()) -> Float[np.ndarray, "token d_model"]:
        """Unsteered residual stream at the steered layer, every text token of texts (else prompts).

        The BOS position is left out: it is an outlier in most models and would be all of the
        variance.
        """
        found: list[torch.Tensor] = []

        def read(h: torch.Tensor, _layer: int) -> None:
            found.append(h.detach().double().cpu())

        encoded, kept = encode(self.model, list(texts or self.prompts)), []
        for start in range(0, len(encoded), ROWS):
            part = encoded[start : start + ROWS]
            self.tick(self.forwards)
            batch = collate(part, pad_id=self.model.pad_id, device=self.model.device)
            with (
                torch.inference_mode(),
                residual_hooks(self.model, {self.intervention.layer: read}),
            ):
                self.model.body(
                    input_ids=batch.ids, attention_mask=batch.mask, position_ids=batch.positions,
                    use_cache=False,
                )  # fmt: skip
            rows = found.pop().numpy()
            kept += [rows[i, : len(e.ids)][~e.is_special] for i, e in enumerate(part)]
            self.forwards += len(part)
        return np.concatenate(kept)

    def residuals_after(
        self, layers: Sequence[int], alpha: float
    ) -> dict[int, Float[np.ndarray, "prompt d_model"]]:
        """The residual stream after layers at the last prompt position, under the claimed arm."""
        interventions, alphas = self.arm(alpha) if alpha else ((), ())
        found: dict[int, list[torch.Tensor]] = {layer: [] for layer in layers}

        def read(h: torch.Tensor, layer: int) -> None:
            found[layer].append(h.detach()[:, -1].double().cpu())

        device = self.model.device
        for batch in self.batches():
            rows, width = batch.ids.shape
            steering = Steering(self.model, interventions, n_rows=rows)
            steering.prepare(
                batch.positions.numpy(),
                alphas=np.broadcast_to(np.array(alphas), (rows, width, len(interventions))),
                real=batch.mask.numpy().astype(bool),
                prompt_lengths=np.array(batch.lengths),
            )
            # The reader is hooked on last, so it sees what steering left.
            with (
                torch.inference_mode(),
                steering.hooks(),
                residual_hooks(self.model, dict.fromkeys(layers, read)),
            ):
                self.model.body(
                    input_ids=batch.ids.to(device),
                    attention_mask=batch.mask.to(device),
                    position_ids=batch.positions.to(device),
                    use_cache=False,
                )
        return {layer: torch.cat(rows).numpy() for layer, rows in found.items()}

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
