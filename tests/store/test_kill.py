"""A writer killed again and again loses nothing; the long series is tests/bench/kill.py."""

from pathlib import Path

import pytest

from store.layout import Home
from store.runs import Run
from store.writer import RunWriter
from tests.bench import kill
from tests.store import rows as planted


@pytest.mark.slow
def test_killed_and_resumed_eight_times_nothing_is_lost_or_wrong(tmp_path: Path) -> None:
    out = kill.kill_rounds(tmp_path, rounds=8, seed=3, longest_s=0.4)
    assert out.kills == 8
    assert out.complete >= 1
    assert out.rows_checked > 0
    assert (out.lost, out.wrong, out.problems) == (0, 0, 0)


def test_the_check_itself_finds_a_wrong_row(tmp_path: Path) -> None:
    """Positive control: one changed number in one committed row is counted."""
    wanted = kill.identity(0)
    made = planted.arguments(wanted, 0, 300)
    made["values"]["last"][123, 1, 5] ^= 1
    with RunWriter.open(Home(tmp_path), wanted, most_rows=128) as writer:
        writer.append(0, **made)
    run = Run.open(Home(tmp_path), wanted.run_id())
    assert kill.wrong_rows(run, wanted) == 1
