"""Long recordings: chunks as Transformers' pipeline cuts them, words with their times."""

import numpy as np
from transformers import pipeline

from audioforge.model import GREEDY
from audioforge.sample import AudioSample, Clip
from audioforge.transcript import TranscriptionOptions
from audioforge.transcription.recording import transcribe

WORDS = TranscriptionOptions(segment_times=True, word_times=True)


def words_of(segments):
    return [word for segment in segments for word in segment.text.split()]


def test_a_long_one_is_read_as_the_pipeline_reads_it(nano, nano_folder, digit_clips):
    parts = [clip.waveform for clip in digit_clips(48)]
    waveform = np.concatenate(parts)[: 131 * 16_000]
    assert len(waveform) > nano.max_seconds * 16_000
    clip = Clip(AudioSample("long"), waveform, 16_000)
    reader = pipeline("automatic-speech-recognition", str(nano_folder), device="cpu")
    expected = reader(
        {"raw": waveform.copy(), "sampling_rate": 16_000},
        chunk_length_s=30,
        return_timestamps="word",
    )
    said = transcribe(nano, clip, WORDS)
    assert words_of(said) == expected["text"].split()
    words = [(w.word, round(w.start, 2), round(w.end, 2)) for s in said for w in s.words]
    assert words == [
        (c["text"], *(round(t, 2) for t in c["timestamp"])) for c in expected["chunks"]
    ]
    assert len(said) > 10


def test_a_short_one_says_what_it_samples(nano, digit_clips):
    [clip] = digit_clips(1)
    [[hypothesis]] = nano.sample(nano.prepare([clip]), 1, GREEDY)
    for options in (WORDS, TranscriptionOptions()):
        said = transcribe(nano, clip, options)
        assert words_of(said) == hypothesis.text.split()
    assert not transcribe(nano, Clip(clip.sample, np.zeros(16_000, np.float32), 16_000), WORDS)
