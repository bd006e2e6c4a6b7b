"""Ablation claims, controls on demand, the integrity gate and the ledger, on a tiny real model."""

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from emotui.events import Done, Event
from emotui.jobs import audit_gate
from emotui.jobs.audit import AuditRequest, _steps, audit_job
from emotui.jobs.audit_data import Means, source_of
from emotui.jobs.audit_record import open_audit
from emotui.jobs.engine import Engine
from emotui.jobs.live import live_job
from emotui.jobs.live_spec import Knob, LiveRequest, RowAsk
from emotui.jobs.sets import open_set
from emotui.jobs.spec import ModelSpec
from store.forks import read_forks
from store.integrity import list_gates, save_gate
from store.layout import Home
from tests.emotui.planted import planted_home
from vectors.audits.registry import computed_for, required
from vectors.audits.result import ControlResult

PLAIN = "the door stood open and people walked by old wall near"
WORDS = {"joyful": "laughed smiling bright dancing", "sad": "wept alone grey silent",
         "angry": "shouted slammed fists red", "calm": "harbour kitchen orchard"}  # fmt: skip
QUICK = ("--preset", "quick", "--quiet", "--json")


def text(label: str, topic: int, i: int) -> str:
    rng = random.Random(f"{label} {topic} {i}")
    words = rng.choices(PLAIN.split(), k=8) + rng.choices(WORDS[label].split(), k=6)
    rng.shuffle(words)
    return " ".join(words)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, model_dir: Path) -> Path:
    """A home with one run and one set of vectors; copied, never changed."""
    return planted_home(tmp_path_factory.mktemp("causal"), model_dir, text, WORDS)[0]


@pytest.fixture
def home(built: Path, emotui: Any, tmp_path: Path) -> Path:
    """A copy that the test may spoil; `emotui` works on it."""
    del emotui
    return Path(shutil.copytree(built, tmp_path / "home"))


