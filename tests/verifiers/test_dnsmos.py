"""`dnsmos`: speechmos' opinion scores as rewards; without the package, how to get it."""

import builtins
import importlib.util

import numpy as np
import pytest

from audioforge.errors import ConfigError, PluginError

RATE = 16_000

needs_speechmos = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("speechmos", "onnxruntime")),
    reason="needs the extra audioforge-verifiers[mos]",
)


@pytest.fixture(scope="module")
def dnsmos(create_tts):
    return create_tts("dnsmos")


@needs_speechmos
def test_the_reward_is_the_opinion_score_of_the_package(dnsmos, judge, speech_like):
    from speechmos import dnsmos as package

    theirs = package.run(speech_like, RATE)
    score = judge(dnsmos, speech_like)
    assert score.metrics["ovrl"] == pytest.approx(theirs["ovrl_mos"])
    assert score.metrics["p808"] == pytest.approx(theirs["p808_mos"])
    assert score.reward == pytest.approx(np.clip((theirs["ovrl_mos"] - 1) / 4, 0, 1))
    assert score.passed is bool(theirs["ovrl_mos"] >= 3)


@needs_speechmos
def test_noise_lowers_it(dnsmos, judge, degradations, speech_like):
    noisy = judge(dnsmos, degradations.with_noise(speech_like, 0, "key"))
    assert noisy.metrics["bak"] < judge(dnsmos, speech_like).metrics["bak"] - 0.5


@needs_speechmos
def test_what_it_cannot_hear(dnsmos, judge, tmp_path):
    offset = np.full(RATE, 0.5)
    for broken in (np.zeros(0), np.full(RATE, np.nan), np.zeros(RATE), offset, offset[:1]):
        score = judge(dnsmos, broken.astype(np.float32))
        assert (score.reward, score.passed, dict(score.metrics)) == (0.0, False, {})
    for absent in (None, tmp_path / "missing.wav"):
        assert judge(dnsmos, absent, None).reward is None


@needs_speechmos
def test_channels_rates_lengths_and_levels(dnsmos, judge, speech_like):
    stereo = np.repeat(speech_like[:, None], 8, axis=1)
    assert judge(dnsmos, stereo).metrics == judge(dnsmos, speech_like).metrics
    for audio, rate in (
        (np.repeat(speech_like, 3), 48_000),
        (speech_like[:1600], RATE),
        (speech_like * 10, RATE),
    ):
        score = judge(dnsmos, audio, rate)
        assert 0 <= score.reward <= 1
        assert set(score.metrics) == {"ovrl", "sig", "bak", "p808"}


def test_without_the_package_the_extra_is_named(create_tts, monkeypatch):
    real = builtins.__import__

    def without_speechmos(name, *arguments, **keywords):
        if name == "speechmos":
            raise ModuleNotFoundError("No module named 'speechmos'")
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without_speechmos)
    with pytest.raises(PluginError, match=r"pip install 'audioforge-verifiers\[mos\]'"):
        create_tts("dnsmos")


def test_a_threshold_is_an_opinion_score(create_tts):
    with pytest.raises(ConfigError, match="threshold"):
        create_tts("dnsmos:threshold=0.5")
