"""Which columns a table has, by the names that they usually have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from audioforge.column_names import AUDIO, ID, LABEL, LANGUAGE, SPEAKER, TEXT
from audioforge.dataset import DatasetRequest
from audioforge.errors import DatasetError

__all__ = [
    "AUDIO",
    "ID",
    "LABEL",
    "LANGUAGE",
    "SPEAKER",
    "TEXT",
    "check_columns",
    "first_present",
]


def first_present(names: Collection[str], available: Collection[str]) -> str | None:
    """Return the first of `names` that is among `available`.

    >>> first_present(TEXT, ["path", "sentence"])
    'sentence'
    """
    return next((name for name in names if name in available), None)


def check_columns(request: DatasetRequest, available: Collection[str], where: str) -> None:
    """Refuse a table with two columns of one name, or without one for the audio or a named one.

    Raises:
        DatasetError: Listing the columns that are there.
    """
    if repeated := sorted(n for n, times in Counter(available).items() if n and times > 1):
        raise DatasetError(f"{where}: the column {repeated[0]!r} is there twice; rename one")
    listed = ", ".join(repr(name) for name in available) or "none"
    for flag, name in (
        ("--audio-column", request.audio_column),
        ("--text-column", request.text_column),
        ("--label-column", request.label_column),
        ("--speaker-column", request.speaker_column),
    ):
        if name is not None and name not in available:
            raise DatasetError(f"{where}: {flag} {name}: no such column. The columns are: {listed}")
    if request.audio_column is None and first_present(AUDIO, available) is None:
        raise DatasetError(
            f"{where}: no column holds the audio: name it with --audio-column, or call it one of "
            f"{', '.join(AUDIO)}. The columns are: {listed}"
        )
