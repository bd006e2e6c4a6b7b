"""P5: does removing the direction remove the information, and only it?

Three disjoint sets of topics: the eraser is fitted on A, a fresh probe on erased B, and scored on
erased C. (On A itself every eraser scores chance by construction, whatever is left.) The direction
is estimated, so something is left even of a concept that truly is one direction; the residual is
judged against that: the same procedure on Gaussian data with the class means, within-topic and
between-topic covariances of these rows, whose concept is exactly of that rank. Random removals of
the same rank show whether removing anything does harm; LEACE, four rounds of INLP and removal of
the largest components stand beside and are not judged. Sources: 2306.03819, 2506.11673, simulated.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from vectors.stats import Interval

from .closed_form import RIDGE, contrast, fresh_probe_auroc
from .data import AuditData, halves_by_group, unit_rows
from .erasure import Eraser, leace, mean_difference, project_out
from .result import ControlResult, null_of, worst
from .settings import AuditSettings

Rows = Float[np.ndarray, "text d_model"]
Codes = Int[np.ndarray, "text"]
Fit = Callable[[Rows, Codes], Eraser]
MAX_DIMS = 64
"""Rows are reduced to their first min(n_A / 10, this) principal components (fitted on A)."""
MAX_RANK = 4


@dataclass(frozen=True, eq=False)
class Thirds:
    """The three sets and the reduced rows."""

    rows: Rows
    codes: Codes
    part: Codes
    basis: Float[np.ndarray, "d_model dim"]
    n_labels: int

    def residual(self, fit: Fit | None) -> float:
        """AUROC on C of a probe trained on B, both erased by what A gave; None erases nothing."""
        return residual(self.rows, self.codes, self.part, fit, self.n_labels)


def residual(rows: Rows, codes: Codes, part: Codes, fit: Fit | None, n_labels: int) -> float:
    """The procedure on any rows with parts 0 (A), 1 (B), 2 (C)."""
    a, b, c = (part == k for k in range(3))
    erased = rows if fit is None else fit(rows[a], codes[a])(rows)
    return fresh_probe_auroc(erased[b], codes[b], erased[c], codes[c], n_labels=n_labels)


def thirds(data: AuditData, rng: np.random.Generator) -> Thirds:
    """Split topics in three and reduce the rows to the main components of A, at unit norm."""
    part = halves_by_group(data.groups, rng, parts=(1, 1, 1))
    rows = unit_rows(data.rows.astype(np.float64))
    a = rows[part == 0]
    dims = int(max(2, min(len(a) // 10, MAX_DIMS, rows.shape[1])))
    mean = a.mean(axis=0)
    basis = np.linalg.svd(a - mean, full_matrices=False)[2][:dims].T
    return Thirds((rows - mean) @ basis, data.codes, part, basis, data.n_labels)


def null_space(
    data: AuditData,
    settings: AuditSettings,
    *,
    direction: Float[np.ndarray, "d_model"] | None = None,
) -> ControlResult:
    """What is left after removing `direction` (None = the mean difference estimated on A).

    A given direction must not have been fitted on these texts' labels alone, or A's role is moot;
    it is judged against the same null.
    """
    replicates = max(2, settings.preset.seeds)
    splits = [thirds(data, settings.rng("P5", r)) for r in range(replicates)]
    k = data.n_labels
    by = {
        "intact": [t.residual(None) for t in splits],
        "mean difference": [t.residual(_mean_fit(k)) for t in splits],
        "LEACE": [t.residual(_leace_fit(k)) for t in splits],
        "INLP, 4 directions": [t.residual(_inlp_fit(MAX_RANK, k)) for t in splits],
        "top components": [t.residual(_top_fit(max(1, k - 1))) for t in splits],
    }
    if direction is not None:
        by["given"] = [t.residual(_given_fit(direction @ t.basis)) for t in splits]
    judged = "given" if direction is not None else "mean difference"
    draws = max(19, settings.preset.r)
    null = _rank_null(data, splits, settings, draws=draws, k=k)
    removed = max(1, k - 1) if direction is None else 1
    harm = [
        t.residual(None) - t.residual(_random_fit(removed, settings.rng("P5.random", 100 * i + j)))
        for i, t in enumerate(splits)
        for j in range(max(2, draws // replicates))
    ]
    left, intact = float(np.mean(by[judged])), float(np.mean(by["intact"]))
    margin = intact - 0.5
    edge = float(np.quantile(null, 0.95))
    share = max(0.0, left - edge) / margin if margin > 0.02 else float("nan")
    state = settings.rule("P5.share").state(share)
    hurt = settings.rule("P5.random").state(max(0.0, float(np.mean(harm))))
    reasons = []
    if state == "limited":
        reasons.append(f"AUROC is {intact:.2f} before anything is removed: nothing to erase")
    elif state != "pass":
        rank = _rank_needed(splits, edge, k)
        need = f"{rank} directions do" if rank else f"{MAX_RANK} directions do not either"
        reasons.append(
            f"a fresh probe still reaches {left:.2f} ({judged} removed; one direction would leave "
            f"at most {edge:.2f}); {need}"
        )
    if hurt != "pass":
        reasons.append(f"removing random directions costs {np.mean(harm):.2f} as well")
    numbers = {name: _over_splits(values, data) for name, values in by.items()}
    numbers["share left above the null"] = _over_splits([share], data)
    numbers["random drop"] = _over_splits(harm, data)
    return ControlResult(
        "P5",
        worst(state, "warn" if hurt == "fail" else hurt),
        numbers,
        (null_of(f"rank-{max(1, k - 1)} concept, simulated", left, null),),
        tuple(reasons),
    )


def _mean_fit(k: int) -> Fit:
    return lambda rows, codes: mean_difference(rows, codes, n_labels=k)


def _leace_fit(k: int) -> Fit:
    return lambda rows, codes: leace(rows, codes, n_labels=k)


def _given_fit(direction: Float[np.ndarray, "dim"]) -> Fit:
    return lambda rows, _codes: project_out(direction[None], rows)


def _top_fit(rank: int) -> Fit:
    """The largest principal components of A, whatever they are of."""

    def fit(rows: Rows, _codes: Codes) -> Eraser:
        return project_out(
            np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[2][:rank], rows
        )

    return fit


def _inlp_fit(rounds: int, k: int) -> Fit:
    """Iterative null-space projection: a linear reader's weights, removed, and fitted again."""

    def fit(rows: Rows, codes: Codes) -> Eraser:
        found: list[np.ndarray] = []
        left = rows
        for _ in range(rounds):
            found.append(_reader(left, codes, k))
            left = project_out(np.concatenate(found), rows)(rows)
        return project_out(np.concatenate(found), rows)

    return fit


