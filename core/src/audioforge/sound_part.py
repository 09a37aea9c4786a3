"""Which part of a sound a row means: from where to where, and which of its channels."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Mapping, Sequence, Set
from functools import lru_cache
from typing import Any

from attrs import evolve, frozen

OFFSET = "offset"
START = (OFFSET, "start", "start_time", "begin", "begin_time")
END = ("end", "end_time")
DURATION = "duration"
CHANNEL = ("channel", "channel_selector")
"""Names of columns and keys. Times are seconds; channels are numbered from 0."""

ROUNDING_SECONDS = 0.05
"""By how much two statements of one time may differ: each may be rounded to a tenth."""

DIGITS = 9
"""Decimals of a difference of two times: 3.3825 - 1.81125 is 1.57125."""

SIDES = {"left": 0, "right": 1, "a": 0, "b": 1}
"""Channels that have names; those of a telephone call have letters."""

ALL = ("average", "mean")


class SoundPartError(Exception):
    """A row that does not say which part of its sound it means.

    Args:
        kind: A short class of problems to count by.
        reason: What is wrong, and what to do where that is not plain.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@frozen
class SoundPart:
    """A part of a sound.

    Attributes:
        offset: Its start in seconds; None where it is the whole sound.
        duration: Its length in seconds. Without an offset it is only what the row states of the
            whole sound; with one, None means up to the end.
        channels: Of which channels it is the mean; empty for all.
        keys: The row's keys that say so, as it spells them.
    """

    offset: float | None = None
    duration: float | None = None
    channels: tuple[int, ...] = ()
    keys: Set[str] = frozenset()

    @property
    def name(self) -> str:
        """What tells it from other parts of its sound; empty of the whole.

        >>> SoundPart(1.5, 2.0, channels=(1,)).name, SoundPart(0.0, 2.0).name
        (':1@1.5', '')
        """
        side = ":" + "+".join(map(str, self.channels)) if self.channels else ""
        return side + (f"@{self.offset!r}" if self.offset else "")

    def of(self, length: float) -> SoundPart:
        """Return this part of a sound that a row holds itself, and that may be cut out already.

        One that is as long as the part is that part: its times are those of what it was cut from.

        Args:
            length: Of the sound that the row holds, in seconds.
        """
        if not self.offset or self.duration is None:
            return self
        if abs(length - self.duration) > ROUNDING_SECONDS:
            return self
        kept = frozenset(k for k in self.keys if usual_name(k) not in {*START, *END})
        return SoundPart(None, self.duration, self.channels, kept)


_NAMES = frozenset((*START, *END, DURATION, *CHANNEL))
_WHOLE = SoundPart()

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_TIME_LIKE = re.compile(
    r"(start|end|begin|onset|offset|stop)(time|s|ms|secs?|seconds?|samples?|frames?)?"
)
"""A first or last word of a name that promises where a part starts or ends."""


def usual_name(name: str) -> str:
    """Return how a name is usually spelt: in small letters, with underscores for blanks.

    >>> usual_name("Start Time")
    'start_time'
    """
    return name.casefold().replace(" ", "_")


def sound_part(row: Mapping[Any, Any]) -> SoundPart:
    """Return which part of its sound a row means.

    Args:
        row: Values by column, in any capitals; one that is None or an empty text is not there.

    Raises:
        SoundPartError: If the part cannot be, two keys state different ones, or a key looks like
            a time of it under a name that is not read.
    """
    spelt, time_like = _keys(tuple(row))
    if not (spelt or time_like):  # as most of a million rows are
        return _WHOLE
    part = _stated({name: row[key] for name, key in spelt.items()})
    if part.offset is None or part.duration is None:
        _refuse_unread(row, time_like)
    return evolve(part, keys=frozenset(spelt[name] for name in part.keys))


@lru_cache(maxsize=256)
def _keys(keys: tuple[Hashable, ...]) -> tuple[Mapping[str, Any], Sequence[str]]:
    """Return which keys have a meaning, by their usual names, and which only look so."""
    spelt = {key: key for key in keys if key in _NAMES}
    time_like = []
    for key in keys:
        if not isinstance(key, str) or key in spelt:
            continue
        if (name := usual_name(key)) in _NAMES:
            spelt.setdefault(name, key)
            continue
        words = [word.lower() for word in _WORDS.findall(key)]
        if words and any(_TIME_LIKE.fullmatch(word) for word in (words[0], words[-1])):
            time_like.append(key)
    return spelt, time_like


def _refuse_unread(row: Mapping[Any, Any], time_like: Sequence[str]) -> None:
    """Refuse a number under a name that promises a time of the part and is not read.

    Raises:
        SoundPartError: Naming the names that are.
    """
    for key in time_like:
        if seconds(row[key]) is not None:
            raise SoundPartError(
                "unread time",
                f"{key!r} looks like where a part of the sound starts or ends, and is not read: "
                f"seconds are, as {', '.join(START)} and {', '.join(END)} or {DURATION}. Write "
                "those, or rename it where it is no such time",
            )


