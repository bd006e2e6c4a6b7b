"""The gate's results: by model, replaced whole, and a broken file counts as none."""

from pathlib import Path

from store.integrity import FOLDER, list_gates, load_gate, save_gate
from store.layout import Home


def test_one_record_per_model_and_the_last_one_counts(tmp_path: Path):
    home = Home(tmp_path)
    assert list_gates(home) == []
    assert load_gate(home, "a1") is None
    save_gate(home, "a1", {"key": "a1", "code": "one"})
    save_gate(home, "b2", {"key": "b2", "code": "one"})
    save_gate(home, "a1", {"key": "a1", "code": "two"})
    assert load_gate(home, "a1") == {"key": "a1", "code": "two"}
    assert [g["key"] for g in list_gates(home)] == ["a1", "b2"]


def test_a_broken_file_is_no_result(tmp_path: Path):
    home = Home(tmp_path)
    save_gate(home, "a1", {"key": "a1"})
    path = tmp_path / FOLDER / "a1.json"
    for spoilt in ("{", "[]", '{"code": "x"}'):
        path.write_text(spoilt)
        assert load_gate(home, "a1") is None
        assert list_gates(home) == []
