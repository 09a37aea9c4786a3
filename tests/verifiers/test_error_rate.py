"""`wer`, `mer` and `cer`: jiwer's rates, one score per hypothesis, rewards from them."""

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioforge.config import AudioRAFTConfig
from audioforge.errors import ConfigError, PluginError
from audioforge.judging.verification import verifier_context
from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge_verifiers.words import is_unspaced

WORDS = st.lists(st.sampled_from(["a", "b", "no", "ż", "서울", "👍🏽", "é"]), max_size=8).map(
    " ".join
)
ANY_WORDS = (
    st.text(max_size=12).filter(lambda t: not is_unspaced(t)).map(lambda t: " ".join(t.split()))
)
TEXTS = st.one_of(WORDS, ANY_WORDS)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=12)

EDGES = [
    ("", "", 0),
    ("", "one two", 2),
    ("   ", "one", 1),
    ("one two", "", 1),
    ("one two", "   ", 1),
    ("one two", "one two", 0),
    ("one two", "two one", 1),
    ("one", "one one one one", 3),
    ("one  two", " one two  ", 0),
    ("zażółć gęślą", "zażółć gesla", 0.5),
    ("서울 하늘", "서울 하", 0.5),
    ("👍🏽 ok", "👍 ok", 0.5),
    ("e\u0301", "\u00e9", 1),
    (" ".join(["one"] * 3000), " ".join(["one"] * 2999), 1 / 3000),
]


@pytest.mark.parametrize(("reference", "text", "rate"), EDGES)
def test_word_error_rate_at_the_edges(score, reference, text, rate):
    scored = score("wer", reference, text)
    assert scored.metrics["wer"] == pytest.approx(rate)
    assert scored.metrics["wer"] == pytest.approx(jiwer.wer(reference, text))
    assert scored.reward == pytest.approx(max(0, 1 - rate))


@pytest.mark.parametrize(("reference", "text", "_"), EDGES)
def test_character_error_rate_is_jiwers(score, reference, text, _):
    scored = score("cer", reference, text)
    expected = jiwer.process_characters(reference, text)
    assert scored.metrics["cer"] == pytest.approx(expected.cer)
    for edit in ("hits", "substitutions", "deletions", "insertions"):
        assert scored.metrics[edit] == getattr(expected, edit)


def test_known_characters(score):
    assert score("cer", "kitten", "sitting").metrics == {
        "cer": 0.5,
        "hits": 4,
        "substitutions": 2,
        "deletions": 0,
        "insertions": 1,
        "reference_characters": 6,
    }
    assert score("cer", "a b", "ab").metrics["deletions"] == 1


@pytest.mark.parametrize(
    ("wrong", "reward"),
    [(0, 1.0), (1, 0.9), (3, 0.7), (5, 0.5), (9, 0.1), (10, 0.0)],
)
def test_the_reward_is_one_minus_the_rate(score, wrong, reward):
    said = ["x"] * wrong + ["one"] * (10 - wrong)
    scored = score("wer", " ".join(["one"] * 10), " ".join(said))
    assert scored.reward == pytest.approx(reward, abs=1e-12)
    assert scored.metrics["wer"] == wrong / 10


def test_beyond_the_whole_reference_the_reward_is_zero_and_the_rate_is_not_clipped(score):
    scored = score("wer", "one", "no no no no")
    assert scored.reward == 0.0
    assert scored.metrics["wer"] == 4.0
    assert scored.passed is False


def test_the_threshold_decides_passed_and_nothing_else(create, score):
    reference, text = " ".join(["one"] * 10), " ".join(["one"] * 7 + ["x"] * 3)
    scores = {
        threshold: score("wer", reference, text, wer_threshold=threshold)
        for threshold in (0.0, 0.29, 0.3, 0.31, 2.0)
    }
    assert {t: s.passed for t, s in scores.items()} == {
        0.0: False,
        0.29: False,
        0.3: True,
        0.31: True,
        2.0: True,
    }
    assert {s.reward for s in scores.values()} == {0.7}
    assert len({tuple(s.metrics.items()) for s in scores.values()}) == 1


