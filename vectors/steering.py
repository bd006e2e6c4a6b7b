"""Interventions on the residual stream: what is done, where, how strongly, and what arrived.

In: unit directions of chosen layers, alphas per row (and per position), absolute positions. Out: a
hook for `vectors.hooks.residual_hooks` and its meters. Knows no sampling and no text.

With v a unit vector, n the mean residual norm at the layer and h the residual stream after block l
(`blocks.l.hook_resid_post`), at every chosen position:

    add          h + alpha n v
    project-out  h + alpha (m - h.v) v        alpha = share removed: 1 = all of it, 0 = nothing
    clamp        h + (alpha n - h.v) v
    replace      h - P h + alpha n v          P projects on `remove` (v itself where none is given)

alpha is in units of n (Sofroniew et al. 2026), so it is a fraction that carries over between
models. alpha None leaves a row alone in every mode; alpha 0 does so for add and
project-out, while clamp and replace at 0 do act (they set the projection to 0). Interventions on
one layer act in the order given, each on what the one before left.

Positions count real tokens from 0, BOS included, padding never; generated tokens go on from the
prompt's. "generated" therefore first acts when the first generated token is fed back: it
cannot move that first token itself.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, Int
from torch import Tensor

from .errors import DataError, DirectionError, ModelError, TextError
from .hooks import residual_hooks

if TYPE_CHECKING:
    from .models import LanguageModel

Mode = Literal["add", "project-out", "clamp", "replace"]
Positions = Literal["all", "prompt", "generated"] | tuple[int, int]
Alpha = float | None
MODES = ("add", "project-out", "clamp", "replace")


@dataclass(frozen=True, eq=False)
class Intervention:
    """One direction at one layer. Raises DirectionError when it cannot be applied as written."""

    layer: int
    """Block index from 0; acts on the residual stream after that block."""
    direction: Float32[np.ndarray, "d_model"]
    """Unit vector."""
    residual_norm: float
    """Mean |h| over tokens at that layer: the unit of alpha."""
    mode: Mode = "add"
    """What is done (see the top of this file)."""
    positions: Positions = "all"
    """Which real positions: all, prompt, generated, or [start, stop)."""
    label: str = ""
    """What the direction stands for, e.g. "joyful"."""
    target: float = 0.0
    """project-out only: the projection to move to (0, or the mean on neutral text)."""
    remove: Float32[np.ndarray, "direction d_model"] | None = None
    """replace only: what is projected out before adding; None = `direction` itself."""
    control: str | None = None
    """Name of the control this direction is ("isotropic", ...); None = a real direction."""

    def __post_init__(self) -> None:
        name = f"the direction {self.label!r} at layer {self.layer}"
        if self.mode not in MODES:
            raise DirectionError(f"mode is {self.mode!r}; it must be one of {', '.join(MODES)}")
        if self.direction.ndim != 1 or not np.all(np.isfinite(self.direction)):
            raise DirectionError(f"{name} must be one vector of finite numbers")
        norm = float(np.linalg.norm(self.direction.astype(np.float64)))
        if abs(norm - 1) > 1e-3:
            raise DirectionError(f"{name} has norm {norm:.4g}; divide it by that to get norm 1")
        if not 0 < self.residual_norm < float("inf"):
            raise DirectionError(
                f"residual_norm is {self.residual_norm}; it must be the mean |h| at the layer (> 0)"
            )
        if self.remove is not None and self.mode != "replace":
            raise DirectionError(f"remove belongs to mode 'replace', not to {self.mode!r}")
        if isinstance(self.positions, tuple):
            start, stop = self.positions
            if not 0 <= start < stop:
                raise TextError(f"positions [{start}, {stop}) are empty; give 0 <= start < stop")
        elif self.positions not in ("all", "prompt", "generated"):
            raise TextError(
                f"positions is {self.positions!r}; use all, prompt, generated or (start, stop)"
            )

    def summary(self) -> dict[str, object]:
        """Plain values for a record; the direction is named by the hash of its bytes."""
        return {
            "layer": self.layer,
            "label": self.label,
            "mode": self.mode,
            "positions": self.positions,
            "residual_norm": self.residual_norm,
            "target": self.target,
            "control": self.control,
            "direction_sha256": _digest(self.direction),
            "remove_sha256": None if self.remove is None else _digest(self.remove),
        }


def alpha_table(
    alphas: Sequence[Alpha | Sequence[Alpha]], n_interventions: int
) -> Float64[np.ndarray, "row intervention"]:
    """One alpha per row and intervention; a single number per row counts for every intervention.

    None (leave alone) becomes NaN. Raises DataError when an alpha is no finite number or the
    numbers do not match the interventions.
    """
    if len(alphas) == 0:
        raise DataError("no alphas were given; give one per row, e.g. [0.0, 0.4]")
    table = np.full((len(alphas), n_interventions), np.nan)
    for row, given in enumerate(alphas):
        values = (
            list(given) if isinstance(given, Sequence | np.ndarray) else [given] * n_interventions
        )
        if len(values) != n_interventions:
            raise DataError(
                f"row {row} has {len(values)} alphas for {n_interventions} interventions; "
                "give one number, or one per intervention"
            )
        for column, value in enumerate(values):
            if value is not None:
                table[row, column] = checked_alpha(value)
    return table


def checked_alpha(value: float) -> float:
    """The number itself; DataError unless it is finite."""
    if not np.isfinite(value):
        raise DataError(f"alpha is {value}; it must be a finite number (None leaves a row alone)")
    return float(value)


@dataclass(frozen=True)
class Dose:
    """What the hooks of one row really did."""

    mean: float
    """Mean of |h' - h| / |h| over every (layer, position) that was moved; 0 where none was."""
    n_positions: int
    """How many (layer, position) pairs were moved."""
    hook_calls: int
    """How often a hook saw this row, moved or not: forward passes x steered layers."""


