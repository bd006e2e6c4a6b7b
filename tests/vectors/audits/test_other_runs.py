"""X4, X5, X6, R8 and the axis claim on planted truth: pass, fail, limited and n/a."""

from dataclasses import replace

import numpy as np
import pytest

from tests.vectors.audits.planted import World, plant
from tests.vectors.audits.test_geometry_controls import emotions
from vectors.audits.axis import axis_claim, components, nearest, pick
from vectors.audits.axis_checks import (
    axis_anisotropy,
    axis_denoise,
    axis_length,
    axis_reliability,
)
from vectors.audits.bca import correlation_interval
from vectors.audits.cells import cells
from vectors.audits.claims import Claim, Plan, seal
from vectors.audits.closed_form import contrast
from vectors.audits.data import AuditData, cosine
from vectors.audits.own import axis_own, cosine_own, probe_own
from vectors.audits.pairs import make_pair
from vectors.audits.registers import cosine_registers, probe_registers
from vectors.audits.registry import required
from vectors.audits.result import ControlResult
from vectors.audits.second_run import other_model, other_precision
from vectors.audits.settings import RULES, settings
from vectors.audits.suites import axis_controls
from vectors.audits.verdict import Verdict, decide
from vectors.errors import DataError
from vectors.stats import correlation

QUICK = settings("quick")
T0, T1 = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"
AXIS = Claim("PC1 goes with valence", "axis", "r with valence", "greater", 0.4, "stories")
MEANS = np.random.default_rng(77).standard_normal((8, 24))


def world(*, strength: float = 1.2, seed: int = 0, means: np.ndarray = MEANS) -> AuditData:
    """Eight emotions with means of their own; another seed gives other texts and topics."""
    data, _ = plant(World(n_labels=8, d=24, topic=0.3, seed=seed, n_topics=20, per_cell=3))
    return data.with_rows(data.rows + strength * means[data.codes])


def turned(data: AuditData, *, width: int = 24, seed: int = 5) -> AuditData:
    """Another model's rows: the same geometry turned into another space."""
    rng = np.random.default_rng(seed)
    q = np.linalg.qr(rng.standard_normal((max(width, 24), 24)))[0]
    return data.with_rows(data.rows @ q.T)


def probe_auroc_like(data: AuditData) -> float:
    """A statistic for X6: cosine of two of the emotions."""
    v = cells(data).vectors()
    return cosine(v[0], v[1])


HERE, THERE = world(seed=1), world(seed=2)
OTHER = world(seed=3, means=np.random.default_rng(78).standard_normal((8, 24)))


def test_cells_give_the_vectors_of_any_resample() -> None:
    found = cells(HERE)
    plain = contrast(HERE.codes[None], HERE.n_labels)[0] @ HERE.rows
    assert np.allclose(found.vectors() * 8 / 7, plain)
    m = np.random.default_rng(0).integers(0, 3, found.n_topics).astype(float)
    at = np.repeat(np.arange(HERE.n), m[HERE.groups].astype(int))
    means = np.stack([HERE.rows[at][HERE.codes[at] == k].mean(axis=0) for k in range(8)])
    assert np.allclose(found.means(m), means)
    assert np.isnan(found.means(np.zeros(found.n_topics))).all()


def test_x4_the_same_emotions_in_other_texts() -> None:
    for found in (
        probe_registers(HERE, "anger", "", [("dialogue", THERE)], QUICK),
        probe_registers(HERE, "anger", "calm", [("dialogue", THERE)], QUICK),
        cosine_registers(HERE, "anger", "delight", [("dialogue", THERE)], QUICK),
    ):
        assert found.state == "pass", found.reasons
        assert found.numbers["tau, dialogue"].value >= 0.6
        assert found.numbers["tau, dialogue"].low > 0


