"""docs/finding.schema.json: current, true of every kind of record, and refuses what is no record.

`python -m tests.emotui.test_schema` writes it anew.
"""

import copy
import io
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

from emotui.jobs.audit_record import Audit
from store.ledger import LEDGER
from tests.emotui import test_audit_causal, test_audit_commands, test_audit_further
from tests.emotui.rated import PROBE, STEERING, planted_keys
from tests.emotui.recordschema import OF_AUDIT, PARTS, record_schema
from tests.emotui.test_audit_causal import built
from tests.emotui.test_audit_commands import ALIKE, COSINE, WHY, base
from tests.emotui.test_audit_further import AXIS, everything, nine, run_of, width_of

__all__ = ["base", "built", "nine"]
FILE = Path(__file__).parents[2] / "docs" / "finding.schema.json"
QUICK = ("--preset", "quick", "--quiet", "--json")


def written() -> str:
    return json.dumps(record_schema(), indent=1, ensure_ascii=False) + "\n"


def validator(part: str = "") -> Validator:
    """Of the record, or of one line of a history ("Event") or the ledger ("LedgerLine")."""
    whole = json.loads(FILE.read_text(encoding="utf-8"))
    chosen = {"$ref": f"#/$defs/{part}", "$defs": whole["$defs"]} if part else whole
    return Draft202012Validator(chosen, format_checker=Draft202012Validator.FORMAT_CHECKER)


def complaints(value: Any, part: str = "") -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator(part).iter_errors(value)]


def holds(home: Path, name: str) -> dict[str, Any]:
    """The record on disk; it, its history and the ledger validate."""
    folder = home / "findings"
    record = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    assert complaints(record) == []
    for path, part in ((folder / f"{name}.events.jsonl", "Event"), (folder / LEDGER, "LedgerLine")):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert complaints(json.loads(line), part) == [], line
    return dict(record)


@pytest.fixture
def used(emotui: Any, tmp_path: Path) -> Callable[[Path], Path]:
    """`used(home)`: a copy that `emotui` works on."""
    del emotui  # it points EMOTUI_HOME to tmp_path / "home"
    return lambda home: Path(shutil.copytree(home, tmp_path / "home"))


def run(emotui: Any, name: str, *controls: str) -> None:
    asked = [part for control in controls for part in ("--control", control)]
    done = emotui("audit", "run", name, *asked, *QUICK)
    assert done.code == 0, done.err


def test_the_file_is_current_and_a_schema():
    assert FILE.read_text(encoding="utf-8") == written(), "run: python -m tests.emotui.test_schema"
    Draft202012Validator.check_schema(record_schema())


def test_every_field_says_what_it_is():
    whole = record_schema()
    objects = {"the record": whole} | whole["$defs"]
    assert {cls.__name__ for cls in PARTS if is_dataclass(cls)} < objects.keys()
    for name, made in objects.items():
        if name == "ControlId":
            continue
        assert made["additionalProperties"] is False, name
        for field, schema in made["properties"].items():
            assert len(schema["description"]) > 5, f"{name}.{field}"
    assert {*OF_AUDIT} < Audit.__annotations__.keys()


def test_a_cosine_finding_with_everything_a_person_may_add(emotui, used, base):
    home = used(base[0])
    entered = ("--preset", "quick", "--prereg")
    name = test_audit_commands.enter(emotui, base, *COSINE, *ALIKE, *entered)["id"]
    untested = holds(home, name)
    assert untested["verdict"]["word"] == "UNTESTED"
    said = ("--controlled", "topic", "--not-controlled", "register")
    for more in (("note", name, *said), ("waive", name, "G2", "--reason", WHY),
                 ("deviate", name, "--what", "one layer more", "--why", "asked for")):  # fmt: skip
        assert emotui("audit", *more).code == 0
    run(emotui, name)
    assert emotui("audit", "run", name, "--preset", "standard", "--control", "X1").code == 0
    record = holds(home, name)
    assert record["notes"]
    assert record["waivers"]
    assert len(record["prereg"]["deviations"]) == 2
    assert record["evidence"]
    assert record["wording"] == []


def test_a_probe_finding(emotui, used, base):
    home = used(base[0])
    claim = ("--kind", "probe", "--emotion", "joyful", "--claim", "the layer clearly feels joy")
    name = test_audit_commands.enter(emotui, base, *claim)["id"]
    run(emotui, name)
    waived = (name, "--waive", f"P5={WHY}", "--by", "A. Reader", *QUICK)
    assert emotui("audit", "run", *waived).code == 0
    record = holds(home, name)
    assert record["wording"]
    assert record["verdict"]["word"] == "REFUTED-AS-WORDED"


