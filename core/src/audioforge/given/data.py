"""Data given in Python, as the dataset that a run or a benchmark reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import frozen

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import AudioForgeError, DatasetError, UsageError, describe
from audioforge.given.rows import Rows
from audioforge.sample import AudioSample, Problem


@frozen(eq=False)
class GivenData:
    """Rows that a user gave, as the factory of a dataset.

    Attributes:
        name: What the dataset is called in the run.
        rows: What was given: it is gone through when the dataset is read.
    """

    name: str
    rows: Any

    def __call__(self, request: DatasetRequest) -> Dataset:
        """Return the dataset, for one request."""
        return _GivenDataset(self.name, self.rows, request)


def check_data(key: str, data: Any) -> None:
    """Check that something can be gone through as rows.

    Raises:
        UsageError: If it cannot, saying what can be given.
    """
    if hasattr(data, "keys") and not hasattr(data, "iterrows"):
        splits = ", ".join(map(repr, list(data)[:5]))
        raise UsageError(f"{key}: is a mapping of {splits}; give one part of it, or a list of rows")
    if not isinstance(data, Iterable) or isinstance(data, bytes):
        raise UsageError(
            f"{key}: {type(data).__name__} is no data; give a name, a path, a list of "
            f"{{'audio': array, 'sampling_rate': 16000, 'text': …}}, or a datasets.Dataset"
        )


class _GivenDataset(Dataset):
    def __init__(self, name: str, rows: Any, request: DatasetRequest) -> None:
        self._name, self._rows, self._request = name, rows, request

    def load(self) -> Iterator[AudioSample | Problem]:
        rows, reader = self._rows, Rows(self._request)
        try:
            if hasattr(rows, "cast_column"):  # of the datasets library
                rows, reader.class_names = _encoded(rows), _class_names(rows)
            elif hasattr(rows, "iterrows"):  # of pandas
                rows = rows.to_dict("records")
            for number, row in enumerate(rows, 1):
                yield reader.read(row, f"{self._name}: row {number}")
        except (AudioForgeError, KeyboardInterrupt, GeneratorExit):
            raise
        except Exception as error:  # of the iterable, which is anybody's
            raise DatasetError(f"{self._name}: cannot be read: {describe(error)}") from error


def _encoded(table: Any) -> Any:
    """Return a table of the datasets library that hands sound out as it is stored.

    To decode it would need torchcodec, and the engine decodes by itself.
    """
    table = table.with_format(None)
    for name, feature in (table.features or {}).items():
        if type(feature).__name__ == "Audio":
            stored = type(feature)(sampling_rate=feature.sampling_rate, decode=False)
            table = table.cast_column(name, stored)
    return table


def _class_names(table: Any) -> dict[str, list[str]]:
    return {
        name: list(feature.names)
        for name, feature in (table.features or {}).items()
        if type(feature).__name__ == "ClassLabel"
    }
