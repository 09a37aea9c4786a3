"""Greedy decoding is Transformers' argmax and `decode`."""

import math

import numpy as np
import pytest
import torch
from transformers import pipeline

from audioforge.errors import AudioError
from audioforge.model import GREEDY, SamplingParams
from audioforge.sample import AudioSample, Clip


def greedy(adapter, clips):
    return [h.text for [h] in adapter.sample(adapter.prepare(clips), 1, GREEDY)]


def plain_texts(model, processor, clips):
    """Transcribe each clip by itself with Transformers."""
    texts = []
    for clip in clips:
        inputs = processor(clip.waveform, sampling_rate=16_000, return_tensors="pt")
        with torch.no_grad():
            texts.append(processor.decode(model(**inputs).logits[0].argmax(-1)))
    return texts


def test_single_clips_equal_the_pipeline(nano, nano_folder, digit_clips):
    clips = digit_clips(20)
    transcribe = pipeline("automatic-speech-recognition", str(nano_folder), device="cpu")
    expected = [
        transcribe({"raw": clip.waveform.copy(), "sampling_rate": 16_000})["text"] for clip in clips
    ]
    assert [greedy(nano, [clip])[0] for clip in clips] == expected
    assert sum(len(text) > 5 for text in expected) > 15


def test_batches_equal_transformers_on_single_clips(nano, nano_folder, digit_clips, plain):
    clips = digit_clips(48)
    for start in range(0, 48, 16):
        batch = clips[start : start + 16]
        assert greedy(nano, batch) == plain_texts(*plain(nano_folder), batch)


def test_every_family_with_either_norm_ignores_padding(load, untrained, family, plain, noise_clip):
    norms = ["layer"] if family == "data2vec-audio" else ["group", "layer"]
    for norm in norms:
        settings = {} if family == "data2vec-audio" else {"feat_extract_norm": norm}
        folder = untrained(family, **settings)
        adapter = load(folder)
        clips = [noise_clip(9_000, "a"), noise_clip(16_000, "bb"), noise_clip(5_000, "ccc")]
        texts = greedy(adapter, clips)
        assert texts == plain_texts(*plain(folder), clips)
        assert all(texts)


def test_lower_case_and_other_alphabets(load, untrained, plain, noise_clip):
    folder = untrained("wav2vec2", characters="|äößabcdефг一二")
    clips = [noise_clip(16_000, "a"), noise_clip(12_000, "bb")]
    assert greedy(load(folder), clips) == plain_texts(*plain(folder), clips)


def test_the_shortest_clip_is_one_frame(nano, load, untrained, family, noise_clip):
    assert nano.min_seconds * 16_000 == 400
    adapter = load(untrained(family))
    assert adapter.min_seconds * 16_000 == 400
    assert adapter.prepare([noise_clip(400)]).frames == (1,)
    [[hypothesis]] = adapter.sample(adapter.prepare([noise_clip(400)]), 1, GREEDY)
    assert math.isfinite(hypothesis.logprob)
    with pytest.raises(AudioError, match=r"0\.025 s is shorter than the 0\.025 s"):
        adapter.prepare([noise_clip(399)])


def test_other_rates_are_refused(nano):
    clip = Clip(AudioSample(id="x"), np.zeros(8_000, np.float32), 8_000)
    with pytest.raises(AudioError, match="8000 Hz; resample it to 16000 Hz"):
        nano.prepare([clip])


def test_silence_and_loud_clips_are_finite(nano):
    for level in (0.0, 1.0, 1e4):
        clip = Clip(AudioSample(id="x"), np.full(8_000, level, np.float32), 16_000)
        [[hypothesis]] = nano.sample(nano.prepare([clip]), 1, GREEDY)
        assert math.isfinite(hypothesis.logprob)


def test_a_batch_that_is_sampled_twice_is_read_once(load, nano_folder, digit_clips):
    adapter, read = load(nano_folder), []
    adapter.module.lm_head.register_forward_hook(lambda *_: read.append(1))
    with torch.inference_mode():
        batch = adapter.prepare(digit_clips(3))
        adapter.sample(batch, 4, SamplingParams())
        said = [h.text for [h] in adapter.sample(batch, 1, GREEDY)]
        assert (len(read), said) == (1, greedy(adapter, digit_clips(3)))
    with torch.no_grad():
        adapter.module.lm_head.bias += 0.5
    with torch.inference_mode():
        adapter.sample(batch, 1, GREEDY)
    assert len(read) == 3
