"""G1-G8, X1-X3 on planted truth: each passes where it should and fails where it should."""

from dataclasses import replace

import numpy as np
import pytest

from tests.vectors.audits.planted import World, plant
from vectors.audits.anisotropy import anisotropy
from vectors.audits.axis import axis_claim
from vectors.audits.data import AuditData, cosine
from vectors.audits.denoise import denoise_sensitivity
from vectors.audits.estimators import estimator_agreement
from vectors.audits.length import VARIANTS, length_norm
from vectors.audits.pairs import Pair, make_pair, pair_cosine
from vectors.audits.pipeline_null import pipeline_null
from vectors.audits.reliability import cross_seed, intraclass, noise_free_cosine, spearman_brown
from vectors.audits.settings import settings
from vectors.audits.transfer import OtherSet, held_out_topics, without_keywords
from vectors.audits.valence import valence_partial
from vectors.errors import DataError

QUICK = settings("quick")


def three(
    *,
    cos: float = 0.0,
    strength: float = 3.0,
    seed: int = 0,
    length: float = 0.0,
    differ: float = 0.0,
    d: int = 48,
    topic: float = 0.3,
    per_cell: int = 6,
) -> AuditData:
    """Labels anger, sorrow, neutral; true cosine of anger and sorrow around neutral is `cos`.

    `length` pushes rows along one axis per sd of log length; `differ` makes both emotions longer
    than neutral, by that many sds.
    """
    base, axes = plant(
        World(n_labels=3, d=d, topic=topic, seed=seed, per_cell=per_cell, n_topics=24)
    )
    a = axes[0]
    b = cos * axes[0] + np.sqrt(1 - cos**2) * axes[1]
    rng = np.random.default_rng(seed + 1)
    z = rng.standard_normal(base.n) + differ * (base.codes < 2)
    means = np.stack([a, b, np.zeros(d)]) * strength
    axis = np.linalg.svd(axes)[2][-1]
    rows = base.rows + means[base.codes] + length * z[:, None] * axis
    lengths = np.maximum(5, np.round(np.exp(4.4 + 0.4 * z))).astype(int)
    return replace(base, rows=rows, lengths=lengths, labels=("anger", "sorrow", "neutral"))


def pair(data: AuditData, reference: str = "shared") -> Pair:
    neutral = None if reference == "grand mean" else "neutral"
    return make_pair(data, "anger", "sorrow", reference=reference, neutral=neutral)


@pytest.mark.parametrize(
    ("reference", "centre"), [("shared", 0.5), ("grand mean", -0.5), ("independent", 0.0)]
)
def test_g1_noise_gives_what_the_construction_gives(reference: str, centre: float) -> None:
    noise = three(strength=0.0, d=96)
    made = pair(noise, reference)
    found = pipeline_null(noise, made, QUICK)
    assert found.state == "fail"
    assert found.null is not None
    assert abs(found.null.mean - centre) < 0.12
    assert found.numbers["expected under noise"].value == pytest.approx(centre, abs=1e-9)


def test_g1_a_planted_cosine_is_unusual_for_the_construction() -> None:
    alike = pipeline_null(three(cos=0.9), pair(three(cos=0.9)), QUICK)
    assert alike.state == "pass"
    apart = pipeline_null(three(cos=-0.6), pair(three(cos=-0.6)), QUICK)
    assert apart.state == "pass"
    assert apart.numbers["z"].value < -3
    assert len(apart.nulls) == 3


def test_g2_matching_recovers_the_cosine_that_length_hid() -> None:
    clean = three(cos=0.3)
    found = length_norm(clean, pair(clean), QUICK)
    assert found.state == "pass"
    confounded = three(cos=0.3, length=3.0, differ=1.0, per_cell=12)
    found = length_norm(confounded, pair(confounded), QUICK)
    assert found.state == "fail"
    raw, matched = found.numbers["raw"].value, found.numbers["matched"].value
    truth = pair_cosine(clean.rows, pair(clean).weights(clean.codes))
    assert raw > truth + 0.15
    assert abs(matched - truth) < 0.12
    assert found.numbers["unit"].value > truth + 0.1  # unit norm alone does not help
    assert list(found.numbers)[:5] == list(VARIANTS)


