"""Reading, selecting and splitting datasets."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from store.datasets import Dataset, list_datasets, remove_dataset
from store.errors import CorruptError, DatasetError, NotFound
from store.importers import import_dataset
from store.layout import Home
from store.selection import select, split_by_group

N = 9000


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A dataset of several Arrow batches: 3 labels, 10 topics, every ninth row unlabelled."""
    root = tmp_path_factory.mktemp("datasets")
    source = root / "rows.jsonl"
    with source.open("w") as file:
        for i in range(N):
            row = {
                "text": f"text {i} é",
                "topic": f"t{i % 10}",
                "spans": [["a", 0, 4], ["b", 5, 6]],
            }
            label = None if i % 9 == 0 else ("sad", "calm", "proud")[i % 3]
            file.write(json.dumps(row | {"label": label}) + "\n")
    home = Home(root / "home")
    import_dataset(home, source, name="d", label="label", topic="topic", spans="spans")
    return home


@pytest.fixture
def data(home: Home) -> Dataset:
    return Dataset.open(home, "d")


def test_rows_texts_and_codes_agree(data: Dataset):
    assert len(data) == N == len(data.texts)
    for i in (0, 1, 4095, 4096, 8999, -1):
        row = data.row(i)
        assert row.index == i % N
        assert row.text == f"text {i % N} é" == data.texts[i]
        code = data.codes[row.index]
        assert row.label == (None if code < 0 else data.info.labels[code])
        assert row.topic == data.info.topics[data.topic_codes[row.index]]
        assert data.lengths[row.index] == len(row.text)
    with pytest.raises(IndexError):
        data.row(N)


def test_slices_cross_batches(data: Dataset):
    whole = [f"text {i} é" for i in range(N)]
    for key in (slice(4090, 4100), slice(-3, None), slice(5, 5), slice(0, N, 1000), slice(9, 2)):
        assert data.texts[key] == whole[key]
    assert list(data.texts) == whole
    picked = data.texts_at(np.array([8999, 0, 4096]))
    assert picked[:] == [whole[8999], whole[0], whole[4096]]
    assert picked[-1] == whole[4096]


def test_spans_by_name(data: Dataset):
    assert data.spans(3) == (("a", 0, 4), ("b", 5, 6))
    assert data.spans_at(np.array([3, 4]), name="b")[:] == [[(5, 6)], [(5, 6)]]
    assert len(data.spans_at(None)) == N
    with pytest.raises(NotFound, match="no span named 'c'"):
        data.spans_at(None, name="c")


def test_opening_reads_no_rows(home: Home):
    """Opening maps the file: memory grows by far less than its size."""
    source = home.root.parent / "big.jsonl"
    with source.open("w") as file:
        file.writelines(f'{{"text": "{i} {"words " * 300}"}}\n' for i in range(30_000))
    import_dataset(home, source, name="big")
    code = (
        "import psutil, sys\nfrom pathlib import Path\nfrom store.layout import Home\n"
        "from store.datasets import Dataset\np = psutil.Process()\n"
        "Dataset.open(Home(Path(sys.argv[1])), 'd').row(5)\nbefore = p.memory_info().rss\n"
        "d = Dataset.open(Home(Path(sys.argv[1])), 'big')\nd.row(29999)\n"
        "print((p.memory_info().rss - before) / d.info.bytes)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(home.root)], check=True, capture_output=True, text=True
    )
    remove_dataset(home, "big")
    assert float(done.stdout) < 0.1


def test_catalogue(home: Home, tmp_path: Path):
    assert [info.name for info in list_datasets(home)] == ["d"]
    assert list_datasets(Home(tmp_path / "nothing")) == []
    with pytest.raises(NotFound, match="did you mean 'd'"):
        Dataset.open(home, "D")
    with pytest.raises(NotFound):
        remove_dataset(home, "other")
    json.dumps(list_datasets(home)[0].to_json())


def test_damage_is_named(tmp_path: Path):
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "a"}\n{"text": "b"}\n')
    other = Home(tmp_path / "h")
    import_dataset(other, source, name="d")
    (path,) = (other.datasets / "d").glob("rows-*")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorruptError, match=r"damaged.*import it again"):
        Dataset.open(other, "d")
    path.unlink()
    with pytest.raises(CorruptError, match="missing"):
        Dataset.open(other, "d")
    assert list_datasets(other)[0].n == 2


