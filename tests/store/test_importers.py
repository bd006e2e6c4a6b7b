"""Importing: every format gives the same rows, every mistake one line, a failure leaves nothing."""

import errno
import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from store import importers, rows
from store.datasets import Dataset, list_datasets
from store.errors import DatasetError, LockedError, SpaceError, StoreError
from store.hub import fetch_hub, import_hub
from store.importers import import_dataset
from store.layout import Home
from store.locks import WriterLock

ROWS = [
    {"text": 'The kettle hummed, "again".', "label": "calm", "topic": "kitchen"},
    {"text": "Zoë ran — 走った\nand fell", "label": "afraid", "topic": "street"},
    {"text": "Nothing; came, of it", "label": "calm", "topic": "street"},
]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").ensure()


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def jsonl(path: Path, items: list[Any]) -> Path:
    return write(path, "".join(json.dumps(item) + "\n" for item in items))


def refused(home: Home, source: Path, match: str, **options: Any) -> str:
    """Import must fail with one line that matches, and leave nothing behind."""
    with pytest.raises(DatasetError, match=match) as caught:
        import_dataset(home, source, name="x", **options)
    assert "\n" not in str(caught.value)
    assert not (home.datasets / "x").exists()
    return str(caught.value)


def make(kind: str, folder: Path) -> Path:
    path = folder / f"rows.{kind}"
    match kind:
        case "jsonl":
            return jsonl(path, ROWS)
        case "jsonl.gz":
            return write(path, gzip.compress(jsonl(folder / "plain.jsonl", ROWS).read_bytes()))
        case "json":
            return write(path, json.dumps(ROWS, indent=2))
        case "parquet":
            pq.write_table(pa.Table.from_pylist(ROWS), path)
            return path
        case _:
            quoted = [[f'"{v.replace(chr(34), chr(34) * 2)}"' for v in r.values()] for r in ROWS]
            text = "\r\n".join([",".join(r) for r in [list(ROWS[0]), *quoted]]) + "\r\n"
            return write(path, b"\xef\xbb\xbf" + text.encode())


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "json", "csv", "parquet"])
def test_every_format_gives_the_same_rows_and_hash(kind: str, home: Home, tmp_path: Path):
    source = make(kind, tmp_path)
    info = import_dataset(home, source, name="d", label="label", topic="topic")
    data = Dataset.open(home, "d")
    got = [{"text": r.text, "label": r.label, "topic": r.topic} for r in map(data.row, range(3))]
    assert got == ROWS
    assert info.labels == ("afraid", "calm")
    assert data.codes.tolist() == [1, 0, 1]
    lines = [[r["text"], r["label"], r["topic"], []] for r in ROWS]
    canonical = "".join(
        json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines
    )
    assert info.hash == hashlib.sha256(canonical.encode()).hexdigest()


def test_hash_follows_rows_and_not_metadata_or_names(home: Home, tmp_path: Path):
    plain = import_dataset(home, jsonl(tmp_path / "a.jsonl", ROWS), name="a", label="label")
    more = [row | {"id": i} for i, row in enumerate(ROWS)]
    same = import_dataset(home, jsonl(tmp_path / "b.jsonl", more), name="b", label="label")
    other = import_dataset(home, jsonl(tmp_path / "c.jsonl", ROWS[::-1]), name="c", label="label")
    assert plain.hash == same.hash != other.hash
    assert Dataset.open(home, "b").row(2).meta == {"topic": "street", "id": 2}


def test_the_rows_file_is_plain_uncompressed_arrow(home: Home, tmp_path: Path):
    import_dataset(home, jsonl(tmp_path / "a.jsonl", ROWS), name="a", label="label")
    (path,) = (home.datasets / "a").glob("rows-*.arrow")
    assert ROWS[1]["text"].encode() in path.read_bytes()
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    assert table.column("label").to_pylist() == ["calm", "afraid", "calm"]


