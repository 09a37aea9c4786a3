"""`consensus`: expected agreement with the other hypotheses, and no pay for falling silent."""

import random
import time

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioforge.errors import ConfigError
from audioforge.sample import AudioSample, Hypothesis, Score

TEXTS = st.lists(st.sampled_from(["a", "b", "no", "ż", "é"]), max_size=6).map(" ".join)


@pytest.fixture(scope="module")
def consensus(create):
    return create("consensus")


def scores_of(verifier, texts, sample=None):
    """Score the hypotheses of one sample."""
    sample = sample or AudioSample("a")
    return verifier.verify([sample] * len(texts), [Hypothesis(i, t) for i, t in enumerate(texts)])


@given(texts=st.lists(TEXTS, min_size=2, max_size=8))
def test_it_is_the_mean_wer_reward_with_the_others_as_references(consensus, score, texts):
    for i, scored in enumerate(scores_of(consensus, texts)):
        others = texts[:i] + texts[i + 1 :]
        expected = sum(max(0, 1 - jiwer.wer(other, texts[i])) for other in others) / len(others)
        assert scored.metrics["agreement"] == pytest.approx(expected)
        assert scored.metrics["identical"] == pytest.approx(others.count(texts[i]) / len(others))
        assert scored.reward == (scored.metrics["agreement"] if texts[i] else 0.0)
        assert set(consensus.metrics) == scored.metrics.keys()


@pytest.mark.parametrize(
    ("texts", "rewards"),
    [
        (["one two"], [None]),
        (["one two", "one two"], [1, 1]),
        (["one two", "three four"], [0, 0]),
        (["one two", "one two", "one x"], [0.75, 0.75, 0.5]),
        (["one", "one one one one"], [0.25, 0]),
        (["", "", ""], [0, 0, 0]),
        (["one", "", ""], [0, 0, 0]),
        (["one two", "one two", ""], [0.5, 0.5, 0]),
        (["   ", "\n", "one"], [0, 0, 0]),
        (["广州市", "广州县", "广州市"], [5 / 6, 2 / 3, 5 / 6]),
        (["e\u0301", "\u00e9"], [0, 0]),
        (["مرحبا بك", "مرحبا بك"], [1, 1]),
    ],
)
def test_known_rollouts(consensus, texts, rewards):
    assert [s.reward for s in scores_of(consensus, texts)] == pytest.approx(rewards)


def test_a_model_that_falls_silent_is_not_paid_for_agreeing_with_itself(consensus):
    for k in (2, 4, 64):
        for silence in ("", " ", "\t"):
            assert {s.reward for s in scores_of(consensus, [silence] * k)} == {0.0}
            assert not any(s.passed for s in scores_of(consensus, [silence] * k))


def test_the_text_that_most_agree_on_wins_over_outliers_tricks_and_other_scripts(consensus):
    honest = ["seven three five"] * 3 + ["seven three nine", "seven tree five"]
    tricks = [
        "",
        "seven three five " * 30,
        "seven",
        "сім три п'ять",
        "七三五",
        "\u202eevif",
        "🎉" * 9,
    ]
    scores = scores_of(consensus, honest + tricks)
    assert max(s.reward for s in scores) == scores[0].reward
    assert all(s.reward < min(h.reward for h in scores[:5]) for s in scores[5:])


def test_repeating_what_another_said_does_not_gain(consensus):
    alone, doubled = (
        scores_of(consensus, ["one two three", "one two four", text])[2].reward
        for text in ("one two five", "one two five one two five")
    )
    assert doubled < alone


def test_the_threshold_decides_passed(create):
    texts = ["one two three four"] * 3 + ["one two three x"]
    for threshold, passed in ((0.2, [True] * 3 + [False]), (0.25, [True] * 4)):
        verifier = create("consensus", wer_threshold=threshold)
        assert [s.passed for s in scores_of(verifier, texts)] == passed
        own = create(f"consensus:threshold={threshold}", wer_threshold=0.9)
        assert [s.passed for s in scores_of(own, texts)] == passed
    with pytest.raises(ConfigError, match=r"consensus: .*threshold"):
        create("consensus:threshold=-1")


def test_texts_are_compared_normalised(create):
    english = create("consensus", normalizer="whisper-english")
    assert [s.reward for s in scores_of(english, ["Twenty, one!", "21"])] == [1.0, 1.0]


def test_samples_do_not_vote_on_each_other(consensus):
    first, second = AudioSample("a"), AudioSample("b")
    scores = consensus.verify(
        [first, second, first, second],
        [Hypothesis(text=t) for t in ("one", "two", "one", "three")],
    )
    assert [s.reward for s in scores] == [1.0, 0.0, 1.0, 0.0]


def test_no_reference_is_looked_at(consensus):
    texts = ["one two", "one x", "y"]
    assert not consensus.needs_reference
    assert consensus.scope == "rollout"
    plain = scores_of(consensus, texts)
    assert scores_of(consensus, texts, AudioSample("a", reference="y")) == plain


def test_what_is_not_text_has_no_vote(consensus):
    sample = AudioSample("a")
    said = [Hypothesis(text="one"), Hypothesis(label="one"), Hypothesis(text="one")]
    assert [s.reward for s in consensus.verify([sample] * 3, said)] == [1.0, None, 1.0]
    assert consensus.verify([sample] * 2, said[:2]) == [Score(None), Score(None)]


def test_the_order_of_the_hypotheses_changes_no_bit(consensus):
    draw = random.Random(0)
    texts = [" ".join(draw.choices("abc", k=draw.randint(1, 19))) for _ in range(12)]
    scores = scores_of(consensus, texts)
    for _ in range(50):
        places = draw.sample(range(len(texts)), len(texts))
        assert scores_of(consensus, [texts[i] for i in places]) == [scores[i] for i in places]


def test_many_hypotheses_are_cheap(consensus):
    draw = random.Random(0)
    samples = [AudioSample(str(i // 64)) for i in range(64 * 40)]
    said = [Hypothesis(text=" ".join(draw.choices("abcdefgh", k=20))) for _ in samples]
    start = time.process_time()
    consensus.verify(samples, said)
    assert time.process_time() - start < 1.0
