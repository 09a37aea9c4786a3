"""A time limit on foreign code, within a program that has alarms and threads of its own."""

import signal
import threading
import time

import pytest

from audioforge.time_limit import OutOfTime, call_within


def test_an_alarm_of_the_embedding_program_goes_on() -> None:
    heard = []
    earlier = signal.signal(signal.SIGALRM, lambda *_: heard.append("theirs"))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(OutOfTime):
            call_within(0.1, lambda: time.sleep(5))
        assert heard == []
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 0.21
        time.sleep(0.4)
        assert heard == ["theirs"]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)


@pytest.mark.parametrize("seconds", [0, 1e-9, 1e300])
def test_limits_at_the_edge(seconds: float) -> None:
    try:
        assert call_within(seconds, lambda: "done") == "done"
    except OutOfTime:
        assert seconds == 1e-9


def test_outside_the_main_thread_there_is_no_limit() -> None:
    said = []
    thread = threading.Thread(
        target=lambda: said.append(call_within(0.05, lambda: time.sleep(0.2)))
    )
    thread.start()
    thread.join()
    assert said == [None]
