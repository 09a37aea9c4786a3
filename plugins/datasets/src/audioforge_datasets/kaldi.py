"""Data folders of Kaldi, and of those that follow it (ESPnet, WeNet): `wav.scp` and the rest.

`wav.scp` names each recording's file, `segments` cuts utterances out of them, `text`, `utt2spk` and
`utt2lang` say what is known of each, `reco2file_and_channel` which side of a call a recording is. A
command in `wav.scp` is never run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import DatasetError
from audioforge.files.text_lines import read_lines
from audioforge.sample import AudioSample, Problem

from .kaldi_channels import SIDES, channel_of_side, stated_channel
from .roots import Root
from .rows import RowReader
from .settings import COLUMN_SETTINGS, choose_split, location_of, refuse_settings

RECORDINGS = "wav.scp"

_IN_ARCHIVE = re.compile(r".*\.ark:\d+(\[.*\])?")

KNOWN = {"text": "text", "utt2spk": "speaker", "utt2lang": "language"}
"""The files that say something of an utterance, and the key of a row for it."""


class Kaldi(Dataset):
    """One data folder, or one of those in a folder, each of which is a split."""

    def __init__(self, request: DatasetRequest) -> None:
        """Take the request; its location is the folder."""
        self._request = request

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield a sample or a problem for each utterance.

        Raises:
            DatasetError: If there is no such split, or a file cannot be read or names one thing
                twice.
        """
        root = location_of(self._request)
        refuse_settings(self._request, ["data_dir"], "give the folder itself")
        because = "a data folder has no columns: the text is that of the file 'text'"
        refuse_settings(self._request, COLUMN_SETTINGS, because)
        if (root / RECORDINGS).is_file():
            because = "it is one data folder; give the folder of the split you want"
            refuse_settings(self._request, ["split"], because)
            folder = root
        else:
            splits = [f.name for f in root.iterdir() if (f / RECORDINGS).is_file()]
            folder = root / choose_split(self._request.split, splits, str(root))
        yield from self._utterances(folder)

    def _utterances(self, folder: Path) -> Iterator[AudioSample | Problem]:
        known = {key: _table(folder / name) for name, key in KNOWN.items()}
        reader = RowReader(self._request, folder)
        without_sound = dict.fromkeys(known["text"])
        for number, (where, row) in enumerate(_clips(folder), 1):
            if isinstance(row, Problem):
                without_sound.pop(row.where.rpartition(": ")[2], None)
                yield row
                continue
            name = row["id"]
            without_sound.pop(name, None)
            said = {key: table[name] for key, table in known.items() if name in table}
            yield reader.read({**row, **said}, where, number)
        for name in without_sound:
            reason = "no recording or segment is called so"
            yield Problem(f"{folder / 'text'}: {name}", reason, "missing audio")


def _clips(folder: Path) -> Iterator[tuple[str, Mapping[str, Any] | Problem]]:
    """Yield the place of each utterance and where its sound is."""
    sounds = _Sounds(Root(folder), _table(folder / SIDES))
    segments = folder / "segments"
    if not segments.is_file():
        for where, name, entry in _lines(folder / RECORDINGS):
            yield where, sounds.row({"id": name}, f"{where}: {name}", name, entry)
        return
    recordings = _table(folder / RECORDINGS)
    for where, name, rest in _lines(segments):
        recording, *fields = rest.split()
        place = f"{where}: {name}"
        if len(fields) < 2 or recording not in recordings:
            reason = "expected: utterance recording start end, of a recording that wav.scp names"
            yield where, Problem(place, reason, "bad segment")
            continue
        row = {"id": name, "recording": recording, **_times(*fields[:2])}
        yield where, sounds.row(row, place, recording, recordings[recording], fields[2:])


@frozen
class _Sounds:
    """The sounds of recordings, as rows name them."""

    root: Root
    sides: Mapping[str, str]

    def row(
        self,
        row: Mapping[str, Any],
        where: str,
        recording: str,
        entry: str,
        fields: Sequence[str] = (),
    ) -> Mapping[str, Any] | Problem:
        """Return an utterance's row with its sound, or what is wrong with that.

        Args:
            row: What else is known of it.
            where: Its place, for messages.
            recording: The recording that it is in.
            entry: What wav.scp says of that.
            fields: Those of `segments` after the times.
        """
        if problem := _recording(where, entry):
            return problem
        path = self.root.place(entry)
        try:
            channel = stated_channel(fields)
            if channel is None:
                channel = channel_of_side(self.sides, recording, path)
        except ValueError as error:
            return Problem(where, str(error), "bad channel")
        side = {} if channel is None else {"channel": channel}
        return {**row, "audio_filepath": path, **side}


def _recording(where: str, entry: str) -> Problem | None:
    """Return why an entry of wav.scp cannot be read, if so."""
    if entry.endswith("|") or entry.startswith("|"):
        reason = (
            f"wav.scp has a command here, which AudioForge never runs ({entry!r:.80}). Run it "
            f"yourself with its output in a file, and put the file's path in its place"
        )
        return Problem(where, reason, "a command")
    if _IN_ARCHIVE.fullmatch(entry):
        reason = f"{entry!r:.80} is a part of a Kaldi archive; write its recordings to sound files"
        return Problem(where, reason, "an archive")
    return None


def _times(start: str, end: str) -> Mapping[str, Any]:
    """Return offset and duration of a segment; an end of -1 is that of the recording."""
    try:
        first, last = float(start), float(end)
    except ValueError:
        return {"offset": start, "duration": end}  # the reader says what is wrong
    return {"offset": first} if last < 0 else {"offset": first, "duration": round(last - first, 6)}


def _table(path: Path) -> dict[str, str]:
    """Return what a file says, by its first word; nothing when there is no such file.

    Raises:
        DatasetError: If it names one thing twice.
    """
    found: dict[str, str] = {}
    for where, name, rest in _lines(path) if path.is_file() else ():
        if name in found:
            raise DatasetError(f"{where}: {name!r} is there twice; keep one of its lines")
        found[name] = rest
    return found


def _lines(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the place, first word and rest of each line."""
    for number, line in enumerate(read_lines(path), 1):
        if line.strip():
            name, *rest = line.split(None, 1)
            yield f"{path}:{number}", name, rest[0].strip() if rest else ""
