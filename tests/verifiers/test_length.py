"""`length`: too little text for the speech, too much, and how much is likely."""

import attrs
import numpy as np
import pytest
import soundfile

from audioforge import keyed_random
from audioforge.config import VerifierSetting
from audioforge.errors import ConfigError
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.plugins import checked_options
from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge_verifiers.speech_time import speech_seconds

RATE = 16_000
RIGHT = "turn the valve to the left"


def voice(seconds: float, before: float = 0.0, after: float = 0.0, noise: float = 0.0):
    """A sound with silence around it, in the noise of a room."""
    time = np.arange(round(seconds * RATE)) / RATE
    tone = 0.2 * np.sin(2 * np.pi * 180 * time)
    sound = np.concatenate([np.zeros(round(before * RATE)), tone, np.zeros(round(after * RATE))])
    room = keyed_random.generator("room", len(sound)).normal(0, 1, len(sound))
    return (sound + noise * room).astype(np.float32)


def clip(waveform, **others) -> AudioSample:
    return AudioSample("clip", audio=waveform, sampling_rate=RATE, **others)


def references(rate: float, count: int = 30, language: str | None = None) -> list[AudioSample]:
    """Clips whose references have about so many letters per second of speech."""
    samples = []
    for i in range(count):
        draw = keyed_random.generator("clip", i, rate)
        letters = round(2 * rate * float(np.exp(draw.normal(0, 0.15))))
        sample = clip(voice(2.0, after=1.0, noise=1e-4), reference="a" * letters, language=language)
        samples.append(attrs.evolve(sample, id=f"{language}-{i}"))
    return samples


@pytest.fixture(scope="module")
def create_length(registry):
    def _create(corpus=(), reference="length", normalizer="none"):
        context = verifier_context(registry, "asr", normalizer, 0.3, "cpu")
        context = attrs.evolve(context, corpus=corpus)
        return create_verifier(registry, VerifierSetting.parse(reference), context)

    return _create


@pytest.fixture(scope="module")
def learnt(create_length):
    return create_length(references(12.0))


def reward(verifier, sample, text) -> float | None:
    return verifier.verify([sample], [Hypothesis(text=text)])[0].reward


@pytest.mark.parametrize(
    ("before", "after", "noise"),
    [(0, 0, 0.0), *((b, a, n) for b, a in ((1.0, 0), (0.5, 8.0)) for n in (0.0, 1e-4, 3e-3, 2e-2))],
)
def test_silence_and_noise_around_speech_are_no_speech(before, after, noise):
    assert speech_seconds(voice(2.0, before, after, noise), RATE) == pytest.approx(2.0, abs=0.05)


def test_short_gaps_belong_to_speech_and_pauses_do_not():
    def spoken(gap):
        return speech_seconds(np.concatenate([voice(1.0, after=gap), voice(1.0)]), RATE)

    assert spoken(0.2) == pytest.approx(2.2, abs=0.05)
    assert spoken(0.4) == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("sound", [np.zeros(0), np.zeros(RATE), np.full(RATE, 0.3), np.ones(5)])
def test_where_nothing_sounds_nobody_speaks(sound):
    assert speech_seconds(sound, RATE) == 0


