"""What a transcript with times is made of. No torch here: adapters and commands import it."""

from __future__ import annotations

from attrs import frozen


@frozen
class WordTime:
    """When a word was said.

    Attributes:
        word: As in the transcript.
        start: In seconds from the start of the clip.
        end: In seconds.
    """

    word: str
    start: float
    end: float


@frozen
class Segment:
    """What was said in a part of a recording: a sentence, or what stood between two pauses.

    Attributes:
        text: The transcript, stripped.
        start: In seconds from the start of the recording.
        end: In seconds.
        words: When its words were said; empty where nobody asked.
    """

    text: str
    start: float
    end: float
    words: tuple[WordTime, ...] = ()


@frozen
class TranscriptionOptions:
    """How a recording is transcribed.

    Attributes:
        segment_times: Cut what was said into segments that subtitles can show.
        word_times: Say when each word was said.
        temperature_fallback: Draw again what repeats itself or is unlikely.
    """

    segment_times: bool = False
    word_times: bool = False
    temperature_fallback: bool = False
