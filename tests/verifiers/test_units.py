"""Words, and characters where there are no words: `wer` and `mer`, and what people reported."""

import pytest

from audioforge.sample import AudioSample, Hypothesis
from audioforge_verifiers.words import words_of

GENERAL = {"normalizer": "words-1"}


@pytest.fixture(scope="session")
def rate(create):
    """`rate(name, [(reference, text), …])` is a corpus metric over pairs of one language."""

    def _rate(name, pairs, language=None, normalizer="words-1"):
        verifier = create("cer" if name == "cer" else "wer", normalizer=normalizer)
        scores = verifier.verify(
            [AudioSample(str(i), reference=r, language=language) for i, (r, _) in enumerate(pairs)],
            [Hypothesis(text=t) for _, t in pairs],
        )
        metric = next(m for m in verifier.corpus_metrics if m.name == name)
        parts = (*metric.numerator, metric.denominator)
        rows = [s.metrics for s in scores if all(part in s.metrics for part in parts)]
        units = sum(row[metric.denominator] for row in rows)
        return (sum(row[p] for row in rows for p in metric.numerator), units) if units else None

    return _rate


HINDI = [
    ("मुझे पानी चाहिए", "मुझे पाना चाहिए"),
    ("वह किताब पढ़ती है", "वह किताब पढ़ता है"),
]
CHINESE = [
    ("今天下午的会议改到三点", "今天下午的会议改到四点"),
    ("请打开左边的窗户", "请打开左边的窗户"),
]


def test_vowel_signs_are_part_of_words(rate):
    assert rate("wer", HINDI, "hi") == (2, 7)
    assert rate("wer", [("எனக்கு தண்ணீர் வேண்டும்", "எனக்கு தண்ணீர் வேண்டாம்")], "ta") == (1, 3)
    assert rate("wer", [("আমি ভাত খাই", "আমা ভাত খাই"), ("আমি ভাত খাই", "আমি ভাত খাই")], "bn") == (1, 6)
    assert rate("cer", HINDI, "hi")[0] > 0
    assert rate("mer", HINDI, "hi") is None


def test_without_spaces_the_characters_count_and_the_metric_says_so(rate):
    assert rate("mer", CHINESE, "zh") == (1, 19)
    assert rate("wer", CHINESE, "zh") is None
    assert rate("mer", [(CHINESE[0][0], "今天 下午 的 会议 改到 三点")], "zh") == (0, 11)
    assert rate("cer", [(CHINESE[0][0], "今天 下午 的 会议 改到 三点")], "zh") == (0, 11)
    japanese = [("駅前の本屋で待っています", "駅前の本屋で待っていました")]
    assert rate("mer", japanese, "ja") == (2, 12)
    assert rate("mer", [("เขาไปตลาดเช้านี้", "เขาไปตลาดเช้านั้น")], "th") == (2, 13)
    assert rate("mer", CHINESE, None, "none") == (1, 19)


def test_units_of_mixed_texts_are_words_and_characters(rate):
    assert rate("mer", [("打开 wifi 开关", "打开wi-fi开关")], "zh") == (2, 5)
    assert rate("mer", [("打开 wifi 开关", "打开wifi开关")], "zh") == (0, 5)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("เช้านี้", ["เ", "ช้", "า", "นี้"]),
        ("ຂ້ອຍ", ["ຂ້", "ອ", "ຍ"]),
        ("ကျွန်", ["ကျွ", "န်"]),
        ("ខ្ញុំ", ["ខ្", "ញុំ"]),
        ("か\u3099 go", ["か\u3099", "go"]),
        ("二〇二四年", ["二", "〇", "二", "四", "年"]),
        ("학교에 갑니다", ["학교에", "갑니다"]),
    ],
)
def test_marks_belong_to_the_character_that_they_stand_on(text, units):
    assert words_of(text) == units


def test_what_a_model_answers_does_not_take_a_clip_out_of_the_rate(rate, score):
    english = ("turn it off", "请把它关掉")
    assert rate("wer", [english]) == (5, 3)
    assert rate("mer", [english]) is None
    assert score("wer", *english, **GENERAL).reward == 0.0
    assert rate("mer", [("请把它关掉", "turn it off")]) == (5, 5)


def test_both_kinds_of_clips_give_both_rates(rate):
    pairs = [*CHINESE, ("turn it off", "turn it of")]
    assert rate("mer", pairs) == (1, 19)
    assert rate("wer", pairs) == (1, 3)


