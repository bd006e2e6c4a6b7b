"""R8: does this audit find what is there and reject what is not, on these very texts?

Planted: a random direction is added to the rows by label, two sds of the rows along it; the control
that decides the claim must find it. Sham: the labels permuted within topics; it must not. A sham is
found by chance one time in twenty, so nineteen are drawn, and five of them found (0.2 % by chance)
are a fault. A failure speaks against the audit and not against the claim.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vectors.stats import shuffles

from .axis import axis_claim, components
from .data import AuditData
from .pairs import Pair
from .permutation import label_noise
from .pipeline_null import pipeline_null
from .reporting import own_controls
from .result import ControlResult, exact
from .settings import AuditSettings

SHAMS, TOO_MANY = 19, 5
PLANTED_SDS = 2.0
MAX_B = 199

Deciding = Callable[[AuditData], ControlResult]


def probe_own(data: AuditData, settings: AuditSettings) -> ControlResult:
    """R8 of a probe claim: P2 on a planted direction and on permuted labels."""
    few = _fewer(settings)
    return _judge(_planted(data, np.arange(data.n_labels), settings), _shams(data, settings),
                  lambda d: label_noise(d, few))  # fmt: skip


def cosine_own(data: AuditData, pair: Pair, settings: AuditSettings) -> ControlResult:
    """R8 of a cosine claim: G1 where both emotions are pushed the same way, and on permuted labels.

    The claimed emotions' own means are taken out first: they may be as far apart as the plant
    brings them together.
    """
    means = np.stack([data.rows[data.codes == k].mean(axis=0) for k in range(data.n_labels)])
    flat = data.with_rows(data.rows - means[data.codes] + data.rows.mean(axis=0))
    push = np.isin(np.arange(data.n_labels), (pair.a, pair.b)).astype(float)
    few = _fewer(settings)
    return _judge(_planted(flat, push, settings), _shams(data, settings),
                  lambda d: pipeline_null(d, pair, few))  # fmt: skip


def axis_own(data: AuditData, norms: np.ndarray, settings: AuditSettings) -> ControlResult:
    """R8 of an axis claim: G6 where a direction rises with the norms, and for permuted norms.

    As many shams as everywhere, each with the norms dealt to other emotions.
    """
    scale = float(np.abs(components(data.rows, data.codes, data.n_labels).scores).max())
    rng = settings.rng("R8.norms")
    planted = _planted(data, 4 * scale * norms / np.abs(norms).max(), settings)
    few = _fewer(settings)
    shams = [axis_claim(data, rng.permutation(norms), few) for _ in range(SHAMS)]
    return _report(axis_claim(planted, norms, few), shams)


def _fewer(settings: AuditSettings) -> AuditSettings:
    """Draws enough for one claim: twenty controls are run for their state only."""
    p = settings.preset
    few = replace(p, b=min(p.b, MAX_B), bootstrap=min(p.bootstrap, 200), splits=min(p.splits, 5))
    return replace(settings, preset=few)


def _planted(data: AuditData, push: np.ndarray, settings: AuditSettings) -> AuditData:
    """`push` times PLANTED_SDS along a random direction, by label."""
    direction = settings.rng("R8").standard_normal(data.rows.shape[1])
    direction = direction / float(np.linalg.norm(direction))
    # The spread within labels: a real effect along the direction must not make the plant larger.
    spread = float(np.sqrt(np.mean([
        np.var(data.rows[data.codes == k] @ direction) for k in np.unique(data.codes)
    ])))  # fmt: skip
    return data.with_rows(data.rows + PLANTED_SDS * spread * np.outer(push[data.codes], direction))


def _shams(data: AuditData, settings: AuditSettings) -> list[AuditData]:
    drawn, _ = shuffles(data.codes, data.groups, count=SHAMS, seed=settings.seed("R8.sham"))
    return [replace(data, codes=codes) for codes in drawn]


def _judge(planted: AuditData, shams: list[AuditData], decide: Deciding) -> ControlResult:
    return _report(decide(planted), [decide(sham) for sham in shams])


def _report(planted: ControlResult, shams: list[ControlResult]) -> ControlResult:
    found = sum(s.state in ("pass", "warn") for s in shams)
    sham = ControlResult(planted.id, "pass" if found >= TOO_MANY else "fail")
    result = own_controls(planted, sham)
    numbers = {
        "shams found": exact(found, n=SHAMS),
        # Without an interval: the plant was put there, it is no estimate.
        **{f"planted {k}": exact(i.value, n=i.n) for k, i in list(planted.numbers.items())[:1]},
    }
    reasons = tuple(
        f"{line} ({found} of {SHAMS} shams)" if "sham" in line else line for line in result.reasons
    )
    state = result.state
    if planted.state == "limited":
        # Too few draws or emotions say nothing about the instrument.
        state, reasons = "limited", planted.reasons
    return replace(result, state=state, numbers=numbers, reasons=reasons)
