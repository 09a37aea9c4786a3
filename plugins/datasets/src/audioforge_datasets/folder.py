"""Folders of sound files with a metadata file, as the audiofolder of the datasets library.

`metadata.csv` or `metadata.jsonl` lies at the top or once in each split's folder; its column
`file_name` is relative to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import DatasetError
from audioforge.sample import AudioSample, Problem

from .manifest import read_json_lines
from .rows import RowReader
from .settings import choose_split, refuse_settings
from .table import read_table

METADATA = ("metadata.csv", "metadata.jsonl")


class Folder(Dataset):
    """One folder."""

    def __init__(self, request: DatasetRequest) -> None:
        """Take the request; its location is the folder."""
        self._request = request

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield a sample or a problem for each row of the metadata.

        Raises:
            DatasetError: If there is no such folder, no metadata file, or no such split.
        """
        root = Path(self._request.location)
        refuse_settings(self._request, ["data_dir"], "give the folder itself")
        if not root.is_dir():
            raise DatasetError(f"{root}: there is no such folder")
        metadata = _metadata_of(root)
        if metadata is not None:
            because = "its one metadata file covers all clips; make a folder for each split"
            refuse_settings(self._request, ["split"], because)
        else:
            splits = {f.name: m for f in sorted(root.iterdir()) if (m := _metadata_of(f))}
            metadata = splits[choose_split(self._request.split, splits, str(root))]
        reader = RowReader(self._request, metadata.parent)
        read = read_table if metadata.suffix == ".csv" else read_json_lines
        yield from read(metadata, reader)


def _metadata_of(folder: Path) -> Path | None:
    """Return a folder's metadata file, if it has one.

    Raises:
        DatasetError: If it has two.
    """
    found = [folder / name for name in METADATA if (folder / name).is_file()]
    if len(found) > 1:
        raise DatasetError(f"{folder}: holds {' and '.join(METADATA)}; keep one of them")
    return found[0] if found else None
