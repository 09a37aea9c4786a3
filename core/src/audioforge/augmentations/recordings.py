"""The recordings that an augmentation mixes in: found below a folder, or named by a manifest."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from audioforge.audio import examine, stated_seconds
from audioforge.errors import AudioError, ConfigError, DatasetError
from audioforge.files.json_lines import read_objects
from audioforge.files.paths import is_file, is_folder, path_text
from audioforge.sample import AudioSample, Problem
from audioforge.sound.kinds import SOUND_SUFFIXES
from audioforge.sound_part import SoundPartError, sound_part

MANIFEST_SUFFIXES = (".jsonl", ".json", ".ndjson")

DECODED_SECONDS = 600.0
"""How much is decoded in full before a run begins; of what is more, the headers are read."""


def find_recordings(place: Path) -> list[AudioSample]:
    """Return the recordings of a place, sorted, each of which can be opened and holds sound.

    Args:
        place: A folder, whose hidden files are left out; a sound file; or a manifest.

    Raises:
        ConfigError: If there are none, or one cannot be used.
    """
    place = place.expanduser().absolute()  # whoever reads may stand in another folder then
    try:
        found = list(_found(place))
        if not found:
            raise ConfigError([f"{place}: holds no sound file ({', '.join(SOUND_SUFFIXES)})"])
        _check(found)
    except (AudioError, DatasetError) as error:
        raise ConfigError([f"{error}. Mend it, or leave it out."]) from error
    return found


def _found(place: Path) -> Iterator[AudioSample]:
    if is_folder(place):
        yield from (AudioSample(path_text(path), path) for path in sorted(_files_below(place)))
    elif not is_file(place):
        raise ConfigError([f"{place}: there is no such folder or file"])
    elif place.suffix.lower() in MANIFEST_SUFFIXES:
        yield from _stated(place)
    else:
        yield AudioSample(path_text(place), place)


def _files_below(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.lower().endswith(SOUND_SUFFIXES) and not name.startswith("."):
                yield Path(here, name)


def _stated(manifest: Path) -> Iterator[AudioSample]:
    """Yield what the lines of a manifest name, whole files or parts of them."""
    for number, where, row in read_objects(manifest):
        if isinstance(row, Problem):
            raise DatasetError(str(row))
        path = row.get("audio_filepath")
        if not isinstance(path, str) or not path:
            raise DatasetError(f"{where}: has no audio_filepath")
        try:
            part = sound_part(row)
        except SoundPartError as error:
            raise DatasetError(f"{where}: {error}") from error
        # Two lines may name parts of one file.
        yield AudioSample(
            f"{path_text(path)}:{number}",
            manifest.parent / path,
            offset=part.offset,
            duration=part.duration,
            channels=part.channels,
        )


def _check(recordings: list[AudioSample]) -> None:
    """Read each header, and decode the first ones in full.

    Raises:
        AudioError: If one cannot be used.
    """
    decoded = 0.0
    for recording in recordings:
        if decoded >= DECODED_SECONDS:
            stated_seconds(recording)
            continue
        facts = examine(recording)
        decoded += facts.seconds
        if facts.is_silent:
            raise AudioError(f"{recording.origin}: holds nothing but silence")
