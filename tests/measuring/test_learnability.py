"""Is there anything to learn from a model's own hypotheses?"""

import re

import pytest

from audioforge.measuring.learnability import Learnability, assess
from audioforge.measuring.reward_statistics import RewardStatistics
from audioforge.sample import AudioSample, Hypothesis, Rollout, Score, ScoredHypothesis
from audioforge.verifier import CorpusMetric

WER = CorpusMetric("wer", ("errors",), "words", higher_is_better=False)
ACCURACY = CorpusMetric("accuracy", ("correct",), "words", higher_is_better=True)


def rollout(identity, counts, *, words=10.0, name="errors", texts=None) -> Rollout:
    hypotheses = []
    for index, count in enumerate(counts):
        score = Score(1 - count / words, metrics={name: float(count), "words": words})
        text = (texts or [str(c) for c in counts])[index]
        hypothesis = Hypothesis(index, text=text)
        hypotheses.append(ScoredHypothesis(hypothesis, {"wer": score}, score.reward))
    return Rollout(AudioSample(identity), 1, hypotheses)


def rewards(rollouts) -> RewardStatistics:
    statistics = RewardStatistics(lambda _, hypothesis: hypothesis.content)
    for one in rollouts:
        statistics.add(one)
    return statistics


def assessed(rollouts, greedy, metric=WER, words=10.0) -> Learnability:
    """Assess rollouts whose scores hold the parts of the metric; `greedy` has numerators by id."""
    sampled = {
        r.sample.id: [
            (h.scores["wer"].metrics[metric.numerator[0]], h.scores["wer"].metrics["words"])
            for h in r.hypotheses
        ]
        for r in rollouts
    }
    parts = {i: p if isinstance(p, tuple) else (p, words) for i, p in greedy.items()}
    return assess(rewards(rollouts), metric, parts, sampled)


def test_the_oracle_takes_each_clips_best():
    rollouts = [rollout("a", [4, 1, 6]), rollout("b", [5, 5, 5]), rollout("c", [2, 0, 2])]
    report = assessed(rollouts, dict.fromkeys("abc", 3))
    assert report.greedy == pytest.approx(9 / 30)
    assert report.oracle == pytest.approx(6 / 30)
    assert (report.k, report.n) == (3, 3)
    assert report.frac_reward_zero_std == pytest.approx(1 / 3)
    assert report.distinct == pytest.approx((1 + 1 / 3 + 2 / 3) / 3)
    assert report.as_mapping()["oracle_wer"] == report.oracle
    assert report.describe() == (
        "greedy WER 30.0 %, oracle best-of-3 20.0 %, 33 % of clips without reward spread, "
        "67 % of hypotheses distinct (3 clips)"
    )


def test_both_rates_are_of_the_same_clips():
    rollouts = [rollout("a", [4, 2]), rollout("b", [9, 9])]
    report = assessed(rollouts, {"a": 3, "not-sampled": 10})
    assert (report.greedy, report.oracle, report.n) == (0.3, 0.2, 1)
    assert report.frac_reward_zero_std == 0.5
    assert report.as_mapping()["clips"] == 2
    assert report.describe().startswith(
        "greedy WER 30.0 %, oracle best-of-2 20.0 % of 1 clips, 50 %"
    )
    assert report.describe().endswith("(2 clips)")


def test_the_rates_are_of_the_corpus_not_means_of_clips():
    rollouts = [rollout("a", [1], words=1.0), rollout("b", [0], words=99.0)]
    report = assessed(rollouts, {"a": (1, 1.0), "b": (0, 99.0)})
    assert report.greedy == report.oracle == pytest.approx(0.01)


def test_where_higher_is_better_the_best_is_the_highest():
    rollouts = [rollout("a", [4, 7], name="correct")]
    report = assessed(rollouts, {"a": 5}, ACCURACY)
    assert (report.greedy, report.oracle) == (0.5, 0.7)


def test_a_hypothesis_that_cannot_be_judged_is_no_candidate():
    rollouts = [rollout("a", [4, 7], name="correct")]
    parts = {"a": [(0.0, 0.0), (7.0, 10.0)]}
    assert assess(rewards(rollouts), WER, {"a": (8.0, 10.0)}, parts).oracle == 0.7


def test_without_references_there_are_no_rates():
    score = Score(0.5)
    hypotheses = [ScoredHypothesis(Hypothesis(text="x"), {"politeness": score}, 0.5)]
    report = assess(rewards([Rollout(AudioSample("a"), 1, hypotheses)]), WER, {}, {})
    assert (report.greedy, report.oracle, report.n) == (None, None, 0)
    assert report.describe() == (
        "100 % of clips without reward spread, 100 % of hypotheses distinct (1 clips)"
    )


LITTLE = "there is little to learn from these clips"


@pytest.mark.parametrize(
    ("counts", "texts", "greedy", "said"),
    [
        ([1, 3], "ab", 3, None),
        (
            [3, 3],
            "aa",
            3,
            "no better than greedy decoding: only 50 % of them .* raise --temperature",
        ),
        ([9, 9], "ab", 3, "WER 90.0 %, greedy decoding 30.0 %: lower --temperature"),
        ([3, 3], "ab", 3, "no better than greedy decoding: they differ, and the verifiers do not"),
        ([3, 4, 3, 3], "abcc", 3, "no better than greedy decoding: raise --samples-per-prompt"),
        ([2, 2], "aa", 3, "100 % of clips earn the same .*: only .* raise --temperature"),
        ([2, 2], "ab", 3, "100 % of clips earn the same .*the verifiers do not tell them apart"),
        ([10, 10], "ab", 11, "100 % of clips earn the same .*: raise --samples-per-prompt"),
        ([0, 0], "ab", 0, f"greedy decoding makes no error on 1 clips: {LITTLE}"),
        ([0, 0], "ab", 1, f"100 % of clips earn 1 with every hypothesis: {LITTLE}"),
        ([3], "a", 3, None),
    ],
)
def test_what_stands_in_the_way_is_said_with_its_own_mend(counts, texts, greedy, said):
    report = assessed([rollout("a", counts, texts=list(texts))], {"a": greedy})
    warning = report.warning()
    assert (warning is None) if said is None else re.search(said, warning)


def test_hypotheses_are_distinct_where_they_are_compared_as_such():
    statistics = RewardStatistics(lambda _, hypothesis: hypothesis.content.lower().strip("."))
    statistics.add(rollout("a", [1, 1, 1, 1], texts=["Yes.", "yes", "YES", "no"]))
    assert statistics.distinct == 0.5
