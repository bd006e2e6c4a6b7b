"""`emotui data ...` on good and bad files."""

import json
from pathlib import Path

import pytest

NASTY = "evil \x1b[2J\x1b]0;title\x07 text \u202e reversed \u200b here [red]not markup[/red]"


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows(n: int = 6) -> list[dict[str, str]]:
    return [{"text": f"text number {i}", "emotion": "ab"[i % 2], "topic": "t"} for i in range(n)]


def jsonl(path: Path, values: list[dict[str, str]]) -> Path:
    return write(path, "".join(json.dumps(v) + "\n" for v in values))


def test_import_list_show_check_exclude_rm(emotui, tmp_path: Path):
    source = jsonl(tmp_path / "a.jsonl", rows())
    done = emotui("data", "import", source, "--name", "a", "--label", "emotion", "--json")
    assert done.code == 0
    assert done.json["n"] == 6
    assert done.json["labels"] == ["a", "b"]
    assert [d["name"] for d in emotui("data", "list", "--json").json] == ["a"]
    shown = emotui("data", "show", "a", "--label", "b", "--limit", "2", "--json").json
    assert [(r["index"], r["label"]) for r in shown] == [(1, "b"), (3, "b")]
    assert [
        r["index"] for r in emotui("data", "show", "a", "--find", "NUMBER 4", "--json").json
    ] == [4]
    assert "text number 5" in emotui("data", "show", "a", "--row", "5").out
    assert emotui("data", "check", "a", "--json").json["rows"] == 6
    assert "6 rows looked at" in emotui("data", "check", "a").out
    assert emotui("data", "exclude", "a", "1,3-4", "--reason", "odd").code == 0
    assert emotui("data", "list", "--json").json[0]["excluded"] == 3
    assert "(excluded) text number 3" in emotui("data", "show", "a").out
    done = emotui("data", "exclude", "a", "3", "--undo", "--json")
    assert sorted(done.json["excluded"]) == ["1", "4"]
    assert emotui("data", "rm", "a").code == 2
    assert emotui("data", "rm", "a", "--yes").code == 0
    assert source.is_file()
    assert "no datasets yet" in emotui("data", "list").out


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("empty.jsonl", b"", [], "empty.jsonl"),
        ("bad.jsonl", b'{"text": "a"}\n{"text": \n', [], "line 2"),
        ("latin.jsonl", b'{"text": "caf\xe9"}\n', [], "--encoding"),
        ("x.jsonl", b'{"texts": "a"}\n', [], "nearest is 'texts'"),
        ("x.jsonl", b'{"text": "a", "emotion": "b"}\n', ["--label", "emotoin"], "is 'emotion'"),
        ("x.jsonl", b'{"text": " "}\n', [], "empty text"),
        ("x.exe", b"MZ", [], "x.exe"),
        ("x.jsonl", b'{"text": "a"}\n', ["--many", "all"], "--many"),
        ("x.jsonl", b'{"text": "a"}\n', ["--columns", "a,b"], "--no-header"),
    ],
)  # fmt: skip
def test_a_bad_file_is_one_line_and_leaves_nothing(
    emotui, tmp_path: Path, name: str, content: bytes, options: list[str], message: str
):
    done = emotui("data", "import", write(tmp_path / name, content), "--name", "x", *options)
    assert done.code == 2
    assert message in done.error
    assert emotui("data", "list", "--json").json == []


def test_missing_file_missing_name_taken_name_unknown_name(emotui, tmp_path: Path):
    assert "does not exist" in emotui("data", "import", "nope.jsonl", "--name", "x").error
    source = jsonl(tmp_path / "a.jsonl", rows())
    assert "--name is missing" in emotui("data", "import", source).error
    assert "not usable" in emotui("data", "import", source, "--name", "../x").error
    assert emotui("data", "import", source, "--name", "stories").code == 0
    assert "already" in emotui("data", "import", source, "--name", "stories").error
    assert emotui("data", "import", source, "--name", "stories", "--replace").code == 0
    assert "did you mean 'stories'" in emotui("data", "show", "storis").error
    assert "has rows 0 to 5" in emotui("data", "show", "stories", "--row", "6").error
    assert "rows 'a' are not understood" in emotui("data", "exclude", "stories", "a").error
    assert "--reason is missing" in emotui("data", "exclude", "stories", "1").error


def test_a_hub_id_that_cannot_be_fetched_is_one_line(emotui):
    done = emotui("data", "import", "nobody/no-such-set", "--name", "x")
    assert done.code == 2
    assert "neither a file here nor a hub dataset" in done.error


def test_control_characters_never_reach_the_terminal(emotui, tmp_path: Path):
    folder = tmp_path / "odd\x1b[31mname"
    folder.mkdir()
    source = jsonl(
        folder / "a\u202e.jsonl",
        [{"text": NASTY, "emotion": "a\x1b[1m", "topic": "t\x07"} for _ in range(2)],
    )
    outcomes = [
        emotui("data", "import", source, "--name", "a", "--label", "emotion", "--topic", "topic"),
        emotui("data", "list"),
        emotui("data", "show", "a"),
        emotui("data", "show", "a", "--row", "0"),
        emotui("data", "show", "a", "--label", "b\x1b"),
        emotui("data", "check", "a"),
        emotui("data", "import", folder / "nope\x1b.jsonl", "--name", "b"),
        emotui("data", "show", "\x1b[2Ja"),
    ]
    assert [o.code for o in outcomes] == [0, 0, 0, 0, 2, 0, 2, 2]
    for o in outcomes:
        for c in "\x1b\x07\u202e\u200b":
            assert c not in o.out + o.err
    assert "[red]not markup[/red]" in outcomes[2].out
    assert "␛[2J" in outcomes[3].out


def test_sample_writes_the_corpus_with_the_fault_that_was_asked_for(emotui, tmp_path: Path):
    out = tmp_path / "corpus"
    done = emotui("data", "sample", "--out", out, "--texts", "400", "--length-confound", "1",
                  "--long", "angry,sad", "--json")  # fmt: skip
    assert [Path(p).name for p in done.json["files"]] == [
        "stories.jsonl", "neutral.jsonl", "dialogues.jsonl", "deflections.jsonl",
    ]  # fmt: skip
    texts = [json.loads(line) for line in (out / "stories.jsonl").read_text().splitlines()]
    long = [len(t["text"]) for t in texts if t["label"] in ("angry", "sad")]
    short = [len(t["text"]) for t in texts if t["label"] not in ("angry", "sad")]
    assert len(long) + len(short) == 400
    assert min(long) > 1.2 * sum(short) / len(short)
    assert "did you mean 'angry'" in emotui("data", "sample", "--long", "angri").error
    assert "--long needs --length-confound" in emotui("data", "sample", "--long", "sad").error
