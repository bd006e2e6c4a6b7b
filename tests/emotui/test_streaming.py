"""`streaming`: events as they come, the result, errors, and what closing early means."""

import time

import pytest

from emotui.events import Note
from emotui.jobs.streaming import Emit, streaming


def test_events_come_and_then_the_result() -> None:
    def work(emit: Emit) -> int:
        emit(Note("one"))
        emit(Note("two"))
        return 3

    job = streaming(work)
    assert [next(job), next(job)] == [Note("one"), Note("two")]
    with pytest.raises(StopIteration) as end:
        next(job)
    assert end.value.value == 3


def test_closing_early_waits_until_the_work_has_ended() -> None:
    ended = []

    def work(emit: Emit) -> None:
        try:
            for k in range(100):
                emit(Note(str(k)))
                time.sleep(0.05)
        finally:
            ended.append(True)

    job = streaming(work)
    assert next(job) == Note("0")
    assert not ended
    job.close()
    assert ended, "the next job would run beside it"
