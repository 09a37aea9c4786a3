"""One row of any format, a mapping of names to values, to one sample."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence, Set
from pathlib import Path, PureWindowsPath
from types import MappingProxyType
from typing import Any

from attrs import define, field

from audioforge.dataset import DatasetRequest
from audioforge.errors import DatasetError
from audioforge.files.addresses import is_address, joined
from audioforge.files.paths import is_folder
from audioforge.remote.fetch import FetchError, fetched
from audioforge.sample import Audio, AudioSample, Problem

from . import columns
from .ids import UniqueIds

Row = Mapping[str, Any]

NOTHING: Mapping[str, Any] = MappingProxyType({})
"""Metadata of a sample that has none; the same object for a million of them."""


class UnusableRowError(Exception):
    """A row of which no sample can be made."""

    def __init__(self, kind: str, reason: str) -> None:
        """Take the kind and the reason of the problem."""
        super().__init__(reason)
        self.kind = kind


@define
class RowReader:
    """Reads the rows of one dataset.

    An id that a row states is kept, and a second row that states it is a problem. Otherwise the id
    is the audio's path as written, with the offset of a segment; a further row of the same audio
    gets a number.

    Attributes:
        request: Names the columns where they are not the usual ones.
        folder: Where relative paths of audio start; None where there are no files to point to.
        class_names: Names of the classes, for label columns that hold their numbers.
        id_column: Column of the id, where it is not a usual one.
    """

    request: DatasetRequest
    folder: Path | None
    class_names: Mapping[str, Sequence[str]] = field(factory=dict)
    id_column: str | None = None
    _ids: UniqueIds = field(factory=UniqueIds, init=False)

    def __attrs_post_init__(self) -> None:
        """Refuse a folder for the sound that is not there.

        Raises:
            DatasetError: Naming the flag.
        """
        root = self.request.audio_root
        if root is not None and not is_address(root) and not is_folder(Path(root).expanduser()):
            raise DatasetError(
                f"{self.request.location}: --audio-root {root}: there is no such folder; it is "
                "where relative paths of sound start"
            )

    @property
    def root(self) -> Path | str | None:
        """Where relative paths of audio start: a folder or an address; None where nowhere."""
        root = self.request.audio_root
        if root is None or is_address(root):
            return root or self.folder
        return Path(root).expanduser()

    def read(self, row: Row, where: str, number: int) -> AudioSample | Problem:
        """Return the row's sample, or the problem that makes it unusable.

        Args:
            row: Values by column.
            where: The row's place, for messages.
            number: Number of the row, from 1: its id when it states none and its audio has no path.
        """
        try:
            return self._sample(row, where, number)
        except UnusableRowError as error:
            return Problem(where, str(error), error.kind)

    def _sample(self, row: Row, where: str, number: int) -> AudioSample:
        names = self._names(row)
        values = {kind: row[name] for kind, name in names.items()}
        audio, path = self._audio(values.get("audio"), row)
        offset, duration = segment(values.get("offset"), values.get("duration"))
        reference = _text(values.get("text"), names.get("text", ""))
        labels = self._labels(values.get("label"), names.get("label", ""))
        used = set(names.values())
        return AudioSample(
            id=self._id(values.get("id"), path or f"row-{number}", offset),
            audio=audio,
            reference=reference,
            labels=labels,
            speaker=_shared(_name(values.get("speaker"))),
            language=_shared(_name(values.get("language"))),
            offset=offset,
            duration=duration,
            metadata=_other(row, used),
            where=where,
        )

    def _names(self, row: Row) -> dict[str, str]:
        """Return which column holds what, for the columns that the row has."""
        wanted = {
            "audio": (self.request.audio_column,) if self.request.audio_column else columns.AUDIO,
            "text": (self.request.text_column,) if self.request.text_column else columns.TEXT,
            "label": (self.request.label_column,) if self.request.label_column else columns.LABEL,
            "speaker": (
                (self.request.speaker_column,) if self.request.speaker_column else columns.SPEAKER
            ),
            "language": columns.LANGUAGE,
            "id": (self.id_column,) if self.id_column else columns.ID,
            "offset": columns.OFFSET,
            "duration": columns.DURATION,
        }
        found = {kind: columns.first_present(names, row) for kind, names in wanted.items()}
        return {kind: name for kind, name in found.items() if name is not None}

    def _audio(self, value: Any, row: Row) -> tuple[Audio | None, str | None]:
        """Return the audio, and the path that the row gives it; None where none is needed."""
        if not (value or self.request.needs_audio):
            return None, None
        encoded, path = value, None
        if isinstance(value, Mapping):  # how Parquet and datasets hold a sound file
            encoded, path = value.get("bytes"), value.get("path") or None
        if isinstance(encoded, bytes) and encoded:
            # Only the name: the folder is the one where the writer of the data had the file.
            return encoded, PureWindowsPath(path).name if isinstance(path, str) else None
        path = value if isinstance(value, str) else path
        if not isinstance(path, str) or not path:
            keys = ", ".join(map(str, row)) or "none"
            expected = f"expected {columns.AUDIO[0]!r} or {columns.AUDIO[1]!r} among: {keys}"
            raise UnusableRowError("missing path", f"no path of a sound file ({expected})")
        if "\0" in _unicode(path, "path"):
            raise UnusableRowError("bad path", f"no file can be called {path!r:.60}")
        if is_address(path):
            return _fetched(path), path
        root = self.root
        if root is None:
            raise UnusableRowError(
                "missing audio",
                f"it names the file {path!r} and does not hold its sound; download the dataset and "
                "give its folder, or name that of the sound with --audio-root",
            )
        if isinstance(root, str) and not Path(path).is_absolute():
            return _fetched(joined(root, path)), path
        return Path(root) / path, path

    def _labels(self, value: Any, column: str) -> tuple[str, ...]:
        members = value if isinstance(value, list | tuple) else [value]
        names = self.class_names.get(column)
        return tuple(
            _label(member, names) for member in members if member is not None and member != ""
        )

    def _id(self, stated: Any, path: str, offset: float | None) -> str:
        given = _name(stated)
        if given is None:
            return self._ids.claim_numbered(f"{path}@{offset!r}" if offset else path)
        if not self._ids.claim(_unicode(given, "id")):
            raise UnusableRowError("duplicate id", f"the id {given!r} is taken by an earlier line")
        return given


def _fetched(address: str) -> Path:
    """Return the local copy of a sound at an address."""
    try:
        return fetched(address)
    except FetchError as error:
        raise UnusableRowError("not fetched", str(error)) from error


def seconds(value: Any) -> float | None:
    """Return a number of seconds, or None for what is no finite number.

    >>> seconds("2.5"), seconds(3), seconds("long"), seconds(float("nan")), seconds(True)
    (2.5, 3.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def segment(offset: Any, duration: Any) -> tuple[float | None, float | None]:
    """Return where a clip starts in its file and how long it is, in seconds.

    A duration that cannot be is dropped where it says nothing new (the clip is its whole file), and
    makes the row unusable where it says where the clip ends.

    Raises:
        UnusableRowError: If the segment cannot be cut out.
    """
    start = None
    if offset is not None and offset != "":
        start = seconds(offset)
        if start is None or start < 0:
            raise UnusableRowError(
                "bad offset", f"offset must be seconds from 0 up, not {offset!r}"
            )
    length = seconds(duration)
    if length is not None and length > 0:
        return start, length
    if start is not None and duration is not None and duration != "":
        raise UnusableRowError(
            "bad duration", f"duration must be seconds above 0, not {duration!r}"
        )
    return start, None


def _text(value: Any, column: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise UnusableRowError("bad text", f"{column!r} must be text, not {value!r:.60}")
    return _unicode(value, column)


def _label(value: Any, names: Sequence[str] | None) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise UnusableRowError("bad label", f"a label must be text or a number, not {value!r:.60}")
    if names is None or isinstance(value, str):
        return _unicode(str(value), "label")
    if not 0 <= value < len(names):
        raise UnusableRowError("bad label", f"label {value} is not one of the {len(names)} classes")
    return names[value]


def _name(value: Any) -> str | None:
    """Return a name that may be a number; None for anything else or nothing."""
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        return None
    return str(value)


def _shared(name: str | None) -> str | None:
    """Return the name, one object for all samples that have it: there are millions of these."""
    return None if name is None else sys.intern(name)


def _other(row: Row, used: Set[str]) -> Mapping[str, Any]:
    other = {k: v for k, v in row.items() if k not in used and not isinstance(v, bytes)}
    return other or NOTHING


def _unicode(value: str, what: str) -> str:
    """Return the value; refuse half of a surrogate pair: JSON can spell it, no file can hold it."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UnusableRowError(
            "bad text", f"{what} holds a lone surrogate: {value!r:.60}"
        ) from error
    return value
