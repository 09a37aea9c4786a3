"""What is drawn: keyed by hypothesis, of a text alone, ended by the model or by a limit."""

import math

import numpy as np
import pytest
import torch
from attrs import evolve

from audioforge.errors import AudioError, TrainingError
from audioforge.inference.clips import ClipLoader
from audioforge.inference.skip_log import SkipLog
from audioforge.model import GREEDY, SamplingParams
from audioforge.sample import AudioSample
from audioforge_pocket_tts.drawing import keyed_noise

TEXTS = ("one", "turn the second valve to the left", "two three")
SHORT = SamplingParams(max_new_tokens=24)
FRAME = 1920
"""Samples of a frame."""


def latents(adapter, clips, k, params):
    """Return the latents of each text."""
    drawn = adapter.sample(adapter.prepare(clips), k, params)
    return [[h.features for h in own] for own in drawn]


def never_ends(adapter):
    adapter.module.eos_head.bias.data.fill_(-50.0)
    return adapter


@pytest.mark.parametrize("temperature", [0.0, 0.5])
def test_it_speaks_what_transformers_speaks(adapter, clips, asked, temperature, monkeypatch):
    """Latents and sound, of the same noise, with the frames after the end."""
    (text,) = clips("two three four five")
    params = evolve(SHORT, temperature=temperature)
    ((said,),) = adapter.sample(adapter.prepare([text]), 1, params)
    noise = keyed_noise(text.sample.id, 0, evolve(params, temperature=1.0), 24, 8)
    frames = iter(torch.from_numpy(noise))
    monkeypatch.setattr(torch, "randn", lambda *shape, **_: next(frames)[None])
    voice = torch.from_numpy(adapter._checkpoint.voices.own)
    theirs = adapter.module.generate(
        **asked(adapter, text.sample.reference, audio_prompt_latents=[voice]),
        max_new_tokens=24, do_sample=temperature > 0, temperature=temperature or None,
    )  # fmt: skip
    assert not said.cut
    tail = 1 + 4  # the frame of the end, and those after it of a text of four words
    assert len(theirs[0]) == len(said.features) + tail
    np.testing.assert_allclose(theirs[0][:-tail], said.features, atol=1e-4)
    sound = adapter._checkpoint.codec._processor.decode(theirs[0])
    np.testing.assert_allclose(sound.clamp(-1, 1), said.audio, atol=1e-4)


def test_a_text_is_spoken_alike_in_any_batch_and_with_any_k(adapter, clips):
    """Also where others end before, and are left out of the batch."""
    params = SamplingParams(max_tokens_per_second=4)
    together = adapter.sample(adapter.prepare(clips(*TEXTS)), 4, params)
    assert len({len(h.features) for own in together for h in own}) > 2
    assert {h.cut for own in together for h in own} == {True, False}
    for text, own in zip(TEXTS, together, strict=True):
        (alone,) = adapter.sample(adapter.prepare(clips(text)), 3, params)
        for this, that in zip(alone, own, strict=False):
            assert this.cut == that.cut
            np.testing.assert_allclose(this.features, that.features, atol=1e-4)
            np.testing.assert_allclose(this.audio, that.audio, atol=1e-4)
        first, second = own[0].features, own[1].features
        assert first.shape != second.shape or np.abs(first - second).max() > 0.01


def test_temperature_is_the_variance_of_the_noise(adapter, clips):
    (greedy,) = latents(adapter, clips("one two"), 1, evolve(GREEDY, max_new_tokens=6))
    first = {
        t: latents(adapter, clips("one two"), 1, evolve(SHORT, temperature=t))[0][0][:6]
        for t in (1e-12, 0.1, 1.0)
    }
    distances = [np.abs(row - greedy[0]).mean() for row in first.values()]
    assert distances[0] < 1e-3 < distances[1] < distances[2]
    whole, half = (keyed_noise("a", 3, evolve(SHORT, temperature=t), 5, 8) for t in (1.0, 0.25))
    np.testing.assert_allclose(half, whole / 2, rtol=1e-6)


def test_noise_is_keyed_and_a_longer_one_begins_with_a_shorter_one():
    noise = keyed_noise("a", 0, SHORT, 400, 32)
    assert np.array_equal(noise[:7], keyed_noise("a", 0, SHORT, 7, 32))
    assert abs(noise.mean()) < 0.03
    assert abs(noise.var() - 1) < 0.03
    others = [("b", 0, SHORT), ("a", 1, SHORT), ("a", 0, evolve(SHORT, seed=1)),
              ("a", 0, evolve(SHORT, cycle=1))]  # fmt: skip
    for name, index, params in others:
        other = keyed_noise(name, index, params, 400, 32)
        assert abs(np.corrcoef(noise.ravel(), other.ravel())[0, 1]) < 0.05


@pytest.mark.parametrize(
    ("params", "frames"),
    [
        (SamplingParams(max_new_tokens=3), 3),
        (SamplingParams(max_tokens_per_second=4), 7 * 4 // 14 + 8),
        (SamplingParams(), math.ceil((7 / 3 + 2) * 12.5)),
    ],
)
def test_a_limit_ends_it_and_says_so(load, small, clips, params, frames):
    adapter = never_ends(load(small))
    ((hypothesis,),) = adapter.sample(adapter.prepare(clips("one two")), 1, params)
    assert hypothesis.cut
    assert len(hypothesis.features) == frames
    assert len(hypothesis.audio) == frames * FRAME


@pytest.mark.parametrize(("text", "tail"), [("turn it", 4), ("turn it to the left", 2)])
def test_it_ends_by_itself_and_never_at_once(load, small, clips, text, tail):
    """The frames after the end are heard, and are not learnt: the end is taught where it was."""
    adapter = load(small)
    adapter.module.eos_head.bias.data.fill_(50.0)
    ((hypothesis,),) = adapter.sample(adapter.prepare(clips(text)), 1, SHORT)
    assert not hypothesis.cut
    assert len(hypothesis.features) == 6
    assert len(hypothesis.audio) == (6 + 1 + tail) * FRAME


def test_numbers_that_are_none_are_named(load, small, clips):
    adapter = load(small)
    adapter.module.flow_head.final_layer.proj.bias.data.fill_(torch.nan)
    with pytest.raises(TrainingError, match="three"):
        adapter.sample(adapter.prepare(clips("three")), 1, SHORT)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no text to speak"),
        ("  ", "no text to speak"),
        (None, "no text to speak"),
        ("say <audio_bos> now", "its text holds <audio_bos>"),
        ("a" * 600, "takes 608 positions, and the model has 512"),
    ],
)
def test_what_cannot_be_spoken_is_named_and_left_out(adapter, clips, text, message):
    (clip,) = clips("one", where="texts.jsonl:7")
    clip = evolve(clip, sample=evolve(clip.sample, reference=text))
    with pytest.raises(AudioError, match=rf"texts\.jsonl:7.*{message}"):
        adapter.prepare([clip])
    skips = SkipLog()
    (batch,) = ClipLoader(adapter, skips).batches(
        [[clip.sample, AudioSample("b", reference="two")]]
    )
    assert [clip.sample.id for clip in batch.clips] == ["b"]
    ((_, problem),) = skips.problems.items()
    assert problem.where.startswith("texts.jsonl:7")
    assert message in problem.reason
    assert "texts.jsonl" not in problem.reason
