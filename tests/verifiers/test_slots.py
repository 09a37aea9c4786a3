"""`slots`: the values of a clip heard or not, and no way to be paid for anything else."""

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audioforge.config import VerifierSetting
from audioforge.errors import ConfigError
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.sample import AudioSample, Hypothesis, Score

ORDERS = [
    {"drink": "latte", "size": "large"},
    {"drink": "iced latte", "milk": "oat milk"},
    {"drink": "tea", "milk": "milk", "size": "small"},
    {"drink": "Café au lait"},
    {"room": "twelve", "floor": 2},
]
WORDS = st.lists(
    st.sampled_from(["latte", "large", "iced", "milk", "oat", "tea", "please"]), max_size=8
).map(" ".join)


def order(values, **others) -> AudioSample:
    return AudioSample("order", metadata={"slots": values}, **others)


@pytest.fixture(scope="session")
def knowing(registry):
    """`knowing("slots", samples)` is a verifier that knows these samples as the corpus."""

    def _knowing(reference, corpus, normalizer="whisper-basic"):
        context = verifier_context(registry, "asr", normalizer, 0.3, "cpu")
        context = attrs.evolve(context, corpus=corpus)
        return create_verifier(registry, VerifierSetting.parse(reference), context)

    return _knowing


@pytest.fixture(scope="module")
def slots(knowing):
    return knowing("slots", [order(values) for values in ORDERS])


def heard(verifier, sample, text) -> Score:
    return verifier.verify([sample], [Hypothesis(text=text)])[0]


@pytest.mark.parametrize(
    ("values", "text", "counts", "reward"),
    [
        ({"drink": "latte", "size": "large"}, "a large latte please", (2, 2, 2), 1.0),
        ({"drink": "latte", "size": "large"}, "A LARGE, large-ish Latte!", (2, 2, 3), 4 / 5),
        ({"drink": "latte", "size": "large"}, "a latte", (1, 2, 1), 2 / 3),
        ({"drink": "latte", "size": "large"}, "a small latte", (1, 2, 2), 1 / 2),
        ({"drink": "latte"}, "an iced latte", (0, 1, 1), 0.0),
        ({"drink": "iced latte"}, "a latte", (0, 1, 1), 0.0),
        ({"milk": "milk"}, "with oat milk", (0, 1, 1), 0.0),
        ({"drink": "latte", "second": "latte"}, "latte latte", (2, 2, 2), 1.0),
        ({"drink": ["latte", "tea"]}, "tea and latte", (2, 2, 2), 1.0),
        ({"drink": "latte", "size": None, "milk": ""}, "latte", (1, 1, 1), 1.0),
        ({"drink": "Café au lait"}, "cafe\u0301 au lait", (1, 1, 1), 1.0),
        ({"drink": "mocha"}, "mocha", (1, 1, 1), 1.0),
        ({"drink": "mocha"}, "latte", (0, 1, 1), 0.0),
        ({"drink": "latte"}, "", (0, 1, 0), 0.0),
        ({}, "a latte", (0, 0, 1), 0.0),
    ],
)
def test_counts_and_reward(slots, values, text, counts, reward):
    scored = heard(slots, order(values), text)
    hits, wanted, said = counts
    names = ("slot_hits", "expected_values", "found_values")
    assert tuple(scored.metrics[name] for name in names) == counts
    assert scored.metrics["all_values"] == wanted + said
    assert scored.metrics.get("slot_recall") == (hits / wanted if wanted else None)
    assert scored.metrics.get("slot_precision") == (hits / said if said else None)
    assert scored.reward == pytest.approx(reward)
    assert scored.passed is (hits == wanted == said)


def test_what_says_nothing_of_slots_cannot_be_judged(slots):
    assert heard(slots, AudioSample("a", reference="a latte"), "a latte") == Score(None)
    assert heard(slots, order({"drink": "tea"}), None) == Score(None)
    assert heard(slots, order(""), "tea") == Score(None)
    nothing = heard(slots, order({}), "good morning")
    assert (nothing.reward, nothing.passed) == (None, None)


