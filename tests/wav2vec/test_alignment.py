"""Word times, through torchaudio where it is installed."""

import importlib.util
import math
import sys

import pytest
import torch

from audioforge.errors import ConfigError
from audioforge.model import GREEDY
from audioforge.sample import Hypothesis

needs_torchaudio = pytest.mark.skipif(
    importlib.util.find_spec("torchaudio") is None,
    reason="needs torchaudio, the extra audioforge-wav2vec[align]",
)


def times(adapter, clips, texts):
    hypotheses = [Hypothesis(text=text) for text in texts]
    return adapter.word_times(adapter.prepare(clips), hypotheses)


def test_without_torchaudio(nano, digit_clips, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchaudio", None)
    monkeypatch.setitem(sys.modules, "torchaudio.functional", None)
    with pytest.raises(ConfigError, match=r"pip install 'audioforge-wav2vec\[align\]'.*doctor"):
        times(nano, digit_clips(1), ["ONE"])


@needs_torchaudio
def test_words_in_order_within_the_clip(nano, digit_clips):
    clips = digit_clips(6)
    texts = [clip.sample.reference for clip in clips]
    for clip, text, row in zip(clips, texts, times(nano, clips, texts), strict=True):
        assert [t.word for t in row] == text.split()
        edges = [edge for t in row for edge in (t.start, t.end)]
        assert edges == sorted(edges)
        assert all(t.start < t.end for t in row)
        assert edges[0] >= 0
        assert edges[-1] <= clip.seconds


@needs_torchaudio
def test_greedy_words_stand_where_transformers_puts_them(nano, nano_folder, digit_clips, plain):
    """The most likely path of the greedy text is the greedy path, whose words it can tell."""
    _, processor = plain(nano_folder)
    compared = 0
    for clip in digit_clips(8):
        batch = nano.prepare([clip])
        [[greedy]] = nano.sample(batch, 1, GREEDY)
        with torch.no_grad():
            best = nano.module(**batch.inputs).logits[0].argmax(-1)
        told = processor.decode(best, output_word_offsets=True).word_offsets
        if "  " in greedy.text or len(greedy.text) != greedy.tokens:
            continue  # a word delimiter more than the text shows
        [row] = nano.word_times(batch, [greedy])
        assert [t.word for t in row] == [word["word"] for word in told]
        for ours, theirs in zip(row, told, strict=True):
            assert ours.start == pytest.approx(0.02 * theirs["start_offset"])
            assert ours.end == pytest.approx(0.02 * theirs["end_offset"])
            compared += 1
    assert compared > 5


@needs_torchaudio
def test_batches_and_words_that_cannot_be_aligned(nano, digit_clips, noise_clip):
    clips = digit_clips(3)
    rows = times(nano, clips, ["one — two", "", "5"])
    assert [t.word for t in rows[0]] == ["one", "two"]
    assert rows[1:] == [[], []]
    assert times(nano, [noise_clip(400 + 3 * 320)], ["FAR TOO LONG"]) == [[]]
    assert all(math.isfinite(t.end) for t in rows[0])
