"""Names, folders and atomic files."""

import errno
import os
import resource
from pathlib import Path

import pytest

from store import atomic
from store.errors import CorruptError, NotFound, SpaceError, StoreError
from store.layout import Home, check_name, nearest, not_found, slug


def test_ensure_makes_every_folder(tmp_path: Path) -> None:
    home = Home(tmp_path / "deep" / "home").ensure()
    made = {folder.name for folder in home.root.iterdir()}
    assert made == {"datasets", "runs", "vectors", "findings", "reports"}


def test_home_under_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot make the folder .*Not a directory"):
        Home(tmp_path / "file").ensure()


@pytest.mark.parametrize("name", ["a", "GoEmotions-1.0_x", "7", "a" * 100])
def test_usable_names_pass(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a b", "-x", "a\n", "é", "a" * 101])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(StoreError, match="letters, digits"):
        check_name(name)


def test_nearest_offers_a_near_name_and_nothing_far() -> None:
    assert nearest("Goemotion", ["stories", "goemotions"]) == "goemotions"
    assert nearest("zzz", ["stories", "goemotions"]) is None
    assert "did you mean 'goemotions'" in str(not_found("dataset", "goemotion", ["goemotions"]))
    assert "there are none yet" in str(not_found("dataset", "x", []))
    assert "there are: a, b" in str(not_found("dataset", "zzz", ["b", "a"]))


def test_slug_is_always_a_usable_name() -> None:
    for text in ("Some/Model 7B (v2)", "...", "", "é" * 10, "x" * 200):
        assert check_name(slug(text))


def test_json_comes_back_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    value = {"a": [1, 2.5, None], "ü": "é"}
    atomic.write_json(tmp_path / "v.json", value)
    assert atomic.read_json(tmp_path / "v.json") == value
    assert [file.name for file in tmp_path.iterdir()] == ["v.json"]


def test_reading_what_is_missing_or_torn_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"v\.json is missing"):
        atomic.read_json(tmp_path / "v.json")
    (tmp_path / "v.json").write_text('{"a": ')
    with pytest.raises(CorruptError, match="not readable JSON"):
        atomic.read_json(tmp_path / "v.json")


def _write_half(path: Path) -> None:
    with atomic.replacing(path) as file:
        file.write(b"new")
        raise ZeroDivisionError


def test_a_failing_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "v.json"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError):
        _write_half(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_file_size_limit_is_a_space_error_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(SpaceError, match="what was committed is intact"):
            atomic.write_all([(tmp_path / "small", [b"x"]), (path, [b"y" * 10000])])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_is_told_from_other_errors() -> None:
    assert atomic.is_full(OSError(errno.ENOSPC, "full"))
    assert not atomic.is_full(OSError(errno.EACCES, "denied"))


def test_leftovers_of_a_killed_writer_are_removed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / f"0.{os.getpid()}.tmp").write_bytes(b"half")
    (tmp_path / "a" / "0").write_bytes(b"whole")
    assert atomic.remove_leftovers(tmp_path) == 1
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["0"]
