"""Settings that a dataset has no use for are refused, never ignored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from audioforge.dataset import DatasetRequest
from audioforge.errors import DatasetError, did_you_mean
from audioforge.files.paths import is_folder

DEFAULT_SPLIT = "train"
COLUMN_SETTINGS = ("text_column", "label_column", "audio_column", "speaker_column", "audio_root")
"""Settings of what is read from rows, which an archive with a layout of its own has no use for."""


def refuse_settings(request: DatasetRequest, names: Iterable[str], because: str) -> None:
    """Raise when the request sets one of `names`.

    Args:
        request: What the user asked for.
        names: Fields of the request, such as "split".
        because: Why the dataset has no use for them, and what to do.

    Raises:
        DatasetError: Naming the first flag that is set.
    """
    for name in names:
        if getattr(request, name) is not None:
            flag = f"--{name.replace('_', '-')}"
            raise DatasetError(f"{request.location}: {flag} does not apply: {because}")


def location_of(request: DatasetRequest) -> Path:
    """Return the file or folder that a request names.

    Raises:
        DatasetError: If it is not there.
    """
    location = Path(request.location)
    if not location.exists():
        raise DatasetError(f"{location}: there is no such file or folder")
    return location


def choose_split(wanted: str | None, available: Iterable[str], where: str) -> str:
    """Return the split to read: the one wanted, else `train`, else the only one.

    Raises:
        DatasetError: If there is no such split or no plain choice; it lists the splits.
    """
    names = sorted(available)
    if wanted is not None:
        if wanted in names:
            return wanted
        raise DatasetError(f"{where}: there is no split '{wanted}'. {did_you_mean(wanted, names)}")
    if DEFAULT_SPLIT in names:
        return DEFAULT_SPLIT
    if len(names) == 1:
        return names[0]
    raise DatasetError(f"{where}: choose a split with --split: {', '.join(names) or 'none found'}")


def split_by_either_name(wanted: str, names: Mapping[str, str], where: str) -> str:
    """Return the split to read, as the hub names it.

    Args:
        wanted: Name of the split on the hub or in the archive.
        names: The archive's name of each split, by the hub's name.
        where: The corpus, for the message.

    Raises:
        DatasetError: If there is no such split.
    """
    for split, name in names.items():
        if wanted in (split, name):
            return split
    raise DatasetError(f"{where}: no split '{wanted}'. {did_you_mean(wanted, names)}")


def archive_folder(request: DatasetRequest, layout: str) -> Path:
    """Return the folder that `--data-dir` names.

    Args:
        request: What the user asked for; its `data_dir` is set.
        layout: What the extracted archive looks like, for the message.

    Raises:
        DatasetError: If it is no folder.
    """
    assert request.data_dir is not None
    if not is_folder(request.data_dir):
        raise wrong_layout(request, layout, "it is not a folder")
    return request.data_dir


def wrong_layout(request: DatasetRequest, layout: str, found: str) -> DatasetError:
    """Return the error for a `--data-dir` that does not hold the corpus."""
    return DatasetError(
        f"--data-dir {request.data_dir}: {found}. {request.location} expects the extracted "
        f"archive: {layout}"
    )