def test_folder_with_the_file_name_as_label(home: Home, tmp_path: Path):
    for name in ("joyful", "weary"):
        jsonl(tmp_path / "in" / f"{name}.jsonl", [{"text": f"{name} {i}"} for i in range(2)])
    write(tmp_path / "in" / "names.txt", "not rows")
    write(tmp_path / "in" / ".hidden.jsonl", "not rows")
    info = import_dataset(home, tmp_path / "in", name="d", label="file", topic="folder")
    assert (info.n, info.labels, info.topics) == (4, ("joyful", "weary"), ("in",))
    assert info.notes == ("passed over names.txt",)


def test_folder_of_mixed_tables_wants_a_pattern(home: Home, tmp_path: Path):
    jsonl(tmp_path / "in" / "a.jsonl", ROWS)
    write(tmp_path / "in" / "b.csv", "text\nhello\n")
    refused(home, tmp_path / "in", r"1 csv, 1 jsonl.*pattern")
    assert import_dataset(home, tmp_path / "in", name="d", pattern="*.csv").n == 1


def test_plain_text_by_line_or_by_file(home: Home, tmp_path: Path):
    write(tmp_path / "in" / "a.txt", "one\n\ntwo\r\n")
    write(tmp_path / "in" / "b.txt", "three")
    by_line = import_dataset(home, tmp_path / "in", name="lines", label="file")
    assert list(Dataset.open(home, "lines").texts) == ["one", "two", "three"]
    assert by_line.skipped == {"blank line": 1}
    import_dataset(home, tmp_path / "in", name="files", txt="file")
    assert list(Dataset.open(home, "files").texts) == ["one\n\ntwo\r\n", "three"]


def test_tsv_without_header_with_label_ids(home: Home, tmp_path: Path):
    names = write(tmp_path / "names.txt", "zeal\nawe\n")
    table = write(tmp_path / "t.tsv", 'say "so\t0\ta\nboth\t1,0\tb\nplain\t1\tc\n')
    options: dict[str, Any] = {
        "header": False, "columns": ("text", "label", "id"), "label": "label",
        "label_names": names,
    }  # fmt: skip
    dropped = import_dataset(home, table, name="drop", **options)
    assert (dropped.n, dropped.labels, dropped.skipped) == (
        2,
        ("zeal", "awe"),
        {"several labels": 1},
    )
    assert Dataset.open(home, "drop").row(0).text == 'say "so'
    assert Dataset.open(home, "drop").codes.tolist() == [0, 1]
    import_dataset(home, table, name="first", many="first", **options)
    assert [Dataset.open(home, "first").row(i).label for i in range(3)] == ["zeal", "awe", "awe"]
    joined = import_dataset(home, table, name="join", many="join", **options)
    assert set(joined.labels) == {"zeal", "awe", "awe+zeal"}
    options["label_names"] = ["zeal"]
    refused(home, write(tmp_path / "u.tsv", "a\t0\tb\nc\t1\td\n"), "line 2: label id 1 ", **options)


def test_numbered_columns_without_names(home: Home, tmp_path: Path):
    table = write(tmp_path / "t.tsv", "hello\tjoy\n")
    import_dataset(home, table, name="d", header=False, text="1", label="2")
    assert Dataset.open(home, "d").row(0).label == "joy"


def test_what_is_left_out_is_counted_with_its_reason(home: Home, tmp_path: Path):
    items = [{"text": "a"}, {"text": None}, {"text": "  "}, {"label": "x"}, {"text": "b"}]
    source = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, items)) + "\n\n   \n")
    info = import_dataset(home, source, name="d")
    assert (info.n, info.skipped) == (2, {"null text": 2, "empty text": 1, "blank line": 2})
    refused(home, jsonl(tmp_path / "b.jsonl", items[1:3]), "no row is usable.*1 null text")


