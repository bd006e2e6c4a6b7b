"""Damage is found and named with the texts it concerns; a sound run has nothing to say."""

import json
import shutil
from pathlib import Path

import pytest

from store.commit import read_commit
from store.errors import CorruptError
from store.layout import Home
from store.runs import Run, list_runs
from store.verify import Problem, verify
from store.writer import RunWriter
from tests.store import rows as planted


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home of a run of 1,000 rows in files of 128, of which 700 were written."""
    root = tmp_path_factory.mktemp("written")
    with RunWriter.open(Home(root), planted.SMALL, most_rows=128) as writer:
        writer.append(0, **planted.arguments(planted.SMALL, 0, 700))
    return root


@pytest.fixture
def run(written: Path, tmp_path: Path) -> Run:
    """A copy of that run, to be damaged."""
    shutil.copytree(written, tmp_path / "home")
    return Run.open(Home(tmp_path / "home"), planted.SMALL.run_id())


def problems(run: Run) -> list[Problem]:
    return verify(Home(run.folder.parents[1]), run.run_id)


def test_sound_run_has_no_problem_and_every_file_is_looked_at(run: Run) -> None:
    seen: list[tuple[int, int]] = []
    home = Home(run.folder.parents[1])
    assert verify(home, run.run_id, on_file=lambda *at: seen.append(at)) == []
    files = [file for file in run.group.rglob("*") if file.parts.count("c") and file.is_file()]
    assert seen[-1] == (len(files), len(files))


@pytest.mark.parametrize("block", [0, 2, 5])
@pytest.mark.parametrize("damage", ["missing", "truncated", "damaged"])
def test_each_kind_of_damage_is_named_with_its_rows(run: Run, block: int, damage: str) -> None:
    shard = run.group / "pooled/last/c" / str(block) / "0/0"
    raw = bytearray(shard.read_bytes())
    if damage == "missing":
        shard.unlink()
    elif damage == "truncated":
        shard.write_bytes(raw[:-100])
    else:
        raw[1000] ^= 0x10
        shard.write_bytes(raw)
    (found,) = problems(run)
    assert found.shard == f"activations.zarr/pooled/last/c/{block}/0/0"
    assert found.rows == (block * 128, min((block + 1) * 128, 700))
    assert found.what.startswith(damage)


def test_every_single_flipped_bit_of_committed_bytes_is_found(run: Run) -> None:
    shard = run.group / "pooled/mean50/c/1/0/0"
    raw = shard.read_bytes()
    for at in range(0, len(raw), 997):
        shard.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        assert len(problems(run)) == 1, at
    shard.write_bytes(raw)
    assert problems(run) == []


def test_damage_to_tokens_is_told_in_texts(run: Run) -> None:
    shard = run.group / "tokens/values/c/3/0/0"  # token rows 384 to 511
    raw = bytearray(shard.read_bytes())
    raw[0] ^= 1
    shard.write_bytes(raw)
    offsets = run.token_offsets
    (found,) = problems(run)
    first, last = found.rows
    assert offsets[first] <= 384 < offsets[first + 1]
    assert offsets[last - 1] < 512 <= offsets[last]


def test_small_files_and_failures_are_checked_too(run: Run) -> None:
    norm = run.group / "norm/c/4/0"
    norm.write_bytes(norm.read_bytes()[:-1])
    text = (run.folder / "failures.jsonl").read_text()
    (run.folder / "failures.jsonl").write_text(text.replace("too short", "too  shor", 1))
    found = {problem.shard: problem.rows for problem in problems(run)}
    assert found == {"failures.jsonl": (0, 700), "activations.zarr/norm/c/4/0": (512, 640)}


def test_edited_or_missing_commit_is_found_and_never_believed(run: Run) -> None:
    path = run.folder / "COMMIT.json"
    body = json.loads(path.read_text())
    path.write_text(json.dumps(body | {"committed_rows": 900}))
    (found,) = problems(run)
    assert (found.shard, found.rows) == ("COMMIT.json", (0, 1000))
    assert "edited or damaged" in found.what
    with pytest.raises(CorruptError, match="edited or damaged"):
        Run(run.folder)
    path.unlink()
    (found,) = problems(run)
    assert "missing" in found.what
    with pytest.raises(CorruptError, match="no row counts as committed"):
        RunWriter.open(Home(run.folder.parents[1]), run.identity)
    (summary,) = list_runs(Home(run.folder.parents[1]))
    assert (summary.state, summary.committed_rows) == ("broken", 0)
    assert "COMMIT.json is missing" in summary.problem


def test_damaged_metadata_is_named(run: Run) -> None:
    path = run.group / "pooled/last/zarr.json"
    path.write_text(path.read_text()[:100])
    (found,) = problems(run)
    assert found.shard == "activations.zarr/pooled/last/zarr.json"


def test_file_ahead_of_its_commit_is_sound_but_a_flip_in_it_is_found(tmp_path: Path) -> None:
    """A writer killed between the shards and COMMIT.json leaves new shards under the old commit."""
    home, identity = Home(tmp_path), planted.SMALL
    with RunWriter.open(home, identity, most_rows=128) as writer:
        writer.append(0, **planted.arguments(identity, 0, 200))
        writer.flush()
        old = (writer.folder / "COMMIT.json").read_bytes()
        writer.append(200, **planted.arguments(identity, 200, 420))
    (writer.folder / "COMMIT.json").write_bytes(old)
    assert read_commit(writer.folder).committed_rows == 200
    assert verify(home, identity.run_id()) == []
    run = Run.open(home, identity.run_id())
    assert len(run.layer("last", 0)) == 200
    shard = run.group / "pooled/last/c/1/0/0"
    raw = bytearray(shard.read_bytes())
    raw[0] ^= 1  # row 128, layer 0: committed
    shard.write_bytes(raw)
    (found,) = verify(home, identity.run_id())
    assert found.rows == (128, 200)
    with pytest.raises(CorruptError, match=r"rows 128 to 199\) is damaged"):
        RunWriter.open(home, identity)
    raw[0] ^= 1
    shard.write_bytes(raw)
    with RunWriter.open(home, identity) as writer:  # and the resumed run goes on from 200
        assert writer.next_row == 200
        assert not (run.group / "pooled/last/c/2").exists()
        writer.append(200, **planted.arguments(identity, 200, 1000))
        writer.finish()
    assert verify(home, identity.run_id()) == []
