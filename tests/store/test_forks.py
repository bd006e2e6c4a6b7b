"""The ledger of forking paths: distinct, append-only, and a torn line loses only itself."""

from pathlib import Path

from store.forks import FILE, Fork, note_forks, prompt_hashes, read_forks
from store.layout import Home


def test_only_distinct_evaluations_count(tmp_path: Path):
    home = Home(tmp_path)
    assert read_forks(home) == []
    one, two = Fork("probe", "d", 3, ""), Fork("steer", "d", 3, "joy", alpha=0.1, subset="a,b")
    note_forks(home, [one, two, one])
    note_forks(home, [two])
    assert read_forks(home) == [one, two]


def test_a_torn_last_line_is_skipped(tmp_path: Path):
    home = Home(tmp_path)
    note_forks(home, [Fork("probe", "d", layer, "") for layer in range(3)])
    path = home.findings / FILE
    path.write_bytes(path.read_bytes()[:-9])
    assert [f.layer for f in read_forks(home)] == [0, 1]
    note_forks(home, [Fork("probe", "d", 7, "")])
    assert [f.layer for f in read_forks(home)] == [0, 1, 7], "the next one is not glued to it"


def test_hashes_tell_shared_prompts():
    a, b = prompt_hashes(["The door", "A letter "]), prompt_hashes(["A letter", "The wall"])
    assert len(set(a) & set(b)) == 1
