"""Runs: identity, resuming, refusing, reading while writing, and a disk that is full."""

import errno
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from store import atomic, writer
from store.errors import (
    CorruptError,
    FingerprintError,
    LockedError,
    NotFound,
    SpaceError,
    StoreError,
)
from store.identity import RunIdentity
from store.layout import Home
from store.runs import Run, list_runs, remove_run
from store.space import preflight
from store.verify import verify
from store.writer import RunWriter
from tests.store import rows as planted

PLAIN = planted.plain(rows=400)


def append(to: RunWriter, stop: int) -> None:
    start = to.next_row
    to.append(start, **planted.arguments(to.identity, start, stop))


def write(home: Home, *stops: int, identity: RunIdentity = PLAIN) -> Run:
    """One life of the writer per stop; complete when the last stop is the end."""
    for stop in stops:
        with RunWriter.open(home, identity, most_rows=64) as to:
            append(to, stop)
            if stop == identity.rows:
                to.finish()
    return Run.open(home, identity.run_id())


# -- identity ------------------------------------------------------------------------------------


def test_every_field_of_the_identity_changes_the_run_id() -> None:
    for field in fields(RunIdentity):
        old = getattr(PLAIN, field.name)
        new: Any = {"stored_dtype": "float32", "layers": (0, 1), "poolings": ("last",)}.get(
            field.name
        )
        if new is None:
            new = (1,) if isinstance(old, tuple) else old + (1 if isinstance(old, int) else "x")
        changed = replace(PLAIN, **{field.name: new})
        assert changed.run_id()[-12:] != PLAIN.run_id()[-12:], field.name
        (line,) = PLAIN.differences(changed)
        assert line == f"{field.name}: {json_of(old)} here, {json_of(new)} there"


def json_of(value: Any) -> str:
    return json.dumps(value)


def test_run_id_is_readable_and_stable_over_json() -> None:
    assert PLAIN.run_id().startswith("tiny-model-planted-")
    assert RunIdentity.from_json(PLAIN.to_json()) == PLAIN
    assert RunIdentity.from_json(PLAIN.to_json()).digest() == PLAIN.digest()
    with pytest.raises(CorruptError, match=r"fields of a run \(model\)"):
        RunIdentity.from_json({k: v for k, v in PLAIN.to_json().items() if k != "model"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stored_dtype": "int8"}, "bfloat16, float16, float32"),
        ({"layers": (2, 1)}, "must ascend"),
        ({"layers": ()}, "at least one layer"),
        ({"poolings": ("a", "a")}, "each pooling once"),
        ({"poolings": ("../a",)}, "not usable"),
        ({"rows": 0}, "at least 1"),
    ],
)
def test_impossible_identities_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(StoreError, match=said):
        replace(PLAIN, **change)


# -- writing and resuming ------------------------------------------------------------------------


def test_interrupted_and_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    whole = write(Home(tmp_path / "a"), 400)
    parts = write(Home(tmp_path / "b"), 1, 63, 64, 130, 131, 399, 400)
    assert (whole.state, parts.state) == ("complete", "complete")
    np.testing.assert_array_equal(whole.layer("mean50", 5), parts.layer("mean50", 5))
    np.testing.assert_array_equal(whole.norm, parts.norm)
    assert whole.failures == parts.failures
    one, other = whole.stats["mean50"], parts.stats["mean50"]
    assert (one.n, one.n_set_aside) == (other.n, other.n_set_aside) == (392, 8)
    np.testing.assert_array_equal(one.mean_norm, other.mean_norm)  # exactly
    np.testing.assert_array_equal(one.sd_norm, other.sd_norm)
    np.testing.assert_array_equal(whole.residual_norm(), parts.residual_norm())
    files = {
        p.relative_to(whole.group): p.read_bytes()
        for p in whole.group.rglob("*/c/**/*")
        if p.is_file()
    }
    again = {
        p.relative_to(parts.group): p.read_bytes()
        for p in parts.group.rglob("*/c/**/*")
        if p.is_file()
    }
    assert files == again


def test_statistics_are_those_of_the_numbers(tmp_path: Path) -> None:
    run = write(Home(tmp_path), 400)
    usable = run.usable_rows("mean50")
    assert [i for i in range(400) if not usable[i]] == [i for i in range(400) if i % 50 == 7]
    values = run.layer("mean50", 2)
    assert np.isnan(values[~usable]).all()
    length = np.linalg.norm(values[usable].astype(np.float64), axis=1)
    stats = run.stats["mean50"]
    assert stats.mean_norm[1] == pytest.approx(length.mean(), rel=1e-5)
    assert stats.sd_norm[1] == pytest.approx(length.std(), rel=1e-5)
    weight = run.n_tokens.astype(np.float64)
    expected = (run.norm * weight[:, None]).sum(axis=0) / weight.sum()
    np.testing.assert_allclose(run.residual_norm(), expected, rtol=1e-6)


