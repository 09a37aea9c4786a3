"""Parquet files: the sound inside them (struct of bytes and path, or plain bytes), or its paths.

Read with pyarrow in small batches; the datasets library takes no part, so torchcodec does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import DatasetError
from audioforge.sample import AudioSample, Problem

from .arrow_rows import rows_of
from .columns import check_columns
from .rows import RowReader
from .settings import DEFAULT_SPLIT, choose_split, refuse_settings

if TYPE_CHECKING:
    import pyarrow

ROWS_PER_BATCH = 16
"""A row holds a whole clip, about a megabyte."""

_SHARD = re.compile(r"^(?P<split>.+?)-\d+-of-\d+")


class Parquet(Dataset):
    """A Parquet file, or a folder of them.

    In a folder, a file belongs to the split before `-00000-of-00001` in its name, else to the
    split that its subfolder is called, else to `train`.
    """

    def __init__(self, request: DatasetRequest) -> None:
        """Take the request; its location is the file or folder."""
        self._request = request

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield a sample or a problem for each row.

        Raises:
            DatasetError: If a file cannot be read or lacks a column, or there is no such split.
        """
        root = Path(self._request.location)
        refuse_settings(self._request, ["data_dir"], "give the file or folder itself")
        if root.is_file():
            because = "a file has one split; give the file of the split you want, or the folder"
            refuse_settings(self._request, ["split"], because)
            files = [root]
        else:
            splits = _files_by_split(root)
            files = splits[choose_split(self._request.split, splits, str(root))]
        yield from self._rows(files)

    def _rows(self, files: list[Path]) -> Iterator[AudioSample | Problem]:
        import pyarrow
        from pyarrow import parquet

        reader = RowReader(self._request, folder=None)
        number = 0
        for path in files:
            try:
                with parquet.ParquetFile(path) as file:
                    check_columns(self._request, file.schema_arrow.names, str(path))
                    reader.folder = path.parent
                    reader.class_names = class_names(file.schema_arrow)
                    for batch in file.iter_batches(ROWS_PER_BATCH):
                        for row in rows_of(batch):
                            number += 1
                            yield reader.read(row, f"{path}: row {number}", number)
            except UnicodeDecodeError as error:
                raise DatasetError(
                    f"{path}: a text after row {number} is not UTF-8 (byte "
                    f"{error.object[error.start]:#04x}); write the file again with texts in UTF-8"
                ) from error
            # OverflowError: a date that Python cannot hold.
            except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
                raise DatasetError(
                    f"{path}: cannot be read as Parquet: {error}. Copy it again"
                ) from error


def class_names(schema: pyarrow.Schema) -> dict[str, list[str]]:
    """Return the names of the classes by column, which the datasets library keeps in the schema."""
    metadata = schema.metadata or {}
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        return {
            name: [str(label) for label in feature["names"]]
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}  # others may write what they like there


def _files_by_split(root: Path) -> dict[str, list[Path]]:
    splits: dict[str, list[Path]] = {}
    for path in sorted([*root.glob("*.parquet"), *root.glob("*/*.parquet")]):
        shard = _SHARD.match(path.name)
        in_subfolder = path.parent not in (root, root / "data")
        plain = path.parent.name if in_subfolder else DEFAULT_SPLIT
        splits.setdefault(shard["split"] if shard else plain, []).append(path)
    return splits
