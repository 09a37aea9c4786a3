"""Which recordings a user named: files, folders, or a list on standard input."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from attrs import frozen

from audioforge.errors import UsageError

SUFFIXES = frozenset(
    {
        *(".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aiff", ".aif", ".au"),
        *(".m4a", ".mp4", ".aac", ".webm", ".mkv", ".mov", ".caf", ".w64", ".wma", ".amr"),
    }
)
"""What is taken for a recording in a folder. A file that is named is always tried."""

FROM_STDIN = "-"


@frozen
class Recording:
    """A file to transcribe.

    Attributes:
        path: Where it is.
        name: What its transcript is called, without a suffix: its place below the folder that was
            named, or the file's own name.
    """

    path: Path
    name: str


def find_recordings(named: Sequence[str]) -> list[Recording]:
    """Return the recordings that a user named, each once, in their order.

    Args:
        named: Files, folders (whose sound files are taken, those in folders below too, in order of
            their names), and `-` for a list of those on standard input, one a line.

    Raises:
        UsageError: If there is none. A file that is not there is told when its turn comes.
    """
    found: dict[Path, Recording] = {}
    for name in _with_list(named):
        path = Path(name).expanduser()
        if path.is_dir():
            below = sorted(p for p in path.rglob("*") if _is_sound(p, path))
            if not below:
                raise UsageError(
                    f"{path}: no sound file is in the folder or below it. Sound files are those "
                    f"that end in {', '.join(sorted(SUFFIXES))}; name others one by one."
                )
            for file in below:
                found.setdefault(file, Recording(file, str(file.relative_to(path).with_suffix(""))))
        else:
            found.setdefault(path, Recording(path, path.stem))
    if not found:
        raise UsageError("there is no recording to transcribe: the list is empty")
    return _told_apart(list(found.values()))


def _with_list(named: Iterable[str]) -> Iterator[str]:
    for name in named:
        if name == FROM_STDIN:
            yield from (line for line in (raw.rstrip("\r\n") for raw in sys.stdin) if line)
        else:
            yield name


def _is_sound(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and path.suffix.lower() in SUFFIXES and path.is_file()


def _told_apart(recordings: list[Recording]) -> list[Recording]:
    """Give recordings whose transcripts would have one name the suffix of their file.

    Raises:
        UsageError: If they are called the same with it, too.
    """
    shared = Counter(recording.name.casefold() for recording in recordings)
    apart = [
        Recording(r.path, r.name + r.path.suffix) if shared[r.name.casefold()] > 1 else r
        for r in recordings
    ]
    names: dict[str, Recording] = {}
    for recording in apart:
        other = names.setdefault(recording.name.casefold(), recording)
        if other is not recording:
            raise UsageError(
                f"{other.path} and {recording.path}: their transcripts would have one name; "
                f"transcribe them one after the other, or name a folder that holds both"
            )
    return apart
