"""One row of any format, a mapping of names to values, to one sample."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence, Set
from pathlib import Path, PureWindowsPath
from types import MappingProxyType
from typing import Any

import numpy as np
from attrs import define, field, frozen

from audioforge.dataset import DatasetRequest
from audioforge.errors import DatasetError
from audioforge.files.addresses import is_address, joined, lasting
from audioforge.files.paths import is_folder
from audioforge.files.written_paths import written_path
from audioforge.remote.fetch import FetchError, fetched
from audioforge.sample import Audio, AudioSample, Problem
from audioforge.sound_array import RATE, float_samples, rate_of, seconds_of
from audioforge.sound_part import SoundPartError, sound_part

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


@frozen(eq=False)
class _Sound:
    """The sound of a row.

    Attributes:
        audio: The sound; None where there is none and none is needed.
        name: The path that the row gives it; None where it gives none.
        rate: Sampling rate in Hz of samples; None of a file, which states its own.
    """

    audio: Audio | None
    name: str | None = None
    rate: int | None = None


@define
class RowReader:
    """Reads the rows of one dataset.

    An id that a row states is kept, and a second row that states it is a problem. Otherwise the id
    is the audio's path as written, with channels and offset of a part; a further row of the same
    audio gets a number.

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
        except (UnusableRowError, SoundPartError) as error:
            return Problem(where, str(error), error.kind)

    def _sample(self, row: Row, where: str, number: int) -> AudioSample:
        names = self._names(row)
        values = {kind: row[name] for kind, name in names.items()}
        sound = self._sound(values.get("audio"), row)
        part = sound_part(row)
        if part.offset and isinstance(sound.audio, bytes | np.ndarray):
            part = part.of(seconds_of(sound.audio, sound.rate))
        reference = _text(values.get("text"), names.get("text", ""))
        labels = self._labels(values.get("label"), names.get("label", ""))
        used = {*names.values(), *part.keys, *(RATE if sound.rate else ())}
        return AudioSample(
            id=self._id(values.get("id"), (sound.name or f"row-{number}") + part.name),
            audio=sound.audio,
            sampling_rate=sound.rate,
            reference=reference,
            labels=labels,
            speaker=_shared(_name(values.get("speaker"))),
            language=_shared(_name(values.get("language"))),
            offset=part.offset,
            duration=part.duration,
            channels=part.channels,
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
        }
        found = {kind: columns.first_present(names, row) for kind, names in wanted.items()}
        return {kind: name for kind, name in found.items() if name is not None}

    def _sound(self, value: Any, row: Row) -> _Sound:
        if not (_is_stated(value) or self.request.needs_audio):
            return _Sound(None)
        held = value if isinstance(value, Mapping) else {}  # how Parquet and datasets hold sound
        stated = held.get("path")
        # Only the name: the folder is the one where the writer of the data had the file.
        name = PureWindowsPath(stated).name if isinstance(stated, str) else None
        samples = held.get("array", value)
        if isinstance(samples, np.ndarray | list) and len(samples):
            return _array(samples, {**row, **held}, name or None)
        encoded = held.get("bytes", value)
        if isinstance(encoded, bytes) and encoded:
            return _Sound(encoded, name or None)
        path = stated if held else value
        if not isinstance(path, str) or not path:
            keys = ", ".join(map(str, row)) or "none"
            expected = f"expected {columns.AUDIO[0]!r} or {columns.AUDIO[1]!r} among: {keys}"
            raise UnusableRowError("missing path", f"no path of a sound file ({expected})")
        return self._file(_unicode(path, "path"))

    def _file(self, path: str) -> _Sound:
        """Return the sound that a path or an address names."""
        if "\0" in path:
            raise UnusableRowError("bad path", f"no file can be called {path!r:.60}")
        if is_address(path):
            return _Sound(_fetched(path), lasting(path))
        root = self.root
        if root is None:
            raise UnusableRowError(
                "missing audio",
                f"it names the file {path!r} and does not hold its sound; download the dataset and "
                "give its folder, or name that of the sound with --audio-root",
            )
        if isinstance(root, Path):
            return _Sound(*written_path(path, root))
        local, _ = written_path(path, Path())
        return _Sound(local if local.is_absolute() else _fetched(joined(root, path)), path)

    def _labels(self, value: Any, column: str) -> tuple[str, ...]:
        members = value if isinstance(value, list | tuple) else [value]
        names = self.class_names.get(column)
        return tuple(
            _label(member, names) for member in members if member is not None and member != ""
        )

    def _id(self, stated: Any, otherwise: str) -> str:
        given = _name(stated)
        if given is None:
            return self._ids.claim_numbered(otherwise)
        if not self._ids.claim(_unicode(given, "id")):
            raise UnusableRowError("duplicate id", f"the id {given!r} is taken by an earlier line")
        return given


def _fetched(address: str) -> Path:
    """Return the local copy of a sound at an address."""
    try:
        return fetched(address)
    except FetchError as error:
        raise UnusableRowError("not fetched", str(error)) from error


def _is_stated(value: Any) -> bool:
    return bool(len(value)) if isinstance(value, np.ndarray) else bool(value)


def _array(samples: Any, stated: Mapping[str, Any], name: str | None) -> _Sound:
    """Return sound that is decoded already."""
    try:
        rate = next((stated[key] for key in RATE if stated.get(key) is not None), None)
        return _Sound(float_samples(samples), name, rate_of(rate))
    except ValueError as error:
        raise UnusableRowError("bad array", f"the sound {error}") from error


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
