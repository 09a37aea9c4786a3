"""What of the texts' style is counted, and what is said of it."""

import pytest

from audioforge.measuring.style import lacks_style, style_change, style_of

MIXED = style_of(["Two teas, please."])


@pytest.mark.parametrize(
    ("text", "capitals", "small_letters", "punctuation"),
    [
        ("Two teas, please.", 1.0, 1.0, 1.0),
        ("two teas please", 0.0, 1.0, 0.0),
        ("TURN LEFT", 1.0, 0.0, 0.0),
        ("it's a t-shirt at 3.50, the dogs’", 0.0, 1.0, 1.0),
        ("it's a t-shirt at 3.50 & the dogs’", 0.0, 1.0, 0.0),
        ("Ёлка", 1.0, 1.0, 0.0),
        ("两杯茶", None, None, 0.0),
        ("两杯茶，谢谢", None, None, 1.0),
        ("كوبان من الشاي، شكرا", None, None, 1.0),
        ("ორი ჩაი", None, None, 0.0),
        ("दो चाय।", None, None, 1.0),
        ("धीरे-धीरे", None, None, 0.0),
        ("7 1 9", None, None, 0.0),
        ("… !", None, None, None),
        ("", None, None, None),
    ],
)
def test_a_text_holds_capitals_small_letters_and_punctuation(
    text, capitals, small_letters, punctuation
):
    assert style_of([text]) == {
        "capitals": capitals, "small_letters": small_letters, "punctuation": punctuation,
    }  # fmt: skip


def test_shares_are_of_the_texts_that_could_hold_it():
    assert style_of(["Yes.", "no", "是。", "", "!"]) == {
        "capitals": 1 / 2, "small_letters": 1.0, "punctuation": 2 / 3,
    }  # fmt: skip
    assert set(style_of([]).values()) == {None}


@pytest.mark.parametrize(
    ("transcripts", "outputs", "lacking"),
    [
        ("two teas", "Two teas, please.", True),
        ("TWO TEAS", "Two teas", True),
        ("Two teas", "Two teas.", True),
        ("Two teas.", "two teas", False),
        ("two teas", "TWO TEAS", False),  # a vocabulary of one case
        ("两杯茶", "两杯茶", False),
    ],
)
def test_transcripts_lack_what_the_model_writes(transcripts, outputs, lacking):
    assert lacks_style(style_of([transcripts]), style_of([outputs])) is lacking


def test_a_change_of_more_than_a_tenth_is_told():
    assert style_change(MIXED, {**MIXED, "punctuation": 0.91}) == ""
    assert style_change(MIXED, {**MIXED, "punctuation": 0.89}) == "punctuation in 100 % → 89 %"
    assert style_change(MIXED, style_of(["两杯茶。"])) == ""
