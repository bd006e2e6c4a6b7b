"""G1: is this cosine unusual for how the two vectors were made?

Labels are permuted within topics over everything that enters either vector (the pair and its
reference), and both vectors are rebuilt in the same way. Two-sided around the null's own mean,
because that mean is not 0: .5 with a shared neutral. Isotropic and covariance-matched nulls stand
beside it for context only.
"""

import numpy as np

from vectors.stats import percentile_interval, shuffles

from .data import AuditData
from .pairs import Pair, pair_cosine, topic_interval
from .permutation import judge_p
from .result import ControlResult, Null, exact, null_of, worst
from .settings import AuditSettings

MAX_RESAMPLES = 500


def pipeline_null(
    data: AuditData, pair: Pair, settings: AuditSettings, *, family_size: int = 1
) -> ControlResult:
    """z and p of the pair's cosine against the construction's own null."""
    used = data.take(np.sort(pair.involved(data.codes)))
    own = _restricted(pair, data)
    rows = used.rows.astype(np.float64)
    rows = rows - rows.mean(axis=0)  # every vector is a difference of means: nothing changes
    observed = pair_cosine(rows, own.weights(used.codes))
    drawn, how = shuffles(
        used.codes, used.groups, count=settings.preset.b, seed=settings.seed("G1")
    )
    null = np.array([pair_cosine(rows, own.weights(codes)) for codes in drawn])
    centre = float(null.mean())
    around = null_of(f"labels permuted {how}", observed - centre, null - centre, tail="two")
    stated = Null(around.kind, centre, around.sd, around.b, around.p)
    z = (observed - stated.mean) / stated.sd
    state, said = judge_p(stated, settings, "G1.p", family_size=family_size)
    small = settings.rule("G1.z").state(abs(z))
    reasons = list(said)
    if small != "pass":
        reasons.append(
            f"cosine {observed:.2f} is z={z:.1f} from the null {stated.mean:.2f} ± {stated.sd:.2f}"
        )
    value, samples = topic_interval(
        used,
        lambda m: pair_cosine(rows, own.weights(used.codes, m)),
        resamples=min(settings.preset.bootstrap, MAX_RESAMPLES),
        seed=settings.seed("G1.boot"),
    )
    numbers = {
        "cosine": percentile_interval(value, samples, n=used.n, n_clusters=used.n_groups),
        "z": exact(z, n=stated.b),
        "expected under noise": exact(own.expected(used.codes), n=used.n),
    }
    state = worst(state, "warn" if small == "warn" else "pass")
    return ControlResult(
        "G1", state, numbers, (stated, *_context(rows, observed, settings)), tuple(reasons)
    )


def _restricted(pair: Pair, data: AuditData) -> Pair:
    if pair.half is None:
        return pair
    keep = np.sort(pair.involved(data.codes))
    return Pair(pair.a, pair.b, pair.reference, pair.neutral, pair.half[keep])


def _context(rows: np.ndarray, observed: float, settings: AuditSettings) -> tuple[Null, Null]:
    """Cosines of unrelated directions: isotropic, and drawn with the rows' covariance."""
    rng, n = settings.rng("G1.context"), settings.preset.b
    out = []
    for kind, scale in (("isotropic directions", None), ("covariance-matched directions", rows)):
        z = rng.standard_normal((2, n, rows.shape[1] if scale is None else len(rows)))
        v = z if scale is None else z @ scale
        cosines = np.einsum("nd,nd->n", v[0], v[1]) / (
            np.linalg.norm(v[0], axis=1) * np.linalg.norm(v[1], axis=1)
        )
        out.append(null_of(kind, observed, cosines, tail="two"))
    return out[0], out[1]