def _reader(rows: Rows, codes: Codes, k: int) -> Float[np.ndarray, "label dim"]:
    """Weights of the closed-form probe: (S + r I)^-1 (mean of a label - mean of the others)."""
    centred = rows - rows.mean(axis=0)
    covariance = centred.T @ centred / len(rows)
    load = RIDGE * np.trace(covariance) / len(covariance) + 1e-12
    means = contrast(codes[None], k)[0] @ rows
    weights = np.linalg.solve(covariance + load * np.eye(len(covariance)), means.T).T
    return np.asarray(weights[1:] if k == 2 else weights)


def _random_fit(rank: int, rng: np.random.Generator) -> Fit:
    return lambda rows, _codes: project_out(rng.standard_normal((rank, rows.shape[1])), rows)


def _rank_null(
    data: AuditData, splits: list[Thirds], settings: AuditSettings, *, draws: int, k: int
) -> Float[np.ndarray, "draw"]:
    """Residuals when the concept truly has rank k - 1, each averaged over as many splits."""
    fit = _mean_fit(k)
    out = np.empty(draws)
    shapes = [_shape(t, data.groups) for t in splits]
    for draw in range(draws):
        rng = settings.rng("P5.null", draw)
        out[draw] = np.mean(
            [
                residual(_simulated(s, t.codes, rng), t.codes, t.part, fit, k)
                for s, t in zip(shapes, splits, strict=True)
            ]
        )
    return out


@dataclass(frozen=True, eq=False)
class _Shape:
    means: Float[np.ndarray, "label dim"]
    own: Codes  # topic of each text, 0..
    between: Float[np.ndarray, "dim dim"]  # a square root of the between-topic covariance
    within: Float[np.ndarray, "dim dim"]


def _shape(t: Thirds, groups: Codes) -> _Shape:
    own = np.unique(groups, return_inverse=True)[1]
    means = np.stack([t.rows[t.codes == k].mean(axis=0) for k in range(t.n_labels)])
    rest = t.rows - means[t.codes]
    counts = np.bincount(own)[:, None]
    topic = np.zeros((len(counts), rest.shape[1]))
    np.add.at(topic, own, rest)
    topic /= counts
    inner = rest - topic[own]
    freedom = max(1, len(rest) - len(counts))
    within = inner.T @ inner / freedom
    # Topic means carry within-topic noise too, which must not be counted twice.
    between = topic.T @ topic / len(topic) - within * float(np.mean(1 / counts))
    return _Shape(means, own, _root(between), _root(within))


def _root(covariance: Float[np.ndarray, "dim dim"]) -> Float[np.ndarray, "dim dim"]:
    values, axes = np.linalg.eigh(covariance)
    return np.asarray(axes * np.sqrt(np.clip(values, 0, None)))


def _simulated(shape: _Shape, codes: Codes, rng: np.random.Generator) -> Rows:
    d = shape.means.shape[1]
    topics = rng.standard_normal((shape.own.max() + 1, d)) @ shape.between.T
    noise = rng.standard_normal((len(codes), d)) @ shape.within.T
    return np.asarray(shape.means[codes] + topics[shape.own] + noise)


def _rank_needed(splits: list[Thirds], edge: float, k: int) -> int | None:
    """How many mean-difference directions, fitted one after another on A, bring it to the null."""
    for rank in range(1, MAX_RANK + 1):
        fit = _iterated_fit(rank, k)
        left = [t.residual(fit) for t in splits]
        if np.mean(left) <= edge:
            return rank
    return None


def _iterated_fit(rank: int, k: int) -> Fit:
    return lambda rows, codes: _iterated(rows, codes, rank, k)


def _iterated(rows: Rows, codes: Codes, rank: int, k: int) -> Eraser:
    """`rank` directions: the first axis of the class means, removed, and so on."""
    found: list[np.ndarray] = []
    left = rows
    for _ in range(rank):
        from_means = mean_difference(left, codes, n_labels=k).read[:, 0]
        found.append(from_means)
        left = project_out(np.stack(found), rows)(rows)
    return project_out(np.stack(found), rows)


def _over_splits(values: list[float], data: AuditData) -> Interval:
    array = np.asarray(values)
    return Interval(
        float(array.mean()), float(array.min()), float(array.max()), data.n, data.n_groups
    )
