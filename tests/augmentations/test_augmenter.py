"""Augmentations at work: keyed by what a clip is, one after the other, and named when they fail."""

import numpy as np
import pytest
import soundfile

from audioforge.augmentation import Augmentation
from audioforge.errors import TrainingError
from audioforge.inference.augmenter import Augmenter
from audioforge.inference.clips import ClipLoader, chunks_of
from audioforge.inference.skip_log import SkipLog
from audioforge.sample import AudioSample, Clip

RATE = 8_000


class Model:
    sampling_rate, max_seconds, min_seconds = RATE, 2.0, 0.01


class Scaled(Augmentation):
    def augment(self, waveform, sampling_rate, draw):
        return (waveform * draw.random()).astype(np.float32)


class ScaledByGlobal(Augmentation):
    def augment(self, waveform, sampling_rate, draw):
        return (waveform * np.random.random()).astype(np.float32)


class Shifted(Augmentation):
    def augment(self, waveform, sampling_rate, draw):
        return waveform + np.float32(1)


class Longer(Augmentation):
    keeps_length = False

    def augment(self, waveform, sampling_rate, draw):
        return np.tile(waveform, 5 if draw.random() < 0.5 else 3)


class Odd(Augmentation):
    def __init__(self, make):
        self.make = make

    def augment(self, waveform, sampling_rate, draw):
        return self.make(waveform)


def clip(identity="a", frames=100):
    return Clip(AudioSample(identity), np.full(frames, 0.5, np.float32), RATE)


def augmented(*augmentations, seed=0, cycle=1, of=None):
    named = [(type(a).__name__, a) for a in augmentations]
    return Augmenter(named, seed, cycle).augmented(of or clip())


@pytest.mark.parametrize("kind", [Scaled, ScaledByGlobal])
def test_a_draw_is_keyed_by_seed_cycle_clip_and_position(kind):
    def level(**key):
        return float(augmented(kind(), **key).waveform[0])

    assert level() == level()
    assert len({level(), level(seed=1), level(cycle=2), level(of=clip("b"))}) == 4
    once, twice = augmented(kind()), augmented(kind(), kind())
    factor = once.waveform[0] / 0.5
    assert twice.waveform[0] != pytest.approx(0.5 * factor**2)


def test_they_work_one_after_the_other():
    zero = Odd(np.zeros_like)
    assert augmented(zero, Shifted()).waveform[0] == 1
    assert augmented(Shifted(), zero).waveform[0] == 0


def test_the_recording_stays_what_verifiers_are_given():
    changed = augmented(Longer())
    assert len(changed.waveform) in (300, 500)
    sample = changed.as_sample()
    assert np.array_equal(sample.audio, clip().waveform)
    assert sample.duration == 100 / RATE


def test_a_text_without_sound_is_left_alone():
    assert len(augmented(Odd(None), of=clip(frames=0)).waveform) == 0


def write(waveform):
    waveform *= 2
    return waveform


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda w: w[:-1], "'Odd' returned 99 frames instead of 100 for a.*Mend the"),
        (lambda w: w.astype(float), r"returned float64 of shape \(100,\) instead of"),
        (lambda w: w[None], r"returned float32 of shape \(1, 100\) instead of"),
        (lambda w: w * np.float32("nan"), "'Odd' returned NaN or infinite values"),
        (lambda w: None, "'Odd' returned NoneType instead of an array"),
        (lambda w: 1 / 0, "'Odd' failed on a.*ZeroDivisionError.*and go on"),
        (write, "'Odd' failed on a.*read-only"),
    ],
)
def test_what_one_does_wrong_is_named(make, said):
    with pytest.raises(TrainingError, match=said):
        augmented(Odd(make))


@pytest.fixture
def samples(tmp_path):
    for number in range(6):
        soundfile.write(tmp_path / f"{number}.wav", np.full(RATE // 2, 0.1 * number), RATE)
    return [AudioSample(f"clip {n}", tmp_path / f"{n}.wav") for n in range(6)]


def test_batches_do_not_matter(samples):
    def heard(size, order):
        augmenter = Augmenter([("scaled", Scaled())], 0, 1)
        loader = ClipLoader(Model, SkipLog(), augmenter=augmenter)
        batches = loader.batches(chunks_of(samples[::order], size))
        return {c.sample.id: c.waveform.tobytes() for batch in batches for c in batch.clips}

    assert heard(1, 1) == heard(4, -1)
    assert len(set(heard(1, 1).values())) == len(samples)


def test_what_becomes_too_long_for_the_model_is_left_out(samples):
    skips = SkipLog()
    loader = ClipLoader(Model, skips, augmenter=Augmenter([("longer", Longer())], 0, 1))
    [batch] = loader.batches([samples])
    assert 0 < len(batch.clips) < len(samples)
    assert {c.seconds for c in batch.clips} == {1.5}
    assert {*batch.problems, *(c.sample.id for c in batch.clips)} == {s.id for s in samples}
    for problem in batch.problems.values():
        assert problem.kind == "too long"
        assert problem.reason.startswith("2.50 s is longer than the model's window of 2 s")