def test_level_and_sampling_rate_do_not_matter():
    quiet = speech_seconds(0.01 * voice(2.0, 1.0, 1.0), RATE)
    assert quiet == pytest.approx(speech_seconds(voice(2.0, 1.0, 1.0), RATE))
    assert speech_seconds(voice(2.0, 1.0, 1.0)[::2], RATE // 2) == pytest.approx(quiet, abs=0.05)


def test_what_is_as_long_as_references_are_passes_and_the_rest_pays_less_and_less(learnt):
    sample = clip(voice(2.0, after=4.0, noise=1e-4))
    rewards = {n: reward(learnt, sample, "a" * n) for n in (0, 3, 6, 24, 60, 120, 1000)}
    assert rewards[24] == 1.0
    assert 0 == rewards[0] < rewards[3] < rewards[6] < 1
    assert 1 > rewards[60] > rewards[120] > rewards[1000] > 0
    assert rewards[120] == pytest.approx(rewards[60] / 2, rel=0.01)
    scored = learnt.verify([sample], [Hypothesis(text="a" * 24)])[0]
    assert scored.passed is True
    assert scored.metrics["letters_per_speech_second"] == pytest.approx(12, rel=0.05)
    assert scored.metrics["unlikely_length"] == 0


def test_most_references_are_within_the_band_learnt_from_them(learnt):
    again = references(12.0)
    scores = learnt.verify(again, [Hypothesis(text=s.reference) for s in again])
    assert sum(s.passed for s in scores) >= 28


def test_wrong_references_do_not_move_the_band(create_length):
    sample = clip(voice(2.0, noise=1e-4, after=1.0))
    wrong = [attrs.evolve(s, id=f"x{i}", reference="a") for i, s in enumerate(references(12.0, 4))]
    assert reward(create_length([*references(12.0), *wrong]), sample, "a" * 3) < 0.5


def test_notes_in_references_are_no_part_of_their_length(create_length):
    noted = [
        attrs.evolve(s, reference=f"{s.reference} [a door is slammed]") for s in references(12.0)
    ]
    verifier = create_length(noted, normalizer="english-1")
    sample = clip(voice(2.0, after=1.0, noise=1e-4))
    assert reward(verifier, sample, "a" * 24) == 1
    assert reward(verifier, sample, "a" * 48) < 1


def test_digits_are_as_long_as_their_words(learnt):
    sample = clip(voice(2.0, after=1.0, noise=1e-4))
    digits = "7 1 9 6 0 5"
    assert reward(learnt, sample, digits) == reward(learnt, sample, "a" * 24) == 1


def test_each_language_has_its_band_and_a_small_one_shares(create_length):
    corpus = [*references(12.0, 40, "en"), *references(4.0, 40, "xx"), *references(4.0, 3, "yy")]
    verifier = create_length(corpus)
    sound = voice(2.0, after=1.0, noise=1e-4)
    assert reward(verifier, clip(sound, language="xx"), "a" * 8) == 1
    assert reward(verifier, clip(sound, language="en"), "a" * 8) < 1
    assert reward(verifier, clip(sound, language="xx"), "a" * 24) < 1
    assert reward(verifier, clip(sound, language="yy"), "a" * 8) == 1
    assert reward(verifier, clip(sound, language="yy"), "a" * 24) == 1


def test_what_cannot_be_heard_cannot_be_judged(learnt, tmp_path):
    for sample in (
        AudioSample("text only", reference=RIGHT),
        AudioSample("gone", audio=tmp_path / "gone.wav", duration=2.0),
        clip(np.zeros(RATE, np.float32)),
        clip(voice(0.05)),
    ):
        assert learnt.verify([sample], [Hypothesis(text=RIGHT)]) == [Score(None)]
    assert reward(learnt, clip(voice(2.0)), None) is None


def test_a_stated_band_needs_no_references(create_length):
    verifier = create_length(reference="length:low=5,high=20")
    sample = clip(voice(2.0, after=1.0, noise=1e-4))
    assert reward(verifier, sample, "a" * 24) == 1
    assert reward(verifier, sample, "a" * 5) == pytest.approx(0.5, rel=0.05)
    assert reward(verifier, sample, "a" * 80) == pytest.approx(0.5, rel=0.05)


def test_a_band_cannot_be_learnt_from_few_or_from_texts(create_length):
    with pytest.raises(ConfigError, match=r"length: 19 clips .* 20 are needed .* low= and high="):
        create_length(references(12.0, 19))
    texts = [AudioSample(str(i), reference=RIGHT) for i in range(50)]
    with pytest.raises(ConfigError, match="length: 0 clips"):
        create_length(texts)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": "5"}, "low and high belong together"),
        ({"low": "9", "high": "5"}, "low 9 is not below high 5"),
        ({"low": "0", "high": "5"}, "low"),
    ],
)
def test_wrong_limits_are_refused(registry, options, message):
    with pytest.raises(ConfigError, match=message):
        checked_options(registry.find("verifiers", "length"), options)


def test_the_band_is_the_same_in_another_order_and_from_files(create_length, tmp_path):
    corpus = references(12.0, 24)
    stored = []
    for sample in corpus:
        path = tmp_path / f"{sample.id}.wav"
        soundfile.write(path, sample.audio, RATE, subtype="FLOAT")
        stored.append(attrs.evolve(sample, audio=path, sampling_rate=None))
    sample = clip(voice(2.0, after=1.0, noise=1e-4))
    rewards = {reward(create_length(c), sample, "a" * 60) for c in (corpus, corpus[::-1], stored)}
    assert len(rewards) == 1
