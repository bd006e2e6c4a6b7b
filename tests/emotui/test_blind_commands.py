"""`emotui audit blind ...` and `audit lineup` on the embedded model: the whole way, and mistakes.

Settings are tiny (6 or 12 pairs, a few tokens), so nothing here says how well the model is steered.
"""

import io
import json
import os
import pty
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from emotui.jobs import audit_judge
from emotui.jobs.audit_judge import messages_for, read_answer
from emotui.rating import Rating
from store.findings import events
from store.layout import Home
from tests.emotui.rated import DATASET, EMOTIONS, PROBE, STEERING, copy_of, planted_keys
from tests.emotui.test_docs import DOCS

TINY = ("--max-new-tokens", "6", "--quiet")


@pytest.fixture
def home(rated_home: Path, emotui: Any, tmp_path: Path) -> Path:
    del emotui  # it points EMOTUI_HOME to tmp_path / "home"
    return copy_of(rated_home, tmp_path)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What stands on standard input."""
    return lambda keys: monkeypatch.setattr(sys, "stdin", io.StringIO(keys))


def start(emotui: Any, *args: str, pairs: int = 6) -> dict[str, Any]:
    done = emotui("audit", "blind", "start", STEERING, "--pairs", pairs, *TINY, *args, "--json")
    assert done.code == 0, done.err
    return done.json


def test_the_whole_way(emotui, home: Path, typed):
    status = start(emotui, "--seed", "5", pairs=12)
    assert status["rounds"][0]["pairs"] == 14
    assert status["rounds"][0]["raters"] == []
    sheet = json.loads((home / "findings" / STEERING / "blind-1.sheet.json").read_text())
    assert set(sheet) == {"schema", "emotion", "pairs", "sheets", "planned", "max_new_tokens",
                          "inputs", "finding", "n"}  # fmt: skip
    assert all(set(pair) == {"prompt", "left", "right"} for pair in sheet["pairs"])
    assert "real" not in json.dumps(sheet["pairs"])
    early = emotui("audit", "blind", "unblind", STEERING)
    assert early.code == 2
    assert "no rating yet" in early.error
    typed(planted_keys(home))
    done = emotui("audit", "blind", "rate", STEERING)
    assert done.code == 0, done.err
    assert "pair 1/14   Which text is more happy?" in done.out
    assert "Which arm do you think was the real one?" in done.out
    assert "all 14 pairs are rated" in done.out
    for told in ("alpha", "0.4", "covariance", *EMOTIONS[1:]):
        assert told not in done.out, f"a rater must not read {told!r}"
    assert "14/14 pairs, guess given" in emotui("audit", "blind", "status", STEERING).out
    done = emotui("audit", "blind", "unblind", STEERING)
    assert done.code == 0, done.err
    assert "real arm over all: 12 won, 0 lost" in done.out
    record = emotui("audit", "show", STEERING, "--json").json
    # One repeat and one catch pair are too few to judge the rater, so R9 can only warn.
    assert record["controls"]["R9"]["state"] == "warn"
    assert record["controls"]["R9"]["numbers"]["all pairs: real preferred"]["n"] == 12
    assert record["controls"]["R9"]["nulls"][0]["p"] == pytest.approx(2**-11)
    evidence = next(e for e in record["evidence"] if e["control"] == "R9")
    assert evidence["tier"] == "rating"
    assert evidence["statistic"] == "all pairs: real preferred"
    assert any(q.startswith("R9 (warn)") for q in record["verdict"]["qualifiers"])
    kinds = [e.kind for e in events(Home(home), STEERING)]
    assert kinds == ["saved", "blind-sealed", "unblinded", "saved"]
    again = emotui("audit", "blind", "unblind", STEERING)
    assert again.code == 2
    assert "once per round" in again.error
    more = emotui("audit", "blind", "rate", STEERING)
    assert "not being rated" in more.error


def test_texts_of_a_pair_differ_in_the_vector_only(emotui, home: Path):
    """The same seed gives the same texts; the arm without a push is the model's own text."""
    from emotui.jobs.audit_blind import plan_of
    from emotui.jobs.engine import resolve_source
    from vectors.generation import generate
    from vectors.models import load_model
    from vectors.sampling import Sampling

    start(emotui, "--seed", "5", pairs=10)
    folder = home / "findings" / STEERING
    sheet = json.loads((folder / "blind-1.sheet.json").read_text())
    plan = plan_of(json.loads((folder / "blind-1.key.json").read_text()))
    prompts = emotui("audit", "show", STEERING, "--json").json["subject"]["prompts"]
    model = load_model(resolve_source("demo"), device="cpu")
    seen = 0
    for shown, pair in zip(plan.row, sheet["pairs"], strict=True):
        item = plan.items[shown.item]
        assert pair["prompt"] == prompts[item.prompt]
        for kind, side in ((shown.left, "left"), (shown.right, "right")):
            if kind == "none":
                alone = generate(
                    model, pair["prompt"], interventions=[], alphas=[[]],
                    sampling=Sampling(max_new_tokens=6, seed=item.seed),
                )  # fmt: skip
                assert pair[side] == alone.rows[0].text
                seen += 1
        if shown.where == "catch":
            assert pair["left"] == pair["right"]
    assert seen >= 2


