"""Many multinomial logistic regressions over the same rows, solved together.

In: one layer's rows [text, d_model], and per problem (a fold of a seed, a shuffle, a label against
the rest) the label codes and the weight of each row, 0 for a row that is held out. Out: the scores
of *all* rows under every problem, so the held-out ones come at no cost. Knows no folds or topics.

Each problem is scikit-learn's LogisticRegression(C) behind a StandardScaler fitted on its own
training rows:

    minimise  C sum_i w_i [log sum_k exp(z_ik) - z_i,y(i)] + 1/2 |W|^2,   z_i = W (x_i - m)/s + b

(for two labels scikit-learn has one weight vector; two vectors at half the C are the same problem).
Problems share the rows, so scaling is folded into W and each iteration is two matrix products over
all problems at once. The method is L-BFGS (Liu and Nocedal 1989) started from the Hessian at W = 0,
which is exact there: (C n / K) cov(x) + I, the bound of Boehning 1992 up to a factor, shared by
all problems. A step needs no product of its own, because z is linear in W. A problem that has
converged leaves the batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor

from .errors import Cancelled, DataError

MEMORY = 6  # pairs of steps that L-BFGS keeps
MAX_BYTES = 256 * 2**20  # of working memory; more problems than fit are solved in turns
_ABSENT = -1e4  # score of a label that has no training row in a problem


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """What a batch of problems came to."""

    scores: Float32[np.ndarray, "problem label text"]
    """z for every row, held out or not; the largest over labels is the prediction."""
    weights: Float32[np.ndarray, "problem label d_model"]
    """dz / dx in the units of the rows given (the scaling is divided out)."""
    bias: Float32[np.ndarray, "problem label"]
    """z = weights x + bias."""
    converged: Bool[np.ndarray, "problem"]
    """False where `max_iterations` ended the search; the largest gradient is then in `gradient`."""
    iterations: Int[np.ndarray, "problem"]
    gradient: Float32[np.ndarray, "problem"]
    """Largest |gradient| entry at the end, of the objective divided by C times the row weight."""


@dataclass
class _Rows:
    """Rows scaled once for all problems, and what turns them into each problem's own scaling."""

    x: Tensor  # [d text], near zero mean and unit sd
    xt: Tensor  # [text d], the same, contiguous
    mean: Tensor  # [d] of the rows given
    scale: Tensor  # [d]


