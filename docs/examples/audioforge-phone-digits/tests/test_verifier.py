"""What the verifier says of single numbers."""

import pytest
from audioforge.sample import AudioSample, Hypothesis

from audioforge_phone_digits.verifier import PhoneDigits


def score(reference, text, **options):
    sample = AudioSample("a", reference=reference)
    [score] = PhoneDigits(**options).verify([sample], [Hypothesis(text=text)])
    return score


@pytest.mark.parametrize(
    "text", ["0177", "oh one double seven", "Zero, one, seven; seven!", "nought 1 double 7", "٠١٧٧"]
)
def test_the_same_number_in_other_words(text):
    assert score("oh one seven seven", text).reward == 1
    assert score("oh one seven seven", text).passed


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        ("oh one seven", 0.75),
        ("oh one seven seven seven", 0.75),
        ("oh nine seven seven", 0.75),
        ("double oh one seven", 0.5),
        ("", 0),
        ("one two three four five six seven eight nine oh one two", 0),
    ],
)
def test_each_wrong_digit_costs(text, reward):
    found = score("oh one seven seven", text)
    assert found.reward == pytest.approx(reward)
    assert not found.passed


def test_other_words_do_not_count():
    assert score("call 12 now", "my number is one two").reward == 1


def test_without_digits_there_is_nothing_to_get_right():
    assert score("hello", "good morning").reward is None
    assert score("hello", "nine").reward == 0


def test_words_for_zero_can_be_given():
    assert score("1 0", "one zilch").reward == 0.5
    assert score("1 0", "one zilch", zeros=("zilch",)).reward == 1
