"""What is drawn: keyed by hypothesis, of a text alone, ended by the model or by a limit."""

import numpy as np
import pytest
import torch
from attrs import evolve

from audioforge.errors import AudioError, TrainingError
from audioforge.inference.clips import ClipLoader
from audioforge.inference.skip_log import SkipLog
from audioforge.model import GREEDY, SamplingParams
from audioforge.sample import AudioSample
from audioforge_speecht5.drawing import Rows, Texts, speak
from audioforge_speecht5.prenet import Masks

TEXTS = ("one", "turn the second valve", "two three")
SHORT = SamplingParams(max_new_tokens=16)
FACTOR, HOP = 2, 256


def frames(adapter, clips, k, params):
    """Return the spectrograms of each text."""
    drawn = adapter.sample(adapter.prepare(clips), k, params)
    return [[h.features for h in own] for own in drawn]


class NoDropout:
    """Stands in for the masks."""

    def next(self):
        return lambda hidden, layer: hidden

    def keep(self, rows):
        pass


def test_without_dropout_it_writes_what_transformers_writes(load, small, clips):
    adapter = load(small)
    model, batch = adapter.module, adapter.prepare(clips("two three"))
    model.speecht5.decoder.prenet._consistent_dropout = lambda hidden, p: hidden
    with torch.no_grad():
        encoded = model.speecht5.encoder(batch.tokens, attention_mask=batch.mask).last_hidden_state
        whole = Rows(Texts(encoded, batch.mask, batch.voices), fewest=[12], most=[16])
        (spoken,) = speak(model, whole, NoDropout())
        tokens = batch.tokens.shape[1]
        theirs = model.generate(
            batch.tokens, speaker_embeddings=batch.voices, attention_mask=batch.mask,
            minlenratio=12.5 * FACTOR / tokens, maxlenratio=16.5 * FACTOR / tokens,
        )  # fmt: skip
    assert spoken.frames.shape == theirs.shape
    torch.testing.assert_close(spoken.frames, theirs, rtol=1e-4, atol=1e-4)


def test_a_text_is_spoken_alike_in_any_batch_and_with_any_k(adapter, clips):
    """Also where others end before, and are left out of the batch."""
    together = frames(adapter, clips(*TEXTS), 3, SamplingParams(max_tokens_per_second=12))
    assert len({len(row) for own in together for row in own}) > 1
    for text, own in zip(TEXTS, together, strict=True):
        params = SamplingParams(max_tokens_per_second=12)
        ((alone, second),) = frames(adapter, clips(text), 2, params)
        np.testing.assert_allclose(alone, own[0], atol=1e-4)
        np.testing.assert_allclose(second, own[1], atol=1e-4)
        assert own[0].shape != own[1].shape or np.abs(own[0] - own[1]).max() > 0.01


def test_temperature_goes_from_one_fixed_draw_over_the_published_model_to_more(adapter, clips):
    text = clips("one two")

    def first(temperature, cycle):
        params = evolve(SHORT, temperature=temperature, cycle=cycle)
        return frames(adapter, text, 1, params)[0][0]

    def spread(temperature):
        """Return how far draws of one text are from their mean."""
        params = evolve(SHORT, temperature=temperature)
        (drawn,) = frames(adapter, text, 8, params)
        size = min(map(len, drawn))
        return np.std([row[:size] for row in drawn], axis=0).mean()

    greedy = first(0.0, 1)
    assert np.array_equal(greedy, first(0.0, 2))
    assert np.array_equal(greedy, first(1e-9, 1)), "hardly anything is drawn anew"
    far = [first(t, 1) for t in (0.05, 0.3, 1.0)]
    size = min(map(len, [greedy, *far]))
    distances = [np.abs(row[:size] - greedy[:size]).mean() for row in far]
    assert 0 < distances[0] < distances[1] < distances[2]
    assert not np.array_equal(far[2], first(1.0, 2))
    assert spread(1.0) < spread(1.5) < spread(2.5)


def test_above_one_the_dropout_keeps_its_mean_and_deviates_more(adapter):
    config, rows = adapter.module.config, 64
    ids, device = [str(row) for row in range(rows)], torch.device("cpu")
    ones = torch.ones(rows, 1, config.speech_decoder_prenet_units)

    def factors(temperature):
        params = SamplingParams(temperature=temperature)
        return Masks(config, ids, [0] * rows, params, device).next()(ones, 0)

    published, strong = factors(1.0), factors(2.0)
    assert set(published.unique().tolist()) == {0.0, 2.0}
    assert set(strong.unique().tolist()) == {-1.0, 3.0}
    torch.testing.assert_close(strong - 1, 2 * (published - 1))


def test_greedy_draws_differ_by_text_not_by_batch(adapter, clips):
    (one,), (two,) = frames(adapter, clips("one", "two"), 1, evolve(GREEDY, max_new_tokens=4))
    assert not np.array_equal(one[:4], two[:4])


@pytest.mark.parametrize(
    ("params", "most"),
    [
        (SamplingParams(max_new_tokens=3), 3),
        (SamplingParams(max_tokens_per_second=7), 7 * 7 // 14 + 8),
        (SamplingParams(), 8 * 20 // FACTOR),  # "▁one▁two" with its end are nine tokens
    ],
)
def test_a_limit_ends_it_and_says_so(load, small, clips, params, most):
    adapter = load(small)
    adapter.module.speech_decoder_postnet.prob_out.bias.data.fill_(-50.0)
    ((hypothesis,),) = adapter.sample(adapter.prepare(clips("one two")), 1, params)
    steps = len(hypothesis.features) // FACTOR
    assert hypothesis.cut
    assert steps in (most, most + 20 // FACTOR)
    assert len(hypothesis.audio) == len(hypothesis.features) * HOP


def test_it_ends_by_itself_and_never_at_once(load, small, clips):
    adapter = load(small)
    adapter.module.speech_decoder_postnet.prob_out.bias.data.fill_(50.0)
    ((hypothesis,),) = adapter.sample(adapter.prepare(clips("turn the valve")), 1, SHORT)
    assert not hypothesis.cut
    assert len(hypothesis.features) >= len("turn the valve")


def test_numbers_that_are_none_are_named(load, small, clips):
    adapter = load(small)
    adapter.module.speech_decoder_postnet.feat_out.bias.data.fill_(torch.nan)
    with pytest.raises(TrainingError, match="three"):
        adapter.sample(adapter.prepare(clips("three")), 1, SHORT)


@pytest.mark.parametrize("text", ["", "  ", None, "a" * 250])
def test_what_cannot_be_spoken_is_named_and_left_out(adapter, clips, text):
    (clip,) = clips("one", where="texts.jsonl:7")
    clip = evolve(clip, sample=evolve(clip.sample, reference=text))
    with pytest.raises(AudioError, match=r"texts\.jsonl:7.* tokens, and the model speaks 1 to 200"):
        adapter.prepare([clip])
    skips = SkipLog()
    (batch,) = ClipLoader(adapter, skips).batches(
        [[clip.sample, AudioSample("b", reference="two")]]
    )
    assert [clip.sample.id for clip in batch.clips] == ["b"]
    ((_, problem),) = skips.problems.items()
    assert problem.reason.startswith("its text has ")
