"""Long recordings: chunks that overlap, and a path of frames as segments and words with times.

The chunks and their strides are those of Transformers' pipeline with `chunk_length_s=30`: of a
chunk's frames those near its ends, which lack the context of one side, are taken from its
neighbour. The times are those of the path: a word lasts from its first letter's first frame to its
last letter's last one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from attrs import frozen

from audioforge.sample import Clip
from audioforge.transcript import Segment, TranscriptionOptions, WordTime
from audioforge_wav2vec.vocabulary import Vocabulary

CHUNK_SECONDS = 30.0
STRIDE_SECONDS = CHUNK_SECONDS / 6
PAUSE_SECONDS = 0.5
"""From which on a segment ends before it."""
MOST_CHARACTERS = 84
"""Of a segment, but for its last word: two lines of a subtitle."""


@frozen(eq=False)
class Chunk:
    """A part of a recording with context around it.

    Attributes:
        clip: The part.
        first: The first of its frames that counts.
        last: The frame after the last one that counts; None for the end.
    """

    clip: Clip
    first: int
    last: int | None


@frozen
class Letter:
    """A token of the path, with the frames that it lasts."""

    token: int
    start: int
    end: int


def chunks(clip: Clip, whole_seconds: float, seconds_per_frame: float) -> Iterator[Chunk]:
    """Yield the chunks of a recording; all of it where it is not over `whole_seconds`."""
    rate, waveform = clip.sampling_rate, clip.waveform
    if clip.seconds <= whole_seconds:
        yield Chunk(clip, 0, None)
        return
    hop = round(seconds_per_frame * rate)
    size, stride = round(CHUNK_SECONDS * rate / hop), round(STRIDE_SECONDS * rate / hop)
    for start in range(0, len(waveform), (size - 2 * stride) * hop):
        end = start + size * hop
        is_last = end >= len(waveform)
        first = stride if start else 0
        part = Clip(clip.sample, waveform[start:end], rate)
        yield Chunk(part, first, None if is_last else size - stride)
        if is_last:
            return


def segments(
    path: Sequence[int],
    vocabulary: Vocabulary,
    seconds_per_frame: float,
    options: TranscriptionOptions,
) -> list[Segment]:
    """Return what a path says, parted at pauses and where a segment grows long.

    Args:
        path: The likeliest token of each frame.
        vocabulary: The model's.
        seconds_per_frame: How long a frame lasts.
        options: Whether words have times.
    """
    parts: list[list[list[Letter]]] = []
    pause = PAUSE_SECONDS / seconds_per_frame
    for word in _words(path, vocabulary):
        said = parts[-1] if parts else []
        is_long = sum(len(letters) + 1 for letters in said) > MOST_CHARACTERS
        if not said or is_long or word[0].start - said[-1][-1].end >= pause:
            parts.append([])
        parts[-1].append(word)
    return [_segment(words, vocabulary, seconds_per_frame, options) for words in parts]


def _words(path: Sequence[int], vocabulary: Vocabulary) -> Iterator[list[Letter]]:
    """Yield the letters of each word; without a delimiter every letter is one."""
    word: list[Letter] = []
    frame = 0
    for token, run in groupby(path):
        start, frame = frame, frame + len(list(run))
        ends_word = token == vocabulary.delimiter or vocabulary.delimiter is None
        if ends_word and word:
            yield word
            word = []
        if token not in (vocabulary.blank, vocabulary.delimiter):
            word.append(Letter(token, start, frame))
    if word:
        yield word


def _segment(
    words: Sequence[Sequence[Letter]],
    vocabulary: Vocabulary,
    seconds_per_frame: float,
    options: TranscriptionOptions,
) -> Segment:
    between = [] if vocabulary.delimiter is None else [vocabulary.delimiter]
    tokens = [t for word in words for t in [*between, *(letter.token for letter in word)]]
    times = tuple(
        WordTime(
            vocabulary.text([letter.token for letter in word]),
            word[0].start * seconds_per_frame,
            word[-1].end * seconds_per_frame,
        )
        for word in words
        if options.word_times
    )
    return Segment(
        vocabulary.text(tokens[len(between) :]),
        words[0][0].start * seconds_per_frame,
        words[-1][-1].end * seconds_per_frame,
        times,
    )
