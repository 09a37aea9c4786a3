"""The default reward of text to speech: what tricks earn beside an honest output."""

import attrs
import numpy as np
import pytest
from attacks_on_speech import TRICKS, on_one_note, through_mels
from speech_drift import differences

from audioforge.audio import load_clip
from audioforge.config import AudioRAFTConfig, VerifierSetting, read_preset
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.sample import AudioSample, Hypothesis
from audioforge_verifiers.heard_text import HeardText
from audioforge_verifiers.pitch import measure_pitch

RATE = 16_000
TEXT = "seven three eight six"


@pytest.fixture(scope="module")
def default_reward(registry, shared):
    """The reward of a run that names none, with the judges that are at hand."""
    own = {
        "intelligibility": {"model": str(shared / "models/nano-whisper-digits")},
        "consistency": {
            "encoder": "resemblyzer",
            "model": str(shared / "models/resemblyzer-ge2e"),
        },
    }
    config = AudioRAFTConfig(task="tts")
    context = verifier_context(registry, "tts", "none", config.wer_threshold, "cpu")
    weights = {setting.id: setting.weight for setting in config.verifiers}
    verifiers = {}
    for setting in config.verifiers:
        options = {**setting.options, **own.get(setting.id, {})}
        verifiers[setting.id] = create_verifier(
            registry, attrs.evolve(setting, options=options), context
        )
    aggregator = registry.create("aggregators", config.reward_aggregator)

    def rewards(sample, waveforms):
        said = [Hypothesis(audio=w, sampling_rate=RATE) for w in waveforms]
        judged = {n: v.verify([sample] * len(said), said) for n, v in verifiers.items()}
        return [
            aggregator.aggregate({n: scores[i] for n, scores in judged.items()}, weights)
            for i in range(len(said))
        ]

    return rewards


@pytest.fixture(scope="module")
def recording(shared):
    path = shared / "cases/20-tts-with-a-long-silent-end/r16000.flac"
    return load_clip(AudioSample("a", audio=path), RATE).waveform


def test_no_trick_earns_what_an_honest_output_does(default_reward, recording):
    voice = AudioSample("a", audio=recording, sampling_rate=RATE, reference=TEXT)
    tricks = {what: trick(recording).astype(np.float32) for what, trick in TRICKS.items()}
    honest, *earned = default_reward(voice, [recording, *tricks.values()])
    assert honest > 0.7
    paid = dict(zip(tricks, earned, strict=True))
    assert {what: reward for what, reward in paid.items() if reward >= honest - 0.03} == {}
    nothing = (
        "silence", "loud and cut off", "said twice", "its second half said twice",
        "its first half said twice", "pitch doubled",
        "syllables of noise", "8 s of silence after it", "8 s of silence before it",
    )  # fmt: skip
    assert {what: paid[what] for what in nothing if paid[what] > 0.05} == {}


def test_a_real_recogniser_does_not_pay_for_repeats_and_early_stops(registry, shared):
    context = verifier_context(registry, "tts", "english-1", 0.3, "cpu")
    judge = f"intelligibility:model={shared / 'models/whisper-tiny.en'}"
    verifier = create_verifier(registry, VerifierSetting.parse(judge), context)
    text = "produced the block books which were the immediate predecessors of the true printed book"
    path = shared / "data/speech/audio/lj_LJ001-0004.flac"
    whole = load_clip(AudioSample("a", audio=path), RATE).waveform
    tricks = {
        what: TRICKS[what](whole).astype(np.float32)
        for what in (
            "said twice", "its second half said twice", "its first half said twice",
            "its second half said again, slower", "stopped at its half",
            "stopped at three quarters",
        )
    }  # fmt: skip
    said = [Hypothesis(audio=sound, sampling_rate=RATE) for sound in (whole, *tricks.values())]
    honest, *paid = verifier.verify([AudioSample("a", reference=text)] * len(said), said)
    assert honest.reward == 1.0
    assert {what: s.reward for what, s in zip(tricks, paid, strict=True) if s.reward} == {}


def test_a_vocoders_copy_earns_less_than_the_recording_and_more_than_half(
    default_reward, recording
):
    voice = AudioSample("a", audio=recording, sampling_rate=RATE, reference=TEXT)
    honest, copy = default_reward(voice, [recording, through_mels(recording)])
    assert honest / 2 < copy < honest


def test_a_voice_put_on_one_note_has_lost_its_melody():
    time = np.arange(2 * RATE) / RATE
    phase = 2 * np.pi * np.cumsum(150 * 2 ** (0.3 * np.sin(2 * np.pi * time))) / RATE
    voice = (0.1 * sum(np.sin(n * phase) / n for n in range(1, 12))).astype(np.float32)
    before, after = measure_pitch(voice), measure_pitch(on_one_note(voice))
    assert after.deviation < 0.2 * before.deviation
    assert after.median_hz == pytest.approx(before.median_hz, rel=0.05)


