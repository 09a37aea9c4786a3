"""`intelligibility`: what a recogniser hears in generated audio, against what was to be said."""

import json

import numpy as np
import pytest
import torch

from audioforge.audio import load_clip
from audioforge.errors import CheckpointError, ConfigError
from audioforge.model import Likelihoods, ModelAdapter
from audioforge.sample import AudioSample, Hypothesis
from audioforge.verifier import VerifierContext
from audioforge_verifiers.intelligibility import Intelligibility, windows_of

RATE = 8000
WORDS = {1: "one", 2: "two", 3: "three"}


class BeepReader(ModelAdapter):
    """A recogniser of beeps: each has the amplitude 0.1, 0.2 or 0.3, and stands for a word."""

    tasks = ("asr",)
    sampling_rate = RATE
    max_seconds = 1.0
    min_seconds = 0.25

    def __init__(self):
        self.batches = []
        self.seconds = 0.0

    @classmethod
    def load(cls, checkpoint, options):
        return cls()

    @property
    def module(self):
        raise NotImplementedError

    def prepare(self, clips):
        assert all(c.sampling_rate == RATE for c in clips)
        assert all(self.min_seconds <= c.seconds <= self.max_seconds for c in clips)
        self.batches.append(len(clips))
        self.seconds += sum(clip.seconds for clip in clips)
        for clip in clips:  # its waveform is a copy, that may be changed
            clip.waveform[:] /= 2
        return clips

    def sample(self, batch, k, params):
        assert (k, params.temperature) == (1, 0.0)
        return [[Hypothesis(text=read(2 * clip.waveform))] for clip in batch]

    def part(self, batch, rows):
        return [batch[row] for row in rows]

    def loss(self, batch, targets, weights):
        raise NotImplementedError

    def make_trainable(self, options):
        raise NotImplementedError

    def save(self, folder):
        raise NotImplementedError


class SureReader(BeepReader):
    """It finds a word that it hears three times as likely as another, and cannot spell "four"."""

    def logprobs(self, batch, targets):
        sums = []
        for clip, (target,) in zip(batch, targets, strict=True):
            heard = read(2 * clip.waveform).split()
            words = target.text.split()
            sums.append(sum(np.log(0.75 if word in heard else 0.25) for word in words))
        counts = [len(target.text.split()) for (target,) in targets]
        return Likelihoods(torch.tensor(sums), torch.tensor(counts, dtype=torch.float32))

    def target_problem(self, sample, target):
        return "unknown letters" if "four" in target.text else None


class ForgetfulReader(BeepReader):
    """What it hears twice over it writes once."""

    max_seconds = 10.0

    def sample(self, batch, k, params):
        heard = [read(2 * clip.waveform).split() for clip in batch]
        return [[Hypothesis(text=" ".join(without_echo(words)))] for words in heard]