def _stated(row: Mapping[str, Any]) -> SoundPart:
    """Return the part that values under their usual names state.

    Raises:
        SoundPartError: If it cannot be, or two keys state different ones.
    """
    channel_keys, channels = _channels(row)
    times = row.keys() - {*CHANNEL}
    start = _time(row, START, "bad offset")
    duration = seconds(row.get(DURATION))
    if duration is not None and duration <= 0:
        duration = None
    if start is None:
        ends = [key for key in END if seconds(row.get(key)) is not None]
        if ends:
            raise SoundPartError(
                "bad segment",
                f"{ends[0]!r} says where a part of the sound ends, and nothing where it starts: "
                f"add {START[1]!r}, or rename it where it is no time in this file",
            )
        return SoundPart(None, duration, channels, frozenset({*times - {*END}, *channel_keys}))
    if duration is None and _is_there(row.get(DURATION)):
        raise SoundPartError(
            "bad duration", f"{DURATION!r} must be seconds above 0, not {row[DURATION]!r:.60}"
        )
    length = _length(start, _time(row, END, "bad segment"), duration)
    return SoundPart(start[1], length, channels, frozenset(times | channel_keys))


def seconds(value: Any) -> float | None:
    """Return a number of seconds, or None for what is no finite number.

    >>> seconds("2.5"), seconds(3), seconds("long"), seconds(float("nan")), seconds(True)
    (2.5, 3.0, None, None, None)
    """
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _time(row: Mapping[Any, Any], names: Sequence[str], kind: str) -> tuple[str, float] | None:
    """Return the time that some of several keys state, and the first that does; None if none does.

    Raises:
        SoundPartError: If it is no time, or two of them state different ones.
    """
    found: list[tuple[str, float]] = []
    for key in names:
        if not _is_there(row.get(key)):
            continue
        time = seconds(row[key])
        if time is None or time < 0:
            raise SoundPartError(kind, f"{key!r} must be seconds from 0 up, not {row[key]!r:.60}")
        found.append((key, time))
    for key, time in found[1:]:
        if abs(time - found[0][1]) > ROUNDING_SECONDS:
            raise SoundPartError(
                "bad segment",
                f"{found[0][0]!r} says {found[0][1]:g} s and {key!r} {time:g} s; keep one of them",
            )
    return found[0] if found else None


def _length(
    start: tuple[str, float], end: tuple[str, float] | None, duration: float | None
) -> float | None:
    """Return the length in seconds of a part; None for the rest of the sound.

    Raises:
        SoundPartError: If the part ends before it starts, or its ends contradict each other or are
            not stated.
    """
    if end is None:
        if duration is None and start[0] != OFFSET:
            raise SoundPartError(
                "bad segment",
                f"{start[0]!r} says where a part of the sound starts, and nothing where it ends: "
                f"add {END[0]!r} or {DURATION!r}, or rename it where it is no time in this file",
            )
        return duration
    if end[1] <= start[1]:
        raise SoundPartError(
            "bad segment", f"{end[0]!r} ({end[1]:g} s) is not after {start[0]!r} ({start[1]:g} s)"
        )
    length = round(end[1] - start[1], DIGITS)
    if duration is not None and abs(duration - length) > ROUNDING_SECONDS:
        raise SoundPartError(
            "bad segment",
            f"from {start[0]!r} to {end[0]!r} it is {length:g} s, and {DURATION!r} says "
            f"{duration:g} s; keep one of them",
        )
    return length


def _channels(row: Mapping[Any, Any]) -> tuple[set[str], tuple[int, ...]]:
    """Return which keys choose channels, and the channels.

    A text that names no channel, as that of a broadcaster, chooses none.

    Raises:
        SoundPartError: If it is no number from 0, or two keys choose different ones.
    """
    found: dict[str, tuple[int, ...]] = {}
    for key in CHANNEL:
        value = _plain(row.get(key))
        if isinstance(value, str):
            value = _named_channel(value.strip().lower())
        if value is None:
            continue
        members = [_plain(v) for v in value] if isinstance(value, list | tuple) else [value]
        numbers = [int(v) if isinstance(v, float) and v.is_integer() else v for v in members]
        if any(isinstance(v, bool) or not isinstance(v, int) or v < 0 for v in numbers):
            raise SoundPartError(
                "bad channel",
                f"{key!r} must be the number of a channel from 0 up, or a list of such, not "
                f"{row[key]!r:.60}",
            )
        found[key] = tuple(sorted(set(numbers)))
    if len(set(found.values())) > 1:
        raise SoundPartError(
            "bad channel", f"{' and '.join(map(repr, found))} choose different channels"
        )
    return set(found), next(iter(found.values()), ())


def _named_channel(text: str) -> Any:
    """Return what a text says of channels; None where it says nothing."""
    if text in ALL:
        return []
    number = seconds(text)
    return SIDES.get(text) if number is None else number


def _plain(value: Any) -> Any:
    """Return a number of NumPy or pandas, or an array of them, as Python has it."""
    return value.tolist() if hasattr(value, "tolist") else value


def _is_there(value: Any) -> bool:
    return value is not None and value != ""
