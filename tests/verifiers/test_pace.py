"""`pace`: too fast, too slow, too silent, and what recordings teach of it."""

import attrs
import numpy as np
import pytest

from audioforge import keyed_random
from audioforge.config import VerifierSetting
from audioforge.errors import ConfigError
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.sample import AudioSample, Hypothesis

RATE = 16_000
TEXT = "turn the valve to the left now"  # 24 letters


def voice(seconds: float, after: float = 0.0, fades: bool = True) -> np.ndarray:
    """A sound that leaves 30 ms of a soft one, with silence after it."""
    tone = 0.2 * np.sin(2 * np.pi * 180 * np.arange(round(seconds * RATE)) / RATE)
    soft = 0.005 * tone[: round(0.03 * RATE)]
    return np.concatenate([tone, soft if fades else [], np.zeros(round(after * RATE))]).astype(
        np.float32
    )


def recordings(rate: float, count: int = 30, after: float = 0.5) -> list[AudioSample]:
    """Recordings of two seconds that say about so many letters per second of speech."""
    samples = []
    for i in range(count):
        letters = round(2 * rate * np.exp(keyed_random.generator("pace", i).normal(0, 0.1)))
        sound = voice(2.0, after)
        samples.append(
            AudioSample(f"{i}", audio=sound, sampling_rate=RATE, reference="a" * letters)
        )
    return samples


@pytest.fixture
def pace(registry):
    def _pace(reference: str = "pace", corpus=()):
        context = verifier_context(registry, "tts", "none", 0.3, "cpu")
        context = attrs.evolve(context, corpus=corpus)
        return create_verifier(registry, VerifierSetting.parse(reference), context)

    return _pace


def score(verifier, waveform, text=TEXT):
    hypothesis = Hypothesis(audio=waveform, sampling_rate=RATE)
    return verifier.verify([AudioSample("a", reference=text)], [hypothesis])[0]


@pytest.mark.parametrize(
    ("seconds", "reward"),
    [(2.0, 1.0), (24 / 10, 1.0), (24 / 7.5, 0.5), (5.0, 0.0), (24 / 30, 0.5), (0.5, 0.0)],
)
def test_beyond_the_band_it_falls_in_a_line_to_half_and_to_double(pace, seconds, reward):
    judged = score(pace("pace:low=10,high=20"), voice(seconds))
    assert judged.reward == pytest.approx(reward, abs=0.03)
    assert judged.passed is (reward == 1.0)
    assert judged.metrics["letters_per_speech_second"] == pytest.approx(24 / seconds, rel=0.05)
    assert judged.metrics["unlikely_pace"] == float(reward < 1)


def test_recordings_teach_the_band_and_the_silence(pace):
    fast, slow = pace(corpus=recordings(24)), pace(corpus=recordings(6))
    assert score(fast, voice(1.0)).reward == 1.0
    assert score(slow, voice(1.0)).reward == 0.0
    assert score(slow, voice(4.0)).reward == 1.0
    silent = pace(corpus=recordings(12, after=4.0))  # two thirds of each recording
    assert score(silent, voice(2.0, after=4.0)).reward == 1.0
    assert score(pace(corpus=recordings(12)), voice(2.0, after=4.0)).reward < 0.1


def test_without_recordings_only_what_no_speaker_does_loses(pace):
    any_speech = pace()
    assert score(any_speech, voice(2.0)).reward == score(any_speech, voice(2.0, 2.0)).reward == 1.0
    assert score(any_speech, voice(20.0)).reward == 0.0
    assert score(any_speech, voice(0.3)).reward == 0.0
    assert score(any_speech, voice(1.5, after=8.0)).reward == 0.0


def test_speech_that_breaks_off_is_none_though_it_is_heard(pace):
    whole, cut = voice(2.0), voice(2.0, fades=False)
    for corpus in ((), recordings(12)):
        verifier = pace(corpus=corpus)
        assert score(verifier, whole).reward == 1.0
        for sound in (cut, np.append(cut, voice(1.0) * 0)):
            broken = score(verifier, sound)
            assert (broken.reward, broken.passed) == (0.0, False)
            assert broken.metrics["end_level_db"] == pytest.approx(0.0, abs=1.0)
    louder = cut.copy()
    louder[-RATE // 20 :] *= 4
    for sound in (cut, louder):
        assert score(pace("pace:end=0"), sound).reward == 1.0


def test_noise_that_was_always_there_is_no_loud_end(pace, degradations):
    sound = np.concatenate([voice(1.0), np.zeros(RATE // 2), voice(1.0), np.zeros(RATE // 4)])
    noisy = degradations.with_noise(sound.astype(np.float32), 17, "key")
    assert score(pace(corpus=recordings(12)), noisy).metrics["end_level_db"] < -20


def test_sound_at_the_level_of_silence_is_judged(pace):
    edge = np.resize(np.float32([10**-3.5, -(10**-3.5)]), RATE)
    assert score(pace(), edge).reward is not None


def test_recordings_that_are_cut_teach_that_they_are(pace):
    cut = voice(2.0, fades=False)
    corpus = [attrs.evolve(s, audio=cut) for s in recordings(12)]
    assert score(pace(corpus=corpus), cut).reward == 1.0
    assert score(pace(corpus=corpus[:19]), cut).reward == 0.0  # too few to learn from


@pytest.mark.parametrize("sound", [np.zeros(0), np.zeros(RATE), np.full(RATE, np.nan), voice(0.05)])
def test_what_is_no_speech_has_reward_0(pace, sound):
    judged = score(pace(), sound.astype(np.float32))
    assert judged.reward == 0.0
    assert judged.passed is False


@pytest.mark.parametrize("text", [None, "", "!?"])
def test_nothing_to_say_has_no_pace(pace, text):
    assert score(pace(), voice(1.0), text).reward is None


@pytest.mark.parametrize("options", ["low=5", "low=20,high=10", "silence=1", "end=3"])
def test_wrong_options_are_named(pace, options):
    with pytest.raises(ConfigError, match=r"low|silence|\bend\b"):
        pace(f"pace:{options}")