class Steering:
    """The mutable state that the hooks read: set by `prepare` before every forward pass."""

    def __init__(
        self, model: "LanguageModel", interventions: Sequence[Intervention], *, n_rows: int
    ) -> None:
        """Raises LayerError for a layer the model lacks, DirectionError for another width."""
        model.layers([i.layer for i in interventions])
        for i in interventions:
            for what in (i.direction,) if i.remove is None else (i.direction, i.remove):
                if what.shape[-1] != model.info.d_model:
                    raise DirectionError(
                        f"the direction {i.label!r} has width {what.shape[-1]}, "
                        f"the model {model.info.d_model}; use vectors made with this model"
                    )
        self.model = model
        self.interventions = tuple(interventions)
        self.n_rows = n_rows
        self.by_layer: dict[int, list[int]] = {}
        for index, i in enumerate(self.interventions):
            self.by_layer.setdefault(i.layer, []).append(index)
        self._unit = [
            torch.from_numpy(i.direction.astype(np.float32)).to(model.device)
            for i in self.interventions
        ]
        self._basis = [_basis(i).to(model.device) for i in self.interventions]
        self._alpha: list[Tensor | None] = []
        self._marks: dict[int, Int[np.ndarray, row]] = {}
        self._shape = (0, 0)
        self._sums: dict[int, Tensor] = {}
        self._moved = np.zeros(n_rows, dtype=np.int64)
        self._calls = np.zeros(n_rows, dtype=np.int64)
        self.active = np.ones(n_rows, dtype=bool)
        """Rows still generating; the others are neither moved nor metered."""

    def prepare(
        self,
        positions: Int[np.ndarray, "row pos"],
        *,
        alphas: Float64[np.ndarray, "row pos intervention"],
        real: Bool[np.ndarray, "row pos"],
        prompt_lengths: Int[np.ndarray, "row"],
    ) -> None:
        """Say what the next forward pass will see: absolute positions, padding, alphas."""
        self._shape = (positions.shape[0], positions.shape[1])
        seen = real & self.active[:, None]
        moves = np.zeros((len(self.interventions), *self._shape), dtype=bool)
        for index, i in enumerate(self.interventions):
            chosen = _chosen(positions, i.positions, prompt_lengths) & seen
            alpha = alphas[:, :, index]
            moves[index] = chosen & ~np.isnan(alpha)
            if i.mode in ("add", "project-out"):
                moves[index] &= alpha != 0
        # NaN marks what stays; a hook with nothing to move returns None, so not a bit changes.
        at = np.where(moves, alphas.transpose(2, 0, 1), np.nan).astype(np.float32)
        # One copy before the pass: one inside a hook would make a GPU wait for the blocks so far.
        on_device = torch.from_numpy(at).to(self.model.device) if moves.any() else None
        self._alpha = [
            on_device[index] if on_device is not None and moves[index].any() else None
            for index in range(len(self.interventions))
        ]
        self._marks = {
            layer: moves[indices].any(axis=0).sum(axis=1)
            for layer, indices in self.by_layer.items()
        }

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """The hooks on the model while the block runs; the model is as before afterwards."""
        with residual_hooks(self.model, dict.fromkeys(self.by_layer, self.hook)):
            yield

    def hook(self, h: Float[Tensor, "row pos d_model"], layer: int) -> Tensor | None:
        """The steered residual stream in h's dtype and device, or None where nothing moves."""
        if tuple(h.shape[:2]) != self._shape:
            raise ModelError(
                f"the hook at layer {layer} saw {tuple(h.shape)}, prepared for {self._shape}; "
                "the model must run one (row, pos) batch per forward pass"
            )
        self._calls += self.active
        acting = [i for i in self.by_layer[layer] if self._alpha[i] is not None]
        if not acting:
            return None
        before = h.float()
        after, moved = before, torch.zeros(self._shape, dtype=torch.bool, device=h.device)
        for index in acting:
            alpha = self._alpha[index]
            assert alpha is not None
            at = alpha.to(h.device)
            touched = ~at.isnan()
            change = self._change(index, after, at.nan_to_num().unsqueeze(-1))
            after = torch.where(touched.unsqueeze(-1), after + change, after)
            moved |= touched
        out = after.to(h.dtype)
        self._meter(layer, before, out, moved)
        return out

    def _change(
        self, index: int, h: Float32[Tensor, "row pos d_model"], alpha: Float32[Tensor, "row pos 1"]
    ) -> Float32[Tensor, "row pos d_model"]:
        i = self.interventions[index]
        # Kept where it was last needed: blocks of a device map lie on several.
        unit = self._unit[index] = self._unit[index].to(h.device)
        if i.mode == "add":
            return alpha * i.residual_norm * unit
        if i.mode == "replace":
            basis = self._basis[index] = self._basis[index].to(h.device)
            return alpha * i.residual_norm * unit - (h @ basis.T) @ basis
        projection = (h @ unit).unsqueeze(-1)
        if i.mode == "project-out":
            return alpha * (i.target - projection) * unit
        return (alpha * i.residual_norm - projection) * unit

    def _meter(self, layer: int, before: Tensor, out: Tensor, moved: Tensor) -> None:
        share = (out.float() - before).norm(dim=-1) / before.norm(dim=-1).clamp_min(1e-12)
        total = share.where(moved, torch.zeros_like(share)).sum(dim=1)
        self._sums[layer] = total if layer not in self._sums else self._sums[layer] + total
        self._moved += self._marks[layer]

    def doses(self) -> list[Dose]:
        """The meters of every row since this object was made."""
        totals = np.zeros(self.n_rows)
        for value in self._sums.values():
            totals += value.cpu().numpy().astype(np.float64)
        return [
            Dose(float(t / n) if n else 0.0, int(n), int(c))
            for t, n, c in zip(totals, self._moved, self._calls, strict=True)
        ]


