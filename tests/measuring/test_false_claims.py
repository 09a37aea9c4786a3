"""The simulation of docs/confidence-intervals.md, in short: what is not there is rarely claimed."""

import pytest
from false_claims import Setting, rates, simulate


def test_a_simulated_null_holds_nothing_to_find():
    for setting in (Setting(4, 50, 10), Setting(40, 50, 10)):
        words = errors = base = 0.0
        for number in range(40):
            corpus = simulate(setting, number)
            words += corpus.words.sum()
            errors += corpus.other.sum()
            base += corpus.base.sum()
        assert base / words == pytest.approx(0.3, abs=0.02)
        assert errors / base == pytest.approx(1, abs=0.04)


@pytest.mark.soak
def test_speakers_who_differ_are_no_gain_of_all_speakers():
    found = rates(Setting(8, 25, 10), 60, ["now", "utterances"])
    assert found.get("now improved", 0) <= 5
    assert found["utterances improved"] > 20


@pytest.mark.soak
def test_a_few_utterances_of_these_speakers_are_no_gain_of_theirs():
    found = rates(Setting(4, 5, 10), 80, ["now"])
    assert found.get("now improved", 0) <= 5


@pytest.mark.parametrize("speakers", [2, 10])
def test_a_true_gain_is_found(speakers):
    found = rates(Setting(speakers, 200 // speakers, 5, gain=10), 30, ["now"])
    assert found["now improved"] > 70
    assert "now worse" not in found
