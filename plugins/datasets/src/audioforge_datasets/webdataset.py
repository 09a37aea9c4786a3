"""Shards of WebDataset: tar files in which the files of one clip follow each other.

`a/b.flac`, `a/b.txt` and `a/b.json` belong together: the key is the name up to the first dot after
the last slash. Text is that of `.txt`, the label that of `.cls`, and `.json` holds any of the keys
that a manifest has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.files.below import files_below
from audioforge.sample import AudioSample, Problem
from audioforge.sound.kinds import SOUND_SUFFIXES

from . import columns
from .ids import UniqueIds
from .rows import RowReader
from .settings import DEFAULT_SPLIT, choose_split, location_of, refuse_settings
from .splits import is_split, split_in
from .tars import TAR_SUFFIXES, Member, members

TEXTS = {".txt": "text", ".text": "text", ".lab": "text", ".trn": "text", ".cls": "label"}
"""Endings of members that are a text, and the key of a row for it."""

_KEY = re.compile(r"(?P<key>(?:.*/)?[^/.]+)(?P<ending>\.[^/]*)?")


class WebDataset(Dataset):
    """One tar file, or those of one split in a folder."""

    def __init__(self, request: DatasetRequest) -> None:
        """Take the request; its location is the file or folder."""
        self._request = request

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield a sample or a problem for each key.

        Raises:
            DatasetError: If a shard cannot be read, or there is no such split.
        """
        place = location_of(self._request)
        refuse_settings(self._request, ["data_dir"], "give the file or folder itself")
        if place.is_file():
            because = "a file has one split; give the file of the split you want, or the folder"
            refuse_settings(self._request, ["split"], because)
            shards = [place]
        else:
            splits = _by_split(place)
            shards = splits[choose_split(self._request.split, splits, str(place))]
        reader, keys = RowReader(self._request, None), UniqueIds()
        number = 0
        for shard in shards:
            for key, files in groupby(members(shard), lambda member: _split_name(member.name)[0]):
                number += 1
                where = f"{shard}: {key}"
                row = _row(key, list(files), where)
                if not isinstance(row, Problem) and not keys.claim(key):
                    reason = "the files of one key must follow each other, and each key be once"
                    row = Problem(where, reason, "duplicate id")
                yield row if isinstance(row, Problem) else reader.read(row, where, number)


def _by_split(folder: Path) -> dict[str, list[Path]]:
    """Return the shards of each split: of those in folders, or named, as splits are."""
    splits: dict[str, list[Path]] = {}
    for path in files_below(folder):
        if path.name.lower().endswith(TAR_SUFFIXES):
            inside = path.parent != folder and is_split(path.parent.name)
            named = path.parent.name if inside else split_in(path.name)
            splits.setdefault(named or DEFAULT_SPLIT, []).append(path)
    return splits


def _split_name(name: str) -> tuple[str, str]:
    found = _KEY.fullmatch(name.removeprefix("./"))
    return (found["key"], (found["ending"] or "").lower()) if found else (name, "")


def _row(key: str, files: list[Member], where: str) -> dict[str, Any] | Problem:
    """Return what the files of one key say, or what is wrong with them."""
    if large := [member.name for member in files if member.content is None]:
        return Problem(where, f"{large[0]} is larger than 1 GiB; cut it into clips", "too long")
    row: dict[str, Any] = {}
    sounds = []
    for member in files:
        ending = _split_name(member.name)[1]
        if ending.endswith(SOUND_SUFFIXES):
            sounds.append(member)
            continue
        try:
            row |= _said(ending, member.content or b"")
        except (ValueError, RecursionError) as error:
            return Problem(where, f"{member.name} cannot be read: {error}", "bad text")
    if len(sounds) != 1:
        endings = ", ".join(SOUND_SUFFIXES)
        reason = f"it has {len(sounds)} sound files; one is expected, that ends in one of {endings}"
        return Problem(where, reason, "missing audio")
    for name in columns.AUDIO:  # where the sound was before it was packed
        row.pop(name, None)
    sound = {"bytes": sounds[0].content, "path": sounds[0].name}
    return {"id": key, **row, "audio_filepath": sound}


def _said(ending: str, content: bytes) -> dict[str, Any]:
    """Return what one file beside the sound says.

    Raises:
        ValueError: If it is not UTF-8 or no JSON object.
    """
    if ending == ".json":
        value = json.loads(content.decode("utf-8-sig"))
        if not isinstance(value, dict):
            raise ValueError("expected a JSON object {…}")
        return value
    key = TEXTS.get(ending)
    return {} if key is None else {key: " ".join(content.decode("utf-8-sig").split())}
