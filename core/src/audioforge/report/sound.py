"""Sound of utterances: in the page for a few, a link to its file for the others."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import soundfile

from audioforge.audio import load_clip
from audioforge.errors import AudioForgeError
from audioforge.report.compared import Compared
from audioforge.report.record import Line
from audioforge.sample import AudioSample

RATE = 16_000
"""Sampling rate of embedded sound, in Hz: what most models hear."""
MOST_BYTES = 3_000_000
"""Embedded sound of a page, before it is written as text, which takes a third more."""
MOST_SECONDS = 30.0
"""Longest clip that is embedded."""
EACH = 6
"""Clips of a kind that are embedded: most improved, most harmed, run-away."""


def embedded(rows: Sequence[Compared]) -> dict[str, str]:
    """Return the sound of a small sample as data URIs, by id.

    Args:
        rows: The utterances.
    """
    found: dict[str, str] = {}
    room = MOST_BYTES
    for row in _sample(rows):
        sound = _flac(row.line)
        if sound is not None and len(sound) <= room:
            room -= len(sound)
            text = base64.b64encode(sound).decode()
            found[str(row.line["id"])] = f"data:audio/flac;base64,{text}"
    return found


def link(root: Path, line: Line) -> str | None:
    """Return where a browser finds the file of a clip; None of a clip without a file of its own.

    Args:
        root: The run folder, in which the page stands.
        line: The clip's line.
    """
    path = line.get("audio_filepath")
    if not isinstance(path, str) or not Path(path).is_absolute():
        return None
    begin = line.get("offset")
    part = "" if begin is None else f"#t={begin},{begin + line.get('duration', 0)}"
    try:
        inside = Path(path).relative_to(root)
    except ValueError:
        return "file://" + quote(path, errors="surrogateescape") + part
    return quote(inside.as_posix(), errors="surrogateescape") + part


def _sample(rows: Sequence[Compared]) -> list[Compared]:
    """Return the most improved, the most harmed, what runs away, and then the first ones."""
    gains = sorted(
        (row for row in rows if row.gain), key=lambda row: (-(row.gain or 0), str(row.line["id"]))
    )
    improved = [row for row in gains if (row.gain or 0) > 0][:EACH]
    harmed = [row for row in reversed(gains) if (row.gain or 0) < 0][:EACH]
    runaway = [row for row in rows if row.runs_away][:EACH]
    chosen = [*improved, *harmed, *runaway, *rows[:EACH]]
    return list({str(row.line["id"]): row for row in chosen}.values())


def _flac(line: Line) -> bytes | None:
    path = line.get("audio_filepath")
    if not isinstance(path, str) or not Path(path).is_absolute():
        return None
    offset = line.get("offset")
    sample = AudioSample(
        str(line["id"]),
        Path(path),
        offset=offset,
        duration=None if offset is None else line.get("duration"),
        channels=tuple(line.get("channel", ())),
    )
    try:
        clip = load_clip(sample, RATE, max_seconds=MOST_SECONDS)
    except (AudioForgeError, OSError):  # moved, or gone: the page is made without it
        return None
    file = io.BytesIO()
    soundfile.write(file, clip.waveform, RATE, format="FLAC", subtype="PCM_16")
    return file.getvalue()
