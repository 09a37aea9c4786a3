"""What to try after a run that improved nothing: said from the numbers, and only then."""

import pytest

from audioforge.measuring.advice import NOTHING_STANDS_OUT, advice

CONFIG = {"selection": "best", "samples_per_prompt": 4, "temperature": 1.0, "wer_threshold": 0.3}


def cycle(**changed):
    usual = {"wer": 0.32, "lost": [], "learning_rate": 1e-5, "frac_reward_zero_std": 0.2}
    return {**usual, "hypotheses": 400, "kept": 60, **changed}


def first(**changed):
    """Return two cycles that say nothing, but for what is said of the first."""
    return [cycle(**changed), cycle(wer=0.31)]


def summary(**changed):
    return {
        "improved": False,
        "metric": "wer",
        "higher_is_better": False,
        "explanation": None,
        "learnability": {"greedy_wer": 0.3, "oracle_wer": 0.2, "k": 4},
        "base": {"wer": 0.31, "measured": 200},
        "cycles": first(),
        **changed,
    }


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"base": {"wer": 0.31, "measured": 19}}, "19 held-out utterances"),
        (
            {"cycles": [cycle(wer=0.5)]},
            "from 31.0 % to 50.0 % in the first cycle: lower",
        ),
        ({"cycles": first(lost=["old"])}, "old got worse: lower --learning-rate"),
        (
            {"learnability": {"greedy_wer": 0.3, "oracle_wer": 0.3, "k": 4}},
            "raise --samples-per-prompt to 16",
        ),
        ({"cycles": first(frac_reward_zero_std=0.8)}, "80 % of clips earn the same reward"),
        ({"cycles": first(kept=5)}, "only 5 of 100 clips were learnt from"),
        ({"cycles": [cycle(wer=0.29)]}, "cycle 1 is better by 2.0 points, which 200 utterances"),
        ({"cycles": [cycle(wer=0.311)]}, "raise --learning-rate from 1e-05 to 3e-05"),
        ({"learnability": None}, NOTHING_STANDS_OUT),
        ({"explanation": {"sentence": "transcripts in capitals"}}, "transcripts in capitals"),
    ],
)
def test_each_number_has_its_remedy(changed, said):
    (sentence,) = advice(summary(**changed), CONFIG)
    assert said in sentence


def test_a_metric_that_rises_is_read_the_other_way():
    found = {"metric": "f1", "higher_is_better": True, "base": {"f1": 0.5, "measured": 200}}
    found["learnability"] = {"greedy_f1": 0.5, "oracle_f1": 0.9, "k": 4}
    (said,) = advice(summary(**found, cycles=[cycle(f1=0.7)]), CONFIG)
    assert "better by 20.0 points" in said
    (said,) = advice(summary(**found, cycles=[cycle(f1=0.3)]), CONFIG)
    assert "it got worse from 50.0 % to 30.0 %" in said


def test_what_improved_needs_none():
    assert advice(summary(improved=True, cycles=[cycle(wer=0.5)]), CONFIG) == []


def test_a_control_is_not_to_be_tuned():
    assert advice(summary(cycles=[cycle(wer=0.5)]), {**CONFIG, "selection": "random"}) == []
