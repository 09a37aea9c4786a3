"""Length limits: of the call, of the checkpoint, and by the seconds of a clip."""

from math import ceil

import pytest
from attrs import evolve

from audioforge.model import GREEDY, SamplingParams
from audioforge.sample import Clip
from audioforge_whisper.adapter import EXTRA_TOKENS


@pytest.fixture(scope="module")
def endless(untrained, plain, tmp_path_factory):
    """A Whisper that never ends a transcript by itself."""
    folder = tmp_path_factory.mktemp("endless")
    model = plain(untrained("english"))
    config = model.generation_config
    config.suppress_tokens = [config.eos_token_id]
    for source in untrained("english").iterdir():
        (folder / source.name).write_bytes(source.read_bytes())
    config.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def lengthy(noise_clips):
    """Clips of half a second to two seconds."""
    return [
        Clip(clip.sample, clip.waveform[: 8_000 * (i + 1)], 16_000)
        for i, clip in enumerate(noise_clips(4, seconds=2))
    ]


@pytest.mark.parametrize("rate", [2, 4.5, 100])
@pytest.mark.parametrize("params", [GREEDY, SamplingParams()])
def test_a_loop_ends_by_the_seconds_of_its_clip(load, endless, lengthy, rate, params):
    adapter = load(endless)
    k, batch = (1 if params is GREEDY else 3), adapter.prepare(lengthy)
    free = adapter.sample(batch, k, params)
    room = 40 - 2  # positions of the decoder, without the prompt
    assert {h.tokens for row in free for h in row} == {room}
    cut = adapter.sample(batch, k, evolve(params, max_tokens_per_second=rate))
    for clip, row, whole in zip(lengthy, cut, free, strict=True):
        limit = min(ceil(clip.seconds * rate) + EXTRA_TOKENS, room)
        for hypothesis, long in zip(row, whole, strict=True):
            assert (hypothesis.tokens, hypothesis.cut, long.cut) == (limit, True, True)
            assert long.text.startswith(hypothesis.text)
            assert hypothesis.logprob >= long.logprob


def test_the_smallest_limit_counts(load, endless, lengthy):
    adapter = load(endless)
    batch = adapter.prepare(lengthy)
    params = SamplingParams(max_new_tokens=18, max_tokens_per_second=2)
    assert [row[0].tokens for row in adapter.sample(batch, 2, params)] == [17, 18, 18, 18]


def test_who_ends_by_itself_is_not_cut(nano, digit_clips):
    """Not even where the end token is the last that the limit allows."""
    batch = nano.prepare(digit_clips(20))
    free = nano.sample(batch, 4, SamplingParams())
    longest = max(h.tokens for row in free for h in row)
    assert not any(h.cut for row in free for h in row)
    again = nano.sample(batch, 4, SamplingParams(max_new_tokens=longest))
    assert [[str(h) for h in row] for row in again] == [[str(h) for h in row] for row in free]
    shorter = nano.sample(batch, 4, SamplingParams(max_new_tokens=longest - 1))
    for row, uncut in zip(shorter, free, strict=True):
        for hypothesis, whole in zip(row, uncut, strict=True):
            assert hypothesis.cut == (whole.tokens == longest)
            assert hypothesis.tokens == min(whole.tokens, longest - 1)


def test_rows_of_other_limits_change_nothing(load, endless, nano, lengthy, digit_clips):
    """A clip says what it says alone, whatever else is in the batch and when that leaves."""
    for adapter, clips in ((load(endless), lengthy), (nano, digit_clips(8))):
        params = SamplingParams(max_tokens_per_second=3)
        together = adapter.sample(adapter.prepare(clips), 3, params)
        for clip, row in zip(clips, together, strict=True):
            [alone] = adapter.sample(adapter.prepare([clip]), 3, params)
            assert [(h.text, h.tokens, h.cut) for h in alone] == [
                (h.text, h.tokens, h.cut) for h in row
            ]
            for one, other in zip(alone, row, strict=True):
                assert one.logprob == pytest.approx(other.logprob, abs=1e-4)