@pytest.mark.parametrize(
    ("heard", "reward"),
    [
        ("one two three four five six seven eight", 1.0),
        ("one two three four five six seven", 7 / 8),
        ("one two three four", 0.0),
        ("one two three four five six", 0.0),
        ("one two three four five", 0.0),
        ("one two three four five six seven eight nine", 7 / 8),
        ("one two three four five six seven eight six seven", 0.0),
        ("one two three four five six seveneight", 6 / 8),
        ("two three four five six seven eight", 7 / 8),
        ("three four five six seven eight", 6 / 8),
        ("", 0.0),
    ],
)
def test_speech_that_ends_too_soon_or_goes_on_earns_nothing(registry, heard, reward):
    verifier = HeardText()
    verifier.setup(verifier_context(registry, "tts", "none", 0.3, "cpu"))
    sample = AudioSample("a", reference="one two three four five six seven eight")
    [score] = verifier.verify([sample], [Hypothesis(text=heard)])
    assert score.reward == pytest.approx(reward)
    assert score.metrics["wer"] == pytest.approx(1 - reward) or reward == 0


@pytest.mark.parametrize(
    ("heard", "reward"),
    [("今天天气很好我们去公", 10 / 11), ("今天天气很好我们去", 9 / 11), ("今天天气很好我", 0.0)],
)
def test_two_characters_are_one_word_that_may_be_lost(registry, heard, reward):
    verifier = HeardText()
    verifier.setup(verifier_context(registry, "tts", "none", 0.3, "cpu"))
    sample = AudioSample("a", reference="今天天气很好我们去公园", language="zh")
    [score] = verifier.verify([sample], [Hypothesis(text=heard)])
    assert score.reward == pytest.approx(reward)


def test_words_that_are_written_as_one_are_no_early_stop(registry):
    verifier = HeardText()
    verifier.setup(verifier_context(registry, "tts", "none", 0.3, "cpu"))
    sample = AudioSample("a", reference="in evidence if called on to do so")
    [score] = verifier.verify([sample], [Hypothesis(text="in evidence if carl onto dusso")])
    assert (score.reward, score.metrics["unsaid_at_end"]) == (pytest.approx(3 / 8), 0.0)


def test_a_long_word_is_one_that_may_be_lost(registry):
    verifier = HeardText()
    verifier.setup(verifier_context(registry, "tts", "none", 0.3, "cpu"))
    sample = AudioSample("a", reference="das ist die geschwindigkeitsbegrenzung")
    [score] = verifier.verify([sample], [Hypothesis(text="das ist die")])
    assert score.reward == pytest.approx(3 / 4)


def test_the_reward_that_it_was_is_a_preset():
    config = AudioRAFTConfig.from_mapping(read_preset("speech-mean"))
    assert config.reward_aggregator == "weighted_mean"
    assert {v.name: v.weight for v in config.verifiers} == {
        "intelligibility": 0.4,
        "quality": 0.4,
        "consistency": 0.2,
    }
    assert AudioRAFTConfig(task="tts").reward_aggregator == "product"
    assert AudioRAFTConfig().reward_aggregator == "weighted_mean"
    assert AudioRAFTConfig(task="tts", aggregator="minimum").reward_aggregator == "minimum"


def test_one_recogniser_rewards_and_another_judges():
    asked = ("intelligibility:weight=0.4", "intelligibility:id=judge,model=other,weight=0")
    config = AudioRAFTConfig(task="tts", verifier=asked)
    assert [VerifierSetting.parse(a) for a in asked] == config.verifiers
    assert [(v.id, v.weight) for v in config.verifiers] == [("intelligibility", 0.4), ("judge", 0)]


def test_drift_is_0_for_the_same_voice_and_tells_what_moved():
    time = np.arange(RATE) / RATE
    phase = 2 * np.pi * np.cumsum(150 * 2 ** (0.2 * np.sin(2 * np.pi * 2 * time))) / RATE
    voice = (0.1 * sum(np.sin(n * phase) / n for n in range(1, 12))).astype(np.float32)
    same = dict(differences(voice, voice / 2))
    assert same == pytest.approx(dict.fromkeys(same, 0.0), abs=1e-3)
    flat = dict(differences(voice, on_one_note(voice)))
    assert flat["deviation of pitch, semitones"] < -1
    assert flat["distance of mels, dB"] > 1
    slower = dict(differences(voice, np.append(voice, voice)))
    assert slower["seconds of speech, %"] == pytest.approx(100, abs=5)