def test_g2_without_overlap_nothing_can_be_matched() -> None:
    apart = three(cos=0.3, length=2.0, differ=4.0)
    found = length_norm(apart, pair(apart), QUICK)
    assert found.state == "limited"
    assert "collect texts of matched length" in found.reasons[0]
    assert length_norm(replace(apart, lengths=None), pair(apart), QUICK).state == "limited"


def test_rescaling_finished_vectors_changes_no_cosine() -> None:
    data = three(cos=0.3)
    a, b = (w @ data.rows for w in pair(data).weights(data.codes))
    assert cosine(3 * a, 0.1 * b) == pytest.approx(cosine(a, b))


def test_g3_cross_fitting_undoes_attenuation_and_flags_noise() -> None:
    clean = three(cos=0.5, strength=4.0)
    assert noise_free_cosine(clean, pair(clean), QUICK).state == "pass"
    noisy = three(cos=0.5, strength=1.0)
    found = noise_free_cosine(noisy, pair(noisy, "independent"), QUICK)
    assert found.state in ("warn", "fail")
    weak = three(strength=0.0)
    assert noise_free_cosine(weak, pair(weak, "independent"), QUICK).state == "fail"
    a, b = (w @ noisy.rows for w in pair(noisy, "independent").weights(noisy.codes))
    crossed = found.numbers["cross-fitted cosine"].value
    assert abs(crossed - 0.5) < abs(cosine(a, b) - 0.5)


def test_g4_a_rogue_dimension_is_noticed() -> None:
    data = three(cos=0.2)
    means = np.stack([data.rows[data.codes == k].mean(axis=0) for k in range(3)])[data.codes]
    even = data.with_rows(means + (data.rows - means) / (data.rows - means).std(axis=0))
    assert anisotropy(even, pair(even), QUICK).state == "pass"
    rogue = data.rows.copy()
    rogue[:, 0] = rogue[:, 0] * 20 + 30 * (data.codes < 2)
    found = anisotropy(data.with_rows(rogue), pair(data), QUICK)
    assert found.state == "fail"
    assert found.numbers["share of three coordinates"].value > 0.8


def test_g5_neutral_components_that_carry_the_cosine() -> None:
    data = three(cos=0.2)
    rng = np.random.default_rng(5)
    plain = rng.standard_normal((200, 48)) * np.linspace(1, 1.2, 48)
    shared = np.eye(48)[0]
    harmless = plain + 6 * rng.standard_normal((200, 1)) * shared
    rows = data.rows - np.outer(data.rows @ shared, shared)  # nothing along what is removed
    far = data.with_rows(rows + 8 * np.outer(data.codes < 2, shared))
    assert denoise_sensitivity(far, pair(far), harmless, QUICK).state == "fail"
    near = data.with_rows(rows)
    found = denoise_sensitivity(near, pair(near), harmless[:, :], QUICK)
    assert found.table["cosine"][0] == pytest.approx(found.table["cosine"][1], abs=0.02)
    tight = 20 * rng.standard_normal((200, 1)) * shared + 0.01 * plain
    assert denoise_sensitivity(near, pair(near), tight, QUICK).state == "pass"


def emotions(
    *, valence: float, seed: int = 0, specific: float = 0.6
) -> tuple[AuditData, np.ndarray]:
    """Ten labels on a valence axis, plus what is specific to each."""
    data, axes = plant(World(n_labels=10, d=32, seed=seed, topic=0.3, n_topics=20))
    rng = np.random.default_rng(seed)
    norms = np.linspace(-1, 1, 10)
    own = rng.standard_normal((10, 32)) / np.sqrt(32) * specific
    means = valence * np.outer(norms, axes[0] / np.linalg.norm(axes[0])) + own
    return data.with_rows(data.rows + 4 * means[data.codes]), norms


