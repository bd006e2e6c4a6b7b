"""G7: does the direction depend on what estimated it?

Mean difference d, logistic regression as a pattern (S w; a weight vector is a filter and points
elsewhere by design: Haufe et al. 2014), and the first component of differences of random
(positive, negative) pairs. The filters w and S^-1 d stand beside them and are not judged.
"""

import numpy as np
from jaxtyping import Float

from vectors.solver import solve_logistic

from .data import AuditData, cosine
from .result import ControlResult, exact, worst
from .settings import AuditSettings


def pair_agreement(data: AuditData, a: str, b: str, settings: AuditSettings) -> ControlResult:
    """The same for both labels of a pair; the worse one decides."""
    found = {label: estimator_agreement(data, label, settings) for label in (a, b)}
    return ControlResult(
        "G7",
        worst(*(r.state for r in found.values())),
        {f"{label}: {name}": i for label, r in found.items() for name, i in r.numbers.items()},
        reasons=tuple(f"{label}: {line}" for label, r in found.items() for line in r.reasons),
    )


def estimator_agreement(data: AuditData, label: str, settings: AuditSettings) -> ControlResult:
    """Smallest cosine among the patterns of one label against the rest."""
    two = data.one_against_rest(label)
    found = patterns(two.rows.astype(np.float64), two.codes == 1, settings)
    judged = ("mean difference", "logistic pattern", "pairs")
    cosines = {
        f"{a} ~ {b}": abs(cosine(found[a], found[b]))
        for i, a in enumerate(judged)
        for b in judged[i + 1 :]
    }
    lowest = min(cosines.values())
    state = settings.rule("G7").state(lowest)
    numbers = {name: exact(value, n=data.n) for name, value in cosines.items()}
    for name in ("logistic filter", "LDA filter"):
        value = cosine(found["mean difference"], found[name])
        numbers[f"mean difference ~ {name}"] = exact(value, n=data.n)
    worst_pair = min(cosines, key=lambda name: cosines[name])
    reasons = () if state == "pass" else (f"{worst_pair}: cosine {lowest:.2f}",)
    return ControlResult("G7", state, numbers, reasons=reasons)


def patterns(
    rows: Float[np.ndarray, "text d_model"], positive: np.ndarray, settings: AuditSettings
) -> dict[str, Float[np.ndarray, "d_model"]]:
    """The estimates by name."""
    centred = rows - rows.mean(axis=0)
    delta = rows[positive].mean(axis=0) - rows[~positive].mean(axis=0)
    fit = solve_logistic(
        rows, positive.astype(np.int64), np.ones((1, len(rows)), dtype=bool), n_labels=2, c=0.1
    )
    w = (fit.weights[0, 1] - fit.weights[0, 0]).astype(np.float64)
    rng = settings.rng("G7")
    count = min(2000, int(positive.sum()) * 4)
    yes = rng.choice(np.flatnonzero(positive), size=count)
    no = rng.choice(np.flatnonzero(~positive), size=count)
    # Signs are drawn so that the pairs' mean is zero and the component is of their spread.
    differences = (rows[yes] - rows[no]) * rng.choice((-1.0, 1.0), size=count)[:, None]
    first = np.linalg.svd(differences, full_matrices=False)[2][0]
    covariance = centred.T @ centred / len(rows)
    load = 0.1 * np.trace(covariance) / len(covariance)
    return {
        "mean difference": delta,
        "logistic pattern": centred.T @ (centred @ w) / len(rows),
        "pairs": first * np.sign(first @ delta),
        "logistic filter": w,
        "LDA filter": np.linalg.solve(covariance + load * np.eye(len(covariance)), delta),
    }