def test_x4_another_order_or_another_side_fails() -> None:
    mixed = probe_registers(HERE, "anger", "", [("dialogue", THERE), ("code", OTHER)], QUICK)
    assert mixed.state == "fail"
    assert [line.split(":")[0] for line in mixed.reasons] == ["code"]
    mirror = THERE.with_rows(2 * THERE.rows.mean(axis=0) - THERE.rows)
    turned_round = probe_registers(HERE, "anger", "", [("mirror", mirror)], QUICK)
    assert turned_round.state == "fail"
    assert "on the other side" in turned_round.reasons[0]
    assert cosine_registers(HERE, "anger", "delight", [("code", OTHER)], QUICK).state == "fail"


def test_x4_says_what_it_lacks() -> None:
    nothing = probe_registers(HERE, "anger", "", [], QUICK)
    assert nothing.state == "n/a"
    assert "open" in nothing.reasons[0]
    assert cosine_registers(HERE, "anger", "calm", [], QUICK).state == "n/a"
    without = THERE.take(THERE.codes != THERE.code("anger"))
    lacking = probe_registers(HERE, "anger", "", [("dialogue", without)], QUICK)
    assert lacking.state == "limited"
    assert "8 texts of anger" in lacking.reasons[0]
    few = THERE.only(("anger", "calm", "pride"))
    ranked = probe_registers(HERE, "anger", "", [("dialogue", few)], QUICK)
    assert ranked.state == "limited"
    assert "too few to rank" in ranked.reasons[0]
    first = np.flatnonzero(np.arange(THERE.n) % 9 == 0)
    thin = replace(THERE.take(first), groups=np.arange(len(first)))
    assert (
        "lacks 8 texts of" in probe_registers(HERE, "anger", "", [("thin", thin)], QUICK).reasons[0]
    )
    with pytest.raises(DataError, match="one model and layer"):
        probe_registers(HERE, "anger", "", [("wide", turned(THERE, width=30))], QUICK)


def test_x5_distances_survive_another_space_and_not_other_emotions() -> None:
    found = other_model(HERE, ("model B", turned(THERE, width=40)), QUICK)
    assert found.state == "pass", found.reasons
    assert found.null is not None
    assert found.null.p == found.null.floor
    assert found.numbers["rho"].low > 0.6
    wrong = other_model(HERE, ("model B", turned(OTHER)), QUICK)
    assert wrong.state == "fail"
    assert "about one model" in wrong.reasons[0]


def test_x5_mantel_keeps_its_level() -> None:
    hits = 0
    for seed in range(60):
        rng = np.random.default_rng([seed, 9])
        pair = [world(seed=s, means=rng.standard_normal((8, 24))) for s in (2 * seed, 2 * seed + 1)]
        null = other_model(pair[0], ("B", pair[1]), QUICK).null
        assert null is not None
        hits += null.p <= 0.05
    assert hits <= 8  # 5 % of 60 is 3; 99 % of such counts are at most 8


def test_x5_says_what_it_lacks() -> None:
    assert other_model(HERE, None, QUICK).state == "n/a"
    few = THERE.only(("anger", "sorrow", "delight"))
    found = other_model(HERE, ("B", few), QUICK)
    assert found.state == "limited"
    assert "shares 3 emotions" in found.reasons[0]


def x6(second: AuditData | None) -> ControlResult:
    given = None if second is None else ("int8", second)
    return other_precision(HERE, ("anger", "sorrow"), given, probe_auroc_like, QUICK)


def test_x6_rounding_passes_and_another_vector_does_not() -> None:
    rng = np.random.default_rng(3)
    rounded = HERE.with_rows(HERE.rows.astype(np.float16).astype(np.float64))
    found = x6(rounded)
    assert found.state == "pass", found.reasons
    assert found.numbers["cosine"].low > 0.999
    coarse = x6(HERE.with_rows(HERE.rows + 2.0 * rng.standard_normal((8, 24))[HERE.codes]))
    assert coarse.state == "fail"
    some = x6(HERE.with_rows(HERE.rows + 0.35 * rng.standard_normal((8, 24))[HERE.codes]))
    assert some.state == "warn"
    assert x6(None).state == "n/a"
    lacking = x6(HERE.take(HERE.codes != 1))
    assert lacking.state == "limited"
    assert "sorrow" in lacking.reasons[0]
    with pytest.raises(DataError, match="same model"):
        x6(turned(HERE, width=30))


