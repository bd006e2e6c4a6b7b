"""P6: how easily is the label read? Online minimum description length (Voita and Titov 2020).

Topics arrive in random order in blocks of 0.1, 0.2, 0.4, ... 100 % of the texts; each block is
coded with the probe trained on the blocks before: L = n_1 log2 K + sum -log2 p(y | earlier blocks).
The compression n log2 K / L is set against that of labels permuted within topics.
"""

from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from vectors.probes import prepared
from vectors.solver import solve_logistic
from vectors.stats import Interval, shuffles

from .data import AuditData
from .probe_scores import probe_settings, split_of
from .result import ControlResult
from .settings import AuditSettings

FRACTIONS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.0625, 0.125, 0.25, 0.5, 1.0)


def code_length(data: AuditData, settings: AuditSettings) -> ControlResult:
    """Compression of the task over compression of permuted labels."""
    split = split_of(data, settings)
    rows = prepared(data.rows.astype(np.float32), split, probe_settings(settings))
    drawn, _ = shuffles(
        data.codes, data.groups, count=settings.preset.seeds, seed=settings.seed("P6")
    )
    task, control = [], []
    for replicate in range(settings.preset.seeds):
        order = _topic_order(data, settings.rng("P6", replicate))
        task.append(_compression(rows, data.codes, order, data.n_labels))
        control.append(_compression(rows, drawn[replicate], order, data.n_labels))
    ratio = np.asarray(task) / np.asarray(control)
    state = settings.rule("P6").state(float(ratio.mean()))
    numbers = {
        name: Interval(float(np.mean(v)), float(np.min(v)), float(np.max(v)), data.n, data.n_groups)
        for name, v in (("compression", task), ("of permuted labels", control), ("ratio", ratio))
    }
    reasons = (
        ()
        if state == "pass"
        else (
            f"labels compress {np.mean(task):.2f}-fold, permuted ones {np.mean(control):.2f}-fold",
        )
    )
    return ControlResult("P6", state, numbers, reasons=reasons)


def _topic_order(data: AuditData, rng: np.random.Generator) -> Int[np.ndarray, "text"]:
    names, own = np.unique(data.groups, return_inverse=True)
    return np.argsort(rng.permutation(len(names))[own], kind="stable")


def _compression(
    rows: Float[np.ndarray, "text d_model"],
    codes: Int[np.ndarray, "text"],
    order: Int[np.ndarray, "text"],
    n_labels: int,
) -> float:
    n = len(order)
    edges = sorted({max(1, round(f * n)) for f in FRACTIONS})
    # A probe needs two labels: everything before that is sent at log2 K per text.
    edges = [e for e in edges if len(np.unique(codes[order[:e]])) > 1] or [n]
    rank = np.empty(n, dtype=np.int64)
    rank[order] = np.arange(n)
    weights = np.stack([rank < edge for edge in edges[:-1]]) if len(edges) > 1 else None
    bits = edges[0] * np.log2(n_labels)
    if weights is not None:
        fit = solve_logistic(rows, codes, weights, n_labels=n_labels, c=0.1, tol=1e-4)
        top = fit.scores.max(axis=1, keepdims=True)
        log_mass = top[:, 0] + np.log(np.exp(fit.scores - top).sum(axis=1))
        own = np.take_along_axis(fit.scores, codes[None, None], axis=1)[:, 0]
        cost = (log_mass - own) / np.log(2)
        for number, (start, stop) in enumerate(pairwise(edges)):
            at = order[start:stop]
            # A label unseen so far would cost its whole -log p; log2 of n bounds a sane code.
            bits += np.minimum(cost[number, at], np.log2(n) + np.log2(n_labels)).sum()
    return float(n * np.log2(n_labels) / bits)
