"""`prosody`: melody and pauses, measured through hum, octave errors, silence and whispers."""

import attrs
import numpy as np
import pytest

from audioforge.config import VerifierSetting
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.sample import AudioSample, Hypothesis
from audioforge_verifiers.pitch import measure_pitch

RATE = 16_000


def sung(semitones: float, seconds: float = 2.0, hertz: float = 150.0) -> np.ndarray:
    """A voice whose pitch moves up and down with this standard deviation."""
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = hertz * 2 ** (semitones * np.sqrt(2) * np.sin(2 * np.pi * time) / 12)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = sum(np.sin(n * phase) / n for n in range(1, 12))
    return (0.1 * voice).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


@pytest.mark.parametrize("semitones", [0.0, 0.5, 2.0, 4.0])
@pytest.mark.parametrize("hertz", [90.0, 240.0])
def test_the_deviation_is_in_semitones_whatever_the_voice(semitones, hertz):
    pitch = measure_pitch(sung(semitones, hertz=hertz))
    assert pitch.deviation == pytest.approx(semitones, abs=0.2)
    assert pitch.median_hz == pytest.approx(hertz, rel=0.1)


def test_what_is_no_melody_does_not_count():
    voice = sung(1.0)
    time = np.arange(4 * RATE) / RATE
    hum = 1e-3 * np.sin(2 * np.pi * 60 * time).astype(np.float32)
    for what, sound in {
        "silence around it": np.concatenate([silence(4), voice, silence(4)]),
        "hum in the pauses": np.concatenate([voice, silence(2)]) + hum,
        "a part an octave higher": np.append(voice, sung(1.0, 0.5, hertz=300.0)),
    }.items():
        assert measure_pitch(sound).deviation == pytest.approx(1.0, abs=0.3), what


@pytest.fixture
def prosody(registry):
    def _prosody(reference: str = "prosody", corpus=()):
        context = verifier_context(registry, "tts", "none", 0.3, "cpu")
        context = attrs.evolve(context, corpus=corpus)
        return create_verifier(registry, VerifierSetting.parse(reference), context)

    return _prosody


def score(verifier, waveform):
    return verifier.verify(
        [AudioSample("a", reference="yes")], [Hypothesis(audio=waveform, sampling_rate=RATE)]
    )[0]


def test_a_voice_on_one_note_earns_less_the_flatter_it_is(prosody):
    verifier = prosody("prosody:deviation=2")
    rewards = [score(verifier, sung(semitones)).reward for semitones in (0, 0.5, 1, 2, 4)]
    assert rewards == pytest.approx([0, 0.25, 0.5, 1, 1], abs=0.1)
    assert score(verifier, sung(0.5)).passed is False


def test_recordings_teach_how_much_a_voice_moves_and_pauses(prosody):
    def recordings(semitones, pause):
        sound = np.concatenate([sung(semitones, 0.6), silence(pause), sung(semitones, 0.6)])
        return [
            AudioSample(f"{i}", audio=sound, sampling_rate=RATE, reference="yes") for i in range(20)
        ]

    lively, plain = prosody(corpus=recordings(3, 0.4)), prosody(corpus=recordings(0.6, 0.0))
    assert score(lively, sung(0.6)).reward < 0.3
    assert score(plain, sung(0.6)).reward > 0.8
    without_a_pause = score(lively, sung(3, 1.2))
    assert without_a_pause.reward == 0.0
    assert without_a_pause.metrics["pause_share"] == 0.0
    torn = np.concatenate([sung(3, 0.6), silence(4), sung(3, 0.6)])
    assert score(lively, torn).reward < 0.4


def test_where_nothing_is_voiced_it_cannot_judge(prosody):
    whisper = np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype(np.float32)
    assert score(prosody(), whisper).reward is None
    assert score(prosody(), silence(1)).reward == 0.0
    assert score(prosody(), np.full(RATE, np.nan, np.float32)).reward == 0.0
