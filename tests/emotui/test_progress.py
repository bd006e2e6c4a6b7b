"""Jobs driven by a command: events shown, signals turned into a clean stop."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from emotui.errors import Stopped
from emotui.events import Done, Event, Note, Partial, Progress
from emotui.jobs.streaming import streaming
from emotui.progress import StopSwitch, progress_line, run_job
from emotui.terminal import human_bytes, human_time, plain, table
from vectors.errors import Cancelled, DataError


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_lets_the_job_finish_its_batch(capsys, number: signal.Signals, code: int):
    saved: list[str] = []
    before = signal.getsignal(number)

    def job(stop: StopSwitch) -> Iterator[Event]:
        try:
            yield Progress(1, 9, "texts")
            os.kill(os.getpid(), number)
            while not stop():
                time.sleep(0.01)
            raise Cancelled("between batches")
        finally:
            saved.append("yes")

    with pytest.raises(Stopped, match="stopped; the same command resumes") as caught:
        run_job(job, resume="the same command resumes")
    assert caught.value.exit_code == code
    assert saved == ["yes"]
    assert "stopping after this batch" in capsys.readouterr().err
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_stops_at_once(capsys):
    def job(_stop: StopSwitch) -> Iterator[Event]:
        yield Progress(1, 9, "texts")
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)

    began = time.monotonic()
    with pytest.raises(Stopped):
        run_job(job)
    assert time.monotonic() - began < 5
    capsys.readouterr()


def test_events_are_shown_as_plain_lines_and_the_result_comes_back(capsys):
    seen: list[Partial] = []

    def job(_stop: StopSwitch) -> Iterator[Event]:
        yield Note("chosen \x1b[31m")
        yield Progress(0, 10, "texts", note="extract")
        yield Progress(5, 10, "texts", 2.0, "extract")  # the first rate is shown at once
        yield Progress(6, 10, "texts", 2.0, "extract")  # too soon after it to be shown
        yield Progress(10, 10, "texts", 2.0, "extract")
        yield Partial("layer", 3)
        yield Note("careful", "warn")
        yield Done("result")

    assert run_job(job, on_partial=seen.append) == "result"
    assert [p.value for p in seen] == [3]
    assert capsys.readouterr().err.splitlines() == [
        "chosen ␛[31m",
        "extract: 0/10 texts",
        "extract: 5/10 texts  2/s  2 s left",
        "extract: 10/10 texts  2/s",
        "warning: careful",
    ]
    assert run_job(job, quiet=True) == "result"
    assert capsys.readouterr().err == "warning: careful\n"


def test_a_progress_line_has_rate_and_time_left():
    event = Progress(1200, 3000, "texts", 410.0, "extract")
    assert progress_line(event) == "extract: 1,200/3,000 texts  410/s  4 s left"
    assert human_time(200) == "3 min 20 s"
    assert human_time(7500) == "2 h 05 min"
    assert human_bytes(2_500_000) == "2.5 MB"


def test_streaming_passes_events_results_and_errors():
    def work(emit):
        emit(Progress(1, 2, "layers"))
        emit(Progress(2, 2, "layers"))
        return threading.current_thread() is not threading.main_thread()

    def job() -> Iterator[Event]:
        yield Done((yield from streaming(work)))

    *events, last = job()
    assert [e.done for e in events] == [1, 2]
    assert last == Done(True)

    def broken(_emit):
        raise DataError("one label only")

    with pytest.raises(DataError, match="one label only"):
        list(streaming(broken))


def test_work_that_nobody_waits_for_ends():
    ended = threading.Event()

    def work(emit):
        try:
            while True:
                emit(Progress(1, None, "x"))
                time.sleep(0.005)
        finally:
            ended.set()

    generator = streaming(work)
    next(generator)
    generator.close()
    assert ended.wait(5)


def test_tables_align_cut_to_the_terminal_and_show_numbers():
    rows = [("joyful", 3000, 0.12345, None), ("日本語", 7, float("nan"), True)]
    lines = table(("label", "n", "score", "ok"), rows, flexible=0)
    assert lines == [
        "label       n  score  ok",
        "joyful  3,000  0.123  -",
        "日本語      7      -  yes",
    ]
    narrow = table(("a", "text"), [(1, "word " * 40)], columns=30)
    assert max(map(len, narrow)) <= 30
    assert narrow[1].endswith("…")


def test_json_values_are_plain():
    assert plain({"a": (1, float("nan")), "b": Progress(1, 2, "x")}) == {
        "a": [1, None],
        "b": {"done": 1, "total": 2, "unit": "x", "rate": None, "note": ""},
    }
