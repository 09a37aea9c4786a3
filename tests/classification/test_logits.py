"""What the network says equals plain Transformers, clip by clip, for every family."""

import numpy as np
import pytest
import torch

from audioforge.errors import AudioError
from audioforge.model import GREEDY
from audioforge.sample import Clip

from .conftest import FAMILIES, WORDS

MIXED = [1.0, 0.5, 1.0, 0.7, 0.3]


def plain_logits(folder, clips):
    """Logits of plain Transformers, one clip at a time."""
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    model = AutoModelForAudioClassification.from_pretrained(folder, dtype=torch.float32).eval()
    extractor = AutoFeatureExtractor.from_pretrained(folder)
    rows = []
    for clip in clips:
        inputs = extractor(clip.waveform, sampling_rate=16_000, return_tensors="pt")
        with torch.no_grad():
            rows.append(model(**inputs).logits[0])
    return torch.stack(rows).log_softmax(dim=-1)


def said_logprobs(adapter, clips):
    """Log-probability of every label of every clip, as hypotheses state it."""
    from audioforge.model import SamplingParams

    rows = adapter.sample(adapter.prepare(clips), 400, SamplingParams(temperature=50.0))
    table = torch.full((len(clips), len(adapter.labels)), torch.nan)
    for row, hypotheses in enumerate(rows):
        for hypothesis in hypotheses:
            table[row, adapter.labels.index(hypothesis.label)] = hypothesis.logprob
    assert not table.isnan().any()  # at such a temperature every label is drawn
    return table


@pytest.mark.parametrize("name", FAMILIES)
def test_labels_and_probabilities_are_those_of_transformers(untrained, load, clips, name):
    """In one batch, with clips of different length: padding changes nothing."""
    noise = clips(5, MIXED)
    expected = plain_logits(untrained(name), noise)
    adapter = load(untrained(name))
    assert adapter.labels == WORDS
    torch.testing.assert_close(said_logprobs(adapter, noise), expected, atol=1e-5, rtol=0)
    greedy = adapter.sample(adapter.prepare(noise), 1, GREEDY)
    assert [h.label for [h] in greedy] == [WORDS[i] for i in expected.argmax(dim=-1)]
    assert [h.tokens for [h] in greedy] == [1] * 5
    assert (expected.max(dim=-1).values - expected.min(dim=-1).values).min() > 1e-3


@pytest.mark.sweep(2)
@pytest.mark.parametrize("name", FAMILIES)
def test_the_shortest_and_the_longest_clip(untrained, load, clips, name):
    adapter = load(untrained(name))
    shortest = clips(1, [adapter.min_seconds + 1e-6])[0]
    longest = clips(1, [(adapter.max_seconds or 3.0) + 1e-6])[0]
    said = said_logprobs(adapter, [shortest, longest])
    expected = plain_logits(untrained(name), [shortest, longest])
    torch.testing.assert_close(said, expected, atol=1e-5, rtol=0)
    shorter = Clip(shortest.sample, shortest.waveform[:-1], 16_000)
    with pytest.raises(AudioError, match=r"noise-0: 0\.0\d+ s is shorter than the"):
        adapter.prepare([shorter])
    if adapter.max_seconds is not None:
        longer = np.append(longest.waveform, np.float32(0))
        with pytest.raises(AudioError, match=r"longer than the model's window"):
            adapter.prepare([Clip(longest.sample, longer, 16_000)])


def test_the_window_of_ast_is_the_last_length_that_is_not_cut(untrained, load, clips):
    """One sample more makes a frame that Transformers' feature extractor would drop."""
    adapter = load(untrained("ast"))
    frames = (adapter.max_seconds * 16_000 - 400) // 160 + 1
    assert frames == 128
    assert (adapter.max_seconds * 16_000 + 1 - 400) // 160 + 1 == 129


def test_the_wrong_sampling_rate_is_refused(untrained, load, clips):
    adapter = load(untrained("wav2vec2"))
    [clip] = clips(1)
    with pytest.raises(AudioError, match="at 8000 Hz; resample it to 16000 Hz"):
        adapter.prepare([Clip(clip.sample, clip.waveform, 8_000)])


def test_the_trained_nano_model_equals_transformers(nano_folder, load, digit_clips):
    clips = digit_clips("validation.jsonl", every=4)
    adapter = load(nano_folder)
    assert adapter.labels[:3] == ("zero", "one", "two")
    assert len(adapter.labels) == 10
    assert adapter.max_seconds == 5
    said = [h for [h] in adapter.sample(adapter.prepare(clips), 1, GREEDY)]
    expected = plain_logits(nano_folder, clips)
    assert [h.label for h in said] == [adapter.labels[i] for i in expected.argmax(dim=-1)]
    assert [h.logprob for h in said] == pytest.approx(expected.max(dim=-1).values, abs=1e-5)


def test_the_trained_nano_model_hears_digits(nano_folder, load, digit_clips):
    """Its figure is 92.5 % on all of test."""
    clips = digit_clips("test.jsonl", every=2)
    adapter = load(nano_folder)
    said = [h.label for [h] in adapter.sample(adapter.prepare(clips), 1, GREEDY)]
    right = [label == clip.sample.labels[0] for label, clip in zip(said, clips, strict=True)]
    assert sum(right) / len(right) > 0.88