def long_axis(*, seed: int = 0) -> tuple[AuditData, np.ndarray]:
    """An axis that is only length: emotions differ in length as their norms do."""
    data, norms = emotions(valence=0.0, seed=seed, specific=0.3)
    rng = np.random.default_rng(seed)
    z = rng.standard_normal(data.n) + 1.3 * norms[data.codes] / 2
    axis = rng.standard_normal(32)
    rows = data.rows + 4 * np.outer(z, axis / np.linalg.norm(axis))
    lengths = np.maximum(5, np.round(np.exp(4.4 + 0.4 * z))).astype(int)
    return replace(data, rows=rows, lengths=lengths), norms


def test_axis_g2_finds_an_axis_that_is_length() -> None:
    data, norms = emotions(valence=1.5)
    plain = axis_length(data, norms, QUICK)
    assert plain.state == "pass", plain.reasons
    assert plain.numbers["matched"].low > 0.8
    confounded, norms = long_axis()
    assert axis_claim(confounded, norms, QUICK, component=1).numbers["r"].value > 0.9
    found = axis_length(confounded, norms, QUICK, component=1)
    assert found.state == "fail", found.reasons
    assert abs(found.numbers["matched"].value) < found.numbers["raw"].value - 0.3
    assert found.numbers["r with mean log length"].value > 0.9
    assert axis_length(replace(data, lengths=None), norms, QUICK).state == "limited"
    apart = replace(data, lengths=10 * (1 + data.codes) ** 3)
    assert "not identifiable" in axis_length(apart, norms, QUICK).reasons[0]


def test_axis_x1_needs_the_same_axis_in_both_halves() -> None:
    data, norms = emotions(valence=1.5)
    assert axis_reliability(data, norms, QUICK).state == "pass"
    noise, _ = plant(World(n_labels=10, d=32, seed=4, topic=0.3, n_topics=20))
    assert axis_reliability(noise, norms, QUICK).state == "fail"
    few, _ = plant(World(n_labels=3))
    assert axis_reliability(few, np.zeros(3), QUICK).state == "limited"


def test_axis_g4_and_g5() -> None:
    data, norms = emotions(valence=1.5)
    assert axis_anisotropy(data, norms, QUICK).state == "pass"
    loud = data.rows.copy()
    loud[:, 0] = 60 * (loud[:, 0] - loud[:, 0].mean()) + 400 * norms[data.codes]
    spread = np.random.default_rng(2).standard_normal((10, 32)) * 3
    rogue = data.with_rows(loud + spread[data.codes])
    assert axis_anisotropy(rogue, norms, QUICK, component=1).state in ("warn", "fail")
    rng = np.random.default_rng(1)
    plain = rng.standard_normal((100, 32))
    assert axis_denoise(data, norms, plain, QUICK).state in ("pass", "warn")
    along = pick(components(data.rows, data.codes, 10), norms, 1).direction
    carrier = plain * 0.01 + np.outer(rng.standard_normal(100), along) * 20
    assert axis_denoise(data, norms, carrier, QUICK).state == "fail"
    assert axis_denoise(data, norms, None, QUICK).state == "n/a"
    assert axis_denoise(data, norms, plain[:3], QUICK).state == "limited"


def test_g6_a_named_component_is_not_searched_for() -> None:
    data, norms = emotions(valence=1.5)
    first = axis_claim(data, norms, QUICK, component=1)
    assert first.state == "pass"
    assert first.null is not None
    assert "one component" in first.null.kind
    second = axis_claim(data, norms, QUICK, component=2)
    assert second.state == "fail"
    assert second.numbers["component"].value == 2
    with pytest.raises(DataError, match="components 1 to"):
        axis_claim(data, norms, QUICK, component=9)


