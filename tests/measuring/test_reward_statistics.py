"""What a cycle's rewards were."""

import pytest

from audioforge.measuring.reward_statistics import RewardStatistics
from audioforge.sample import AudioSample, Hypothesis, Rollout, Score, ScoredHypothesis


def reward_statistics(rollouts) -> dict:
    statistics = RewardStatistics()
    for rollout in rollouts:
        statistics.add(rollout)
    return statistics.as_mapping()


def test_means_and_counts(rollout):
    assert reward_statistics([rollout("a", 1.0, 0.0), rollout("b", 0.5, 0.5, None)]) == {
        "reward": 0.5,
        "reward_std": 0.25,
        "frac_reward_zero_std": 0.5,
        "hypotheses": 5,
        "hypotheses_cut": 0,
        "unscored": 1,
        "rewards": {"wer": {"mean": 0.5, "std": pytest.approx(0.125**0.5)}},
        "lengths": {"mean": None, "min": None, "max": None},
    }


def test_the_spread_is_within_clips_not_between_them(rollout):
    statistics = reward_statistics([rollout("a", 1.0, 1.0), rollout("b", 0.0, 0.0)])
    assert (statistics["reward"], statistics["reward_std"]) == (0.5, 0.0)
    assert statistics["frac_reward_zero_std"] == 1.0


@pytest.mark.parametrize("reward", [0.7, 0.1, 1 / 3])
@pytest.mark.parametrize("k", range(1, 9))
def test_equal_rewards_have_no_spread_whatever_their_rounding(rollout, reward, k):
    assert reward_statistics([rollout("a", *[reward] * k)])["frac_reward_zero_std"] == 1.0


def test_a_clip_that_nobody_could_judge_takes_no_part(rollout):
    statistics = reward_statistics([rollout("a", None, None), rollout("b", 0.2, 0.4)])
    assert statistics["frac_reward_zero_std"] == 0.0
    assert statistics["reward"] == pytest.approx(0.3)
    assert statistics["unscored"] == 2


def test_without_any_reward_there_is_no_mean(rollout):
    for rollouts in ([], [rollout("a", None)]):
        statistics = reward_statistics(rollouts)
        assert statistics["reward"] is None
        assert statistics["reward_std"] is None
        assert statistics["frac_reward_zero_std"] is None


def test_each_verifier_has_a_mean_and_a_deviation_over_what_it_judged():
    def scored(tokens, **rewards):
        scores = {name: Score(reward) for name, reward in rewards.items()}
        return ScoredHypothesis(Hypothesis(text="a", tokens=tokens), scores, None)

    rows = [(3, 0.0, None), (5, 1.0, None), (10, 0.5, None)]
    hypotheses = [scored(tokens, wer=wer, odd=odd) for tokens, wer, odd in rows]
    statistics = reward_statistics([Rollout(AudioSample("a"), 1, hypotheses)])
    assert statistics["rewards"] == {
        "odd": {"mean": None, "std": None},
        "wer": {"mean": 0.5, "std": pytest.approx((0.5 / 3) ** 0.5)},
    }
    assert statistics["lengths"] == {"mean": 6.0, "min": 3, "max": 10}
