"""When a run is no longer worth its time."""

import pytest

from audioforge.measuring.corpus_metrics import MEAN_REWARD
from audioforge.measuring.patience import out_of_patience


class Measured:
    """An evaluation of which only the metric that decides is known."""

    metric = MEAN_REWARD  # higher is better

    def __init__(self, value: float) -> None:
        self.value = lambda: value


@pytest.mark.parametrize(
    ("patience", "values", "since"),
    [
        (None, [0.5, 0.4, 0.3, 0.2], None),
        (1, [0.5], None),
        (1, [0.5, 0.6], None),
        (1, [0.5, 0.5], "the cycle after the base"),
        (2, [0.5, 0.4], None),
        (2, [0.5, 0.4, 0.3], "the 2 cycles after the base"),
        (2, [0.5, 0.6, 0.5, 0.7, 0.6], None),
        (2, [0.5, 0.6, 0.6, 0.6], "the 2 cycles after cycle 1"),
        (2, [0.5, 0.6, 0.4, 0.5, 0.59], "the 2 cycles after cycle 1"),
    ],
)
def test_patience_ends_after_cycles_without_a_gain(patience, values, since):
    why = out_of_patience(patience, [Measured(value) for value in values])
    assert why is None if since is None else why.startswith(f"{since} had no better")
