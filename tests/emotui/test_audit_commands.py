"""`emotui audit ...` on a tiny real model with planted emotion words: verdicts, records, tampering.

Four labels: joyful and glad share words, sad has its own, calm has none. So the cosine of joyful
and glad is far above the pipeline's null, and bag-of-words beats every probe by construction.
"""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emotui.cli import main
from emotui.events import Done, Event, Note, Partial
from emotui.jobs.audit import AuditRequest, audit_job
from emotui.jobs.audit_record import open_audit
from emotui.jobs.engine import Engine
from store.findings import events
from store.layout import Home
from tests.emotui.planted import planted_home
from vectors.errors import Cancelled

PLAIN = "the door stood open and people walked by old wall near"
WORDS = {
    "joyful": "laughed smiling bright dancing",
    "glad": "laughed smiling bright",
    "sad": "wept alone grey silent",
    "calm": "harbour kitchen orchard",
}
COSINE = ("--kind", "cosine", "--emotion", "joyful", "--with", "glad", "--layer", "1")
ALIKE = ("--claim", "joyful and glad are more alike than chance")
QUICK = ("--preset", "quick", "--quiet")
WHY = "lengths are equal by construction here"


def text(label: str, topic: int, i: int) -> str:
    rng = random.Random(f"{label} {topic} {i}")
    words = rng.choices(PLAIN.split(), k=9) + rng.choices(WORDS[label].split(), k=5)
    rng.shuffle(words)
    return " ".join(words + rng.choices(PLAIN.split(), k=rng.randrange(4)))


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory, model_dir: Path) -> "tuple[Path, str]":
    """A home with one run and one set of vectors, and the run's id; copied, never changed."""
    return planted_home(tmp_path_factory.mktemp("audit"), model_dir, text, WORDS)


@pytest.fixture
def home(base: "tuple[Path, str]", emotui: Any, tmp_path: Path) -> Path:
    """A copy that the test may spoil; `emotui` works on it."""
    del emotui  # it points EMOTUI_HOME to tmp_path / "home"
    return Path(shutil.copytree(base[0], tmp_path / "home"))


def enter(emotui: Any, base: "tuple[Path, str]", *args: str) -> dict[str, Any]:
    done = emotui("audit", "new", "--run", base[1], *args, "--json")
    assert done.code == 0, done.err
    return done.json


def supported(emotui: Any, base: "tuple[Path, str]") -> str:
    """A preregistered cosine claim that holds."""
    name = enter(emotui, base, *COSINE, *ALIKE, "--preset", "quick", "--prereg")["id"]
    done = emotui("audit", "run", name, *QUICK, "--json")
    assert done.code == 0, done.err
    assert done.json["verdict"]["word"] in ("SUPPORTED", "QUALIFIED"), done.json["verdict"]
    return name


def test_a_new_claim_is_untested_and_nothing_was_read(emotui, home: Path, base):
    record = enter(emotui, base, *COSINE, *ALIKE)
    assert record["id"] == "cosine-joyful-1"
    assert record["verdict"]["word"] == "UNTESTED"
    assert record["verdict"]["missing"] == ["G1", "G2", "G3", "X1"]
    assert record["evidence"] == []
    assert record["prereg"] is None
    shown = emotui("audit", "show", record["id"]).out
    assert "◌ UNTESTED" in shown
    assert "G1 was not run" in shown
    listed = emotui("audit", "list").out
    assert "◌ UNTESTED" in listed
    checked = emotui("audit", "check")
    assert checked.code == 1
    assert "0 of 1 findings hold" in checked.out
    assert not (home / "findings" / record["id"]).exists()


def test_a_sealed_claim_that_holds(emotui, home: Path, base):
    name = supported(emotui, base)
    record = emotui("audit", "show", name, "--json").json
    assert record["controls"]["G1"]["numbers"]["cosine"]["value"] > 0
    assert record["prereg"]["sealed_at"] < record["evidence"][0]["at"]
    assert record["family_size"] == 1
    assert record["controls"]["R1"]["state"] == "pass"
    assert {e["control"] for e in record["evidence"]} == {"G1", "G2", "G3", "X1"}
    for e in record["evidence"]:
        assert (home / e["artefact"]).is_file()
        assert e["interval"]["n"] > 0
    assert record["provenance"]["code_commit"].startswith("emotui ")
    done = emotui("audit", "check")
    assert done.code == 0, done.out
    assert emotui("audit", "check", home / "findings").code == 0
    as_json = emotui("audit", "check", "--json").json
    assert set(as_json) == {"holds", "findings", "ledger", "ledger_head"}
    assert as_json["findings"][0]["head"] == record["head"]
    assert emotui("audit", "check", "--head", f"{name}={record['head']}").code == 0
    other = emotui("audit", "check", "--head", f"{name}={'0' * 64}")
    assert other.code == 1
    assert "other history" in other.out


