"""Transcripts in files beside the sound: `a.txt`, `a.lab` or `a.trn` for `a.wav`.

A text is the words of its file, whose lines are joined with blanks. A `.txt` whose every line is
`start<TAB>end<TAB>text` are labels of Audacity: each is a clip. `.trn` may end with the clip's name
in brackets, as sclite has it. An empty file says that nothing is said; a text that is not known has
no file. LibriSpeech keeps the texts of a folder in one file, `103-1240.trans.txt`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from audioforge.files.text_lines import read_lines
from audioforge.sample import Problem
from audioforge.sound.kinds import SOUND_SUFFIXES

from .audacity import is_label_track, label_rows

ENDINGS = (".normalized.txt", ".txt", ".lab", ".trn")
"""Of texts; of several beside one sound, the first counts. LibriTTS has the first."""

TEXT_FOLDERS = ("txt", "text", "texts", "transcripts", "transcriptions", "lab", "trn")
"""Folders beside one of sound, such as `wav/`, with the texts of the same names."""

TOGETHER = (".trans.txt", ".trn.txt")
"""Endings of files that hold the texts of all sounds in their folder, after their names."""

NOTES = ("readme", "license", "licence", "copying", "changelog", "changes", "authors")

_TIMED = re.compile(r"\d+ \d+ [^\d\s]")
"""A line of HTK's labels (from, to, phone), or of TIMIT's texts (first sample, last, words)."""

Place = tuple[str, "Mapping[str, Any] | Problem"]


class Texts:
    """The sounds of one folder and their texts.

    Args:
        folder: The folder.
        part: The folder of the split that it is in, or is.
        files: Its files.
        beside: Folders that hold texts of the sounds in other ones.
    """

    def __init__(
        self, folder: Path, part: Path, files: Sequence[Path], beside: Sequence[Path]
    ) -> None:
        """Read nothing yet but the texts that lie together in one file."""
        self.folder, self._part, self._beside = folder, part, beside
        self.sounds = [path for path in files if path.name.lower().endswith(SOUND_SUFFIXES)]
        self._by_name = {_plain(path.name): path for path in files}
        self._files = files

    @property
    def endings(self) -> Iterator[str]:
        """The last ending of each file, as it is written."""
        return (path.suffix for path in self._files)

    @cached_property
    def _together(self) -> dict[str, tuple[str, str]]:
        """Place and text by name, from the files that hold many."""
        found = {}
        for path in self._files:
            if path.name.lower().endswith(TOGETHER):
                for number, line in enumerate(read_lines(path), 1):
                    name, _, text = line.strip().partition(" ")
                    found[name] = (f"{path}:{number}", text.strip())
        return found

    @cached_property
    def _stems(self) -> set[str]:
        return {_plain(sound.stem) for sound in self.sounds}

    def of(self, sound: Path) -> Path | None:
        """Return the file of a sound's text, if there is one."""
        if sound.stem in self._together:
            return sound
        names = [stem + ending for stem in (sound.stem, sound.name) for ending in ENDINGS]
        for name in names:
            if _plain(name) in self._by_name:
                return self._by_name[_plain(name)]
        _, *within = sound.relative_to(self._part).parent.parts or ("",)
        paths = [folder.joinpath(*within, name) for folder in self._beside for name in names]
        return next((path for path in paths if path.is_file()), None)

    def rows(self, sound: Path) -> Iterator[Place]:
        """Yield the place and what is known of each clip in a sound file.

        Raises:
            DatasetError: If a text cannot be read or is not UTF-8.
        """
        if sound.stem in self._together:
            where, text = self._together[sound.stem]
            yield where, {"text": text}
            return
        path = self.of(sound)
        if path is None:
            yield str(sound), {}
            return
        lines = [line.rstrip("\r\n") for line in read_lines(path) if line.strip()]
        if is_label_track(path, lines):
            yield from label_rows(path)
        else:
            yield str(path), self._text(path, sound, [" ".join(line.split()) for line in lines])

    def without_sound(self) -> Iterator[Problem]:
        """Yield a problem for each text that no sound in the folder has.

        A folder below, without any sound, may hold the texts of another one.
        """
        used = {self.of(sound) for sound in self.sounds}
        for path in self._files if self.sounds or self.folder == self._part else ():
            name = path.name.lower()
            if path in used or not name.endswith(ENDINGS) or name.startswith(NOTES):
                continue
            if not (name.endswith(TOGETHER) or self._is_second(path)):
                reason = (
                    "no sound beside it has its name; if it lists what several files hold, make a "
                    "table of it whose first line names the columns, such as path and text"
                )
                yield Problem(str(path), reason, "missing audio")

    def _is_second(self, path: Path) -> bool:
        """Whether another text of the same sound counts."""
        name = _plain(path.name)
        return any(name.removesuffix(e) in self._stems for e in (*ENDINGS, ".original.txt"))

    def _text(self, path: Path, sound: Path, lines: list[str]) -> Mapping[str, Any] | Problem:
        """Return a transcript of one clip, or what is wrong with it."""
        if path.suffix.lower() == ".trn":
            if len(lines) > 1:
                reason = (
                    f"{len(lines)} lines, of which nobody knows which is the transcript; keep one"
                )
                return Problem(str(path), reason, "bad text")
            lines = [line.removesuffix(f"({sound.stem})").rstrip() for line in lines]
        if lines and all(map(_TIMED.match, lines)):
            if _plain(f"{sound.stem}.phn") in self._by_name:  # TIMIT
                lines = [line.split(" ", 2)[2] for line in lines]
            elif path.suffix.lower() == ".lab":
                reason = "its lines are labels with times, as HTK's; a text of plain words is read"
                return Problem(str(path), reason, "bad text")
        return {"text": " ".join(lines)}


def _plain(name: str) -> str:
    """Return a name with its endings in small letters: `A.WAV` and `A.txt` belong together.

    >>> _plain("A.Trans.TXT")
    'A.trans.txt'
    """
    stem, dot, endings = name.partition(".")
    return stem + dot + endings.lower()
