"""Every control on stored activations and on the record: one case it passes and one it fails.

The table is held against the registry, so that a control without both cases is a failing test. The
numbers behind the states are asserted in the tests of each control.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.vectors.audits.planted import World, plant
from tests.vectors.audits.test_geometry_controls import emotions, pair, three
from tests.vectors.audits.test_other_runs import HERE, OTHER, THERE, long_axis, turned, x6
from tests.vectors.audits.test_probe_controls import NOISE, SIGNAL, layers
from tests.vectors.audits.test_reporting_controls import CLAIM, SEALED, T1
from vectors.audits.anisotropy import anisotropy
from vectors.audits.axis import axis_claim
from vectors.audits.axis_checks import axis_length, axis_reliability
from vectors.audits.claims import Plan
from vectors.audits.codelength import code_length
from vectors.audits.data import AuditData
from vectors.audits.denoise import denoise_sensitivity
from vectors.audits.estimators import estimator_agreement
from vectors.audits.finding import Provenance
from vectors.audits.leakage import lexical_leakage
from vectors.audits.length import length_norm
from vectors.audits.multiplicity import Member, adjust
from vectors.audits.nullspace import null_space
from vectors.audits.own import probe_own
from vectors.audits.peak import layer_peak
from vectors.audits.permutation import label_noise
from vectors.audits.pipeline_null import pipeline_null
from vectors.audits.positions import pooling_spread
from vectors.audits.registers import probe_registers
from vectors.audits.registry import CONTROLS
from vectors.audits.reliability import cross_seed, noise_free_cosine
from vectors.audits.reporting import (
    complete_numbers,
    forking_paths,
    multiplicity,
    power,
    preregistered,
    provenance,
    wording,
)
from vectors.audits.result import ControlResult, exact
from vectors.audits.second_run import other_model
from vectors.audits.selectivity import selectivity
from vectors.audits.settings import RULES, settings
from vectors.audits.surface import surface_features
from vectors.audits.topics import unseen_topics
from vectors.audits.transfer import OtherSet, held_out_topics, without_keywords
from vectors.audits.untrained import untrained_gain
from vectors.audits.valence import valence_partial

QUICK = settings("quick")
Case = Callable[[], ControlResult]

CLEAR = plant(World(signal=3.0))[0]
LEAK = plant(World(unbalanced=True, topic=2.0))[0]
RNG = np.random.default_rng(0)


def memorised() -> ControlResult:
    """Eight word types whose rows say which type it is, and nothing of the label."""
    types = np.arange(SIGNAL.n) % 8
    rows = RNG.standard_normal((8, 24))[types] + 0.01 * SIGNAL.rows
    return selectivity(replace(SIGNAL, rows=rows, codes=types % 2), QUICK, units=types)


def peak(strengths: dict[int, float], claimed: int) -> ControlResult:
    data, rows = layers(strengths)
    return layer_peak(data, rows.__getitem__, list(rows), (claimed,), QUICK)


def erased(*, along: bool) -> ControlResult:
    data, directions = plant(World(signal=4.0, topic=0.3, d=16))
    v = directions[0] - directions[1]
    return null_space(data, QUICK, direction=v if along else v + 3 * np.eye(16)[0])


def scaled(*, rogue: bool) -> ControlResult:
    data = three(cos=0.2)
    means = np.stack([data.rows[data.codes == k].mean(axis=0) for k in range(3)])[data.codes]
    rows = means + (data.rows - means) / (data.rows - means).std(axis=0)
    if rogue:
        rows[:, 0] = rows[:, 0] * 20 + 30 * (data.codes < 2)
    return anisotropy(data.with_rows(rows), pair(data), QUICK)


def denoised(*, carried: bool) -> ControlResult:
    """Neutral texts vary along one axis; the cosine lies along it, or not at all."""
    data, axis = three(cos=0.2), np.eye(48)[0]
    rows = data.rows - np.outer(data.rows @ axis, axis)
    rng = np.random.default_rng(5)
    neutral = 20 * np.outer(rng.standard_normal(200), axis) + 0.01 * rng.standard_normal((200, 48))
    if carried:
        rows = rows + 8 * np.outer(data.codes < 2, axis)
    return denoise_sensitivity(data.with_rows(rows), pair(data), neutral, QUICK)


def partial(*, only: bool) -> ControlResult:
    """Two emotions that share valence only, or something of their own."""
    data, norms = emotions(valence=2.5, specific=0.0 if only else 0.3)
    rows = data.rows.copy()
    if only:
        # What is left without valence points away from each other.
        own = np.random.default_rng(8).standard_normal(32)
        rows[data.codes == 0] += 2 * own
        rows[data.codes == 1] -= 2 * own
        axis = rows[data.codes == 9].mean(axis=0) - rows[data.codes == 5].mean(axis=0)
        rows[data.codes < 2] -= 6 * axis
    else:
        shared = np.random.default_rng(9).standard_normal(32)
        rows[data.codes < 2] += 12 * shared / np.linalg.norm(shared)
    return valence_partial(data.with_rows(rows), "anger", "sorrow", norms[:, None], QUICK)


def named(data: AuditData, share: float) -> ControlResult:
    """A share of the texts name their label."""
    assert data.texts is not None
    hit = np.random.default_rng(3).random(data.n) < share
    texts = tuple(
        f"{t} {data.labels[c]}" if h else t
        for t, c, h in zip(data.texts, data.codes, hit, strict=True)
    )
    return lexical_leakage(replace(data, texts=texts), QUICK)


def keyword_free(data: AuditData) -> ControlResult:
    other = OtherSet("vignettes", data.rows, data.codes, data.groups)
    return without_keywords(CLEAR, other, QUICK)


def axis(name: str, *, good: bool) -> ControlResult:
    data, norms = emotions(valence=1.5)
    if name == "G6":
        specific, _ = emotions(valence=0.0)
        mixed = np.random.default_rng(1).permutation(norms)
        return axis_claim(*((data, norms) if good else (specific, mixed)), QUICK)
    if name == "G2":
        return axis_length(*((data, norms) if good else long_axis()), QUICK, component=1)
    noise, _ = plant(World(n_labels=10, d=32, seed=4, topic=0.3, n_topics=20))
    return axis_reliability(data if good else noise, norms, QUICK)


def confounded() -> ControlResult:
    data = three(cos=0.3, length=3.0, differ=1.0, per_cell=12)
    return length_norm(data, pair(data), QUICK)


def words(text: str) -> ControlResult:
    return wording(replace(CLAIM, text=text), {})


def twice(*, noise: bool) -> ControlResult:
    data = three(strength=0.0 if noise else 4.0, cos=0.5)
    reference = "independent" if noise else "shared"
    return noise_free_cosine(data, pair(data, reference), QUICK)


def null(cos: float, strength: float) -> ControlResult:
    data = three(cos=cos, strength=strength)
    return pipeline_null(data, pair(data), QUICK)


def two_claims(name: str) -> ControlResult:
    return multiplicity(adjust([Member("a", 1e-4, 9999), Member("b", 0.5, 9999)]), name)


FULL = Provenance(*(["x"] * 10), versions={"torch": "2"}, estimator="mean-difference")
CREDULOUS = replace(QUICK, rules={**RULES, "P2": replace(RULES["P2"], passes=0.999, warns=0.999)})
"""An audit that believes any p."""
WIDE = np.random.default_rng(0).standard_normal(400)
NONE = replace(CLAIM, direction="none")

CASES: dict[str, tuple[Case, Case]] = {
    "P1": (lambda: unseen_topics(SIGNAL, QUICK), lambda: unseen_topics(LEAK, QUICK)),
    "P2": (lambda: label_noise(SIGNAL, QUICK), lambda: label_noise(NOISE, QUICK)),
    "P3": (lambda: selectivity(SIGNAL, QUICK, units=np.arange(SIGNAL.n)), memorised),
    "P4": (
        lambda: surface_features(SIGNAL, QUICK),
        lambda: surface_features(plant(World(length=1.5, length_by_label=1.0))[0], QUICK),
    ),
    "P5": (lambda: null_space(SIGNAL, QUICK), lambda: erased(along=False)),
    "P6": (lambda: code_length(plant(World(signal=4.0))[0], QUICK),
           lambda: code_length(NOISE, QUICK)),
    "P7": (lambda: peak({0: 0.0, 1: 0.8, 2: 4.0, 3: 0.8}, 2),
           lambda: peak({0: 0.0, 1: 0.8, 2: 4.0, 3: 0.8}, 3)),
    "P8": (lambda: untrained_gain(SIGNAL, {"seed 0": NOISE.rows}, QUICK),
           lambda: untrained_gain(SIGNAL, {"seed 0": CLEAR.rows}, QUICK)),
    "P9": (lambda: pooling_spread(SIGNAL, {"last": SIGNAL.rows * 1.5}, QUICK),
           lambda: pooling_spread(SIGNAL, {"last": NOISE.rows}, QUICK)),
    "P10": (lambda: named(SIGNAL, 0.0), lambda: named(SIGNAL, 1.0)),
    "G1": (lambda: null(0.9, 3.0), lambda: null(0.0, 0.0)),
    "G2": (lambda: length_norm(three(cos=0.3), pair(three(cos=0.3)), QUICK), confounded),
    "G3": (lambda: twice(noise=False), lambda: twice(noise=True)),
    "G4": (lambda: scaled(rogue=False), lambda: scaled(rogue=True)),
    "G5": (lambda: denoised(carried=False), lambda: denoised(carried=True)),
    "G6": (lambda: axis("G6", good=True), lambda: axis("G6", good=False)),
    "G7": (lambda: estimator_agreement(plant(World(signal=6.0, topic=0.1))[0], "anger", QUICK),
           lambda: estimator_agreement(plant(World(topic=3.0))[0], "anger", QUICK)),
    "G8": (lambda: partial(only=False), lambda: partial(only=True)),
    "X1": (lambda: cross_seed(plant(World(signal=4.0, topic=0.3))[0], QUICK),
           lambda: cross_seed(NOISE, QUICK)),
    "X2": (lambda: held_out_topics(CLEAR, QUICK), lambda: held_out_topics(LEAK, QUICK)),
    "X3": (lambda: keyword_free(CLEAR), lambda: keyword_free(plant(World(seed=2))[0])),
    "X4": (lambda: probe_registers(HERE, "anger", "", [("dialogue", THERE)], QUICK),
           lambda: probe_registers(HERE, "anger", "", [("dialogue", OTHER)], QUICK)),
    "X5": (lambda: other_model(HERE, ("B", turned(THERE, width=40)), QUICK),
           lambda: other_model(HERE, ("B", turned(OTHER)), QUICK)),
    "X6": (lambda: x6(HERE.with_rows(HERE.rows.astype(np.float16).astype(float))),
           lambda: x6(OTHER)),
    "R1": (lambda: preregistered(SEALED, T1),
           lambda: preregistered(replace(SEALED, plan=Plan(CLAIM, 400, ())), T1)),
    "R2": (lambda: two_claims("a"), lambda: two_claims("b")),
    "R3": (lambda: complete_numbers([ControlResult("P1", "pass", {"a": exact(0.8, n=40)})]),
           lambda: complete_numbers([ControlResult("P1", "pass")])),
    "R4": (lambda: provenance(replace(FULL, estimator_described="mean-difference")),
           lambda: provenance(replace(FULL, estimator_described="logistic"))),
    "R6": (lambda: power(NONE, exact(0.0, n=400), WIDE, QUICK),
           lambda: power(NONE, exact(2.0, n=400), WIDE + 2, QUICK)),
    "R8": (lambda: probe_own(SIGNAL, QUICK), lambda: probe_own(SIGNAL, CREDULOUS)),
}  # fmt: skip

WARNS: dict[str, tuple[Case, Case]] = {
    "R5": (lambda: forking_paths(3), lambda: forking_paths(640)),
    "R7": (lambda: words("AUROC exceeds that of bag-of-words"), lambda: words("it feels joy")),
}
"""Controls that never fail: what they find is a warning."""

AXIS: dict[str, tuple[Case, Case]] = {
    name: (lambda n=name: axis(n, good=True), lambda n=name: axis(n, good=False))  # type: ignore[misc]
    for name in ("G2", "G6", "X1")
}
"""The required controls of an axis claim."""

ELSEWHERE = {"X7", "R9", "R10"}
"""On forward passes and on people: their own tests."""


def test_every_control_on_activations_has_both_cases() -> None:
    want = {c for c in CONTROLS if c[0] in "PGXR"} - ELSEWHERE
    assert CASES.keys() | WARNS.keys() == want


@pytest.mark.parametrize("control", CASES)
def test_passes_and_fails(control: str) -> None:
    good, bad = (make() for make in CASES[control])
    assert (good.id, good.state) == (control, "pass"), good.reasons
    assert (bad.id, bad.state) == (control, "fail"), bad.reasons
    assert bad.reasons


@pytest.mark.parametrize("control", WARNS)
def test_passes_and_warns(control: str) -> None:
    good, bad = (make() for make in WARNS[control])
    assert (good.state, bad.state) == ("pass", "warn")


@pytest.mark.parametrize("control", AXIS)
def test_of_an_axis_passes_and_fails(control: str) -> None:
    good, bad = (make() for make in AXIS[control])
    assert (good.id, good.state) == (control, "pass"), good.reasons
    assert (bad.id, bad.state) == (control, "fail"), bad.reasons
