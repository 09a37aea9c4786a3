"""Transcribing files one after the other; one that cannot be used does not stop the others."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from attrs import frozen

from audioforge.audio import load_clip
from audioforge.errors import AudioError, TrainingError
from audioforge.model import ModelAdapter
from audioforge.remote.fetch import FetchError
from audioforge.sample import AudioSample
from audioforge.transcript import Segment, TranscriptionOptions
from audioforge.transcription.recording import transcribe
from audioforge.transcription.sources import Recording


@frozen
class Transcript:
    """What became of one file.

    Attributes:
        recording: The file.
        segments: What was said.
        seconds: Length of the recording.
        taken: How long it took to decode and transcribe it, in seconds.
        problem: Why it could not be transcribed; None where it was.
    """

    recording: Recording
    segments: tuple[Segment, ...] = ()
    seconds: float = 0.0
    taken: float = 0.0
    problem: str | None = None


def transcribe_files(
    adapter: ModelAdapter, recordings: Sequence[Recording], options: TranscriptionOptions
) -> Iterator[Transcript]:
    """Yield what became of each file, as soon as it is known.

    Raises:
        ConfigError: If words are to have times, and the model cannot tell.
        DatasetError: If nothing can be fetched from where a recording lies.
    """
    for recording in recordings:
        began = time.monotonic()
        try:
            # The name, not the whole path, keys what fallback draws: a folder may be moved.
            sample = AudioSample(recording.name, recording.file())
            clip = load_clip(sample, adapter.sampling_rate, min_seconds=adapter.min_seconds)
            segments = transcribe(adapter, clip, options)
        except FetchError as error:
            yield Transcript(recording, problem=str(error))
        except (AudioError, TrainingError) as error:
            source = f"{recording.shown}: " if recording.is_elsewhere else ""
            yield Transcript(recording, problem=f"{source}{error}")
        else:
            taken = time.monotonic() - began
            yield Transcript(recording, tuple(segments), clip.seconds, taken)
