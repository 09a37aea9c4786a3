"""Parameters of sampling that make no sense are named, each with what is wrong."""

import pytest

from audioforge.errors import ConfigError
from audioforge.model import SamplingParams


@pytest.mark.parametrize(
    ("k", "changes", "message"),
    [
        (2, {"temperature": 0.0}, "temperature: 0 is greedy and gives one hypothesis, not 2"),
        (1, {"temperature": -1.0}, "temperature: -1.0 is negative"),
        (0, {}, "samples_per_prompt: 0 is less than 1"),
        (1, {"top_p": 0.0}, "top_p: 0.0 is not in"),
        (1, {"top_k": -1}, "top_k: -1 is negative"),
    ],
)
def test_senseless_parameters_are_named(k, changes, message):
    with pytest.raises(ConfigError, match=message):
        SamplingParams(**changes).check(k)
