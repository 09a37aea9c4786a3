"""What is right, from a file of its own: found by the id of a prediction, or by time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import compress
from pathlib import Path, PurePosixPath
from typing import Any

from attrs import define, field

from audioforge.errors import DatasetError
from audioforge.sample import Problem
from audioforge.scoring.fields import Line
from audioforge.scoring.nist import WORDS
from audioforge.scoring.sources import TABLES, FileSource, Source, format_of
from audioforge.sound_part import SoundPartError, sound_part

Row = dict[str, Any]

WITHOUT_PREDICTION = "without a prediction"


@define
class WithReferences:
    """Predictions with what is right, of which another file tells.

    A prediction belongs to the reference that has its id, or whose recording is called so without
    folder and ending. The words of a CTM belong to the segments of their recording in which their
    middle lies.

    Attributes:
        predictions: What the system said.
        path: The file of references.
        key: The key of a reference's text.
        said: The key of what the system said.
    """

    predictions: Source
    path: Path
    key: str
    said: str
    _rows: list[tuple[str, Row]] = field(factory=list, init=False)
    _by_id: dict[str, int] = field(factory=dict, init=False)
    _by_name: dict[str, list[int]] = field(factory=dict, init=False)
    _segments: dict[str, list[int]] = field(factory=dict, init=False)
    _times: dict[int, tuple[float, float]] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        """Read the references.

        Raises:
            DatasetError: If they cannot be read, or two have one id.
        """
        form = format_of(self.path)
        for _, where, row in FileSource(self.path, self.path, form, self.key):
            if isinstance(row, Problem):
                raise DatasetError(f"--reference {row}")
            if row.get(self.key) in (None, "") and form in TABLES:
                continue  # an empty cell is no reference
            self._add(where, row)
        if not self._rows:
            raise DatasetError(
                f"--reference {self.path}: no line of it has '{self.key}', which is what is right"
            )

    def _add(self, where: str, row: Row) -> None:
        if not isinstance(row.get(self.key), str):
            return
        place = len(self._rows)
        self._rows.append((where, row))
        identity, recording = row.get("id"), row.get("audio_filepath")
        names = {str(row["recording"])} if "recording" in row else set()
        if isinstance(recording, str) and recording:
            names |= {recording, _stem(recording)}
            row["audio_filepath"] = str((self.path.parent / recording).absolute())
        try:
            part = sound_part(row)
        except SoundPartError as error:
            raise DatasetError(f"--reference {where}: {error}") from error
        if part.offset is not None and part.duration is not None:
            self._times[place] = (part.offset, part.offset + part.duration)
            for name in names:
                self._segments.setdefault(name, []).append(place)
        if identity not in (None, ""):
            other = self._by_id.setdefault(str(identity), place)
            if other != place:
                raise DatasetError(
                    f"--reference {where}: the id {str(identity)!r} is taken by "
                    f"{self._rows[other][0]}; give each an id of its own"
                )
        for name in names:
            self._by_name.setdefault(name, []).append(place)

    def __iter__(self) -> Iterator[Line]:
        """Yield each prediction with its reference, then a problem for each without a prediction.

        Raises:
            DatasetError: If the predictions cannot be read.
        """
        asked: set[int] = set()
        number = 0
        for number, where, row in self.predictions:
            if isinstance(row, Problem):
                yield number, where, row
                continue
            for found, merged in self._merged(where, row):
                asked |= found
                yield number, where, merged
        for place, (where, row) in enumerate(self._rows):
            if place not in asked:
                number += 1
                reason = f"nothing was predicted for {row.get('id') or row.get('audio_filepath')!r}"
                yield number, where, Problem(where, reason, WITHOUT_PREDICTION)

    def _merged(self, where: str, row: Row) -> Iterator[tuple[set[int], Row | Problem]]:
        """Yield what becomes of a prediction, with the places of the references that it is of."""
        words = row.pop(WORDS, None)
        if words is not None and (segments := self._segments_of(row)):
            yield from self._cut(where, row, words, segments)
            return
        names = [str(row[key]) for key in ("id", "audio_filepath") if row.get(key) is not None]
        found = self._called(names)
        if len(found) != 1:
            what = "more than one reference" if found else "no reference"
            called = f"for {names[0]!r}" if names else "for a line without an id"
            yield set(), Problem(where, f"{self.path} has {what} {called}", "without a reference")
            return
        place = found[0]
        reference = self._rows[place][1]
        yield {place}, {**reference, **row, self.key: reference[self.key]}

    def _called(self, names: list[str]) -> list[int]:
        """Return the references of the first name that any has: by id, then by recording."""
        for name in (*names, *map(_stem, names)):
            if name in self._by_id:
                return [self._by_id[name]]
        return next(filter(None, (self._by_name.get(n) for n in (*names, *map(_stem, names)))), [])

    def _segments_of(self, row: Row) -> list[int]:
        """Return the segments of a recording's channel; those that state none are of any."""
        places = self._segments.get(row["recording"], [])
        return [p for p in places if self._rows[p][1].get("side", row["side"]) == row["side"]]

    def _cut(
        self, where: str, row: Row, words: list[tuple[float, float, str]], segments: list[int]
    ) -> Iterator[tuple[set[int], Row | Problem]]:
        """Yield the words of a recording segment by segment, and a problem for the others."""
        left = words
        for place in segments:
            reference = self._rows[place][1]
            start, end = self._times[place]
            inside = [start <= word[0] + word[1] / 2 < end for word in left]
            within = list(compress(left, inside))
            left = [word for word, is_in in zip(left, inside, strict=True) if not is_in]
            yield {place}, {**reference, self.said: " ".join(word for *_, word in within)}
        if left:
            first = f"{left[0][2]!r} at {left[0][0]:g} s"
            reason = f"{len(left)} words of {row['recording']} lie in no segment (first: {first})"
            yield set(), Problem(where, reason, "outside of every segment")


def _stem(name: str) -> str:
    """Return the name of a path, from any system, without folder and ending."""
    return PurePosixPath(name.replace("\\", "/")).stem