def test_the_same_cosine_claimed_to_be_lower_is_refuted(emotui, home: Path, base):
    del home
    lower = (*COSINE, "--direction", "less", "--claim", "joyful and glad are less alike")
    name = enter(emotui, base, *lower)["id"]
    record = emotui("audit", "run", name, *QUICK, "--json").json
    assert record["verdict"]["word"] == "REFUTED-AS-WORDED"
    assert "the claim says less than" in record["controls"]["G1"]["reasons"][0]
    assert "G2" not in record["controls"], "G1 settled it, so nothing after it should have run"
    assert emotui("audit", "check").code == 1


def test_a_probe_that_words_beat_is_refuted_and_says_so(emotui, home: Path, base):
    del home
    name = enter(
        emotui, base, "--kind", "probe", "--emotion", "joyful", "--claim", "joyful is decodable"
    )["id"]
    done = emotui("audit", "run", name, "--preset", "quick")
    assert "0 forward passes" in done.err
    assert "✗ REFUTED-AS-WORDED" in done.out
    assert "bag of words reaches AUROC" in done.out
    assert "P4 settles the verdict; not run: P5" in done.err


def test_a_waiver_needs_a_reason_and_stays_visible(emotui, home: Path, base):
    del home
    name = enter(emotui, base, *COSINE, *ALIKE)["id"]
    short = emotui("audit", "run", name, "--waive", "G2=too long", *QUICK)
    assert short.code == 2
    assert "20 or more" in short.error
    done = emotui("audit", "run", name, "--waive", f"G2={WHY}", "--by", "A. Reader", *QUICK)
    assert "≈ QUALIFIED" in done.out, done.out
    assert f"waived by A. Reader: {WHY}" in done.out
    assert "◌ waived" in done.out
    record = emotui("audit", "show", name, "--json").json
    assert record["verdict"]["waived"] == ["G2"]
    assert "G2" not in record["controls"]
    assert WHY in record["verdict"]["sentence"]
    again = emotui("audit", "run", name, "--waive", f"G1={WHY}", *QUICK)
    assert "G1 has been run" in again.error
    assert emotui("audit", "run", name, "--control", "G2", *QUICK).code == 0
    assert "G2" in emotui("audit", "show", name, "--json").json["controls"]


def watch(job: Iterator[Event], seen: list[Event]) -> Iterator[Event]:
    """Fills `seen` at the first finished control."""
    for event in job:
        if isinstance(event, Partial):
            seen.append(event)
        yield from ()


def _vanish(home: Path, name: str) -> None:
    for path in (home / "findings").glob(f"{name}.*"):
        path.unlink()


Spoil = Callable[[Path, str], None]


def _edit(home: Path, name: str) -> None:
    path = home / "findings" / f"{name}.json"
    record = json.loads(path.read_text())
    record["controls"]["G2"]["state"] = "warn"
    path.write_text(json.dumps(record))


def _backdate(home: Path, name: str) -> None:
    path = home / "findings" / f"{name}.json"
    record = json.loads(path.read_text())
    record["prereg"]["sealed_at"] = "2020-01-01T00:00:00+00:00"
    path.write_text(json.dumps(record))


def _delete(home: Path, name: str) -> None:
    (home / "findings" / name / "G1.json").unlink()


def _change(home: Path, name: str) -> None:
    (home / "findings" / name / "G1.json").write_text("{}")


def _exclude(home: Path, name: str) -> None:
    del home, name
    assert main(["data", "exclude", "planted", "3", "--reason", "a test"]) == 0


def _lose(home: Path, name: str) -> None:
    del name
    shutil.rmtree(next((home / "runs").iterdir()))


