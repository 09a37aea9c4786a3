"""Manifests as NeMo writes them: one JSON object a line.

Keys: `audio_filepath` (relative to the manifest's folder, or absolute), `text`, and where known
`duration` and `offset` in seconds, `speaker`, `lang` or `language`, `label`, `id`. Others are kept
as metadata. A manifest is read line by line, however long it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import DatasetError, listed
from audioforge.sample import AudioSample, Problem

from .json_rows import read_rows
from .rows import RowReader
from .settings import refuse_settings

MOST_KEYS = 1000
"""Keys that are remembered for a message."""


class Manifest(Dataset):
    """One manifest."""

    def __init__(self, request: DatasetRequest) -> None:
        """Take the request; its location is the manifest."""
        self._request = request

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield a sample or a problem for each line that is not blank.

        Raises:
            DatasetError: If the file cannot be read, is not UTF-8 or holds nothing, or if no line
                has the key that the user names.
        """
        path = Path(self._request.location)
        because = "a manifest has one split; give the manifest of the split you want"
        refuse_settings(self._request, ["split"], because)
        because = "paths start at the manifest's own folder, or where --audio-root says"
        refuse_settings(self._request, ["data_dir"], because)
        reader = RowReader(self._request, path.parent)
        yield from read_json_lines(path, reader)


def read_json_lines(path: Path, reader: RowReader) -> Iterator[AudioSample | Problem]:
    """Yield what a reader makes of a file of JSON lines.

    Raises:
        DatasetError: As `Manifest.load` does.
    """
    asked = reader.request
    named = (asked.audio_column, asked.text_column, asked.label_column, asked.speaker_column)
    missing = set(filter(None, named))
    keys: set[str] = set()
    for number, where, row in read_rows(
        path, reader.root if isinstance(reader.root, Path) else None
    ):
        if isinstance(row, Problem):
            yield row
            continue
        missing -= row.keys()
        if missing and len(keys) < MOST_KEYS:
            keys |= row.keys()
        yield reader.read(row, where, number)
    if missing:
        raise DatasetError(
            f"{path}: no line has the key {min(missing)!r}. The keys are: {listed(sorted(keys))}"
        )
