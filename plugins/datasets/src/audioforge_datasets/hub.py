"""Datasets of the Hugging Face hub, by id, through the datasets library.

Only the files of the split that is asked for are downloaded (the library by itself downloads every
split of a configuration). The sound is never decoded by the library.
"""

from __future__ import annotations

import atexit
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any

from attrs import frozen

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import DatasetError
from audioforge.hub.failure import retried
from audioforge.hub.patience import STREAMING_TRIES, patience
from audioforge.sample import AudioSample, Problem

from .arrow_rows import read_arrow, without_companions
from .hub_errors import explain
from .rows import RowReader
from .settings import choose_split, refuse_settings

if TYPE_CHECKING:
    import datasets


SECONDS_TO_END = 1.0
"""How long a process that has streamed waits for Arrow's threads at its end."""


@frozen
class HubOptions:
    """Options of a hub dataset, as in `owner/name:config=en`.

    Attributes:
        config: Configuration of the dataset (the hub also says subset); None for the default one.
    """

    config: str | None = None


class Hub(Dataset):
    """One split of one dataset of the hub."""

    def __init__(
        self,
        request: DatasetRequest,
        config: str | None = None,
        id_column: str | None = None,
    ) -> None:
        """Take the request.

        Args:
            request: The request, whose location is the dataset's id.
            config: The configuration; None for the default one.
            id_column: Column of the id, where it has an unusual name.
        """
        self._request = request
        self._id = request.location
        self._config = config
        self._id_column = id_column

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield a sample or a problem for each row.

        Raises:
            DatasetError: If the dataset is not there or not open to the user, the network is
                down, or there is no such configuration, split or column.
        """
        because = "a hub id is read from the hub; give a local copy's folder as the dataset"
        refuse_settings(self._request, ["data_dir"], because)
        library = without_companions()
        try:
            with patience():
                table = retried(lambda: self._open(library))
            reader = RowReader(self._request, folder=None, id_column=self._id_column)
            rows = read_arrow(table, reader, self._id)
            while (item := _next(rows)) is not None:
                yield item
        except DatasetError:
            raise
        except Exception as error:  # the library lets through whatever its many parts raise
            raise explain(error, self._id, self._config) from error

    def _open(self, library: Any) -> datasets.Dataset | datasets.IterableDataset:
        wanted = self._request.split
        if self._request.streaming:
            builder = library.load_dataset_builder(self._id, self._config)
            if wanted is not None and _names_in(wanted) != [wanted]:
                raise DatasetError(f"{self._id}: a part of a split ('{wanted}') cannot be streamed")
            _let_threads_end()
            return builder.as_streaming_dataset(split=self._split(_splits_of(builder)))
        folder = "+".join(_names_in(wanted)) if wanted else "default"
        # A cache folder for each choice of splits: the library takes one that exists for whole.
        cache = Path(library.config.HF_DATASETS_CACHE) / "audioforge" / folder
        builder = library.load_dataset_builder(self._id, self._config, cache_dir=str(cache))
        split = self._split(_splits_of(builder))
        if files := builder.config.data_files:  # none when offline: then the cache is what there is
            builder.config.data_files = type(files)({n: files[n] for n in _names_in(split)})
        builder.download_and_prepare(verification_mode="no_checks")
        return builder.as_dataset(split=split)

    def _split(self, available: Sequence[str]) -> str:
        """Return the split to read, such as `train` or `train[:10%]+test`."""
        wanted = self._request.split
        if wanted is None:
            return choose_split(None, available, self._id)
        for name in _names_in(wanted):
            choose_split(name, available, self._id)
        return wanted


def _next(rows: Iterator[AudioSample | Problem]) -> AudioSample | Problem | None:
    with patience(STREAMING_TRIES):  # over once the row is there: the caller may ask the hub too
        return next(rows, None)


@cache
def _let_threads_end() -> None:
    """Have this process end a moment later, once.

    Arrow reads Parquet ahead in threads of its own. One that still reads when the process ends,
    after an error or a limit, calls a Python that is gone, and aborts the process
    (apache/arrow 45214; the datasets library waits likewise where it closes streams itself).
    """
    atexit.register(sleep, SECONDS_TO_END)


def _splits_of(builder: datasets.DatasetBuilder) -> list[str]:
    return [str(name) for name in builder.config.data_files or builder.info.splits or ()]


def _names_in(split: str) -> list[str]:
    """Return the splits that an expression of the datasets library takes from.

    >>> _names_in("train[:10%]+test")
    ['train', 'test']
    """
    names = [re.sub(r"\[.*\]$", "", part.strip()) for part in split.split("+")]
    return list(dict.fromkeys(names))
