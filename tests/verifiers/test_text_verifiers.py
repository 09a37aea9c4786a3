"""What holds for every verifier of transcripts, whatever it is given."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioforge.judging.verification import verifier_context
from audioforge.sample import AudioSample, Hypothesis, Score

OPTIONS = {
    "wer": {},
    "cer": {},
    "hotwords": {"words": ("one", "seven three", "好")},
    "hallucination": {},
    "consensus": {},
}
NEED_REFERENCES = ("wer", "cer", "hotwords")
WORDS = st.lists(
    st.sampled_from(
        ["one", "seven", "three", "no", "好", "👍🏽", "é", "e\u0301", "سلام", "\u202e", "ช้า"]
    ),
    max_size=12,
).map(" ".join)
TEXTS = st.one_of(WORDS, st.text(max_size=30), WORDS.map(lambda text: text * 20))
ROLLOUTS = st.lists(
    st.tuples(st.none() | TEXTS, st.lists(TEXTS, min_size=1, max_size=4)), min_size=1, max_size=5
)
TRICKS = {
    "empty": "",
    "blank": " \t\n\u00a0",
    "repeated": "seven three " * 40,
    "over-long": " ".join(f"w{i}" for i in range(3000)),
    "one long word": "x" * 5000,
    "wrong script": "сім три п'ять",
    "right to left": "سبعة ثلاثة خمسة",
    "combining": "s\u0300\u0301e\u0300\u0301" * 30,
    "controls": "\x00\x01\u200b\u202e\ufeff",
    "lone surrogate": "\ud83d seven",
    "every answer": "zero one two three four five six seven eight nine",
    "a number that is not": "nan inf -1",
}


@pytest.fixture(scope="module", params=OPTIONS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def verifier(create, name):
    return create({"name": name, **OPTIONS[name]})


def flat(rollouts):
    """Return the samples and hypotheses of one call."""
    samples = [AudioSample(str(i), reference=r, duration=2.0) for i, (r, _) in enumerate(rollouts)]
    pairs = [
        (s, Hypothesis(i, text))
        for s, (_, texts) in zip(samples, rollouts, strict=True)
        for i, text in enumerate(texts)
    ]
    return [s for s, _ in pairs], [h for _, h in pairs]


@given(rollouts=ROLLOUTS)
def test_rewards_are_in_range_and_metrics_are_declared_numbers(verifier, rollouts):
    samples, hypotheses = flat(rollouts)
    for sample, scored in zip(samples, verifier.verify(samples, hypotheses), strict=True):
        assert scored.reward is None or 0 <= scored.reward <= 1
        assert (scored.reward is None) is (scored.passed is None)
        assert all(math.isfinite(value) for value in scored.metrics.values())
        assert scored.metrics.keys() <= set(verifier.metrics)
        if verifier.needs_reference and sample.reference is None:
            assert scored == Score(None)


@given(rollouts=ROLLOUTS)
def test_a_call_scores_as_rollout_by_rollout_in_any_order(verifier, rollouts):
    together = verifier.verify(*flat(rollouts))
    samples, hypotheses = flat(rollouts)
    apart = []
    for sample in dict.fromkeys(samples):
        own = [h for s, h in zip(samples, hypotheses, strict=True) if s is sample]
        apart += verifier.verify([sample] * len(own), own)
    assert together == apart
    backwards = verifier.verify(samples[::-1], hypotheses[::-1])
    assert backwards[::-1] == together


@given(text=TEXTS)
def test_what_is_said_right_has_full_marks_where_it_can_be_judged(verifier, text):
    scored = verifier.verify([AudioSample("a", reference=text)], [Hypothesis(text=text)])[0]
    if scored.reward is not None:
        assert (scored.reward, scored.passed) == (1.0, True)


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_is_paid_like_the_truth(verifier, name, trick):
    sample = AudioSample("a", reference="seven three five", duration=2.0)
    said = ["seven three five"] * 6 + [TRICKS[trick]]
    scores = verifier.verify([sample] * 7, [Hypothesis(i, t) for i, t in enumerate(said)])
    right, wrong = scores[0], scores[-1]
    assert right.passed is True
    if name != "hallucination":
        assert wrong.reward is None or wrong.reward < right.reward
        assert wrong.passed is not True
    elif trick in ("repeated", "over-long", "one long word"):
        assert wrong.reward == 0.0


def test_what_is_not_text_and_what_is_not_there_cannot_be_judged(verifier):
    sample = AudioSample("a", reference="seven three")
    assert verifier.verify([sample], [Hypothesis(label="seven")]) == [Score(None)]
    assert verifier.verify([], []) == []
    assert (verifier.scope, verifier.tasks[0]) in {("hypothesis", "asr"), ("rollout", "asr")}


def test_it_says_whether_it_needs_a_reference(verifier, name):
    assert verifier.needs_reference is (name in NEED_REFERENCES)


def test_corpus_metrics_are_made_of_its_metrics(verifier):
    for metric in verifier.corpus_metrics:
        assert {*metric.numerator, metric.denominator} <= set(verifier.metrics)


def test_it_travels_to_another_process_before_it_is_set_up(registry, name, verifier, travelled):
    fresh = registry.create("verifiers", name, **OPTIONS[name])
    with pytest.raises(RuntimeError, match="setup comes before verify"):
        fresh.verify([], [])
    arrived = travelled(fresh)
    arrived.setup(verifier_context(registry, "asr", "none", 0.3, "cpu"))
    samples = [AudioSample("a", reference="seven three")] * 2
    said = [Hypothesis(0, "seven three"), Hypothesis(1, "seven")]
    assert arrived.verify(samples, said) == verifier.verify(samples, said)


def test_ten_thousand_pairs_score_as_a_few_do(verifier):
    texts = ["seven three five one", "seven three nine", "and so my fellow americans ask not what"]
    samples = [
        AudioSample(str(i // 8), reference=texts[i % 3], duration=4.0) for i in range(10_000)
    ]
    said = [Hypothesis(text=texts[i % 2]) for i in range(10_000)]
    scores = verifier.verify(samples, said)
    if verifier.scope == "hypothesis":
        assert scores == verifier.verify(samples[:6], said[:6]) * 1666 + scores[-4:]
    assert len(scores) == 10_000
