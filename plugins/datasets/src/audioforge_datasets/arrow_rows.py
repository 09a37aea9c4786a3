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

from .columns import AUDIO, check_columns
from .rows import RowReader

if TYPE_CHECKING:
    import datasets
    import pyarrow

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
        for row in rows_of(batch):
            number += 1
            yield reader.read(row, f"{where}: row {number}", number)


def rows_of(batch: pyarrow.RecordBatch | pyarrow.Table) -> Iterator[dict[str, Any]]:
    """Yield each row with its sound, where that is decoded, as an array of NumPy.

    A number in a list of Python's takes eight times the room.
    """
    names = batch.column_names
    columns = (
        _values(batch[name], is_sound=True) if name in AUDIO else batch[name].to_pylist()
        for name in names
    )
    return (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))


def _values(column: Any, is_sound: bool) -> list[Any]:
    """Return the values of a column; of sound, lists of numbers as arrays."""
    from pyarrow import compute, types

    if types.is_struct(column.type):
        names = [member.name for member in column.type]
        members = [_values(compute.struct_field(column, n), n == "array") for n in names]
        rows = (dict(zip(names, row, strict=True)) for row in zip(*members, strict=True))
        valid = column.is_valid().to_pylist()
        return [row if there else None for row, there in zip(rows, valid, strict=True)]
    if is_sound and types.is_list(column.type) and not types.is_nested(column.type.value_type):
        numbers = (item.values for item in column)
        return [None if n is None else n.to_numpy(zero_copy_only=False) for n in numbers]
    return list(column.to_pylist())