def test_nothing_said_is_a_reference(score, rate):
    right = score("wer", "", "", **GENERAL)
    assert (right.reward, right.metrics["wer"], right.metrics["mer"]) == (1.0, 0, 0)
    for text in ("thank you", "谢谢", "[Music]", "7"):
        assert score("wer", "", text, **GENERAL).reward == 0.0
    assert score("wer", "[silence]", "", **GENERAL).reward is None, "no text to compare with"
    # What is said over silence counts in the rate of the other clips, whatever their script.
    assert rate("wer", [("one two", "one two"), ("", "hello 谢谢")]) == (3, 2)
    assert rate("mer", [("北京", "北京"), ("", "hello 谢谢")]) == (3, 2)


@pytest.mark.parametrize("normalizer", ["english-1", "words-1", "by-language-1"])
@pytest.mark.parametrize(
    ("reference", "text", "inserted"),
    [
        (
            "turn the second valve",
            "turn the second valve (thank you for watching please subscribe to my channel)",
            9,
        ),
        ("close the door", "close the door [goodbye goodbye goodbye goodbye]", 4),
        ("open it", "open it <this was never said by anyone at all>", 8),
        ("open it (quietly)", "open it", 0),
    ],
)
def test_what_stands_in_brackets_costs(score, normalizer, reference, text, inserted):
    scored = score("wer", reference, text, normalizer=normalizer)
    assert scored.metrics["insertions"] == inserted
    assert scored.metrics["substitutions"] + scored.metrics["deletions"] == 0
    assert scored.reward == max(0.0, 1 - inserted / scored.metrics["reference_words"])
    if inserted > 3:
        gate = score("hallucination", reference, text, normalizer=normalizer)
        assert (gate.reward, gate.passed) == (0.0, False)


@pytest.mark.parametrize("normalizer", ["english-1", "words-1"])
@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("I don't think we've met", "I don’t think we’ve met"),
        ("it's what they're after", "it‘s what theyʼre after"),
        ("John’s book", "John＇s book"),
    ],
)
def test_every_apostrophe_is_one(score, normalizer, reference, text):
    assert score("wer", reference, text, normalizer=normalizer).metrics["wer"] == 0


@pytest.mark.parametrize("normalizer", ["english-1", "words-1"])
def test_a_model_that_writes_capitals_is_not_wrong_for_that(score, normalizer):
    assert score("wer", "seven three", "SEVEN THREE", normalizer=normalizer).reward == 1.0
    assert score("wer", "seven three", "SEVEN THREE", normalizer="none").reward == 0.0
    assert score("wer", "siete tres", "SIETE TRES", normalizer="words-1").reward == 1.0


def test_verifiers_take_the_language_of_the_clip(create):
    samples = [AudioSample("a", reference="ısı", language=tag) for tag in ("tr", "de")]
    said = [Hypothesis(text="ISI")] * 2
    for name in ("wer", "cer"):
        rewards = [s.reward for s in create(name, normalizer="words-1").verify(samples, said)]
        assert rewards[0] == 1.0 > rewards[1]
    terms = create({"name": "hotwords", "words": ["ISI"]}, normalizer="words-1")
    assert [s.reward for s in terms.verify(samples, said)] == [1.0, 0.0]
    drawn = [Hypothesis(0, "ISI"), Hypothesis(1, "ısı")]
    for sample, agreement in zip(samples, (1.0, 0.0), strict=True):
        consensus = create("consensus", normalizer="words-1")
        assert [s.reward for s in consensus.verify([sample] * 2, drawn)] == [agreement] * 2
    inserted = create("hallucination", normalizer="words-1").verify(
        [AudioSample("a", reference="x", language="tr")], [Hypothesis(text="X I ı")]
    )
    assert inserted[0].metrics["inserted_words"] == 2


def test_a_term_of_which_nothing_is_left_in_a_language_is_named(create):
    terms = create({"name": "hotwords", "words": ["ähm", "Ventil"]}, normalizer="words-1")
    said = [Hypothesis(text="Ventil")]
    assert terms.verify([AudioSample("a", reference="Ventil")], said)[0].reward == 1.0
    with pytest.raises(Exception, match=r"nothing is left of 'ähm' .* words-1 for de"):
        terms.verify([AudioSample("a", reference="Ventil", language="de")], said)
