"""Rows of the datasets library, with their sound left encoded.

The library decodes sound with torchcodec. Its Arrow format hands out what is stored, so that
torchcodec is never asked.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from audioforge.sample import AudioSample, Problem
from audioforge.torch_companions import hide_broken_companions

from .columns import check_columns
from .rows import RowReader

if TYPE_CHECKING:
    import datasets

ROWS_PER_BATCH = 16


def without_companions() -> Any:
    """Return the datasets library, imported so that a broken torchcodec cannot break it."""
    hide_broken_companions()
    import datasets

    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    return datasets


def read_arrow(
    table: datasets.Dataset | datasets.IterableDataset, reader: RowReader, where: str
) -> Iterator[AudioSample | Problem]:
    """Yield what a reader makes of each row.

    Raises:
        DatasetError: If a column is missing.
    """
    reader.class_names = {
        name: list(feature.names)
        for name, feature in (table.features or {}).items()
        if type(feature).__name__ == "ClassLabel"
    }
    number = 0
    for batch in table.with_format("arrow").iter(batch_size=ROWS_PER_BATCH):
        if not number:
            check_columns(reader.request, batch.column_names, where)
        for row in batch.to_pylist():
            number += 1
            yield reader.read(row, f"{where}: row {number}", number)