def enter(emotui: Any, kind: str, *args: str) -> str:
    done = emotui(
        "audit", "new", "--kind", kind, "--emotion", "joyful", "--layer", "1", "--claim",
        "it does something", "--preset", "quick", *args, "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    return str(done.json["id"])


def claim(emotui: Any, home: Path, kind: str) -> str:
    if kind == "probe":
        return enter(emotui, kind, "--run", next((home / "runs").iterdir()).name)
    alpha = ("--alpha", "0.5") if kind == "steering" else ()
    return enter(emotui, kind, "--vectors", "four", *alpha)


@pytest.mark.parametrize("kind", ["steering", "ablation"])
def test_what_the_registry_says_can_be_computed_has_a_step_and_nothing_else(emotui, home, kind):
    here, name = Home(home), claim(emotui, home, kind)
    audit = open_audit(here, name)
    with source_of(here, audit.subject) as source:
        job = _steps(source, audit, open_set(here, "four"), AuditRequest(name),
                     Means(here, Engine()))  # fmt: skip
        steps, _ = finish(job)
    assert sorted(s.control for s in steps) == sorted(computed_for(kind))
    unasked = {s.control for s in steps if not s.optional}
    assert set(required(audit.claim)) <= unasked
    assert unasked - set(required(audit.claim)) == ({"C11"} if kind == "steering" else set())


def finish(job: Any) -> Any:
    while True:
        try:
            next(job)
        except StopIteration as stop:
            return stop.value


def test_an_ablation_claim_from_entry_to_verdict(emotui, home: Path):
    name = claim(emotui, home, "ablation")
    record = emotui("audit", "show", name, "--json").json
    assert len(record["subject"]["prompts"]) == 40
    assert record["subject"]["alpha"] is None
    assert all(len(p.split()) >= 8 for p in record["subject"]["prompts"])
    done = emotui("audit", "run", name, "--preset", "quick", "--thorough")
    assert done.code == 0, done.err
    first = next(line for line in done.err.splitlines() if "forward passes and" in line)
    assert "the passes about" in first
    assert done.err.index(first) < done.err.index("C12 n/a")
    record = emotui("audit", "show", name, "--json").json
    assert record["verdict"]["missing"] == []
    c9 = record["controls"]["C9"]
    assert {"drop", "drop with zero", "drop with resampling", "drop with LEACE",
            "evoked above neutral"} <= set(c9["numbers"])  # fmt: skip
    assert [n["b"] for n in c9["nulls"]] == [19, 19]
    assert record["controls"]["I2"]["numbers"]["error of the projection"]["value"] < 1e-4
    spent = sum(c["cost"]["forwards"] for c in record["controls"].values())
    assert 0 < spent <= counted(done.err)
    assert (
        "removing the direction of joyful" in record["verdict"]["sentence"]
        or record["verdict"]["word"] == "INCONCLUSIVE"
    )


def test_an_ablation_claim_takes_no_alpha(emotui, home: Path):
    del home
    done = emotui("audit", "new", "--kind", "ablation", "--emotion", "joyful", "--claim", "x",
                  "--vectors", "four", "--alpha", "0.5")  # fmt: skip
    assert done.code == 2
    assert "takes no --alpha" in done.error
    unknown = emotui("audit", "new", "--kind", "ablation", "--emotion", "joyfull", "--claim", "x",
                     "--vectors", "four")  # fmt: skip
    assert "did you mean 'joyful'" in unknown.error


@pytest.mark.parametrize(
    ("kind", "asked"),
    [("steering", ("C3", "C7", "C8", "C13", "C14", "X7", "P10")),
     ("ablation", ("C7", "C8", "C14", "X7"))],
)  # fmt: skip
def test_controls_on_demand_run_when_asked_for(emotui, home: Path, kind: str, asked: tuple):
    name = claim(emotui, home, kind)
    wanted = [part for control in asked for part in ("--control", control)]
    done = emotui("audit", "run", name, *wanted, "--thorough", "--preset", "quick", "--json")
    assert done.code == 0, done.err
    found = done.json["controls"]
    assert sum(found[c]["cost"]["forwards"] for c in asked) <= counted(done.err)
    assert set(asked) <= set(found)
    assert not {"C4", "C9", "C1"} & set(found), "only what was asked for"
    for control in asked:
        assert found[control]["state"] in ("pass", "warn", "fail", "limited")
        assert found[control]["numbers"] or found[control]["state"] == "limited"
    assert done.json["verdict"]["word"] == "UNTESTED"


def counted(err: str) -> int:
    """The forward passes that were announced."""
    first = next(line for line in err.splitlines() if "forward passes and" in line)
    return int(first.split("run, ")[1].split(" ")[0].replace(",", ""))


def gate_of(home: Path) -> dict[str, Any]:
    (record,) = list_gates(Home(home))
    return record


def test_the_gate_is_run_once_and_its_results_are_taken_into_findings(emotui, home, model_dir):
    first = emotui("audit", "gate", "--model", model_dir, "--json")
    assert first.code == 0, first.err
    assert not first.json["cached"]
    assert set(first.json["results"]) == {"I1", "I2", "I3", "I4", "I5", "I6"}
    again = emotui("audit", "gate", "--model", model_dir)
    assert "0 checks to run, 0 forward passes" in again.err
    assert "run at (UTC)" in again.out
    gated = gate_of(home)
    name = claim(emotui, home, "steering")
    done = emotui("audit", "run", name, "--control", "I4", "--control", "I1", *QUICK).json
    at = gated["results"]["I4"]["at"][:19].replace("T", " ")
    assert done["controls"]["I4"]["reasons"] == [f"cached from {at} UTC (the same model and code)"]
    assert done["controls"]["I1"]["reasons"] == [], "another direction than the gate's"
    assert done["controls"]["I4"]["cost"]["forwards"] == 0
    # The same direction in a second claim: nothing of the gate is computed again.
    second = claim(emotui, home, "steering")
    done = emotui("audit", "run", second, "--control", "I1", *QUICK).json
    assert "cached from" in done["controls"]["I1"]["reasons"][0]


def test_other_code_and_another_dtype_are_not_the_same_engine(
    emotui, home, model_dir, monkeypatch: pytest.MonkeyPatch
):
    assert emotui("audit", "gate", "--model", model_dir, "--quiet").code == 0
    half = emotui("audit", "gate", "--model", model_dir, "--dtype", "bfloat16", "--json")
    assert half.code == 0, half.out
    assert len(list_gates(Home(home))) == 2
    monkeypatch.setattr(audit_gate, "code_hash", lambda: "emotui 9, source other")
    stale = emotui("audit", "gate", "--model", model_dir)
    assert "6 checks to run" in stale.err
    assert emotui("audit", "gate", "--model", model_dir, "--json").json["cached"]
    assert (
        emotui("audit", "gate", "--model", model_dir, "--again", "--json").json["cached"] is False
    )


def break_gate(home: Path, control: str) -> None:
    """As if the check had found something."""
    record = gate_of(home)
    bad = ControlResult(control, "fail", reasons=("pooled activations depend on the batch",))
    record["results"][control]["result"] = bad.to_json()
    save_gate(Home(home), record["key"], record)


def test_a_failed_gate_blocks_every_claim_about_the_model(emotui, home: Path, model_dir):
    probe = claim(emotui, home, "probe")
    only = ("--control", "P10")
    before = emotui("audit", "run", probe, *only, *QUICK).json
    assert "I4" not in before["controls"]
    assert emotui("audit", "gate", "--model", model_dir, "--quiet").code == 0
    break_gate(home, "I4")
    shown = emotui("audit", "gate", "--model", model_dir)
    assert shown.code == 1
    assert "INCONCLUSIVE until" in shown.out
    checked = emotui("audit", "check")
    assert "the integrity gate of its model failed: I4" in checked.out
    after = emotui("audit", "run", probe, *only, *QUICK).json
    assert after["controls"]["I4"]["state"] == "fail"
    assert "cached from" in after["controls"]["I4"]["reasons"][-1]
    assert after["verdict"]["word"] == "INCONCLUSIVE"
    steering = claim(emotui, home, "steering")
    blocked = emotui("audit", "run", steering, *QUICK).json
    assert blocked["verdict"]["word"] == "INCONCLUSIVE"
    assert "C4" not in blocked["controls"], "the gate settles it"
    # Run again it passes, and the claim is what it was.
    assert emotui("audit", "gate", "--model", model_dir, "--again", "--quiet").code == 0
    healed = emotui("audit", "run", probe, *only, *QUICK).json
    assert "I4" not in healed["controls"]
    assert healed["verdict"]["word"] != "INCONCLUSIVE"


def test_the_ledger_counts_what_was_shown_once(emotui, home: Path):
    here = Home(home)
    kinds = [f.kind for f in read_forks(here)]
    assert kinds == ["build"]
    for _ in (0, 1):
        done = emotui("score", "four", "--text", "she laughed by the wall", "--layer", "1",
                      "--emotions", "joyful,sad", "--quiet")  # fmt: skip
        assert done.code == 0, done.err
    scored = [f for f in read_forks(here) if f.kind == "score"]
    assert [(f.layer, f.emotion) for f in scored] == [(1, "joyful"), (1, "sad")]
    request = LiveRequest(
        vectors="four", model=ModelSpec(source="", device="cpu"), prompt="the door stood",
        emotions=("joyful",), layer=1, max_new_tokens=2,
        rows=(RowAsk("baseline"), RowAsk("steered", (0.3,)), RowAsk("random", (0.3,), 5)),
    )  # fmt: skip
    events: list[Event] = list(live_job(here, request, knob=Knob(), engine=Engine()))
    assert isinstance(events[-1], Done)
    live = [f for f in read_forks(here) if f.kind == "live"]
    assert [(f.emotion, f.alpha) for f in live] == [("joyful", 0.3)], "controls are no settings"
    name = claim(emotui, home, "steering")
    record = emotui("audit", "show", name, "--json").json
    assert record["forks"] == 3, "the build, joyful's score and joyful's alpha"
    assert record["subject"]["tried"] == 1
    assert record["subject"]["tuned_on"] == list(live[0].subset.split(","))
    assert "◌ UNTESTED  after 3 settings tried" in emotui("audit", "show", name).out
    list(audit_job(here, AuditRequest(name, controls=("C12",)), engine=Engine()))
    assert [f.kind for f in read_forks(here)][-1] == "audit"
    later = emotui("audit", "show", claim(emotui, home, "steering"), "--json").json
    assert later["forks"] == 4
