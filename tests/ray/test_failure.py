"""What fails in a worker arrives in the run: the same class, the same words."""

import errno
import json

import attrs
import pytest
import torch

from audioforge.errors import (
    AudioError,
    ConfigError,
    ProcessLostError,
    TrainingError,
    VerifierError,
)
from audioforge_ray.failure import Failure


def sent(error: BaseException) -> Failure:
    """A failure as it arrives: plain values."""
    return Failure(**json.loads(json.dumps(attrs.asdict(Failure.of(error, "node-7", rank=1)))))


@pytest.mark.parametrize(
    "error",
    [
        TrainingError("cycle 1, step 3: loss nan"),
        VerifierError("verifier 'wer' raised"),
        AudioError("a.wav: empty"),
        ConfigError(["device: 'cuda' is not available here", "dtype: no"]),
    ],
)
def test_an_own_error_arrives_as_the_same_class_with_the_same_text(error):
    failure = sent(error)
    arrived = failure.error()
    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert arrived.exit_code == error.exit_code
    assert failure.is_final


def test_an_error_of_files_arrives_as_one_and_names_the_node():
    error = sent(OSError(errno.ENOSPC, "No space left on device", "/runs/a/state")).error()
    assert isinstance(error, OSError)
    assert (error.errno, error.filename) == (errno.ENOSPC, "/runs/a/state")
    assert "node-7" in str(error)


def test_anything_else_arrives_as_an_error_that_names_node_and_cause():
    failure = sent(ZeroDivisionError("division by zero"))
    assert not failure.is_final
    assert isinstance(failure.error(), TrainingError)
    assert str(failure.error()) == "on node-7: ZeroDivisionError: division by zero"


def test_memory_that_ran_out_would_run_out_again():
    failure = sent(torch.OutOfMemoryError("CUDA out of memory"))
    assert failure.is_final
    assert str(failure.error()).startswith("out of memory on node-7: ")


def test_that_another_worker_is_gone_is_no_cause():
    failure = sent(ProcessLostError("process 0 of 2: lost the others"))
    assert failure.is_lost
    assert not failure.is_final
    assert not sent(TrainingError("loss nan")).is_lost


def test_an_error_class_that_the_run_does_not_know_is_told_all_the_same():
    failure = attrs.evolve(sent(TrainingError("x")), kind="unknown_plugin.OwnError")
    assert type(failure.error()) is TrainingError
