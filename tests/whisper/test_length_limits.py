"""What a length limit does with real transcripts and with a real model that repeats itself."""

import json
import math

import pytest
import soundfile
from attrs import evolve

from audioforge.audio import load_clip
from audioforge.languages.token_rates import most_tokens_per_second
from audioforge.model import GREEDY, LoadOptions
from audioforge.sample import AudioSample
from audioforge_whisper.adapter import EXTRA_TOKENS, WhisperAdapter

LOOP = "audio/069020006.flac"
"""Of the English of non-native speakers; tiny.en writes "I'm sorry" for the whole window."""
ENGLISH = most_tokens_per_second(["en"])


@pytest.fixture(scope="module")
def tiny(shared):
    return WhisperAdapter.load(str(shared / "models/whisper-tiny.en"), LoadOptions())


def test_no_transcript_of_the_recordings_would_be_cut(tiny, shared):
    longest = {}
    for manifest in sorted(shared.glob("data/*/*.jsonl")):
        if manifest.parent.name == "bad":
            continue
        rows = map(json.loads, manifest.read_text(encoding="utf-8").splitlines())
        for row in (row for row in rows if "audio_filepath" in row):
            path = manifest.parent / row["audio_filepath"]
            seconds = row.get("duration") or soundfile.info(path).duration
            tokens = len(tiny._tokenizer(f" {row.get('text', '')}")["input_ids"])
            longest[str(path)] = (tokens - EXTRA_TOKENS) / seconds
    assert len(longest) > 1500
    assert max(longest.values()) < ENGLISH / 3, "the default leaves room"


@pytest.mark.slow
def test_a_loop_ends_at_the_limit_of_its_clip_and_others_are_not_touched(tiny, shared):
    folder = shared / "data/nonnative"
    names = [LOOP, "audio/012280198.flac"]
    clips = [load_clip(AudioSample(name, folder / name), 16_000) for name in names]
    [loop], [other] = tiny.sample(
        tiny.prepare(clips), 1, evolve(GREEDY, max_tokens_per_second=ENGLISH)
    )
    assert loop.cut
    assert loop.tokens == math.ceil(clips[0].seconds * ENGLISH) + EXTRA_TOKENS
    assert loop.text.count("I'm sorry") > 5
    assert not other.cut
    free = tiny.sample(tiny.prepare(clips[1:]), 1, GREEDY)
    assert other.text == free[0][0].text
