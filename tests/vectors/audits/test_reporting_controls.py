"""R1-R8: each passes where it should and fails, warns or is limited where it should not."""

from dataclasses import replace

import numpy as np

from tests.vectors.audits.planted import World, plant
from vectors.audits.claims import Claim, Deviation, Plan, seal
from vectors.audits.finding import Provenance
from vectors.audits.multiplicity import Member, adjust
from vectors.audits.permutation import label_noise
from vectors.audits.reporting import (
    complete_numbers,
    forking_paths,
    multiplicity,
    own_controls,
    power,
    preregistered,
    provenance,
    wording,
)
from vectors.audits.result import ControlResult, Null, exact
from vectors.audits.settings import settings
from vectors.stats import Interval

QUICK = settings("quick")
T0, T1 = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"
CLAIM = Claim("joy is read off", "probe", "AUROC", "greater", 0.5, "stories")
SEALED = seal(Plan(CLAIM, 40, ()), at=T0)


def test_r1_only_an_older_unbroken_plan_passes() -> None:
    assert preregistered(SEALED, T1).state == "pass"
    assert preregistered(SEALED, None).state == "pass"
    assert preregistered(None, T1).state == "warn"
    assert preregistered(seal(SEALED.plan, at=T1), T0).state == "warn"
    broken = replace(SEALED, plan=Plan(CLAIM, 400, ()))
    assert preregistered(broken, T1).state == "fail"
    deviated = replace(SEALED, deviations=(Deviation(T1, "38 texts", "two were empty"),))
    found = preregistered(deviated, T1)
    assert found.state == "warn"
    assert "two were empty" in found.reasons[0]


def test_r2_a_word_per_claim() -> None:
    strong = adjust([Member("a", 1e-4, 9999), Member("b", 0.5, 9999)])
    assert multiplicity(strong, "a").state == "pass"
    assert multiplicity(strong, "b").state == "fail"
    few = adjust([Member(f"c{i}", 1 / 51, 50) for i in range(14)])
    found = multiplicity(few, "c0")
    assert found.state == "limited"
    assert "279" in found.reasons[0]
    assert "significant" not in found.reasons[0]


def test_r3_bare_numbers_are_found() -> None:
    whole = ControlResult("P1", "pass", {"auroc": exact(0.8, n=40)})
    assert complete_numbers([whole]).state == "pass"
    assert complete_numbers([ControlResult("P1", "pass")]).state == "fail"
    no_n = ControlResult("P1", "pass", {"auroc": Interval(0.8, 0.7, 0.9, 0, 0)})
    assert "has no n" in complete_numbers([no_n]).reasons[0]
    bare = replace(whole, nulls=(Null("none", 0.5, 0.1, 0, 0.01),))
    assert "null without draws" in complete_numbers([bare]).reasons[0]
    assert complete_numbers([ControlResult("P8", "not_run")]).state == "pass"


def test_r4_gaps_warn_and_a_text_that_says_otherwise_fails() -> None:
    full = Provenance(
        *(["x"] * 10), versions={"torch": "2"}, estimator="mean-difference",
        estimator_described="mean-difference",
    )  # fmt: skip
    assert provenance(full).state == "pass"
    gap = provenance(replace(full, dataset_sha256=""))
    assert gap.state == "warn"
    assert "dataset_sha256" in gap.reasons[0]
    # The layer-18 post-mortem: the text said mean difference, the code fitted logistic weights.
    assert provenance(replace(full, estimator="logistic")).state == "fail"


def test_r5_counts_paths() -> None:
    assert forking_paths(3).state == "pass"
    assert forking_paths(640).state == "warn"


def test_r6_power_and_absence() -> None:
    rng = np.random.default_rng(0)
    many, few = rng.standard_normal(400) + 0.5, rng.standard_normal(6)
    assert power(CLAIM, exact(0.5, n=400), many, QUICK).state == "pass"
    found = power(CLAIM, exact(0.1, n=6), few, QUICK)
    assert found.state == "limited"
    assert "power" in found.reasons[0]
    none = replace(CLAIM, direction="none")
    assert power(none, exact(0.0, n=400), many - 0.5, QUICK).state == "pass"
    assert power(none, exact(2.0, n=400), many + 1.5, QUICK).state == "fail"
    assert power(none, exact(0.0, n=6), few, QUICK).state == "limited"
    assert power(CLAIM, exact(0.0), np.zeros(1), QUICK).state == "limited"


def test_r7_reads_the_claim() -> None:
    plain = replace(CLAIM, text="AUROC on held-out topics exceeds that of bag-of-words")
    assert wording(plain, {}).state == "pass"
    loud = wording(replace(CLAIM, text="the model feels joy"), {})
    assert loud.state == "warn"
    assert "feels" in loud.reasons[0]


def test_r8_the_audit_must_find_its_own_plant_and_reject_its_own_sham() -> None:
    data, _ = plant(World(seed=21))
    axis = np.eye(data.rows.shape[1])[0]
    planted = data.with_rows(data.rows + 3 * np.outer(data.codes, axis))
    sham = replace(data, codes=np.random.default_rng(5).permutation(data.codes))
    found, none = label_noise(planted, QUICK), label_noise(sham, QUICK)
    assert own_controls(found, none).state == "pass"
    assert own_controls(none, none).state == "fail"
    assert own_controls(found, found).state == "fail"