def _unlink(home: Path, name: str) -> None:
    (home / "findings" / f"{name}.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "fault", "what"),
    [
        (_edit, "edited record", "its history says"),
        (_edit, "edited record", "the record says"),
        (_backdate, "backdated preregistration", "2020-01-01"),
        (_delete, "deleted artefact", "G1.json"),
        (_change, "changed artefact", "G1.json"),
        (_exclude, "changed input", "stale: G1"),
        (_lose, "changed input", "an input is gone"),
        (_unlink, "edited record", "is gone"),
        (_vanish, "deleted finding", "its history is gone"),
    ],
)
def test_tampering_is_named(emotui, home: Path, base, spoil: Spoil, fault: str, what: str):
    name = supported(emotui, base)
    assert emotui("audit", "check").code == 0
    spoil(home, name)
    done = emotui("audit", "check")
    assert done.code == 1
    assert name in done.out
    assert any(fault in line and what in line for line in done.out.splitlines()), done.out


def test_changed_input_runs_again_and_holds_again(emotui, home: Path, base):
    name = supported(emotui, base)
    first = emotui("audit", "show", name, "--json").json
    _exclude(home, name)
    done = emotui("audit", "run", name, "--preset", "quick")
    assert "inputs changed since they ran, so they run again: G1" in done.err
    second = emotui("audit", "show", name, "--json").json
    assert second["inputs"]["labels"] != first["inputs"]["labels"]
    assert emotui("audit", "check").code == 0
    assert "stale" in [e.kind for e in events(Home(home), name)]


def test_a_new_claim_on_the_data_makes_the_correction_stale(emotui, home: Path, base):
    del home
    name = supported(emotui, base)
    enter(emotui, base, *COSINE, "--claim", "once more")
    done = emotui("audit", "check")
    assert "claims on the data was 1, is 2; stale: G1, R2" in done.out
    again = emotui("audit", "run", name, "--preset", "quick")
    assert "kept from before: G3, X1, G2" in again.err
    assert emotui("audit", "show", name, "--json").json["family_size"] == 2


def test_cancel_keeps_what_is_done_and_resume_does_not_repeat_it(emotui, home: Path, base):
    name = enter(emotui, base, *COSINE, *ALIKE, "--preset", "quick")["id"]
    here = Home(home)
    seen: list[Event] = []

    def stop() -> bool:
        return bool(seen)

    job = audit_job(here, AuditRequest(name), engine=Engine(), cancelled=stop)
    with pytest.raises(Cancelled):
        list(watch(job, seen))
    audit = open_audit(here, name)
    assert list(audit.evidence) == ["G1"]
    at = audit.evidence["G1"].at
    assert emotui("audit", "show", name, "--json").json["verdict"]["missing"] == ["G2", "G3", "X1"]
    found = list(audit_job(here, AuditRequest(name), engine=Engine()))
    assert any(isinstance(e, Note) and e.text == "kept from before: G1" for e in found)
    assert isinstance(found[-1], Done)
    audit = open_audit(here, name)
    assert audit.evidence["G1"].at == at
    assert set(audit.evidence) == {"G1", "G2", "G3", "X1"}


def test_sealed_thresholds_decide(emotui, home: Path, base):
    del home
    sealed = ("--prereg", "--preset", "quick", "--threshold", "G3=0.9999999,0.9999998")
    record = enter(emotui, base, *COSINE, *ALIKE, *sealed)
    assert record["prereg"]["plan"]["thresholds"]["G3"] == [0.9999999, 0.9999998]
    done = emotui("audit", "run", record["id"], *QUICK, "--json").json
    assert done["controls"]["G3"]["state"] == "fail"
    assert done["verdict"]["word"] == "REFUTED-AS-WORDED"
    deviated = emotui("audit", "run", record["id"], "--preset", "standard", "--control", "X1",
                      "--quiet", "--json").json  # fmt: skip
    assert "standard" in deviated["prereg"]["deviations"][0]["what"]
    assert deviated["controls"]["R1"]["state"] == "warn"


