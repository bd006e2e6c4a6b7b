"""The bench whose arm takes a direction out at every layer, instead of adding it at one.

In: a bench's parts and activations of neutral texts per layer. Out: `RemovalBench`. alpha is the
share that is removed: 1 = all of it, -1 = its deviation from the neutral mean doubled. With h the
residual stream after a layer and v the claimed direction, at every position but that of the BOS
(whose activation is an outlier that attention rests on, the same in every text):

    mean      h - (h.v - m) v     m the projection of the mean neutral activation: "off"
    zero      h - (h.v) v         zero is not "off" where the mean is not zero
    resample  h - (h.v - r) v     r the projection of one neutral text, the same at all layers
    eraser    h - W R (h - mean)  LEACE, fitted per layer on labelled activations (2306.03819)

Heimersheim and Nanda 2404.15255. Knows no thresholds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vectors.errors import DataError
from vectors.hooks import ResidualFunction, residual_hooks

from .bench import Arm, Bench, Direction, Logits
from .erasure import Eraser

Neutral = Mapping[int, Float[np.ndarray, "text d_model"]]


@dataclass(eq=False)
class RemovalBench(Bench):
    """A bench for ablation claims; its alpha is the share removed (1 = all)."""

    neutral_rows: Neutral = field(default_factory=dict)
    """Mean activation of each neutral text, at every layer where the direction is removed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.neutral_rows:
            raise DataError("removal needs the neutral activations of one layer or more")
        self.model.layers(list(self.neutral_rows))
        counts = {len(rows) for rows in self.neutral_rows.values()}
        if len(counts) != 1 or 0 in counts:
            raise DataError(f"neutral texts per layer: {sorted(counts)}; give the same at each")

    def arm(self, alpha: float, *, direction: Direction | None = None) -> Arm:
        """Mean-projection of that share, at every layer."""
        return self.removal(direction, share=alpha)

    def removal(
        self,
        direction: Direction | None = None,
        *,
        share: float = 1.0,
        towards: str = "mean",
        text: int = 0,
    ) -> Arm:
        """Interventions that move the projection on v to that of "mean", "zero" or a "text"."""
        v = self.intervention.direction if direction is None else direction
        made = [
            replace(
                self.intervention, layer=layer, direction=v, mode="project-out",
                positions=(self._first, self.model.info.context_length + 1),
                target=self._target(rows, v, towards, text), remove=None,
            )
            for layer, rows in self.neutral_rows.items()
        ]  # fmt: skip
        return made, [share] * len(made)

    def erased(self, erasers: Mapping[int, Eraser]) -> Logits:
        """Next-token logits with an eraser at each of its layers, at every position."""
        device, out = self.model.device, []
        for batch in self.batches():
            at = (batch.positions >= self._first).unsqueeze(-1).to(device)
            hooks = {layer: _erasing(eraser, at) for layer, eraser in erasers.items()}
            with torch.inference_mode(), residual_hooks(self.model, hooks):
                found = self.model.hf(
                    input_ids=batch.ids.to(device),
                    attention_mask=batch.mask.to(device),
                    position_ids=batch.positions.to(device),
                    use_cache=False,
                ).logits
            out.append(found[:, -1].float().cpu())
        return torch.cat(out)

    @property
    def _first(self) -> int:
        """The first position that is changed: the one after the BOS."""
        return 0 if self.model.bos_id is None else 1

    def _target(
        self, rows: Float[np.ndarray, "text d_model"], v: Direction, towards: str, text: int
    ) -> float:
        if towards == "zero":
            return 0.0
        row = rows.mean(axis=0, dtype=np.float64) if towards == "mean" else rows[text % len(rows)]
        return float(row @ v)


def _erasing(eraser: Eraser, where: Bool[Tensor, "row pos 1"]) -> ResidualFunction:
    mean, read, write = (
        torch.from_numpy(a.astype(np.float32)) for a in (eraser.mean, eraser.read, eraser.write)
    )

    def change(h: Tensor, _layer: int) -> Tensor:
        at = [t.to(h.device) for t in (mean, read, write)]
        x = h.float()
        left = x - ((x - at[0]) @ at[1]) @ at[2].T
        return torch.where(where.to(h.device), left, x).to(h.dtype)

    return change
