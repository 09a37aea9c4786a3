"""How far the work is: lines when piped, a live view, JSON; and how long the rest takes."""

import io
import json
import signal
import sys
import threading
import time

import pytest
from rich.console import Console

from audioforge.inference.stop import StopRequest
from audioforge.terminal import heartbeat
from audioforge.terminal.forecast import Forecast, Phase
from audioforge.terminal.json_log import EVENTS, JsonLog, json_on_stderr
from audioforge.terminal.live_view import view
from audioforge.terminal.reporter import Reporter
from audioforge.terminal.scene import Scene
from audioforge.terminal.stage import Stage


def stage(what: str, total: int | None, done: int = 0, seconds: float = 0.0) -> Stage:
    return Stage(what, total, done=done, started=time.monotonic() - seconds)


@pytest.fixture
def every_moment(monkeypatch):
    """A line comes at once where it would come every 20 s."""
    monkeypatch.setattr(heartbeat, "SECONDS", 0.02)


def lines_until(stream: io.StringIO, what: str) -> str:
    """Wait until a line holds something; only a test that fails waits long."""
    end = time.monotonic() + 10
    while what not in stream.getvalue() and time.monotonic() < end:
        time.sleep(0.005)
    return stream.getvalue()


def test_what_was_seen_tells_of_what_was_not():
    forecast = Forecast(
        [
            Phase("cycle 0 evaluate", "evaluate", 10, 1.0),
            Phase("cycle 1 sample", "sample", 20, 1.5),
            Phase("cycle 1 update", "update", 4, 6.0),
            Phase("cycle 1 evaluate", "evaluate", 10, 1.0),
        ]
    )
    assert forecast.seconds_left is None
    first = stage("cycle 0 evaluate held-out", 10, done=5, seconds=5)
    forecast.begins(first)
    assert forecast.seconds_left == pytest.approx(5 + 30 + 24 + 10, abs=0.5)
    first.advance(5)
    first.started = first.moved - 20  # slower: 2 s each
    forecast.ends(first)
    assert forecast.seconds_left == pytest.approx(2 * (30 + 24 + 10), abs=0.5)
    second = stage("cycle 1 sample", 20, done=20, seconds=20)  # but sampling is fast
    forecast.begins(second)
    forecast.ends(second)
    third = stage("cycle 1 update", 2)  # half the steps that were expected
    forecast.begins(third)
    between = (2 + 2 / 3) / 2  # what a unit took of the kinds that were seen
    assert forecast.seconds_left == pytest.approx(12 * between + 20, abs=0.5)


def test_a_resumed_run_passes_over_what_is_done():
    phases = [Phase(f"cycle {n} {kind}", kind, 10, 1.0) for n in (1, 2) for kind in ("sample",)]
    forecast = Forecast(phases)
    forecast.begins(stage("cycle 2 sample", 10, done=5, seconds=5))
    assert forecast.seconds_left == pytest.approx(5, abs=0.5)


def test_a_piped_run_is_never_silent_for_long(every_moment):
    stream, go_on = io.StringIO(), threading.Event()
    reporter = Reporter(stream)
    phases = [Phase("sample", "sample", 4, 1.0), Phase("update", "update", 4, 1.0)]
    with reporter.attending(phases):
        for step in reporter.track(range(4), 4, "sample"):
            if step == 1:
                lines_until(stream, "sample: 1/4 clips")
        with reporter.doing("write\x1b[2J"):
            said = lines_until(stream, "write\\x1b[2J: ")
    go_on.set()
    assert "s left; run: " in said
    assert "\x1b" not in said
    assert "about " in said


def test_a_quiet_reporter_says_warnings_only(every_moment):
    stream = io.StringIO()
    reporter = Reporter(stream, quiet=True)
    with reporter.attending([]):
        reporter.info("nothing")
        reporter.event("step", "nothing")
        list(reporter.track(range(3), 3, "nothing"))
        reporter.warn("this")
    assert stream.getvalue() == "Warning: this\n"


def test_details_are_for_those_who_ask():
    for verbose in (False, True):
        stream = io.StringIO()
        Reporter(stream, verbose=verbose).event("step", "loss 1", detail=True)
        assert stream.getvalue() == ("loss 1\n" if verbose else "")


def test_json_lines_hold_what_happens_and_what_others_write(monkeypatch, every_moment):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with json_on_stderr() as log:
        reporter = Reporter(log=log)
        reporter.warn("a\nb\x1b")
        list(reporter.track(range(3), 3, "sample"))
        sys.stderr.write("a library's\nlog")
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {event["event"] for event in events} <= EVENTS.keys()
    assert events[0]["message"] == "a\nb\x1b"
    assert [e["message"] for e in events if e["event"] == "output"] == ["a library's", "log"]
    last = next(e for e in reversed(events) if e["event"] == "progress")
    assert (last["phase"], last["done"], last["total"]) == ("sample", 3, 3)
    assert last["seconds_left"] == 0
    assert sys.stderr is stream


def test_a_log_that_takes_no_more_ends_nothing():
    class Full(io.StringIO):
        def write(self, text):
            raise OSError("no space left")

    Reporter(log=JsonLog(Full())).info("lost")
    Reporter(Full()).info("lost")


@pytest.mark.parametrize("width", [80, 120])
def test_the_live_view_fits_the_terminal_and_obeys_nobody(width):
    console = Console(force_terminal=True, width=width, height=24, file=io.StringIO())
    forecast = Forecast([Phase("cycle 1 sample", "sample", 80, 1.0)])
    scene = Scene(stage=stage("cycle 1 sample", 80, done=20, seconds=10), forecast=forecast)
    forecast.begins(scene.stage)
    scene.beside = ["0.50   \x1b[2J[red]" + "word " * 60]
    with console.capture() as capture:
        console.print(view(scene))
    lines = capture.get().splitlines()
    assert len(lines) == 4
    assert "20/80 clips, 2.0/s, 30 s left" in lines[1]
    assert "about 30 s left" in lines[2]
    assert "\\x1b[2J[red]word" in lines[3]
    assert "…" in lines[3]
    plain = [Console(width=999).render_str(line, markup=False).plain for line in lines[1:]]
    assert "\x1b[2J" not in capture.get()
    assert plain


def test_who_asks_to_stop_leaves_a_log_that_is_json(capfd):
    with json_on_stderr(), StopRequest() as stop:
        signal.raise_signal(signal.SIGINT)
    assert stop.number == signal.SIGINT
    (line,) = capfd.readouterr().err.splitlines()
    assert json.loads(line)["message"].startswith("Stopping after this batch")
