"""The names of a table's columns: its first line's, or what speech corpora leave unsaid.

LJSpeech and what is made after it have no line of names: `id|text|normalised text`, with the sound
in `wavs/<id>.wav`. Other lists begin at once with a path and its text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import frozen

from audioforge.dataset import DatasetRequest
from audioforge.errors import DatasetError
from audioforge.files.paths import is_file
from audioforge.sound.kinds import SOUND_SUFFIXES
from audioforge.sound_part import CHANNEL, DURATION, END, START, usual_name

from . import columns

SOUNDS = (*SOUND_SUFFIXES, ".m4a", ".aac", ".webm", ".mp4", ".sph", ".wma")
"""Endings of names that only a sound has; what cannot be decoded is told clip by clip."""

PLACES = ("{}", "wavs/{}", "wav/{}")
NAMED_BY_ID = ("wavs/{}.wav", "wavs/{}.flac", "wav/{}.wav", "{}.wav", "{}.flac")
"""Where corpora without a line of names keep a clip, by what stands in the first column."""

LOOKED_AT = 20
"""Rows that are looked at where the first one holds no names."""

_KNOWN = frozenset(
    (
        *columns.AUDIO,
        *columns.TEXT,
        *columns.LABEL,
        *columns.SPEAKER,
        *columns.LANGUAGE,
        *columns.ID,
        *(*START, *END, DURATION, *CHANNEL),
    )
)


@frozen
class Head:
    """The columns of a table.

    Attributes:
        names: Their names.
        is_written: Whether the first row holds them; else it is a clip already.
        place: Where the clip is that the first column names, with `{}` for what stands there; None
            where it is a path, as it stands.
    """

    names: list[str]
    is_written: bool = True
    place: str | None = None

    def row(self, cells: Sequence[str]) -> dict[str, str | None]:
        """Return a row's values by column; None where a cell is empty.

        A table cannot tell an empty text from a missing one; that of silence is rarer.
        """
        row = {name: cell or None for name, cell in zip(self.names, cells, strict=True)}
        if self.place is not None and cells[0]:
            row[columns.AUDIO[0]] = self.place.replace("{}", cells[0])
        return row


def column_names(cells: Sequence[str], request: DatasetRequest) -> list[str]:
    """Return the names of columns without blanks around; known ones as they are usually spelt.

    >>> column_names(["File Name", " text", "Notes"], DatasetRequest("t.csv"))
    ['file_name', 'text', 'Notes']
    """
    asked = {
        *(request.audio_column, request.text_column),
        *(request.label_column, request.speaker_column),
    }
    stripped = [cell.strip() for cell in cells]

    def usual(name: str) -> str:
        spelt = usual_name(name)
        return spelt if spelt in _KNOWN and name not in asked and spelt not in stripped else name

    return [usual(name) for name in stripped]


@frozen
class FirstRows:
    """The beginning of a table, in which its columns are found.

    Attributes:
        request: Names the columns where they are not the usual ones.
        has_file: Says whether there is a file under a path that a row may give.
    """

    request: DatasetRequest
    has_file: Callable[[str], bool]

    @classmethod
    def below(cls, folder: Path | str | None, request: DatasetRequest) -> FirstRows:
        """Return a look at rows whose paths start at a folder; an address is not asked."""
        if not isinstance(folder, Path):
            return cls(request, lambda path: False)
        return cls(request, lambda path: bool(path) and is_file(folder / path))

    def rank(self, cells: Sequence[str]) -> int:
        """Say how well cells look like a table's first row; more cells look better."""
        names = column_names(cells, self.request)
        if _sounds_like_one(cells[0]):
            likeness = 5
        elif self._names_sound(names):
            likeness = 4
        elif len(cells) > 1 and not _KNOWN.isdisjoint(names):
            likeness = 3
        elif self.has_file(cells[0]):
            likeness = 2
        else:
            likeness = int(len(cells) > 1 and self._place(NAMED_BY_ID, [cells]) is not None)
        return 1000 * likeness + min(len(cells), 999)

    def head(self, rows: Sequence[Sequence[str]], separator: str, where: str) -> Head:
        """Return the columns of a table.

        Args:
            rows: Its first rows.
            separator: What separates them.
            where: The table, for messages.

        Raises:
            DatasetError: If the first row is a clip, and its columns could mean anything.
        """
        first = rows[0]
        names = column_names(first, self.request)
        if _sounds_like_one(first[0]) or (not self._names_sound(names) and self.has_file(first[0])):
            return self._without_names(rows, PLACES, columns.AUDIO[0], separator, where)
        if _KNOWN.isdisjoint(names) and self._are_ids(rows, separator):
            return self._without_names(rows, NAMED_BY_ID, columns.ID[0], separator, where)
        return Head(names)

    def _without_names(
        self,
        rows: Sequence[Sequence[str]],
        places: Sequence[str],
        first: str,
        separator: str,
        where: str,
    ) -> Head:
        width = len(rows[0])
        names = [first, columns.TEXT[0], "normalized_text"][:width]
        if width > 3 or (width == 3 and not _say_the_same(rows)):
            example = separator.join(["path", "text", "speaker"])
            raise DatasetError(
                f"{where}: its first line is a clip already, and nothing says what its {width} "
                f"columns are. Put a line with their names before it, such as {example}"
            )
        place = self._place(places, rows) or places[0]
        return Head(names, is_written=False, place=None if place == "{}" else place)

    def _names_sound(self, names: Sequence[str]) -> bool:
        if self.request.audio_column is not None:
            return self.request.audio_column in names
        return columns.first_present(columns.AUDIO, names) is not None

    def _are_ids(self, rows: Sequence[Sequence[str]], separator: str) -> bool:
        """Say whether the first column holds what LJSpeech has there: names without an ending."""
        if len(rows[0]) < 2 or self.request.audio_column is not None:
            return False
        if any(_sounds_like_one(cells[0]) or self.has_file(cells[0]) for cells in rows):
            return False
        return separator == "|" or self._place(NAMED_BY_ID, rows[:1]) is not None

    def _place(self, places: Sequence[str], rows: Sequence[Sequence[str]]) -> str | None:
        """Return the first place where one of the clips is."""
        firsts = [cells[0] for cells in rows if cells[0]]
        return next(
            (p for p in places if any(self.has_file(p.replace("{}", f)) for f in firsts)), None
        )


def _sounds_like_one(cell: str) -> bool:
    return cell.strip().lower().endswith(SOUNDS)


def _say_the_same(rows: Sequence[Sequence[str]]) -> bool:
    """Say whether second and third column are two spellings of one text, in most rows."""
    texts = [[set(cell.casefold().split()) for cell in row[1:]] for row in rows if len(row) == 3]
    alike = sum(2 * len(one & other) >= min(len(one), len(other)) > 0 for one, other in texts)
    return 2 * alike > len(texts)
