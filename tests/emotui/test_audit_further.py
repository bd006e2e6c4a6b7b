"""What a claim is held against beside its run: norms, other runs; the controls that read them.

Nine emotions with words of their own in a tiny real model; a second dataset has the same words in
other sentences, a third none of them. What is asserted is that each control finds its input, says
so where there is none, and becomes stale when it changes; the statistics have tests of their own.
"""

import json
import random
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from emotui.cli import main
from emotui.errors import OptionError
from emotui.jobs.audit_axis import axis_steps
from emotui.jobs.audit_cosine import cosine_steps
from emotui.jobs.audit_data import Means, source_of
from emotui.jobs.audit_probe import probe_steps
from emotui.jobs.audit_record import open_audit
from emotui.jobs.engine import Engine
from emotui.norms import read_norms
from store.findings import events
from store.layout import Home
from store.runs import Run
from vectors.audits.registry import computed_for, required

EMOTIONS = ("joyful", "proud", "calm", "content", "sad", "angry", "afraid", "ashamed", "lonely")
WORDS = {e: [f"{e[:3]}{end}" for end in ("la", "mi", "ro")] for e in EMOTIONS}
STORY = ["the", "door", "stood", "open", "and", "people", "walked", "by"]
TALK = ["yes", "no", "well", "you", "said", "so", "then"]
NORMS = "Emotion,pleasure,arousal,dominance\n" + "".join(
    f"{e.title() if e == 'joyful' else e},{0.8 - 0.2 * k},{(-1) ** k * 0.5},0\n"
    for k, e in enumerate(EMOTIONS)
)  # fmt: skip
QUICK = ("--preset", "quick", "--quiet", "--json")


def rows(words: list[str], topics: int, *, marked: bool = True) -> str:
    out = []
    for topic in range(topics):
        for e in EMOTIONS:
            for i in range(2):
                rng = random.Random(f"{words[0]} {topic} {e} {i}")
                text = rng.choices(words, k=8) + (rng.choices(WORDS[e], k=5) if marked else [])
                rng.shuffle(text)
                row = {"text": " ".join(text), "emotion": e, "topic": f"topic {topic}"}
                out.append(json.dumps(row) + "\n")
    return "".join(out)


