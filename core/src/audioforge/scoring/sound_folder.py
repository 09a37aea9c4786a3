"""A folder of generated sound files, found by the names that a manifest has for them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from audioforge.errors import DatasetError
from audioforge.files.paths import is_file, is_folder
from audioforge.scoring.fields import UnusableLineError
from audioforge.sound.kinds import SOUND_SUFFIXES


class SoundFolder:
    """The sound files in a folder and below it. Each is the output of one line at most.

    Args:
        folder: Where to look; hidden files do not count.

    Raises:
        DatasetError: If it is no folder, or holds no sound file.
    """

    def __init__(self, folder: Path) -> None:
        """List the files."""
        if not is_folder(folder):
            raise DatasetError(f"--audio-dir {folder}: there is no such folder")
        self._folder = folder
        self._files = sorted(p for p in folder.rglob("*") if _is_sound_file(p))
        if not self._files:
            raise DatasetError(
                f"--audio-dir {folder}: the folder holds no sound file "
                f"({', '.join(SOUND_SUFFIXES)})"
            )
        self._by_last_part: dict[str, list[Path]] = {}
        for path in self._files:
            self._by_last_part.setdefault(_parts(path.name)[-1], []).append(path)
        self._holders: dict[Path, str] = {}

    def match(self, names: Sequence[str], where: str) -> Path:
        """Return the file that is called by the first of `names` that any file has.

        The ending does not count. Folders need only agree as far as both sides have any: the file
        `a/x.wav` is called `x`, `a/x` and `data/a/x.flac`, but not `b/x`.

        Args:
            names: Such as an id, or the path of a recording.
            where: Who asks; a file that somebody else got is refused.

        Raises:
            UnusableLineError: If there is no such file, more than one, or another line has it.
        """
        for name in names:
            found = self._called(name)
            if len(found) > 1:
                listed = ", ".join(str(p.relative_to(self._folder)) for p in found[:3])
                raise UnusableLineError(
                    "without audio", f"more than one sound file is called '{name}': {listed}"
                )
            if found:
                holder = self._holders.setdefault(found[0], where)
                if holder != where:
                    raise UnusableLineError(
                        "without audio", f"{found[0]} is taken as the output of {holder}"
                    )
                return found[0]
        tried = " or ".join(map(repr, names)) or "so: the line has neither 'id' nor a recording"
        raise UnusableLineError(
            "without audio", f"no sound file in {self._folder} is called {tried}"
        )

    @property
    def unmatched(self) -> list[Path]:
        """The files that nobody asked for."""
        return [path for path in self._files if path not in self._holders]

    def _called(self, name: str) -> list[Path]:
        wanted = _parts(name)
        found = []
        for path in self._by_last_part.get(wanted[-1] if wanted else "", []):
            parts = _parts(path.relative_to(self._folder).as_posix())
            if parts == wanted:
                return [path]
            shared = min(len(parts), len(wanted))
            if parts[-shared:] == wanted[-shared:]:
                found.append(path)
        return found


def _is_sound_file(path: Path) -> bool:
    return path.suffix.lower() in SOUND_SUFFIXES and not path.name.startswith(".") and is_file(path)


def _parts(name: str) -> list[str]:
    """Return a path's folders and its name without the ending of a sound file."""
    path = PurePosixPath(name.replace("\\", "/"))  # a manifest may come from another machine
    if path.suffix.lower() in SOUND_SUFFIXES:
        path = path.with_suffix("")
    # One letter with an accent can be spelt in two ways, and some file systems change it.
    return [unicodedata.normalize("NFC", part) for part in path.parts if part != "/"]
