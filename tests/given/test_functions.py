"""Functions in the place of plugins: what they return is taken, and their code is known again."""

from functools import partial

import numpy as np
import pytest

from audioforge.errors import UsageError
from audioforge.given.functions import FunctionSelection, FunctionVerifier
from audioforge.plugin_reference import read_plugin_reference
from audioforge.plugins.given_function import GivenFunction
from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge.trainer import AudioRAFTTrainer

SAMPLES = [AudioSample("a"), AudioSample("b")]
SAID = [Hypothesis(text="x"), Hypothesis(text="y")]
LIMIT = 3


def fits(text):
    return len(text) < LIMIT


def limited(samples, hypotheses):
    return [float(fits(h.text)) for h in hypotheses]


class Judge:
    def __init__(self, limit):
        self.limit = limit

    def __call__(self, samples, hypotheses):
        return [float(len(h.text) < self.limit) for h in hypotheses]


def made(limit, array):
    return lambda samples, hypotheses: [float(len(hypotheses) < limit), array]


def digest(function):
    return GivenFunction(function, list).digest()


@pytest.mark.parametrize(
    "returned",
    [
        [0.5, None],
        (0.5, None),
        iter([Score(0.5), None]),
        [np.float32(0.5), Score(None)],
        np.array([0.5, 0.5], dtype=object),
    ],
)
def test_whatever_holds_a_reward_for_each_hypothesis_is_taken(returned):
    first, _ = FunctionVerifier("f", lambda samples, hypotheses: returned).verify(SAMPLES, SAID)
    assert first == Score(0.5)


def test_what_is_returned_without_end_is_not_waited_for():
    endless = iter(lambda: 1.0, None)
    assert (
        len(FunctionVerifier("f", lambda samples, hypotheses: endless).verify(SAMPLES, SAID)) == 3
    )


def test_a_selection_returns_what_can_be_learnt():
    with pytest.raises(TypeError, match="a list of Kept"):
        FunctionSelection(lambda rollouts, context: ["best"]).select([], None)


def test_code_is_another_when_a_value_that_it_uses_is(monkeypatch):
    before = digest(limited)
    assert digest(limited) == before
    monkeypatch.setitem(globals(), "LIMIT", 4)
    assert digest(limited) != before
    assert digest(Judge(3)) == digest(Judge(3)) != digest(Judge(4))
    assert digest(made(1, np.zeros(3))) == digest(made(1, np.zeros(4))) != digest(made(2, None))
    assert digest(partial(limited, samples=1)) != digest(partial(limited, samples=2))


def test_an_object_goes_by_its_class_and_a_part_by_its_function():
    assert read_plugin_reference(Judge(3)) == ("Judge", {})
    assert read_plugin_reference(partial(limited)) == ("limited", {})
    assert read_plugin_reference({"name": Judge(3), "id": "j", "weight": 2}) == ("j", {"weight": 2})


def test_data_that_no_run_has_are_refused():
    with pytest.raises(UsageError, match=r"prepare has no train_dataset. Data go to"):
        AudioRAFTTrainer(None).prepare(train_dataset=[])
