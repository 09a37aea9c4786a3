"""Why a group of workers ended: the failure that caused the others, in the words of whom it hit."""

import attrs
import pytest

from audioforge.errors import ConfigError, ProcessLostError, TrainingError
from audioforge_ray.attempt import Attempt
from audioforge_ray.failure import Failure

RAY = RuntimeError("Training failed due to worker errors")
LOST = ProcessLostError("process 0 of 2: lost the others (Connection closed by peer).")


def attempt(*failed, arrived=(0, 1)):
    """A group of workers, some of which failed."""
    group = Attempt()
    group.read([("arrived", {"rank": rank, "node": f"node-{rank}"}) for rank in arrived])
    group.read([("stepped", {"number": 1})])
    for rank, error in failed:
        failure = Failure.of(error, f"node-{rank}", rank)
        group.read([("failed", attrs.asdict(failure))])
    return group


def test_the_error_of_the_work_is_told_whoever_told_first():
    group = attempt((0, LOST), (1, ConfigError(["device: no"])))
    assert group.is_final
    cause = group.cause(RAY, "2 update workers")
    assert type(cause) is ConfigError
    assert "device: no" in str(cause)


def test_a_killed_worker_is_named_and_may_be_replaced():
    group = attempt((0, LOST))
    assert not group.is_final
    with pytest.raises(TrainingError, match="lost of the update's workers: 1 on node-1"):
        raise group.cause(RAY, "2 update workers")


def test_foreign_failures_come_before_what_they_caused():
    group = attempt((0, LOST), (1, ZeroDivisionError("x")))
    assert not group.is_final
    assert str(group.cause(RAY, "")) == "on node-1: ZeroDivisionError: x"


def test_workers_that_find_no_room_say_what_was_asked_for():
    group = attempt(arrived=())
    with pytest.raises(TrainingError, match=r"2 update workers of 1 GPU each could not start"):
        raise group.cause(RAY, "2 update workers of 1 GPU each")


def test_workers_that_lost_each_other_tell_what_ray_says():
    group = attempt((0, LOST), (1, LOST))
    with pytest.raises(TrainingError, match="Training failed due to worker errors"):
        raise group.cause(RAY, "")


def test_a_stop_is_noted():
    group = attempt()
    group.read([("interrupted", {"number": 15})])
    assert group.stopped_by == 15
