"""The records: what they refuse and what they derive."""

from pathlib import Path

import numpy as np
import pytest

from audioforge.errors import UsageError, did_you_mean
from audioforge.plugin_reference import parse_plugin_reference
from audioforge.sample import AudioSample, Clip, Hypothesis, Rollout, Score, ScoredHypothesis


@pytest.mark.parametrize("reward", [0, 0.0, 1, 1.0, 0.3, None])
def test_a_reward_is_a_number_from_0_to_1_or_missing(reward):
    assert Score(reward).reward == reward


@pytest.mark.parametrize("reward", [-0.001, 1.001, float("nan"), float("inf"), -float("inf")])
def test_anything_else_is_no_reward(reward):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\] or None"):
        Score(reward)


def test_a_clip_knows_its_length():
    clip = Clip(AudioSample("a"), np.zeros(12_000, np.float32), 16_000)
    assert clip.seconds == 0.75


def test_the_origin_is_the_path_where_there_is_one():
    assert AudioSample("a", Path("x/a.wav")).origin == "x/a.wav"
    assert AudioSample("a", b"RIFF").origin == "a"
    assert AudioSample("a", np.zeros(3)).origin == "a"


def test_hypotheses_are_told_apart_by_what_they_say():
    sound = np.array([0.5, -0.5], np.float32)
    said = [
        Hypothesis(text="a"),
        Hypothesis(text=""),
        Hypothesis(label="b"),
        Hypothesis(audio=sound),
        Hypothesis(audio=-sound),
    ]
    assert [h.content for h in said[:3]] == ["a", "", "b"]
    assert len({h.content for h in said}) == 5
    assert Hypothesis(0, text="a").content == Hypothesis(1, text="a", logprob=-1.0).content


def test_missing_rewards_are_not_zero():
    scored = [ScoredHypothesis(Hypothesis(text="a"), {}, reward) for reward in (None, 0.0, 0.5)]
    assert Rollout(AudioSample("a"), 1, scored).rewards == [0.0, 0.5]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wer", ("wer", {})),
        ("wer:", ("wer", {})),
        ("a/b:x=1, y = 2 ,", ("a/b", {"x": "1", "y": "2"})),
        ("n:url=a=b", ("n", {"url": "a=b"})),
        ("n:path=c:/d", ("n", {"path": "c:/d"})),
        ("n:x=", ("n", {"x": ""})),
    ],
)
def test_references_are_a_name_and_settings(text, expected):
    assert parse_plugin_reference(text) == expected


def test_a_setting_that_is_there_twice_is_refused():
    with pytest.raises(UsageError, match="weight is there twice"):
        parse_plugin_reference("wer:weight=0.5, weight=0.7")


def test_close_names_come_first():
    known = ["whisper-basic", "whisper-english", "none"]
    assert did_you_mean("whisper_basic", known).startswith("Did you mean whisper-basic")
    assert did_you_mean("xyz", known) == "Known: none, whisper-basic, whisper-english."
