"""Folders of sound files without a list of them.

What is known of a clip lies beside it or is where it lies: its transcript in a file of the same
name (see `beside`), or its class in the name of the first folder on the way to it. Where there is
neither, there is sound alone. Folders that are called as splits are splits, and never classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from attrs import frozen

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import DatasetError
from audioforge.files.below import files_below
from audioforge.sample import AudioSample, Problem
from audioforge.sound.kinds import SOUND_SUFFIXES

from .beside import TEXT_FOLDERS, Texts
from .notes import say
from .rows import RowReader
from .settings import COLUMN_SETTINGS, choose_split, refuse_settings
from .splits import is_split

UNREAD = (".srt", ".vtt", ".textgrid", ".eaf", ".ctm", ".stm", ".ts", ".mts", ".m2ts", ".vob")
"""Endings of texts with times, and of videos, that are not read here."""

MEND = (
    "A text is read from a file that ends in .txt and is called as its sound; one with times from "
    "a manifest with offset and duration, and so is other sound"
)


class SoundFolder(Dataset):
    """One folder, or one split of it."""

    def __init__(self, request: DatasetRequest) -> None:
        """Take the request; its location is the folder."""
        self._request = request

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield a sample for each clip, and a problem for each text without one.

        Raises:
            DatasetError: If there is no such folder, it cannot be read or holds no sound, or there
                is no such split.
        """
        root = Path(self._request.location)
        refuse_settings(self._request, ["data_dir"], "give the folder itself")
        because = "a folder of sound has no columns; write a manifest for more"
        refuse_settings(self._request, COLUMN_SETTINGS, because)
        if not root.is_dir():
            raise DatasetError(f"{root}: there is no such folder")
        try:
            yield from self._read(root)
        except OSError as error:
            raise DatasetError(f"{root}: cannot be read: {error.strerror or error}") from error

    def _read(self, root: Path) -> Iterator[AudioSample | Problem]:
        part = self._part(root)
        found = _survey(part)
        if not found.n:
            raise DatasetError(f"{part}: no file in it ends in one of: {', '.join(SOUND_SUFFIXES)}")
        if found.unread:
            counts = ", ".join(f"{n} {ending}" for ending, n in sorted(found.unread.items()))
            say(f"{part}: not read: {counts}. {MEND}")
        reader = RowReader(self._request, root)
        number = 0
        for texts in _folders(part):
            for sound in texts.sounds:
                named: dict[str, Any] = {"audio_filepath": sound.relative_to(root).as_posix()}
                if found.has_classes:
                    named["label"] = sound.relative_to(part).parts[0]
                for where, row in texts.rows(sound):
                    number += 1
                    if isinstance(row, Problem):
                        yield row
                    else:
                        yield reader.read({**named, **row}, where, number)
            yield from texts.without_sound()

    def _part(self, root: Path) -> Path:
        """Return the folder of the split to read: the root where there are no splits."""
        folders = [f for f in sorted(root.iterdir()) if f.is_dir() and _holds_sound(f)]
        splits = [f.name for f in folders]
        if splits and all(map(is_split, splits)):
            return root / choose_split(self._request.split, splits, str(root))
        because = "its folders are not called train, test or the like; give the folder you want"
        refuse_settings(self._request, ["split"], because)
        return root


@frozen
class _Found:
    """What a folder holds.

    Attributes:
        n: Number of sound files.
        has_classes: Whether all lie in folders and none has a text.
        unread: How many files there are by their ending, of those in `UNREAD`.
    """

    n: int
    has_classes: bool
    unread: Mapping[str, int]


def _survey(part: Path) -> _Found:
    n, has_texts, has_loose = 0, False, False
    unread: Counter[str] = Counter()
    for texts in _folders(part):
        n += len(texts.sounds)
        unread.update(e for e in texts.endings if e.lower() in UNREAD)
        has_texts = has_texts or any(texts.of(sound) for sound in texts.sounds)
        has_loose = has_loose or (texts.folder == part and bool(texts.sounds))
    return _Found(n, not (has_texts or has_loose), unread)


def _folders(part: Path) -> Iterator[Texts]:
    """Yield the files of each folder, so that those of a million need not be held."""
    beside = [part / name for name in TEXT_FOLDERS if (part / name).is_dir()]
    for folder, files in groupby(files_below(part), lambda path: path.parent):
        yield Texts(folder, part, list(files), beside)


def _holds_sound(folder: Path) -> bool:
    return any(path.name.lower().endswith(SOUND_SUFFIXES) for path in files_below(folder))