def test_a_threshold_of_its_own_stands_over_the_runs(score):
    assert score("wer:threshold=0.6", "one two", "one x", wer_threshold=0.1).passed is True
    assert score("wer:threshold=0", "one two", "one x", wer_threshold=0.9).passed is False


def test_what_passes_meets_the_runs_reward_threshold(create, score):
    wer = create("wer")
    for units in range(1, 30):
        for wrong in range(units + 1):
            text = " ".join(["x"] * wrong + ["one"] * (units - wrong))
            reward = score(wer, " ".join(["one"] * units), text).reward
            config = AudioRAFTConfig(wer_threshold=wrong / units)
            assert reward >= config.effective_reward_threshold


@pytest.mark.parametrize("verifier", ["wer", "cer"])
@given(pairs=PAIRS)
def test_summed_over_a_corpus_the_counts_give_jiwers_corpus_rate(create, verifier, pairs):
    references, texts = [r for r, _ in pairs], [t for _, t in pairs]
    created = create(verifier)
    scores = created.verify(
        [AudioSample(str(i), reference=r) for i, r in enumerate(references)],
        [Hypothesis(text=t) for t in texts],
    )
    metric = created.corpus_metrics[0]
    assert metric.name == verifier
    assert metric.higher_is_better is False
    edits = sum(s.metrics[part] for s in scores for part in metric.numerator)
    units = sum(s.metrics[metric.denominator] for s in scores)
    whole = {"wer": jiwer.wer, "cer": jiwer.cer}[verifier](references, texts)
    assert (edits / units if units else edits) == pytest.approx(whole)
    assert all(set(created.metrics) >= s.metrics.keys() for s in scores)
    assert all(0 <= s.reward <= 1 for s in scores)


@pytest.mark.parametrize("verifier", ["wer", "cer"])
@given(pairs=PAIRS)
def test_a_batch_scores_as_one_by_one(create, score, verifier, pairs):
    created = create(verifier)
    batch = created.verify(
        [AudioSample(str(i), reference=r) for i, (r, _) in enumerate(pairs)],
        [Hypothesis(text=t) for _, t in pairs],
    )
    assert batch == [score(created, reference, text) for reference, text in pairs]


def test_what_cannot_be_judged_gets_no_reward_and_leaves_the_others(create):
    created = create("wer")
    samples = [AudioSample("a"), AudioSample("b", reference="one"), AudioSample("c", reference="x")]
    said = [Hypothesis(text="one"), Hypothesis(text="one"), Hypothesis(label="one")]
    assert [s.reward for s in created.verify(samples, said)] == [None, 1.0, None]
    assert created.verify(samples[:1], said[:1]) == [Score(None)]
    assert created.verify([], []) == []


def test_repeating_or_listing_answers_does_not_pay(score):
    honest = score("wer", "seven three", "seven four").reward
    for trick in ("seven seven seven", "one two three four five six seven", "seven three " * 9):
        assert score("wer", "seven three", trick).reward <= honest
    for silent in ("", " ", "\n"):
        assert score("wer", "seven three", silent).reward == 0.0
    assert score("wer", "seven three", "nan").reward == 0.0


def test_it_travels_to_another_process_before_it_is_set_up(registry, create, score, travelled):
    fresh = registry.create("verifiers", "wer", threshold="0.5")
    with pytest.raises(RuntimeError, match="setup comes before verify"):
        fresh.verify([], [])
    arrived = travelled(fresh)
    arrived.setup(verifier_context(registry, "asr", "whisper-english", 0.1, "cpu"))
    assert score(arrived, "Colour one, two", "color 12 x").passed is True


def test_it_says_which_tasks_and_options_it_takes(registry, create):
    with pytest.raises(ConfigError, match=r"wer\.treshold: no such option\. Did you mean thresh"):
        create("wer:treshold=0.1")
    with pytest.raises(ConfigError, match=r"wer\.threshold: 'low' is not"):
        create("wer:threshold=low")
    with pytest.raises(ConfigError, match=r"wer\.kind: no such option"):
        create("wer:kind=words")
    with pytest.raises(ConfigError, match=r"wer\.name: no such option"):
        create("wer:name=words")
    with pytest.raises(PluginError, match=r"no verifier is called 'werr'\. Did you mean wer"):
        create("werr")
