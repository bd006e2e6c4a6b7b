"""The session file: what goes in comes out, and a broken file is kept, not lost and not fatal."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emotui.session import HISTORY_KEPT, Session, load_session, save_session

SESSIONS = st.builds(
    Session,
    pane=st.sampled_from(["data", "steer"]),
    row=st.integers(0, 10**6),
    layer=st.none() | st.integers(0, 99),
    emotions=st.lists(st.text(max_size=5), max_size=4).map(tuple),
    alpha=st.floats(-1, 1),
    prompt=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30),
    history=st.just(({"prompt": "a", "alpha": 0.1},)),
    tour_done=st.booleans(),
)


@given(SESSIONS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_what_is_saved_is_what_is_loaded(tmp_path: Path, session: Session) -> None:
    path = tmp_path / "session.json"
    save_session(path, session)
    loaded = load_session(path)
    assert (loaded.session, loaded.note) == (session, "")


def test_without_a_file_it_is_empty(tmp_path: Path) -> None:
    assert load_session(tmp_path / "session.json").session == Session()


def test_old_history_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    save_session(path, Session(history=tuple({"n": i} for i in range(HISTORY_KEPT + 5))))
    history = load_session(path).session.history
    assert len(history) == HISTORY_KEPT
    assert history[-1] == {"n": HISTORY_KEPT + 4}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"version": 99}',
        '{"version": 1, "layer": "x"}',
        '{"version": 1, "row": true}',
        '{"version": 1, "emotions": 3}',
    ],
)
def test_a_file_that_cannot_be_used_is_kept_aside(tmp_path: Path, content: str) -> None:
    path = tmp_path / "session.json"
    path.write_text(content, encoding="utf-8")
    loaded = load_session(path)
    assert loaded.session == Session()
    assert "could not be read" in loaded.note
    kept = list(tmp_path.glob("session.unreadable-*.json"))
    assert [p.read_text(encoding="utf-8") for p in kept] == [content]
    save_session(path, Session(prompt="new"))
    assert load_session(path).session.prompt == "new"


def test_keys_of_a_later_minor_change_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    path.write_text(json.dumps({"version": 1, "prompt": "p", "new": 1, "alpha": 0}))
    assert load_session(path).session == Session(prompt="p")
