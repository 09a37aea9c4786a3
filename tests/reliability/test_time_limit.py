"""A time limit on foreign code, within a program that has alarms and threads of its own."""

import io
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.isolation.time_limit import OutOfTime, call_within
from audioforge.terminal.reporter import Reporter

from .tone_run import settings


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


def in_a_thread(function) -> object:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def warnings_of(inputs: Path, output: Path) -> str:
    stream = io.StringIO()
    recipe = settings(inputs, num_cycles=1, steps_per_cycle=1, output_dir=output)
    config = AudioRAFTConfig.from_mapping(recipe)
    AudioRAFTTrainer(config, reporter=Reporter(stream, quiet=True)).train()
    return stream.getvalue()


LIMIT = "--verifier-timeout cannot interrupt anything here"
STOP = "Ctrl-C and SIGTERM are not answered here"


def test_a_run_in_a_thread_says_at_its_start_what_does_not_work(
    inputs: Path, tmp_path: Path
) -> None:
    said = in_a_thread(lambda: warnings_of(inputs, tmp_path / "run"))
    assert said.count(f"{LIMIT}: the run is not in the main thread") == 1
    assert said.count(f"{STOP}: the run is not in the main thread") == 1
    assert said.index(STOP) < said.index("skipped 1 of"), "before anything is decoded"


def test_without_an_alarm_signal_only_the_limit_does_not_work(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows."""
    monkeypatch.delattr(signal, "setitimer")
    said = warnings_of(inputs, tmp_path / "run")
    assert said.count(f"{LIMIT}: this system has no alarm signal") == 1
    assert STOP not in said


def test_where_both_work_nothing_is_said(inputs: Path, tmp_path: Path) -> None:
    said = warnings_of(inputs, tmp_path / "run")
    assert LIMIT not in said
    assert STOP not in said
