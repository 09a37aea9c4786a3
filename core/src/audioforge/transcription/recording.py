"""Transcribing one recording of any length: by the model's own way, or window by window.

A recording that fits the model's window, of which nobody asks for times, is decoded as it is
measured. A longer one goes to the adapter. Where that has no way of its own, the recording is cut
at the quietest place in the last half of each window, so that few words are cut in two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from attrs import evolve

from audioforge.huggingface.evaluating import evaluating
from audioforge.inference.fallback import decode_with_fallback
from audioforge.isolation.copies import copies_for_adapter, copy_for_adapter
from audioforge.isolation.global_state.restored import global_state_restored
from audioforge.model import GREEDY, ModelAdapter
from audioforge.sample import Clip
from audioforge.transcript import Segment, TranscriptionOptions

WINDOWS_AT_ONCE = 8
QUIET_SECONDS = 0.02
"""Length of the parts whose loudness is compared to find where to cut."""


def transcribe(adapter: ModelAdapter, clip: Clip, options: TranscriptionOptions) -> list[Segment]:
    """Transcribe a recording.

    Args:
        adapter: A model that transcribes.
        clip: The recording, of any length.
        options: What is asked for.

    Returns:
        Segments in their order; those without any text are left out. None begins before the one
        before it ends, nor does a word, and words lie within their segment.

    Raises:
        ConfigError: If words are to have times, and the model cannot tell.
    """
    with global_state_restored("transcription", clip.sample.id), evaluating(adapter.module):
        segments = None
        too_long = adapter.max_seconds is not None and clip.seconds > adapter.max_seconds
        if too_long or options.segment_times or options.word_times:
            segments = adapter.transcribe(copy_for_adapter(clip), options)
        if segments is None:
            segments = list(_by_windows(adapter, clip, options))
    return [segment for segment in _in_order(segments, clip.seconds) if segment.text]


def _in_order(segments: Iterable[Segment], seconds: float) -> Iterator[Segment]:
    """Yield segments whose times, and those of their words, never go back nor past the end.

    Attention, which Whisper's word times follow, may stray into the silence after a segment.
    """
    at = 0.0
    for segment in segments:
        start, end = _between(segment.start, segment.end, at, seconds)
        at, words = start, []
        for word in segment.words:
            since, at = _between(word.start, word.end, at, end)
            words.append(evolve(word, start=since, end=at))
        at = end
        yield evolve(segment, start=start, end=end, words=tuple(words))


def _between(start: float, end: float, first: float, last: float) -> tuple[float, float]:
    start = min(max(start, first), last)
    return start, min(max(end, start), last)


def _by_windows(
    adapter: ModelAdapter, clip: Clip, options: TranscriptionOptions
) -> Iterator[Segment]:
    windows = list(cut_where_quiet(clip, adapter.max_seconds, adapter.min_seconds))
    for at in range(0, len(windows), WINDOWS_AT_ONCE):
        group = windows[at : at + WINDOWS_AT_ONCE]
        batch = adapter.prepare(copies_for_adapter([window for _, window in group]))
        if options.temperature_fallback:
            drawn = decode_with_fallback(adapter, batch, GREEDY)
        else:
            drawn = adapter.sample(batch, 1, GREEDY)
        said = [hypotheses[0] for hypotheses in drawn]
        words = adapter.word_times(batch, said) if options.word_times else [[] for _ in said]
        for (start, window), hypothesis, times in zip(group, said, words, strict=True):
            yield Segment(
                (hypothesis.text or "").strip(),
                start,
                start + window.seconds,
                tuple(evolve(w, start=w.start + start, end=w.end + start) for w in times),
            )


def cut_where_quiet(
    clip: Clip, longest: float | None, shortest: float
) -> Iterator[tuple[float, Clip]]:
    """Yield the windows of a recording, each with its start in seconds.

    Args:
        clip: The recording.
        longest: The longest window in seconds; None where there is no limit.
        shortest: What is left at the end and shorter, in seconds, is left out.
    """
    rate, waveform = clip.sampling_rate, clip.waveform
    most = len(waveform) if longest is None else int(longest * rate)
    start = 0
    while start < len(waveform):
        end = len(waveform)
        if end - start > most:
            end = start + most // 2 + _quietest(waveform[start + most // 2 : start + most], rate)
        if start == 0 or end - start >= shortest * rate:
            # Each has an id of its own, which keys what fallback draws.
            part = evolve(clip.sample, id=f"{clip.sample.id}@{start}") if start else clip.sample
            yield start / rate, Clip(part, waveform[start:end], rate)
        start = end


def _quietest(waveform: np.ndarray, rate: int) -> int:
    """Return the middle of the quietest part of a waveform, in samples."""
    size = max(1, int(QUIET_SECONDS * rate))
    parts = waveform[: len(waveform) // size * size].reshape(-1, size)
    if not len(parts):
        return len(waveform)
    return int(np.square(parts).sum(axis=1).argmin()) * size + size // 2


def joined(segments: Sequence[Segment]) -> str:
    """Return what was said as one line."""
    return " ".join(segment.text for segment in segments)
