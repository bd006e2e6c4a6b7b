"""Results, claims, plans and findings: round trips, hashes, and what cannot be built."""

import json

import numpy as np
import pytest

from vectors.audits.claims import Claim, Plan, canonical_json, seal
from vectors.audits.finding import Evidence, Finding, Provenance
from vectors.audits.result import ControlResult, Cost, Null, exact, null_of, worst
from vectors.audits.settings import RULES, Rule, settings
from vectors.errors import DataError
from vectors.stats import Interval


def claim(**changes: object) -> Claim:
    given = {
        "text": "joy is decodable on held-out topics",
        "kind": "probe",
        "statistic": "macro AUROC",
        "direction": "greater",
        "effect_min": 0.05,
        "population": "stories",
        "emotions": ("joy",),
    }
    return Claim(**{**given, **changes})  # type: ignore[arg-type]


def test_a_result_goes_to_json_and_back() -> None:
    null = Null("labels permuted", 0.5, 0.02, 99, 0.01, None)
    made = ControlResult(
        "P2",
        "warn",
        {"auroc": Interval(0.7, float("nan"), 0.8, 40, 8)},
        (null,),
        ("raw only",),
        Cost(8, 0, 1.5),
        {"layer": (0.0, float("nan"))},
    )
    text = json.dumps(made.to_json(), allow_nan=False)
    back = ControlResult.from_json(json.loads(text))
    assert json.dumps(back.to_json()) == text
    assert back.numbers["auroc"].low != back.numbers["auroc"].low
    assert back.null == null
    assert made.adjusted(0.3).null.p_adjusted == 0.3  # type: ignore[union-attr]
    with pytest.raises(DataError, match="unknown state"):
        ControlResult("P2", "passed")  # type: ignore[arg-type]


def test_a_null_keeps_its_floor() -> None:
    null = null_of("noise", 9.0, np.zeros(49))
    assert null.p == null.floor == 1 / 50
    assert worst("pass", "limited", "warn") == "limited"
    assert worst("limited", "fail") == "fail"


def test_rules_read_in_their_direction_and_nan_is_limited() -> None:
    low, high = Rule(0.1, 0.2, "low", "", ""), Rule(0.9, 0.7, "high", "", "")
    assert [low.state(x) for x in (0.1, 0.15, 0.3)] == ["pass", "warn", "fail"]
    assert [high.state(x) for x in (0.9, 0.8, 0.1)] == ["pass", "warn", "fail"]
    assert low.state(float("nan")) == "limited"
    for key, rule in RULES.items():
        assert rule.better in ("low", "high"), key
        assert (rule.passes <= rule.warns) == (rule.better == "low") or rule.passes == rule.warns
        assert rule.what
        assert rule.source


def test_seeds_differ_by_control_and_replicate_and_repeat() -> None:
    s = settings("quick", run_seed=3)
    draw = [s.rng(c, r).random() for c, r in (("P1", 0), ("P1", 1), ("P2", 0), ("P1", 0))]
    assert draw[0] == draw[3]
    assert len(set(draw)) == 3
    with pytest.raises(DataError, match="allowed: quick, standard, full"):
        settings("fast")


def test_the_plan_hash_sees_every_field_and_no_order() -> None:
    plan = Plan(claim(), 40, ("P1", "P2"), {"P2": (0.05, 0.05)}, layer=3)
    same = Plan(claim(), 40, ("P1", "P2"), {"P2": (0.05, 0.05)}, layer=3)
    assert plan.sha256() == same.sha256()
    for changed in (
        Plan(claim(effect_min=0.06), 40, ("P1", "P2"), {"P2": (0.05, 0.05)}, layer=3),
        Plan(claim(), 41, ("P1", "P2"), {"P2": (0.05, 0.05)}, layer=3),
        Plan(claim(), 40, ("P1", "P2"), {"P2": (0.06, 0.05)}, layer=3),
        Plan(claim(), 40, ("P1", "P2"), {"P2": (0.05, 0.05)}, layer=4),
    ):
        assert changed.sha256() != plan.sha256()
    assert canonical_json({"b": 1, "a": "é"}) == '{"a":"\\u00e9","b":1}'
    with pytest.raises(DataError, match="use None"):
        canonical_json({"a": float("nan")})


def test_a_seal_knows_its_time_and_that_it_was_broken() -> None:
    sealed = seal(Plan(claim(), 40, ()), at="2026-01-01T12:00:00+00:00")
    assert sealed.before("2026-01-01T12:00:01+00:00")
    assert not sealed.before("2026-01-01T12:59:00+01:00")
    assert sealed.problems() == ()
    broken = type(sealed)(Plan(claim(), 41, ()), sealed.sha256, sealed.sealed_at, "")
    assert "hashes to" in broken.problems()[0]
    with pytest.raises(DataError, match="no time zone"):
        seal(Plan(claim(), 40, ()), at="2026-01-01T12:00:00")
    with pytest.raises(DataError, match="ISO 8601"):
        seal(Plan(claim(), 40, ()), at="noon")


@pytest.mark.parametrize(
    "wrong", [{"kind": "vibes"}, {"direction": "up"}, {"text": " "}, {"effect_min": 0.0}]
)
def test_a_claim_without_its_parts_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(DataError):
        claim(**wrong)


def test_a_bare_number_is_no_evidence() -> None:
    def evidence(interval: Interval, null: Null | None) -> Evidence:
        return Evidence(
            "G1", "cosine", interval, null, "activations", "", "", 0, 0.1, "2026-01-01T00:00+00:00"
        )

    bare = Interval(0.71, float("nan"), float("nan"), 40, 8)
    with pytest.raises(DataError, match="no evidence"):
        evidence(bare, None)
    assert evidence(bare, Null("n", 0.5, 0.1, 9, 0.1)).null is not None
    with pytest.raises(DataError, match="has no n"):
        evidence(Interval(0.7, 0.6, 0.8, 0, 0), None)


def test_a_finding_is_plain_json_with_the_verdict_it_earns() -> None:
    made = Finding.make(
        id="f1",
        title="joy",
        claim=claim(),
        results=[ControlResult("P1", "pass", {"auroc by topic": exact(0.9, n=40)})],
        family="stories",
        family_size=1,
        provenance=Provenance(model="m"),
    )
    value = json.loads(json.dumps(made.to_json(), allow_nan=False))
    assert value["verdict"]["word"] == "UNTESTED"
    assert value["verdict"]["glyph"] == "◌"
    assert value["controls"]["P1"]["state"] == "pass"
    assert value["claim"]["emotions"] == ["joy"]
    with pytest.raises(DataError, match="twice"):
        Finding.make(
            id="f1",
            title="joy",
            claim=claim(),
            results=[ControlResult("P1", "pass"), ControlResult("P1", "fail")],
            family="stories",
            family_size=1,
            provenance=Provenance(),
        )