def without_echo(words):
    """Leave out words that are said twice in a row, and each of them alone as well."""
    for start in range(len(words)):
        for length in range(1, (len(words) - start) // 2 + 1):
            middle, end = start + length, start + 2 * length
            if words[start:middle] == words[middle:end]:
                return without_echo(words[:middle] + words[end:])
    return words


def read(waveform):
    levels = np.pad(np.round(np.abs(waveform) * 10).astype(int), 1)
    starts = np.flatnonzero((levels[1:] > 0) & (levels[:-1] == 0)) + 1
    ends = np.flatnonzero((levels[1:] == 0) & (levels[:-1] > 0))
    return " ".join(WORDS[int(levels[(s + e) // 2])] for s, e in zip(starts, ends, strict=True))


def spoken(*numbers):
    """Each number as 0.1 s of sound and 0.1 s of silence."""
    beeps = [np.repeat((n / 10, 0), RATE // 10) for n in numbers]
    levels = np.concatenate([np.zeros(0), *beeps])
    hum = np.resize((1.1, 1.1, 0.9, 0.9), len(levels))  # a level that does not move is no sound
    return (levels * hum).astype(np.float32)


def silent(seconds):
    return np.zeros(round(seconds * RATE), np.float32)


def ready(recogniser, **options):
    verifier = Intelligibility("somebody/beeps", **options)
    verifier.setup(VerifierContext("tts", "none", 0.3, "cpu", lambda *_: recogniser))
    return verifier


@pytest.fixture
def reader():
    return BeepReader()


@pytest.fixture
def verifier(reader, travelled):
    asked = []

    def load_model(checkpoint, task):
        asked.append((checkpoint, task))
        return reader

    created = travelled(Intelligibility("somebody/beeps"))
    created.setup(VerifierContext("tts", "none", 0.3, "cpu", load_model))
    assert asked == [("somebody/beeps", "asr")]
    return created


def test_any_adapter_serves_and_the_reward_is_one_less_the_word_error_rate(verifier, judge):
    score = judge(verifier, spoken(1, 2, 3), RATE, reference="one two three")
    assert (score.reward, score.passed, score.metrics["wer"]) == (1.0, True, 0.0)
    score = judge(verifier, spoken(1, 2, 1, 1), RATE, reference="one two three two")
    assert (score.reward, score.passed, score.metrics["substitutions"]) == (0.5, False, 2)
    score = judge(verifier, spoken(1, 2, 3), RATE, reference="three")
    assert (score.reward, score.metrics["wer"]) == (0.0, 2.0)


def test_long_audio_is_cut_in_the_pauses_and_heard_to_its_end(verifier, reader, judge):
    numbers = [1, 2, 3] * 50  # 30 s, in windows of 1 s
    reference = " ".join(WORDS[n] for n in numbers)
    score = judge(verifier, spoken(*numbers), RATE, reference=reference)
    assert (score.reward, score.metrics["reference_words"]) == (1.0, 150)
    assert max(reader.batches) <= 8
    babble = judge(verifier, spoken(1, *[2] * 40), RATE, reference="one")
    assert (babble.reward, babble.metrics["insertions"]) == (0.0, 40)


def test_short_audio_is_padded(verifier, judge):
    assert judge(verifier, spoken(2), RATE, reference="two").reward == 1.0


@pytest.mark.parametrize(
    "numbers",
    [
        (1, 2, 3, 2, 1, 3, 1, 3, 2, 1, 3),
        (1, 2, 3, 2, 1, 1, 2, 3, 2, 1, 3),
        (1, 2, 3, 2, 1, 2, 3, 2, 1, 3),
    ],
    ids=["end", "beginning", "middle"],
)
def test_what_is_said_again_earns_nothing_though_it_is_written_once(judge, numbers):
    reader, text = ForgetfulReader(), "one two three two one three"
    once = judge(ready(reader), spoken(1, 2, 3, 2, 1, 3), RATE, reference=text)
    assert (once.reward, once.metrics["said_again"]) == (1.0, 0.0)
    again = judge(ready(reader), spoken(*numbers), RATE, reference=text)
    assert again.metrics["wer"] == 0.0, "the transcript tells nothing"
    assert (again.reward, again.passed, again.metrics["said_again"]) == (0.0, False, 1.0)


def test_a_hum_before_the_speech_is_no_repeat(create_tts, judge, shared):
    real = create_tts(f"intelligibility:model={shared / 'models/nano-whisper-digits'}")
    path = shared / "cases/20-tts-with-a-long-silent-end/r16000.flac"
    speech = load_clip(AudioSample("a", audio=path), 16_000).waveform
    time = np.arange(round(1.5 * 16_000)) / 16_000
    hum = 0.1 * speech.std() * sum(np.sin(2 * np.pi * 120 * n * time) for n in range(1, 20))
    score = judge(
        real, np.append(hum, speech).astype(np.float32), 16_000, reference="seven three eight six"
    )
    assert score.metrics["said_again"] == 0.0
    assert score.reward > 0


def test_a_text_that_repeats_itself_is_no_repeat(verifier, judge):
    score = judge(verifier, spoken(*[1, 2, 3] * 4), RATE, reference="one two three " * 4)
    assert (score.reward, score.metrics["said_again"]) == (1.0, 0.0)


def test_a_word_that_is_missing_where_the_sound_breaks_off_was_not_said(verifier, judge):
    text = "one two three two"
    cut = spoken(1, 2, 3)
    fades = np.append(cut[: -RATE // 10], np.resize(np.float32([0.001, -0.001]), RATE // 10))
    lost = judge(verifier, fades, RATE, reference=text)
    assert (lost.reward, lost.metrics["breaks_off"]) == (0.75, 0.0)
    for audio in (cut, np.append(cut, silent(1))):
        score = judge(verifier, audio, RATE, reference=text)
        assert (score.reward, score.passed, score.metrics["breaks_off"]) == (0.0, False, 1.0)
    whole = judge(verifier, cut, RATE, reference="one two three")
    assert (whole.reward, whole.metrics["breaks_off"]) == (1.0, 1.0)


def test_a_real_recogniser_writes_once_what_is_said_twice(create_tts, judge, shared):
    real = create_tts(f"intelligibility:model={shared / 'models/whisper-tiny.en'}", "english-1")
    path = shared / "data/speech/audio/lj_LJ001-0002.flac"
    once = load_clip(AudioSample("a", audio=path), 16_000).waveform
    text = "in being comparatively modern"
    assert judge(real, once, 16_000, reference=text).reward == 1.0
    for twice in (np.append(once, once[len(once) // 2 :]), np.append(once[: len(once) // 2], once)):
        score = judge(real, twice, 16_000, reference=text)
        assert (score.reward, score.metrics["said_again"], score.metrics["wer"]) == (0.0, 1.0, 0.0)


@pytest.mark.parametrize(
    "audio",
    [
        np.append(spoken(1, 2, 3), silent(8)),
        np.append(silent(8), spoken(1, 2, 3)),
        np.concatenate([spoken(1), silent(8), spoken(2, 3)]),
        np.append(spoken(1, 2, 3), silent(8) + np.float32(0.04)),
        np.append(spoken(1, 2, 3), spoken(*[3] * 30) * np.float32(1e-4)),
    ],
    ids=["end", "start", "middle", "offset", "too soft to hear"],
)
def test_the_recogniser_hears_only_what_can_be_heard(verifier, reader, judge, audio):
    score = judge(verifier, audio, RATE, reference="one two three")
    assert (score.reward, score.metrics["insertions"]) == (1.0, 0)
    assert reader.seconds <= 2.5


@pytest.mark.parametrize(
    "audio",
    [silent(3), silent(3) + np.float32(0.3), spoken(3) * np.float32(1e-4), spoken(3)[:100]],
    ids=["silence", "offset", "too soft to hear", "a click"],
)
def test_where_nothing_can_be_heard_nothing_was_said(verifier, reader, judge, audio):
    score = judge(verifier, audio, RATE, reference="three")
    assert (score.reward, score.metrics["deletions"]) == (0.0, 1)
    assert judge(verifier, audio, RATE, reference="").reward == 1.0
    assert reader.batches == []


def test_a_long_silent_end_costs_no_word_of_a_real_recogniser(create_tts, judge, shared):
    case = shared / "cases/20-tts-with-a-long-silent-end"
    real = create_tts(f"intelligibility:model={shared / 'models/nano-whisper-digits'}")
    for name in ("r16000.flac", "trail.flac"):
        score = judge(real, case / name, None, reference="seven three eight six")
        assert (score.reward, score.metrics["hits"]) == (1.0, 4)


def test_windows_hold_every_sample():
    waveform = np.random.default_rng(0).normal(size=10_000).astype(np.float32)
    clip = load_clip(AudioSample("a", audio=waveform, sampling_rate=RATE), RATE)
    windows = windows_of(clip, 0.0, 0.3)
    assert np.array_equal(np.concatenate([w.waveform for w in windows]), waveform)
    assert all(0.2 < w.seconds <= 0.3 for w in windows[:-1])
    assert [w.seconds for w in windows_of(clip, 2.0, None)] == [2.0]


def test_what_is_broken_says_nothing(verifier, judge, tmp_path):
    (tmp_path / "broken.wav").write_text("not sound")
    nan = np.full(RATE, np.nan, np.float32)
    for audio in (np.zeros(0, np.float32), nan, tmp_path / "broken.wav"):
        rate = RATE if isinstance(audio, np.ndarray) else None
        score = judge(verifier, audio, rate, reference="one two")
        assert (score.reward, score.passed, score.metrics["deletions"]) == (0.0, False, 2)
        assert judge(verifier, audio, rate, reference="").reward == 0.0


def test_without_audio_or_text_there_is_nothing_to_judge(verifier, judge, tmp_path):
    assert judge(verifier, None, None, reference="one").reward is None
    assert judge(verifier, tmp_path / "missing.wav", None, reference="one").reward is None
    assert judge(verifier, spoken(1), RATE).reward is None
    assert verifier.verify([], []) == []


def test_channels_and_rates(verifier, judge):
    eight = np.repeat(spoken(1, 3)[:, None], 8, axis=1)
    assert judge(verifier, eight, RATE, reference="one three").reward == 1.0
    at_48_khz = np.repeat(spoken(1, 3), 6)
    assert judge(verifier, at_48_khz, 48_000, reference="one three").reward == 1.0


def test_a_batch_is_its_parts_in_their_order(verifier, judge):
    cases = [(spoken(1), "one"), (None, "two"), (spoken(*[3] * 9), "three " * 9), (spoken(2), None)]
    samples = [AudioSample(str(i), reference=text) for i, (_, text) in enumerate(cases)]
    hypotheses = [Hypothesis(audio=a, sampling_rate=RATE) for a, _ in cases]
    batch = verifier.verify(samples, hypotheses)
    single = [judge(verifier, a, RATE, reference=text) for a, text in cases]
    assert batch == single
    assert [s.reward for s in batch] == [1.0, None, 1.0, None]


def test_a_model_that_is_not_there_is_named(create_tts, tmp_path):
    with pytest.raises(CheckpointError, match="nowhere"):
        create_tts(f"intelligibility:model={tmp_path}/nowhere")
    for option in ("batch_size=0", "threshold=-1", "threshold=nan"):
        with pytest.raises(ConfigError, match=option.partition("=")[0]):
            create_tts(f"intelligibility:{option}")


def test_a_likelihood_is_paid_where_it_is_asked_for(judge):
    verifier = ready(SureReader(), scale="likelihood")
    score = judge(verifier, spoken(1, 2, 2), RATE, reference="one two three")
    assert score.reward == pytest.approx((0.75 * 0.75 * 0.25) ** (1 / 3))
    assert score.metrics["token_probability"] == score.reward
    assert score.metrics["wer"] == pytest.approx(1 / 3)
    assert ready(SureReader()).verify([], []) == []
    assert (
        "token_probability"
        not in judge(ready(SureReader()), spoken(1), RATE, reference="one").metrics
    )


def test_a_likelihood_does_not_pay_for_wrong_ends_or_for_nothing(judge):
    verifier = ready(SureReader(), scale="likelihood")
    assert judge(verifier, spoken(1, 2), RATE, reference="one two three one").reward == 0.0
    assert judge(verifier, silent(1), RATE, reference="one").reward == 0.0
    assert judge(verifier, np.zeros(0, np.float32), RATE, reference="one").reward == 0.0
    assert judge(verifier, spoken(1, 2), RATE, reference="one two three").reward == 0.0


def test_a_likelihood_that_cannot_be_told_is_missing(judge):
    verifier = ready(SureReader(), scale="likelihood")
    score = judge(verifier, spoken(*[3] * 9), RATE, reference="three " * 9)  # in two windows
    assert (score.reward, score.passed, score.metrics["wer"]) == (None, None, 0.0)
    assert judge(verifier, spoken(1), RATE, reference="four").reward is None
    assert judge(verifier, None, None, reference="one").reward is None
    with pytest.raises(ConfigError, match="BeepReader cannot tell how likely"):
        ready(BeepReader(), scale="likelihood")


@pytest.mark.parametrize("parts", [True, False])
def test_a_text_without_likelihood_leaves_its_neighbours_theirs(monkeypatch, parts):
    recogniser = SureReader()
    if not parts:
        monkeypatch.setattr(SureReader, "part", ModelAdapter.part)
    samples = [AudioSample(text, reference=text) for text in ("four", "three", "four", "two")]
    said = [Hypothesis(audio=spoken(3), sampling_rate=RATE)] * 4
    scores = ready(recogniser, scale="likelihood").verify(samples, said)
    assert [score.reward for score in scores] == [None, 0.75, None, 0.25]
    assert recogniser.batches == ([4] if parts else [4, 2])


def test_likelihoods_of_a_batch_are_those_of_its_parts(judge):
    recogniser = SureReader()
    verifier = ready(recogniser, scale="likelihood", batch_size=2)
    cases = [(spoken(1), "one"), (silent(1), "two"), (spoken(2), "one"), (spoken(3), "two three")]
    samples = [AudioSample(str(i), reference=text) for i, (_, text) in enumerate(cases)]
    hypotheses = [Hypothesis(audio=a, sampling_rate=RATE) for a, _ in cases]
    single = [judge(verifier, a, RATE, reference=text) for a, text in cases]
    recogniser.batches.clear()
    assert verifier.verify(samples, hypotheses) == single
    assert recogniser.batches == [2, 1]  # of three that can be heard, each read once for both
    assert [round(score.reward, 2) for score in single] == [0.75, 0.0, 0.25, 0.43]


def test_real_recognisers_find_what_people_said_likely(create_tts, judge, shared):
    case = shared / "cases/20-tts-with-a-long-silent-end" / "r16000.flac"
    for name in ("nano-whisper-digits", "nano-wav2vec2-digits", "whisper-tiny.en"):
        judged = create_tts(f"intelligibility:model={shared / 'models' / name},scale=likelihood")
        said, other = "seven three eight six", "seven nine eight six"
        right, wrong = (judge(judged, case, None, reference=text).reward for text in (said, other))
        assert 0 < wrong < right <= 1


def test_whisper_hears_people_and_less_in_noise(create_tts, judge, degradations, shared):
    model = shared / "models/nano-whisper-digits"
    verifier = create_tts(f"intelligibility:model={model}")
    manifest = shared / "data/digits_asr/train.jsonl"
    lines = [json.loads(x) for x in manifest.read_text(encoding="utf-8").splitlines()[::25]]
    samples = [AudioSample(x["audio_filepath"], reference=x["text"]) for x in lines]
    paths = [manifest.parent / x["audio_filepath"] for x in lines]
    clips = [load_clip(AudioSample(p.name, audio=p), 16_000).waveform for p in paths]

    def mean_reward(audio):
        hypotheses = [Hypothesis(audio=a, sampling_rate=16_000) for a in audio]
        return np.mean([s.reward for s in verifier.verify(samples, hypotheses)])

    clean = mean_reward(clips)
    noisy = mean_reward([degradations.with_noise(c, -10, str(i)) for i, c in enumerate(clips)])
    swapped = mean_reward([*clips[1:], clips[0]])
    assert clean > 0.45  # the model's own word error rate on these voices is 38 %
    assert noisy < clean - 0.15
    assert swapped < clean - 0.15
    files = verifier.verify(samples, [Hypothesis(audio=p) for p in paths])
    assert np.mean([s.reward for s in files]) == pytest.approx(clean)