def solve_logistic(
    rows: Float[np.ndarray, "text d_model"],
    codes: Int[np.ndarray, "text"] | Int[np.ndarray, "problem text"],
    weights: Float[np.ndarray, "problem text"] | Bool[np.ndarray, "problem text"],
    *,
    n_labels: int,
    c: float | Sequence[float] = 1.0,
    standardise: bool = True,
    tol: float = 3e-5,
    max_iterations: int = 200,
    device: str = "cpu",
    cancelled: Callable[[], bool] = lambda: False,
) -> LogisticFit:
    """Solve every problem; see the module's head for the objective.

    `codes` may differ by problem (shuffled labels, one against rest) or be shared. `c` may be one
    value per problem. `tol` bounds the largest gradient entry of the objective divided by C times
    the total row weight (scikit-learn's scale). Raises DataError for NaN or for a problem whose
    training rows have one label only, Cancelled between iterations.
    """
    n_problems, n = weights.shape
    if rows.shape[0] != n or codes.shape[-1] != n:
        raise DataError(f"{rows.shape[0]} rows, {codes.shape[-1]} codes, {n} weights; give equal")
    if not np.isfinite(rows).all():
        raise DataError("rows hold NaN or infinite values; leave those rows out")
    shared = _scaled(rows, torch.device(device), standardise=standardise)
    strength = np.full(n_problems, c, dtype=np.float64)
    per_problem = 4 * (8 * n_labels * n + (2 * MEMORY + 8) * n_labels * rows.shape[1])
    step = int(max(1, min(n_problems, MAX_BYTES // per_problem)))
    precondition = _Preconditioner(shared)
    fits = []
    for start in range(0, n_problems, step):
        part = slice(start, start + step)
        batch = _Batch(
            shared,
            codes if codes.ndim == 1 else codes[part],
            weights[part],
            strength[part],
            n_labels=n_labels,
            standardise=standardise,
        )
        fits.append(_minimise(batch, precondition, tol, max_iterations, cancelled))
    return _joined(fits)


def _scaled(rows: np.ndarray, device: torch.device, *, standardise: bool) -> _Rows:
    # In double precision once: residual streams have dimensions whose mean dwarfs their spread.
    mean = rows.mean(axis=0, dtype=np.float64) if standardise else np.zeros(rows.shape[1])
    scale = rows.std(axis=0, dtype=np.float64) if standardise else np.ones(rows.shape[1])
    scale = np.where(scale > 1e-12 * np.maximum(np.abs(mean), 1e-30), scale, 1.0)
    xt = torch.from_numpy(((rows - mean) / scale).astype(np.float32)).to(device)
    return _Rows(
        xt.T.contiguous(),
        xt.contiguous(),
        torch.tensor(mean, dtype=torch.float32, device=device),
        torch.tensor(scale, dtype=torch.float32, device=device),
    )


class _Preconditioner:
    """v -> (a cov + I)^-1 v for the rows' covariance: the Hessian at W = 0, up to a factor.

    a = C n / K of a problem, rounded to a power of two so that problems share one factorisation.
    """

    def __init__(self, rows: _Rows) -> None:
        self.x = rows.x
        d, self.n = rows.x.shape
        # With more dimensions than rows the inverse lives in the space of rows (Woodbury).
        self.wide = d > self.n
        self.gram = (rows.xt @ rows.x if self.wide else rows.x @ rows.xt) / self.n
        self.inverses: dict[int, Tensor] = {}

    def __call__(self, v: Tensor, a: Tensor) -> Tensor:
        """v [problem label d], a [problem]."""
        keys = torch.log2(a).round().to(torch.int64)
        found = keys.unique().tolist()
        if len(found) == 1:
            return self._apply(v, found[0])
        out = torch.empty_like(v)
        for key in found:
            out[keys == key] = self._apply(v[keys == key], key)
        return out

    def _apply(self, v: Tensor, key: int) -> Tensor:
        if key not in self.inverses:
            eye = torch.eye(len(self.gram), device=self.gram.device)
            factor = torch.linalg.cholesky(2.0**key * self.gram + eye)
            self.inverses[key] = torch.cholesky_inverse(factor)
        inverse = self.inverses[key]
        if not self.wide:
            return v @ inverse
        return v - ((v @ self.x) @ inverse) @ self.x.T * (2.0**key / self.n)


class _Batch:
    """Problems that are solved together: objective, gradient, and the active ones among them."""

    def __init__(
        self,
        rows: _Rows,
        codes: np.ndarray,
        weights: np.ndarray,
        c: np.ndarray,
        *,
        n_labels: int,
        standardise: bool,
    ) -> None:
        device = rows.x.device
        self.rows, self.k = rows, n_labels
        self.w = torch.as_tensor(np.asarray(weights, dtype=np.float32), device=device)
        self.p, self.n = self.w.shape
        self.codes = torch.as_tensor(np.asarray(codes, dtype=np.int64), device=device)
        self.codes = self.codes.expand(self.p, self.n)
        # Rows that count for nothing may carry any code, also -1.
        self.codes = torch.where(self.w > 0, self.codes, torch.zeros_like(self.codes))
        self.total = self.w.sum(dim=1)
        self.c = torch.tensor(c, dtype=torch.float32, device=device)
        # Penalty per unit of mean loss; two labels halve C (see the module's head).
        self.ridge = 1 / (self.c * (0.5 if n_labels == 2 else 1.0) * self.total)
        self.counts = torch.zeros(self.p, n_labels, device=device)
        self.counts.scatter_add_(1, self.codes, self.w)
        if bool(((self.counts > 0).sum(dim=1) < 2).any()):
            raise DataError("a problem's training rows have one label only; it needs two or more")
        self.absent = torch.where(self.counts > 0, 0.0, _ABSENT)
        d = rows.x.shape[0]
        self.mean = torch.zeros(self.p, d, device=device)
        self.scale = torch.ones(self.p, d, device=device)
        if standardise:
            used = (self.w > 0).float()
            n_used = used.sum(dim=1, keepdim=True)
            self.mean = (used @ rows.xt) / n_used
            spread = ((used @ rows.xt.square()) / n_used - self.mean.square()).clamp(min=0).sqrt()
            self.scale = torch.where(spread > 1e-6, spread, torch.ones_like(spread))

    def scores(self, w: Tensor, b: Tensor, at: Tensor) -> Tensor:
        """z [problem label text] of weights [problem label d] in each problem's own scaling."""
        scaled = w / self.scale[at, None]
        bias = b - torch.einsum("pkd,pd->pk", scaled, self.mean[at])
        out = scaled.flatten(0, 1) @ self.rows.x
        return out.unflatten(0, (len(at), self.k)).add_(bias[:, :, None])

    def loss(self, z: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
        """Mean weighted loss [problem] without the penalty, and softmax(z)."""
        own = z.gather(1, self.codes[at][:, None]).squeeze(1)
        top = z.amax(dim=1, keepdim=True)
        chances = torch.exp(z - top)
        mass = chances.sum(dim=1, keepdim=True)
        lse = (top + mass.log()).squeeze(1)
        chances /= mass
        total = ((lse - own) * self.w[at]).sum(dim=1, dtype=torch.float64)
        return total / self.total[at], chances

    def gradient(self, chances: Tensor, theta: Tensor, at: Tensor) -> Tensor:
        """Of mean loss plus penalty at theta [problem label d+1], same shape; spoils `chances`."""
        chances.scatter_add_(1, self.codes[at][:, None], torch.full_like(chances[:, :1], -1.0))
        chances.mul_((self.w[at] / self.total[at, None])[:, None])
        bias = chances.sum(dim=2)
        raw = (chances.flatten(0, 1) @ self.rows.xt).unflatten(0, (len(at), self.k))
        raw = (raw - bias[:, :, None] * self.mean[at, None]) / self.scale[at, None]
        raw += self.ridge[at, None, None] * theta[..., :-1]
        return torch.cat([raw, bias[..., None]], dim=2)


def _minimise(
    batch: _Batch,
    precondition: _Preconditioner,
    tol: float,
    max_iterations: int,
    cancelled: Callable[[], bool],
) -> LogisticFit:
    """L-BFGS over the active problems; weights and bias travel as one array [problem label d+1]."""
    p, k, d = batch.p, batch.k, batch.rows.x.shape[0]
    device = batch.rows.x.device
    # The objective is divided by C n, so its Hessian at 0 is cov / K + ridge, bias 1 / K.
    load = 1 / (k * batch.ridge)

    def precondition_all(v: Tensor, at: Tensor) -> Tensor:
        inner = precondition(v[..., :d], load[at]) / batch.ridge[at, None, None]
        return torch.cat([inner, v[..., d:] * k], dim=2)

    theta = torch.zeros(p, k, d + 1, device=device)
    final = torch.empty(p, k, batch.n, device=device)
    size = torch.full((p,), float("inf"), device=device)
    steps = torch.zeros(p, dtype=torch.int64)
    active = torch.arange(p, device=device)
    z = batch.absent[:, :, None].expand(p, k, batch.n).clone()
    value, chances = batch.loss(z, active)
    g = batch.gradient(chances, theta, active)
    history: list[tuple[Tensor, Tensor, Tensor]] = []
    for iteration in range(max_iterations + 1):
        if cancelled():
            raise Cancelled("fitting was cancelled; nothing is wrong")
        size[active] = g.abs().amax(dim=(1, 2))
        going = size[active] > tol
        if iteration == max_iterations:
            going = torch.zeros_like(going)
        if not bool(going.all()):
            final[active[~going]] = z[~going]
            active, z, value, g = active[going], z[going], value[going], g[going]
            history = [(s[going], y[going], r[going]) for s, y, r in history]
        if len(active) == 0:
            break
        step = -_two_loop(g, history, active, precondition_all)
        zd = batch.scores(step[..., :d], step[..., d], active)
        t, z, value, chances = _line_search(batch, theta[active], step, z, zd, value, g, active)
        moved = step * t[:, None, None]
        theta[active] += moved
        g_new = batch.gradient(chances, theta[active], active)
        history = _remember(history, moved, g_new - g)
        stuck = t == 0
        g = g_new
        steps[active.cpu()] += 1
        if bool(stuck.any()):
            # Single precision sees no further descent: as converged as it can be.
            final[active[stuck]] = z[stuck]
            size[active] = g.abs().amax(dim=(1, 2))
            keep = ~stuck
            active, z, value, g = active[keep], z[keep], value[keep], g[keep]
            history = [(s[keep], y[keep], r[keep]) for s, y, r in history]
    return _finished(batch, theta, final, size, steps, tol)


def _two_loop(
    g: Tensor,
    history: list[tuple[Tensor, Tensor, Tensor]],
    at: Tensor,
    precondition: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """The L-BFGS product of the inverse Hessian with g, per problem."""
    q, alphas = g, []
    for s, y, r in reversed(history):
        alpha = r * (s * q).sum(dim=(1, 2))
        q = q - alpha[:, None, None] * y
        alphas.append(alpha)
    q = precondition(q, at)
    if history:
        # The start shrinks or grows to the curvature last seen (it was exact at W = 0 only).
        s, y, r = history[-1]
        curved = (y * precondition(y, at)).sum(dim=(1, 2))
        q = q * torch.where(r > 0, 1 / (r.clamp(min=1e-30) * curved), 1.0)[:, None, None]
    for (s, y, r), alpha in zip(history, reversed(alphas), strict=True):
        beta = r * (y * q).sum(dim=(1, 2))
        q = q + (alpha - beta)[:, None, None] * s
    return q


def _remember(
    history: list[tuple[Tensor, Tensor, Tensor]], s: Tensor, y: Tensor
) -> list[tuple[Tensor, Tensor, Tensor]]:
    curvature = (s * y).sum(dim=(1, 2))
    good = curvature > 1e-10 * y.square().sum(dim=(1, 2))
    r = torch.where(good, 1 / curvature.clamp(min=1e-30), 0.0)
    return [*history, (s, y, r)][-MEMORY:]


def _line_search(
    batch: _Batch,
    theta: Tensor,
    step: Tensor,
    z: Tensor,
    zd: Tensor,
    value: Tensor,
    g: Tensor,
    at: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Halve the step of each problem until the objective has fallen enough (Armijo).

    Returns step lengths (0 where none helped), and at the end of the step scores, objective and
    label chances. `value` counts loss and penalty; along the step the penalty is a parabola.
    """
    d = theta.shape[2] - 1
    ridge = batch.ridge[at]
    cross = (theta[..., :d] * step[..., :d]).sum(dim=(1, 2), dtype=torch.float64) * ridge
    square = step[..., :d].square().sum(dim=(1, 2), dtype=torch.float64) * ridge / 2
    slope = (g * step).sum(dim=(1, 2), dtype=torch.float64)
    penalty = theta[..., :d].square().sum(dim=(1, 2), dtype=torch.float64) * ridge / 2
    # Below about 1e-7 of the value, differences are rounding of single-precision scores.
    slack = 1e-7 * value.abs()

    def objective(loss: Tensor, t: Tensor, of: Tensor) -> Tensor:
        return loss + penalty[of] + t * cross[of] + t * t * square[of]

    t = torch.ones(len(at), dtype=torch.float64, device=z.device)
    best_z = z + zd
    loss, chances = batch.loss(best_z, at)
    best = objective(loss, t, torch.arange(len(at), device=z.device))
    todo = torch.nonzero(best > value + 1e-4 * t * slope + slack).flatten()
    for _ in range(20):
        if len(todo) == 0:
            break
        t[todo] *= 0.5
        best_z[todo] = z[todo] + zd[todo] * t[todo, None, None].float()
        loss, chances[todo] = batch.loss(best_z[todo], at[todo])
        best[todo] = objective(loss, t[todo], todo)
        failed = best[todo] > value[todo] + 1e-4 * t[todo] * slope[todo] + slack[todo]
        todo = todo[failed]
    if len(todo) > 0:
        t[todo], best_z[todo], best[todo] = 0.0, z[todo], value[todo]
        chances[todo] = batch.loss(z[todo], at[todo])[1]
    return t.float(), best_z, best, chances


def _finished(
    batch: _Batch, theta: Tensor, z: Tensor, size: Tensor, steps: Tensor, tol: float
) -> LogisticFit:
    d = theta.shape[2] - 1
    scaled = theta[..., :d] / batch.scale[:, None]
    bias = theta[..., d] + batch.absent - torch.einsum("pkd,pd->pk", scaled, batch.mean)
    weights = scaled / batch.rows.scale
    bias = bias - weights @ batch.rows.mean
    return LogisticFit(
        z.cpu().numpy(),
        weights.cpu().numpy(),
        bias.cpu().numpy(),
        (size <= tol).cpu().numpy(),
        steps.numpy(),
        size.cpu().numpy(),
    )


def _joined(fits: list[LogisticFit]) -> LogisticFit:
    if len(fits) == 1:
        return fits[0]
    return LogisticFit(
        np.concatenate([f.scores for f in fits]),
        np.concatenate([f.weights for f in fits]),
        np.concatenate([f.bias for f in fits]),
        np.concatenate([f.converged for f in fits]),
        np.concatenate([f.iterations for f in fits]),
        np.concatenate([f.gradient for f in fits]),
    )
