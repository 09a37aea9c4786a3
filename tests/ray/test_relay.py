"""What the workers of an update tell: it reaches the run in order, each thing once."""

from collections.abc import Sequence

import pytest

from audioforge.inference.stop import Interrupted
from audioforge.run.events import Events, Listener, Step
from audioforge.terminal.reporter import Reporter
from audioforge_ray.mailbox import Mailbox
from audioforge_ray.relay import Relay, RelayedStop, Retelling


class Heard(Listener):
    def __init__(self):
        self.all = []

    def said(self, message):
        self.all.append(f"said {message}")

    def warned(self, message):
        self.all.append(f"warned {message}")

    def update_began(self, cycle, steps_done):
        self.all.append(f"began {cycle} after {steps_done}")

    def stepped(self, step):
        self.all.append(f"step {step.cycle}.{step.number} loss {step.loss}")


def step(number: int, loss: float = 1.0) -> Step:
    return Step(cycle=2, number=number, loss=loss, grad_norm=0.5, learning_rate=1e-4)


def group_of_workers(mailbox: Mailbox, first: int, numbers: Sequence[int]) -> None:
    """A group begins where the resume point is, and is told of step by step."""
    events = Events(Reporter(quiet=True), [Relay(mailbox.put)])
    events.update_begins(2, first)
    events.warn("out of memory with 8 clips at once: going on with 4")
    for number in numbers:
        events.step(step(number, loss=number / 2))


def test_steps_that_are_done_again_after_a_restart_are_not_told_twice():
    mailbox, heard = Mailbox(), Heard()
    retelling = Retelling(Events(Reporter(quiet=True), [heard]))
    told = []
    for first, numbers in ((2, [3, 4, 5]), (2, [3]), (4, [5, 6])):
        group_of_workers(mailbox, first, numbers)
        told += [s.number for s in retelling.tell(mailbox.take())]
    assert told == [3, 4, 5, 6]
    assert heard.all == [
        "began 2 after 2",
        "warned out of memory with 8 clips at once: going on with 4",
        "step 2.3 loss 1.5",
        "step 2.4 loss 2.0",
        "step 2.5 loss 2.5",
        "step 2.6 loss 3.0",
    ]
    assert retelling.steps == 6


def test_what_was_told_is_taken_once_in_order():
    mailbox = Mailbox()
    mailbox.put("said", {"message": "a"})
    mailbox.put("said", {"message": "b"})
    assert [particulars["message"] for _, particulars in mailbox.take()] == ["a", "b"]
    assert mailbox.take() == []


def test_a_request_to_stop_reaches_the_worker_that_asks():
    mailbox = Mailbox()
    stop = RelayedStop(mailbox.stop_number)
    stop.check()
    assert stop.number is None
    mailbox.ask_to_stop(15)
    assert stop.number == 15
    with pytest.raises(Interrupted, match="stopped by SIGTERM") as stopped:
        stop.check()
    assert stopped.value.exit_code == 143