def test_steering_counts_its_forward_passes_first(emotui, home: Path):
    del home
    done = emotui(
        "audit", "new", "--kind", "steering", "--vectors", "four", "--emotion", "joyful",
        "--layer", "1", "--alpha", "0.5", "--claim", "adding joyful raises the odds of its words",
        "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert len(done.json["subject"]["prompts"]) == 40
    run = emotui("audit", "run", done.json["id"], "--preset", "quick", "--thorough")
    assert run.code == 0, run.err
    assert "forward passes and 84 generated texts at most" in run.err
    first = next(line for line in run.err.splitlines() if "forward passes" in line)
    assert run.err.index(first) < run.err.index("C12 n/a")
    record = emotui("audit", "show", done.json["id"], "--json").json
    assert record["verdict"]["missing"] == []
    spent = sum(c["cost"]["forwards"] for c in record["controls"].values())
    counted = int(first.split("run, ")[1].split(" ")[0].replace(",", ""))
    assert 0 < spent <= counted
    for control in ("I1", "I2", "I3", "C4", "C1"):
        assert record["controls"][control]["numbers"]


def test_steering_on_the_prompts_of_the_choice_is_refuted(emotui, home: Path, tmp_path: Path):
    del home
    prompts = tmp_path / "prompts.txt"
    lines = [f"{text('calm', 50 + i, 0)}" for i in range(8)]
    prompts.write_text("\n".join(lines))
    steer = ("--emotion", "joyful", "--layer", "1", "--max-new-tokens", "2", "--quiet")
    for alpha in ("0.2", "0.5"):
        assert emotui("steer", "four", *steer, "--alpha", alpha, "--prompt", lines[0]).code == 0
    record = emotui(
        "audit", "new", "--kind", "steering", "--vectors", "four", "--emotion", "joyful",
        "--layer", "1", "--alpha", "0.5", "--claim", "joyful steers", "--prompts", prompts,
        "--json",
    ).json  # fmt: skip
    assert record["forks"] == 3  # the build and two alphas
    done = emotui("audit", "run", record["id"], *QUICK, "--json").json
    assert done["controls"]["C12"]["reasons"] == [
        "1 of 8 test prompts served the choice of 2 settings"
    ]
    assert done["verdict"]["word"] == "REFUTED-AS-WORDED"


def test_report_states_licensed_sentences_and_escapes(emotui, home: Path, base, tmp_path: Path):
    del home
    name = supported(emotui, base)
    enter(emotui, base, *COSINE, "--claim", "<script>alert(1)</script> \x1b[31m|x")
    out = tmp_path / "report"
    done = emotui("audit", "report", "--out", out, "--json")
    assert done.code == 0, done.err
    assert done.json["findings"] == 2
    page, markdown = (out / "audit.html").read_text(), (out / "AUDIT.md").read_text()
    sentence = emotui("audit", "show", name, "--json").json["verdict"]["sentence"]
    assert "length-matched cosine of joyful and glad" in sentence
    assert "length-matched cosine of joyful and glad" in page
    assert "length-matched cosine of joyful and glad" in markdown
    for text_of in (page, markdown):
        assert "<script" not in text_of
        assert "\x1b" not in text_of
    assert "http://www.w3.org" not in page or "<svg" in page
    assert "src=" not in page
    assert "stale: G1, R2" in page


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["new", "--kind", "prob"], "--emotion is missing"),
        (["new", "--kind", "prob", "--emotion", "sad", "--claim", "x"], "did you mean 'probe'"),
        (["new", *COSINE[:4], "--claim", "x", "--run", "{run}"], "--with EMOTION"),
        (["new", *COSINE[:5], "joyfull", "--claim", "x", "--run", "{run}"],
         "did you mean 'joyful'"),
        (["new", *COSINE[:6], "--layer", "9", "--claim", "x", "--run", "{run}"], "layers are 0-2"),
        (["new", *COSINE, "--claim", "x"], "needs --run"),
        (["new", *COSINE, "--claim", "x", "--run", "{run}", "--threshold", "G3=1,2"],
         "add --prereg"),
        (["new", *COSINE, "--claim", "x", "--run", "{run}", "--threshold", "G3"], "KEY=PASS,WARN"),
        (["new", "--kind", "steering", "--emotion", "sad", "--claim", "x"], "--alpha NUMBER"),
        (["run", "nothing"], "no finding named 'nothing'"),
        (["show", "nothing"], "no finding named 'nothing'"),
        (["check", "nowhere"], "is no folder"),
        (["check", "--head", "x=1"], "which is not there"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(emotui, home: Path, base, args: list[str], message: str):
    del home
    done = emotui("audit", *[a.replace("{run}", base[1]) for a in args])
    assert done.code == 2
    assert message in done.error


def test_nothing_yet(emotui):
    assert "no findings yet" in emotui("audit", "list").out
    assert emotui("audit", "list", "--json").json == []
    assert emotui("audit", "check").code == 0
