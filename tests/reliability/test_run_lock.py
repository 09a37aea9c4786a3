"""A run folder has one writer, and a dead owner holds nothing."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from audioforge.errors import UsageError
from audioforge.run import lock as lock_module
from audioforge.run.lock import RunLock

from .tone_run import Fork, command, flags, results, resume, settings, train, until


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "WAIT_SECONDS", 0.3)


def test_a_second_run_on_the_same_folder_is_refused(
    inputs: Path, whole: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    first = Fork(train, run, settings(inputs), TONE_WORDS_PAUSE=0.1)
    until((run / "state" / "run.json").exists)
    second = Fork(command, "train", "--resume", run)
    assert second.end() == 2
    assert f"process {first.process.pid} on" in second.said
    assert "writes this run" in second.said
    anew = Fork(command, "train", *flags(settings(inputs)), "--output", run)
    assert anew.end() == 2
    assert f"process {first.process.pid} on" in anew.said
    assert "writes this run" in anew.said
    assert first.end() == 0, "the first one did not notice"
    assert results(run) == results(whole)


def test_a_killed_owners_lock_is_free(inputs: Path, whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = Fork(train, run, settings(inputs), TONE_WORDS_PAUSE=5)
    until((run / "state" / "run.json").exists)
    first.signal(signal.SIGKILL)
    assert first.end() == -signal.SIGKILL
    assert (run / "state" / "owner-00000.json").is_file()
    resume(run)
    assert results(run) == results(whole)


def test_a_worker_that_still_lives_is_waited_for(tmp_path: Path) -> None:
    """Of a run of two processes, resumed with one while the other has not ended yet."""
    other, own = RunLock(tmp_path, 1), RunLock(tmp_path, 0)
    other.acquire()
    own.acquire()
    with pytest.raises(UsageError, match=r"process \d+ on .* writes this run"):
        own.require_all_free()
    other.release()
    own.require_all_free()
    other.acquire()


def test_a_lock_whose_owner_is_not_known_is_still_a_lock(tmp_path: Path) -> None:
    first, second = RunLock(tmp_path, 0), RunLock(tmp_path, 0)
    first.acquire()
    (tmp_path / "owner-00000.json").write_text("{")
    with pytest.raises(UsageError, match="another process writes this run"):
        second.acquire()
    assert second.is_taken