def test_token_rows_and_info_come_back(tmp_path: Path) -> None:
    home, identity = Home(tmp_path), planted.SMALL
    with RunWriter.open(home, identity, info={"torch": "2.13"}, most_rows=64) as to:
        append(to, 150)
    with RunWriter.open(home, identity) as to:
        append(to, 1000)
        to.finish()
    run = Run.open(home, identity.run_id())
    for row in (0, 63, 64, 149, 150, 999):
        values, ids = run.tokens(row)
        bits, expected = planted.token_rows(identity, row)
        np.testing.assert_array_equal(ids, expected)
        np.testing.assert_array_equal(values.view(np.uint32) >> 16, bits)
    assert run.info == {"torch": "2.13"}
    sessions = json.loads((run.folder / "info.json").read_text())["sessions"]
    assert [session["from_row"] for session in sessions] == [0, 150]


def _interrupted(home: Home) -> None:
    with RunWriter.open(home, PLAIN) as to:
        append(to, 20)
        assert to.committed_rows == 10
        append(to, 70)
        to._committer.join()
        assert to.committed_rows == 64
        raise KeyboardInterrupt


def test_rows_are_committed_by_time_by_full_files_and_on_cancellation(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with RunWriter.open(home, PLAIN, most_rows=64, interval_s=0.0) as to:
        append(to, 10)
        assert to.committed_rows == 10
    with pytest.raises(KeyboardInterrupt):
        _interrupted(home)
    run = Run.open(home, PLAIN.run_id())
    assert (run.committed_rows, run.state) == (70, "partial")


def test_rows_out_of_order_or_of_another_shape_are_refused_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    good = planted.arguments(PLAIN, 10, 20)
    narrow = {"mean50": good["values"]["mean50"][:, :, :7]}
    floats = {"mean50": good["values"]["mean50"].astype(np.float32)}
    with RunWriter.open(home, PLAIN) as to:
        append(to, 10)
        with pytest.raises(StoreError, match="row 10 is next, got 11"):
            to.append(11, **good)
        with pytest.raises(StoreError, match=r"shape \(3, 7\).*keeps \(3, 32\)"):
            to.append(10, **good | {"values": narrow})
        with pytest.raises(StoreError, match="type float32"):
            to.append(10, **good | {"values": floats})
        with pytest.raises(StoreError, match=r"poolings \['last'\], this run keeps \['mean50'\]"):
            to.append(10, **good | {"values": {"last": good["values"]["mean50"]}})
        with pytest.raises(StoreError, match="all arrays need 10 rows"):
            to.append(10, **good | {"values": {"mean50": good["values"]["mean50"][:5]}})
        with pytest.raises(StoreError, match="go past the run's 400 rows"):
            to.append(10, **planted.arguments(PLAIN, 10, 401))
        with pytest.raises(StoreError, match="10 of 400 rows"):
            to.finish()
        to.append(10, **good)
    assert Run.open(home, PLAIN.run_id()).committed_rows == 20


def test_rows_that_are_not_finite_are_set_aside_even_if_nobody_said_so(tmp_path: Path) -> None:
    made = planted.arguments(PLAIN, 0, 20)
    made["values"]["mean50"][4, 1, 3] = 0x7F80  # infinity
    with RunWriter.open(Home(tmp_path), PLAIN) as to:
        to.append(0, **made)
    run = Run.open(Home(tmp_path), PLAIN.run_id())
    assert [(f.row, f.reason) for f in run.failures] == [
        (4, "the activations are not finite"),
        (7, "too short"),
    ]
    assert np.flatnonzero(~run.usable_rows("mean50")).tolist() == [4, 7]


def test_failures_past_the_mark_are_dropped(tmp_path: Path) -> None:
    """A kill after failures.jsonl was written and before COMMIT.json leaves lines too many."""
    home = Home(tmp_path)
    run = write(home, 100)
    path = run.folder / "failures.jsonl"
    path.write_text(path.read_text() + '{"row": 107, "pooling": "*", "reason": "x"}\n{"ro')
    assert [failure.row for failure in run.failures] == [7, 57]
    run = write(home, 120)
    assert [failure.row for failure in run.failures] == [7, 57, 107]
    assert [json.loads(line)["row"] for line in path.read_text().splitlines()] == [7, 57, 107]


# -- refusing ------------------------------------------------------------------------------------


def test_store_of_another_fingerprint_is_refused_with_the_differing_keys(tmp_path: Path) -> None:
    home = Home(tmp_path)
    other = replace(PLAIN, max_length=99, layers=(0, 1, 2))
    run = write(home, 100)
    run.folder.rename(home.runs / other.run_id())
    with pytest.raises(FingerprintError) as caught:
        RunWriter.open(home, other)
    assert "layers: [0, 2, 5] here, [0, 1, 2] there" in str(caught.value)
    assert "max_length: 16 here, 99 there" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert Run.open(home, other.run_id()).committed_rows == 100  # untouched


def test_another_store_format_is_refused(tmp_path: Path) -> None:
    run = write(Home(tmp_path), 100)
    for name in ("COMMIT.json", "identity.json"):
        kept = (run.folder / name).read_text()
        (run.folder / name).write_text(json.dumps(json.loads(kept) | {"format": 2}))
        with pytest.raises(FingerprintError, match="store format 2, this version reads 1"):
            RunWriter.open(Home(tmp_path), PLAIN)
        (run.folder / name).write_text(kept)


def test_second_writer_is_refused_and_the_lock_ends_with_the_first(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with RunWriter.open(home, PLAIN) as to:
        assert Run.open(home, PLAIN.run_id()).state == "running"
        with pytest.raises(LockedError, match=f"process {os.getpid()}"):
            RunWriter.open(home, PLAIN)
        with pytest.raises(LockedError):
            remove_run(home, PLAIN.run_id())
        append(to, 5)
    assert write(home, 10).committed_rows == 10


def test_run_that_was_created_and_killed_before_its_first_commit_begins_anew(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    with RunWriter.open(home, PLAIN) as to:
        (to.folder / "x.tmp").write_bytes(b"half")
    (to.folder / "COMMIT.json").unlink()
    assert write(home, 50).committed_rows == 50
    assert not (to.folder / "x.tmp").exists()


# -- reading while writing -----------------------------------------------------------------------


def test_reader_sees_a_consistent_prefix_while_a_writer_appends(tmp_path: Path) -> None:
    home = Home(tmp_path)
    identity = replace(planted.SMALL, rows=600)
    made = planted.arguments(identity, 0, 600)
    stopped, seen = threading.Event(), set()

    def work() -> None:
        with RunWriter.open(home, identity, most_rows=64, interval_s=0.0) as to:
            for stop in range(30, 601, 30):
                append(to, stop)
            to.finish()
        stopped.set()

    with RunWriter.open(home, identity, most_rows=64):
        run = Run.open(home, identity.run_id())
    thread = threading.Thread(target=work)
    thread.start()
    while not stopped.is_set():
        count = run.refresh()
        seen.add(count)
        got = run.layer_bits("last", 2)
        assert np.array_equal(got, made["values"]["last"][:count, 1])
        assert len(run.n_tokens) == count
        assert len(run.failures) == sum(map(planted.set_aside, range(count)))
        if count:
            assert np.array_equal(
                run.tokens(count - 1)[1], planted.token_rows(identity, count - 1)[1]
            )
            assert np.array_equal(
                run.example("mean50", count - 1),
                run.decode(made["values"]["mean50"][count - 1]),
                equal_nan=True,
            )
    thread.join()
    assert run.refresh() == 600
    assert len(seen) > 3, "the reader looked only before or after"


def test_old_reader_keeps_its_rows_until_it_asks_again(tmp_path: Path) -> None:
    home = Home(tmp_path)
    run = write(home, 70)
    before = run.layer("mean50", 0)
    write(home, 200)
    assert run.committed_rows == 70
    np.testing.assert_array_equal(run.layer("mean50", 0), before)
    assert run.refresh() == 200
    assert len(run.layer("mean50", 0)) == 200


def test_layer_takes_rows_as_indices_or_mask(tmp_path: Path) -> None:
    run = write(Home(tmp_path), 300)
    whole = run.layer("mean50", 2)
    mask = run.usable_rows("mean50")
    np.testing.assert_array_equal(run.layer("mean50", 2, rows=mask), whole[mask])
    np.testing.assert_array_equal(run.layer("mean50", 2, rows=[250, 1, 1]), whole[[250, 1, 1]])
    assert run.layer("mean50", 2, rows=[]).shape == (0, 32)
    np.testing.assert_array_equal(run.example("mean50", 130)[1], whole[130])
    blocks = [(start, run.decode(block)[:, 1]) for start, block in run.scan("mean50")]
    np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), whole)
    assert [start for start, _ in blocks] == [0, 64, 128, 192, 256]


# -- catalogue -----------------------------------------------------------------------------------


def test_catalogue_shows_sound_and_broken_runs_and_removes_them(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert list_runs(home) == []
    run = write(home, 400)
    other = write(home, 10, identity=replace(PLAIN, dataset="other"))
    (home.runs / "junk").mkdir()
    (other.folder / "identity.json").write_text("{")
    found = {summary.run_id: summary for summary in list_runs(home)}
    assert found[run.run_id].state == "complete"
    assert (found[run.run_id].committed_rows, found[run.run_id].rows) == (400, 400)
    assert found[run.run_id].bytes > 400 * 3 * 32 * 2
    assert found[other.run_id].state == found["junk"].state == "broken"
    assert "not readable JSON" in found[other.run_id].problem
    with pytest.raises(NotFound, match=f"did you mean '{run.run_id}'"):
        Run.open(home, run.run_id[:-1])
    remove_run(home, other.run_id)
    remove_run(home, "junk")
    assert [summary.run_id for summary in list_runs(home)] == [run.run_id]
    with pytest.raises(StoreError, match="not usable"):
        remove_run(home, "../runs")


# -- a full disk ---------------------------------------------------------------------------------


def test_preflight_names_what_is_needed_and_what_is_free(tmp_path: Path) -> None:
    preflight(Home(tmp_path / "not" / "yet"), 1)
    with pytest.raises(SpaceError, match=r"bytes free and this needs 1,000,000,000,000,000,000"):
        preflight(Home(tmp_path), 10**18)
    huge = replace(PLAIN, rows=10**12)
    with pytest.raises(SpaceError, match="fewer layers or fewer texts"):
        RunWriter.open(Home(tmp_path), huge)
    assert not (Home(tmp_path).runs / huge.run_id() / "COMMIT.json").exists()


@pytest.mark.parametrize("survives", [0, 1, 3, 6, 7, 8])
def test_full_disk_at_any_file_of_a_commit_leaves_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survives: int
) -> None:
    """The n-th write of the commit finds no room; nothing committed is touched, and it resumes."""
    home = Home(tmp_path)
    write(home, 100)
    left = iter(range(survives))
    true_write = atomic.write_whole

    def failing(file: Any, data: Any) -> None:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        true_write(file, data)

    to = RunWriter.open(home, PLAIN)
    append(to, 110)
    monkeypatch.setattr(atomic, "write_whole", failing)
    with pytest.raises(SpaceError, match="what was committed is intact"):
        to.flush()
    with pytest.raises(StoreError, match="open the run again"):
        append(to, 120)
    to.close()
    monkeypatch.undo()
    assert Run.open(home, PLAIN.run_id()).committed_rows == 100
    assert verify(home, PLAIN.run_id()) == []
    assert not list(to.folder.rglob("*.tmp"))
    run = write(home, 400)
    expected = planted.pooled(PLAIN, 0, 400)["mean50"]
    np.testing.assert_array_equal(run.layer_bits("mean50", 5), expected[:, 2])
    assert run.failures == write(Home(tmp_path / "b"), 400).failures


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB, where this user may mount one."""
    where = tmp_path / "disk"
    where.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(where)]
    try:
        refused = subprocess.run(mount, capture_output=True, check=False).returncode != 0
    except FileNotFoundError:
        refused = True
    if refused:
        pytest.skip("this user may not mount a small file system")
    yield where
    subprocess.run(["umount", str(where)], check=True)


def test_really_full_disk_stops_with_one_error_and_resumes_when_there_is_room(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "preflight", lambda *_: None)  # it would rightly refuse
    home = Home(small_disk)
    identity = replace(PLAIN, d_model=512, rows=2000)
    with pytest.raises(SpaceError, match="No space left on device"):
        write(home, *range(100, 2000, 100), identity=identity)
    run = Run.open(home, identity.run_id())
    kept = run.committed_rows
    assert 300 <= kept < 1000
    assert verify(home, run.run_id) == []
    np.testing.assert_array_equal(
        run.layer_bits("mean50", 0), planted.pooled(identity, 0, kept)["mean50"][:, 0]
    )
    subprocess.run(["mount", "-o", "remount,size=30m", str(small_disk)], check=True)
    assert write(home, 2000, identity=identity).committed_rows == 2000