def test_the_nearest_component_is_found_again_by_its_scores() -> None:
    data, norms = emotions(valence=1.5)
    axis = pick(components(data.rows, data.codes, 10), norms, None)
    mirrored = components(-data.rows[:, ::-1], data.codes, 10)
    again = nearest(mirrored, axis, norms)
    assert again.r == pytest.approx(axis.r)
    assert np.allclose(again.scores, axis.scores)


def test_bca_leans_towards_where_the_skew_is_and_small_sets_take_fisher() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(44)
    y = 0.8 * x + 0.6 * rng.standard_normal(44)
    found = correlation_interval(x, y, resamples=2000, seed=1)
    assert found.low < 0.8 < found.high
    assert found.value - found.low > found.high - found.value
    few = correlation_interval(x[:10], y[:10], resamples=2000, seed=1)
    assert few == correlation(x[:10].tolist(), y[:10].tolist())
    covered = 0
    for seed in range(100):
        r = np.random.default_rng([seed, 4])
        a = r.standard_normal(40)
        i = correlation_interval(a, 0.6 * a + 0.8 * r.standard_normal(40), resamples=500, seed=seed)
        covered += i.low <= 0.6 <= i.high
    assert covered >= 86  # 95 % nominal; BCa at n 40 is a little short of it


def test_r8_finds_its_plant_and_few_shams_whatever_the_data_say() -> None:
    noise, _ = plant(World(seed=6))
    assert probe_own(noise, QUICK).state == "pass"
    assert probe_own(noise, QUICK).numbers["shams found"].value < 5
    data, norms = emotions(valence=1.5)
    pair = make_pair(data, "anger", "sorrow", reference="grand mean")
    assert cosine_own(data, pair, QUICK).state == "pass"
    assert axis_own(data, norms, QUICK).state == "pass"


def test_r8_notices_an_audit_that_believes_all_or_nothing() -> None:
    data, norms = emotions(valence=1.5)
    pair = make_pair(data, "anger", "sorrow", reference="grand mean")
    for key, work in (
        ("G1.p", lambda s: cosine_own(data, pair, s)),
        ("G6.r", lambda s: axis_own(data, norms, s)),
    ):
        blind = replace(RULES[key], passes=1e-6 if key == "G1.p" else 9.0, warns=9.0)
        assert work(replace(QUICK, rules={**RULES, key: blind})).state == "fail", key
    strict = replace(RULES["P2"], passes=1e-6, warns=1e-6)
    found = probe_own(HERE, replace(QUICK, rules={**RULES, "P2": strict}))
    assert found.state == "fail"
    assert "planted effect was not found" in found.reasons[0]


def axis_verdict(data: AuditData, norms: np.ndarray, component: int | None) -> Verdict:
    results = axis_controls(data, norms, QUICK, component=component, thorough=True)
    assert results.keys() == set(required(AXIS))
    return decide(AXIS, results, prereg=seal(Plan(AXIS, 1, ()), at=T0), evidence_at=T1)


def test_an_axis_claim_earns_the_verdict_that_is_planted() -> None:
    data, norms = emotions(valence=1.5)
    true = axis_verdict(data, norms, 1)
    assert true.word == "SUPPORTED", true.reasons
    assert "PC1 of the emotion vectors correlates with valence at |r| 0.9" in true.sentence
    assert "n=10 emotions" in true.sentence
    assert "% of the variance, permuted labels" in true.sentence
    assert axis_verdict(data, norms, 2).word == "REFUTED-AS-WORDED"
    assert axis_verdict(*long_axis(), 1).word == "REFUTED-AS-WORDED"


def test_searching_five_components_over_noise_supports_nothing() -> None:
    words = []
    for seed in range(40):
        data, _ = plant(World(n_labels=10, d=24, seed=seed, topic=0.3, n_topics=20, per_cell=3))
        norms = np.random.default_rng(seed).standard_normal(10)
        words.append(axis_verdict(data, norms, None).word)
    wrong = [w for w in words if w not in ("REFUTED-AS-WORDED", "INCONCLUSIVE")]
    assert len(wrong) <= 2, words  # 5 % of 40
