"""Folders that `save_to_disk` of the datasets library wrote: a Dataset or a DatasetDict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import DatasetError
from audioforge.sample import AudioSample, Problem

from .arrow_rows import read_arrow, without_companions
from .rows import RowReader
from .settings import choose_split, refuse_settings

if TYPE_CHECKING:
    import datasets


class Saved(Dataset):
    """One folder."""

    def __init__(self, request: DatasetRequest) -> None:
        """Take the request; its location is the folder."""
        self._request = request

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield a sample or a problem for each row; the sound is not decoded.

        Raises:
            DatasetError: If the folder cannot be read, lacks a column, or has no such split.
        """
        root = Path(self._request.location)
        refuse_settings(self._request, ["data_dir"], "give the folder itself")
        try:
            yield from read_arrow(self._open(root), RowReader(self._request, root), str(root))
        except DatasetError:
            raise
        except Exception as error:  # the library raises whatever its parts do on a damaged folder
            raise DatasetError(
                f"{root}: cannot be read as a saved dataset: {type(error).__name__}: {error}. "
                "Save it again with save_to_disk"
            ) from error

    def _open(self, root: Path) -> datasets.Dataset:
        library = without_companions()
        loaded = library.load_from_disk(str(root))
        if isinstance(loaded, library.DatasetDict):
            return loaded[choose_split(self._request.split, loaded, str(root))]
        because = "the folder holds one split; give the folder of the split you want"
        refuse_settings(self._request, ["split"], because)
        return loaded
