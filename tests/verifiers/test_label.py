"""`label`: right or wrong, other spellings, and nothing to be had by saying more than one thing."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioforge.errors import ConfigError
from audioforge.judging.verification import verifier_context
from audioforge.plugins import discover
from audioforge.sample import AudioSample, Hypothesis
from audioforge_verifiers.label import Label

WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@cache
def installed():
    return discover("audioforge-verifiers")


def create(known=WORDS, **options):
    """A verifier as a run creates it: the options are checked by its options class."""
    verifier = installed().create("verifiers", "label", **options)
    context = verifier_context(installed(), "classification", "none", 0.3, "cpu", tuple(known))
    verifier.setup(context)
    return verifier


def judge(verifier, references, answer):
    sample = AudioSample("a", labels=tuple(references))
    [score] = verifier.verify([sample], [Hypothesis(label=answer)])
    return score


@pytest.mark.parametrize(
    ("answer", "reward"),
    [("yes", 1.0), ("no", 0.0), ("yess", 0.0), ("", 0.0), ("ye", 0.0), ("ja", 0.0)],
)
def test_right_or_wrong_and_nothing_between(answer, reward):
    score = judge(create(), ["yes"], answer)
    assert score.reward == reward
    assert score.passed is (reward == 1)
    assert score.metrics["correct"] == reward
    assert score.metrics["judged"] == 1


def test_any_label_of_a_clip_is_right():
    verifier = create()
    rewards = [judge(verifier, ["up", "left"], word).reward for word in WORDS]
    assert [w for w, reward in zip(WORDS, rewards, strict=True) if reward == 1] == ["up", "left"]


def test_it_abstains_where_it_cannot_judge():
    verifier = create()
    for references, answer in (([], "yes"), (["", " "], "yes"), (["yes"], None)):
        score = judge(verifier, references, answer)
        assert (score.reward, score.passed) == (None, None)
        assert "correct" not in score.metrics
        assert "judged" not in score.metrics
    [score] = verifier.verify([AudioSample("a", labels=("yes",))], [Hypothesis(text="yes")])
    assert score.reward is None


def test_a_label_outside_the_known_ones_is_flagged():
    verifier = create()
    flags = {word: judge(verifier, ["yes"], word).metrics["unknown"] for word in ("no", "maybe")}
    assert flags == {"no": 0, "maybe": 1}
    assert judge(verifier, [], "maybe").metrics == {"unknown": 1}
    assert "unknown" not in judge(create(known=()), ["yes"], "maybe").metrics


def test_labels_of_its_own_stand_over_the_runs():
    for labels in ("yes|maybe", ["yes", "maybe"]):
        verifier = create(labels=labels)
        flags = [judge(verifier, ["yes"], word).metrics["unknown"] for word in ("maybe", "no")]
        assert flags == [0, 1]


def test_case_is_folded_unless_it_tells_labels_apart():
    assert judge(create(), ["yes"], "YES ").reward == 1
    assert judge(create(known=()), ["Straße"], "STRASSE").reward == 1
    assert judge(create(casefold=False), ["yes"], "YES").reward == 0
    apart = create(known=("A", "a", "b"))
    assert judge(apart, ["A"], "a").reward == 0
    assert judge(apart, ["A"], "A").reward == 1
    assert judge(apart, ["b"], "B").reward == 1


def test_aliases_from_a_file_and_from_the_options(tmp_path):
    path = tmp_path / "aliases.txt"
    path.write_text("# spoken\n\nyeah = yes\n  Yep=yes\nnot at all = no\n", encoding="utf-8")
    verifier = create(aliases=str(path), alias={"halt": "stop"})
    for answer, label in {"yeah": "yes", "yep": "yes", "Not  at all": "no", "halt": "stop"}.items():
        score = judge(verifier, [label], answer)
        assert (score.reward, score.metrics["unknown"]) == (1, 0)
        assert judge(verifier, ["up"], answer).reward == 0
    assert judge(verifier, ["yeah"], "yes").reward == 1  # of the references too


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("yeah = yes\nyep yes\n", r"aliases\.txt:2: write 'alias = label'"),
        ("yeah = yes\n\nyeah = no\n", r"aliases\.txt:3: 'yeah' stands for 'yes' already, not 'no'"),
        ("yeah =\n", r"aliases\.txt:1: an alias and its label must not be empty"),
        ("ya = yeah\nyeah = yes\n", r"'ya' stands for 'yeah', which is an alias itself"),
        ("no = yes\n", r"'no' is a label and cannot stand for 'yes' too"),
    ],
)
def test_a_wrong_file_of_aliases_says_where(tmp_path, text, message):
    path = tmp_path / "aliases.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        create(aliases=str(path))


def test_a_file_of_aliases_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.txt cannot be read"):
        create(aliases=str(tmp_path / "nowhere.txt"))
    (tmp_path / "latin.txt").write_bytes(b"s\xed = yes")
    with pytest.raises(ConfigError, match=r"latin\.txt cannot be read"):
        create(aliases=str(tmp_path / "latin.txt"))


def test_fuzzy_takes_the_nearest_label_from_the_threshold_on():
    # The longest common subsequence of "sevn" and "seven" has 4 letters.
    similarity = 2 * 4 / (4 + 5)
    for fuzzy, reward in ((similarity - 1e-6, 1), (similarity + 1e-6, 0)):
        score = judge(create(known=DIGITS, fuzzy=fuzzy), ["seven"], "sevn")
        assert score.reward == reward
        assert score.metrics["unknown"] == 1 - reward
    assert judge(create(known=DIGITS, fuzzy=0.8), ["six"], "sevn").reward == 0


def test_fuzzy_never_takes_one_label_for_another():
    verifier = create(known=DIGITS, fuzzy=0.05)
    for label in DIGITS:
        for answer in DIGITS:
            assert judge(verifier, [label], answer).reward == (label == answer)


def test_a_tie_pays_for_neither():
    verifier = create(known=("bat", "cat"), fuzzy=0.5)
    assert [judge(verifier, [label], "at").reward for label in ("bat", "cat")] == [0, 0]


@pytest.mark.parametrize("fuzzy", [None, 0.05, 0.5, 0.8])
@pytest.mark.parametrize("joint", [" ", ",", "|", "", "-", "\n", "_"])
def test_all_labels_at_once_never_pay(fuzzy, joint):
    for known in (WORDS, DIGITS, ("yes", "no"), ("seven", "no")):
        verifier = create(known=known, fuzzy=fuzzy)
        for answer in (joint.join(known), joint.join(reversed(known))):
            assert [judge(verifier, [label], answer).reward for label in known] == [0] * len(known)


@given(
    answer=st.lists(st.sampled_from(WORDS), min_size=2, max_size=5),
    joint=st.sampled_from([" ", "", ", "]),
    label=st.sampled_from(WORDS),
    fuzzy=st.sampled_from([None, 0.3, 0.6, 0.9]),
)
def test_several_labels_never_pay(answer, joint, label, fuzzy):
    if len(set(answer)) > 1:
        assert judge(create(fuzzy=fuzzy), [label], joint.join(answer)).reward == 0


@given(answer=st.text(max_size=30), label=st.sampled_from(WORDS))
def test_whatever_is_said_the_reward_is_one_or_zero(answer, label):
    exact = judge(create(), [label], answer)
    assert exact.reward in (0, 1)
    assert exact.reward == (answer.strip().casefold() == label)
    near = judge(create(fuzzy=0.5), [label], answer)
    assert near.reward in (0, 1)
    assert near.reward >= exact.reward


def test_an_endless_answer_is_wrong():
    verifier = create(fuzzy=0.5)
    for answer in ("yes " * 100_000, "yes" * 100_000, "nan", "🙂" * 1000, "ｙｅｓ"):
        assert judge(verifier, ["yes"], answer).reward == 0


def test_wrong_options_are_named():
    for fuzzy in (0, -1, 1.5, 80):
        with pytest.raises(ConfigError, match=r"fuzzy: .* is not above 0 and up to 1"):
            create(fuzzy=fuzzy)
    with pytest.raises(ConfigError, match=r"label\.fuzzy: needs the known labels"):
        create(known=(), fuzzy=0.8)
    with pytest.raises(ConfigError, match="no such option"):
        create(threshold=0.8)


def test_the_corpus_metric_is_accuracy():
    [metric] = Label.corpus_metrics
    assert (metric.name, metric.higher_is_better) == ("accuracy", True)
    verifier = create()
    scores = [judge(verifier, refs, "yes") for refs in (["yes"], ["no"], [], ["yes", "no"])]
    judged = [s.metrics for s in scores if metric.denominator in s.metrics]
    assert sum(m["correct"] for m in judged) / sum(m["judged"] for m in judged) == 2 / 3
    assert {name for s in scores for name in s.metrics} == set(Label.metrics)


def test_each_is_judged_by_itself_and_the_verifier_can_travel(travelled):
    verifier = travelled(Label(fuzzy=0.8, alias={"yeah": "yes"}))
    verifier.setup(verifier_context(installed(), "classification", "none", 0.3, "cpu", WORDS))
    answers = ["yes", "yeah", "n", "stopp", "yes no"]
    samples = [AudioSample(str(i), labels=("yes", "stop")) for i in range(len(answers))]
    together = verifier.verify(samples, [Hypothesis(label=a) for a in answers])
    apart = [judge(verifier, ["yes", "stop"], a) for a in answers]
    assert together == apart
    assert [score.reward for score in together] == [1, 1, 0, 1, 0]