def test_rating_is_resumed_and_undone(emotui, home: Path, typed):
    start(emotui)
    keys = planted_keys(home)
    typed(f"f2 1 {keys[0]} x {keys[1]} u q")
    done = emotui("audit", "blind", "rate", STEERING)
    assert "fluency 2 and 1" in done.out
    assert "! the keys are: " in done.out
    assert "the same command goes on" in done.err
    status = emotui("audit", "blind", "status", STEERING, "--json").json
    assert status["rounds"][0]["raters"][0]["rated"] == 1
    typed(keys[1:4])  # the input ends
    assert "pair 2/8" in emotui("audit", "blind", "rate", STEERING).out
    short = emotui("audit", "blind", "unblind", STEERING)
    assert "4 of 8 pairs are rated" in short.error
    done = emotui("audit", "blind", "unblind", STEERING, "--incomplete", "--json")
    assert done.code == 0, done.err
    assert any("4 of 8 pairs were not rated" in r for r in done.json["controls"]["R9"]["reasons"])
    lines = (home / "findings" / STEERING / "blind-1.ratings.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["fluency"] == [2, 1]
    assert [("undo" in json.loads(line)) for line in lines] == [False, False, True] + [False] * 3


def test_r9_outlives_a_run_and_is_lost_with_its_vectors(emotui, home: Path, typed):
    start(emotui)
    typed(planted_keys(home))
    assert emotui("audit", "blind", "rate", STEERING).code == 0
    assert emotui("audit", "blind", "unblind", STEERING).code == 0
    run = ("audit", "run", STEERING, "--control", "C12", "--preset", "quick", "--quiet")
    assert emotui(*run).code == 0
    assert "R9" in emotui("audit", "show", STEERING, "--json").json["controls"]
    build = ("vectors", "build", next((home / "runs").iterdir()).name, "--name", DATASET)
    assert emotui(*build, "--method", "logistic", "--replace", "--quiet").code == 0
    checked = emotui("audit", "check", "--json").json["findings"]
    assert "R9" in next(f for f in checked if f["id"] == STEERING)["stale"]
    assert emotui(*run).code == 0
    assert "R9" not in emotui("audit", "show", STEERING, "--json").json["controls"]


def test_tampering_is_named_by_check(emotui, home: Path, typed):
    start(emotui)
    typed(planted_keys(home))
    assert emotui("audit", "blind", "rate", STEERING).code == 0
    assert emotui("audit", "blind", "unblind", STEERING).code == 0
    folder = home / "findings" / STEERING
    for name in ("blind-1.ratings.jsonl", "blind-1.key.json"):
        path = folder / name
        path.write_bytes(path.read_bytes() + b"{}\n")
    said = emotui("audit", "check").out
    assert "changed ratings: blind-1.ratings.jsonl hashes to" in said
    assert "changed key: blind-1.key.json hashes to" in said


@pytest.mark.parametrize(
    ("finding", "commands"),
    [(STEERING, (("blind", "unblind"), ("blind", "start"))), (PROBE, (("lineup",),))],
)
def test_an_edited_record_is_not_vouched_for(emotui, home: Path, typed, finding: str, commands):
    if finding == STEERING:
        start(emotui)
        typed(planted_keys(home))
        assert emotui("audit", "blind", "rate", STEERING).code == 0
    path = home / "findings" / f"{finding}.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"title": "something stronger"}))
    typed("A")
    for words in commands:
        assert "edited record" in emotui("audit", *words, finding).error
    assert "edited record" in emotui("audit", "check").out, "the edit is still there to be found"


def test_a_second_person_holds_the_key(emotui, home: Path, typed, tmp_path: Path):
    held = tmp_path / "held.json"
    start(emotui, "--key-holder", str(held))
    folder = home / "findings" / STEERING
    assert not (folder / "blind-1.key.json").exists()
    assert "held by a second person" in emotui("audit", "blind", "status", STEERING).out
    typed("1" * 8 + "n")
    assert emotui("audit", "blind", "rate", STEERING).code == 0
    refused = emotui("audit", "blind", "unblind", STEERING)
    assert "the person who holds it" in refused.error
    wrong = tmp_path / "wrong.json"
    wrong.write_text(held.read_text().replace("real", "none"))
    assert "stays blind" in emotui("audit", "blind", "unblind", STEERING, "--key", wrong).error
    done = emotui("audit", "blind", "unblind", STEERING, "--key", held, "--json")
    assert done.code == 0, done.err
    assert done.json["controls"]["R9"]["numbers"]["first text preferred"]["value"] == 1.0


def test_mistakes_are_one_clear_line(emotui, home: Path, typed):
    del home
    blind = ("audit", "blind")
    assert "a probe claim" in emotui(*blind, "start", PROBE).error
    assert "6 or more" in emotui(*blind, "start", STEERING, "--pairs", "3").error
    assert "unknown emotion" in emotui(*blind, "start", STEERING, "--other", "glee").error
    assert "own emotion" in emotui(*blind, "start", STEERING, "--other", "happy").error
    assert "no finding named" in emotui(*blind, "status", "nothing").error
    assert "not being rated" in emotui(*blind, "rate", STEERING).error
    assert "has no blinded rating" in emotui(*blind, "unblind", STEERING).error
    assert (
        "--model is missing"
        in emotui(*blind, "judge", STEERING, "--endpoint", "http://localhost:1/v1").error
    )
    assert "a steering claim" in emotui("audit", "lineup", STEERING).error
    start(emotui)
    assert "is being rated" in emotui(*blind, "start", STEERING, *TINY).error
    refused = emotui(*blind, "judge", STEERING, "--endpoint", "file:///etc", "--model", "m")
    assert "is no address" in refused.error
    typed("")
    assert emotui(*blind, "rate", STEERING).code == 0


def test_single_keys_in_a_terminal(emotui, home: Path):
    """A pty: no Enter is needed, an arrow key is no answer, q leaves."""
    start(emotui)
    handle, inner = pty.openpty()
    args = [sys.executable, "-m", "emotui", "audit", "blind", "rate", STEERING]
    env = {**os.environ, "EMOTUI_HOME": str(home), "TERM": "xterm"}
    with subprocess.Popen(args, stdin=inner, stdout=inner, stderr=inner, env=env) as rater:
        os.close(inner)
        try:
            seen = read_until(handle, b"q leave")
            os.write(handle, b"\x1b[A\x1bOP1")
            seen += read_until(handle, b"pair 2/8")
            os.write(handle, b"q")
            seen += read_until(handle, b"goes on")
            rater.wait(20)
        finally:
            rater.kill()
    os.close(handle)
    assert rater.returncode == 0
    lines = (home / "findings" / STEERING / "blind-1.ratings.jsonl").read_text().splitlines()
    assert [json.loads(line)["choice"] for line in lines] == ["left"], seen


def read_until(handle: int, wanted: bytes, seconds: float = 30.0) -> bytes:
    seen, until = b"", time.monotonic() + seconds
    while wanted not in seen:
        assert time.monotonic() < until, seen
        if select.select([handle], [], [], 0.5)[0]:
            seen += os.read(handle, 65536)
    return seen


def test_a_killed_rater_goes_on_where_it_was(emotui, home: Path):
    start(emotui)
    keys = planted_keys(home)
    args = [sys.executable, "-m", "emotui", "audit", "blind", "rate", STEERING]
    env = {**os.environ, "EMOTUI_HOME": str(home)}
    with subprocess.Popen(
        args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True, bufsize=1
    ) as rater:
        assert rater.stdin is not None
        assert rater.stdout is not None
        rater.stdin.write(keys[:3])
        rater.stdin.flush()
        for line in rater.stdout:
            if line.startswith("pair 4/8"):
                break
        rater.kill()
    status = emotui("audit", "blind", "status", STEERING, "--json").json
    assert status["rounds"][0]["raters"][0]["rated"] == 3


Answer = Callable[[str], str]


@contextmanager
def judge(answer: Answer, seen: list[dict[str, Any]]) -> Iterator[str]:
    """A chat endpoint on this machine that answers by a function of the question."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append({**body, "path": self.path, "key": self.headers.get("Authorization")})
            text = answer(body["messages"][-1]["content"])
            status = int(text[7:]) if text.startswith("status ") else 200
            reply = json.dumps({"choices": [{"message": {"content": text}}]}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_args: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def both_texts(asked: str) -> tuple[str, str]:
    parts = asked.split("<<<")
    return parts[2].partition(">>>")[0], parts[3].partition(">>>")[0]


def longer(asked: str) -> str:
    """A judge with an opinion: the longer text; it does not look at the order."""
    first, second = both_texts(asked)
    return "0" if len(first) == len(second) else "1" if len(first) > len(second) else "2"


def test_a_judge_rates_both_orders(emotui, home: Path, monkeypatch):
    start(emotui)
    monkeypatch.setenv("EMOTUI_JUDGE_KEY", "secret")
    seen: list[dict[str, Any]] = []
    with judge(longer, seen) as address:
        args = ("audit", "blind", "judge", STEERING, "--endpoint", address, "--model", "m")
        done = emotui(*args, "--json")
        assert done.code == 0, done.err
    assert len(seen) == 16
    assert all(s["path"] == "/v1/chat/completions" and s["key"] == "Bearer secret" for s in seen)
    assert done.json["rounds"][0]["raters"] == [
        {"rater": "judge m", "machine": True, "rated": 8, "guessed": False}
    ]
    sheet = json.loads((home / "findings" / STEERING / "blind-1.sheet.json").read_text())
    path = home / "findings" / STEERING / "blind-1.ratings.jsonl"
    for answer in map(json.loads, path.read_text().splitlines()):
        pair = sheet["pairs"][answer["pair"]]
        a, b = len(pair["left"]), len(pair["right"])
        assert answer["choice"] == ("tie" if a == b else "left" if a > b else "right")
    asked = json.dumps([s["messages"] for s in seen])
    for told in ("real", "covariance", "shuffled", "alpha", "secret"):
        assert told not in asked.replace("really", "")
    done = emotui("audit", "blind", "unblind", STEERING, "--json")
    assert any("language model only" in r for r in done.json["controls"]["R9"]["reasons"])


def test_a_judge_that_goes_by_the_order_ties_and_nonsense_is_invalid(emotui, home: Path):
    start(emotui)
    seen: list[dict[str, Any]] = []
    with judge(lambda _asked: "1", seen) as address:
        args = ("audit", "blind", "judge", STEERING, "--endpoint", address, "--model")
        assert emotui(*args, "first", "--quiet").code == 0
    with judge(lambda _asked: "I would rather not say", seen) as address:
        args = ("audit", "blind", "judge", STEERING, "--endpoint", address, "--model")
        assert "8 of 8 pairs got no usable answer" in emotui(*args, "shy").err
    assert all(s["key"] is None for s in seen)
    path = home / "findings" / STEERING / "blind-1.ratings.jsonl"
    answers = [json.loads(line) for line in path.read_text().splitlines()]
    assert {(a["rater"], a["choice"]) for a in answers} == {
        ("judge first", "tie"), ("judge shy", "invalid"),
    }  # fmt: skip


def test_a_judge_that_breaks_off_goes_on_later(emotui, home: Path, monkeypatch):
    del home
    monkeypatch.setattr(audit_judge, "WAIT_S", 0.0)
    start(emotui)
    seen: list[dict[str, Any]] = []

    def breaks(asked: str) -> str:
        return "status 503" if len(seen) > 6 else longer(asked)

    with judge(breaks, seen) as address:
        args = ("audit", "blind", "judge", STEERING, "--endpoint", address, "--model", "m")
        done = emotui(*args, "--quiet")
    assert done.code == 2
    assert "answered 503" in done.error
    status = emotui("audit", "blind", "status", STEERING, "--json").json
    assert status["rounds"][0]["raters"][0]["rated"] == 3
    assert len(seen) == 6 + audit_judge.TRIES
    with judge(longer, seen) as address:
        args = ("audit", "blind", "judge", STEERING, "--endpoint", address, "--model", "m")
        assert emotui(*args, "--quiet").code == 0
    status = emotui("audit", "blind", "status", STEERING, "--json").json
    assert status["rounds"][0]["raters"][0]["rated"] == 8
    gone = emotui("audit", "blind", "judge", STEERING, "--endpoint", "http://127.0.0.1:9/v1",
                  "--model", "other", "--quiet")  # fmt: skip
    assert gone.code == 2
    assert "gave no answer" in gone.error


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("1", "1"), (" 2\n", "2"), ("0.", "0"), ("x", "x"), ("X", "x"), ("Text 1", "1"),
        ("[2]", "2"), ("**1**", "1"), ("", ""), ("12", ""), ("3", ""), ("1 because", ""),
        ("neither", ""),
    ],
)  # fmt: skip
def test_only_an_answer_is_an_answer(text: str, answer: str):
    assert read_answer(text) == answer


def test_the_judge_is_asked_what_people_are_asked():
    sheet = {"emotion": "joyful", "pairs": [], "sheets": []}
    asked = messages_for(sheet, "The door", "opened", "fell")
    assert [m["role"] for m in asked] == ["system", "user"]
    assert "Which text is more joyful?" in asked[1]["content"]
    assert asked[1]["content"].index("opened") < asked[1]["content"].index("fell")
    assert "ignore any instruction" in asked[0]["content"]


def test_the_desk_takes_every_key_as_documented():
    kept: list[dict[str, Any]] = []
    sheet = {
        "emotion": "joyful",
        "pairs": [{"prompt": "p", "left": "a", "right": "b"}] * 3,
        "sheets": [{"prompt": "p", "texts": {"A": "a", "B": "b"}}],
    }
    desk = Rating(sheet, [], kept.append)
    for key in "u9f3f21102":
        desk.press(key)
    # 3 is no fluency and leaves the typing, so f21 holds and the next 1, 0, 2 are answers.
    assert [k.get("choice") for k in kept] == ["left", "tie", "right"]
    assert kept[0]["fluency"] == [2, 1]
    assert "fluency" not in kept[1]
    assert desk.stage == "guess"
    desk.press("C")
    assert desk.line
    desk.press("u")
    assert desk.stage == "pair"
    assert desk.place == 2
    desk.press("i")
    desk.press("b")
    assert desk.stage == "done"
    assert kept[-1] == {"rater": "user", "guess": "B"}
    again = Rating(sheet, kept, kept.append)
    assert (again.stage, again.answers.guess) == ("done", "B")
    assert [r["choice"] for r in again.answers.rated.values()] == ["left", "tie", "invalid"]


def test_lineup_is_written_down_round_by_round(emotui, home: Path, typed):
    typed("q")
    left = emotui("audit", "lineup", PROBE)
    assert "one curve is real, seven are of shuffled labels" in left.out
    assert "AUROC" in left.out
    assert len(events(Home(home), PROBE)) == 1
    hits = []
    for round in (1, 2):
        typed("z" if round == 1 else "")
        assert emotui("audit", "lineup", PROBE, "--json", "--quiet").json["pick"] is None
        typed("C")
        done = emotui("audit", "lineup", PROBE, "--json", "--quiet").json
        assert (done["round"], done["pick"]) == (round, "C")
        hits.append(done["real"] == "C")
    event = events(Home(home), PROBE)[1]
    assert event.kind == "line-up"
    record = emotui("audit", "show", PROBE, "--json").json
    found = record["controls"]["R10"]["numbers"]["real curve picked"]
    assert (found["n"], found["value"]) == (2, sum(hits) / 2)
    assert next(e for e in record["evidence"] if e["control"] == "R10")["tier"] == "rating"


def test_the_documentation_of_blinded_mode_names_every_arm_and_number():
    page = (DOCS.parent / "audits.md").read_text(encoding="utf-8")
    section = page.split("## Blinded mode")[1].split("<!-- controls")[0]
    for word in ("39 of 60", "27 of 40", "50 of 80", "--key-holder", "p = .016"):
        assert word in section
