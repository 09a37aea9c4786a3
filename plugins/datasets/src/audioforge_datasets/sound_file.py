"""A lone sound file: a dataset of one clip, without a transcript."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import DatasetError
from audioforge.files.paths import path_text
from audioforge.sample import AudioSample, Problem

from .settings import COLUMN_SETTINGS, refuse_settings


class SoundFile(Dataset):
    """One clip."""

    def __init__(self, request: DatasetRequest) -> None:
        """Take the request; its location is the sound file."""
        self._request = request

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield the one sample; its id is the file's name.

        Raises:
            DatasetError: If there is no such file, or the request sets what a sound file has not.
        """
        names = ["split", "data_dir", *(name for name in COLUMN_SETTINGS if name != "audio_root")]
        because = "a sound file is one clip without a transcript; write a manifest for more"
        refuse_settings(self._request, names, because)
        path = Path(self._request.location)
        if not path.is_file():
            raise DatasetError(f"{path}: there is no such file")
        yield AudioSample(id=path_text(path.name), audio=path)
