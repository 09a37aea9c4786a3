"""`hotwords`: terms found and terms made up, and no way to be paid for anything else."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from audioforge.errors import ConfigError
from audioforge.plugins import checked_options
from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge_verifiers.words import size_in_words, words_of

TERMS = """\
# places
new york
york
new york city
  delhi

naïve bayes
北京
C++
#hashtag is a comment too
"""
WORDS = st.lists(
    st.sampled_from(["new", "york", "delhi", "a", "北京", "北", "京", "naïve", "bayes"]), max_size=9
).map(" ".join)


@pytest.fixture(scope="module")
def terms(tmp_path_factory):
    path = tmp_path_factory.mktemp("hotwords") / "terms.txt"
    path.write_text(TERMS, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def hotwords(create, terms):
    return create(f"hotwords:terms={terms}", normalizer="words-1")


@pytest.mark.parametrize(
    ("reference", "text", "counts", "reward"),
    [
        ("we flew to delhi", "we flew to delhi", (1, 1, 1), 1.0),
        ("we flew to delhi", "WE FLEW TO DELHI!", (1, 1, 1), 1.0),
        ("we flew to delhi", "we flew to the deli", (0, 1, 0), 0.0),
        ("we flew to the deli", "we flew to delhi", (0, 0, 1), 0.0),
        ("new york", "york", (0, 1, 1), 0.0),
        ("york", "new york", (0, 1, 1), 0.0),
        ("new york york", "york new york", (2, 2, 2), 1.0),
        ("new new york", "new york", (1, 1, 1), 1.0),
        ("new york city", "new york city", (1, 1, 1), 1.0),
        ("new york city", "new york", (0, 1, 1), 0.0),
        ("delhi delhi", "delhi", (1, 2, 1), 2 / 3),
        ("delhi", "delhi delhi", (1, 1, 2), 2 / 3),
        ("new york and delhi", "delhi and", (1, 2, 1), 2 / 3),
        ("new york and delhi", "delhi and york", (1, 2, 2), 1 / 2),
        ("naïve bayes", "nai\u0308ve bayes", (1, 1, 1), 1.0),
        ("naïve bayes", "naive bayes", (0, 1, 0), 0.0),
        ("我在北京工作", "他在北京", (1, 1, 1), 1.0),
        ("我在北京工作", "我在南京工作", (0, 1, 0), 0.0),
        ("", "delhi", (0, 0, 1), 0.0),
    ],
)
def test_counts_and_reward(hotwords, score, reference, text, counts, reward):
    scored = score(hotwords, reference, text)
    hits, wanted, said = counts
    assert scored.metrics["term_hits"] == hits
    assert scored.metrics["reference_terms"] == wanted
    assert scored.metrics["transcript_terms"] == said
    assert scored.metrics.get("term_recall") == (hits / wanted if wanted else None)
    assert scored.metrics.get("term_precision") == (hits / said if said else None)
    assert scored.reward == pytest.approx(reward)
    assert scored.passed is (hits == wanted == said)


@pytest.mark.parametrize("text", ["", "something else", "new", "Bayes naïve", "北 大"])
def test_where_no_term_is_due_and_none_is_said_there_is_nothing_to_judge(hotwords, score, text):
    scored = score(hotwords, "an ordinary sentence", text)
    assert (scored.reward, scored.passed) == (None, None)
    assert scored.metrics == {"term_hits": 0, "reference_terms": 0, "transcript_terms": 0}


def test_listing_every_term_repeating_one_and_silence_do_not_pay(hotwords, score):
    reference = "please book a flight to delhi"
    honest = score(hotwords, reference, "book flight delhi").reward
    listing = "new york delhi naïve bayes 北京 c++"
    assert honest == 1.0
    assert score(hotwords, reference, f"{reference} {listing}").reward < 0.5
    assert score(hotwords, reference, "delhi " * 50).reward < 0.05
    assert score(hotwords, reference, "").reward == 0.0
    assert score(hotwords, "an ordinary sentence", listing).reward == 0.0


def test_listing_every_term_loses_on_average_against_honest_guessing(create, score):
    words = [f"t{i}" for i in range(20)]
    verifier = create({"name": "hotwords", "words": words})
    rest = " ".join(["and"] * 19)
    listed = [score(verifier, f"{word} {rest}", " ".join(words)).reward for word in words]
    assert max(listed) == pytest.approx(2 / 21)


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        ("book me a flight to new york for next monday please", 1.0),
        ("book me flight to new york", 1.0),
        ("flight to new york", 0.0),
        ("new york", 0.0),
        ("new york" + " and so on" * 8, 0.0),
        ("book me a flight to new york" + " next monday" * 9, 1.0),
        ("book me a flight to new york" + " next monday" * 10, 0.0),
    ],
)
def test_terms_pay_only_in_a_text_that_is_as_long_as_the_reference(hotwords, score, text, reward):
    reference = "book me a flight to new york for next monday please"
    assert score(hotwords, reference, text).reward == reward
    assert score(hotwords, reference, text).metrics["term_recall"] == 1.0


def of_one_length(reference: str, text: str) -> bool:
    said, wanted = (size_in_words(words_of(words)) for words in (text, reference))
    return wanted / 2 <= said <= 2 * wanted + 3


def test_a_term_takes_the_runs_normaliser(create, score):
    verifier = create({"name": "hotwords", "words": ["Mr. Colour"]}, normalizer="whisper-english")
    assert score(verifier, "the mister color", "Mr Colour").reward == 1.0
    raw = create({"name": "hotwords", "words": ["Mr. Colour"]}, normalizer="none")
    assert score(raw, "hear Mr. Colour", "hear mister color").reward == 0.0


def test_file_and_list_are_put_together(create, score, terms):
    verifier = create({"name": "hotwords", "terms": str(terms), "words": ["lima"]})
    assert score(verifier, "from lima to delhi", "lima delhi").metrics["term_hits"] == 2


@given(pairs=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=8))
def test_the_reward_is_the_harmonic_mean_of_recall_and_precision(hotwords, pairs):
    scores = hotwords.verify(
        [AudioSample(str(i), reference=r) for i, (r, _) in enumerate(pairs)],
        [Hypothesis(text=t) for _, t in pairs],
    )
    for scored, (reference, text) in zip(scores, pairs, strict=True):
        recall = scored.metrics.get("term_recall")
        precision = scored.metrics.get("term_precision")
        if recall is None and precision is None:
            assert scored.reward is None
        elif not (recall and precision and of_one_length(reference, text)):
            assert scored.reward == 0.0
        else:
            assert scored.reward == pytest.approx(2 * recall * precision / (recall + precision))


@given(reference=WORDS, text=WORDS)
def test_saying_a_term_more_often_than_it_was_said_never_gains(hotwords, score, reference, text):
    before = score(hotwords, reference, text)
    wanted, said = (words.split().count("delhi") for words in (reference, text))
    assume(of_one_length(reference, text) and of_one_length(reference, f"{text} delhi"))
    after = score(hotwords, reference, f"{text} delhi")
    if said >= wanted:
        assert after.reward <= (1.0 if before.reward is None else before.reward)
        assert after.passed is False
    else:
        assert after.reward > before.reward


def test_corpus_recall_comes_first_and_sums_over_utterances(hotwords):
    scores = hotwords.verify(
        [AudioSample("a", reference="delhi delhi delhi"), AudioSample("b", reference="york")],
        [Hypothesis(text="delhi delhi delhi"), Hypothesis(text="delhi")],
    )
    values = {
        metric.name: sum(s.metrics[p] for s in scores for p in metric.numerator)
        / sum(s.metrics[metric.denominator] for s in scores)
        for metric in hotwords.corpus_metrics
    }
    assert list(values) == ["term_recall", "term_precision"]
    assert values == {"term_recall": 3 / 4, "term_precision": 3 / 4}
    assert all(metric.higher_is_better for metric in hotwords.corpus_metrics)


def test_without_a_reference_there_is_nothing_to_judge(hotwords, score):
    assert score(hotwords, None, "delhi") == Score(None)
    assert score(hotwords, "delhi", None) == Score(None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"terms\.txt: No such file"),
        (b"", r"terms\.txt: holds no term"),
        (b"\n# only this\n  \n", r"terms\.txt: holds no term"),
        (b"caf\xe9\n", r"terms\.txt: not UTF-8 text"),
    ],
)
def test_a_wrong_file_is_named_when_the_options_are_checked(registry, tmp_path, content, message):
    path = tmp_path / "terms.txt"
    if content is not None:
        path.write_bytes(content)
    provided = registry.find("verifiers", "hotwords")
    with pytest.raises(ConfigError, match=message):
        checked_options(provided, {"terms": str(path)})


def test_a_folder_and_no_terms_at_all_are_errors(registry, tmp_path):
    provided = registry.find("verifiers", "hotwords")
    with pytest.raises(ConfigError, match=r"hotwords\.terms: .*directory"):
        checked_options(provided, {"terms": str(tmp_path)})
    with pytest.raises(ConfigError, match=r"give terms=FILE"):
        checked_options(provided, {})


def test_terms_that_the_normaliser_removes_are_named(create):
    with pytest.raises(ConfigError, match=r"nothing is left of 'uh', '!!' after .*whisper-english"):
        create({"name": "hotwords", "words": ["uh", "delhi", "!!"]}, normalizer="whisper-english")


def test_a_file_saved_with_a_byte_order_mark_or_windows_line_ends(create, score, tmp_path):
    path = tmp_path / "terms.txt"
    path.write_bytes("\ufeffnew york\r\ndelhi\r\n".encode())
    verifier = create(f"hotwords:terms={path}")
    assert score(verifier, "new york delhi", "new york delhi").metrics["term_hits"] == 2