def test_listing_the_whole_corpus_repeating_and_silence_do_not_pay(slots):
    sample = order({"drink": "latte"})
    everything = "latte large iced latte oat milk tea milk small café au lait twelve 2"
    assert heard(slots, sample, everything).reward == pytest.approx(2 / 11)
    assert heard(slots, sample, "latte " * 40).reward < 0.05
    assert heard(slots, sample, "").reward == 0
    assert heard(slots, sample, "la\u200btte").reward == 0
    assert heard(slots, sample, "l\u0430tte").reward == 0  # a Cyrillic letter


@given(expected=WORDS, text=WORDS)
@settings(max_examples=100, deadline=None)
def test_no_further_value_ever_gains(slots, expected, text):
    values = {str(i): word for i, word in enumerate(expected.split()) if word != "please"}
    before, after = (heard(slots, order(values), t) for t in (text, f"{text} please small"))
    assert after.passed is False
    assert after.reward <= (1.0 if before.reward is None else before.reward)


def test_a_number_is_not_found_within_a_longer_one(knowing):
    """Digits may stand as words by themselves, as a normaliser of numbers writes them."""
    verifier = knowing("slots", [order({"room": room}) for room in ("2", "1 2", "9 1 4")])
    two, parts = order({"room": "2"}), order({"area": "9 1 4", "number": "1 2"})
    assert heard(verifier, two, "room 2").reward == 1
    assert heard(verifier, two, "room 1 2").reward == 0
    assert heard(verifier, two, "room 5 2").reward == 0
    assert heard(verifier, two, "room 2 5").reward == 0
    assert heard(verifier, parts, "9 1 4 1 2").reward == 1
    assert heard(verifier, parts, "9 1 4 1 2 7").reward == 0


def test_columns_hold_one_value_each(knowing):
    rows = [{"drink": "latte", "size": "large", "text": "x"}, {"drink": "tea", "size": ""}]
    corpus = [AudioSample(str(i), metadata=row) for i, row in enumerate(rows)]
    verifier = knowing("slots:columns=drink|size", corpus)
    assert verifier.needs_metadata == ("drink", "size")
    assert heard(verifier, corpus[0], "a large latte").reward == 1
    assert heard(verifier, corpus[1], "large tea").reward == pytest.approx(2 / 3)
    assert heard(verifier, AudioSample("c", metadata={"drink": "", "size": None}), "tea") == Score(
        None
    )
    listed = knowing({"name": "slots", "columns": ["drink", "size"]}, corpus)
    assert listed.needs_metadata == ("drink", "size")


def test_a_table_holds_the_mapping_as_json(knowing):
    verifier = knowing("slots", [order('{"drink": "latte"}')])
    assert heard(verifier, order('{"drink": "latte"}'), "latte").reward == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["latte"], r"'slots' must be a mapping from slots to values, not \['latte'\]"),
        ("latte", r"'slots' must be a mapping from slots to values, not 'latte'"),
        ({"drink": 1.5}, r"the value of 'drink' must be text, not 1\.5"),
        ({"drink": {"name": "latte"}}, r"the value of 'drink' must be text"),
        ({"drink": "?!"}, r"nothing is left of '\?!' after the text normaliser"),
    ],
)
def test_values_that_cannot_be_read_are_named_with_their_place(knowing, values, message):
    bad = order(values, where="orders.jsonl:7")
    with pytest.raises(ConfigError, match=r"slots: orders\.jsonl:7: order: .*" + message):
        knowing("slots", [order({"drink": "tea"}), bad])


def test_many_that_cannot_be_read_are_counted(knowing):
    with pytest.raises(ConfigError, match=r"and 5 more such samples"):
        knowing("slots", [order("?")] * 8)


def test_corpus_metrics_sum_over_clips(slots):
    samples = [order(ORDERS[0]), order(ORDERS[2])]
    texts = ("large latte small", "tea")
    scores = slots.verify(samples, [Hypothesis(text=text) for text in texts])
    values = {
        metric.name: sum(s.metrics[p] for s in scores for p in metric.numerator)
        / sum(s.metrics[metric.denominator] for s in scores)
        for metric in slots.corpus_metrics
    }
    assert values == {"slot_f1": 6 / 9, "slot_recall": 3 / 5, "slot_precision": 3 / 4}