@torch.no_grad()
def steered_logits(
    model: "LanguageModel",
    ids: Int[np.ndarray | Tensor, "row pos"] | Int[np.ndarray | Tensor, "pos"],
    interventions: Sequence[Intervention],
    alphas: Sequence[Alpha | Sequence[Alpha]] | Float64[np.ndarray, "row pos intervention"],
    *,
    prompt_length: int | None = None,
    real: Bool[np.ndarray, "row pos"] | None = None,
    last_only: bool = False,
) -> Float[Tensor, "row pos d_vocab"]:
    """Logits of one forward pass without cache: what a steered model says about every position.

    `ids` of one row serve every alpha. `alphas` are per row, per row and intervention, or an array
    that also gives them per position (NaN = leave alone). `prompt_length`: how many real tokens
    count as prompt (None = all). `real` is False on padding (None = there is none). `last_only`
    spares the unembedding of all but the last column where the model can (`pos` is then 1).
    """
    from .decoding import keep_last

    given = torch.as_tensor(ids).long()
    rows = given.unsqueeze(0) if given.dim() == 1 else given
    if isinstance(alphas, np.ndarray):
        table = np.asarray(alphas, dtype=np.float64)
    else:
        table = alpha_table(alphas, len(interventions))[:, None, :]
    if rows.shape[0] == 1:
        rows = rows.expand(table.shape[0], -1)
    if rows.shape[0] != table.shape[0]:
        raise DataError(f"{rows.shape[0]} rows of ids but alphas for {table.shape[0]} rows")
    n_rows, n_pos = rows.shape
    mask = np.ones((n_rows, n_pos), dtype=bool) if real is None else real
    positions = np.maximum(mask.cumsum(axis=1) - 1, 0)
    steering = Steering(model, interventions, n_rows=n_rows)
    steering.prepare(
        positions,
        alphas=np.broadcast_to(table, (n_rows, n_pos, len(interventions))),
        real=mask,
        prompt_lengths=np.full(n_rows, n_pos if prompt_length is None else prompt_length),
    )
    with steering.hooks():
        out = model.hf(
            input_ids=rows.to(model.device),
            attention_mask=torch.from_numpy(mask.astype(np.int64)).to(model.device),
            position_ids=torch.from_numpy(positions).to(model.device),
            use_cache=False,
            **(keep_last(model, 1) if last_only else {}),
        )
    logits: Tensor = out.logits
    return logits[:, -1:] if last_only else logits


def _chosen(
    positions: Int[np.ndarray, "row pos"], wanted: Positions, prompt_lengths: Int[np.ndarray, "row"]
) -> Bool[np.ndarray, "row pos"]:
    if wanted == "all":
        return np.ones(positions.shape, dtype=bool)
    if wanted == "prompt":
        return np.asarray(positions < prompt_lengths[:, None])
    if wanted == "generated":
        return np.asarray(positions >= prompt_lengths[:, None])
    start, stop = wanted
    return np.asarray((positions >= start) & (positions < stop))


def _basis(intervention: Intervention) -> Float32[Tensor, "direction d_model"]:
    """Orthonormal rows that span what `replace` projects out."""
    given = intervention.direction if intervention.remove is None else intervention.remove
    _, values, axes = np.linalg.svd(np.atleast_2d(given).astype(np.float64), full_matrices=False)
    if not values[0] > 0:
        raise DirectionError(f"remove of {intervention.label!r} is all zeros; give directions")
    return torch.from_numpy(axes[values > 1e-6 * values[0]].astype(np.float32))


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array, dtype=np.float32).tobytes()).hexdigest()[:16]