@pytest.fixture(scope="session")
def nine(tmp_path_factory: pytest.TempPathFactory, model_dir: Path, make_tiny_model: Any) -> Path:
    """A home with runs over stories (two poolings), talk, plain texts and by two other models."""
    folder = tmp_path_factory.mktemp("nine")
    other = make_tiny_model(folder / "other-model", width=24, seed=9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTUI_HOME", str(folder / "home"))
        for name, text in (
            ("stories", rows(STORY, 12)),
            ("talk", rows(TALK, 8)),
            ("plain", rows(TALK, 4, marked=False)),
        ):
            file = folder / f"{name}.jsonl"
            file.write_text(text, encoding="utf-8")
            labelled = ["--label", "emotion", "--topic", "topic", "--quiet"]
            assert main(["data", "import", str(file), "--name", name, *labelled]) == 0
        both = ["--pool", "mean,last", "--quiet"]
        for data in ("stories", "talk", "plain"):
            assert main(["extract", "--model", str(model_dir), "--data", data, *both]) == 0
        assert main(["extract", "--model", str(other), "--data", "stories", *both]) == 0
        half = ["--model", str(model_dir), "--dtype", "bfloat16", "--data", "stories", *both]
        assert main(["extract", *half]) == 0
    (folder / "home" / "norms.csv").write_text(NORMS, encoding="utf-8")
    return folder / "home"


@pytest.fixture
def home(nine: Path, emotui: Any, tmp_path: Path) -> Path:
    """A copy that the test may spoil; `emotui` works on it."""
    del emotui  # it points EMOTUI_HOME to tmp_path / "home"
    return Path(shutil.copytree(nine, tmp_path / "home"))


def run_of(home: Path, dataset: str, *, width: int = 32, dtype: str = "float32") -> str:
    for folder in sorted((home / "runs").iterdir()):
        with closing(Run.open(Home(home), folder.name)) as run:
            i = run.identity
            if (i.dataset, i.d_model, i.weights_dtype) == (dataset, width, dtype):
                return folder.name
    raise AssertionError(f"no run of {dataset}")


def width_of(home: Path) -> int:
    widths = set()
    for folder in (home / "runs").iterdir():
        with closing(Run.open(Home(home), folder.name)) as run:
            widths.add(run.identity.d_model)
    return max(widths - {24})


@pytest.fixture
def stories(home: Path) -> str:
    """The run the claims are about."""
    return run_of(home, "stories", width=width_of(home))


PROBE = ("--kind", "probe", "--emotion", "joyful", "--claim", "joyful is decodable")
COSINE = ("--kind", "cosine", "--emotion", "joyful", "--with", "sad", "--claim", "they are alike")
AXIS = ("--kind", "axis", "--emotion", "valence", "--claim", "an axis goes with valence")


def enter(emotui: Any, *args: object) -> dict[str, Any]:
    done = emotui("audit", "new", *args, "--layer", "1", "--json")
    assert done.code == 0, done.err
    return done.json


def everything(home: Path) -> tuple[str, ...]:
    width = width_of(home)
    plain, talk = (run_of(home, d, width=width) for d in ("plain", "talk"))
    norms = str(home / "norms.csv")
    return ("--keyword-free", talk, "--register", talk, "--neutral-run", plain, "--norms", norms)


@pytest.mark.parametrize(
    ("kind", "args"), [("probe", PROBE), ("cosine", COSINE), ("axis", AXIS)]
)  # fmt: skip
def test_every_control_of_a_kind_has_a_step_and_none_is_of_another(
    emotui, home: Path, stories: str, kind: Any, args: tuple[str, ...]
):
    layer = () if kind == "probe" else ("--layer", "1")
    more = ("--norms", home / "norms.csv") if kind == "axis" else ()
    done = emotui("audit", "new", "--run", stories, *args, *layer, *more, "--json")
    audit = open_audit(Home(home), done.json["id"])
    means = Means(Home(home), Engine())
    steps_of = {"probe": probe_steps, "cosine": cosine_steps, "axis": axis_steps}[kind]
    with source_of(Home(home), audit.subject) as source:
        steps = steps_of(source, audit, means)
    assert sorted(s.control for s in steps) == sorted(computed_for(kind))
    unasked = {s.control for s in steps if not s.optional}
    assert set(required(audit.claim)) <= unasked
    assert unasked - set(required(audit.claim)) <= {"X2", "X3"}


def test_without_anything_given_they_say_what_is_open(emotui, home: Path, stories: str):
    del home
    name = enter(emotui, "--run", stories, *COSINE)["id"]
    asked = [a for c in ("G5", "G8", "X4", "X5", "X6") for a in ("--control", c)]
    found = emotui("audit", "run", name, *asked, *QUICK).json["controls"]
    for control in ("G5", "G8", "X4", "X5", "X6"):
        assert found[control]["state"] == "n/a", control
        assert "open" in found[control]["reasons"][0]
    assert "G1" not in found, "only what was asked for runs"


def test_a_probe_claim_with_everything_given(emotui, home: Path, stories: str):
    second = run_of(home, "stories", width=24)
    args = ("--run", stories, *PROBE, *everything(home), "--second-run", second)
    name = enter(emotui, *args)["id"]
    done = emotui("audit", "run", name, "--all-controls", "--thorough", "--preset", "quick")
    assert done.code == 0, done.err
    assert f"{2 * 216:,} forward passes" in done.err  # two untrained twins, said before the start
    record = emotui("audit", "show", name, "--json").json
    assert set(computed_for("probe")) <= record["controls"].keys()
    found = record["controls"]
    assert found["X3"]["numbers"]["auroc"]["n"] == 144
    assert any(k.startswith("tau, ") for k in found["X4"]["numbers"])
    assert found["X5"]["numbers"]["rho"]["n"] == 36  # pairs of nine emotions
    assert found["X5"]["nulls"][0]["b"] == 99
    assert found["X6"]["state"] == "n/a"  # the second run is of another model
    assert {"default", "last"} <= found["P9"]["numbers"].keys()
    assert {"untrained, seed 0", "untrained, seed 1"} <= found["P8"]["numbers"].keys()
    assert found["P4"]["numbers"]["layer 0"]["n"] == 216
    twins = [p.name for p in (home / "runs").iterdir() if "untrained" in p.name]
    assert len(twins) == 2
    checked = emotui("audit", "check", "--json").json["findings"][0]
    assert checked["stale"] == []
    assert not checked["problems"]


def test_another_precision_is_compared_vector_by_vector(emotui, home: Path, stories: str):
    half = run_of(home, "stories", width=width_of(home), dtype="bfloat16")
    for args in (PROBE, COSINE):
        name = enter(emotui, "--run", stories, *args, "--second-run", half)["id"]
        only = ("--control", "X6", "--control", "X5")
        found = emotui("audit", "run", name, *only, *QUICK).json["controls"]
        assert found["X6"]["numbers"]["cosine"]["value"] > 0.98
        assert found["X5"]["state"] == "n/a"


def test_an_axis_claim_fills_its_sentence_from_g6(emotui, home: Path, stories: str):
    norms = ("--norms", home / "norms.csv")
    record = enter(emotui, "--run", stories, *AXIS, *norms, "--component", "2", "--prereg")
    assert record["id"] == "axis-valence-1"
    assert record["claim"]["emotions"] == []
    assert record["claim"]["statistic"] == "r with valence"
    assert record["verdict"]["missing"] == ["G2", "G6", "X1"]
    assert ["joyful", 0.8, 0.5] in record["subject"]["norms"]  # named "Joyful" in the file
    assert "columns pleasure and arousal" in record["subject"]["norms_source"]
    done = emotui("audit", "run", record["id"], "--all-controls", "--thorough", *QUICK).json
    assert set(computed_for("axis")) <= done["controls"].keys()
    g6 = done["controls"]["G6"]
    assert g6["numbers"]["component"]["value"] == 2
    assert g6["nulls"][0]["kind"].startswith("emotions permuted")
    assert "permuted within topics" in g6["nulls"][1]["kind"]
    assert done["controls"]["R2"]["numbers"]["p adjusted"]["n"] == 1
    sentence = done["verdict"]["sentence"]
    if done["verdict"]["word"] not in ("INCONCLUSIVE", "UNTESTED"):
        assert "PC2 of the emotion vectors correlates with valence at |r|" in sentence
        assert "n=9 emotions" in sentence
        assert "of the variance" in sentence


def test_supply_makes_what_reads_it_stale_and_no_more(emotui, home: Path, stories: str):
    name = enter(emotui, "--run", stories, *COSINE)["id"]
    asked = [a for c in ("G4", "G5", "X4") for a in ("--control", c)]
    emotui("audit", "run", name, *asked, *QUICK)
    given = everything(home)[2:]
    done = emotui("audit", "supply", name, *given, "--json")
    assert done.code == 0, done.err
    assert done.json["subject"]["neutral"].endswith(given[3][-12:])
    last = [e for e in events(Home(home), name) if e.kind == "supplied"]
    assert set(last[0].body) == {"registers", "neutral", "norms_source"}
    checked = emotui("audit", "check", "--json").json["findings"][0]
    assert set(checked["stale"]) == {"G5", "X4"}
    again = emotui("audit", "run", name, "--preset", "quick", "--thorough")
    assert "run again: G5, X4" in again.err or "run again: X4, G5" in again.err
    record = emotui("audit", "show", name, "--json").json
    assert record["controls"]["G5"]["state"] != "n/a"
    assert record["controls"]["X4"]["state"] != "n/a"
    assert record["inputs"]["norms"] != "none"
    assert emotui("audit", "check", "--json").json["findings"][0]["stale"] == []


def test_other_norms_for_a_sealed_axis_claim_are_a_deviation(emotui, home: Path, stories: str):
    norms = home / "norms.csv"
    name = enter(emotui, "--run", stories, *AXIS, "--norms", norms, "--prereg")["id"]
    norms.write_text(NORMS.replace("0.8,", "0.7,"), encoding="utf-8")
    record = emotui("audit", "supply", name, "--norms", norms, "--json").json
    assert "other norms" in record["prereg"]["deviations"][0]["what"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--kind", "axis", "--emotion", "valence", "--claim", "x"], "needs --norms"),
        (["--kind", "axis", "--emotion", "joyful", "--claim", "x"], "valence or arousal"),
        ([*AXIS, "--norms", "{norms}", "--component", "7"], "allowed: 1 to 5"),
        ([*AXIS[:5], "PC1 is valence", "--norms", "{norms}"], "names PC1; give the same"),
        ([*AXIS[:5], "PC1 is valence", "--norms", "{norms}", "--component", "2"], "names PC1"),
        ([*AXIS, "--norms", "{norms}", "--direction", "less"], "has no sign"),
        ([*PROBE, "--component", "1"], "belongs to an axis claim"),
        ([*PROBE, "--register", "{run}"], "names the claim's own run"),
        ([*PROBE, "--second-run", "{run}"], "names the claim's own run"),
        ([*PROBE, "--register", "{other}"], "extract the texts with that one"),
        ([*PROBE, "--neutral-run", "{other}"], "extract the neutral texts with that one"),
        ([*PROBE, "--second-run", "{talk}"], "same model over other texts"),
        ([*PROBE, "--register", "nowhere"], "no run named 'nowhere'"),
        ([*PROBE, "--norms", "nowhere.csv"], "cannot be read"),
        ([*PROBE, "--paraphrases", "{norms}"], "does not hold {} once"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(emotui, home: Path, stories: str, args: list[str], message: str):
    places = {
        "{run}": stories,
        "{talk}": run_of(home, "talk", width=width_of(home)),
        "{other}": run_of(home, "stories", width=24),
        "{norms}": str(home / "norms.csv"),
    }
    done = emotui("audit", "new", "--run", stories, *[places.get(a, a) for a in args])
    assert done.code == 2
    assert message in done.error
    assert emotui("audit", "list", "--json").json == []


def test_supply_without_anything_is_one_line(emotui, home: Path, stories: str):
    del home
    name = enter(emotui, "--run", stories, *PROBE)["id"]
    done = emotui("audit", "supply", name)
    assert done.code == 2
    assert "nothing is given" in done.error


@pytest.mark.parametrize(
    ("text", "first", "scale"),
    [
        ("emotion,valence,arousal\na,1,5\nb,9,3\n", ("a", -1.0, 0.0), "scale 1 to 9"),
        ("emotion,valence,arousal\na,1,4\nb,7,3\n", ("a", -1.0, 0.0), "scale 1 to 7"),
        ("emotion,arousal,valence\na,5,1\nb,3,3\n", ("a", -1.0, 1.0), "scale 1 to 5"),
        ("emotion,valence,arousal\na,0.25,1\nb,0.5,0\n", ("a", -0.5, 1.0), "scale 0 to 1"),
        ("emotion,valence,arousal\na,-0.25,1\nb,0.5,0\n", ("a", -0.25, 1.0), "scale -1 to 1"),
    ],
)
def test_norms_of_known_scales(
    tmp_path: Path, text: str, first: tuple[str, float, float], scale: str
):
    path = tmp_path / "norms.csv"
    path.write_text(text, encoding="utf-8")
    found = read_norms(path)
    assert found.rows[0] == first
    assert scale in found.source
    assert "sha256 " in found.source


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("emotion,arousal\na,1\n", "needs emotion, valence"),
        ("emotion,valence,arousal\na,x,1\n", "line 2: 'x' in valence is no number"),
        ("emotion,valence,arousal\na,nan,1\n", "is no number"),
        ("emotion,valence,arousal\na,1,1\na,1,1\n", "line 3 names a again"),
        ("emotion,valence,arousal\n,1,1\n", "names no emotion"),
        ("emotion,valence,arousal\na,-40,1\n", "known scales"),
        ("emotion,valence,arousal\n", "has no rows"),
        ("emotion,valence,arousal\na,1\n", "is no number"),
    ],
)
def test_norms_that_are_not_understood(tmp_path: Path, text: str, message: str):
    path = tmp_path / "norms.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(OptionError, match=message):
        read_norms(path)


def test_the_norms_of_the_real_inputs_are_read(data_root: Path):
    found = read_norms(data_root / "words" / "rm1977_overlap44.csv")
    assert len(found.rows) == 44
    assert ("kind", 0.73, 0.19) in found.rows


def test_p3_judges_single_tokens_where_the_run_keeps_them(
    emotui, home: Path, stories: str, model_dir: Path
):
    del home
    plain = enter(emotui, "--run", stories, *PROBE)["id"]
    only = ("--control", "P3", "--control", "R8")
    whole = emotui("audit", "run", plain, *only, *QUICK).json["controls"]
    assert whole["P3"]["state"] == "n/a"
    assert "reported only" in whole["P3"]["reasons"][0]
    assert whole["R8"]["state"] == "pass"
    kept = ("--pool", "mean", "--layers", "1", "--tokens", "1", "--quiet", "--json")
    made = emotui("extract", "--model", model_dir, "--data", "stories", *kept).json["run"]
    name = enter(emotui, "--run", made, *PROBE)["id"]
    found = emotui("audit", "run", name, *only, *QUICK).json
    p3 = found["controls"]["P3"]
    assert p3["state"] in ("pass", "warn", "fail")
    assert p3["numbers"]["task"]["n"] > 1500  # of 216 texts, up to twelve tokens each
    assert "R8" in emotui("audit", "run", name, "--control", "P2", *QUICK).json["controls"]
    assert "tokens" in found["inputs"]
    assert emotui("audit", "check", "--json").json["findings"][0]["stale"] == []