def test_an_axis_finding_that_was_given_more(emotui, used, nine):
    home = used(nine)
    stories = run_of(home, "stories", width=width_of(home))
    norms = ("--norms", str(home / "norms.csv"))
    name = test_audit_further.enter(emotui, "--run", stories, *AXIS, *norms, "--prereg")["id"]
    assert emotui("audit", "supply", name, *everything(home)).code == 0
    run(emotui, name, "G6", "G4")
    assert holds(home, name)["subject"]["norms"]


@pytest.mark.parametrize("kind", ["steering", "ablation"])
def test_a_causal_finding(emotui, used, built, kind: str):
    home = used(built)
    name = test_audit_causal.claim(emotui, home, kind)
    run(emotui, name, "C12", "I1", "C6")
    record = holds(home, name)
    assert {"C12", "I1", "C6"} <= record["controls"].keys()
    assert (record["subject"]["alpha"] is None) == (kind == "ablation")


def test_a_rated_finding_and_a_line_up(emotui, used, rated_home, monkeypatch):
    home = used(rated_home)
    tiny = ("--pairs", "6", "--max-new-tokens", "4", "--quiet")
    assert emotui("audit", "blind", "start", STEERING, *tiny).code == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO(planted_keys(home)))
    assert emotui("audit", "blind", "rate", STEERING).code == 0
    assert emotui("audit", "blind", "unblind", STEERING).code == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO("A"))
    assert emotui("audit", "lineup", PROBE, "--quiet").code == 0
    assert "R9" in holds(home, STEERING)["controls"]
    assert "R10" in holds(home, PROBE)["controls"]


Break = Callable[[dict[str, Any]], object]


def put(*path: "str | int", to: Any) -> Break:
    """Sets what lies at the path."""

    def change(record: dict[str, Any]) -> None:
        inside: Any = record
        for key in path[:-1]:
            inside = inside[key]
        inside[path[-1]] = to

    return change


def lose(*path: "str | int") -> Break:
    """Takes out what lies at the path."""

    def change(record: dict[str, Any]) -> None:
        inside: Any = record
        for key in path[:-1]:
            inside = inside[key]
        del inside[path[-1]]

    return change


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (put("verdict", "word", to="CONFIRMED"), "$.verdict.word"),
        (put("verdict", "word", to="REFUTED-AS-WORDED"), "$.verdict"),
        (lose("evidence", 0, "interval", "n"), "$.evidence[0].interval"),
        (put("evidence", 0, "interval", "n", to=0), "$.evidence[0].interval.n"),
        (lose("controls", "G1", "numbers", "cosine", "n"), "$.controls.G1.numbers.cosine"),
        (put("controls", "G1", "state", to="passed"), "$.controls.G1.state"),
        (put("controls", "Z1", to={}), "$.controls"),
        (put("claim", "kind", to="vibes"), "$.claim.kind"),
        (put("claim", "effect_min", to=0), "$.claim.effect_min"),
        (put("waivers", to=[{"control": "G2", "reason": "no", "by": "x"}]), "$.waivers[0].reason"),
        (put("significant", to=True), "$"),
        (lose("notes"), "$"),
        (put("prereg", "sealed_at", to=7), "$.prereg"),
        (put("prereg", "plan", "thresholds", "G1", to=[0.05]), "$.prereg"),
        (put("inputs", "labels", to=7), "$.inputs.labels"),
    ],
)
def test_what_is_no_record_is_refused(sealed: dict[str, Any], spoil: Break, where: str):
    broken = copy.deepcopy(sealed)
    assert complaints(broken) == []
    spoil(broken)
    assert complaints(broken)[0].split(": ")[0] == where


def test_a_bare_number_is_no_evidence(sealed: dict[str, Any]):
    bare = sealed["evidence"][0] | {"null": None}
    assert complaints(bare, "Evidence") == []
    bare["interval"] = bare["interval"] | {"low": None, "high": None}
    assert complaints(bare, "Evidence") != []


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "vouched"},
        {"body": {"record": "0" * 64}},
        {"hash": "abc"},
        {"seq": -1},
        {"by": "x"},
    ],
)
def test_what_is_no_event_is_refused(change: dict[str, Any]):
    body = {"record": "0" * 64, "verdict": "UNTESTED", "evidence": 0}
    event = {"seq": 0, "at": "2026-01-01T00:00:00+00:00", "kind": "saved", "body": body,
             "prev": "0" * 64, "hash": "1" * 64}  # fmt: skip
    assert complaints(event, "Event") == []
    assert complaints(event | change, "Event") != []


@pytest.fixture(scope="session")
def sealed(base, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The record of a sealed cosine claim with one control run."""
    from emotui.cli import main

    home = Path(shutil.copytree(base[0], tmp_path_factory.mktemp("sealed") / "home"))
    named = ("--name", "alike", "--preset", "quick", "--prereg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTUI_HOME", str(home))
        assert main(["audit", "new", "--run", base[1], *COSINE, *ALIKE, *named]) == 0
        assert main(["audit", "run", "alike", "--control", "G1", "--quiet"]) == 0
    return holds(home, "alike")


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
