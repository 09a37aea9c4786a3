"""AudioSet: sounds of 10 s from videos, with several labels a clip (Gemmeke et al. 2017).

A clip's labels are all true of it, so any of them is a correct answer.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import attrs
from attrs import frozen

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.files.text_lines import read_lines
from audioforge.sample import AudioSample, Problem
from audioforge.sound_part import seconds

from .hub import Hub
from .ids import UniqueIds
from .rows import UnusableRowError
from .settings import (
    COLUMN_SETTINGS,
    archive_folder,
    refuse_settings,
    split_by_either_name,
    wrong_layout,
)

HUB_ID = "agkphysics/AudioSet"
HUB_CONFIG = "full"
HUB_LABELS = "human_labels"
HUB_VIDEO = "video_id"

SPLITS = {
    "bal_train": "balanced_train_segments",
    "unbal_train": "unbalanced_train_segments",
    "eval": "eval_segments",
}
"""Splits as the hub names them, and their segment lists; either name is understood."""

ALIASES = {"train": "bal_train", "test": "eval"}
CLASSES = "class_labels_indices.csv"
LAYOUT = (
    "balanced_train_segments.csv, unbalanced_train_segments.csv or eval_segments.csv, "
    f"{CLASSES}, and sound files named by their video's id in any subfolder"
)
SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus"})


@frozen
class Segment:
    """One line of a segment list.

    Attributes:
        video: The video's id, 11 characters.
        start: Where the clip begins in the video, in seconds.
        end: Where the clip ends in the video, in seconds.
        labels: Names of the clip's classes.
    """

    video: str
    start: float
    end: float
    labels: tuple[str, ...]


class AudioSet(Dataset):
    """One split, from the hub or from segment lists with downloaded sound files."""

    def __init__(self, request: DatasetRequest) -> None:
        """Take the request; with a `data_dir` the segment lists are read."""
        self._request = request

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield the clips; a listed clip whose video is gone is a problem.

        Raises:
            DatasetError: If there is no such split, or the data cannot be read.
        """
        wanted = self._request.split or "bal_train"
        split = split_by_either_name(ALIASES.get(wanted, wanted), SPLITS, "audioset")
        if self._request.data_dir is None:
            request = attrs.evolve(
                self._request,
                location=HUB_ID,
                split=split,
                label_column=self._request.label_column or HUB_LABELS,
            )
            yield from Hub(request, config=HUB_CONFIG, id_column=HUB_VIDEO).load()
            return
        because = "the labels are in the segment lists"
        refuse_settings(self._request, COLUMN_SETTINGS, because)
        yield from self._from_lists(SPLITS[split])

    def _from_lists(self, name: str) -> Iterator[AudioSample | Problem]:
        root = archive_folder(self._request, LAYOUT)
        segments = root / f"{name}.csv"
        for path in (segments, root / CLASSES):
            if not path.is_file():
                raise wrong_layout(self._request, LAYOUT, f"there is no {path.name}")
        classes = _class_names(root / CLASSES)
        files = {p.stem: p for p in sorted(root.rglob("*")) if p.suffix.lower() in SUFFIXES}
        if not files:
            raise wrong_layout(self._request, LAYOUT, "it holds no sound file")
        ids = UniqueIds()
        for number, cells in _rows(segments):
            where = f"{segments}:{number}"
            try:
                yield _sample(_segment(cells, classes), files, ids)
            except UnusableRowError as error:
                yield Problem(where, str(error), error.kind)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a segment list; its first lines are comments."""
    reader = csv.reader(read_lines(path), skipinitialspace=True)
    for cells in reader:
        if cells and not cells[0].startswith("#"):
            yield reader.line_num, cells


def _class_names(path: Path) -> dict[str, str]:
    """Return the names of the classes by their machine ids, such as /m/09x0r."""
    return {cells[1]: cells[2] for cells in csv.reader(read_lines(path)) if len(cells) == 3}


def _segment(cells: list[str], classes: dict[str, str]) -> Segment:
    if len(cells) != 4:
        reason = f'expected VIDEO, START, END, "LABEL,…", not {len(cells)} cells'
        raise UnusableRowError("bad row", reason)
    start, end = seconds(cells[1]), seconds(cells[2])
    if start is None or end is None or end <= start:
        raise UnusableRowError("bad row", f"{cells[1]} to {cells[2]} is no segment")
    machine_ids = [mid.strip() for mid in cells[3].split(",") if mid.strip()]
    if unknown := [mid for mid in machine_ids if mid not in classes]:
        raise UnusableRowError("bad label", f"{unknown[0]} is not a class of {CLASSES}")
    return Segment(cells[0], start, end, tuple(classes[mid] for mid in machine_ids))


def _sample(segment: Segment, files: dict[str, Path], ids: UniqueIds) -> AudioSample:
    path = next((files[stem] for stem in _stems(segment) if stem in files), None)
    if path is None:
        raise UnusableRowError(
            "missing audio", f"there is no sound file of the video {segment.video}"
        )
    if not ids.claim(segment.video):
        raise UnusableRowError("duplicate id", f"the video {segment.video} was there before")
    length = segment.end - segment.start
    return AudioSample(id=segment.video, audio=path, labels=segment.labels, duration=length)


def _stems(segment: Segment) -> tuple[str, ...]:
    """Return the names that download tools give a clip: the id alone, with Y, or with its start."""
    video, start = segment.video, segment.start
    return (
        video,
        f"Y{video}",
        f"{video}_{start:.3f}",
        f"{video}_{start:g}",
        f"{video}_{start * 1000:.0f}",
        f"{video}_{start:g}_{segment.end:g}",
        f"{video}_{start * 1000:.0f}_{segment.end * 1000:.0f}",
    )