def test_exclusions_are_kept_and_honoured(tmp_path: Path):
    source = tmp_path / "a.jsonl"
    source.write_text("".join(f'{{"text": "{i}"}}\n' for i in range(10)))
    home = Home(tmp_path / "h")
    import_dataset(home, source, name="d")
    data = Dataset.open(home, "d")
    data.exclude([3, 7], reason="off topic")
    data.exclude([4], reason="broken")
    data.restore([7])
    again = Dataset.open(home, "d")
    assert again.excluded() == {3: "off topic", 4: "broken"}
    assert again.info.excluded == 2
    assert select(again).indices.tolist() == [0, 1, 2, 5, 6, 7, 8, 9]
    assert again.row(3).text == "3"
    with pytest.raises(DatasetError, match="rows are 0 to 9"):
        data.exclude([10], reason="x")
    with pytest.raises(DatasetError, match="reason"):
        data.exclude([1], reason=" ")
    (path,) = (home.datasets / "d").glob("excluded-*")
    with path.open("ab") as file:
        file.write(b'{"row": 5, "rea')  # a kill in the middle of a line
    data.exclude([6], reason="late")
    assert set(data.excluded()) == {3, 4, 6}


def test_select_by_label_topic_and_number(data: Dataset):
    chosen = select(data, labels=["sad", "calm"], topics=["t1", "t2"])
    rows = [data.row(i) for i in chosen.indices[:50]]
    assert {r.label for r in rows} == {"sad", "calm"}
    assert {r.topic for r in rows} == {"t1", "t2"}
    expected = [i for i in range(N) if i % 9 and i % 3 < 2 and i % 10 in (1, 2)]
    assert chosen.indices.tolist() == expected
    per_label = select(data, per_label=7)
    assert np.bincount(data.codes[per_label.indices]).tolist() == [7, 7, 7]
    assert len(select(data, limit=11)) == 11
    assert (np.diff(per_label.indices) > 0).all()
    for wrong in ({"labels": ["sda"]}, {"topics": ["t"]}):
        with pytest.raises(NotFound):
            select(data, **wrong)  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="1 or more"):
        select(data, limit=0)


def test_a_limit_draws_from_everywhere_by_seed(data: Dataset):
    one, same, other = (select(data, limit=900, seed=s) for s in (1, 1, 2))
    assert one.indices.tolist() == same.indices.tolist()
    assert one.hash == same.hash != other.hash
    # About a tenth of each tenth of the rows: five standard deviations are allowed.
    counts = np.histogram(one.indices, bins=10, range=(0, N))[0]
    assert (abs(counts - 90) < 5 * np.sqrt(81)).all()
    overlap = len(np.intersect1d(one.indices, other.indices))
    assert abs(overlap - 90) < 5 * 9


def test_selection_hash_names_rows_and_dataset(data: Dataset, tmp_path: Path):
    assert select(data).hash == select(data, limit=N).hash
    assert select(data).hash != select(data, limit=N - 1).hash
    source = tmp_path / "a.jsonl"
    source.write_text("".join(f'{{"text": "other {i}"}}\n' for i in range(N)))
    home = Home(tmp_path / "h")
    import_dataset(home, source, name="e")
    assert select(Dataset.open(home, "e")).hash != select(data).hash


def test_split_keeps_topics_whole(data: Dataset):
    split = split_by_group(data, fraction=0.25, seed=3)
    topics = data.topic_codes
    train, held = set(topics[split.train.indices]), set(topics[split.held_out.indices])
    assert not train & held
    assert len(held) == 3 == len(split.held_out_topics)
    assert len(split.train) + len(split.held_out) == N
    again = split_by_group(data, fraction=0.25, seed=3)
    assert again.held_out.hash == split.held_out.hash
    assert len({split_by_group(data, seed=s).held_out_topics for s in range(20)}) > 5
    # A topic's place depends on its name and the seed, so fewer rows do not reshuffle the topics.
    part = split_by_group(data, fraction=0.25, seed=3, selection=select(data, limit=3000))
    assert part.held_out_topics == split.held_out_topics


def test_split_needs_topics(tmp_path: Path):
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "a"}\n')
    home = Home(tmp_path / "h")
    import_dataset(home, source, name="d")
    with pytest.raises(DatasetError, match="--topic"):
        split_by_group(Dataset.open(home, "d"))
