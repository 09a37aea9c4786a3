"""Which channel of its file an utterance of Kaldi is: of `segments`, or of its recording.

A fifth field of `segments` counts channels from 0, as `extract-segments` does.
`reco2file_and_channel` names the side of the call that a recording is, A or B (1 or 2). Where the
file holds that side alone, as after a command that picked it, the side is all of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import soundfile

SIDES = "reco2file_and_channel"

_SIDE = re.compile(r"[A-Z]|[1-9]\d?")


def stated_channel(fields: Sequence[str]) -> int | None:
    """Return the channel that the fields of a segment after its times state, if they do.

    Raises:
        ValueError: If they are something else.
    """
    if not fields:
        return None
    if len(fields) > 1 or not fields[0].isdecimal():
        raise ValueError(f"{' '.join(fields)!r:.40} is no number of a channel, from 0 up")
    return int(fields[0])


def channel_of_side(sides: Mapping[str, str], recording: str, path: str) -> int | None:
    """Return the channel that a recording is of its file, where the file has others too.

    Args:
        sides: File and side by recording.
        recording: Its name.
        path: Its file.

    Raises:
        ValueError: If what is stated is no side.
    """
    if recording not in sides:
        return None
    *file, side = sides[recording].split() or [""]
    if len(file) != 1 or not _SIDE.fullmatch(side):
        raise ValueError(f"{SIDES} has no file and side (A or B, 1 or 2) for it")
    channel = int(side) - 1 if side.isdecimal() else ord(side) - ord("A")
    return None if channel and _channels(path) == 1 else channel


@lru_cache
def _channels(path: str) -> int | None:
    """Return how many channels a file has; None where its header does not say."""
    try:
        return int(soundfile.info(path).channels)
    except (OSError, soundfile.SoundFileError):
        return None