def test_labels_of_many_kinds(home: Home, tmp_path: Path):
    items = [{"text": "a", "label": v} for v in (3, 2.0, True, ["x"], None, "", float("nan"))]
    import_dataset(home, jsonl(tmp_path / "a.jsonl", items), name="d", label="label")
    data = Dataset.open(home, "d")
    labels = [data.row(i).label for i in range(len(data))]
    assert labels == ["3", "2", "true", "x", None, None, None]


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.jsonl", '{"text": "a"}\n{"text": }\n', r"a\.jsonl line 2 is not JSON.*column 10"),
        ("a.jsonl", '{"text": "a"}\n[1]\n', "line 2 is an array"),
        ("a.jsonl", '{"text": 5}\n', "line 1: the text is 5, not a string"),
        ("a.jsonl", '{"text": "\\ud800"}\n', "line 1: .*surrogate"),
        ("a.jsonl", "", "empty"),
        ("a.jsonl", b'{"text": "a"}\n{"text": "caf\xe9"}\n', "line 2, byte 27 .*0xe9.*--encoding"),
        ("a.jsonl", '{"text": "a"}\n'.encode("utf-16"), "UTF-16 mark.*--encoding utf-16"),
        ("a.jsonl", '{"txet": "a", "id": 1}\n', "there are 'txet', 'id'; nearest is 'txet'"),
        ("a.jsonl.gz", b"not gzip", "gzip"),
        ("a.json", '[{"text": "a"}, {"text" 3}, {"text": "b"}]', "element 2 is not JSON"),
        ("a.json", '[{"text": "a"}', "element 1"),
        ("a.json", '{\n "text": "a"}', "neither an array"),
        ("a.json", b'[{"text": "a"}, {"text": "\xe9"}]', "byte 26 of the file"),
        ("a.json", '[{"text": "a"}]'.encode("utf-16"), "--encoding utf-16"),
        ("a.json", "[]", "empty"),
        ("a.csv", "text,label\na,b\nc\n", "line 3 has 1 fields, the first line has 2"),
        ("a.csv", 'text,label\n"two\nlines",b\nc,d,e\n', "line 4 has 3 fields"),
        ("a.csv", 'text,label\nx,y\n"open,b\n', "line 3: unexpected end of data"),
        ("a.csv", "a,a\n1,2\n", "names a column twice"),
        ("a.csv", "It rained\nshe left\n", "no column 'text'.*--no-header"),
        ("a.csv", "text\n", "empty"),
        ("a.parquet", b"PAR1 not", "not a readable Parquet"),
        ("a.docx", b"PK", r"no known ending; known are .jsonl"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line_and_leaves_nothing(
    name: str, content: str | bytes, match: str, home: Home, tmp_path: Path
):
    refused(home, write(tmp_path / name, content), match)


def test_missing_and_empty_sources(home: Home, tmp_path: Path):
    refused(home, tmp_path / "no.jsonl", "does not exist")
    (tmp_path / "empty").mkdir()
    refused(home, tmp_path / "empty", "holds no file of a known kind")
    source = jsonl(tmp_path / "a.jsonl", ROWS)
    refused(home, source, "no column 'lable'.*nearest is 'label'", label="lable")
    refused(home, source, "unknown encoding", encoding="utf-99")
    refused(home, source, "label names: .*does not exist", label_names=tmp_path / "none")
    with pytest.raises(StoreError, match="name"):
        import_dataset(home, source, name="../x")


def test_other_encodings_are_read_when_named(home: Home, tmp_path: Path):
    for encoding in ("cp1252", "utf-16", "utf-8-sig"):
        text = '{"text": "caf\u00e9"}\n{"text": "b"}\n'
        source = write(tmp_path / f"{encoding}.jsonl", text.encode(encoding))
        import_dataset(home, source, name=encoding, encoding=encoding)
        assert list(Dataset.open(home, encoding).texts) == ["café", "b"]


def test_line_separators_inside_a_text_do_not_end_the_line(home: Home, tmp_path: Path):
    text = "a\u2028b\x85c\x0bd\x1ee"
    source = write(tmp_path / "a.jsonl", json.dumps({"text": text}, ensure_ascii=False) + "\n")
    import_dataset(home, source, name="d")
    assert Dataset.open(home, "d").row(0).text == text


def test_json_array_larger_than_its_read_chunks(home: Home, tmp_path: Path):
    items = [{"text": f"{i} " + '[{"}] ' * 50} for i in range(9000)]
    assert import_dataset(home, write(tmp_path / "a.json", json.dumps(items)), name="one").n == 9000
    lines = "[" + ",\n".join(map(json.dumps, items)) + "]"
    import_dataset(home, write(tmp_path / "b.json", lines), name="many")
    assert Dataset.open(home, "many").texts[8999] == items[8999]["text"]


def test_spans_given_and_read_off_turns(home: Home, tmp_path: Path):
    text = "A note.\nHuman: Hi there.\nAssistant:  Well?\nHuman:\n"
    items = [
        {"text": text, "spans": [["a", 0, 2], {"name": "b", "start": 2, "end": 7}]},
        {"text": "plain", "spans": json.dumps([["a", 0, 5]])},
        {"text": "none", "spans": None},
    ]
    info = import_dataset(
        home, jsonl(tmp_path / "a.jsonl", items), name="d", spans="spans", turns=True
    )
    data = Dataset.open(home, "d")
    said = [(name, text[a:b]) for name, a, b in data.spans(0)]
    assert said == [("a", "A "), ("b", "note."), ("Human", "Hi there."), ("Assistant", "Well?")]
    assert data.spans(1) == (("a", 0, 5),)
    assert data.spans(2) == ()
    assert info.speakers == ("Assistant", "Human", "a", "b")
    for bad, match in (
        ([["a", 0, 9]], "line 1: span 'a' 0..9 does not lie within the text of 4"),
        ([["a", 3, 3]], "does not lie"),
        ([["a", "0", 2]], "two whole numbers"),
        ([["a", 0]], r"not \[name, start, stop\]"),
        ("{", "not JSON"),
    ):
        source = jsonl(tmp_path / "bad.jsonl", [{"text": "four", "spans": bad}])
        refused(home, source, match, spans="spans")


def test_a_name_is_taken_once_and_replaced_whole(home: Home, tmp_path: Path):
    first = jsonl(tmp_path / "a.jsonl", ROWS)
    import_dataset(home, first, name="d", label="label")
    with pytest.raises(DatasetError, match=r"already.*--replace"):
        import_dataset(home, first, name="d")
    reader = Dataset.open(home, "d")
    with pytest.raises(DatasetError, match="line 2"):
        import_dataset(home, write(tmp_path / "b.jsonl", '{"text":"x"}\n{'), name="d", replace=True)
    assert list(Dataset.open(home, "d").texts) == [row["text"] for row in ROWS]
    Dataset.open(home, "d").exclude([0], reason="test")
    info = import_dataset(home, jsonl(tmp_path / "c.jsonl", ROWS[:1]), name="d", replace=True)
    assert (info.n, info.excluded) == (1, 0)
    assert len(list((home.datasets / "d").glob("rows-*"))) == 1
    assert reader.row(2).text == ROWS[2]["text"]  # an open reader keeps the rows it has mapped


def test_two_importers_of_one_name(home: Home, tmp_path: Path):
    with WriterLock(home.datasets / ".d.lock"), pytest.raises(LockedError, match=str(os.getpid())):
        import_dataset(home, jsonl(tmp_path / "a.jsonl", ROWS), name="d")


def test_kill_leaves_no_dataset_and_the_next_import_cleans_up(home: Home, tmp_path: Path):
    source = jsonl(tmp_path / "a.jsonl", [{"text": f"row {i}"} for i in range(5000)])
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom store.layout import Home\n"
        "from store.importers import import_dataset\n"
        "import_dataset(Home(Path(sys.argv[1])), Path(sys.argv[2]), name='d',"
        " on_progress=lambda n, share: os.kill(os.getpid(), 9))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(home.root), str(source)], check=False)
    assert done.returncode == -9
    assert list((home.datasets / "d").iterdir()) != []
    assert list_datasets(home) == []
    assert import_dataset(home, source, name="d").n == 5000
    assert len(list((home.datasets / "d").iterdir())) == 2


def test_full_disk_leaves_nothing(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = jsonl(tmp_path / "a.jsonl", ROWS)

    class Full(importers.pa.ipc.RecordBatchFileWriter):  # type: ignore[misc]
        def write_batch(self, *_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(importers.pa.ipc, "new_file", Full)
    with pytest.raises(SpaceError):
        import_dataset(home, source, name="d")
    assert not (home.datasets / "d").exists()


def test_memory_does_not_grow_with_the_file(home: Home, tmp_path: Path):
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom store.layout import Home\n"
        "from store.importers import import_dataset\n"
        "import_dataset(Home(Path(sys.argv[1])), Path(sys.argv[2]), name=Path(sys.argv[2]).stem)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)"
    )
    peaks, sizes = [], []
    for n in (10_000, 100_000):
        source = tmp_path / f"n{n}.jsonl"
        with source.open("w") as file:
            file.writelines(f'{{"text": "row {i} {"x" * 600}"}}\n' for i in range(n))
        command = [sys.executable, "-c", code, str(home.root), str(source)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks.append(int(done.stdout))
        sizes.append(source.stat().st_size)
    assert peaks[1] - peaks[0] < 0.2 * (sizes[1] - sizes[0])


def test_progress_counts_rows_and_ends_at_one(home: Home, tmp_path: Path):
    source = jsonl(tmp_path / "a.jsonl", [{"text": f"row {i}"} for i in range(9000)])
    seen: list[tuple[int, float]] = []
    import_dataset(home, source, name="d", on_progress=lambda n, share: seen.append((n, share)))
    assert [n for n, _ in seen] == [4096, 8192, 9000]
    assert [share for _, share in seen] == sorted(share for _, share in seen)
    assert seen[-1][1] == 1.0


def test_hub_offline_and_misnamed_are_one_line(home: Home):
    with pytest.raises(DatasetError, match=r"cannot be fetched.*go online") as caught:
        import_hub(home, "nobody/no-such-set", name="d")
    assert "\n" not in str(caught.value)
    with pytest.raises(DatasetError, match="neither a file or folder here nor a hub dataset id"):
        fetch_hub("a/b/c")


def test_hub_dataset_in_the_cache_is_imported_offline(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from huggingface_hub import constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    repo = tmp_path / "hub" / "datasets--someone--tiny"
    write(repo / "refs" / "main", commit)
    jsonl(repo / "snapshots" / commit / "data" / "train.jsonl", ROWS)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    info = import_hub(home, "someone/tiny", name="d", label="label")
    assert (info.n, info.source) == (3, f"hub:someone/tiny@{commit}")


def test_a_column_of_pictures_is_not_kept_as_metadata(home: Home, tmp_path: Path):
    table = pa.table({"text": ["a"], "image": [b"\x00\xff"], "n": [1]})
    pq.write_table(table, tmp_path / "a.parquet")
    import_dataset(home, tmp_path / "a.parquet", name="d")
    assert Dataset.open(home, "d").row(0).meta == {"n": 1}
    assert rows.FILE_COLUMN == "file"


@pytest.mark.data
def test_the_real_stories(home: Home, data_root: Path):
    source = data_root / "emotion_vector_bench" / "corpus" / "stories"
    info = import_dataset(home, source, name="d", label="emotion", topic="topic")
    assert (info.n, len(info.labels), len(info.topics), info.skipped) == (3000, 20, 30, {})
    raw = (source / "weary.jsonl").read_text().splitlines()[-1]
    assert Dataset.open(home, "d").row(-1).text == json.loads(raw)["text"]


@pytest.mark.data
def test_the_real_goemotions(home: Home, data_root: Path):
    folder = data_root / "goemotions"
    info = import_dataset(
        home, folder, name="d", header=False, columns=("text", "label", "id"), label="label",
        label_names=folder / "labels.txt", many="first",
    )  # fmt: skip
    assert (info.n, len(info.labels), info.labels[-1]) == (54263, 28, "neutral")
