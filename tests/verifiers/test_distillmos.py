"""`distillmos`: the package's opinion scores as rewards; without what it needs, how to get it."""

import sys

import numpy as np
import pytest
import torch

from audioforge.errors import ConfigError, PluginError
from audioforge.sample import AudioSample, Hypothesis
from audioforge.torch_companions import hide_broken_companions
from audioforge_verifiers import distillmos as module

RATE = 16_000


@pytest.fixture(scope="module")
def package():
    hide_broken_companions()
    return pytest.importorskip("distillmos", reason="needs audioforge-verifiers[distillmos]")


@pytest.fixture(scope="module")
def distillmos(create_tts, package):
    return create_tts("distillmos")


def test_the_reward_is_the_opinion_score_of_the_package(distillmos, judge, package, speech_like):
    theirs = package.ConvTransformerSQAModel().eval()
    nine_seconds = np.concatenate([speech_like, speech_like * 0.1, speech_like[::-1]])
    for audio in (speech_like, nine_seconds):
        with torch.inference_mode():
            mos = theirs(torch.from_numpy(audio.copy())[None]).item()
        score = judge(distillmos, audio)
        assert score.metrics["mos"] == pytest.approx(mos, abs=1e-5)
        assert score.reward == pytest.approx((mos - 1) / 4, abs=1e-5)
        assert score.passed is (mos >= 3)


def test_noise_and_clipping_lower_it(distillmos, judge, degradations, shared):
    clean = shared / "data/speakers/audio/ls-1998/1998-15444-0003.flac"
    from audioforge.audio import load_clip

    waveform = load_clip(AudioSample("a", audio=clean), RATE).waveform
    best = judge(distillmos, waveform).metrics["mos"]
    assert best > 3.5
    noisy = judge(distillmos, degradations.with_noise(waveform, 10, "key"))
    assert noisy.metrics["mos"] < best - 0.5
    clipped = np.clip(waveform, -0.05, 0.05)
    assert judge(distillmos, clipped).metrics["mos"] < best - 0.3


def test_what_it_cannot_hear(distillmos, judge, tmp_path):
    offset = np.full(RATE, 0.5)
    for broken in (np.zeros(0), np.full(RATE, np.nan), np.zeros(RATE), offset, offset[:1]):
        score = judge(distillmos, broken.astype(np.float32))
        assert (score.reward, score.passed, dict(score.metrics)) == (0.0, False, {})
    for absent in (None, tmp_path / "missing.wav"):
        assert judge(distillmos, absent, None).reward is None


def test_each_clip_is_judged_by_itself_and_always_the_same(distillmos, judge, speech_like):
    audios = [speech_like, speech_like[:RATE], np.repeat(speech_like[:RATE], 3)]
    rates = [RATE, RATE, 48_000]
    hypotheses = [
        Hypothesis(audio=audio, sampling_rate=rate)
        for audio, rate in zip(audios, rates, strict=True)
    ]
    together = distillmos.verify([AudioSample("a")] * 3, hypotheses)
    alone = [judge(distillmos, a, r) for a, r in zip(audios, rates, strict=True)]
    assert together == alone


def test_level_and_channels_do_not_count(distillmos, judge, speech_like):
    mos = judge(distillmos, speech_like).metrics["mos"]
    quiet = judge(distillmos, speech_like * 0.01)
    assert quiet.metrics["mos"] == pytest.approx(mos, abs=1e-3)
    stereo = np.repeat(speech_like[:, None], 2, axis=1)
    assert judge(distillmos, stereo).metrics["mos"] == pytest.approx(mos, abs=1e-3)


def test_setting_up_prints_nothing_and_draws_no_random_number(create_tts, package, capsys):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    create_tts("distillmos")
    assert torch.equal(torch.rand(1), expected)
    assert capsys.readouterr().out == ""


def test_without_the_package_the_extra_is_named(create_tts, monkeypatch):
    monkeypatch.setitem(sys.modules, "distillmos", None)
    with pytest.raises(PluginError, match=r"pip install 'audioforge-verifiers\[distillmos\]'"):
        create_tts("distillmos")


def test_a_torchaudio_that_does_not_import_is_named(create_tts, monkeypatch):
    for name in [m for m in sys.modules if m.split(".")[0] in ("distillmos", "torchaudio")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torchaudio", None)
    monkeypatch.setattr(
        "audioforge.torch_companions.hide_broken_companions",
        lambda: {"torchaudio": "OSError: undefined symbol"},
    )
    with pytest.raises(PluginError, match=r"distillmos needs torchaudio.*undefined symbol.*CUDA"):
        create_tts("distillmos")


def test_an_opinion_beyond_the_scale_is_no_reward_beyond_it(create_tts, judge, monkeypatch):
    class Enthusiast(torch.nn.Module):
        def forward(self, windows):
            return torch.full((len(windows), 1), 5.5)

    monkeypatch.setattr(module, "_load", Enthusiast)
    score = judge(create_tts("distillmos"), np.random.default_rng(0).normal(0, 0.1, RATE))
    assert (score.reward, score.metrics["mos"]) == (1.0, 5.5)


def test_a_threshold_is_an_opinion_score(create_tts):
    with pytest.raises(ConfigError, match="threshold"):
        create_tts("distillmos:threshold=5.5")