def test_g6_a_valence_axis_is_one_and_noise_is_none() -> None:
    data, norms = emotions(valence=1.5)
    found = axis_claim(data, norms, QUICK)
    assert found.state == "pass"
    assert found.numbers["r"].value > 0.9
    shuffled = np.random.default_rng(1).permutation(norms)
    noise, _ = emotions(valence=0.0)
    assert axis_claim(noise, shuffled, QUICK).state == "fail"
    few = three()
    assert axis_claim(few, np.zeros(3), QUICK).state == "limited"
    with pytest.raises(DataError, match="one per label"):
        axis_claim(few, norms, QUICK)


def test_g7_estimators_agree_on_a_plain_effect_only() -> None:
    data = plant(World(signal=6.0, topic=0.1))[0]
    assert estimator_agreement(data, "anger", QUICK).state == "pass"
    noise = plant(World(topic=3.0))[0]
    assert estimator_agreement(noise, "anger", QUICK).state == "fail"


def test_g8_what_is_left_without_valence() -> None:
    data, norms = emotions(valence=2.5, specific=0.3)
    # The pair at one end is alike only through valence.
    only = valence_partial(data, "anger", "sorrow", norms[:, None], QUICK)
    assert only.state in ("warn", "fail")
    assert only.numbers["cosine"].value > 0.8
    twins = data.rows.copy()
    axis = np.random.default_rng(9).standard_normal(32)
    twins[data.codes < 2] += 6 * axis / np.linalg.norm(axis) * 2
    specific = valence_partial(data.with_rows(twins), "anger", "sorrow", norms[:, None], QUICK)
    assert specific.state == "pass"
    assert valence_partial(three(), "anger", "sorrow", np.zeros((3, 1)), QUICK).state == "limited"


def test_x1_a_stable_vector_a_noisy_one_and_a_statistic_that_flips() -> None:
    strong = plant(World(signal=4.0, topic=0.3))[0]
    assert cross_seed(strong, QUICK).state == "pass"
    assert cross_seed(plant(World())[0], QUICK).state == "fail"
    assert cross_seed(strong, QUICK, statistic=[0.5, 0.52, 0.49]).state == "pass"
    flips = cross_seed(strong, QUICK, statistic=[0.5, -0.1, 0.4])
    assert flips.state == "fail"
    repeated = np.random.default_rng(0).standard_normal((30, 1)) + np.zeros((1, 4))
    assert intraclass(repeated) == pytest.approx(1.0)
    assert cross_seed(strong, QUICK, repeated=repeated).numbers["ICC(2,1)"].value > 0.99
    assert spearman_brown(np.array([0.5]))[0] == pytest.approx(2 / 3)


def test_x2_held_out_topics() -> None:
    assert held_out_topics(plant(World(signal=3.0))[0], QUICK).state == "pass"
    leak = held_out_topics(plant(World(unbalanced=True, topic=2.0))[0], QUICK)
    assert leak.state == "fail"


def test_x3_keyword_free_texts() -> None:
    data, _ = plant(World(signal=3.0, seed=1))
    clean, _ = plant(World(signal=3.0, seed=1))
    rng = np.random.default_rng(2)
    other = OtherSet(
        "vignettes",
        clean.rows + 0.2 * rng.standard_normal(clean.rows.shape),
        clean.codes,
        clean.groups,
    )
    assert without_keywords(data, other, QUICK).state == "pass"
    noise = plant(World(seed=2))[0]
    empty = OtherSet("vignettes", noise.rows, noise.codes, noise.groups)
    assert without_keywords(data, empty, QUICK).state == "fail"
    absent = without_keywords(data, None, QUICK)
    assert absent.state == "n/a"
    assert "open" in absent.reasons[0]


def test_a_pair_needs_its_reference() -> None:
    data = three()
    with pytest.raises(DataError, match="need one"):
        make_pair(data, "anger", "sorrow", reference="shared")
    with pytest.raises(DataError, match="unknown reference"):
        make_pair(data, "anger", "sorrow", reference="mean")
