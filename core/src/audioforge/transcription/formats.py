"""Transcripts as text, as subtitles (SubRip, WebVTT) and as JSON."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from audioforge.transcript import Segment
from audioforge.transcription.recording import joined


def as_text(segments: Sequence[Segment]) -> str:
    r"""Return what was said as one line.

    >>> as_text([Segment("Good morning.", 0, 1.5), Segment("Sit down.", 2, 3)])
    'Good morning. Sit down.\n'
    """
    return _line(joined(segments)) + "\n"


def as_srt(segments: Sequence[Segment]) -> str:
    """Return SubRip subtitles: numbered, with a comma before the milliseconds.

    >>> print(as_srt([Segment("Good morning.", 0, 3661.5)]), end="")
    1
    00:00:00,000 --> 01:01:01,500
    Good morning.
    """
    cues = [
        f"{number}\n{_time(s.start, ',')} --> {_time(s.end, ',')}\n{_line(s.text, '->')}\n"
        for number, s in enumerate(segments, 1)
    ]
    return "\n".join(cues)


def as_vtt(segments: Sequence[Segment]) -> str:
    """Return WebVTT subtitles; `<`, `>` and `&` of the text are escaped, as the format wants.

    >>> print(as_vtt([Segment("Q & A", 0.25, 1)]), end="")
    WEBVTT
    <BLANKLINE>
    00:00:00.250 --> 00:00:01.000
    Q &amp; A
    """
    cues = [
        f"{_time(s.start, '.')} --> {_time(s.end, '.')}\n{_escaped(s.text)}\n" for s in segments
    ]
    return "\n".join(["WEBVTT\n", *cues])


def as_json(path: str, seconds: float, segments: Sequence[Segment]) -> str:
    """Return one line of JSON: `audio_filepath`, `duration`, `text`, and `segments` with times.

    The first three are a line of a manifest. Of a segment `words` is there where they have times.
    """
    record = {
        "audio_filepath": path,
        "duration": round(seconds, 3),
        "text": joined(segments),
        "segments": [_record(segment) for segment in segments],
    }
    text = json.dumps(record, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n"


def _record(segment: Segment) -> dict[str, Any]:
    record = attrs.asdict(segment) | _times(segment.start, segment.end)
    del record["words"]
    if segment.words:
        record["words"] = [{"word": w.word, **_times(w.start, w.end)} for w in segment.words]
    return record


def _times(start: float, end: float) -> dict[str, float]:
    return {"start": round(start, 3), "end": round(end, 3)}


def _time(seconds: float, point: str) -> str:
    """Return hours, minutes, seconds and milliseconds."""
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}{point}{thousandths:03}"


def _escaped(text: str) -> str:
    return html.escape(_line(text), quote=False)


def _line(text: str, arrow: str = "-->") -> str:
    """Return a text as one line: an empty line ends a subtitle, and an arrow begins one."""
    return " ".join(text.split()).replace("-->", arrow)


WITH_CUES: dict[str, Callable[[Sequence[Segment]], str]] = {"srt": as_srt, "vtt": as_vtt}
FORMATS = ("text", *WITH_CUES, "json")
SUFFIX_OF = {"text": ".txt", "srt": ".srt", "vtt": ".vtt", "json": ".json"}


def written(format_name: str, path: str, seconds: float, segments: Sequence[Segment]) -> str:
    """Return a transcript in one of `FORMATS`, with a line end."""
    if format_name == "json":
        return as_json(path, seconds, segments)
    return WITH_CUES.get(format_name, as_text)(segments)
