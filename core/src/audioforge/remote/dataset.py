"""A dataset whose file lies at an address: it is fetched, and read as any other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import evolve

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import DatasetError
from audioforge.files.addresses import folder_of
from audioforge.remote.fetch import FetchError, fetched
from audioforge.sample import AudioSample, Problem


class RemoteDataset(Dataset):
    """One file; relative paths in it start where it lies, at its address.

    Args:
        request: The request, whose location is the address.
        made: Makes the dataset that reads the file, of a request whose location is a path.
    """

    def __init__(self, request: DatasetRequest, made: Callable[[DatasetRequest], Dataset]) -> None:
        self._request, self._made = request, made

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield what the file holds.

        Raises:
            DatasetError: If it cannot be fetched or read.
        """
        address = self._request.location
        try:
            path = fetched(address)
        except FetchError as error:
            raise DatasetError(str(error)) from error
        root = self._request.audio_root or folder_of(address)
        yield from self._made(evolve(self._request, location=str(path), audio_root=root)).load()
