"""Which recordings a user named: files, folders, addresses, or a list on standard input."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath

from attrs import frozen

from audioforge.errors import UsageError
from audioforge.files import addresses
from audioforge.files.paths import is_file, is_folder
from audioforge.files.written_paths import written_path
from audioforge.remote.fetch import fetched
from audioforge.sound.kinds import SOUND_SUFFIXES

FROM_STDIN = "-"


@frozen
class Recording:
    """A file to transcribe.

    Attributes:
        location: Its path, or the address where it lies.
        name: What its transcript is called, without a suffix: its place below the folder that was
            named, or the file's own name.
    """

    location: str
    name: str

    @property
    def is_elsewhere(self) -> bool:
        """Whether it lies at an address."""
        return addresses.is_address(self.location)

    @property
    def shown(self) -> str:
        """Its location for messages, without secrets."""
        return addresses.shown(self.location) if self.is_elsewhere else self.location

    @property
    def suffix(self) -> str:
        """What its file's name ends in."""
        return _file_name(self.location).suffix

    def file(self) -> Path:
        """Return the file, which is fetched first where it lies at an address.

        Raises:
            FetchError: If it cannot be had.
            DatasetError: If nothing can be fetched.
        """
        return fetched(self.location) if self.is_elsewhere else Path(self.location)


def find_recordings(named: Sequence[str]) -> list[Recording]:
    """Return the recordings that a user named, each once, in their order.

    Args:
        named: Files, folders (whose sound files are taken, those in folders below too, in order of
            their names), addresses, and `-` for a list of those on standard input, one a line.

    Raises:
        UsageError: If there is none. A file that is not there is told when its turn comes.
    """
    found: dict[str, Recording] = {}
    for name in _with_list(named):
        if addresses.is_address(name):
            found.setdefault(name, Recording(name, _file_name(name).stem))
            continue
        path, _ = written_path(name, Path())
        if is_folder(path):
            below = sorted(p for p in path.rglob("*") if _is_sound(p, path))
            if not below:
                raise UsageError(
                    f"{path}: no sound file is in the folder or below it. Sound files are those "
                    f"that end in {', '.join(SOUND_SUFFIXES)}; name others one by one."
                )
            for file in below:
                place = str(file.relative_to(path).with_suffix(""))
                found.setdefault(str(file), Recording(str(file), place))
        else:
            found.setdefault(str(path), Recording(str(path), path.stem))
    if not found:
        raise UsageError("there is no recording to transcribe: the list is empty")
    return _told_apart(list(found.values()))


def _file_name(location: str) -> PurePath:
    is_elsewhere = addresses.is_address(location)
    return PurePath(addresses.file_name(location) if is_elsewhere else location)


def _with_list(named: Iterable[str]) -> Iterator[str]:
    for name in named:
        if name == FROM_STDIN:
            yield from (line for line in map(str.strip, sys.stdin) if line)
        else:
            yield name


def _is_sound(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and path.suffix.lower() in SOUND_SUFFIXES and is_file(path)


def _told_apart(recordings: list[Recording]) -> list[Recording]:
    """Give recordings whose transcripts would have one name the suffix of their file.

    Raises:
        UsageError: If they are called the same with it, too.
    """
    shared = Counter(recording.name.casefold() for recording in recordings)
    apart = [
        Recording(r.location, r.name + r.suffix) if shared[r.name.casefold()] > 1 else r
        for r in recordings
    ]
    names: dict[str, Recording] = {}
    for recording in apart:
        other = names.setdefault(recording.name.casefold(), recording)
        if other is not recording:
            raise UsageError(
                f"{other.shown} and {recording.shown}: their transcripts would have one name; "
                f"transcribe them one after the other, or name a folder that holds both"
            )
    return apart
